"""Which model has ended the worker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.detect.engine.blame import CLEARED_AFTER, MOST_CRASHES, REMEMBERED_S, Blame

MODELS = ("a", "b", "c")


def test_a_model_that_crashes_again_and_again_is_set_aside() -> None:
    blame = Blame()
    assert [blame.crashed(["a"], now_s) for now_s in range(MOST_CRASHES)] == [*[None] * (MOST_CRASHES - 1), "a"]
    assert blame.aside == {"a"}
    assert blame.crashes("a") == MOST_CRASHES


def test_crashes_of_long_ago_do_not_count() -> None:
    blame = Blame()
    assert not any(blame.crashed(["a"], number * REMEMBERED_S) for number in range(10))


def test_where_several_were_at_work_pictures_are_looked_at_one_by_one_until_it_is_known() -> None:
    blame = Blame()
    for now_s in range(10):
        assert blame.crashed(["a", "b"], now_s) is None
    assert blame.is_careful
    for now_s in range(MOST_CRASHES):
        blame.crashed(["b"], now_s)
    assert blame.aside == {"b"}
    for _ in range(CLEARED_AFTER):
        assert blame.is_careful
        blame.answered("a")
    assert not blame.is_careful


def test_where_none_was_at_work_nobody_is_blamed() -> None:
    blame = Blame()
    for now_s in range(10):
        assert blame.crashed([], now_s) is None
    assert not blame.is_careful


def test_one_that_was_set_aside_is_not_blamed_again() -> None:
    blame = Blame()
    for now_s in range(MOST_CRASHES):
        blame.crashed(["a"], now_s)
    assert blame.crashed(["a"], 10) is None
    assert blame.crashed(["a", "b"], 11) is None
    assert not blame.is_careful


@given(st.lists(st.tuples(st.frozensets(st.sampled_from(MODELS)), st.sampled_from(MODELS)), max_size=60))
def test_only_who_was_alone_at_work_is_ever_set_aside(steps: list[tuple[frozenset[str], str]]) -> None:
    blame, alone = Blame(), dict.fromkeys(MODELS, 0)
    for now_s, (at_work, answered) in enumerate(steps):
        involved = at_work - blame.aside
        aside = blame.crashed(at_work, now_s)
        if len(involved) == 1:
            alone[next(iter(involved))] += 1
        assert aside is None or alone[aside] >= MOST_CRASHES
        blame.answered(answered)
    assert blame.aside == {model for model, count in alone.items() if count >= MOST_CRASHES}
