"""The entity catalogue: one row describes one entity, and everything that sinks offer derives from the rows.

MQTT discovery, the state JSON, the dead bands, the table in docs/entities.md and the component's keys all come from here.
No key has a hyphen, and those of zones, objects, storages, servers and monitors differ, so that unique ids never meet:
`<instance>-<entity>`, `<instance>-<system>-<entity>`, `<instance>-<system>-<storage or server>-<entity>`,
`<instance>-<system>-<monitor>[-<zone or object>]-<entity>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.entities.modes import MODE_PATTERN
from vms_bridge.entities.monitor import MONITOR, monitor_rows, other_modes
from vms_bridge.entities.objects import OBJECT, ObjectPart, object_parts
from vms_bridge.entities.row import (
    WHOLE_MESSAGE,
    Category,
    DeadBand,
    Entity,
    JsonType,
    Platform,
    Scalar,
    Scope,
    Source,
    command_of,
    offered,
    part_key,
)
from vms_bridge.entities.server import SERVER
from vms_bridge.entities.system import BRIDGE, STORAGE, SYSTEM, BridgeView
from vms_bridge.entities.zone import ZONE, ZonePart

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BRIDGE",
    "CATALOGUE",
    "MODE_PATTERN",
    "MONITOR",
    "OBJECT",
    "SERVER",
    "STORAGE",
    "SYSTEM",
    "WHOLE_MESSAGE",
    "ZONE",
    "BridgeView",
    "Category",
    "DeadBand",
    "Entity",
    "JsonType",
    "ObjectPart",
    "Platform",
    "Scalar",
    "Scope",
    "Source",
    "ZonePart",
    "command_of",
    "monitor_rows",
    "object_parts",
    "offered",
    "other_modes",
    "part_key",
]

CATALOGUE: Mapping[Scope, tuple[Entity[Any], ...]] = {
    Scope.BRIDGE: BRIDGE,
    Scope.SYSTEM: SYSTEM,
    Scope.STORAGE: STORAGE,
    Scope.SERVER: SERVER,
    Scope.MONITOR: MONITOR,
    Scope.ZONE: ZONE,
    Scope.OBJECT: OBJECT,
}
"""Every entity that there is."""
