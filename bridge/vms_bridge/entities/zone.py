"""The rows about zones of monitors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vms_bridge.entities.row import Entity, JsonType, Platform, needs
from vms_bridge.model import Capability, Zone

if TYPE_CHECKING:
    from vms_bridge.views import MonitorView


class ZonePart(NamedTuple):
    """A zone, with the monitor that it belongs to: what a zone's rows read."""

    view: MonitorView
    zone: Zone


ZONE: tuple[Entity[ZonePart], ...] = (
    Entity(
        key="occupancy",
        platform=Platform.BINARY_SENSOR,
        needs=needs(Capability.ZONE_STATE),
        part_of="zones",
        read=lambda part: part.view.state.zones.get(part.zone.id),
        json=JsonType.BOOLEAN,
        device_class="occupancy",
    ),
)
"""What a zone of a monitor shows."""
