"""What a script may do, what it may ask for, and how both are told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.commands import Level
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripting import Difference
from vms_bridge.scripts import permissions as checks
from vms_bridge.scripts.permission_words import differences, in_words
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Callable

RESERVED = ("vms_bridge", "homeassistant", "house/bridge")
FULL = Permissions(
    monitors=("zm/1", "yard/*"),
    commands=("trigger", "restart"),
    http=("https://api.example/*", "http://192.168.1.20/*", "https://*.example.org/*"),
    mqtt=("home/gate/#",),
    listen=("home/door/+",),
    webhooks=("gate",),
    secrets=("gate_token",),
    notify=True,
    entities=True,
    annotate=True,
    export=True,
    logs=True,
    detect=True,
)


def asking(name: str, asked: str) -> Permissions:
    lists: dict[str, Any] = {name: (asked,)}
    return replace(Permissions(), **lists)


def test_monitors_are_seen_by_system_and_key() -> None:
    assert checks.sees(FULL, ("zm", "1"))
    assert checks.sees(FULL, ("yard", "front"))
    assert not checks.sees(FULL, ("zm", "11"))
    assert not checks.sees(FULL, ("ZM", "1"))
    assert checks.sees_any(FULL, [("zm", "2"), ("zm", "1")])
    assert not checks.sees_any(FULL, [("zm", "2")])
    assert checks.sees_any(Permissions(), [])


@pytest.mark.parametrize(
    ("about", "limited", "all_of_one", "everybody"),
    [
        (("zm", "1"), True, True, True),
        (("zm", "2"), False, True, True),
        (("zm", ""), True, True, True),
        (("other", "1"), False, False, True),
        (("other", ""), False, False, True),
        (("unheard_of", ""), False, False, True),
        (("", ""), False, False, True),
    ],
)
def test_who_sees_a_monitor_hears_how_its_system_fares_and_of_no_other(
    about: tuple[str, str],
    limited: bool,  # noqa: FBT001
    all_of_one: bool,  # noqa: FBT001
    everybody: bool,  # noqa: FBT001
) -> None:
    systems = {"zm": ("1", "2"), "other": ("1",)}
    expected = {("zm/1",): limited, ("zm/*",): all_of_one, ("*",): everybody}
    for monitors, is_told in expected.items():
        assert checks.hears(Permissions(monitors=monitors), about, lambda system: systems.get(system, ())) is is_told


def test_a_named_command_may_be_of_any_level_and_a_star_is_control() -> None:
    assert checks.level_for(FULL, "trigger") is Level.ADMIN
    assert checks.level_for(FULL, "function", "restart") is Level.ADMIN
    assert checks.level_for(Permissions(commands=("*",)), "restart") is Level.CONTROL
    with pytest.raises(PermissionMissing, match="arm") as refused:
        checks.level_for(FULL, "arm")
    assert "permissions(commands=['arm'])" in refused.value.hint


def test_urls_are_granted_by_patterns() -> None:
    found = checks.require_url(FULL, "https://api.example/v1")
    assert str(found.url) == "https://api.example/v1"
    assert not found.is_address_granted
    assert checks.require_url(FULL, "http://192.168.1.20/open").is_address_granted
    assert not checks.require_url(FULL, "https://x.example.org/").is_address_granted
    for refused in ("https://other.example/", "https://api.example@evil.example/", "http://127.0.0.1/", "ftp://api.example/"):
        with pytest.raises(PermissionMissing):
            checks.require_url(FULL, refused)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: checks.require_publish(FULL, "home/door", RESERVED),
        lambda: checks.require_publish(FULL, "home/gate/+", RESERVED),
        lambda: checks.require_publish(FULL, "$SYS/x", RESERVED),
        lambda: checks.require_publish(replace(FULL, mqtt=("vms_bridge/#",)), "vms_bridge/zm/3/set", RESERVED),
        lambda: checks.require_listen(FULL, "home/door/#", RESERVED),
        lambda: checks.require_listen(FULL, "#", RESERVED),
        lambda: checks.require_listen(replace(FULL, listen=("homeassistant/#",)), "homeassistant/status", RESERVED),
        lambda: checks.require_webhook(FULL, "door"),
        lambda: checks.require_secret(FULL, "other"),
        lambda: checks.require_flag(Permissions(), "notify"),
    ],
)
def test_what_is_not_granted_is_refused(refused: Callable[[], None]) -> None:
    with pytest.raises(PermissionMissing):
        refused()


def test_what_is_granted_is_not_refused() -> None:
    checks.require_publish(FULL, "home/gate/open", RESERVED)
    checks.require_listen(FULL, "home/door/+", RESERVED)
    checks.require_listen(FULL, "home/door/front", RESERVED)
    checks.require_webhook(FULL, "gate")
    checks.require_secret(FULL, "gate_token")
    for flag in checks.FLAGS:
        checks.require_flag(FULL, flag)


def test_a_full_header_may_be_asked_for() -> None:
    assert checks.mistakes_in(FULL, RESERVED) == ()


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("mqtt", "vms_bridge/zm/3/set/armed"),
        ("mqtt", "homeassistant/#"),
        ("mqtt", "house/#"),
        ("mqtt", "house/+/x"),
        ("mqtt", "home/#/x"),
        ("mqtt", "+/gate"),
        ("mqtt", "#"),
        ("listen", "$SYS/#"),
        ("listen", "vms_bridge/+/status"),
        ("http", "http://169.254.169.254/*"),
        ("http", "https://*/*"),
        ("http", "https://api.example/" + "*a" * 9),
        ("monitors", "front"),
        ("monitors", "zm/[0-9]"),
        ("monitors", "*" * 9),
        ("monitors", ""),
        ("commands", "Trigger now"),
        ("webhooks", "../gate"),
        ("secrets", "a" * 200),
        ("secrets", "a\x1b[2J"),
    ],
)
def test_what_no_header_may_ask_for(name: str, asked: str) -> None:
    (mistake,) = checks.mistakes_in(asking(name, asked), RESERVED)
    assert mistake.permission == name
    assert mistake.text


def test_a_header_asks_for_a_bounded_number() -> None:
    assert checks.mistakes_in(Permissions(secrets=("a",) * 65))


TOPIC = st.lists(st.sampled_from(("vms_bridge", "homeassistant", "a", "+", "#", "$SYS", "", "zm")), min_size=1, max_size=4).map(
    "/".join
)


@given(TOPIC, TOPIC)
def test_nothing_that_may_be_asked_for_reaches_the_bridges_topics(asked: str, topic: str) -> None:
    for name, require in (("mqtt", checks.require_publish), ("listen", checks.require_listen)):
        permissions = asking(name, asked)
        try:
            require(permissions, topic, RESERVED)
        except PermissionMissing:
            continue
        assert topic.partition("/")[0] not in {"vms_bridge", "homeassistant", "+", "#", "$SYS"}


def test_permissions_are_compared_whatever_their_order() -> None:
    one, other = Permissions(commands=("b", "a", "a")), Permissions(commands=("a", "b"))
    assert checks.normal(one) == checks.normal(other)


def test_less_is_within_more() -> None:
    assert checks.is_within(replace(FULL, http=(), notify=False), FULL)
    assert checks.is_within(FULL, FULL)
    assert checks.is_within(FULL, replace(FULL, monitors=("*",)))
    assert not checks.is_within(replace(FULL, monitors=("*",)), FULL)
    assert not checks.is_within(FULL, replace(FULL, logs=False))
    assert not checks.is_within(replace(FULL, mqtt=("x/#",)), FULL)


def test_permissions_in_words() -> None:
    assert in_words(Permissions()) == ("see all monitors",)
    assert in_words(Permissions(monitors=("zm/1",), commands=("*", "restart"), notify=True)) == (
        "see the monitors zm/1",
        "give all commands of the level control and restart",
        "send notifications",
    )
    assert len(in_words(FULL)) == 13


def test_differences_in_words() -> None:
    assert differences(FULL, FULL) == ()
    assert differences(None, Permissions()) == (Difference(is_more=True, text="see all monitors"),)
    now = replace(FULL, mqtt=("home/gate/#", "home/bell"), logs=False)
    assert differences(FULL, now) == (
        Difference(is_more=True, text="publish to the MQTT topics home/bell"),
        Difference(is_more=False, text="read the logs of the systems and of the bridge"),
    )
    assert differences(Permissions(), Permissions(monitors=("zm/1",))) == (Difference(is_more=False, text="see all monitors"),)
