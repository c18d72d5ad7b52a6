"""What was found before at each camera, kept in a file for the bridge only, so that a restart makes nothing new of it."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING

from vms_bridge.detect.results import MOST_OBJECTS
from vms_bridge.logs import Trouble
from vms_bridge.private_files import make_directory
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.detect.cameras import Looking
    from vms_bridge.detect.past import Past
    from vms_bridge.detect.values import Looked
    from vms_bridge.views import MonitorKey

_LOGGER = logging.getLogger(__name__)
MOST_CAMERAS = 4_096
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
        return known

    def add(self, looking: Looking, looked: Iterable[Looked], now_s: float) -> None:
        """Add what was found in these frames."""
        past = self.of(looking)
        if past is None:
            return
        for one in looked:
            past = past.after(one.found[:MOST_OBJECTS], now_s)
        if past != self._pasts[looking.key] and (looking.key in self._pasts or len(self._pasts) < MOST_CAMERAS):
            self._pasts[looking.key] = past
            self._is_changed = True

    async def save(self) -> None:
        """Write it down, if it has changed; a failure is reported."""
        if self._file is None or not self._is_changed:
            return
        self._is_changed = False
        self._kept |= {"/".join(key): past.to_json() for key, past in self._pasts.items()}
        text, file = json.dumps(self._kept, ensure_ascii=False), self._file
        try:
            await in_thread("detect: past", lambda: _write(file, text))
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


def _write(file: Path, text: str) -> None:
    make_directory(file.parent)
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)
    draft.replace(file)
