"""What sinks look at and hear of: views stay as they were, and who wants to hear of little hears of nothing else."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.backend import START, ScriptedBackend, event, monitor, snapshot, state, system_state
from tests.fakes.clock import FakeClock

from vms_bridge.hub import Hub
from vms_bridge.hub.subscription import MOST_TRANSITIONS
from vms_bridge.keys import MonitorRules
from vms_bridge.model import AlarmState, DetectedObject, Detection, EventBatch, FullState, StateUpdate, SystemLost, SystemUpdate
from vms_bridge.store import Store
from vms_bridge.views import Changes, Subjects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.hub import SystemFeed
    from vms_bridge.views import MonitorView, Subscription, SystemView

ONE, TWO = ("zm", "1"), ("zm", "2")
SEEN = (DetectedObject(label="person"),)


@asynccontextmanager
async def house(path: Path) -> AsyncIterator[tuple[Hub, SystemFeed]]:
    clock = FakeClock()
    store = await asyncio.to_thread(Store.open, path, clock)
    hub = Hub(store, clock)
    try:
        yield hub, await added(hub)
    finally:
        await hub.close()
        await store.close()


async def added(hub: Hub, key: str = "zm") -> SystemFeed:
    feed = await hub.add_system(key=key, kind="fake", name="Fake", rules=MonitorRules(), backend=ScriptedBackend())
    feed.emit(snapshot(monitor(1), monitor(2)))
    return feed


def is_quiet(subscription: Subscription) -> bool:
    return not subscription._wake.is_set()  # type: ignore[attr-defined]  # the hub's own kind


async def test_who_wants_to_hear_of_one_monitor_hears_of_nothing_else(tmp_path: Path) -> None:
    async with house(tmp_path) as (hub, feed):
        await feed.record(EventBatch(events=(event(1), event(2, "2"))))
        one = hub.subscribe(only=Subjects(monitors=frozenset({ONE})))
        assert await one.changes() == Changes(described=frozenset({ONE}), states=frozenset({ONE}), last_events=frozenset({ONE}))
        await added(hub, "other")
        feed.emit(StateUpdate(monitor_id="2", state=state(score=5)))
        feed.emit(Detection(monitor_id="2", time=START, objects=SEEN))
        feed.emit(SystemUpdate(state=system_state(load=1.0)))
        await feed.record(EventBatch(events=(event(3, "2"),)))
        assert is_quiet(one)

        feed.emit(StateUpdate(monitor_id="1", state=state(score=5)))
        feed.emit(Detection(monitor_id="1", time=START, objects=SEEN))
        await feed.record(EventBatch(events=(event(4),)))
        changes = await one.changes()
        assert changes.states == changes.last_events == {ONE}
        assert changes.detections.keys() == {(*ONE, "vms")}
        assert (changes.systems, changes.messages, changes.bridge) == (frozenset(), False, False)
        again = await hub.subscribe(only=Subjects(monitors=frozenset({ONE}))).changes()
        assert again.detections.keys() == {(*ONE, "vms")}, "what is seen now belongs to what there is"


def steps(changes: Changes) -> list[tuple[str, str | None, str | None]]:
    return [(step.monitor[1], step.before, step.now) for step in changes.transitions]


async def test_who_asks_for_transitions_hears_of_each_step_and_nobody_else_does(tmp_path: Path) -> None:
    async with house(tmp_path) as (hub, feed):
        every = hub.subscribe(transitions=True)
        two = hub.subscribe(only=Subjects(monitors=frozenset({TWO})), transitions=True)
        plain = hub.subscribe()
        for each in (every, two, plain):
            assert not (await each.changes()).transitions, "what is so already is no step"
        for alarm in (AlarmState.ALARM, AlarmState.ALERT, AlarmState.IDLE):
            feed.emit(StateUpdate(monitor_id="1", state=state(alarm=alarm)))
        feed.emit(StateUpdate(monitor_id="2", state=state(alarm=AlarmState.ALARM)))
        feed.emit(StateUpdate(monitor_id="2", state=state(alarm=AlarmState.ALARM, score=5)))
        changes = await every.changes()
        assert steps(changes) == [
            ("1", "idle", "alarm"),
            ("1", "alarm", "alert"),
            ("1", "alert", "idle"),
            ("2", "idle", "alarm"),
        ]
        assert changes.transitions[0].time == START
        assert steps(await two.changes()) == [("2", "idle", "alarm")]
        assert not (await plain.changes()).transitions

        feed.emit(SystemLost(detail="no answer"))
        assert steps(await every.changes()) == [("1", "idle", None), ("2", "alarm", None)]
        every.close()
        two.close()
        assert not hub._fan_out.wants_transitions


async def test_who_is_too_slow_for_transitions_is_told_how_many_are_missing(tmp_path: Path) -> None:
    async with house(tmp_path) as (hub, feed):
        slow = hub.subscribe(transitions=True)
        await slow.changes()
        for number in range(MOST_TRANSITIONS + 3):
            feed.emit(StateUpdate(monitor_id="1", state=state(alarm=(AlarmState.ALARM, AlarmState.IDLE)[number % 2])))
        changes = await slow.changes()
        assert (len(changes.transitions), changes.transitions_lost) == (MOST_TRANSITIONS, 3)
        feed.emit(StateUpdate(monitor_id="1", state=state(alarm=AlarmState.ALERT)))
        changes = await slow.changes()
        assert (len(changes.transitions), changes.transitions_lost) == (1, 0)


async def test_who_wants_to_hear_of_a_system_hears_of_its_end(tmp_path: Path) -> None:
    async with house(tmp_path) as (hub, feed):
        both = hub.subscribe(only=Subjects(systems=frozenset({"zm"}), monitors=frozenset({ONE})))
        assert (await both.changes()).systems == {"zm"}
        feed.emit(StateUpdate(monitor_id="2", state=state(score=5)))
        assert is_quiet(both)
        feed.emit(SystemUpdate(state=system_state(load=1.0)))
        assert await both.changes() == Changes(systems=frozenset({"zm"}))
        feed.emit(snapshot(monitor(2)))
        assert (await both.changes()).removed == {ONE}
        feed.emit(snapshot(monitor(1), monitor(2)))
        assert (await both.changes()).described == {ONE}
        hub.remove_system("zm")
        changes = await both.changes()
        assert changes.removed == {ONE}
        assert changes.removed_systems == {"zm"}


async def test_who_wants_to_hear_of_what_is_not_there_waits_for_it(tmp_path: Path) -> None:
    async with house(tmp_path) as (hub, _):
        awaited = hub.subscribe(only=Subjects(systems=frozenset({"other"}), monitors=frozenset({("other", "2")})))
        assert is_quiet(awaited)
        await added(hub, "other")
        changes = await awaited.changes()
        assert changes.systems == {"other"}
        assert changes.described == {("other", "2")}
        awaited.close()
        hub.remove_system("other")
        assert is_quiet(awaited)


async def test_a_closed_subscription_leaves_nothing_behind(tmp_path: Path) -> None:
    async with house(tmp_path) as (hub, _):
        subjects = Subjects(systems=frozenset({"zm"}), monitors=frozenset({ONE, TWO}))
        one, other = hub.subscribe(only=subjects), hub.subscribe(only=subjects)
        one.close()
        one.close()
        assert hub._fan_out._of_monitors == {ONE: {other}, TWO: {other}}
        other.close()
        assert not hub._fan_out._of_monitors
        assert not hub._fan_out._of_systems


def looked_at(view: SystemView) -> tuple[SystemView, dict[str, MonitorView]]:
    return replace(view), dict(view.monitors)


@pytest.mark.parametrize("change", ["state", "system", "names", "gone", "lost", "event", "generation", "reload"])
async def test_a_view_stays_as_it_was_whatever_changes(tmp_path: Path, change: str) -> None:
    async with house(tmp_path) as (hub, feed):
        before = hub.system("zm")
        assert before
        copy, monitors = looked_at(before)
        assert hub.system("zm") is hub.systems["zm"] is before, "nothing has changed, so nothing is made anew"
        match change:
            case "state":
                feed.emit(StateUpdate(monitor_id="1", state=state(score=5)))
            case "system":
                feed.emit(SystemUpdate(state=system_state(load=1.0)))
            case "names":
                feed.emit(snapshot(monitor(1, name="Door"), monitor(2)))
            case "gone":
                feed.emit(snapshot(monitor(2)))
            case "lost":
                feed.emit(SystemLost(detail="no answer"))
            case "event":
                await feed.record(EventBatch(events=(event(7),)))
            case "generation":
                await feed.record(EventBatch(events=(), cursor="1", generation=2))
            case "reload":
                await added(hub)
        now = hub.system("zm")
        assert now
        assert now is not before
        assert now != copy or change == "reload"
        assert before == copy
        assert dict(before.monitors) == monitors


CHANGES = st.lists(st.sampled_from(["1", "2", "system", "look", "all"]), max_size=25)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(CHANGES)
async def test_whoever_looks_whenever_sees_what_is_so_then_and_keeps_it(
    tmp_path_factory: pytest.TempPathFactory, changes: list[str]
) -> None:
    async with house(tmp_path_factory.mktemp("store")) as (hub, feed):
        held: list[tuple[SystemView, SystemView, dict[str, MonitorView]]] = []
        wanted = {"1": 0, "2": 0, "system": 0}
        for number, change in enumerate(changes, start=1):
            if change in {"1", "2"}:
                wanted[change] = number
                feed.emit(StateUpdate(monitor_id=change, state=state(score=number)))
            elif change == "system":
                wanted[change] = number
                feed.emit(SystemUpdate(state=system_state(load=float(number))))
            elif change == "all":
                wanted = dict.fromkeys(wanted, number)
                states = {name: state(score=number) for name in ("1", "2")}
                known = (monitor(1), monitor(2))
                feed.emit(FullState(system=system_state(load=float(number)), monitors=known, states=states))
            view = hub.system("zm")
            assert view
            assert (view.state.load or 0.0) == wanted["system"]
            assert {name: each.state.score or 0 for name, each in view.monitors.items()} == {
                name: wanted[name] for name in ("1", "2")
            }
            if change == "look":
                held.append((view, *looked_at(view)))
        for view, copy, monitors in held:
            assert view == copy
            assert dict(view.monitors) == monitors
