"""Which source to believe, with sources that come and go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.backends.ladder import Choice, Reading, Rung, Steadiness, Unfit, choose


def rung(name: str, seen: Reading[int] | Unfit) -> Rung[int]:
    return Rung(name, lambda: seen)


def test_the_best_good_source_is_believed_and_says_why_no_better_one() -> None:
    rungs = [rung("push", Unfit("refused")), rung("memory", Unfit()), rung("poll", Reading(3, 2.0)), rung("guess", Reading(4))]
    assert choose(rungs) == Choice(source="poll", value=3, lag_s=2.0, reason="refused")


def test_what_no_good_source_tells_is_unknown() -> None:
    assert choose([rung("push", Unfit("refused")), rung("poll", Unfit("hangs"))]) == Choice(reason="refused; hangs")
    assert choose([rung("push", Unfit())]) == Choice()


def test_worse_sources_are_not_even_looked_at() -> None:
    def costly() -> Reading[int]:
        raise AssertionError

    assert choose([rung("push", Reading(1)), Rung("poll", costly)]).source == "push"


seen = st.one_of(st.builds(Reading, st.integers()), st.builds(Unfit, st.sampled_from(["", "gone", "late"])))


@given(st.lists(seen, max_size=6))
def test_nothing_better_is_passed_over_and_each_reason_is_told(looks: list[Reading[int] | Unfit]) -> None:
    choice = choose([rung(str(number), each) for number, each in enumerate(looks)])
    better = looks if choice.source is None else looks[: int(choice.source)]
    assert all(isinstance(each, Unfit) for each in better)
    reasons = [each.reason for each in better if isinstance(each, Unfit) and each.reason]
    assert choice.reason == ("; ".join(reasons) or None)


@given(st.lists(st.tuples(st.floats(0.01, 2), st.booleans()), max_size=20))
def test_a_source_is_taken_up_only_after_it_was_good_without_a_break(steps: list[tuple[float, bool]]) -> None:
    steadiness, now, unbroken_since = Steadiness(1.0), 0.0, None
    for pause, is_good in steps:
        now += pause
        if is_good:
            steadiness.good(now)
            unbroken_since = now if unbroken_since is None else unbroken_since
        else:
            steadiness.bad()
            unbroken_since = None
        assert steadiness.is_steady(now) == (unbroken_since is not None and now - unbroken_since >= 1.0)
