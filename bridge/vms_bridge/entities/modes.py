"""The rows about a monitor's modes: the usual ones, and those that only its own VMS knows."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from vms_bridge.commands import COMMANDS, TargetKind
from vms_bridge.entities.row import Category, Entity, JsonType, Platform, needs
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.views import MonitorView

MODE_PATTERN = "[a-z][a-z0-9_]{0,31}"
"""What a mode is called that can be shown and set."""


def _mode(mode: str, *, key: str, name: str, icon: str, meaning: str = "") -> Entity[MonitorView]:
    return Entity(
        key=key,
        platform=Platform.SELECT,
        needs=needs(Capability.MODES),
        field=key,
        read=lambda view: view.state.modes.get(mode),
        json=JsonType.STRING,
        meaning=meaning,
        command=mode,
        mode=mode,
        choices=lambda view: view.monitor.modes.get(mode, ()),
        name=name,
        category=Category.CONFIG,
        icon=icon,
    )


FUNCTION = _mode("function", key="function", name="Function", icon="mdi:cctv")
CAPTURING = _mode("capturing", key="capturing", name="Capturing mode", icon="mdi:video")
ANALYSING = _mode("analysing", key="analysing", name="Analysing mode", icon="mdi:magnify-scan")
RECORDING = _mode(
    "recording",
    key="recording",
    name="Recording mode",
    icon="mdi:record-circle-outline",
    meaning="The recording mode; whether it records now is is_recording.",
)
"""The usual ones: they are in every state message."""


@lru_cache(maxsize=1024)
def mode_rows(names: tuple[str, ...]) -> tuple[Entity[MonitorView], ...]:
    """Return the rows of modes with these names, but for names that fit no topic or are another command's."""
    return tuple(
        _mode(name, key=f"mode_{name}", name=f"{name.replace('_', ' ').capitalize()} mode", icon="mdi:tune-variant")
        for name in names
        if re.fullmatch(MODE_PATTERN, name) and ((row := COMMANDS.find(TargetKind.MONITOR, name)) is None or row.per_mode)
    )
