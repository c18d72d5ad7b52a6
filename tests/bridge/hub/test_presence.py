"""Objects before a camera: they do not stay for ever because nobody says that they have gone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.fakes.backend import START, ScriptedBackend, monitor, snapshot, state
from tests.fakes.clock import FakeClock, settle

from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.model import DetectedObject, Detection, MonitorState, StateUpdate, SystemLost
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from vms_bridge.hub import SystemFeed
    from vms_bridge.hub.subscription import HubSubscription

KEY = ("zm", "1")


class House:
    def __init__(self, hub: Hub, clock: FakeClock) -> None:
        self.hub, self.clock = hub, clock
        self.feed: SystemFeed
        self.heard: list[tuple[str, int]] = []
        self._subscription: HubSubscription

    async def add(self, rules: MonitorRules | None = None) -> None:
        self.feed = await self.hub.add_system(
            key="zm", kind="fake", name="Fake", rules=rules or MonitorRules(), backend=ScriptedBackend()
        )

    def see(self, monitor_id: str = "1", *labels: str) -> None:
        objects = tuple(DetectedObject(label=label) for label in labels or ("person",))
        self.feed.emit(Detection(monitor_id=monitor_id, time=START, objects=objects, event_id="7", source="detector"))

    async def listen(self) -> None:
        self._subscription = self.hub.subscribe()
        while True:
            for (_, key, _), detection in (await self._subscription.changes()).detections.items():
                assert detection.monitor_id == key
                self.heard.append((key, len(detection.objects)))


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[House]:
    clock = FakeClock()
    store = await asyncio.to_thread(Store.open, path, clock)
    house = House(Hub(store, clock), clock)
    await house.add()
    house.feed.emit(snapshot(monitor(1), monitor(2)))
    tasks = [asyncio.create_task(house.hub.run()), asyncio.create_task(house.listen())]
    await settle()
    try:
        yield house
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await house.hub.close()
        await store.close()


def told(**changes: object) -> Callable[[House], None]:
    return lambda house: house.feed.emit(StateUpdate(monitor_id="1", state=state(**changes)))


@pytest.mark.parametrize(
    "loss",
    [
        lambda house: house.feed.emit(SystemLost(detail="gone")),
        lambda house: house.feed.emit(StateUpdate(monitor_id="1", state=MonitorState(detail="not to be had"))),
        lambda house: house.feed.emit(snapshot(monitor(2))),
        lambda house: house.feed.emit(snapshot(monitor(1), monitor(2), m1=MonitorState())),
        lambda house: house.hub.remove_system("zm"),
        told(connected=False),
        told(armed=False),
        told(detection=False),
    ],
    ids=["system lost", "monitor lost", "monitor gone", "unknown", "system removed", "no pictures", "disarmed", "paused"],
)
async def test_a_loss_ends_what_was_seen_once(tmp_path: Path, loss: Callable[[House], None]) -> None:
    async with running(tmp_path) as house:
        house.see()
        await settle()
        for _ in range(2):
            loss(house) if "zm" in house.hub.systems else None
            await settle()
        assert house.heard == [("1", 1), ("1", 0)]


async def test_a_reload_ends_what_was_seen(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        house.see("1")
        house.see("2")
        await settle()
        await house.add(MonitorRules(exclude=("2",)))
        await settle()
        assert sorted(house.heard) == [("1", 0), ("1", 1), ("2", 0), ("2", 1)]


async def test_what_nobody_sees_any_more_goes_after_a_minute(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        house.see("1")
        await house.clock.advance(40)
        house.see("2")
        house.see("1", "person", "dog")
        await house.clock.advance(50)
        assert house.heard == [("1", 1), ("2", 1), ("1", 2)]
        house.see("2")
        await house.clock.advance(15)
        assert house.heard[-1] == ("1", 0)
        await house.clock.advance(600)
        assert house.heard[-1] == ("2", 0)
        assert len(house.heard) == 6


async def test_what_the_backend_has_ended_itself_is_not_ended_again(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        house.see()
        await settle()
        house.feed.emit(Detection(monitor_id="1", time=START, source="detector"))
        await house.clock.advance(600)
        house.feed.emit(SystemLost(detail="gone"))
        await settle()
        assert house.heard == [("1", 1), ("1", 0)]


@pytest.mark.parametrize("changes", [{"score": 7}, {"armed": None}, {"connected": None}, {"detection": None}], ids=repr)
async def test_other_changes_of_a_state_end_nothing(tmp_path: Path, changes: dict[str, object]) -> None:
    async with running(tmp_path) as house:
        house.see()
        await settle()
        house.feed.emit(StateUpdate(monitor_id="1", state=state(**changes)))
        await settle()
        assert house.heard == [("1", 1)]


async def test_a_detector_of_its_own_may_see_though_the_vms_does_not_look(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        house.feed.emit(StateUpdate(monitor_id="1", state=state(armed=False)))
        house.see()
        house.feed.emit(StateUpdate(monitor_id="1", state=state(armed=False, score=7)))
        await settle()
        assert house.heard == [("1", 1)]


async def test_who_begins_to_listen_hears_what_is_so_now(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        house.see("1")
        house.see("2")
        house.feed.emit(Detection(monitor_id="2", time=START, source="detector"))
        changes = await house.hub.subscribe().changes()
        assert {key: len(each.objects) for (_, key, _), each in changes.detections.items()} == {"1": 1, "2": 0}
        house.hub.remove_system("zm")
        assert not (await house.hub.subscribe().changes()).detections
