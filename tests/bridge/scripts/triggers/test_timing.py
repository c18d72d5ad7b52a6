from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.bridge.scripts.triggers.made import Script, alarm, event, seen, trigger
from tests.fakes.clock import FakeClock

from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.triggers.match import Match
from vms_bridge.scripts.triggers.timing import LEAST_SUBJECTS, MOST_DATA_BYTES, MOST_SUBJECTS, Timing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.scripts.values import Occurrence, Trigger


@asynccontextmanager
async def running(script: Script) -> AsyncIterator[FakeClock]:
    task = asyncio.create_task(script.triggers.run())
    await script.clock.advance(0)
    try:
        yield script.clock
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_debounce_calls_after_the_last_of_several() -> None:
    script = Script(trigger("alarm", debounce_s=5))
    async with running(script) as clock:
        for state in ("prealarm", "alarm", "alert"):
            script.take(alarm(state))
            await clock.advance(4.9)
        assert script.heard == []
        await clock.advance(0.1)
        assert [one["now"] for one in script.whats] == ["alert"]
        await clock.advance(60)
        assert len(script.heard) == 1


async def test_debounce_is_by_monitor() -> None:
    script = Script(trigger("event", debounce_s=5))
    async with running(script) as clock:
        script.take(event(number=1, monitor="1"), event(number=2, monitor="1"), event(number=3, monitor="2"))
        await clock.advance(5)
    assert [one["id"] for one in script.whats] == ["zm-2", "zm-3"]


async def test_for_calls_only_when_it_has_stayed_so() -> None:
    script = Script(trigger("alarm", to=["alarm", "alert"], for_s=10))
    async with running(script) as clock:
        script.take(alarm("alarm"))
        await clock.advance(9)
        script.take(alarm("idle", "alarm"))
        await clock.advance(60)
        assert script.heard == []
        script.take(alarm("alarm"))
        await clock.advance(9)
        script.take(alarm("alert", "alarm"))  # still so: its time goes on
        await clock.advance(1)
        assert [one["now"] for one in script.whats] == ["alert"]
        script.take(alarm("alarm", "alert"))
        await clock.advance(60)
        assert len(script.heard) == 1  # it was told of that already
        script.take(alarm("idle"), alarm("alarm"))
        await clock.advance(10)
        assert len(script.heard) == 2


async def test_a_loss_and_a_removal_undo_what_lasts() -> None:
    script = Script(trigger("alarm", to="alarm", for_s=10))
    async with running(script) as clock:
        script.take(alarm("alarm"), alarm("alarm", monitor="2"), alarm("alarm", monitor="3"), alarm("alarm", system="b"))
        script.take(alarm(None, "alarm"), occurrences.gone("zm", "2"), occurrences.gone("b"))
        await clock.advance(20)
        assert [one["monitor"] for one in script.whats] == ["3"]
        script.take(occurrences.gone("zm", "3"), alarm("alarm", None, monitor="3"))
        await clock.advance(20)
        assert [one["monitor"] for one in script.whats] == ["3", "3"]


async def test_any_state_that_stays_is_waited_for_anew_by_each_change() -> None:
    script = Script(trigger("monitor_state", field="function", for_s=10))
    async with running(script) as clock:
        for before, now in (("Modect", "Record"), ("Record", "Monitor")):
            script.take(*occurrences.monitor_states(("zm", "1"), "", {"function": before}, {"function": now}))
            await clock.advance(9)
        assert script.heard == []
        await clock.advance(1)
        assert [one["now"] for one in script.whats] == ["Monitor"]


async def test_objects_that_stay_in_sight() -> None:
    script = Script(trigger("detection", label="person", zone="drive", for_s=10))
    async with running(script) as clock:
        for frames in (9, 12):
            for _ in range(frames):
                script.take(seen("person", zones=("drive",)), seen("car", source="detector"))
                await clock.advance(1)
            assert len(script.heard) == (frames == 12)
            script.take(seen("person", zones=("street",)))


async def test_an_event_that_goes_on() -> None:
    script = Script(trigger("event", for_s=10))
    async with running(script) as clock:
        script.take(event("new", 1), event("new", 2))
        await clock.advance(5)
        script.take(event("update", 1), event("end", 2, end="2026-11-20T12:00:05Z"))
        script.take(event("update", 2, end="2026-11-20T12:00:05Z", labels=["person"]))
        await clock.advance(5)
        assert [one["id"] for one in script.whats] == ["zm-1"]
        script.take(event("update", 1))
        await clock.advance(60)
        assert len(script.heard) == 1


async def test_once_per_calls_at_once_and_then_not_for_a_while() -> None:
    script = Script(trigger("alarm", to="alarm", once_per_s=60))
    async with running(script) as clock:
        assert script.take(alarm("alarm"), alarm("idle"), alarm("alarm"), alarm("alarm", monitor="2")) == 2
        await clock.advance(59.9)
        assert script.take(alarm("alarm")) == 0
        await clock.advance(0.1)
        assert script.take(alarm("alarm")) == 1


async def test_once_per_counts_what_is_called_late() -> None:
    script = Script(trigger("alarm", 1, to="alarm", for_s=5, once_per_s=60), trigger("alarm", 2, debounce_s=5, once_per_s=60))
    async with running(script) as clock:
        for _ in range(3):
            script.take(alarm("alarm"))
            await clock.advance(6)
            script.take(alarm("idle"))
            await clock.advance(6)
        assert sorted(number for number, _ in script.heard) == [1, 2]


async def test_clocks_that_are_set_change_nothing_that_is_pending() -> None:
    script = Script(trigger("alarm", to="alarm", for_s=10))
    async with running(script) as clock:
        script.take(alarm("alarm"))
        clock.set_by(3_600)
        await clock.advance(9)
        clock.set_by(-7_200)
        assert script.heard == []
        await clock.advance(1)
        assert len(script.heard) == 1


async def test_schedules_are_kept_as_well() -> None:
    script = Script(
        trigger("cron", 1, expression="*/10 * * * *"), trigger("every", 2, seconds=400), trigger("alarm", 3, debounce_s=1)
    )
    async with running(script) as clock:
        script.take(alarm("alarm"))
        await clock.advance(1_000)
    assert [number for number, _ in script.heard] == [3, 2, 1, 2]


async def test_what_was_closed_calls_nothing() -> None:
    script = Script(trigger("alarm", 1, debounce_s=5), trigger("alarm", 2))
    async with running(script) as clock:
        script.take(alarm("alarm"))
        script.triggers.close()
        await clock.advance(10)
        assert script.take(alarm("idle")) == 0
        assert [number for number, _ in script.heard] == [2]


def pending_bytes(timing: Timing) -> int:
    return sum(len(one.occurrence.data) for timed in timing._timed.values() for one in timed.pending.values())


def test_memory_is_bounded_and_it_is_told_once_that_something_is_left_out() -> None:
    told: list[str] = []
    timing = Timing(FakeClock(), lambda *_: None, told.append)
    wait = Match(trigger("alarm", 1, to="alarm", for_s=9))
    for number in range(3 * MOST_SUBJECTS):
        timing.hear(wait, alarm("alarm", monitor=str(number)))
        timing.hear(wait, alarm("idle", monitor="1"))
        timing.hear(wait, alarm("alarm", monitor="1"))
    assert len(timing) <= MOST_SUBJECTS
    assert len(timing._queue) <= 2 * MOST_SUBJECTS + 1
    assert told == ["line 7: too much waits for its time at once, and the oldest of it is not told"]


def test_what_all_triggers_of_a_script_keep_is_bounded_together() -> None:
    called: list[int] = []
    timing = Timing(FakeClock(), lambda one, _: called.append(one.id), lambda _: None, many=200)
    matches = [Match(trigger("mqtt", number, topic="home/#", debounce_s=9, once_per_s=9)) for number in range(200)]
    for match in matches:
        for number in range(4):
            timing.hear(match, occurrences.message(f"home/{number}", bytes(64 * 1024)))
            assert pending_bytes(timing) <= MOST_DATA_BYTES
    assert len(timing) == MOST_DATA_BYTES // (64 * 1024)
    seldom = [Match(trigger("mqtt", 1_000 + number, topic="home/#", once_per_s=9)) for number in range(3)]
    for match in seldom:
        for number in range(1_000):
            timing.hear(match, occurrences.message(f"home/{number}", b""))
            timing.hear(match, occurrences.message(f"home/{number}", b""))
    assert len(called) == 3_000
    assert max(len(timed.called) for timed in timing._timed.values()) == LEAST_SUBJECTS


class Waits(RuleBasedStateMachine):
    """What is pending and called is what a slow account of all that has happened says."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.called: list[tuple[str, int, str]] = []
        self.expected: list[tuple[str, int, str]] = []
        self.lasting, self.last, self.seldom = (
            Match(trigger("alarm", 0, to=["alarm", "alert"], for_s=3)),
            Match(trigger("alarm", 1, debounce_s=3)),
            Match(trigger("alarm", 2, once_per_s=5)),
        )
        self.timing = Timing(self.clock, self._deliver, lambda _: None)
        self.since: dict[str, float | None] = {}
        """Since when each monitor is in alarm; None: it was told."""
        self.changed: dict[str, float] = {}
        self.told: dict[str, float] = {}
        self.now: dict[str, str] = {}

    def _deliver(self, one: Trigger, occurrence: Occurrence) -> None:
        self.called.append((str(occurrence.what["monitor"]), one.id, str(occurrence.what["now"])))

    @rule(monitor=st.sampled_from("abc"), now=st.sampled_from(["idle", "alarm", "alert"]))
    def change(self, monitor: str, now: str) -> None:
        for match in (self.lasting, self.last, self.seldom):
            self.timing.hear(match, alarm(now, monitor=monitor))
        moment = self.clock.monotonic()
        self.now[monitor] = now
        self.changed[monitor] = moment
        if now == "idle":
            self.since.pop(monitor, None)
        else:
            self.since.setdefault(monitor, moment)
        if moment - self.told.get(monitor, -100.0) >= 5:
            self.told[monitor] = moment
            self.expected.append((monitor, 2, now))

    @rule(monitor=st.sampled_from("abc"))
    def remove(self, monitor: str) -> None:
        self.timing.forget(occurrences.gone("zm", monitor))
        self.since.pop(monitor, None)

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0]))
    def wait(self, seconds: float) -> None:
        self.clock.freeze(seconds)
        self.timing.fire()
        moment = self.clock.monotonic()
        for monitor, since in self.since.items():
            if since is not None and moment - since >= 3:
                self.since[monitor] = None
                self.expected.append((monitor, 0, self.now[monitor]))
        for monitor, changed in list(self.changed.items()):
            if moment - changed >= 3:
                del self.changed[monitor]
                self.expected.append((monitor, 1, self.now[monitor]))

    @invariant()
    def they_agree(self) -> None:
        assert sorted(self.called) == sorted(self.expected)


Waits.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestWaits = Waits.TestCase
