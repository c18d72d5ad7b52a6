"""What the backend measures: its requests by how they ended, and how many it may make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge import metrics
from vms_bridge.backends.zoneminder.pace import Allowance
from vms_bridge.measures import Distribution

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve


async def test_its_requests_and_what_is_left_of_its_allowances(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        async with serve(fake) as (backend, _):
            found = {one.labels: one.value for one in backend.readings() if one.metric is metrics.VMS_REQUESTS}
            took = found["zm", "whole", "ok"]
            assert isinstance(took, Distribution)
            assert sum(took.counts) >= 3
            left = {one.labels: one.value for one in backend.readings() if one.metric is metrics.VMS_ALLOWED}
            assert left.keys() == {("zm", "pages"), ("zm", "spare")}
        assert not [one for one in backend.readings() if one.metric is metrics.VMS_ALLOWED], "nothing is asked for now"
        assert [one for one in backend.readings() if one.metric is metrics.VMS_REQUESTS]


async def test_to_look_takes_nothing_from_an_allowance() -> None:
    clock = FakeClock()
    allowance = Allowance(0.5, clock)
    assert allowance.left == 2.0
    assert allowance.take()
    assert allowance.left == allowance.left == 1.0
    await clock.advance(1)
    assert allowance.left == 1.5
