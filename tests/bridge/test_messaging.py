"""Topics and filters: what finds what, and what is nobody else's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.messaging import (
    MOST_TOPIC_CHARACTERS,
    FilterTree,
    covers,
    filter_mistake,
    matches,
    overlaps,
    reserved_mistake,
    topic_mistake,
)

_LEVEL = st.sampled_from(["", "a", "b", "c", "$x"])
TOPICS = st.lists(_LEVEL, min_size=1, max_size=4).map("/".join).filter(bool)
FILTERS = st.builds(
    lambda levels, has_rest: "/".join([*levels, "#"] if has_rest else levels),
    st.lists(st.sampled_from(["", "a", "b", "c", "+"]), min_size=1, max_size=4),
    st.booleans(),
)


def found_by_expression(topic_filter: str, topic: str) -> bool:
    """Say by a regular expression, not level by level, what a filter finds (MQTT 5.0 §4.7)."""
    pattern = re.escape(topic_filter).replace(r"\+", "[^/]*").replace(r"\#", "#")
    pattern = re.sub(r"/#$", "(/.*)?", pattern)
    pattern = ".*" if pattern == "#" else pattern
    return re.fullmatch(pattern, topic) is not None and not (topic.startswith("$") and topic_filter[0:1] in {"+", "#"})


@given(FILTERS, TOPICS)
def test_a_filter_finds_what_mqtt_says(topic_filter: str, topic: str) -> None:
    assert matches(topic_filter, topic) is found_by_expression(topic_filter, topic)


@given(st.lists(FILTERS, max_size=8), st.lists(FILTERS, max_size=4), st.lists(TOPICS, min_size=1, max_size=5))
def test_a_tree_finds_what_each_filter_does_whichever_have_come_and_gone(
    filters: list[str], gone: list[str], topics: list[str]
) -> None:
    tree: FilterTree[str] = FilterTree()
    for each in (*filters, *gone, *filters):
        tree[each] = each
    for each in set(gone):
        del tree[each]
    for topic in topics:
        assert sorted(tree.finding(topic)) == sorted(each for each in set(filters) - set(gone) if matches(each, topic))
    for each in set(filters) - set(gone):
        del tree[each]
    assert not tree._top.below


def test_a_topic_of_very_many_levels_is_looked_up_in_one_go() -> None:
    tree: FilterTree[int] = FilterTree()
    tree["/".join(["+"] * 250)] = 1
    tree["/".join([*["a"] * 200, "#"])] = 2
    assert sorted(tree.finding("/".join("a" * 250))) == [1, 2]
    assert tree.finding("/".join("a" * 251)) == [2]


@given(FILTERS, FILTERS, TOPICS)
def test_what_covers_finds_all_that_the_other_finds(one: str, other: str, topic: str) -> None:
    if covers(one, other) and matches(other, topic):
        assert matches(one, topic)


@given(FILTERS, FILTERS, TOPICS)
def test_two_that_find_the_same_topic_overlap(one: str, other: str, topic: str) -> None:
    if matches(one, topic) and matches(other, topic):
        assert overlaps(one, other)
        assert overlaps(other, one)


@given(FILTERS, TOPICS)
def test_no_filter_for_others_leads_to_what_is_reserved(topic_filter: str, rest: str) -> None:
    reserved = ("a", "b/c")
    if reserved_mistake(topic_filter, reserved) is None:
        assert not any(matches(topic_filter, topic) for root in reserved for topic in (root, f"{root}/{rest}"))


@pytest.mark.parametrize(
    "topic_filter",
    [
        *("#", "+/#", "+", "+/home/status", "$SYS/#", "$share/x/home/#", "$SYS/broker/uptime"),
        *("vms_bridge/#", "vms_bridge", "vms_bridge/+/zm/+/set/alarm", "homeassistant/status", "homeassistant/+/x/config"),
    ],
)
def test_what_leads_to_the_bridges_own_topics_is_refused(topic_filter: str) -> None:
    assert reserved_mistake(topic_filter)


def test_a_prefix_of_several_levels_is_reserved_and_what_only_looks_like_it_is_not() -> None:
    assert reserved_mistake("ha/discovery/sensor/x/config", ("ha/discovery",))
    assert reserved_mistake("ha/#", ("ha/discovery",))
    assert reserved_mistake("ha/other", ("ha/discovery",)) is None
    assert reserved_mistake("vms_bridge2/x") is None
    assert reserved_mistake("/vms_bridge/x") is None


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\x00b", "a\nb", "a\ud800", "x" * (MOST_TOPIC_CHARACTERS + 1)])
def test_what_is_no_topic_is_refused(topic: str) -> None:
    assert topic_mistake(topic)


@pytest.mark.parametrize("topic_filter", ["", "a/#/b", "a#", "a/b+", "+a/b", "a\x00", "a/##"])
def test_what_is_no_filter_is_refused(topic_filter: str) -> None:
    assert filter_mistake(topic_filter)


@pytest.mark.parametrize("topic_filter", ["a", "a/+/b", "a/#", "+/+", "#", "a//b", "Tür/außen"])
def test_what_is_a_filter_is_one(topic_filter: str) -> None:
    assert filter_mistake(topic_filter) is None
