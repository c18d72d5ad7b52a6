"""Writes `zm.mmap.*` files as zmc would: every layout of the field, and the ways in which they go wrong.

The offsets are the table of sizes measured from ZoneMinder's own headers, on purpose not the backend's.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: size: (state, capture_fps, analysis_fps, last_event, valid, active, signal, imagesize, score, startup, beat, write, cause)
_NAMES = (
    "state", "capture_fps", "analysis_fps", "last_event", "valid", "active", "signal", "imagesize", "score", "startup",
    "heartbeat", "last_write", "cause",
)  # fmt: skip
_OFFSETS: dict[int, tuple[int | None, ...]] = {
    600: (12, None, None, 16, 52, 53, 54, 56, None, 64, None, 72, 344),
    760: (12, 16, 24, 32, 68, 69, 70, 72, 76, 88, 96, 104, 376),
    768: (16, 24, 32, 40, 76, 77, 78, 80, 84, 96, 104, 112, 384),
    864: (16, 24, 32, 56, 92, 94, 96, 100, 104, 120, 128, 136, 416),
    872: (16, 24, 32, 56, 92, 94, 96, 100, 104, 120, 128, 136, 424),
    888: (16, 24, 32, 56, 92, 94, 96, 100, 104, 120, 128, 136, 424),
}
_CODES = {
    "state": "i", "capture_fps": "d", "analysis_fps": "d", "last_event": "Q", "valid": "B", "active": "B", "signal": "B",
    "imagesize": "I", "score": "I", "startup": "q", "heartbeat": "q", "last_write": "q", "cause": "256s",
}  # fmt: skip
SIZES = tuple(_OFFSETS)
#: From 1.37 on: `active` is the enum `analysing` (none, always), which MySQL counts from 1, and zones have scores.
_NEW_SIZES = {864, 872, 888}
_TRIGGER_BYTES, _VIDEO_STORE_BYTES = 560, 4128
_BUFFERED = 10


class MemoryWriter:
    """One monitor's file."""

    def __init__(self, directory: Path, monitor_id: str, *, size: int = 760, from_one: bool = True, zones: int = 1) -> None:
        self.path = directory / f"zm.mmap.{monitor_id}"
        self.size, self._from_one = size, from_one
        self.zones = zones
        self._offsets = dict(zip(_NAMES, _OFFSETS.get(size, _OFFSETS[760]), strict=True))
        self._fd = -1
        self.values: dict[str, float | bytes] = {}
        self.frames = 0

    def create(self, now: float, **values: float | bytes) -> None:
        """Make the file anew, with a new inode, as a starting daemon does."""
        self.remove()
        # zmc unlinks, then creates; a new name first makes sure that the inode differs.
        fresh = self.path.with_name(f".new-{self.path.name}")
        self._fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
        behind = max(self.size, 64) + _TRIGGER_BYTES + (4 * self.zones if self.size in _NEW_SIZES else 0)
        os.ftruncate(self._fd, behind + _VIDEO_STORE_BYTES)
        os.pwrite(self._fd, struct.pack("<I", self.size), 0)
        os.pwrite(self._fd, struct.pack("<I", _VIDEO_STORE_BYTES), behind)
        self.set_trigger(0)
        self.values = {}
        start = {"state": 0, "valid": 1, "active": 1, "signal": 1, "capture_fps": 5.0, "analysis_fps": 5.0}
        self.set(**{**start, "startup": int(now), "heartbeat": int(now), "last_write": int(now), **values})
        fresh.rename(self.path)

    def set(self, **values: float | bytes) -> None:
        """Change fields, the state last as zmc does; `state` counts from idle = 0, `active` is 1 while it detects and else 0."""
        for name, value in sorted(values.items(), key=lambda item: item[0] == "state"):
            self.values[name] = value
            offset = self._offsets[name]
            if offset is None:
                continue
            raw = int(value) + self._from_one if name == "state" else value
            if name == "active":
                raw = int(raw) + (self.size in _NEW_SIZES)
            if name not in {"capture_fps", "analysis_fps", "cause"}:
                raw = int(raw)
            self._write(struct.pack(f"<{_CODES[name]}", raw), offset)

    def set_trigger(
        self, state: int, cause: bytes | None = None, *, score: int = 0, text: bytes = b"", showtext: bytes = b""
    ) -> None:
        """Write TriggerData: 0 for nothing, 1 for an alarm that is forced on, 2 for one that is forced off; the cause stays."""
        if cause is not None:
            self._write(cause.ljust(32, b"\0"), self.size + 16)
        self._write(text.ljust(256, b"\0") + showtext.ljust(256, b"\0"), self.size + 48)
        self._write(struct.pack("<III", _TRIGGER_BYTES, state, score), self.size)

    def score_zones(self, *scores: int) -> None:
        """Write the zones' scores, in the order of their kinds and ids, where this layout has them."""
        if self.size in _NEW_SIZES:
            self._write(struct.pack(f"<{len(scores)}i", *scores), self.size + _TRIGGER_BYTES)

    def beat(self, now: float) -> None:
        """Show a sign of life, with a picture."""
        self.frames += 1
        for offset in (4, 8):  # the places of the frames that were captured and analysed last
            self._write(struct.pack("<i", self.frames % _BUFFERED), offset)
        self.set(heartbeat=int(now), last_write=int(now))

    def overwrite(self, raw: bytes, offset: int = 0) -> None:
        """Put any bytes anywhere."""
        self._write(raw, offset)

    def truncate(self, length: int) -> None:
        """Cut the file short."""
        if self._fd >= 0:
            os.ftruncate(self._fd, length)

    def remove(self) -> None:
        """Stop as a daemon does: no longer valid, then gone."""
        if self._fd >= 0:
            self.set(valid=0)
            os.close(self._fd)
            self._fd = -1
        self.path.unlink(missing_ok=True)

    def _write(self, raw: bytes, offset: int) -> None:
        if self._fd >= 0:  # else it is removed, and nobody captures
            os.pwrite(self._fd, raw, offset)
