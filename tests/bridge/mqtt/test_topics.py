from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vms_bridge.keys import is_monitor_key
from vms_bridge.messaging import covers
from vms_bridge.mqtt.topics import CommandTarget, Subject, Topics
from vms_bridge.own_entities import KEY
from vms_bridge.scripts.folder import NAME

if TYPE_CHECKING:
    from collections.abc import Callable

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


@given(script=st.from_regex(NAME, fullmatch=True), key=st.from_regex(KEY, fullmatch=True))
@example(script="state", key="event")
@example(script="status", key="log")
def test_nothing_that_is_said_of_scripts_is_taken_for_a_command_or_for_another(script: str, key: str) -> None:
    said = [TOPICS.script_status(script), TOPICS.script_log(script)]
    said += [TOPICS.script_state(script, key), TOPICS.script_event(script, key)]
    assert len({*said, f"{TOPICS.script_commands(script)}/{key}"}) == len(said) + 1
    for topic in said:
        assert not any(covers(each, topic) for each in TOPICS.command_filters)
        assert TOPICS.stray_command(topic) is None
        assert TOPICS.parse_state(topic) is None
    assert TOPICS.parse_script(said[0]) == (script, None)
    assert TOPICS.parse_script(said[2]) == (script, key)
    assert TOPICS.parse_script_command(f"{TOPICS.script_commands(script)}/{key}") == (script, key)


@given(st.from_regex(r"[A-Za-z0-9_-]{1,48}", fullmatch=True).filter(is_monitor_key))
def test_no_monitor_has_a_topic_that_is_taken_for_a_command(key: str) -> None:
    for topic in (*TOPICS.monitor_retained("zm", key), TOPICS.monitor_event("zm", key), TOPICS.detection("zm", key)):
        assert not any(covers(each, topic) for each in TOPICS.command_filters)


@pytest.mark.parametrize("is_name", [NAME.fullmatch, KEY.fullmatch, is_monitor_key])
def test_nothing_is_called_as_what_topics_of_commands_have(is_name: Callable[[str], object]) -> None:
    assert not is_name("set")
    assert is_name("sets")
    assert is_name("set_")


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
