from __future__ import annotations

from tests.fakes.clock import FakeClock

from vms_bridge.scripts.life.pace import Pace
from vms_bridge.scripts.life.watchdog import STEP_S, Held, Watchdog


def test_silence_counts_from_the_ping_that_was_not_answered() -> None:
    watchdog = Watchdog()
    assert [watchdog.step(STEP_S) for _ in range(20)] == [None] * 20
    watchdog.pinged(1)
    assert [watchdog.step(STEP_S) for _ in range(4)] == [None] * 4
    assert watchdog.answered(1)
    assert watchdog.step(STEP_S) is None
    watchdog.pinged(3)
    watchdog.step(2 * STEP_S)
    watchdog.pinged(5)
    watchdog.step(2 * STEP_S)
    assert watchdog.answered(5)
    assert "did not answer for 5 s" in (watchdog.step(STEP_S) or "")


def test_an_answer_to_what_was_not_asked_or_was_answered_before_is_none() -> None:
    watchdog = Watchdog()
    watchdog.pinged(2)
    assert not watchdog.answered(1)
    assert watchdog.answered(2)
    assert not watchdog.answered(2)


def test_a_step_counts_no_more_than_two_however_long_the_bridge_slept_and_never_less_than_nothing() -> None:
    watchdog = Watchdog()
    watchdog.limit("load", 5 * STEP_S, "come to its end")
    assert watchdog.step(86_400.0) is None
    assert watchdog.step(-86_400.0) is None
    assert watchdog.step(86_400.0) is None
    assert watchdog.step(STEP_S) is not None


def test_limits_end_with_what_was_not_done_and_can_be_over_before() -> None:
    watchdog = Watchdog()
    watchdog.limit("load", 3.0, "come to its end")
    watchdog.limit(7, 1.5, "come to the end of a call")
    watchdog.over(7)
    watchdog.over("unknown")
    assert [watchdog.step(1.0), watchdog.step(1.0)] == [None, None]
    assert watchdog.step(1.0) == "it did not come to its end within 3 s"


async def test_time_in_which_it_was_held_is_told_once() -> None:
    clock = FakeClock()
    held = Held(clock)
    held.begin()
    held.begin()
    await clock.advance(3.0)
    assert held.take() == 3.0
    await clock.advance(2.0)
    held.end()
    held.end()
    await clock.advance(9.0)
    assert held.take() == 2.0
    assert held.take() == 0.0


async def test_a_pace_lets_a_burst_through_and_then_so_much_in_a_second() -> None:
    clock = FakeClock()
    pace = Pace(clock, rate=10.0, burst=5.0)
    for _ in range(5):
        await pace.pay(1.0)
    assert clock.sleeping == 0
    await clock.advance(0.1)
    await pace.pay(1.0)
    assert clock.sleeping == 0
