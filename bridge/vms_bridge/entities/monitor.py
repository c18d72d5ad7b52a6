"""The rows about monitors and their zones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vms_bridge.entities.row import Category, DeadBand, Entity, Platform, Scalar, Source, needs, rounded
from vms_bridge.messages import public_event_id
from vms_bridge.model import MOTION, AlarmState, Capability, Zone

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.views import EventMessage, MonitorView


class ZonePart(NamedTuple):
    """A zone, with the monitor that it belongs to: what a zone's rows read."""

    view: MonitorView
    zone: Zone


def public_id(view: MonitorView, event_id: str) -> str:
    """Return the public id of an event that the VMS calls `event_id`, of the same generation as the newest event known."""
    newest = view.last_event
    if newest is None or view.last_event_id is None or not newest.id.endswith(view.last_event_id):
        return public_event_id(view.system, event_id, 1)
    return newest.id.removesuffix(view.last_event_id) + event_id


def _motion(view: MonitorView) -> bool | None:
    alarm = view.state.alarm
    return None if alarm is None else alarm in MOTION


def _forced(view: MonitorView) -> bool | None:
    """Return whether the alarm is forced; where there is none, none is."""
    state = view.state
    return False if state.forced is None and state.alarm is AlarmState.IDLE else state.forced


def _event_id(view: MonitorView) -> str | None:
    return None if view.state.event_id is None else public_id(view, view.state.event_id)


def _mode(mode: str, name: str, icon: str) -> Entity[MonitorView]:
    return Entity(
        key=mode,
        platform=Platform.SELECT,
        needs=needs(Capability.MODES),
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
        needs=needs(Capability.COUNTERS),
        field=f"events_{period}",
        read=read,
        name="Events" if period == "total" else f"Events last {period}",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        icon="mdi:counter",
        enabled=enabled,
        dead_band=DeadBand(f"events_{period}"),
    )


def _of_last_event(read: Callable[[EventMessage], Scalar]) -> Callable[[MonitorView], Scalar]:
    return lambda view: None if view.last_event is None else read(view.last_event)


MONITOR: tuple[Entity[MonitorView], ...] = (
    Entity(
        key="motion",
        platform=Platform.BINARY_SENSOR,
        needs=needs(Capability.ALARM_STATE),
        field="motion",
        read=_motion,
        device_class="motion",
    ),
    Entity(
        key="alarm",
        platform=Platform.SENSOR,
        needs=needs(Capability.ALARM_STATE),
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
        needs=needs(Capability.EVENTS),
        field="is_recording",
        read=lambda view: view.state.is_recording,
        name="Recording",
        icon="mdi:record-rec",
    ),
    Entity(
        key="armed",
        platform=Platform.SWITCH,
        needs=needs(Capability.ARM),
        field="armed",
        read=lambda view: view.state.armed,
        command="armed",
        name="Armed",
        icon="mdi:shield-home",
    ),
    Entity(
        key="force_alarm",
        platform=Platform.SWITCH,
        needs=needs(Capability.FORCE_ALARM),
        field="forced",
        read=_forced,
        command="alarm",
        name="Force alarm",
        icon="mdi:alarm-light",
    ),
    Entity(
        key="detection",
        platform=Platform.SWITCH,
        needs=needs(Capability.DETECTION),
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
        needs=needs(Capability.RESTART),
        source=Source.NONE,
        command="restart",
        admin=True,
        device_class="restart",
        category=Category.CONFIG,
    ),
    Entity(
        key="event",
        platform=Platform.EVENT,
        needs=needs(Capability.EVENTS),
        source=Source.EVENT,
        name="Event",
        always=True,  # an unavailable entity has no attributes, and by those it knows an event that is told again
    ),
    Entity(
        key="picture",
        platform=Platform.IMAGE,
        needs=needs(Capability.EVENT_PICTURE),
        source=Source.SNAPSHOT,
        name="Last event picture",
        always=True,
    ),
    Entity(
        key="camera",
        platform=Platform.CAMERA,
        needs=needs(Capability.EVENT_PICTURE),
        source=Source.SNAPSHOT,
        name="",
        always=True,
    ),
    Entity(
        key="last_event",
        platform=Platform.SENSOR,
        needs=needs(Capability.EVENTS),
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
        needs=needs(Capability.EVENTS),
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
        needs=needs(Capability.EVENTS),
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
        needs=needs(Capability.EVENTS),
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
        needs=needs(Capability.SCORE),
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
        needs=needs(Capability.ALARM_STATE),
        field="cause",
        read=lambda view: view.state.cause,
        name="Alarm cause",
        icon="mdi:help-circle-outline",
        enabled=False,
    ),
    Entity(
        key="event_id",
        platform=Platform.SENSOR,
        needs=needs(Capability.EVENTS),
        field="event_id",
        read=_event_id,
        name="Current event",
        category=Category.DIAGNOSTIC,
        icon="mdi:identifier",
        enabled=False,
    ),
    Entity(
        key="capture_fps",
        platform=Platform.SENSOR,
        needs=needs(Capability.FPS),
        field="capture_fps",
        read=lambda view: rounded(view.state.capture_fps, 2),
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
        needs=needs(Capability.FPS),
        field="analysis_fps",
        read=lambda view: rounded(view.state.analysis_fps, 2),
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
        needs=needs(Capability.FPS),
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
        needs=needs(Capability.COUNTERS),
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
        needs=needs(Capability.ALARM_STATE),
        field="source",
        read=lambda view: view.state.source,
        name="Data path",
        category=Category.DIAGNOSTIC,
        icon="mdi:transit-connection-variant",
    ),
    Entity(
        key="source_reason",
        platform=Platform.SENSOR,
        needs=needs(Capability.ALARM_STATE),
        field="source_reason",
        read=lambda view: view.state.source_reason and view.state.source_reason[:250],
        name="Data path reason",
        category=Category.DIAGNOSTIC,
        icon="mdi:help-network-outline",
        enabled=False,
    ),
    Entity(
        key="lag",
        platform=Platform.SENSOR,
        needs=needs(Capability.ALARM_STATE),
        field="lag",
        read=lambda view: rounded(view.state.lag_s, 3),
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
        needs=needs(Capability.ZONE_STATE),
        field="zones",
        read=lambda part: part.view.state.zones.get(part.zone.id),
        device_class="occupancy",
    ),
)
"""What a zone of a monitor shows; `field` holds an object by zone key."""
