"""What was found before at each camera, kept in a file for the bridge only, so that a restart makes nothing new of it."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.detect.results import MOST_OBJECTS
from vms_bridge.logs import Trouble
from vms_bridge.private_files import write_file
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.detect.cameras import Looking
    from vms_bridge.detect.past import Past
    from vms_bridge.detect.values import Looked
    from vms_bridge.views import MonitorKey

_LOGGER = logging.getLogger(__name__)
MOST_BYTES = 64 * 1024 * 1024


class Pasts:
    """By camera; `file` is None where nothing is kept."""

    def __init__(self, file: Path | None, clock: Clock) -> None:
        self._file, self._kept = file, ({} if file is None else _read(file))
        self._pasts: dict[MonitorKey, Past] = {}
        self._is_changed = False
        self._trouble = Trouble(_LOGGER, "what was found before can't be kept", clock.monotonic)

    def of(self, looking: Looking) -> Past | None:
        """Return what was found before at a camera, None where that is no matter."""
        if not looking.judge.suppresses:
            return None
        known = self._pasts.get(looking.key)
        if known is None:
            known = self._pasts[looking.key] = looking.judge.past.with_json(self._kept.get("/".join(looking.key), ""))
        return replace(looking.judge.past, entries=known.entries)  # by the rules of now, whatever profile was in force then

    def add(self, looking: Looking, looked: Iterable[Looked], now_s: float) -> None:
        """Add what was found in these frames."""
        past = self.of(looking)
        if past is None:
            return
        for one in looked:
            past = past.after(one.found[:MOST_OBJECTS], now_s)
        if past != self._pasts[looking.key]:
            self._pasts[looking.key] = past
            self._is_changed = True

    async def save(self) -> None:
        """Write it down, if it has changed; a failure is reported."""
        if self._file is None or not self._is_changed:
            return
        self._is_changed = False
        file, pasts = self._file, dict(self._pasts)  # of values, which another thread can read
        try:
            await in_thread("detect: past", lambda: _write(file, self._kept, pasts))
        except OSError as error:
            self._is_changed = True
            self._trouble.report(error.strerror or error, hint="is there room on the disk?")
        else:
            self._trouble.over()


def _read(file: Path) -> dict[str, str]:
    """Return what the file says; nothing where it can't be read. Blocking, and short."""
    try:
        if file.stat().st_size > MOST_BYTES:
            return {}
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {key: text for key, text in said.items() if isinstance(text, str)} if isinstance(said, dict) else {}


def _write(file: Path, kept: Mapping[str, str], pasts: Mapping[MonitorKey, Past]) -> None:
    now = {**kept, **{"/".join(key): past.to_json() for key, past in pasts.items()}}
    write_file(file, json.dumps(now).encode())
