"""The entity catalogue: one row describes one entity, and everything that sinks offer derives from the rows.

MQTT discovery, the state JSON, the dead bands, the table in docs/entities.md and the component's keys all come from here.
No key has a hyphen, and a zone's, a storage's and a monitor's keys differ, so that unique ids never meet:
`<instance>-<entity>`, `<instance>-<system>-<entity>`, `<instance>-<system>-<storage>-<entity>`,
`<instance>-<system>-<monitor>[-<zone>]-<entity>`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.entities.monitor import MONITOR, ZONE, ZonePart, public_id
from vms_bridge.entities.row import Category, DeadBand, Entity, Platform, Scalar, Scope, Source, part_key
from vms_bridge.entities.system import BRIDGE, STORAGE, SYSTEM

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ADMIN_COMMANDS",
    "BRIDGE",
    "CATALOGUE",
    "MONITOR",
    "STORAGE",
    "SYSTEM",
    "ZONE",
    "Category",
    "DeadBand",
    "Entity",
    "Platform",
    "Scalar",
    "Scope",
    "Source",
    "ZonePart",
    "part_key",
    "public_id",
]

CATALOGUE: Mapping[Scope, tuple[Entity[Any], ...]] = {
    Scope.BRIDGE: BRIDGE,
    Scope.SYSTEM: SYSTEM,
    Scope.STORAGE: STORAGE,
    Scope.MONITOR: MONITOR,
    Scope.ZONE: ZONE,
}
"""Every entity that there is."""

ADMIN_COMMANDS = frozenset(row.command for rows in CATALOGUE.values() for row in rows if row.command and row.admin)
"""The commands that are refused unless the configuration says `commands: admin`."""
