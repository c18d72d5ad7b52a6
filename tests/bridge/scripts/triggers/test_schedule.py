from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.scripts.triggers.made import BERLIN, trigger
from tests.fakes.clock import FakeClock

from vms_bridge.scripts.triggers.schedule import NoLastRuns, Schedule, Site, _Wall, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.scripts.triggers.schedule import LastRuns
    from vms_bridge.scripts.values import Trigger

HOUR, DAY = 3_600.0, 86_400.0


def look(schedule: Schedule) -> None:
    """Have it looked at to the end, whoever else would go on meanwhile."""
    looking = schedule.look()
    with suppress(StopIteration):
        while True:
            looking.send(None)


class Plan:
    """The schedules of a script, and what they have called."""

    def __init__(self, *triggers: Trigger, clock: FakeClock, site: Site = BERLIN, runs: LastRuns | None = None) -> None:
        self.clock, self.told = clock, list[str]()
        self.heard: list[tuple[int, Mapping[str, Any]]] = []
        self.schedule = Schedule(
            triggers,
            clock,
            lambda one, occurrence: self.heard.append((one.id, occurrence.what)),
            site=site,
            runs=runs or NoLastRuns(),
            tell=self.told.append,
        )
        look(self.schedule)

    def wait(self, seconds: float) -> None:
        """Let time pass, and look whenever the schedule wants to."""
        while seconds > 0:
            step = min(seconds, self.schedule.wait_s() or seconds)
            self.clock.freeze(step)
            seconds -= step
            look(self.schedule)

    @property
    def due(self) -> list[str]:
        return [str(one["scheduled"]) for _, one in self.heard]


def whats(plan: Plan) -> list[Mapping[str, Any]]:
    return [what for _, what in plan.heard]


def at(*moment: int, zone: str = "UTC") -> FakeClock:
    return FakeClock(datetime(*moment, tzinfo=ZoneInfo(zone)).astimezone(UTC))  # type: ignore[arg-type, misc]  # a date in numbers


def test_a_line_of_cron_is_kept_in_its_time_zone() -> None:
    script = Plan(
        trigger("cron", 1, expression="30 7 * * mon-fri"),
        trigger("cron", 2, expression="30 7 * * *", tz="America/New_York"),
        clock=at(2026, 11, 20, 0, 0),  # a Friday
    )
    script.wait(3 * DAY)
    assert [(number, one["scheduled"]) for number, one in script.heard] == [
        (1, "2026-11-20T06:30:00Z"),
        (2, "2026-11-20T12:30:00Z"),
        (2, "2026-11-21T12:30:00Z"),
        (2, "2026-11-22T12:30:00Z"),
    ]
    assert all(one["late_s"] == 0 for one in whats(script))


def test_an_hour_that_there_is_not_and_one_that_there_is_twice() -> None:
    spring = Plan(
        trigger("cron", 1, expression="30 2 * * *"),
        trigger("cron", 2, expression="*/30 * * * *"),
        clock=at(2026, 3, 29, 1, 15, zone="Europe/Berlin"),
    )
    spring.wait(1.5 * HOUR)
    assert [(number, one["scheduled"][11:16]) for number, one in spring.heard] == [
        (2, "00:30"),  # 01:30
        (1, "01:00"),  # 02:30 would be, and is at 03:00
        (2, "01:00"),
        (2, "01:30"),
    ]
    autumn = Plan(
        trigger("cron", 1, expression="30 2 * * *"),
        trigger("cron", 2, expression="*/30 * * * *"),
        clock=at(2026, 10, 25, 2, 15, zone="Europe/Berlin"),
    )
    autumn.wait(2 * HOUR)
    assert [one["scheduled"][11:16] for (number, _), one in zip(autumn.heard, whats(autumn), strict=True) if number == 1] == [
        "00:30"
    ]
    assert sum(number == 2 for number, _ in autumn.heard) == 4


def test_every_so_often_whatever_the_wall_clock_says() -> None:
    script = Plan(trigger("every", seconds=30), clock=FakeClock())
    script.clock.set_by(-DAY)
    script.wait(61)
    script.clock.set_by(3 * DAY)
    script.wait(29)
    assert len(script.heard) == 3
    script.clock.freeze(301)  # the process stood still: what was missed is passed over
    look(script.schedule)
    assert len(script.heard) == 4
    assert whats(script)[-1]["late_s"] == pytest.approx(1)
    script.wait(29)
    assert len(script.heard) == 5


def test_the_sun_rises_and_sets() -> None:
    script = Plan(
        trigger("sun", 1, event="sunrise"),
        trigger("sun", 2, event="sunset", offset_s=-900),
        trigger("sun", 3, event="dawn"),
        trigger("sun", 4, event="dusk", offset_s=3_600),
        clock=at(2026, 6, 20, 0, 0),
    )
    script.wait(DAY)
    # What almanacs say of Berlin on that day; they differ by a minute or two.
    expected = [(3, "01:53"), (1, "02:43"), (2, "19:18"), (4, "21:23")]
    assert [number for number, _ in script.heard] == [number for number, _ in expected]
    for said, (_, clock) in zip(script.due, expected, strict=True):
        assert abs(datetime.fromisoformat(said) - datetime.fromisoformat(f"2026-06-20T{clock}:00Z")) <= timedelta(minutes=3)


def test_a_night_without_end_is_told_and_passed_over() -> None:
    script = Plan(
        trigger("sun", event="sunrise"), clock=at(2026, 11, 30, 0, 0), site=Site(time_zone="UTC", location=(78.2, 15.6))
    )
    script.wait(2 * DAY)
    assert script.heard == []
    assert len(script.told) == 1
    assert "near the poles" in script.told[0]
    assert "line 7" in script.told[0]
    script.clock.freeze(72 * DAY)
    script.wait(8 * DAY)
    assert script.heard
    assert script.due[0].startswith("2027-02-1")


@pytest.mark.parametrize(("missed", "calls"), [("skip", 0), ("once", 1)])
def test_what_was_missed_while_the_machine_slept_is_made_up_for_once_or_not(missed: str, calls: int) -> None:
    script = Plan(trigger("cron", expression="0 * * * *", missed=missed), clock=at(2026, 11, 20, 0, 30))
    script.clock.set_by(5 * HOUR)  # while a machine sleeps, only the wall clock goes on
    script.wait(15)
    assert len(script.heard) == calls
    assert script.due == ["2026-11-20T05:00:00Z"] * calls
    assert len(script.told) == 1 - calls
    script.wait(HOUR)
    assert script.due[calls:] == ["2026-11-20T06:00:00Z"]


def test_a_run_that_is_a_little_late_was_not_missed() -> None:
    script = Plan(trigger("cron", expression="0 * * * *"), clock=at(2026, 11, 20, 0, 59, 30))
    script.clock.set_by(50)
    script.wait(15)
    assert [one["late_s"] for one in whats(script)] == [35.0]


def test_a_clock_that_is_set_back_calls_nothing_twice_unless_it_was_wrong() -> None:
    script = Plan(trigger("cron", expression="0 12 * * *"), clock=at(2026, 11, 20, 11, 59), site=Site())
    script.wait(120)
    assert len(script.heard) == 1
    script.clock.set_by(-HOUR)
    script.wait(2 * HOUR)
    assert len(script.heard) == 1
    script.clock.set_by(-2 * DAY)
    script.wait(DAY)
    assert script.due == ["2026-11-20T12:00:00Z", "2026-11-19T12:00:00Z"]


def test_last_runs_outlive_the_script() -> None:
    runs = NoLastRuns()
    once, skip = (
        trigger("cron", 1, expression="0 7 * * *", missed="once"),
        trigger("cron", 2, expression="0 7 * * *", handler="b"),
    )
    first = Plan(once, skip, clock=at(2026, 11, 20, 5, 59), runs=runs)
    first.wait(120)
    assert len(first.heard) == 2
    same_day = Plan(once, skip, clock=at(2026, 11, 20, 6, 10), runs=runs)
    assert same_day.heard == []
    days_later = Plan(once, skip, clock=at(2026, 11, 25, 10, 0), runs=runs)
    days_later.wait(60)
    assert [number for number, _ in days_later.heard] == [1]
    assert days_later.due == ["2026-11-25T06:00:00Z"]
    assert whats(days_later)[0]["late_s"] == 4 * HOUR


def test_a_last_run_of_the_future_is_not_believed() -> None:
    runs = NoLastRuns()
    one = trigger("cron", expression="0 7 * * *")
    runs.ran(name_of(one), datetime(2036, 1, 1, tzinfo=UTC))
    script = Plan(one, clock=at(2026, 11, 20, 5, 0), runs=runs)
    script.wait(DAY)
    assert len(script.heard) == 1


def test_macros_are_lines_of_cron() -> None:
    script = Plan(trigger("cron", expression="@Daily"), clock=at(2026, 11, 20, 0, 0))
    script.wait(2 * DAY)
    assert script.due == ["2026-11-20T23:00:00Z", "2026-11-21T23:00:00Z"]


def test_years_of_minutes_are_not_walked_through() -> None:
    runs, calls = NoLastRuns(), 0
    one = trigger("cron", expression="* * * * *", missed="once")
    runs.ran(name_of(one), datetime(2006, 1, 1, tzinfo=UTC))

    def fire(*_: object) -> None:
        nonlocal calls
        calls += 1

    schedule = Schedule([one], at(2026, 11, 20, 5, 0), fire, site=BERLIN, runs=runs, tell=lambda _: None)
    look(schedule)
    look(schedule)
    assert calls == 1


class Counted:
    """Times of a schedule, and how often they were asked for."""

    never = ""

    def __init__(self, every: timedelta, day: int) -> None:
        self.asked, self._every, self._day = 0, every, day

    def next(self, after: datetime) -> datetime | None:
        self.asked += 1
        midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
        found = midnight + ((after - midnight) // self._every + 1) * self._every
        while self._day and found.day != self._day:
            found = (found + timedelta(days=1)).replace(hour=0, minute=0)
        return found


@given(minutes=st.sampled_from([1, 7, 60, 1_440]), day=st.integers(0, 28), slept_s=st.integers(1, 40 * 86_400))
def test_the_newest_of_what_was_missed_is_found_without_walking_through_all_of_it(minutes: int, day: int, slept_s: int) -> None:
    now = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
    runs, times = NoLastRuns(), Counted(timedelta(minutes=minutes), day)
    one = trigger("cron", expression="* * * * *", missed="once")
    began = now - timedelta(seconds=slept_s)
    runs.ran(name_of(one), began)
    due = _Wall(one, times, runs, now, lambda _: None).look(now)
    assert times.asked <= 30
    last, later = None, times.next(began)
    while later is not None and later <= now:
        last, later = later, times.next(later)
    assert due == last


async def test_others_go_on_while_many_schedules_are_planned() -> None:
    schedules = [trigger("cron", number, expression=f"{number % 60} 0 29 2 */7") for number in range(200)]
    schedule = Schedule(schedules, FakeClock(), lambda *_: None, site=BERLIN, runs=NoLastRuns(), tell=lambda _: None)
    looking, turns = asyncio.create_task(schedule.look()), 0
    while not looking.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 200


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["pass", "set", "sleep"]), st.integers(1, 7_000)).map(
            lambda step: (step[0], -step[1] if step[0] == "set" and step[1] % 2 else step[1])
        ),
        max_size=25,
    )
)
def test_no_time_is_called_twice_and_none_early_while_clocks_are_set(steps: list[tuple[str, int]]) -> None:
    # Together these steps set the clock back by less than three hours, or they may be repeated.
    clock, heard = at(2026, 11, 20, 0, 0), []
    one = trigger("cron", expression="*/10 * * * *", missed="once")
    schedule = Schedule(
        [one],
        clock,
        lambda _, occurrence: heard.append((clock.now(), datetime.fromisoformat(occurrence.what["scheduled"]))),
        site=BERLIN,
        runs=NoLastRuns(),
        tell=lambda _: None,
    )
    highest = clock.now()
    for what, seconds in steps:
        if what == "set" and clock.now() + timedelta(seconds=seconds) > highest - timedelta(hours=3):
            clock.set_by(seconds)
        elif what == "sleep":
            clock.set_by(abs(seconds))
        else:
            clock.freeze(abs(seconds))
        highest = max(highest, clock.now())
        look(schedule)
    assert all(scheduled <= now for now, scheduled in heard)
    times = [scheduled for _, scheduled in heard]
    assert times == sorted(set(times))
