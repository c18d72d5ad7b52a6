from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.backends.holding import Holding

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
steps = st.tuples(st.sampled_from(["hold", "let go", "over"]), st.sampled_from("abc"), st.integers(0, 20))


def at(seconds: int) -> datetime:
    return NOON + timedelta(seconds=seconds)


@given(st.lists(steps, max_size=60))
def test_each_key_is_over_once_and_not_before_its_longest_hold(said: list[tuple[str, str, int]]) -> None:
    holding, model = Holding[str](), dict[str, int]()
    for what, key, seconds in said:
        if what == "hold":
            holding.hold(key, at(seconds))
            model[key] = max(seconds, model.get(key, 0))
        elif what == "let go":
            holding.let_go(key)
            model.pop(key, None)
        else:
            over = sorted((until, one) for one, until in model.items() if until <= seconds)
            assert [model[one] for one in holding.over(at(seconds))] == [until for until, _ in over]
            model = {one: until for one, until in model.items() if until > seconds}
        assert {one: holding.until(one) for one in holding} == {one: at(until) for one, until in model.items()}
        assert holding.next_over == (at(min(model.values())) if model else None)
        assert len(holding) == len(model)
        assert all(one in holding for one in model)
