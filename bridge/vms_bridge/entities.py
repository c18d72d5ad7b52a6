"""The entity catalogue: one row describes one entity, and everything that sinks offer derives from the rows.

MQTT discovery, the state JSON, the dead bands, the table in docs/entities.md and the component's keys all come from here.
No key has a hyphen, and a zone's, a storage's and a monitor's keys differ, so that unique ids never meet:
`<instance>-<entity>`, `<instance>-<system>-<entity>`, `<instance>-<system>-<storage>-<entity>`,
`<instance>-<system>-<monitor>[-<zone>]-<entity>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from vms_bridge.keys import monitor_key
from vms_bridge.model import MOTION, AlarmState, Capability, Storage, Zone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.views import EventMessage, MonitorView, SystemView

Scalar = str | int | float | bool | datetime | None
View = TypeVar("View")


class Platform(StrEnum):
    """What kind of entity it is, in Home Assistant's words."""

    BINARY_SENSOR = "binary_sensor"
    BUTTON = "button"
    CAMERA = "camera"
    EVENT = "event"
    IMAGE = "image"
    SELECT = "select"
    SENSOR = "sensor"
    SWITCH = "switch"


class Scope(StrEnum):
    """What an entity is about. Zones are child devices of a monitor; storage is shown with its system."""

    BRIDGE = "bridge"
    SYSTEM = "system"
    STORAGE = "storage"
    MONITOR = "monitor"
    ZONE = "zone"


class Source(StrEnum):
    """The message that an entity's value stands in."""

    STATE = "state"
    LAST_EVENT = "last_event"
    EVENT = "event"
    SNAPSHOT = "snapshot"
    STATUS = "status"
    INFO = "info"
    NONE = "none"


class Category(StrEnum):
    """Where Home Assistant shows what is not a device's main purpose."""

    CONFIG = "config"
    DIAGNOSTIC = "diagnostic"


class ZonePart(NamedTuple):
    """A zone, with the monitor that it belongs to: what a zone's rows read."""

    view: MonitorView
    zone: Zone


@dataclass(frozen=True, slots=True)
class DeadBand:
    """How far a measurement must move before it is worth a message: by more than both bounds.

    `attribute` is its name in the model; `absolute` has the measurement's unit, `relative` is a share of the old value.
    """

    attribute: str
    absolute: float = 0.0
    relative: float = 0.0

    def is_exceeded(self, old: float | None, new: float | None) -> bool:
        """Say whether the change from `old` to `new` is worth a message."""
        if old is None or new is None:
            return old is not new
        return abs(new - old) > max(self.absolute, self.relative * abs(old))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity(Generic[View]):
    """One entity: what it is called, where its value stands and how to read that from a view.

    `name` is None where Home Assistant's device class gives a translated one, and empty for the device's own name.
    `display_unit` is the unit that people read and the divisor to it. `mode` is the key into a monitor's modes that a
    select is about. `always`: shown as available as long as the bridge is, even while the VMS can't be asked.
    """

    key: str
    platform: Platform
    needs: frozenset[Capability] = frozenset()
    source: Source = Source.STATE
    field: str = ""
    read: Callable[[View], Scalar] | None = None
    command: str | None = None
    admin: bool = False
    mode: str | None = None
    name: str | None = None
    device_class: str | None = None
    options: tuple[str, ...] = ()
    unit: str | None = None
    display_unit: tuple[str, float] | None = None
    state_class: str | None = None
    category: Category | None = None
    icon: str | None = None
    enabled: bool = True
    always: bool = False
    dead_band: DeadBand | None = None


def part_key(part_id: str) -> str:
    """Return the key of a zone or a storage in JSON and ids: the VMS's id where it fits, else a slug with a hash.

    It has no hyphen, so that `<monitor>-<zone>` can be read in one way only.
    """
    if re.fullmatch(r"[A-Za-z0-9_]{1,48}", part_id):
        return part_id
    return monitor_key(f"{part_id} ")  # a space never fits, so this is a slug, and slugs have no hyphen


def _needs(*capabilities: Capability) -> frozenset[Capability]:
    return frozenset(capabilities)


def _motion(view: MonitorView) -> bool | None:
    alarm = view.state.alarm
    return None if alarm is None else alarm in MOTION


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _mode(mode: str, name: str, icon: str) -> Entity[MonitorView]:
    return Entity(
        key=mode,
        platform=Platform.SELECT,
        needs=_needs(Capability.MODES),
        field=mode,
        read=lambda view: view.state.modes.get(mode),
        command=mode,
        mode=mode,
        name=name,
        category=Category.CONFIG,
        icon=icon,
    )


def _event_count(period: str, read: Callable[[MonitorView], Scalar], *, enabled: bool = False) -> Entity[MonitorView]:
    return Entity(
        key=f"events_{period}",
        platform=Platform.SENSOR,
        needs=_needs(Capability.COUNTERS),
        field=f"events_{period}",
        read=read,
        name="Events" if period == "total" else f"Events last {period}",
        unit="events",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:counter",
        enabled=enabled,
        dead_band=DeadBand(f"events_{period}"),
    )


def _of_last_event(read: Callable[[EventMessage], Scalar]) -> Callable[[MonitorView], Scalar]:
    return lambda view: None if view.last_event is None else read(view.last_event)


def _used_percent(storage: Storage) -> float | None:
    if storage.used_bytes is None or not storage.total_bytes:
        return None
    return round(100 * storage.used_bytes / storage.total_bytes, 1)


MONITOR: tuple[Entity[MonitorView], ...] = (
    Entity(
        key="motion",
        platform=Platform.BINARY_SENSOR,
        needs=_needs(Capability.ALARM_STATE),
        field="motion",
        read=_motion,
        device_class="motion",
    ),
    Entity(
        key="alarm",
        platform=Platform.SENSOR,
        needs=_needs(Capability.ALARM_STATE),
        field="alarm",
        read=lambda view: view.state.alarm,
        name="Alarm",
        device_class="enum",
        options=tuple(AlarmState),
        icon="mdi:alarm-light-outline",
    ),
    Entity(
        key="connectivity",
        platform=Platform.BINARY_SENSOR,
        field="connected",
        read=lambda view: view.state.connected,
        device_class="connectivity",
        category=Category.DIAGNOSTIC,
        always=True,
    ),
    Entity(
        key="is_recording",
        platform=Platform.BINARY_SENSOR,
        needs=_needs(Capability.EVENTS),
        field="is_recording",
        read=lambda view: view.state.is_recording,
        name="Recording",
        icon="mdi:record-rec",
    ),
    Entity(
        key="armed",
        platform=Platform.SWITCH,
        needs=_needs(Capability.ARM),
        field="armed",
        read=lambda view: view.state.armed,
        command="armed",
        name="Armed",
        icon="mdi:shield-home",
    ),
    Entity(
        key="force_alarm",
        platform=Platform.SWITCH,
        needs=_needs(Capability.FORCE_ALARM),
        field="motion",
        read=_motion,
        command="alarm",
        name="Force alarm",
        icon="mdi:alarm-light",
    ),
    Entity(
        key="detection",
        platform=Platform.SWITCH,
        needs=_needs(Capability.DETECTION),
        field="detection",
        read=lambda view: view.state.detection,
        command="detection",
        name="Detection",
        category=Category.CONFIG,
        icon="mdi:motion-sensor",
    ),
    _mode("function", "Function", "mdi:cctv"),
    _mode("capturing", "Capturing mode", "mdi:video"),
    _mode("analysing", "Analysing mode", "mdi:magnify-scan"),
    _mode("recording", "Recording mode", "mdi:record-circle-outline"),
    Entity(
        key="restart",
        platform=Platform.BUTTON,
        needs=_needs(Capability.RESTART),
        source=Source.NONE,
        command="restart",
        admin=True,
        device_class="restart",
        category=Category.CONFIG,
    ),
    Entity(key="event", platform=Platform.EVENT, needs=_needs(Capability.EVENTS), source=Source.EVENT, name="Event"),
    Entity(
        key="picture",
        platform=Platform.IMAGE,
        needs=_needs(Capability.EVENT_PICTURE),
        source=Source.SNAPSHOT,
        name="Last event",
        always=True,
    ),
    Entity(
        key="camera",
        platform=Platform.CAMERA,
        needs=_needs(Capability.EVENT_PICTURE),
        source=Source.SNAPSHOT,
        name="",
        always=True,
    ),
    Entity(
        key="last_event",
        platform=Platform.SENSOR,
        needs=_needs(Capability.EVENTS),
        source=Source.LAST_EVENT,
        field="start",
        read=_of_last_event(lambda event: event.start),
        name="Last event",
        device_class="timestamp",
        always=True,
    ),
    Entity(
        key="last_event_cause",
        platform=Platform.SENSOR,
        needs=_needs(Capability.EVENTS),
        source=Source.LAST_EVENT,
        field="cause",
        read=_of_last_event(lambda event: event.cause),
        name="Last event cause",
        icon="mdi:help-circle-outline",
        always=True,
    ),
    Entity(
        key="last_event_label",
        platform=Platform.SENSOR,
        needs=_needs(Capability.EVENTS),
        source=Source.LAST_EVENT,
        field="label",
        read=_of_last_event(lambda event: event.label),
        name="Last event label",
        icon="mdi:tag-outline",
        always=True,
    ),
    Entity(
        key="last_event_duration",
        platform=Platform.SENSOR,
        needs=_needs(Capability.EVENTS),
        source=Source.LAST_EVENT,
        field="duration",
        read=_of_last_event(lambda event: event.duration),
        name="Last event duration",
        device_class="duration",
        unit="s",
        always=True,
    ),
    Entity(
        key="score",
        platform=Platform.SENSOR,
        needs=_needs(Capability.SCORE),
        field="score",
        read=lambda view: view.state.score,
        name="Alarm score",
        state_class="measurement",
        icon="mdi:gauge",
        dead_band=DeadBand("score", absolute=1, relative=0.1),
    ),
    Entity(
        key="cause",
        platform=Platform.SENSOR,
        needs=_needs(Capability.ALARM_STATE),
        field="cause",
        read=lambda view: view.state.cause,
        name="Alarm cause",
        icon="mdi:help-circle-outline",
        enabled=False,
    ),
    Entity(
        key="event_id",
        platform=Platform.SENSOR,
        needs=_needs(Capability.EVENTS),
        field="event_id",
        read=lambda view: view.state.event_id,
        name="Current event",
        category=Category.DIAGNOSTIC,
        icon="mdi:identifier",
        enabled=False,
    ),
    Entity(
        key="capture_fps",
        platform=Platform.SENSOR,
        needs=_needs(Capability.FPS),
        field="capture_fps",
        read=lambda view: _rounded(view.state.capture_fps, 2),
        name="Capture rate",
        unit="fps",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:video-outline",
        dead_band=DeadBand("capture_fps", absolute=0.25, relative=0.05),
    ),
    Entity(
        key="analysis_fps",
        platform=Platform.SENSOR,
        needs=_needs(Capability.FPS),
        field="analysis_fps",
        read=lambda view: _rounded(view.state.analysis_fps, 2),
        name="Analysis rate",
        unit="fps",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:magnify",
        enabled=False,
        dead_band=DeadBand("analysis_fps", absolute=0.25, relative=0.05),
    ),
    Entity(
        key="bandwidth",
        platform=Platform.SENSOR,
        needs=_needs(Capability.FPS),
        field="bandwidth",
        read=lambda view: view.state.bandwidth_bytes,
        name="Bandwidth",
        device_class="data_rate",
        unit="B/s",
        display_unit=("kB/s", 1e3),
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        enabled=False,
        dead_band=DeadBand("bandwidth_bytes", absolute=1_000, relative=0.1),
    ),
    _event_count("hour", lambda view: view.state.events_hour),
    _event_count("day", lambda view: view.state.events_day, enabled=True),
    _event_count("week", lambda view: view.state.events_week),
    _event_count("month", lambda view: view.state.events_month),
    _event_count("total", lambda view: view.state.events_total),
    Entity(
        key="disk_used",
        platform=Platform.SENSOR,
        needs=_needs(Capability.COUNTERS),
        field="disk_used",
        read=lambda view: view.state.disk_bytes,
        name="Disk used",
        device_class="data_size",
        unit="B",
        display_unit=("GB", 1e9),
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        enabled=False,
        dead_band=DeadBand("disk_bytes", absolute=1e7, relative=0.005),
    ),
    Entity(
        key="source",
        platform=Platform.SENSOR,
        needs=_needs(Capability.ALARM_STATE),
        field="source",
        read=lambda view: view.state.source,
        name="Data path",
        category=Category.DIAGNOSTIC,
        icon="mdi:transit-connection-variant",
    ),
    Entity(
        key="lag",
        platform=Platform.SENSOR,
        needs=_needs(Capability.ALARM_STATE),
        field="lag",
        read=lambda view: _rounded(view.state.lag_s, 3),
        name="Data path delay",
        device_class="duration",
        unit="s",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        enabled=False,
        dead_band=DeadBand("lag_s", absolute=0.05, relative=0.5),
    ),
)
"""What a monitor shows."""

ZONE: tuple[Entity[ZonePart], ...] = (
    Entity(
        key="occupancy",
        platform=Platform.BINARY_SENSOR,
        needs=_needs(Capability.ZONE_STATE),
        field="zones",
        read=lambda part: part.view.state.zones.get(part.zone.id),
        device_class="occupancy",
    ),
)
"""What a zone of a monitor shows; `field` holds an object by zone key."""

SYSTEM: tuple[Entity[SystemView], ...] = (
    Entity(
        key="connectivity",
        platform=Platform.BINARY_SENSOR,
        field="available",
        read=lambda view: view.state.available,
        device_class="connectivity",
        category=Category.DIAGNOSTIC,
        always=True,
    ),
    Entity(
        key="problem",
        platform=Platform.BINARY_SENSOR,
        field="problem",
        read=lambda view: view.state.detail is not None or not view.state.available,
        device_class="problem",
        category=Category.DIAGNOSTIC,
        always=True,
    ),
    Entity(
        key="running",
        platform=Platform.BINARY_SENSOR,
        field="running",
        read=lambda view: view.state.running,
        device_class="running",
    ),
    Entity(
        key="run_state",
        platform=Platform.SELECT,
        needs=_needs(Capability.RUN_STATE),
        field="run_state",
        read=lambda view: view.state.run_state,
        command="run_state",
        name="Run state",
        icon="mdi:state-machine",
    ),
    Entity(
        key="version",
        platform=Platform.SENSOR,
        field="version",
        read=lambda view: view.state.version,
        name="Version",
        category=Category.DIAGNOSTIC,
        icon="mdi:tag-outline",
    ),
    Entity(
        key="monitors",
        platform=Platform.SENSOR,
        field="monitors",
        read=lambda view: len(view.monitors),
        name="Monitors",
        unit="monitors",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:cctv",
    ),
    Entity(
        key="load",
        platform=Platform.SENSOR,
        needs=_needs(Capability.LOAD),
        field="load",
        read=lambda view: _rounded(view.state.load, 2),
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
        name="Data path",
        category=Category.DIAGNOSTIC,
        icon="mdi:transit-connection-variant",
    ),
    Entity(
        key="lag",
        platform=Platform.SENSOR,
        field="lag",
        read=lambda view: _rounded(view.state.lag_s, 3),
        name="Data path delay",
        device_class="duration",
        unit="s",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        enabled=False,
        dead_band=DeadBand("lag_s", absolute=0.05, relative=0.5),
    ),
)
"""What a system shows."""

STORAGE: tuple[Entity[Storage], ...] = (
    Entity(
        key="storage_used",
        platform=Platform.SENSOR,
        needs=_needs(Capability.STORAGE),
        field="used",
        read=lambda storage: storage.used_bytes,
        name="{} used",
        device_class="data_size",
        unit="B",
        display_unit=("GB", 1e9),
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        dead_band=DeadBand("used_bytes", absolute=1e7, relative=0.005),
    ),
    Entity(
        key="storage_used_percent",
        platform=Platform.SENSOR,
        needs=_needs(Capability.STORAGE),
        field="percent",
        read=_used_percent,
        name="{} used share",
        unit="%",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:harddisk",
    ),
)
"""What each storage of a system shows; a name has the storage's own in it, the percentage needs a known total."""

BRIDGE: tuple[Entity[None], ...] = (
    Entity(
        key="connectivity",
        platform=Platform.BINARY_SENSOR,
        source=Source.STATUS,
        device_class="connectivity",
        category=Category.DIAGNOSTIC,
    ),
    Entity(
        key="version",
        platform=Platform.SENSOR,
        source=Source.INFO,
        field="version",
        name="Version",
        category=Category.DIAGNOSTIC,
        icon="mdi:tag-outline",
    ),
    Entity(
        key="systems",
        platform=Platform.SENSOR,
        source=Source.INFO,
        field="systems",
        name="Systems",
        unit="systems",
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
