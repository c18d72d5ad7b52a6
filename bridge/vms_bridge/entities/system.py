"""The rows about systems, their storages, and the bridge itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vms_bridge.entities.row import Category, DeadBand, Entity, JsonType, Platform, Source, needs, rounded
from vms_bridge.model import Capability, Storage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.views import BridgeState, SystemView


class BridgeView(NamedTuple):
    """The bridge as its own rows read it."""

    version: str
    state: BridgeState
    systems: Mapping[str, SystemView]


def _used_percent(storage: Storage) -> float | None:
    if storage.used_bytes is None or not storage.total_bytes:
        return None
    return round(100 * storage.used_bytes / storage.total_bytes, 1)


def index_progress(view: SystemView) -> int | None:
    """Return how much of what a system has recorded is in the search index, in percent; None where that can't be known."""
    index = view.index
    if index is None or index.is_complete:
        return None if index is None else 100
    return min(99, 100 * index.events // index.expected) if index.expected else None


SYSTEM: tuple[Entity[SystemView], ...] = (
    Entity(
        key="connectivity",
        platform=Platform.BINARY_SENSOR,
        field="available",
        read=lambda view: view.state.available,
        json=JsonType.BOOLEAN,
        is_known=True,
        lasts=True,
        attributes=("detail",),
        device_class="connectivity",
        category=Category.DIAGNOSTIC,
        always=True,
    ),
    Entity(
        key="problem",
        platform=Platform.BINARY_SENSOR,
        field="problem",
        read=lambda view: view.state.detail is not None or not view.state.available,
        json=JsonType.BOOLEAN,
        meaning="Something is not as it should be; detail says what.",
        is_known=True,
        lasts=True,
        attributes=("detail",),
        device_class="problem",
        category=Category.DIAGNOSTIC,
        always=True,
    ),
    Entity(
        key="running",
        platform=Platform.BINARY_SENSOR,
        field="running",
        read=lambda view: view.state.running,
        json=JsonType.BOOLEAN,
        device_class="running",
    ),
    Entity(
        key="run_state",
        platform=Platform.SELECT,
        needs=needs(Capability.RUN_STATE),
        field="run_state",
        read=lambda view: view.state.run_state,
        json=JsonType.STRING,
        command="run_state",
        choices=lambda view: view.state.run_states,
        name="Run state",
        icon="mdi:state-machine",
    ),
    Entity(
        key="version",
        platform=Platform.SENSOR,
        field="version",
        read=lambda view: view.state.version,
        json=JsonType.STRING,
        lasts=True,
        name="Version",
        category=Category.DIAGNOSTIC,
        icon="mdi:tag-outline",
    ),
    Entity(
        key="monitors",
        platform=Platform.SENSOR,
        field="monitors",
        read=lambda view: len(view.monitors),
        json=JsonType.INTEGER,
        is_known=True,
        lasts=True,
        name="Monitors",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:cctv",
    ),
    Entity(
        key="load",
        platform=Platform.SENSOR,
        needs=needs(Capability.LOAD),
        field="load",
        read=lambda view: rounded(view.state.load, 2),
        json=JsonType.NUMBER,
        meaning="Load average of the VMS's host.",
        name="Load",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:gauge",
        dead_band=DeadBand("load", absolute=0.1, relative=0.1),
    ),
    Entity(
        key="source",
        platform=Platform.SENSOR,
        field="source",
        read=lambda view: view.state.source,
        json=JsonType.STRING,
        name="Data path",
        category=Category.DIAGNOSTIC,
        icon="mdi:transit-connection-variant",
    ),
    Entity(
        key="lag",
        platform=Platform.SENSOR,
        field="lag",
        read=lambda view: rounded(view.state.lag_s, 3),
        json=JsonType.NUMBER,
        name="Data path delay",
        device_class="duration",
        unit="s",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        enabled=False,
        dead_band=DeadBand("lag_s", absolute=0.05, relative=0.5),
    ),
    Entity(
        key="index_progress",
        platform=Platform.SENSOR,
        needs=needs(Capability.ARCHIVE),
        field="index_progress",
        read=index_progress,
        json=JsonType.INTEGER,
        meaning="How much of what it has recorded can be searched, in percent; null where the index is off, or nothing is known.",
        lasts=True,
        name="Search index",
        unit="%",
        category=Category.DIAGNOSTIC,
        icon="mdi:database-search",
        enabled=False,
    ),
)
"""What a system shows."""

STORAGE: tuple[Entity[Storage], ...] = (
    Entity(
        key="storage_used",
        platform=Platform.SENSOR,
        needs=needs(Capability.STORAGE),
        part_of="storage",
        field="used",
        read=lambda storage: storage.used_bytes,
        json=JsonType.INTEGER,
        name="{} used",
        device_class="data_size",
        unit="B",
        display_unit=("GB", 1e9),
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        dead_band=DeadBand("used_bytes", absolute=1e7, relative=0.005),
    ),
    Entity(
        key="storage_total",
        platform=Platform.SENSOR,
        needs=needs(Capability.STORAGE),
        is_offered=lambda storage: bool(storage.total_bytes),
        part_of="storage",
        field="total",
        read=lambda storage: storage.total_bytes,
        json=JsonType.INTEGER,
        lasts=True,
        name="{} size",
        device_class="data_size",
        unit="B",
        display_unit=("GB", 1e9),
        category=Category.DIAGNOSTIC,
        enabled=False,
    ),
    Entity(
        key="storage_used_percent",
        platform=Platform.SENSOR,
        needs=needs(Capability.STORAGE),
        is_offered=lambda storage: bool(storage.total_bytes),
        part_of="storage",
        field="percent",
        read=_used_percent,
        json=JsonType.NUMBER,
        name="{} used share",
        unit="%",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:harddisk",
    ),
)
"""What each storage of a system shows; a name has the storage's own in it, size and percentage need a known total."""

BRIDGE: tuple[Entity[BridgeView], ...] = (
    Entity(
        key="connectivity",
        platform=Platform.BINARY_SENSOR,
        source=Source.STATUS,
        read=lambda _: True,
        json=JsonType.BOOLEAN,
        device_class="connectivity",
        category=Category.DIAGNOSTIC,
    ),
    Entity(
        key="version",
        platform=Platform.SENSOR,
        source=Source.HEALTH,
        field="version",
        read=lambda view: view.version,
        json=JsonType.STRING,
        name="Version",
        category=Category.DIAGNOSTIC,
        icon="mdi:tag-outline",
    ),
    Entity(
        key="problem",
        platform=Platform.BINARY_SENSOR,
        source=Source.HEALTH,
        field="problem",
        read=lambda view: view.state.problem is not None,
        json=JsonType.BOOLEAN,
        attributes=("detail",),
        device_class="problem",
        category=Category.DIAGNOSTIC,
    ),
    Entity(
        key="undelivered",
        platform=Platform.SENSOR,
        source=Source.HEALTH,
        field="undelivered",
        read=lambda view: view.state.undelivered,
        json=JsonType.INTEGER,
        name="Undelivered messages",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:tray-full",
    ),
    Entity(
        key="systems",
        platform=Platform.SENSOR,
        source=Source.HEALTH,
        field="systems",
        read=lambda view: len(view.systems),
        json=JsonType.INTEGER,
        is_count=True,
        name="Systems",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:server",
    ),
    Entity(
        key="replay",
        platform=Platform.BUTTON,
        source=Source.NONE,
        command="replay",
        name="Send everything again",
        category=Category.DIAGNOSTIC,
        icon="mdi:refresh",
    ),
)
"""What the bridge itself shows."""
