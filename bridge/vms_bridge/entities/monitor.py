"""The rows about monitors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.entities.detection import DETECTION
from vms_bridge.entities.modes import ANALYSING, CAPTURING, FUNCTION, RECORDING, mode_rows
from vms_bridge.entities.ptz import PTZ
from vms_bridge.entities.row import (
    WHOLE_MESSAGE,
    Category,
    DeadBand,
    Entity,
    JsonType,
    Platform,
    Scalar,
    Source,
    needs,
    rounded,
)
from vms_bridge.entities.settings import SETTING
from vms_bridge.model import MOTION, AlarmState, Capability

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.model import Monitor
    from vms_bridge.views import EventMessage, MonitorView

_ALARM_STATES = frozenset(AlarmState)


def _motion(view: MonitorView) -> bool | None:
    alarm = view.state.alarm
    return alarm in MOTION if alarm in _ALARM_STATES else None


def _forced(view: MonitorView) -> bool | None:
    """Return whether the alarm is forced; where there is none, none is."""
    state = view.state
    return False if state.forced is None and state.alarm is AlarmState.IDLE else state.forced


def _event_id(view: MonitorView) -> str | None:
    return None if view.state.event_id is None else view.event(view.state.event_id).format()


def _event_count(period: str, read: Callable[[MonitorView], Scalar], *, enabled: bool = False) -> Entity[MonitorView]:
    return Entity(
        key=f"events_{period}",
        platform=Platform.SENSOR,
        needs=needs(Capability.COUNTERS),
        field=f"events_{period}",
        read=read,
        json=JsonType.INTEGER,
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
        json=JsonType.BOOLEAN,
        meaning="The alarm state is alarm or alert.",
        device_class="motion",
    ),
    Entity(
        key="alarm",
        platform=Platform.SENSOR,
        needs=needs(Capability.ALARM_STATE),
        field="alarm",
        read=lambda view: view.state.alarm,
        json=JsonType.STRING,
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
        json=JsonType.BOOLEAN,
        meaning="The camera delivers pictures.",
        attributes=("detail",),
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
        json=JsonType.BOOLEAN,
        name="Recording",
        icon="mdi:record-rec",
    ),
    Entity(
        key="armed",
        platform=Platform.SWITCH,
        needs=needs(Capability.ARM),
        field="armed",
        read=lambda view: view.state.armed,
        json=JsonType.BOOLEAN,
        meaning="The monitor's mode detects.",
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
        json=JsonType.BOOLEAN,
        meaning="The alarm is one that somebody has forced; null where that can't be distinguished from another.",
        command="alarm",
        name="Force alarm",
        icon="mdi:alarm-light",
    ),
    Entity(
        key="end_alarm",
        platform=Platform.BUTTON,
        needs=needs(Capability.END_ALARM),
        source=Source.NONE,
        command="end_alarm",
        name="End alarm",
        icon="mdi:alarm-light-off-outline",
    ),
    Entity(
        key="detection",
        platform=Platform.SWITCH,
        needs=needs(Capability.DETECTION),
        field="detection",
        read=lambda view: view.state.detection,
        json=JsonType.BOOLEAN,
        meaning="Detection is not paused within that mode.",
        command="detection",
        name="Detection",
        category=Category.CONFIG,
        icon="mdi:motion-sensor",
    ),
    FUNCTION,
    CAPTURING,
    ANALYSING,
    RECORDING,
    Entity(
        key="restart",
        platform=Platform.BUTTON,
        needs=needs(Capability.RESTART),
        source=Source.NONE,
        command="restart",
        device_class="restart",
        category=Category.CONFIG,
    ),
    Entity(
        key="event",
        platform=Platform.EVENT,
        needs=needs(Capability.EVENTS),
        source=Source.EVENT,
        name="Event",
        always=True,  # an unavailable entity has no attributes, and by those it recognises an event that is reported again
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
        json=JsonType.TIME,
        attributes=WHOLE_MESSAGE,
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
        json=JsonType.STRING,
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
        json=JsonType.STRING,
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
        json=JsonType.NUMBER,
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
        json=JsonType.INTEGER,
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
        json=JsonType.STRING,
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
        json=JsonType.STRING,
        meaning="The event that is open now.",
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
        json=JsonType.NUMBER,
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
        json=JsonType.NUMBER,
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
        json=JsonType.INTEGER,
        meaning="Bytes per second.",
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
        json=JsonType.INTEGER,
        meaning="Bytes.",
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
        key="last_detection",
        platform=Platform.SENSOR,
        is_offered=lambda view: bool(view.watched),
        field="last_detection",
        read=lambda view: None if view.seen is None else view.seen.time,
        json=JsonType.TIME,
        meaning="When something that is looked for came into sight last; null where nothing did since the bridge runs.",
        name="Last detection",
        device_class="timestamp",
        attributes=("detected",),
    ),
    Entity(
        key="source",
        platform=Platform.SENSOR,
        needs=needs(Capability.ALARM_STATE),
        field="source",
        read=lambda view: view.state.source,
        json=JsonType.STRING,
        meaning="The path that the state came by.",
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
        json=JsonType.STRING,
        meaning="Why no better path is used.",
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
        json=JsonType.NUMBER,
        meaning="How late that path is at worst, in seconds.",
        name="Data path delay",
        device_class="duration",
        unit="s",
        state_class="measurement",
        category=Category.DIAGNOSTIC,
        enabled=False,
        dead_band=DeadBand("lag_s", absolute=0.05, relative=0.5),
    ),
    *SETTING,
    *DETECTION,
    *PTZ,
)
"""What a monitor shows, but for the modes that only its own VMS knows (`monitor_rows`)."""

_LAST_MODE = MONITOR.index(RECORDING) + 1
_USUAL_MODES = frozenset(row.mode for row in MONITOR if row.mode)


def monitor_rows(monitor: Monitor) -> tuple[Entity[MonitorView], ...]:
    """Return what this monitor can show: what any can, with a select for each mode that it has besides the usual ones."""
    rows = other_modes(monitor)
    return (*MONITOR[:_LAST_MODE], *rows, *MONITOR[_LAST_MODE:]) if rows else MONITOR


def other_modes(monitor: Monitor) -> tuple[Entity[MonitorView], ...]:
    """Return the rows of the modes that the monitor has besides the usual ones.

    A mode can be set by its name as a command, so it has none where that name is another command's, or fits no topic.
    """
    if monitor.modes.keys() <= _USUAL_MODES:
        return ()
    return mode_rows(tuple(mode for mode in monitor.modes if mode not in _USUAL_MODES))
