"""What was seen is added to the events in whose time it was, in whatever order either is learnt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.backends.vxg.matching import MOST_EVENTS, MOST_SEEN, Matching
from vms_bridge.backends.vxg.seen import Seen
from vms_bridge.model import DetectedObject, Enrichment

if TYPE_CHECKING:
    import random

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
LASTS = timedelta(seconds=10)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seen(camera: int, seconds: float, label: str) -> Seen:
    return Seen(camera_id=camera, time=at(seconds), engine="", objects=(DetectedObject(label=label),))


@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(0, 60)), max_size=5),
    st.lists(st.tuples(st.integers(1, 2), st.integers(0, 60)), max_size=8),
    st.randoms(use_true_random=False),
)
def test_each_event_gets_all_that_was_seen_in_its_time_and_nothing_else(
    events: list[tuple[int, int]], documents: list[tuple[int, int]], dice: random.Random
) -> None:
    matching, told = Matching(LASTS, at(0)), dict[str, Enrichment]()
    steps = [("event", number) for number in range(len(events))] + [("seen", number) for number in range(len(documents))] * 2
    dice.shuffle(steps)
    for kind, number in steps:
        if kind == "event":
            matching.began(str(number), events[number][0], at(events[number][1]))
        else:
            camera, seconds = documents[number]
            matching.saw(f"d{number}", seen(camera, seconds, f"label {number}"))
        if dice.random() < 0.5:
            told.update(matching.news())
    told.update(matching.news())
    assert list(matching.news()) == [], "nothing is told twice"
    for number, (camera, start) in enumerate(events):
        found = {f"label {each}" for each, (whose, when) in enumerate(documents) if whose == camera and 0 <= when - start <= 10}
        assert set(told.get(str(number), Enrichment()).labels) == found


def test_what_has_changed_is_told_anew_and_what_has_gone_is_not() -> None:
    matching = Matching(LASTS, NOON)
    matching.began("1", 101, at(1))
    matching.saw("a", seen(101, 2, "cat"))
    assert [added.labels for _, added in matching.news()] == [("cat",)]
    matching.saw("a", seen(101, 2, "dog"))
    assert [added.labels for _, added in matching.news()] == [("dog",)]
    matching.saw("a", None)
    assert [added.labels for _, added in matching.news()] == [()]
    matching.forget("1")
    matching.saw("b", seen(101, 2, "cat"))
    assert list(matching.news()) == []


def test_of_an_event_of_which_not_all_is_known_nothing_is_told() -> None:
    matching = Matching(LASTS, at(5))
    matching.began("old", 101, at(4))
    matching.began("new", 101, at(6))
    matching.saw("a", seen(101, 7, "cat"))
    assert [name for name, _ in matching.news()] == ["new"]
    matching.forget_before(at(8))
    matching.saw("b", seen(101, 9, "dog"))
    assert list(matching.news()) == []


def test_what_is_remembered_is_bounded() -> None:
    matching = Matching(LASTS, NOON)
    for number in range(MOST_EVENTS + 5):
        matching.began(str(number), number, at(1))
    matching.began("last", 1, at(1))
    for number in range(MOST_SEEN + 5):
        matching.saw(str(number), seen(-1 - number % 5000, 1 + number / MOST_SEEN, "cat"))
    assert len(matching._events) == MOST_EVENTS
    assert len(matching._seen) == MOST_SEEN
    assert list(matching.news()) == [], "of events that began before what was forgotten, not all is known"
