"""Texts as others write them come in fit to be stored, shown and told apart."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.commands import COMMANDS, Action, Restart, SetArmed, SetMode, SetRunState
from vms_bridge.hub.labels import Labels
from vms_bridge.hub.text import NAME_CHARACTERS, PROSE_CHARACTERS, clean, shown, without
from vms_bridge.model import AlarmState, Event, Monitor, MonitorState, SystemState, Zone

ESC, NUL, TURNED = "\x1b[31m", "\x00", "\u202e"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Driveway", "Driveway"),
        (" Drive  way\n", "Drive way"),
        (f"a{ESC}b{NUL}c", "a [31mb c"),
        (f"{TURNED}gnp.exe", "gnp.exe"),
        ("a\u2066b\u2069\u200b\ufeff\u00ad", "ab"),
        ("one\u2028two\u2029three\x85four\x9b31m", "one two three four 31m"),
        ("half \ud83d", "half ?"),
        ("Küche 🎥 улица 東", "Küche 🎥 улица 東"),
        ("e\u0301", "e\u0301"),
        (TURNED, ""),
        ("\u3164", ""),
        ("front \u00ad door", "front door"),
    ],
)
def test_names(written: str, read: str) -> None:
    assert shown(written) == read


def test_what_is_too_long_is_cut() -> None:
    assert shown("x" * NAME_CHARACTERS) == "x" * NAME_CHARACTERS
    assert shown("x" * 5_000) == "x" * NAME_CHARACTERS
    assert len(shown("🎥" * 5_000)) == NAME_CHARACTERS
    assert shown(" " * 100_000 + "x") == ""


@given(text=st.text(max_size=600))
def test_any_text(text: str) -> None:
    read = shown(text)
    assert len(read) <= NAME_CHARACTERS
    assert read == shown(read)
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in read)
    assert not any(
        unicodedata.bidirectional(char) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"} for char in read
    )
    read.encode()


def test_every_text_of_a_backend_but_what_the_vms_is_asked_by() -> None:
    odd = f"a{ESC}{TURNED}"
    monitor = clean(
        Monitor(id=odd, name=odd, model=odd, zones=(Zone(id=odd, name=odd, kind=odd),), modes={"function": (odd,)}, area=None)
    )
    assert (monitor.name, monitor.model) == ("a [31m", "a [31m")
    assert (monitor.zones[0].name, monitor.zones[0].kind) == ("a [31m", "a [31m")
    assert (monitor.id, monitor.zones[0].id, monitor.modes) == (odd, odd, {"function": (odd,)})
    event = clean(Event(id=odd, monitor_id=odd, start=None, cause=odd, notes=odd * 5_000, labels=(odd,), zones=(odd,)))
    assert (event.id, event.monitor_id, event.cause, event.labels, event.zones) == (odd, odd, "a [31m", ("a [31m",), ("a [31m",))
    assert len(event.notes) <= 4_000
    state = clean(MonitorState(alarm=AlarmState.IDLE, detail=odd * 1_000, cause=odd, modes={odd: odd}, zones={odd: True}))
    assert state.alarm is AlarmState.IDLE
    assert len(state.detail or "") == PROSE_CHARACTERS
    assert (state.cause, state.modes, state.zones) == ("a [31m", {odd: odd}, {odd: True})
    good = SystemState(version="1.36.33", run_states=("Home",))
    assert clean(good) is good


def named(action: Action, labels: Labels) -> Action:
    return COMMANDS.row_of(action).named(action, labels.choice)


def test_choices_become_labels_and_back() -> None:
    labels = Labels()
    choices = ("Home\u200b", "Home", " Home ", "", TURNED, "x" * 1_000, "x" * 999, "Home")
    shown_as = labels.all_of(choices)
    assert shown_as[:5] == ("Home (2)", "Home", "Home (3)", "unnamed", "unnamed (2)")
    assert len(set(shown_as)) == len(set(choices)) == len(shown_as)
    assert max(map(len, shown_as)) <= NAME_CHARACTERS
    assert [labels.choice(label) for label in shown_as] == list(dict.fromkeys(choices))
    assert labels.all_of(choices) == shown_as
    assert named(SetRunState(name="Home (2)"), labels) == SetRunState(name="Home\u200b")
    assert named(SetMode(mode="m", value="unnamed"), labels) == SetMode(mode="m", value="")
    restoring = SetArmed(on=True, restore={"m": "Home (3)", "n": "never met"})
    assert named(restoring, labels) == SetArmed(on=True, restore={"m": " Home ", "n": "never met"})
    for action in (SetArmed(on=False), Restart()):
        assert named(action, labels) is action
    modes = {"m": "Home"}
    assert labels.values_of(modes) is modes
    assert labels.values_of({"m": " Home "}) == {"m": "Home (3)"}


def test_choices_that_change_for_ever_fill_nothing() -> None:
    labels = Labels()
    for number in range(12_000):
        assert labels.choice(labels.of(f"{number}{TURNED}")) == f"{number}{TURNED}"
    assert len(labels._labels) <= 5_000


def test_secrets_are_taken_out_of_sentences() -> None:
    state = MonitorState(detail="refused sesame", cause="sesame", event_id="sesame")
    struck = without(state, lambda text: text.replace("sesame", "***"), "detail", "cause")
    assert (struck.detail, struck.cause, struck.event_id) == ("refused ***", "***", "sesame")
    assert without(state, str, "detail") is state
