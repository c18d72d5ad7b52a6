"""What a control type can do, and the names of presets: read from whatever ZoneMinder says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.zoneminder.test_parse import JSON
from tests.fakes.zoneminder import control

from vms_bridge.zoneminder.ptz_values import (
    MOST_PRESETS,
    Direction,
    Limits,
    PtzMode,
    parse_control,
    parse_preset_names,
)

COLUMNS = st.sampled_from(sorted(control.AXIS))


def test_a_control_type_that_1_36_brings_along() -> None:
    found = parse_control({"Control": control.AXIS})
    assert found is not None
    assert (found.id, found.name, found.protocol) == ("4", "Axis API v2", "AxisV2")
    assert found.moves == (PtzMode.RELATIVE,)
    assert found.directions == tuple(Direction)
    assert (found.moves_to_point, found.has_home, found.sets_presets, found.presets) == (True, True, True, 12)
    assert found.pan.range == Limits(least=-360, most=360)
    assert found.pan.step == Limits(least=1, most=90)
    assert found.pan.speed is None
    assert found.zoom.step == Limits(least=10, most=2500)
    assert found.focus.is_automatic
    assert not found.zoom.is_automatic
    assert not found.gain.modes
    assert found.raw["MaxPanRange"] == 360
    assert "MaxPanRange" not in repr(found)


@pytest.mark.parametrize("spell", [str, int, bool], ids=["text", "number", "boolean"])
def test_every_spelling_of_yes_is_read(spell: type) -> None:
    said = {name: spell(value) if name.startswith(("Can", "Has")) else value for name, value in control.AMCREST.items()}
    if spell is str:
        said |= {name: str(control.AMCREST[name]) for name in said if name.startswith(("Can", "Has"))}
    found = parse_control(said)
    assert found is not None
    assert found.moves == found.zoom.modes == (PtzMode.CONTINUOUS,)
    assert found.directions == (Direction.UP, Direction.DOWN, Direction.LEFT, Direction.RIGHT)
    assert not found.has_home
    assert found.presets == 5
    assert found.resets


def test_an_axis_that_is_not_there_has_no_direction() -> None:
    found = parse_control(control.AXIS | {"CanTilt": 0})
    assert found is not None
    assert found.directions == (Direction.LEFT, Direction.RIGHT)


def test_a_part_that_is_switched_off_has_no_mode_whatever_its_columns_say() -> None:
    found = parse_control(control.AXIS | {"CanZoom": "0", "CanMove": False})
    assert found is not None
    assert not found.zoom.modes
    assert not found.moves
    assert not found.directions
    assert not found.moves_to_point


def test_presets_without_a_number_may_be_any() -> None:
    found = parse_control(control.AXIS | {"NumPresets": 0})
    assert found is not None
    assert found.presets == MOST_PRESETS


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(COLUMNS, JSON | st.sampled_from(["1", 1, True, -5, 10**30])) | JSON)
def test_any_row_is_read(row: object) -> None:
    for raw in (row, {"Control": row}):
        found = parse_control(raw)
        assert found is None or (found.id.isdecimal() and 0 <= found.presets <= MOST_PRESETS)


def test_the_names_of_presets_stand_in_the_control_page() -> None:
    page = """<button type="button" class="ptzNumBtn" title="Gate &amp; &quot;drive&quot;" data-on-click="controlCmd"
        value="presetGoto1"/>1</button><button title="" value="presetGoto2">2</button>
        <input type="button" class="ptzNumBtn" title=" the   pond " value="3" onclick="controlCmd('presetGoto3')"/>
        <button title="Home" value="presetHome">Home</button><button title="far too high" value="presetGoto999">x</button>"""
    assert parse_preset_names(page) == {1: 'Gate & "drive"', 3: "the pond"}
    slashed = r"""<button title="O\&#039;Neill\&#039;s \&quot;a\\b\&quot;" value="presetGoto1">"""
    assert parse_preset_names(slashed) == {1: "O'Neill's \"a\\b\""}


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["<![", "<!--", "<button title='", "&#x110000;", "</"]), st.text(max_size=20))
def test_any_page_is_read(before: str, odd: str, after: str) -> None:
    names = parse_preset_names(f"<button title='{before}' value='presetGoto1'>{odd}{after}")
    assert all(0 < number <= MOST_PRESETS and 0 < len(name) <= 64 for number, name in names.items())
