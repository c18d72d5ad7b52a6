"""Events by their ids while the index is off: as the store has them, or else the VMS itself, asked for just that one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from tests.bridge.hub.test_archive import RULES, Recording
from tests.fakes.backend import START, event, monitor, snapshot, system_state
from tests.fakes.clock import FakeClock

from vms_bridge.errors import BackendDefect, MediaUnavailable, SearchRefused, VmsUnreachable
from vms_bridge.hub import Hub
from vms_bridge.index import Search
from vms_bridge.model import Capability, Enrichment, EventBatch, EventRef
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.hub import SystemFeed
    from vms_bridge.model import Event


class Finding(Recording):
    """Its archive can be asked for one event."""

    def __init__(self) -> None:
        super().__init__()
        self.said: object = None
        self.fault: BaseException | None = None

    async def event(self, event_id: str) -> Event | None:
        self.asked.append(event_id)
        if self.fault is not None:
            raise self.fault
        return cast("Event | None", self.said)


@asynccontextmanager
async def unindexed(path: Path, backend: Recording) -> AsyncIterator[tuple[Hub, SystemFeed]]:
    clock = FakeClock()
    store = await asyncio.to_thread(lambda: Store.open(path, clock, indexed=0))
    hub = Hub(store, clock)
    try:
        feed = backend.feed = await hub.add_system(key="zm", kind="fake", name="Fake", rules=RULES, backend=backend)
        feed.emit(snapshot(monitor(1), monitor(2), monitor(3)))
        yield hub, feed
    finally:
        await hub.close()
        await store.close()


async def test_what_the_store_does_not_have_the_vms_is_asked_for(tmp_path: Path) -> None:
    backend = Finding()
    async with unindexed(tmp_path, backend) as (hub, _):
        backend.said = event(7, cause="Motion\x1b[2J")
        found = await hub.indexed(EventRef("zm", 1, "7"))
        assert found is not None
        assert (found.ref, found.monitor, found.event.cause) == (EventRef("zm", 1, "7"), "door", "Motion [2J")
        backend.said = event(7, "3")
        assert await hub.indexed(EventRef("zm", 1, "7")) is None, "its monitor is not shown"
        for nothing in (None, event(7, deleted=True)):
            backend.said = nothing
            assert await hub.indexed(EventRef("zm", 1, "7")) is None
        assert backend.asked == ["7"] * 4
        assert await hub.indexed(EventRef("zm", 2, "7")) is None, "of another generation nobody needs to be asked"
        assert len(backend.asked) == 4


async def test_what_the_store_has_is_told_from_there_with_what_others_have_added(tmp_path: Path) -> None:
    backend = Finding()
    async with unindexed(tmp_path, backend) as (hub, feed):
        await feed.record(EventBatch(events=(event(7, end=START), event(8)), cursor="1"))
        contributor = hub.contribute("detector")
        ref = EventRef("zm", 1, "7")
        added = Enrichment(labels=("person",), score=0.9, plates=("AB 1",), faces=("Ann",), text="Ann is at the door")
        await contributor.enrich(ref, added)
        found = await hub.indexed(ref)
        assert found is not None
        assert (found.monitor, found.event.labels, found.plates, found.faces) == ("door", ("person",), ("AB 1",), ("Ann",))
        assert found.text == "Ann is at the door"
        await feed.record(EventBatch(events=(event(7, deleted=True),), cursor="2"))
        assert await hub.indexed(ref) is None
        assert backend.asked == []


async def test_what_the_vms_can_not_say_is_told_as_it_is(tmp_path: Path) -> None:
    backend, ref = Finding(), EventRef("zm", 1, "7")
    async with unindexed(tmp_path, backend) as (hub, feed):
        backend.fault = VmsUnreachable("nobody is there")
        with pytest.raises(VmsUnreachable):
            await hub.indexed(ref)
        backend.fault = None
        for wrong in ({"id": "7"}, event(8), replace(event(7), start=cast("None", "now"))):
            backend.said = wrong
            with pytest.raises(BackendDefect):
                await hub.indexed(ref)
        poor = snapshot(monitor(1))
        feed.emit(replace(poor, system=system_state(capabilities=poor.system.capabilities - {Capability.ARCHIVE})))
        with pytest.raises(MediaUnavailable, match="no archive that can be asked"):
            await hub.indexed(ref)


async def test_searches_stay_off_and_so_is_an_event_of_a_vms_that_can_not_be_asked_for_one(tmp_path: Path) -> None:
    async with unindexed(tmp_path, Recording()) as (hub, _):
        for asked in (hub.indexed(EventRef("zm", 1, "7")), hub.indexed(EventRef("nosuch", 1, "7")), hub.search(Search())):
            with pytest.raises(SearchRefused, match="the search index is off"):
                await asked
