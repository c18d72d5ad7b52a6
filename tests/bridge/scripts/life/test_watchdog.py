from __future__ import annotations

from tests.fakes.clock import FakeClock

from vms_bridge.scripts.life.pace import Pace
from vms_bridge.scripts.life.watchdog import SILENT_S, STEP_S, Held, Watchdog


def test_silence_counts_from_when_it_has_answered_first() -> None:
    watchdog = Watchdog()
    assert [watchdog.step(STEP_S) for _ in range(20)] == [None] * 20
    watchdog.heard()
    assert [watchdog.step(STEP_S) for _ in range(int(SILENT_S))] == [None] * int(SILENT_S)
    assert "did not answer for 5 s" in (watchdog.step(STEP_S) or "")
    watchdog.heard()
    assert watchdog.step(STEP_S) is None


def test_a_step_counts_no_more_than_two_however_long_the_bridge_slept_and_never_less_than_nothing() -> None:
    watchdog = Watchdog()
    watchdog.heard()
    watchdog.step(86_400.0)
    assert watchdog.silent_s == 2 * STEP_S
    watchdog.step(-86_400.0)
    assert watchdog.silent_s == 2 * STEP_S


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
