"""The index as sinks ask it: by the keys of now, and of nothing that is not shown."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.hub.house import HubHouse
from tests.fakes.backend import START, ScriptedBackend, event, monitor, snapshot, state
from tests.fakes.clock import settle

from vms_bridge.errors import SearchRefused
from vms_bridge.index import Bucket, BucketSize, Search, ValueCount, ValueKind
from vms_bridge.keys import MonitorRule, MonitorRules
from vms_bridge.model import Enrichment, EventBatch, EventRef, StateUpdate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[HubHouse]:
    async with HubHouse(tmp_path, monitors=2).open() as house:
        await house.feed.record(EventBatch(events=(event(1), event(2, "2")), cursor="2"))
        yield house


async def found(house: HubHouse, query: Search = Search()) -> list[tuple[str, str]]:  # noqa: B008 - a value
    return [(each.ref.id, each.monitor) for each in (await house.hub.search(query)).events]


async def again(house: HubHouse, rules: MonitorRules) -> None:
    """Set the system up by other rules, as a reload does."""
    house.feed = await house.hub.add_system(key="zm", kind="fake", name="Fake", rules=rules, backend=ScriptedBackend())
    house.feed.emit(snapshot(monitor(1), monitor(2)))


async def test_what_was_recorded_and_enriched_is_found_at_once(house: HubHouse) -> None:
    assert sorted(await found(house)) == [("1", "1"), ("2", "2")]
    ref = EventRef("zm", 1, "1")
    await house.hub.contribute("detector").enrich(ref, Enrichment(plates=("AB 1",)))
    assert await found(house, Search(plates=frozenset({"AB 1"}))) == [("1", "1")]
    one = await house.hub.indexed(ref)
    assert one is not None
    assert (one.event, one.plates) == (event(1), ("AB 1",))
    assert await house.hub.indexed(EventRef("zm", 2, "1")) is None
    assert await house.hub.indexed(EventRef("barn", 1, "1")) is None
    day = START.replace(hour=0)
    assert await house.hub.timeline(Search(), BucketSize.DAY, START.tzinfo) == [Bucket(start=day, events=2)]  # type: ignore[arg-type]  # it has one
    assert (await house.hub.values(Search(), ValueKind.KIND)).counts == (ValueCount(value=event(1).kind, events=2),)


async def test_a_monitor_keeps_its_events_under_another_key(house: HubHouse) -> None:
    await again(house, MonitorRules(monitors={"1": MonitorRule(key="drive")}))
    assert sorted(await found(house)) == [("1", "drive"), ("2", "2")]
    assert await found(house, Search(monitors=frozenset({("zm", "drive")}))) == [("1", "drive")]
    assert await found(house, Search(monitors=frozenset({("zm", "1")}))) == []


async def test_what_is_hidden_is_not_found_and_comes_back(house: HubHouse) -> None:
    await again(house, MonitorRules(exclude=("1",)))
    assert await found(house) == [("2", "2")]
    assert await house.hub.indexed(EventRef("zm", 1, "1")) is None
    await again(house, MonitorRules())
    assert len(await found(house)) == 2
    house.hub.remove_system("zm")
    assert await found(house) == []


async def test_after_a_restored_database_nothing_of_before_is_found(house: HubHouse) -> None:
    await house.feed.record(EventBatch(events=(), cursor="0", generation=2))
    assert await found(house) == []
    await house.feed.record(EventBatch(events=(event(1, "2"),), cursor="1", generation=2))
    assert await found(house) == [("1", "2")]


async def test_progress_is_shown(house: HubHouse) -> None:
    running = asyncio.create_task(house.hub.run())
    try:
        system = house.hub.system("zm")
        while system is None or system.index is None or system.index.events != 2:
            await house.clock.advance(10)
            await asyncio.sleep(0.01)
            system = house.hub.system("zm")
        assert system.index.oldest == START
        assert system.index.expected is None
    finally:
        running.cancel()
        await asyncio.wait([running])
        await settle()


@pytest.mark.parametrize(("totals", "expected"), [((5, 5), 10), ((1, 1), 2), ((1, 0), None), ((5, None), None)])
async def test_a_total_below_what_there_is_says_nothing(
    house: HubHouse, totals: tuple[int | None, int | None], expected: int | None
) -> None:
    for number, total in enumerate(totals, 1):
        house.feed.emit(StateUpdate(monitor_id=str(number), state=state(events_total=total)))
    await found(house)  # takes them in
    await house.hub._index.look()
    system = house.hub.system("zm")
    assert system
    assert system.index
    assert (system.index.events, system.index.expected) == (2, expected)


async def test_a_system_that_there_is_not_can_not_be_rebuilt(house: HubHouse) -> None:
    with pytest.raises(SearchRefused, match="no system"):
        await house.hub.rebuild_index("barn")
    assert len(await found(house)) == 2
    await house.hub.rebuild_index("zm")
    assert await found(house) == [], "what the store has comes back in the background"
