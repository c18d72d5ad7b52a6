"""What a bridge says, and what a thing that is none may say."""

from __future__ import annotations

import contextlib
from dataclasses import FrozenInstanceError, fields
from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge import models
from custom_components.vms_bridge.errors import NotABridge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

ALWAYS = settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
HELLO = {
    "type": "hello",
    "bridge_id": "5f0c7a52e9d14b0c",
    "version": "0.1.0",
    "lowest_protocol": 1,
    "highest_protocol": 1,
    "token": True,
    "nonce": "ab" * 32,
}
WELCOME = {"type": "welcome", "scope": "control", "name": "Home Assistant", "epoch": "5d1f0c3a9b7e"}
MONITOR = {
    "system": "zm",
    "key": "1",
    "name": "Front door",
    "area": "Garden",
    "model": "AXIS P3245",
    "width": 1920,
    "height": 1080,
    "zones": [{"key": "1", "name": "Drive", "kind": "active", "points": [[0, 0.5]]}],
    "modes": {"function": ["None", "Monitor", "Modect"]},
    "capabilities": ["alarm_state", "event_clip"],
    "entities": ["motion", "armed"],
}
ACK = {
    "v": 1,
    "request_id": "7f9c",
    "system": "zm",
    "monitor": "1",
    "command": "alarm",
    "result": "applied",
    "applied": "ON",
    "error": None,
    "time": "2026-11-20T11:00:00Z",
}
WHOLE: dict[Callable[[object], object], dict[str, Any]] = {
    models.Info.parse: {"bridge_id": "5f0c", "name": "Home", "protocol": {"lowest": 1, "highest": 1}},
    models.Health.parse: {"version": "0.1.0", "instance": "home", "epoch": "x", "problem": None, "undelivered": 0, "given_up": 0},
    models.Zone.parse: {"key": "1", "name": "Drive", "kind": "active"},
    models.Monitor.parse: MONITOR,
    models.System.parse: {
        "key": "zm",
        "name": "Shed",
        "kind": "zoneminder",
        "monitors": ["1"],
        "capabilities": ["archive"],
        "entities": ["problem"],
    },
    models.Claim.parse: {"holder": "0f3e", "since": "2026-11-20T11:00:00Z", "seen": "2026-11-20T11:00:00Z", "is_own": True},
    models.Ack.parse: ACK,
    models.Proof.parse: {"bridge_id": "5f0c", "host": "h", "certificate": "ab" * 32, "nonce": "ab", "mac": "cd"},
    models.Paired.parse: {"token_id": "k3n8x0c2va", "scope": "control", "sealed": "ab", "mac": "cd"},
    models.Hello.parse: HELLO,
    lambda json: models.Welcome.parse(json, models.Hello.parse(HELLO)): WELCOME,
}
PARSERS = pytest.mark.parametrize(
    ("parse", "whole"),
    WHOLE.items(),
    ids=["info", "health", "zone", "monitor", "system", "claim", "ack", "proof", "paired", "hello", "welcome"],
)


def test_a_monitor_is_read_with_all_that_it_has() -> None:
    read = models.Monitor.parse({**MONITOR, "state": {"motion": True}, "newer": 7})
    assert read == models.Monitor(
        system="zm",
        key="1",
        name="Front door",
        area="Garden",
        model="AXIS P3245",
        width=1920,
        height=1080,
        zones=(models.Zone(key="1", name="Drive", kind="active"),),
        modes={"function": ("None", "Monitor", "Modect")},
        capabilities=frozenset({"alarm_state", "event_clip"}),
        entities=("motion", "armed"),
    )


def test_a_monitor_of_which_little_is_said_is_one_all_the_same() -> None:
    read = models.Monitor.parse({"system": "zm", "key": "1"})
    assert (read.name, read.area, read.width, read.zones, read.entities) == ("1", None, None, (), ())


def test_what_is_newer_in_a_list_is_passed_over_and_nothing_is_there_twice() -> None:
    said = {
        **MONITOR,
        "entities": ["motion", {"newer": 1}, 7, "motion"],
        "modes": {"function": ["Off", 7], "newer": {"more": 1}},
        "zones": [{"key": "1", "name": "Old"}, {"key": "1", "name": "New"}],
    }
    read = models.Monitor.parse(said)
    assert read.entities == ("motion",)
    assert dict(read.modes) == {"function": ("Off",)}
    assert [zone.name for zone in read.zones] == ["New"]


def test_a_picture_can_t_be_of_no_or_of_endless_size() -> None:
    read = models.Monitor.parse({**MONITOR, "width": -1, "height": 10**9})
    assert (read.width, read.height) == (None, None)


@PARSERS
def test_what_a_bridge_says_is_read_and_can_t_be_changed(parse: Callable[[object], object], whole: dict[str, Any]) -> None:
    read = parse(whole)
    assert read == parse({**whole, "something newer": [1]})
    with pytest.raises(FrozenInstanceError):
        setattr(read, fields(read)[0].name, 7)  # type: ignore[arg-type]


@PARSERS
@pytest.mark.parametrize("said", [None, [], "text", 7, {}, True])
def test_what_is_none_of_it_is_refused(parse: Callable[[object], object], whole: dict[str, Any], said: object) -> None:
    assert whole
    with pytest.raises(NotABridge):
        parse(said)


@PARSERS
@ALWAYS
@given(data=st.data())
def test_one_strange_value_is_read_or_refused(
    parse: Callable[[object], object], whole: dict[str, Any], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(whole)))
    said = {**whole, name: data.draw(ANYTHING)}
    try:
        read = parse(said)
    except NotABridge:
        return
    assert read == parse(said)


@PARSERS
@ALWAYS
@given(said=ANYTHING)
def test_anything_is_read_or_refused(parse: Callable[[object], object], whole: dict[str, Any], said: object) -> None:
    assert whole
    with contextlib.suppress(NotABridge):
        parse(said)


@pytest.mark.parametrize("key", ["", "a/b", "..", "a\nb", "a b", "é", "x" * 65, 7, None, "a%2fb"])
def test_a_key_is_good_for_ids_and_paths(key: object) -> None:
    with pytest.raises(NotABridge):
        models.Monitor.parse({**MONITOR, "key": key})
    with pytest.raises(NotABridge):
        models.Info.parse({**WHOLE[models.Info.parse], "bridge_id": key})


@pytest.mark.parametrize("nonce", ["", "zz", "abc", "AB", "ab\n", "ab" * 257, None, 7])
def test_a_nonce_is_hex(nonce: object) -> None:
    with pytest.raises(NotABridge):
        models.Hello.parse({**HELLO, "nonce": nonce})


@pytest.mark.parametrize("number", [-1, 1.0, True, "1", None, 2**53])
def test_a_protocol_is_a_whole_number(number: object) -> None:
    with pytest.raises(NotABridge):
        models.Hello.parse({**HELLO, "lowest_protocol": number})


def test_texts_and_lists_are_bounded() -> None:
    assert len(models.Monitor.parse({**MONITOR, "name": "x" * 100_000}).name) == 1_000
    with pytest.raises(NotABridge):
        models.Monitor.parse({**MONITOR, "entities": ["x"] * 10_001})
    with pytest.raises(NotABridge):
        models.Monitor.parse({**MONITOR, "modes": {str(number): [] for number in range(10_001)}})


@pytest.mark.parametrize(
    ("result", "is_done", "is_final"),
    [
        ("applied", True, True),
        ("accepted", True, True),
        ("unchanged", True, True),
        ("refused", False, True),
        ("failed", False, True),
        ("timeout", False, True),
        ("running", False, False),
        ("something newer", False, True),
    ],
)
def test_an_answer_says_whether_it_was_done(result: str, *, is_done: bool, is_final: bool) -> None:
    ack = models.Ack.parse({**ACK, "result": result})
    assert (ack.is_done, ack.is_final, ack.value) == (is_done, is_final, "ON")


def test_an_answer_says_what_went_wrong() -> None:
    ack = models.Ack.parse({**ACK, "result": "refused", "error": {"code": "rejected", "hint": "it is not armed"}})
    assert (ack.code, ack.detail, ack.request_id) == ("rejected", "it is not armed", "7f9c")


@pytest.mark.parametrize(("said", "scope"), [("read", "read"), ("admin", "admin"), ("hook", "read"), ("newer", "read")])
def test_of_a_scope_that_is_not_known_the_least_is_believed(said: str, scope: str) -> None:
    assert models.scope_of(said) == scope


def test_a_bridge_that_does_not_say_whether_it_wants_a_token_wants_one() -> None:
    assert models.Hello.parse({name: value for name, value in HELLO.items() if name != "token"}).asks_for_token
    assert not models.Hello.parse({**HELLO, "token": False}).asks_for_token


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("ab" * 32, "ab" * 32),
        (":".join(["AB"] * 32), "ab" * 32),
        (f" {'AB ' * 32}", "ab" * 32),
        ("ab" * 31, None),
        ("", None),
        ("zz" * 32, None),
    ],
)
def test_a_fingerprint_is_read_as_people_copy_it(typed: str, read: str | None) -> None:
    assert models.normal_fingerprint(typed) == read


def test_a_token_is_not_shown_where_values_are() -> None:
    granted = models.Granted(token="vb_k3n8x0c2va_secret", token_id="k3n8x0c2va", scope="control", bridge_id="5f0c")
    assert "secret" not in repr(granted)
