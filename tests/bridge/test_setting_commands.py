"""Settings of a monitor as commands: one row for all, each by its own name and within its own bounds."""

from __future__ import annotations

import pytest

from vms_bridge.commands import COMMANDS, Request, Seen, SetSetting, TargetKind
from vms_bridge.commands.settings import SETTINGS
from vms_bridge.errors import CommandRejected
from vms_bridge.model import Monitor, MonitorState, SystemState


def parsed(name: str, value: str) -> object:
    return COMMANDS.parse(TargetKind.MONITOR, name, Request(value=value), {})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.key)
def test_each_goes_by_its_name_and_keeps_its_bounds(setting: object) -> None:
    assert isinstance(setting, type(SETTINGS[0]))
    for value in (setting.least, setting.most):
        assert parsed(setting.key, f"{value:g}" if value < 10_000 else str(value)) == SetSetting(setting=setting.key, value=value)
    for wrong in (str(setting.least - 0.1), str(setting.most + 1), "nan", "inf", "fast", "1e400"):
        with pytest.raises(CommandRejected, match=setting.key):
            parsed(setting.key, wrong)


def test_a_value_is_rounded_to_its_step() -> None:
    assert parsed("max_fps", "2.5499") == SetSetting(setting="max_fps", value=2.5)
    assert parsed("section_length", "299.6") == SetSetting(setting="section_length", value=300.0)


def test_the_rows_own_name_is_no_setting() -> None:
    with pytest.raises(CommandRejected, match="which setting"):
        parsed("setting", "1")


def test_it_is_refused_where_the_monitor_has_it_not_and_shows_in_the_state() -> None:
    action = SetSetting(setting="max_fps", value=2.5)
    row = COMMANDS.row_of(action)
    monitor = Monitor(id="1", name="x", settings=("section_length",))
    assert "it has section_length" in (row.refusal(action, SystemState(), monitor) or "")
    assert row.refusal(action, SystemState(), Monitor(id="1", name="x", settings=("max_fps",))) is None
    assert row.effect is not None
    shows = row.effect(action, None)
    assert shows(Seen(SystemState(), MonitorState(settings={"max_fps": 2.5})))
    assert not shows(Seen(SystemState(), MonitorState(settings={"max_fps": 2.0})))
    assert not shows(Seen(SystemState(), MonitorState()))
