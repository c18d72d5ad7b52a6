"""Whether a camera's pictures keep coming: one late picture is no stream, and an old row describes the past.

When a camera halts, its daemon's read times out after ten seconds and a last picture comes out of the decoder; then the daemon
tries again, and again. So after an interruption pictures have to come for a moment before they are believed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.zoneminder import MonitorRow
    from vms_bridge.zoneminder.memory import Sample

_STALE_PICTURE_S, _PICTURES = 5.0, 5.0
"""So old the last picture may be, or as old as so many take."""
_STREAM_S = 2
"""From when on pictures are a stream: the memory has whole seconds only."""
_SILENT_ROW_S, _SILENT_PICTURES = 45.0, 3.0
"""A daemon writes its row every ten seconds; if pictures come more seldom, with each."""
_ROWS_APART_S = 12.0
"""Two samples so far apart see two rows, where these do not say when they were written."""


@dataclass(slots=True)
class Delivery:
    """What shared memory and the monitor's row have reported of one camera's pictures; `monotonic` times are the bridge's."""

    hangs: bool = False
    """Whether the daemon has not written its row for too long."""
    _is_interrupted: bool = False
    _startup: int | None = None
    _first: int | None = None
    """When the first picture after the interruption was written, as Unix time."""
    _is_row_interrupted: bool = False
    _row_first: tuple[str | None, float] | None = None
    """When the first row after the interruption was written, and when it was seen."""
    _written: str | None = None
    _written_seen: float = float("-inf")

    def saw(self, sample: Sample) -> None:
        """Process a sample of the shared memory."""
        if self._startup not in {None, sample.startup} or not sample.has_signal or not sample.last_write:
            self._interrupt()
        self._startup = sample.startup
        if not self._is_interrupted or not sample.has_signal or not sample.last_write:
            return
        if self._first is None:
            self._first = sample.last_write
        elif sample.last_write - self._first >= _STREAM_S:
            self._is_interrupted, self._first = False, None

    def read(self, row: MonitorRow, monotonic: float, *, is_starting: bool) -> None:
        """Process the monitor's row; while its daemon is just starting, no pictures are no interruption."""
        if row.updated != self._written or row.updated is None:
            self._written, self._written_seen = row.updated, monotonic
        limit = max(_SILENT_ROW_S, _SILENT_PICTURES / row.capture_fps) if row.capture_fps else _SILENT_ROW_S
        self.hangs = row.captures and monotonic - self._written_seen > limit
        if not row.is_delivering or self.hangs:
            self._is_row_interrupted, self._row_first = not (is_starting or row.is_idle), None
        elif self._row_first is None:
            self._row_first = (row.updated, monotonic)
        elif self._is_another_row(row, self._row_first, monotonic):
            self._is_row_interrupted = False

    def by_memory(self, sample: Sample, now: float) -> bool:
        """Say whether pictures keep coming by this sample of the shared memory; `now` is Unix time."""
        limit = max(_STALE_PICTURE_S, _PICTURES / sample.capture_fps) if sample.capture_fps else _STALE_PICTURE_S
        if not sample.has_signal or abs(now - sample.last_write) > limit:
            self._interrupt()
        return not self._is_interrupted

    def by_row(self, row: MonitorRow) -> bool:
        """Say whether pictures keep coming by the row that was read last."""
        return row.is_delivering and not self.hangs and not self._is_row_interrupted

    def _interrupt(self) -> None:
        if not self._is_interrupted:
            self._is_row_interrupted, self._row_first = True, None  # the row still describes the time before
        self._is_interrupted, self._first = True, None

    def _is_another_row(self, row: MonitorRow, first: tuple[str | None, float], monotonic: float) -> bool:
        written, seen = first
        return row.updated != written if row.updated is not None else monotonic - seen >= _ROWS_APART_S
