"""Whatever becomes of the inside of the backend: it tells what it told before, byte by byte."""

from __future__ import annotations

import pytest
from tests.bridge.backends.zoneminder.scenarios import SCENARIOS
from tests.bridge.backends.zoneminder.tracing import KEPT, difference, kept_trace, play


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_tells_what_it_told_before(name: str) -> None:
    found = difference(kept_trace(name), play(SCENARIOS[name]))
    assert not found, f"{name}.jsonl, {found}\nIf that is meant: python -m tests.bridge.backends.zoneminder.scenarios {name}"


def test_every_kept_trace_is_played() -> None:
    assert {path.stem for path in KEPT.glob("*.jsonl")} == SCENARIOS.keys()


def test_a_difference_is_shown_where_it_begins() -> None:
    assert not difference(["a", "b"], ["a", "b"])
    assert difference(["a", "b", "c"], ["a", "x", "c"]) == "line 2:\n  a\n- b\n+ x\n+ c"
    assert difference(["a"], ["a", "b"]) == "line 2:\n  a\n- \n+ b\n"
