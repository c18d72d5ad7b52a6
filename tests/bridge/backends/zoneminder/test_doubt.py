"""Open events that may be no alarms any more: what is believed of them, who is asked, and for how long without an answer."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import RECORDED, FastClock, MemoryFeed
from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4
from tests.fakes.zoneminder.world import ALARM, ALERT, IDLE

from vms_bridge import model
from vms_bridge.backends.zoneminder.doubt import Doubt, stall_limit
from vms_bridge.backends.zoneminder.follower import EventHealth
from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
from vms_bridge.backends.zoneminder.pace import SPARE_PER_S
from vms_bridge.backends.zoneminder.sources.asker import Asker, in_need, lag_of
from vms_bridge.commands import SetAlarm, VmsTarget
from vms_bridge.model import Event
from vms_bridge.zoneminder import AlarmState, MonitorRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

pytestmark = pytest.mark.virtual_time

OLD = MonitorRow(id="1", name="x", function="Modect")
NEW = MonitorRow(id="1", name="x", capturing="Always", analysing="Always", recording="OnMotion", min_section_s=20)


def opened(monotonic: float = 0.0) -> Doubt:
    doubt = Doubt()
    doubt.update("7", is_stalled=False, monotonic=monotonic)
    return doubt


def test_an_event_of_the_old_kind_is_its_alarm() -> None:
    doubt = opened()
    assert not doubt.is_on(OLD, 1)
    assert doubt.alarm(OLD, 1_000) is AlarmState.ALARM
    assert doubt.goes_on(OLD, 1_000)


def test_a_young_event_of_the_new_kind_is_an_alarm_at_once_and_asked_about() -> None:
    doubt = opened()
    assert doubt.is_on(NEW, 0)
    assert doubt.alarm(NEW, 0) is doubt.alarm(NEW, 10) is AlarmState.ALARM
    assert doubt.alarm(NEW, 10.1) is None, "nobody has answered"
    doubt.answered("7", AlarmState.IDLE, 12)
    assert doubt.alarm(NEW, 22) is AlarmState.IDLE
    assert doubt.goes_on(NEW, 22), "it is recorded up to its least length all the same"
    assert doubt.alarm(NEW, 22.1) is None


def test_an_event_that_has_its_least_length_is_an_alarm_unless_it_was_said_to_be_none() -> None:
    doubt = opened()
    doubt.answered("7", AlarmState.ALARM, 19)
    assert not doubt.is_on(NEW, 20)
    assert doubt.alarm(NEW, 300) is AlarmState.ALARM
    doubt.answered("7", AlarmState.IDLE, 301)
    assert doubt.is_on(NEW, 302)
    assert doubt.alarm(NEW, 302) is AlarmState.IDLE
    assert doubt.alarm(NEW, 312) is None


@pytest.mark.parametrize("row", [OLD, NEW], ids=["old", "new"])
def test_alert_is_not_believed_for_ever(row: MonitorRow) -> None:
    doubt = opened()
    doubt.answered("7", AlarmState.ALERT, 30)
    assert doubt.is_on(row, 31)
    assert doubt.alarm(row, 40) is AlarmState.ALERT
    assert doubt.alarm(row, 40.1) is None
    doubt.answered("7", AlarmState.ALARM, 41)
    assert not doubt.is_on(row, 42)
    assert doubt.alarm(row, 42) is AlarmState.ALARM


def test_no_answer_changes_nothing() -> None:
    doubt = opened()
    doubt.answered("7", AlarmState.ALERT, 1)
    doubt.answered("7", None, 5)
    assert doubt.alarm(NEW, 11) is AlarmState.ALERT
    assert doubt.alarm(NEW, 11.1) is None


def test_an_answer_from_before_the_event_says_nothing_of_it() -> None:
    doubt = opened()
    doubt.answered(None, AlarmState.IDLE, 1)
    doubt.answered("6", AlarmState.IDLE, 1)
    assert doubt.alarm(NEW, 2) is AlarmState.ALARM
    doubt.answered("7", AlarmState.IDLE, 3)
    doubt.update("8", is_stalled=False, monotonic=4)
    assert doubt.alarm(NEW, 5) is AlarmState.ALARM


def test_an_event_that_stands_still_is_asked_about() -> None:
    doubt = opened()
    doubt.update("7", is_stalled=True, monotonic=60)
    assert doubt.is_on(OLD, 60)
    assert (doubt.alarm(OLD, 70), doubt.goes_on(OLD, 70)) == (AlarmState.ALARM, True)
    assert (doubt.alarm(OLD, 70.1), doubt.goes_on(OLD, 70.1)) == (None, None)
    doubt.answered("7", AlarmState.ALERT, 71)
    assert (doubt.alarm(OLD, 72), doubt.goes_on(OLD, 72)) == (AlarmState.ALERT, True)
    assert (doubt.alarm(OLD, 82), doubt.goes_on(OLD, 82)) == (None, None)


def test_an_event_that_nobody_records_is_asked_about_once_a_minute() -> None:
    doubt = opened()
    doubt.update("7", is_stalled=True, monotonic=60)
    doubt.answered("7", AlarmState.IDLE, 61)
    assert doubt.goes_on(MonitorRow(id="1", name="x", function="Mocord"), 62) is None, (
        "idle is no word about continuous recording"
    )
    for at in (62, 120):
        assert not doubt.is_on(OLD, at)
        assert (doubt.alarm(OLD, at), doubt.goes_on(OLD, at)) == (AlarmState.IDLE, False)
    assert doubt.is_on(OLD, 121)
    assert (doubt.alarm(OLD, 131), doubt.goes_on(OLD, 131)) == (AlarmState.IDLE, False)
    assert (doubt.alarm(OLD, 132), doubt.goes_on(OLD, 132)) == (None, None)
    doubt.update("7", is_stalled=False, monotonic=133)
    assert doubt.goes_on(OLD, 134)
    assert doubt.is_on(OLD, 134)


@pytest.mark.parametrize(
    ("bulk", "fps", "limit"), [(100, 5.0, 60), (100, 30.0, 30), (1000, 10.0, 300), (100, None, 30), (1, 0.0, 30)]
)
def test_how_long_a_row_may_stay_the_same(bulk: int, fps: float | None, limit: float) -> None:
    assert stall_limit(bulk, fps) == limit


@given(
    st.lists(
        st.tuples(st.floats(0.1, 15), st.sampled_from([*AlarmState, None, "asked"]), st.booleans(), st.sampled_from("78")),
        max_size=30,
    ),
    st.sampled_from([OLD, NEW]),
)
def test_nothing_but_an_alarm_is_believed_for_long_without_an_answer(
    steps: Sequence[tuple[float, AlarmState | None, bool, str]], row: MonitorRow
) -> None:
    doubt, now, answered = Doubt(), 0.0, float("-inf")
    for passed, answer, is_stalled, event in steps:
        now += passed
        if event != doubt.event_id:
            answered = float("-inf")
        doubt.update(event, is_stalled=is_stalled, monotonic=now)
        if answer is not None:
            doubt.answered(event, answer, now)
            answered = now
        stood = doubt.stalled_since
        is_dead = stood is not None and doubt.answer is AlarmState.IDLE and doubt.answered_at > stood
        if doubt.alarm(row, now) not in {None, AlarmState.ALARM}:
            assert now - answered <= (70 if is_dead else 10)
        if not doubt.is_on(row, now):
            assert doubt.alarm(row, now) is (AlarmState.IDLE if is_dead else AlarmState.ALARM)


class Crowd:
    """Monitors without shared memory, and who asks them."""

    def __init__(self, mocord: int = 0, young: int = 0) -> None:
        self.clock = FakeClock()
        self.ladders: dict[str, MonitorLadder] = {}
        for number in range(mocord):
            self._add(MonitorRow(id=f"m{number}", name="x", function="Mocord"))
        for number in range(young):
            ladder = self._add(
                MonitorRow(id=f"y{number}", name="x", capturing="Always", recording="OnMotion", min_section_s=1_000)
            )
            event = Event(id="7", monitor_id=ladder.row.id, start=self.clock.now())
            ladder.update_events([event], 0.0, 30.0, self.clock.monotonic())
        self.asker = Asker(self.ladders, self.clock, EventHealth(is_good=True))

    def _add(self, row: MonitorRow) -> MonitorLadder:
        self.ladders[row.id] = ladder = MonitorLadder(row=row)
        return ladder

    def lag(self) -> float | None:
        return lag_of(len(in_need(self.ladders.values(), self.clock.monotonic(), has_events=True)))

    async def asked(self, calls: int) -> list[str]:
        """Return whom these calls are for, at the rate that is allowed."""
        found = []
        for _ in range(calls):
            await self.clock.advance(1 / SPARE_PER_S)
            ladder = self.asker.next()
            found.append(ladder.row.id if ladder else "")
            if ladder is not None:
                ladder.was_asked(AlarmState.ALARM, "7", self.clock.monotonic())
        return found


async def test_nobody_is_asked_where_nothing_is_in_doubt() -> None:
    crowd = Crowd()
    assert crowd.lag() is None
    assert await crowd.asked(2) == ["", ""]


async def test_all_that_are_in_doubt_are_asked_in_turns() -> None:
    assert await Crowd(young=3).asked(6) == ["y0", "y1", "y2", "y0", "y1", "y2"]


async def test_what_is_in_doubt_takes_every_other_call_at_least() -> None:
    crowd = Crowd(mocord=10, young=1)
    asked = await crowd.asked(20)
    assert asked.count("y0") == 10
    assert crowd.lag() == pytest.approx(28.6)
    assert len(set(asked)) == 11


async def test_those_too_many_to_be_asked_in_time_leave_the_calls_to_what_is_in_doubt() -> None:
    crowd = Crowd(mocord=30, young=2)
    assert crowd.lag() is None
    assert await crowd.asked(4) == ["y0", "y1", "y0", "y1"]


@asynccontextmanager
async def recording(world: World) -> AsyncIterator[World]:
    """Let the world's events grow."""

    async def grow() -> None:
        while True:
            world.grow()
            await asyncio.sleep(0.01)

    life = asyncio.create_task(grow())
    try:
        yield world
    finally:
        life.cancel()


def told(feed: MemoryFeed) -> list[model.AlarmState | None]:
    """Return what was told of the first monitor's alarm, one after the other."""
    found: list[model.AlarmState | None] = []
    for number, state in feed.history:
        if number == "1" and (not found or found[-1] != state.alarm):
            found.append(state.alarm)
    return found


def recorded_times() -> dict[str, float]:
    text = (RECORDED / "timeline-onmotion-min-section-length-1.38.4.txt").read_text()
    return {state: float(at) for at, state in re.findall(r"^ *([\d.]+) +shared memory +(\w+)", text, re.MULTILINE)}


async def test_a_short_alarm_in_a_long_event(clock: FastClock, serve: Serve) -> None:
    """As recorded: something moves for a second, the event lasts for twenty."""
    at = recorded_times()
    world = World(V1_38_4, now=clock.now)
    world.monitors[1].min_section = 20
    async with recording(world), FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        began = clock.monotonic()
        event = world.alarm(1)
        assert event
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        await clock.sleep(began + at["ALERT"] - clock.monotonic())
        world.set_state(1, ALERT)
        await clock.sleep(began + at["IDLE"] - clock.monotonic())
        world.set_state(1, IDLE)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.IDLE)
        assert clock.monotonic() - began < 12
        assert (feed.states["1"].is_recording, feed.states["1"].event_id) == (True, str(event.id))
        await clock.sleep(began + 21.5 - clock.monotonic())
        world.close_event(event.id)
        await feed.until(lambda: feed.states["1"].is_recording is False)
        assert told(feed)[-1] is model.AlarmState.IDLE
        assert told(feed).count(model.AlarmState.ALARM) == 1
        assert fake.asked("monitors/alarm") <= 2 + 22 * SPARE_PER_S + 1


async def test_a_second_alarm_in_the_same_event(clock: FastClock, serve: Serve) -> None:
    world = World(V1_38_4, now=clock.now)
    world.monitors[1].min_section = 60
    async with recording(world), FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        for state, alarm in ((IDLE, model.AlarmState.IDLE), (ALARM, model.AlarmState.ALARM)):
            world.set_state(1, state)
            await feed.until(lambda alarm=alarm: feed.states["1"].alarm is alarm)  # type: ignore[misc]  # bound per turn


async def test_where_nobody_answers_a_young_event_becomes_unknown(clock: FastClock, serve: Serve) -> None:
    world = World(V1_38_4, now=clock.now)
    world.monitors[1].min_section = 30
    async with recording(world), FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        fake.fail("monitors/alarm", "500")
        began = clock.monotonic()
        world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        await feed.until(lambda: feed.states["1"].alarm is None)
        assert 9 < clock.monotonic() - began < 16
        assert feed.states["1"].detail == "an event is open, and nobody answers whether it still is an alarm"
        assert (feed.states["1"].source, feed.states["1"].is_recording) == (None, True)
        fake.heal()
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)


async def test_events_of_the_old_kind_are_not_asked_about(clock: FastClock, serve: Serve) -> None:
    world = World(V1_36_33, now=clock.now)
    async with recording(world), FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        await clock.sleep(40)
        assert feed.states["1"].alarm is model.AlarmState.ALARM
        assert not fake.asked("monitors/alarm")
        assert not fake.asked("configs")


@pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_what_a_killed_daemon_has_left_open(personality: Personality, clock: FastClock, serve: Serve) -> None:
    world = World(personality, now=clock.now)
    world.bulk_frames = 1
    async with recording(world), FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        event = world.alarm(1)
        assert event
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        await clock.sleep(12)
        killed = clock.monotonic()
        world.silent.add(1)
        world.set_state(1, IDLE)  # its successor knows nothing of the event
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.IDLE, 8)
        await feed.until(lambda: feed.states["1"].is_recording is False)
        assert clock.monotonic() - killed < 50
        assert feed.states["1"].event_id is None
        asked = fake.asked("monitors/alarm")
        await clock.sleep(20)
        assert (feed.states["1"].alarm, feed.states["1"].is_recording) == (model.AlarmState.IDLE, False)
        assert fake.asked("monitors/alarm") <= asked + 1


async def test_a_daemon_that_does_not_answer_leaves_alarm_and_recording_unknown(clock: FastClock, serve: Serve) -> None:
    world = World(V1_36_33, now=clock.now)
    world.bulk_frames = 1
    async with recording(world), FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        fake.fail("monitors/alarm", "500")
        world.silent.add(1)
        await feed.until(lambda: feed.states["1"].alarm is None, 10)
        await feed.until(lambda: feed.states["1"].is_recording is None)
        world.silent.clear()
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM and feed.states["1"].is_recording)


async def test_the_time_for_which_a_row_may_stay_the_same_is_zoneminders_own(clock: FastClock, serve: Serve) -> None:
    world = World(V1_36_33, now=clock.now)
    world.bulk_frames = 1_000
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        await clock.sleep(45)
        assert fake.asked("configs") == 1
        assert not fake.asked("monitors/alarm")


async def test_continuous_recording_that_stands_still_is_not_said_to_go_on(clock: FastClock, serve: Serve) -> None:
    world = World(V1_36_33, now=clock.now)
    world.bulk_frames = 1
    world.set_function(1, "Record")
    async with recording(world), FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        world.open_event(1, "Continuous", "")
        await feed.until(lambda: feed.states["1"].is_recording)
        world.silent.add(1)
        await feed.until(lambda: feed.states["1"].is_recording is None, 8)
        world.silent.clear()
        await feed.until(lambda: feed.states["1"].is_recording)


async def test_alert_after_a_cancelled_alarm_is_asked_about_until_it_is_over(clock: FastClock, serve: Serve) -> None:
    world = World(V1_36_33, now=clock.now)
    world.is_alert_after_alarms = True
    async with recording(world), FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=False))
        await backend.refresh(VmsTarget(monitor_id="1"))
        assert feed.states["1"].alarm is model.AlarmState.ALERT
        world.set_state(1, ALARM)  # something moves
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
