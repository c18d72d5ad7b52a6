"""What a backend tells is what its type says, or it is refused into the backend's own call, and nothing has changed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes.backend import START, ScriptedBackend, event, monitor, snapshot, state, system_state
from tests.fakes.clock import FakeClock

from vms_bridge.errors import BackendDefect
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.model import AlarmState, DetectedObject, Detection, EventBatch, FullState, StateUpdate, SystemLost, SystemUpdate
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.hub import SystemFeed

NAIVE = datetime(2026, 11, 20)  # noqa: DTZ001 - that is what is wrong with it


@asynccontextmanager
async def fed(path: Path) -> AsyncIterator[tuple[Hub, SystemFeed]]:
    clock = FakeClock()
    store = await asyncio.to_thread(Store.open, path, clock)
    hub = Hub(store, clock, durable_sinks=("mqtt",))
    feed = await hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=ScriptedBackend())
    feed.emit(snapshot(monitor(1), monitor(2)))
    try:
        yield hub, feed
    finally:
        await hub.close()
        await store.close()


def told(value: Any) -> StateUpdate:  # noqa: ANN401 - whatever a backend may come upon
    return StateUpdate(monitor_id="1", state=value)


WRONG: list[Any] = [
    None,
    "text",
    7,
    b"x",
    [],
    state(),
    system_state(),
    monitor(),
    told(None),
    told("idle"),
    told(monitor()),
    told(state(score="many")),
    told(state(score=[1])),
    told(state(alarm="fast asleep")),
    told(state(modes=None)),
    told(state(modes={"function": object()})),
    told(state(zones={"1": "perhaps"})),
    told(state(zones=[("1", True)])),
    told(state(cause=5)),
    told(state(observed=NAIVE)),
    told(state(observed="yesterday afternoon")),
    SystemUpdate(state=None),  # type: ignore[arg-type]
    SystemUpdate(state=system_state(run_states=7)),
    SystemUpdate(state=system_state(capabilities={"Can fly"})),
    SystemLost(detail=None),  # type: ignore[arg-type]
    SystemLost(detail="gone", code=401),  # type: ignore[arg-type]
    Detection(monitor_id="1", time=NAIVE),
    Detection(monitor_id="1", time=START, objects=("cat",)),  # type: ignore[arg-type]
    Detection(monitor_id="1", time=START, objects=(DetectedObject(label=None),)),  # type: ignore[arg-type]
    replace(snapshot(), monitors=None),  # type: ignore[arg-type]
    replace(snapshot(), states=None),  # type: ignore[arg-type]
    replace(snapshot(), system=None),  # type: ignore[arg-type]
    FullState(system=system_state(), monitors=(monitor(3), None), states={}),  # type: ignore[arg-type]
    FullState(system=system_state(), monitors=(monitor(3, zones=("lawn",)),), states={}),
    FullState(system=system_state(), monitors=(monitor(3),), states={"3": None}),  # type: ignore[dict-item]
]


@pytest.mark.parametrize("update", WRONG, ids=lambda each: type(each).__name__)
async def test_what_is_wrong_is_refused_and_changes_nothing(tmp_path: Path, update: Any) -> None:  # noqa: ANN401
    async with fed(tmp_path) as (hub, feed):
        for _ in range(2):
            before = hub.systems["zm"]
            subscription = hub.subscribe()
            await subscription.changes()
            with pytest.raises((BackendDefect, TypeError, AttributeError)):
                feed.emit(update)
            assert hub.systems["zm"] == before
            assert set(hub.systems["zm"].monitors) == {"1", "2"}
            assert not subscription._wake.is_set()


@pytest.mark.parametrize(
    "batch",
    [
        None,
        "text",
        EventBatch(events=None),  # type: ignore[arg-type]
        EventBatch(events=(None,)),  # type: ignore[arg-type]
        EventBatch(events=(event(), event(2, start=NAIVE))),
        EventBatch(events=(event(labels=(None,)),)),
        EventBatch(events=(event(),), cursor=7),  # type: ignore[arg-type]
        EventBatch(events=(event(),), generation=None),  # type: ignore[arg-type]
        EventBatch(events=(event(),), generation=0),
        EventBatch(events=(event(),), generation=10**9),
        EventBatch(events=(event(id=""),)),
    ],
    ids=repr,
)
async def test_events_that_are_wrong_are_refused_and_not_told(tmp_path: Path, batch: Any) -> None:  # noqa: ANN401
    async with fed(tmp_path) as (hub, feed):
        before = feed.resume
        with pytest.raises(BackendDefect, match="wrong values"):
            await feed.record(batch)
        assert feed.resume == before
        assert await hub.undelivered("mqtt", late=False, after=0, limit=9) == []
        await feed.record(EventBatch(events=(event(),), cursor="1"))
        assert len(await hub.undelivered("mqtt", late=False, after=0, limit=9)) == 1


async def test_what_can_be_converted_is(tmp_path: Path) -> None:
    async with fed(tmp_path) as (hub, feed):
        for score in range(3):
            feed.emit(told(state(alarm="alert", score=score, capture_fps=7, zones={"1": None})))
            view = hub.monitor("zm", "1")
            assert view
            assert (view.state.alarm, view.state.score, view.state.zones) == (AlarmState.ALERT, score, {"1": None})
            assert isinstance(view.state.alarm, AlarmState)
        feed.emit(replace(snapshot(), monitors=[monitor(1), monitor(4)], states={}))  # type: ignore[arg-type]
        assert set(hub.systems["zm"].monitors) == {"1", "4"}
        await feed.record(EventBatch(events=[event(labels=["cat"])], cursor="1"))  # type: ignore[arg-type]
        with pytest.raises(BackendDefect):
            feed.emit(told(state(alarm="fast asleep", capture_fps=7)))
        (open_event,) = feed.resume.open_events
        assert open_event.labels == ("cat",)


async def test_words_of_a_newer_backend_come_in_as_they_are(tmp_path: Path) -> None:
    async with fed(tmp_path) as (hub, feed):
        feed.emit(SystemUpdate(state=system_state(capabilities=frozenset({"load", "fly"}))))
        assert {"load", "fly"} <= hub.systems["zm"].state.capabilities
        for _ in range(2):
            feed.emit(told(state(alarm="tamper")))
            view = hub.monitor("zm", "1")
            assert view
            assert view.state.alarm == AlarmState("tamper") == "tamper"
        await feed.record(EventBatch(events=(event(kind="doorbell", end_reason="merged"),), cursor="1"))
        messages = await hub.undelivered("mqtt", late=False, after=0, limit=9)
        assert all(b'"kind":"doorbell"' in message.payload for message in messages)
        assert b'"end_reason":"merged"' in messages[-1].payload


async def test_a_state_that_looks_like_a_good_one_is_looked_into(tmp_path: Path) -> None:
    async with fed(tmp_path) as (hub, feed):
        good = state(zones={"1": True}, observed=START)
        feed.emit(told(good))
        feed.emit(told(replace(good, observed=START + timedelta(seconds=1))))
        for bad in ({"zones": {"1": object()}}, {"modes": {"function": object()}}, {"observed": NAIVE}):
            with pytest.raises(BackendDefect):
                feed.emit(told(replace(good, **bad)))
        view = hub.monitor("zm", "1")
        assert view
        assert view.state.zones == {"1": True}


async def test_thousands_of_monitors_that_are_the_same_are_not_looked_into_again(tmp_path: Path) -> None:
    many = tuple(monitor(number) for number in range(1, 2001))
    async with fed(tmp_path) as (hub, feed):
        first = FullState(system=system_state(), monitors=many, states={})
        feed.emit(first)
        shown = [view.monitor for view in hub.systems["zm"].monitors.values()]
        feed.emit(replace(first, monitors=(*many[:-1], replace(many[-1], name="Door"))))
        now = [view.monitor for view in hub.systems["zm"].monitors.values()]
        assert all(one is other for one, other in zip(shown[:-1], now[:-1], strict=True))
        assert now[-1].name == "Door"
        feed.emit(first)
        assert [view.monitor for view in hub.systems["zm"].monitors.values()] == list(many)
