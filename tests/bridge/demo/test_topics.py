from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.demo.topics import Grant, Subscriptions, is_filter, is_topic, matches

LEVELS = st.lists(st.sampled_from(["", "a", "b", "$SYS"]), min_size=1, max_size=4)
FILTER_LEVELS = st.lists(st.sampled_from(["", "a", "b", "$SYS", "+"]), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/+", "a", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "b", False),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("+/+", "/a", True),
        ("+", "/a", False),
        ("a/+/c/#", "a/b/c", True),
    ],
)
def test_a_filter_covers_what_the_standard_says(topic_filter: str, topic: str, *, expected: bool) -> None:
    assert matches(topic_filter, topic) is expected


@given(st.lists(st.tuples(st.sampled_from("xyz"), FILTER_LEVELS, st.booleans()), max_size=6), LEVELS)
@settings(max_examples=300, deadline=None)
def test_the_tree_finds_what_filters_one_by_one_would(entries: list[tuple[str, list[str], bool]], levels: list[str]) -> None:
    topic = "/".join(levels)
    subscriptions: Subscriptions[str] = Subscriptions()
    wanted: dict[str, set[str]] = {}
    for who, filter_levels, open_ended in entries:
        topic_filter = "/".join([*filter_levels, "#"] if open_ended else filter_levels)
        known = wanted.setdefault(who, set())
        assert subscriptions.add(who, topic_filter, Grant()) is (topic_filter not in known)
        known.add(topic_filter)
    expected = {who for who, filters in wanted.items() if any(matches(one, topic) for one in filters)}
    assert set(subscriptions.match(topic)) == expected
    for who, filters in wanted.items():
        for topic_filter in filters:
            assert subscriptions.remove(who, topic_filter)
            assert not subscriptions.remove(who, topic_filter)
    assert not subscriptions._root.children


def test_overlapping_subscriptions_give_the_best_of_both_once() -> None:
    subscriptions: Subscriptions[str] = Subscriptions()
    subscriptions.add("x", "a/#", Grant(qos=0, retain_as_published=True))
    subscriptions.add("x", "a/+", Grant(qos=1))
    assert subscriptions.match("a/b") == {"x": Grant(qos=1, retain_as_published=True)}


def test_no_local_keeps_a_message_from_its_sender() -> None:
    subscriptions: Subscriptions[str] = Subscriptions()
    subscriptions.add("x", "a", Grant(no_local=True))
    subscriptions.add("y", "a", Grant(no_local=True))
    assert set(subscriptions.match("a", "x")) == {"y"}


@pytest.mark.parametrize("bad", ["", "a+", "a/#/b", "#a", "a/b#", "+a/b", "/" * 200])
def test_what_is_no_filter(bad: str) -> None:
    assert not is_filter(bad)


@pytest.mark.parametrize("bad", ["", "a/+", "#", "/" * 200])
def test_what_is_no_topic(bad: str) -> None:
    assert not is_topic(bad)
    assert is_topic("a//b")
