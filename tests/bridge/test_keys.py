"""Public keys: what may stand in a topic, whatever the VMS calls a camera."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.keys import MonitorRule, MonitorRules, is_monitor_key, monitor_key


@given(st.text(max_size=400))
def test_any_id_gets_a_key_that_fits_a_topic_and_is_stable(monitor_id: str) -> None:
    key = monitor_key(monitor_id)
    assert is_monitor_key(key)
    assert key == monitor_key(monitor_id)
    assert key == monitor_id or not is_monitor_key(monitor_id)


@given(st.sets(st.text(alphabet="aä/ +#", max_size=6), max_size=20))
def test_different_ids_get_different_keys(ids: set[str]) -> None:
    assert len({monitor_key(monitor_id) for monitor_id in ids}) == len(ids)


@pytest.mark.parametrize(("monitor_id", "key"), [("3", "3"), ("Front_Door-1", "Front_Door-1")])
def test_an_id_that_fits_is_kept(monitor_id: str, key: str) -> None:
    assert monitor_key(monitor_id) == key


@pytest.mark.parametrize("monitor_id", ["set", "state", "event", "", "a/b", "x" * 49, "#", "+", "Tür", "🚪"])
def test_an_id_that_does_not_fit_becomes_a_slug_with_a_hash(monitor_id: str) -> None:
    key = monitor_key(monitor_id)
    assert key != monitor_id
    assert key[-9] == "_"
    int(key[-8:], 16)


def test_rules_choose_by_id_or_name() -> None:
    rules = MonitorRules(include=("Front*", "7"), exclude=("*indoor*",), monitors={"8": MonitorRule(enabled=False, key="eight")})
    assert rules.shows("1", "Front door")
    assert rules.shows("7", "anything")
    assert not rules.shows("2", "Back")
    assert not rules.shows("1", "Front indoor")
    assert not rules.shows("8", "Front")
    assert (rules.key_of("8"), rules.key_of("9")) == ("eight", "9")
    assert MonitorRules().shows("anything", "at all")
