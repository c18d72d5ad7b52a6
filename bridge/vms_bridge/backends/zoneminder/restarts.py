"""Restarts of capture daemons: followed from the moment in which they are asked for until they were seen to have happened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.parse import as_text, mapping

if TYPE_CHECKING:
    from vms_bridge.zoneminder import MonitorRow
    from vms_bridge.zoneminder.memory import Sample

START_S = 3.0
"""For that long after a restart the database may still hold the old daemon's status."""
_GIVE_UP_S = 30.0
_GIVE_UP_NAMELESS_S = 65.0
"""Where nothing names a daemon's run, its return is all that shows a restart: a return that nobody has seen has to come
later than the bridge waits for one."""
_PROCESS = re.compile(r"running since ([\d/]{1,10} [\d:]{1,8}), pid = (\d{1,10})")


def parse_process(answer: object) -> str | None:
    """Return what names the run of a daemon that is at work, by `daemonStatus`; None for any other answer."""
    found = _PROCESS.search(as_text(mapping(answer).get("statustext")))
    return f"process {found[2]} since {found[1]}" if found else None


@dataclass(slots=True)
class Restart:
    """The restart of one monitor's daemon, and what names its run: its start by shared memory, else its process by the API.

    What has been named by its process once stays so: another source's name would look like another run.
    """

    process: str | None = None
    asked_at: float | None = None
    """When the restart that is under way was asked for; None if none is."""
    checked_at: float = 0.0
    """When it was last asked for which process there is."""
    _startup: int = 0
    _has_another: bool = False
    _was_down: bool = False

    @property
    def is_under_way(self) -> bool:
        """Whether one was asked for and not yet seen."""
        return self.asked_at is not None

    def run(self, sample: Sample | None) -> str | None:
        """Return what names the daemon's run."""
        if self.process is not None:
            return self.process
        return f"since {sample.startup}" if sample is not None and sample.startup else None

    def ask(self, sample: Sample | None, monotonic: float) -> None:
        """Note that one is asked for, by what the shared memory says now."""
        self.asked_at, self._startup = monotonic, 0 if sample is None else sample.startup
        self._has_another = self._was_down = False

    def end(self) -> None:
        """Note that none is under way any more."""
        self.asked_at = None

    def is_asked_about(self, monotonic: float) -> None:
        """Note that somebody asks which process there is."""
        self.checked_at = monotonic

    def is_named(self, process: str | None) -> None:
        """Note by which process the API names the run."""
        if process is not None:
            self._has_another = self._has_another or self.process not in {None, process}
            self.process = process

    def saw(self, sample: Sample) -> None:
        """Process a sample of the shared memory."""
        if self.is_under_way and self.process is None and sample.startup > self._startup:
            self.end()

    def read(self, row: MonitorRow, monotonic: float) -> None:
        """Note what the database says."""
        if self.asked_at is None:
            return
        took_s = monotonic - self.asked_at
        is_nameless = self.process is None and not self._startup
        self._was_down = self._was_down or row.status == "NotRunning"
        is_back = took_s >= START_S and row.is_delivering and (self._has_another or (is_nameless and self._was_down))
        if is_back or row.is_idle or took_s >= (_GIVE_UP_NAMELESS_S if is_nameless else _GIVE_UP_S):
            self.end()
