"""What people change of how a monitor works: each setting is a row, with its bounds; which a monitor has, its VMS says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vms_bridge.commands.request import word
from vms_bridge.commands.row import CommandRow, in_state
from vms_bridge.commands.values import Action, TargetKind
from vms_bridge.errors import CommandRejected
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.commands.request import Request
    from vms_bridge.model import Monitor, MonitorState, SystemState


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A number that a monitor works by, from `least` to `most` in steps of `step`; `meaning` is for a message's schema."""

    key: str
    name: str
    meaning: str
    icon: str
    unit: str
    least: float
    most: float
    step: float


SETTINGS: tuple[Setting, ...] = (
    Setting(
        key="max_fps",
        name="Maximum frame rate",
        meaning="How many pictures a second are taken at most; 0: all.",
        icon="mdi:filmstrip",
        unit="fps",
        least=0.0,
        most=120.0,
        step=0.1,
    ),
    Setting(
        key="alarm_max_fps",
        name="Maximum frame rate in alarms",
        meaning="The same while there is an alarm; 0: all.",
        icon="mdi:filmstrip-box-multiple",
        unit="fps",
        least=0.0,
        most=120.0,
        step=0.1,
    ),
    Setting(
        key="analysis_max_fps",
        name="Maximum analysis rate",
        meaning="How many pictures a second are searched for motion at most; 0: all.",
        icon="mdi:magnify-scan",
        unit="fps",
        least=0.0,
        most=120.0,
        step=0.1,
    ),
    Setting(
        key="section_length",
        name="Section length",
        meaning="After so many seconds a continuous recording goes on in another event.",
        icon="mdi:timer-sand",
        unit="s",
        least=1.0,
        most=86_400.0,
        step=1.0,
    ),
)
_BY_KEY = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSetting(Action):
    """Set one of the monitor's settings."""

    setting: str
    value: float


def _parse(request: Request, name: str) -> SetSetting:
    setting = _BY_KEY.get(name)
    if setting is None:
        raise CommandRejected("which setting is not said", hint=f"the commands are: {', '.join(_BY_KEY)}")
    try:
        value = float(word(request))
    except ValueError:
        value = math.nan
    if not setting.least <= value <= setting.most:
        raise CommandRejected(f"that can't be {name}", hint=f"send a number from {setting.least:g} to {setting.most:g}")
    steps = round(value / setting.step)
    return SetSetting(setting=name, value=round(steps * setting.step, 3))


def _no_such_setting(action: SetSetting, _system: SystemState, monitor: Monitor | None) -> str | None:
    known = () if monitor is None else monitor.settings
    return None if action.setting in known else f"this monitor has no {action.setting}: it has {', '.join(known) or 'none'}"


def _is_set(action: SetSetting, state: MonitorState) -> bool:
    value = state.settings.get(action.setting)
    return value is not None and math.isclose(value, action.value, abs_tol=0.005)


SETTING: tuple[CommandRow[Any], ...] = (
    CommandRow(
        name="setting",
        action=SetSetting,
        target=TargetKind.MONITOR,
        needs=Capability.SETTINGS,
        timeout_s=25.0,
        names=tuple(_BY_KEY),
        parse=_parse,
        value=lambda action: f"{action.value:g}",
        refusal=_no_such_setting,
        effect=in_state(_is_set),
        payload="a number",
        meaning="set what the command is called by; the VMS may restart what captures the monitor",
    ),
)
"""One command for all of them, by their names."""
