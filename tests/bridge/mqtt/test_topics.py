from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.keys import is_monitor_key
from vms_bridge.mqtt.topics import CommandTarget, Subject, Topics

TOPICS = Topics("home", "ha")
SYSTEMS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda key: key not in {"status", "info", "health", "event", "ack", "replay", "group", "panel", "script"}
)
MONITORS = st.from_regex(r"[A-Za-z0-9_-]{1,10}", fullmatch=True).filter(is_monitor_key)


def matches(pattern: str, topic: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\+", "[^/]*"), topic) is not None


def test_topics_are_those_of_the_contract() -> None:
    assert (TOPICS.status, TOPICS.info, TOPICS.health, TOPICS.ack, TOPICS.replay, TOPICS.event) == tuple(
        f"vms_bridge/home/{name}" for name in ("status", "info", "health", "ack", "replay", "event")
    )
    assert TOPICS.system_state("zm") == "vms_bridge/home/zm/state"
    assert [
        make("zm", "1")
        for make in (TOPICS.monitor_state, TOPICS.monitor_event, TOPICS.last_event, TOPICS.snapshot, TOPICS.detection)
    ] == [f"vms_bridge/home/zm/1/{name}" for name in ("state", "event", "last_event", "snapshot", "detection")]
    assert TOPICS.bridge_discovery == "ha/device/vms_bridge_home/_bridge/config"
    assert TOPICS.system_discovery("zm") == "ha/device/vms_bridge_home/zm/config"
    assert TOPICS.monitor_discovery("zm", "1") == "ha/device/vms_bridge_home/zm-1/config"
    assert TOPICS.births == ("homeassistant/status", "ha/status")
    assert Topics("home").births == ("homeassistant/status",)


@given(SYSTEMS, MONITORS)
def test_what_is_built_is_understood(system: str, monitor: str) -> None:
    commands = {
        f"vms_bridge/home/{system}/set/run_state": CommandTarget(system, None, "run_state"),
        f"vms_bridge/home/{system}/{monitor}/set/armed": CommandTarget(system, monitor, "armed"),
        f"vms_bridge/home/{system}/event/set/delete": CommandTarget(system, None, "delete", is_on_event=True),
    }
    for topic, target in commands.items():
        assert TOPICS.parse_command(topic) == target
        assert any(matches(one, topic) for one in TOPICS.command_filters)
        assert TOPICS.parse_state(topic) is None
    for topic in TOPICS.monitor_retained(system, monitor):
        assert TOPICS.parse_state(topic) == Subject(system, monitor)
        assert TOPICS.parse_command(topic) is None
    assert TOPICS.parse_state(TOPICS.system_state(system)) == Subject(system)
    assert matches(TOPICS.own_state_filters[0], TOPICS.system_state(system))
    picture, *found = TOPICS.monitor_retained(system, monitor)
    assert all(any(matches(one, topic) for one in TOPICS.own_state_filters) for topic in found)
    assert not any(matches(one, picture) for one in TOPICS.own_state_filters), "it is large, and may be cleared unseen"
    for topic in (TOPICS.event, TOPICS.ack, TOPICS.monitor_event(system, monitor), TOPICS.detection(system, monitor)):
        assert any(matches(one, topic) for one in TOPICS.never_retained)
    discovery = {
        TOPICS.bridge_discovery: Subject(),
        TOPICS.system_discovery(system): Subject(system),
        TOPICS.monitor_discovery(system, monitor): Subject(system, monitor),
    }
    assert len(discovery) == 3
    for topic, subject in discovery.items():
        assert TOPICS.parse_discovery(topic) == subject
        assert matches(TOPICS.own_discovery_filter, topic)
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", topic.split("/")[3]), "Home Assistant takes no other characters"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "vms_bridge/home",
        "vms_bridge/home/",
        "vms_bridge/home/status",
        "vms_bridge/home/event/state",
        "vms_bridge/home/Zm/state",
        "vms_bridge/home/zm/set/",
        "vms_bridge/home/zm/state/set/armed",
        "vms_bridge/home/zm/1/set/armed/now",
        "vms_bridge/home/zm/a b/set/armed",
        "vms_bridge/home/zm/" + "x" * 49 + "/state",
        "vms_bridge/home/status/set/armed",
        "vms_bridge/other/zm/state",
        "vms_bridge/other/zm/set/run_state",
        "ha/device/vms_bridge_home/_other/config",
        "ha/device/vms_bridge_home/zm-/config",
        "ha/device/vms_bridge_home/zm-set/config",
        "ha/device/vms_bridge_home2/zm/config",
        "ha/device/vms_bridge_home/zm",
    ],
)
def test_what_is_not_ours_is_not_taken(topic: str) -> None:
    assert TOPICS.parse_command(topic) is None
    assert TOPICS.parse_state(topic) is None
    assert TOPICS.parse_discovery(topic) is None


@given(st.text())
def test_no_topic_makes_a_parser_fail(rest: str) -> None:
    for topic in (rest, f"vms_bridge/home/{rest}", f"ha/device/vms_bridge_home/{rest}"):
        TOPICS.parse_command(topic)
        TOPICS.parse_state(topic)
        TOPICS.parse_discovery(topic)


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        (TOPICS.status, "vms_bridge/home/status"),
        (TOPICS.system_state("zm"), "vms_bridge/home/+/state"),
        (TOPICS.monitor_event("zm", "1"), "vms_bridge/home/+/+/event"),
        (TOPICS.monitor_discovery("zm", "1"), "ha/device/vms_bridge_home/+/config"),
        ("elsewhere", "elsewhere"),
    ],
)
def test_topics_of_one_kind_have_one_filter(topic: str, kind: str) -> None:
    assert TOPICS.kind(topic) == kind


def test_a_monitors_state_is_cleared_last_so_that_an_interrupted_clean_up_is_found_again() -> None:
    assert TOPICS.monitor_retained("zm", "1")[-1] == TOPICS.monitor_state("zm", "1")
