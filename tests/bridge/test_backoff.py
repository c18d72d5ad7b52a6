"""Waits between attempts."""

from __future__ import annotations

from vms_bridge.backoff import HEALTHY_S, Backoff


def test_waits_double_up_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(0.5, 5.0)
    assert [backoff.failed() for _ in range(6)] == [0.5, 1, 2, 4, 5, 5]
    assert backoff.failed(longest_s=30.0) == 30
    assert backoff.failures == 7
    backoff.reset()
    assert backoff.failed() == 0.5


def test_what_had_held_for_long_is_tried_again_soon() -> None:
    backoff = Backoff(1.0, 60.0)
    assert [backoff.failed(lasted_s=HEALTHY_S - 1) for _ in range(3)] == [1, 2, 4]
    assert backoff.failed(lasted_s=HEALTHY_S) == 1
    assert backoff.failed() == 2


def test_the_longest_row_is_no_trouble() -> None:
    backoff = Backoff(0.5, 30.0)
    backoff.failures = 1_000_000
    assert backoff.failed() == 30
