"""The newest lines of the bridge's own log, for who may read them: bounded, and without secrets."""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vms_bridge.archive import LogLine
from vms_bridge.logs import message_of, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.concealment import Secrets

MOST_LINES = 1_000
LONGEST_LINE = 1_000
_LOGGER = logging.getLogger("vms_bridge")


class OwnLog(logging.Handler):
    """Keeps them, from `open` to `close`; whatever is in `secrets` when a line is written is in no line."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self._secrets = secrets
        self._lines: deque[tuple[int, LogLine]] = deque(maxlen=MOST_LINES)

    def open(self) -> None:
        """Begin to keep what is logged."""
        _LOGGER.addHandler(self)

    def close(self) -> None:
        """Keep no more."""
        _LOGGER.removeHandler(self)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; whoever logs is never told that it could not be kept."""
        try:
            line = LogLine(
                time=datetime.fromtimestamp(record.created, UTC),
                message=plain(message_of(record), self._secrets)[:LONGEST_LINE],
                level=record.levelname.lower(),
                component=record.name,
            )
        except Exception:  # noqa: BLE001 - as `logging` wants it of each handler; it is in the log itself all the same
            return
        self._lines.append((record.levelno, line))

    def lines(self, level: int, limit: int) -> Sequence[LogLine]:
        """Return the newest that are of this level at least, the oldest of them first."""
        kept = tuple(self._lines)  # in one step, whatever other threads log meanwhile
        return [line for number, line in kept if number >= level][-limit:]
