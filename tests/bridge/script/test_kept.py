"""State and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vms_bridge import script
from vms_bridge.script import Choice, Duration, Number, Secret, Switch, Text, TooLarge, kept, set_by_people, settings, state
from vms_bridge.script.declared import DECLARED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.script_link import FakeLink

api: Any = script
"""As an author has it whose editor does not look at types."""


def test_state_is_a_mapping_of_copies_and_told_to_the_bridge(link: FakeLink) -> None:
    kept.load(b'{"old": [1]}')
    state["list"] = [1]
    state["list"].append(2)
    assert state["list"] == [1]
    assert (len(state), sorted(state), "old" in state, state.get("none", 5)) == (2, ["list", "old"], True, 5)
    del state["old"]
    state["nothing"] = None
    assert state["nothing"] is None
    state.ttl("greeted", True, "1h").result()
    state.clear()
    assert not state
    assert link.asked == [
        ("state.set", {"key": "list", "value": [1]}),
        ("state.delete", {"key": "old"}),
        ("state.set", {"key": "nothing", "value": None}),
        ("state.set", {"key": "greeted", "value": True, "ttl_s": 3600}),
        ("state.clear", {}),
    ]
    for missing in (lambda: state["old"], lambda: state.__delitem__("old")):
        with pytest.raises(KeyError, match="old"):
            missing()


async def test_what_is_not_kept_is_put_back_and_told(link: FakeLink) -> None:
    state["a"] = 1
    link.errors["state.set"] = ("too_large", "the state is full", "clear some")
    with pytest.raises(TooLarge, match="full"):
        await state.set("a", 2)
    state["b"] = 1
    assert dict(state) == {"a": 1}
    assert link.logged[0][:2] == ("error", "state.set: the state is full (clear some)")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("", 1, "a key of state is empty"),
        (5, 1, "a key of state is a text"),
        ("k" * 201, 1, "at most 200 characters"),
        ("a", object(), r"state\['a'\]: object has no form in JSON"),
        ("a", "x" * 1_000_000, "has at most 512 KB as JSON"),
    ],
)
def test_what_can_not_be_kept_is_told_before_anything_is_sent(link: FakeLink, key: str, value: object, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        state[key] = value
    assert not link.asked


def test_who_watches_is_told_of_what_others_change(link: FakeLink) -> None:
    @state.watch("door")
    def door(value: object) -> None:
        pass

    @state.watch("door")
    def changed() -> None:
        pass

    kept.change({"door": "open", "other": 1}, ["gone"])
    assert link.ran == [(door, ("open",)), (changed, ())]
    assert dict(state) == {"door": "open", "other": 1}
    kept.change({}, ["door"])
    assert link.ran[2:] == [(door, (None,)), (changed, ())]
    assert dict(state) == {"other": 1}


@pytest.mark.usefixtures("link")
def test_settings_have_their_values_from_the_bridge() -> None:
    set_by_people.take({"mode": "night"})
    settings(
        limit=Number(0.5, min=0, max=1, step=0.1, unit="m", title="Limit", help="How far"),
        mode=Choice("day", options=["day", "night"]),
        text=Text("a", max_length=10),
        on=Switch(True),
        wait=Duration("1m", min="1s", max=120),
        pin=Secret(title="PIN"),
    )
    assert DECLARED.settings == {
        "limit": {
            "type": "number", "default": 0.5, "min": 0, "max": 1, "step": 0.1, "unit": "m", "title": "Limit", "help": "How far",
        },
        "mode": {"type": "choice", "default": "day", "options": ["day", "night"]},
        "text": {"type": "text", "default": "a", "max_length": 10},
        "on": {"type": "switch", "default": True},
        "wait": {"type": "duration", "default": 60, "min": 1, "max": 120},
        "pin": {"type": "secret", "default": None, "title": "PIN"},
    }  # fmt: skip
    assert (settings["mode"], settings["wait"], settings["pin"], settings.get("none", 1)) == ("night", 60, None, 1)
    assert ("mode" in settings, len(settings), min(settings)) == (True, 6, "limit")
    set_by_people.take({"wait": 5})
    assert settings.as_dict()["wait"] == 5
    with pytest.raises(KeyError, match="there is no setting 'mod'; did you mean 'mode'"):
        settings["mod"]
    DECLARED.is_closed = True
    with pytest.raises(RuntimeError, match="top level"):
        settings(more=Number(1))


@pytest.mark.usefixtures("link")
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: api.Number(5, max=1), "the default is between"),
        (lambda: api.Number(None), "a Number has a default"),
        (lambda: api.Number(1, min=5, max=1), "min is between"),
        (lambda: api.Number(1, step=0), "step is more than nothing"),
        (lambda: api.Number(1, title=5), "title is a text"),
        (lambda: api.Text(5), "the default is a text"),
        (lambda: api.Text("xx", max_length=1), "at most 1 characters"),
        (lambda: api.Choice("nigth", options=["day", "night"]), "did you mean 'night'"),
        (lambda: api.Choice("day", options="day"), "options is a list"),
        (lambda: api.Switch("on"), "True or False"),
        (lambda: api.Duration("1m", max="30s"), "the default is between min and max"),
        (lambda: api.settings(a=5), "a is a Number, Text"),
        (lambda: api.settings(**{f"s{number}": api.Number(1) for number in range(65)}), "at most 64 settings"),
    ],
)
def test_what_can_not_be_a_setting_is_told(wrong: Callable[[], object], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        wrong()
