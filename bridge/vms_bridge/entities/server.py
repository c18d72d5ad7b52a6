"""The rows about the machines that a system runs on, where there are several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.entities.row import Category, DeadBand, Entity, JsonType, Platform, needs, rounded
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.machines import Server

_NEEDS = needs(Capability.SERVERS)


def _memory_percent(server: Server) -> float | None:
    if server.memory_free is None or not server.memory_total:
        return None
    return round(100 * (1 - min(server.memory_free, server.memory_total) / server.memory_total), 1)


SERVER: tuple[Entity[Server], ...] = (
    Entity(
        key="server_running",
        platform=Platform.BINARY_SENSOR,
        needs=_NEEDS,
        part_of="servers",
        field="running",
        read=lambda server: server.running,
        json=JsonType.BOOLEAN,
        meaning="It says that it is at work; one that has died can't say so any more.",
        name="{} running",
        device_class="running",
        category=Category.DIAGNOSTIC,
    ),
    Entity(
        key="server_load",
        platform=Platform.SENSOR,
        needs=_NEEDS,
        part_of="servers",
        field="load",
        read=lambda server: rounded(server.load, 2),
        json=JsonType.NUMBER,
        meaning="Its load average.",
        name="{} load",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:gauge",
        dead_band=DeadBand("load", absolute=0.1, relative=0.1),
    ),
    Entity(
        key="server_cpu",
        platform=Platform.SENSOR,
        needs=_NEEDS,
        part_of="servers",
        field="cpu",
        read=lambda server: rounded(server.cpu_percent, 1),
        json=JsonType.NUMBER,
        meaning="How busy its processors are, in percent, where the VMS says so.",
        name="{} processor",
        unit="%",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:cpu-64-bit",
        enabled=False,
        dead_band=DeadBand("cpu_percent", absolute=5.0),
    ),
    Entity(
        key="server_memory_percent",
        platform=Platform.SENSOR,
        needs=_NEEDS,
        part_of="servers",
        field="memory_percent",
        read=_memory_percent,
        json=JsonType.NUMBER,
        meaning="How much of its memory is in use, in percent.",
        name="{} memory used",
        unit="%",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:memory",
        dead_band=DeadBand("memory_free", absolute=5e7, relative=0.05),
    ),
    Entity(
        key="server_memory_free",
        platform=Platform.SENSOR,
        needs=_NEEDS,
        part_of="servers",
        field="memory_free",
        read=lambda server: server.memory_free,
        json=JsonType.INTEGER,
        name="{} free memory",
        device_class="data_size",
        unit="B",
        display_unit=("GB", 1e9),
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        enabled=False,
        dead_band=DeadBand("memory_free", absolute=5e7, relative=0.05),
    ),
)
"""What each server of a system shows; a name has the server's own in it."""
