"""The rows about a monitor's settings: each is a number that can be set, where the monitor has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.commands.settings import SETTINGS, Setting
from vms_bridge.entities.row import Category, Entity, JsonType, Platform, needs
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.views import MonitorView


def _row(setting: Setting) -> Entity[MonitorView]:
    return Entity(
        key=setting.key,
        platform=Platform.NUMBER,
        needs=needs(Capability.SETTINGS),
        is_offered=lambda view: setting.key in view.monitor.settings,
        field=setting.key,
        read=lambda view: view.state.settings.get(setting.key),
        json=JsonType.NUMBER,
        meaning=setting.meaning,
        command=setting.key,
        name=setting.name,
        unit=setting.unit,
        bounds=(setting.least, setting.most, setting.step),
        category=Category.CONFIG,
        icon=setting.icon,
        enabled=False,
    )


SETTING: tuple[Entity[MonitorView], ...] = tuple(map(_row, SETTINGS))
"""They are off until somebody wants them: most people never change one."""
