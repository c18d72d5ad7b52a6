"""The feed, behind a hub with a store: what scripts hear of what a system does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.hub.house import HubHouse
from tests.bridge.scripts.triggers.made import Script, trigger
from tests.fakes.backend import START, event, monitor, snapshot, state, system_state
from tests.fakes.clock import FakeClock, settle
from tests.fakes.hub import FakeHub

from vms_bridge.model import AlarmState, DetectedObject, Detection, EventBatch, StateUpdate, SystemLost, SystemUpdate, Zone
from vms_bridge.notices import Notice, NoticeKind
from vms_bridge.scripts.triggers.dispatch import Dispatcher
from vms_bridge.scripts.triggers.effects import Effects
from vms_bridge.scripts.triggers.feed import Feed
from vms_bridge.scripts.triggers.missed import AWAITED_S
from vms_bridge.scripts.triggers.triggers import ScriptTriggers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from vms_bridge.scripts.values import Occurrence, Trigger


class World:
    """A hub whose one system a test speaks for, and scripts that hear of it."""

    def __init__(self, house: HubHouse) -> None:
        self.house, self.hub, self.clock = house, house.hub, house.clock
        self.dispatcher = Dispatcher(house.hub, house.clock, Effects(house.clock, lambda *_: None))
        self.feed = Feed(house.hub, house.clock, self.dispatcher)

    def script(self, *triggers: Trigger, name: str = "a") -> Script:
        script = Script(*triggers, clock=self.clock)
        self.dispatcher.join(name, script.triggers)
        return script

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.feed.run())
        await self.until(lambda: bool(self.feed._states._systems))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for what the store's thread does meanwhile."""
        async with asyncio.timeout(20):
            while not is_so():
                await settle()
                await asyncio.sleep(0.001)

    def emit(self, **changes: object) -> None:
        self.house.feed.emit(StateUpdate(monitor_id="1", state=state(**changes)))

    async def record(self, number: int, *, late: bool = False, **changes: Any) -> None:  # noqa: ANN401 - fields of an event
        await self.house.feed.record(EventBatch(events=(event(number, **changes),), late=late))


@asynccontextmanager
async def world(path: Path) -> AsyncIterator[World]:
    async with HubHouse(path).open() as house:
        yield World(house)


async def test_every_step_of_an_alarm_is_told_however_soon_the_next_one_follows(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("alarm"))
        async with here.running():
            for alarm in (AlarmState.PREALARM, AlarmState.ALARM, AlarmState.ALERT, AlarmState.IDLE):
                here.emit(alarm=alarm, score=40, cause="Motion", event_id="7")
            await here.until(lambda: len(script.heard) == 4)
    assert [(one["before"], one["now"]) for one in script.whats] == [
        ("idle", "prealarm"),
        ("prealarm", "alarm"),
        ("alarm", "alert"),
        ("alert", "idle"),
    ]
    first = dict(script.whats[0])
    assert first.pop("time") == "2026-11-20T12:00:00Z"
    known = {"name": "Camera 1", "score": 40, "cause": "Motion", "event": "zm-7", "lost": 0}
    assert first == {"system": "zm", "monitor": "1", "before": "idle", "now": "prealarm", **known}
    assert all(one.is_urgent and one.monitor == ("zm", "1") for _, one in script.heard)


async def test_few_steps_of_alarms_go_before_who_tells_people_and_more_go_after(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("alarm"))
        people, heard_before = here.hub.subscribe(), list[int]()

        async def tell() -> None:
            while True:
                await people.changes()
                heard_before.append(len(script.heard))

        async with here.running():
            telling = asyncio.create_task(tell())
            await settle()
            heard_before.clear()
            here.emit(alarm=AlarmState.ALARM)
            await here.until(lambda: len(script.heard) == 1)
            for alarm in (AlarmState.IDLE, AlarmState.PREALARM, AlarmState.ALARM):
                here.emit(alarm=alarm)
            await here.until(lambda: len(script.heard) == 4)
            telling.cancel()
    assert heard_before == [1, 1]


async def test_a_defect_in_telling_one_script_takes_no_step_of_an_alarm_from_another(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_trigger: Trigger, occurrence: Occurrence) -> None:
        raise LookupError(occurrence.kind)

    def told_more(before: int) -> bool:
        return len(script.whats) > before

    async with world(tmp_path) as here:
        broken = ScriptTriggers((trigger("alarm"),), here.clock, fail, sees=lambda _: True)
        here.dispatcher.join("broken", broken)
        script = here.script(trigger("alarm"))
        async with here.running():
            for alarm in (AlarmState.ALARM, AlarmState.IDLE):
                before = len(script.whats)
                here.emit(alarm=alarm)
                await here.until(partial(told_more, before))
    assert [one["now"] for one in script.whats] == ["alarm", "idle"]
    assert caplog.text.count("what a script is told failed in an unforeseen way (broken)") == 1


async def test_steps_that_were_lost_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("alarm"))
        async with here.running():
            for number in range(1_200):
                here.emit(alarm=AlarmState.ALARM if number % 2 == 0 else AlarmState.IDLE)
            await here.until(lambda: len(script.heard) == 1_000)
    assert [one["lost"] for one in script.whats[:2]] == [200, 0]
    assert "200 steps of alarms less" in caplog.text


async def test_events_are_told_step_by_step_in_public_words(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("event", 1, step=["new", "update", "end"]), trigger("event", 2, label="person"))
        async with here.running():
            await here.record(1)
            await here.record(1, labels=("person",), score=0.9)
            await here.record(1, labels=("person",), score=0.9, end=START + timedelta(seconds=9))
            await here.until(lambda: len(script.heard) == 4)
    assert [(number, one.what["step"], one.what["id"]) for number, one in script.heard] == [
        (1, "new", "zm-1"),
        (1, "update", "zm-1"),
        (2, "update", "zm-1"),
        (1, "end", "zm-1"),
    ]
    assert script.whats[1]["monitor_name"] == "Camera 1"
    assert [one.is_urgent for _, one in script.heard] == [True, False, False, True]


async def test_late_events_are_for_who_asks_for_them(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("event", 1), trigger("event", 2, late=True))
        async with here.running():
            await here.record(1, late=True)
            await here.record(2)
            await here.until(lambda: len(script.heard) == 3)
    assert [(number, one.what["id"], one.what["late"]) for number, one in script.heard] == [
        (2, "zm-1", True),
        (1, "zm-2", False),
        (2, "zm-2", False),
    ]


async def test_who_asks_for_it_is_told_of_what_was_missed_before_what_is_now_and_nobody_else_is(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        first, other = here.script(trigger("event", late=True)), here.script(trigger("event"), name="b")
        async with here.running():
            await here.record(1)
            await here.until(lambda: len(first.heard) == len(other.heard) == 1)
        for late, numbers in ((True, range(2, 80)), (False, range(80, 160))):  # more than a page
            await here.house.feed.record(EventBatch(events=tuple(map(event, numbers)), late=late))
        again = World(here.house)
        async with again.running():  # before anybody has joined: scripts take their time to start
            await again.record(160)
            newcomer = again.script(trigger("event", late=True), name="c")
            script = again.script(trigger("event", 1), trigger("event", 2, late=True))
            other = again.script(trigger("event"), name="b")
            await again.until(lambda: again.dispatcher.wants("event") and again.feed._after is not None)
            await again.record(161)
            await again.until(lambda: len(script.heard) == 161)
            await again.until(lambda: len(other.heard) == len(newcomer.heard) == 1)
    heard = [(number, one.what["id"], one.what["late"]) for number, one in script.heard]
    assert heard[:-2] == [(2, f"zm-{number}", True) for number in range(2, 161)]
    assert heard[-2:] == [(1, "zm-161", False), (2, "zm-161", False)]
    assert [one["id"] for one in (*other.whats, *newcomer.whats)] == ["zm-161", "zm-161"]


async def test_a_bridge_that_stops_before_a_script_was_there_again_keeps_what_that_has_missed(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        first = here.script(trigger("event", late=True))
        async with here.running():
            await here.record(1)
            await here.until(lambda: len(first.heard) == 1)
        await here.record(2)
        between = World(here.house)
        other = between.script(trigger("event"), name="b")
        async with between.running():
            await between.until(lambda: between.feed._after is not None)
            await between.record(3)
            await between.until(lambda: len(other.heard) == 1)
        again = World(here.house)
        async with again.running():
            script = again.script(trigger("event", late=True))
            await again.until(lambda: len(script.heard) == 2)
    assert [one["id"] for one in script.whats] == ["zm-2", "zm-3"]


async def test_a_version_that_takes_a_scripts_place_goes_on_with_what_that_has_missed(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        first = here.script(trigger("event", late=True))
        async with here.running():
            await here.record(1)
            await here.until(lambda: len(first.heard) == 1)
        await here.record(2)
        again = World(here.house)
        async with again.running():
            old = Script(trigger("event", late=True), clock=again.clock)
            joined = again.dispatcher.join("a", old.triggers)
            new = again.script(trigger("event", late=True))
            joined.close()
            await again.until(lambda: len(new.heard) == 1)
            await again.record(3)
            await again.until(lambda: len(new.heard) == 2)
    assert old.heard == []
    assert [one["id"] for one in new.whats] == ["zm-2", "zm-3"]


async def test_who_comes_back_after_ten_minutes_is_not_awaited_any_more() -> None:
    clock = FakeClock()
    hub = FakeHub(clock=clock)
    hub.memory |= {"after": "e1:0", "late": '["a", "b"]'}
    hub.record(1)
    dispatcher = Dispatcher(hub, clock, Effects(clock, lambda *_: None))
    task = asyncio.create_task(Feed(hub, clock, dispatcher).run())
    await clock.advance(2)
    assert hub.memory == {"after": "e1:0", "late": '["a", "b"]'}
    early, late = Script(trigger("event", late=True), clock=clock), Script(trigger("event", late=True), clock=clock)
    dispatcher.join("a", early.triggers)
    await clock.advance(2)
    assert [one["id"] for one in early.whats] == ["zm-1"]
    assert hub.memory == {"after": "e1:0", "late": '["a", "b"]'}
    await clock.advance(AWAITED_S)
    assert hub.memory == {"after": "e1:1", "late": '["a"]'}
    dispatcher.join("b", late.triggers)
    await clock.advance(2)
    assert late.heard == []
    task.cancel()
    await asyncio.wait({task})


async def test_who_comes_later_is_not_told_of_what_was_before(tmp_path: Path) -> None:
    async with world(tmp_path) as here, here.running():
        await here.record(1)
        await settle()
        script = here.script(trigger("event"))
        await here.until(lambda: here.feed._after is not None)
        await here.record(2)
        await here.until(lambda: len(script.heard) == 1)
    assert [one["id"] for one in script.whats] == ["zm-2"]


async def test_what_has_changed_about_a_monitor_is_told_field_by_field(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("monitor_state", 1), trigger("monitor_state", 2, field=["capture_fps"]))
        async with here.running():
            here.emit(capture_fps=9.5)
            await settle()
            here.emit(capture_fps=9.5, connected=False, modes={"function": "Monitor"})
            await settle()
    heard = [(number, one.what["field"], one.what["before"], one.what["now"]) for number, one in script.heard]
    assert (2, "capture_fps", None, 9.5) in heard
    assert {(1, "connected", True, False), (1, "function", "Modect", "Monitor")} <= set(heard)
    assert not [one for one in heard if one[:2] == (1, "capture_fps")]
    assert script.whats[-1]["state"]["connected"] is False


async def test_a_loss_is_one_change_and_undoes_what_lasts(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(
            trigger("monitor_state", 1),
            trigger("system_state", 2),
            trigger("monitor_state", 3, field="connected", to=True),
            trigger("alarm", 4, to="alarm", for_s=5),
        )
        async with here.running():
            here.emit(alarm=AlarmState.ALARM)
            await settle()
            assert len(script.triggers._timing) == 1
            before = len(script.heard)
            here.house.feed.emit(SystemLost(detail="no answer", code="unreachable"))
            await settle()
    heard = {(number, one.what["field"], one.what["now"]) for number, one in script.heard[before:]}
    assert heard == {(number, *said) for number in (1, 2) for said in (("available", False), ("detail", "no answer"))}
    assert len(script.triggers._timing) == 0


async def test_a_removed_monitor_and_a_removed_system_undo_what_lasts(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("alarm", to="alarm", for_s=5))
        async with here.running():
            here.emit(alarm=AlarmState.ALARM)
            await settle()
            assert len(script.triggers._timing) == 1
            here.house.feed.emit(snapshot(monitor(2)))
            await settle()
            assert len(script.triggers._timing) == 0
            here.house.feed.emit(StateUpdate(monitor_id="2", state=state(alarm=AlarmState.ALARM)))
            await settle()
            assert len(script.triggers._timing) == 1
            here.hub.remove_system("zm")
            await settle()
            assert len(script.triggers._timing) == 0


async def test_objects_are_told_by_the_names_of_zones(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("detection", label="person", zone="Drive"))
        async with here.running():
            here.house.feed.emit(snapshot(monitor(1, zones=(Zone(id="4", name="Drive"),))))
            seen = DetectedObject(label="person", score=0.8, box=(0.1, 0.1, 0.2, 0.2), zones=("4",))
            for zones in (("4",), ()):
                here.house.feed.emit(
                    Detection(monitor_id="1", time=START, objects=(seen,) if zones else (), source="vms", event_id="3")
                )
                await settle()
    (found,) = script.whats
    one = {"label": "person", "score": 0.8, "box": [0.1, 0.1, 0.2, 0.2], "zones": ["Drive"], "track": None, "text": None}
    assert (found["objects"], found["source"], found["name"]) == ([one], "vms", "Camera 1")


async def test_notices_come_and_go(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("notice", kind="script_failed", active=[True, False]))
        async with here.running():
            failed = Notice(id="script_failed:gate", kind=NoticeKind.SCRIPT_FAILED, since=START, text="gate has crashed")
            take_back = here.hub.tell_notice(failed)
            await settle()
            take_back()
            take_back()
            await settle()
    assert [(one["id"], one["active"], one["text"]) for one in script.whats] == [
        ("script_failed:gate", True, "gate has crashed"),
        ("script_failed:gate", False, "gate has crashed"),
    ]


async def test_a_systems_state_is_told(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("system_state", field="run_state", to="night"))
        async with here.running():
            for run_state in ("day", "night"):
                here.house.feed.emit(SystemUpdate(state=system_state(run_state=run_state, run_states=("day", "night"))))
                await settle()
    assert [(one["before"], one["now"]) for one in script.whats] == [("day", "night")]


class Recorder(Dispatcher):
    """Remembers what it was given."""

    def __init__(self, world: World) -> None:
        super().__init__(world.hub, world.clock, world.dispatcher.effects)
        self.given: list[Occurrence] = []

    def take(self, occurrence: Occurrence) -> None:
        self.given.append(occurrence)


async def test_nothing_is_read_or_made_that_nobody_wants(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        recorder = here.dispatcher = Recorder(here)
        here.feed = Feed(here.hub, here.clock, recorder)
        here.script(trigger("alarm", monitor="zm/99"), trigger("monitor_state", 2, monitor="zm/99"))
        async with here.running():
            here.emit(alarm=AlarmState.ALARM, connected=False)
            await here.record(1)
            await settle()
        assert recorder.given == []
        assert here.feed._after is None


async def test_a_store_that_fails_for_a_while_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    hub = FakeHub(clock=clock)
    dispatcher = Dispatcher(hub, clock, Effects(clock, lambda *_: None))
    script = Script(trigger("event", late=True), clock=clock)
    dispatcher.join("a", script.triggers)
    feed = Feed(hub, clock, dispatcher)
    task = asyncio.create_task(feed.run())
    await clock.advance(2)
    hub.store_fails = True
    hub.record(1)
    await clock.advance(30)
    assert script.heard == []
    assert caplog.text.count("scripts can't be told of events") == 1
    hub.store_fails = False
    await clock.advance(6)
    assert [one["id"] for one in script.whats] == ["zm-1"]
    for number in range(2, 300):
        hub.record(number, system="zm", key="1" if number % 2 else "gone")
    await clock.advance(2)
    assert len(script.heard) == 299
    assert hub.memory["after"] == "e1:299"
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize(("kept", "names"), [("nonsense", '["a"]'), ("other:7", '["a"]'), ("e1:0", "nonsense"), ("e1:0", "3")])
async def test_what_was_kept_and_is_not_of_this_history_is_passed_over(
    kept: str, names: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    hub = FakeHub(clock=clock)
    hub.memory |= {"after": kept, "late": names}
    hub.record(1)
    dispatcher = Dispatcher(hub, clock, Effects(clock, lambda *_: None))
    script = Script(trigger("event", late=True), clock=clock)
    dispatcher.join("a", script.triggers)
    task = asyncio.create_task(Feed(hub, clock, dispatcher).run())
    await clock.advance(1)
    hub.record(2)
    await clock.advance(1)
    task.cancel()
    await asyncio.wait({task})
    assert [one["id"] for one in script.whats] == ["zm-2"]
    assert ("is not told of events between" in caplog.text) is (kept == "other:7")


async def test_a_monitor_that_comes_back_is_looked_at_as_a_new_one(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        script = here.script(trigger("monitor_state", field="connected"))
        async with here.running():
            here.house.feed.emit(snapshot(monitor(2)))
            await settle()
            here.house.feed.emit(snapshot(monitor(1), monitor(2), m1=state(connected=False)))
            await settle()
            assert script.heard == []
            here.emit(connected=True)
            await settle()
    assert [one["now"] for one in script.whats] == [True]
