"""When schedules have run: known at once, written behind, and bounded."""

from __future__ import annotations

from datetime import timedelta

from tests.fakes.backend import START

from vms_bridge.scripts.last_runs import KeptRuns
from vms_bridge.scripts.store import MOST_RUNS


def test_what_was_not_written_is_written_later() -> None:
    runs = KeptRuns({"noon": START})
    later = START + timedelta(hours=1)
    runs.ran("noon", later)
    assert (runs.last("noon"), runs.last("dusk")) == (later, None)
    unsaved = runs.take_unsaved()
    assert (unsaved, runs.take_unsaved()) == ({"noon": later}, {})
    runs.ran("noon", later + timedelta(hours=1))
    runs.put_back(unsaved)
    assert runs.take_unsaved() == {"noon": later + timedelta(hours=1)}, "the newer one counts"
    runs.clear()
    assert runs.last("noon") is None


def test_so_many_are_kept() -> None:
    runs = KeptRuns({})
    for number in range(MOST_RUNS + 1):
        runs.ran(str(number), START)
    assert (runs.last("0"), runs.last("1")) == (None, START)
    assert len(runs.take_unsaved()) == MOST_RUNS
