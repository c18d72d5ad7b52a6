"""When the schedules of one script have run last: at hand at once, and written behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.scripts.store import MOST_RUNS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class KeptRuns:
    """Implements `triggers.schedule.LastRuns`."""

    def __init__(self, runs: Mapping[str, datetime]) -> None:
        self._runs = dict(runs)
        self._unsaved: dict[str, datetime] = {}

    def last(self, name: str) -> datetime | None:
        """Return for when a schedule was due the last time that it has run; None: it never has."""
        return self._runs.get(name)

    def ran(self, name: str, due: datetime) -> None:
        """Keep that it has run, or was passed over, for this time."""
        self._runs.pop(name, None)
        self._runs[name] = self._unsaved[name] = due
        while len(self._runs) > MOST_RUNS:
            oldest = next(iter(self._runs))
            del self._runs[oldest]
            self._unsaved.pop(oldest, None)

    def clear(self) -> None:
        """Forget all."""
        self._runs.clear()
        self._unsaved.clear()

    def take_unsaved(self) -> Mapping[str, datetime]:
        """Return what is yet to be written; it counts as written then."""
        unsaved, self._unsaved = self._unsaved, {}
        return unsaved

    def put_back(self, unsaved: Mapping[str, datetime]) -> None:
        """Have these written later, for they could not be."""
        self._unsaved = {**unsaved, **self._unsaved}
