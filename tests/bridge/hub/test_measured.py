"""What the hub counts and measures: commands by what became of them, messages, losses, searches, the store, backends' own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.bridge.hub.house import HubHouse
from tests.fakes.backend import ScriptedBackend, event, monitor, snapshot, state
from tests.fakes.commands import ask

from vms_bridge import metrics
from vms_bridge.commands import SetArmed
from vms_bridge.errors import VmsUnreachable
from vms_bridge.index import BucketSize, Search, ValueKind
from vms_bridge.keys import MonitorRules
from vms_bridge.measures import Distribution, Reading
from vms_bridge.model import EventBatch, StateUpdate, SystemLost

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from vms_bridge.hub import Hub
    from vms_bridge.measures import Metric


class Measuring(ScriptedBackend):
    """A backend that measures as a test wants."""

    def __init__(self, readings: Callable[[], Any]) -> None:
        super().__init__()
        self.readings = readings


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[HubHouse]:
    async with HubHouse(tmp_path).open() as house:
        yield house


def values(hub: Hub, metric: Metric) -> dict[tuple[str, ...], float]:
    """Return what is read, by labels: of histograms how many there were."""
    return {
        one.labels: sum(one.value.counts) if isinstance(one.value, Distribution) else one.value
        for one in hub.measures.read()
        if one.metric is metric
    }


async def test_a_command_is_counted_by_its_row_and_by_what_became_of_it(house: HubHouse) -> None:
    hub = house.hub
    await hub.submit(ask(SetArmed(on=True), name="whatever somebody calls it"))
    await hub.submit(ask(SetArmed(on=True), "nosuch"))
    once = ask(SetArmed(on=True), "nosuch", request_id="a")
    await asyncio.gather(hub.submit(once), hub.submit(once))
    counted = values(hub, metrics.COMMANDS)
    assert counted.pop(("armed", "refused")) == 2, "what is asked for twice by one id is one command"
    [(name, _)] = counted
    assert name == "armed"


async def test_event_messages_are_counted_by_system_and_step(house: HubHouse) -> None:
    await house.feed.record(EventBatch(events=(event(1), event(2))))
    await house.feed.record(EventBatch(events=(event(3),), late=True))
    assert values(house.hub, metrics.EVENT_MESSAGES) == {("zm", "new", "false"): 2, ("zm", "new", "true"): 1}
    house.hub.remove_system("zm")
    assert values(house.hub, metrics.EVENT_MESSAGES) == {}, "nothing is said of what there is no more"


async def test_a_system_that_is_lost_is_counted_once(house: HubHouse) -> None:
    for _ in range(2):
        house.feed.emit(SystemLost(detail="gone", code=VmsUnreachable.code))
    assert values(house.hub, metrics.SYSTEM_LOSSES) == {("zm",): 1}
    house.feed.emit(snapshot(monitor(1)))
    house.feed.emit(SystemLost(detail="gone", code=VmsUnreachable.code))
    assert values(house.hub, metrics.SYSTEM_LOSSES) == {("zm",): 2}


async def test_who_looks_at_live_video_is_counted_by_system(house: HubHouse) -> None:
    assert values(house.hub, metrics.LIVE_SOURCES) == values(house.hub, metrics.LIVE_VIEWERS) == {("zm",): 0}


async def test_searches_and_transactions_are_timed(house: HubHouse) -> None:
    before = values(house.hub, metrics.STORE)[()]
    await house.hub.search(Search())
    await house.hub.search(Search())
    await house.hub.timeline(Search(), BucketSize.DAY, house.clock.now().tzinfo)  # type: ignore[arg-type]  # it has one
    await house.hub.values(Search(), ValueKind.LABEL)
    assert values(house.hub, metrics.INDEX_SEARCHES) == {("search",): 2, ("timeline",): 1, ("values",): 1}
    assert values(house.hub, metrics.STORE)[()] >= before


def _good() -> Iterable[Reading]:
    yield metrics.VMS_ALLOWED.of(2.0, "zm", "spare")
    yield metrics.VMS_ALLOWED.of(9.0, "another", "spare")


def _failing() -> Iterable[Reading]:
    yield from _good()
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("readings", "found"),
    [
        (_good, {("zm", "spare"): 2.0}),
        (_failing, {}),
        (lambda: ["nonsense", None], {}),
        (lambda: None, {}),
        (lambda: [metrics.VMS_ALLOWED.of(cast("float", None), "zm", "spare")], {}),
        (lambda: [Reading(metrics.VMS_ALLOWED, 1, cast("tuple[str]", None))], {}),
        (lambda: [Reading(metrics.VMS_ALLOWED, 1, ("zm", cast("str", 7)))], {}),
        ("no function", {}),
    ],
)
async def test_what_a_backend_says_is_of_its_own_system_and_does_no_harm(
    house: HubHouse, readings: Callable[[], Any], found: dict[tuple[str, ...], float]
) -> None:
    await house.hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=Measuring(readings))
    assert values(house.hub, metrics.VMS_ALLOWED) == found
    assert values(house.hub, metrics.SYSTEM_LOSSES).keys() == {("zm",)}


async def test_changes_say_since_when_they_wait(house: HubHouse) -> None:
    subscription = house.hub.subscribe()
    assert (await subscription.changes()).since is None, "the first are all that there is"
    await house.clock.advance(5)
    house.feed.emit(StateUpdate(monitor_id="1", state=state(score=1)))
    began = house.clock.monotonic()
    await house.clock.advance(5)
    house.feed.emit(StateUpdate(monitor_id="1", state=state(score=2)))
    assert (await subscription.changes()).since == began, "the first of them counts"
    house.feed.emit(StateUpdate(monitor_id="1", state=state(score=3)))
    assert (await subscription.changes()).since == began + 5
    subscription.close()
