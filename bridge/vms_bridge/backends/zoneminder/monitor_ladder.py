"""The ladder of one monitor: what all sources have reported of it, which of them is believed, and the state that follows."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from operator import attrgetter, is_
from typing import TYPE_CHECKING

from vms_bridge import model
from vms_bridge.backends.ladder import Choice, Reading, Rung, Unfit, choose
from vms_bridge.backends.zoneminder.delivery import Delivery
from vms_bridge.backends.zoneminder.restarts import Restart
from vms_bridge.backends.zoneminder.sampler import LAG_S
from vms_bridge.backends.zoneminder.sources.event_evidence import NO_ANSWER, EventEvidence
from vms_bridge.backends.zoneminder.sources.memory_evidence import MemoryEvidence
from vms_bridge.backends.zoneminder.sources.status_evidence import StatusEvidence
from vms_bridge.backends.zoneminder.zone_watch import ZoneWatch
from vms_bridge.backends.zoneminder.zones import occupied_by_notes, watching
from vms_bridge.commands import SetAlarm, SetMotionDetection
from vms_bridge.model import Capability, Monitor, MonitorState
from vms_bridge.zoneminder import AlarmState
from vms_bridge.zoneminder.servers import PORTAL, Server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vms_bridge.backends.zoneminder.camera import Camera
    from vms_bridge.commands import Action
    from vms_bridge.model import Event
    from vms_bridge.zoneminder import MonitorRow, Sample, Zone

FUNCTIONS = ("None", "Monitor", "Modect", "Record", "Mocord", "Nodect")
MODES_1_37 = {
    "capturing": ("None", "Ondemand", "Always"),
    "analysing": ("None", "Always"),
    "recording": ("None", "OnMotion", "Always"),
}
START_S = 15.0
_ALL_BUT_TIME = attrgetter(*(each.name for each in fields(MonitorState) if each.name != "observed"))
_ALARMS = {each: model.AlarmState(each.value) for each in AlarmState}
_UNREADABLE = "ZoneMinder has no readable data of this monitor; see the log"
_EVERY_MONITOR = frozenset({Capability.MODES, Capability.FPS, Capability.COUNTERS}) | {
    *(Capability.EVENTS, Capability.EVENT_PICTURE, Capability.EVENT_FRAME)
}
_CAPTURED = frozenset(
    {Capability.ALARM_STATE, Capability.FORCE_ALARM, Capability.ARM, Capability.RESTART}
    | {Capability.LIVE_PICTURE, Capability.LIVE_STREAM}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lags:
    """How late each source is at worst, in seconds; `events` and `status` are None while they can't be asked."""

    events: float | None
    status: float | None
    monitors: float


@dataclass(slots=True)
class MonitorLadder:
    """What is known of one monitor. Sources report by the methods that say what they have found; nobody else writes here."""

    row: MonitorRow
    is_shown: bool = True
    """Whether the configuration shows it; otherwise it is described, and nobody wants to know its state."""
    zone_watch: ZoneWatch = field(default_factory=ZoneWatch)
    server: Server = PORTAL
    """The one that runs it: zmu reads the memory of its own host only."""
    memory: MemoryEvidence = field(default_factory=MemoryEvidence)
    events: EventEvidence = field(default_factory=EventEvidence)
    status: StatusEvidence = field(default_factory=StatusEvidence)
    delivery: Delivery = field(default_factory=Delivery)
    restart: Restart = field(default_factory=Restart)
    camera: Camera | None = None
    """What its camera can be told, where ZoneMinder controls it."""
    wants_alarm: bool = True
    """Whether a refresh is to find out the alarm, not only what the monitor's row says."""
    emitted: MonitorState | None = None
    """What was reported last."""
    _is_unreadable: bool = False
    """Whether its row can't be read any more, so that only shared memory shows its state."""
    _held_until: float = 0.0
    _described: tuple[MonitorRow, tuple[Zone, ...], bool, Camera | None, Monitor] | None = None

    def description(self) -> Monitor:
        """Return what the monitor is; cheap while nothing new is known of it."""
        known = self._described
        now = (self.row, self.zone_watch.listed, self.memory.has_scores, self.camera)
        if known is None or not all(map(is_, known[:4], now)):
            monitor = self._describe()
            if known is not None and known[4] == monitor:
                monitor = known[4]
            self._described = known = (*now, monitor)
        return known[4]

    @property
    def has_old_zones(self) -> bool:
        """Whether the daemon has started since the zones were read: perhaps it has others."""
        sample = self.memory.own
        return sample is not None and self.zone_watch.are_old(sample.startup)

    def needs_status(self, monotonic: float, *, has_events: bool) -> bool:
        """Say whether only a status call can find out this monitor's alarm."""
        row = self.row
        if not self.is_shown or self.memory.is_used(monotonic) or row.is_idle or row.is_without_alarms:
            return False
        return not (row.shows_alarms_as_events and has_events)

    def is_in_doubt(self, monotonic: float, *, has_events: bool) -> bool:
        """Say whether a status call is needed to know whether the event that is open is an alarm."""
        row = self.row
        if not self.is_shown or self.memory.is_used(monotonic) or not (row.shows_alarms_as_events and has_events):
            return False
        return self.events.is_in_doubt(row, monotonic)

    def take_row(self, row: MonitorRow, monotonic: float, *, is_starting: bool) -> None:
        """Note what the monitor list says; `is_starting`: its daemon is known to start anew."""
        self.row = row
        self.delivery.read(row, monotonic, is_starting=is_starting)

    def take_place(self, *, is_shown: bool, is_unreadable: bool, server: Server) -> None:
        """Note whether it is shown, whether its own row could not be read, and which server runs it."""
        self.is_shown, self._is_unreadable, self.server = is_shown, is_unreadable, server

    def take_camera(self, camera: Camera | None) -> None:
        """Note what its camera can be told."""
        self.camera = camera

    def take_zones(self, zones: tuple[Zone, ...], read_at: float) -> None:
        """Note which zones are listed, asked for at that time."""
        self.zone_watch.take(zones, read_at)

    def update_events(self, open_events: Sequence[Event], unchanged_s: float, limit_s: float, monotonic: float) -> None:
        """Note which events are open now, for how long the row of the newest has stayed the same, and for how long it may."""
        self.events.update(open_events, unchanged_s, limit_s, monotonic)

    def was_asked(self, answer: AlarmState | None, event_id: str | None, monotonic: float) -> None:
        """Process an alarm status, and which event was open when it was asked for."""
        # What zmu reads there, a daemon that hangs has written long ago.
        believed = None if self.delivery.hangs else answer
        self.status.asked(believed, monotonic)
        self.events.doubt.answered(event_id, believed, monotonic)

    def server_is_down(self, problem: str) -> None:
        """Note why the server that runs it can't be asked for its status; empty: it can."""
        self.status.server_is_down(problem)

    def saw(self, sample: Sample, monotonic: float) -> None:
        """Process a sample of the shared memory."""
        before = self.memory.sample
        self.delivery.saw(sample)
        self.zone_watch.saw(before, sample, monotonic)
        if before is not None and sample.startup != before.startup:
            self.hold(monotonic)
        self.restart.saw(sample)
        self.memory.saw(sample, monotonic)

    def lost_memory(self, problem: str, monotonic: float) -> None:
        """Go on without shared memory."""
        if self.memory.sample is not None:
            self.hold(monotonic)
        self.memory.lost(problem)

    def disown_memory(self, problem: str) -> None:
        """Go on without a shared memory that is another ZoneMinder's."""
        self.memory.disown(problem)

    def was_commanded(self, action: Action) -> None:
        """Note what ZoneMinder was asked to do with the monitor, and has accepted."""
        self.wants_alarm = isinstance(action, SetAlarm | SetMotionDetection)
        if isinstance(action, SetAlarm):
            self.events.alarm_was_commanded(on=action.on)

    def was_emitted(self, state: MonitorState) -> None:
        """Note what was reported."""
        self.emitted = state

    def hold(self, monotonic: float) -> None:
        """Do not call the camera lost while its daemon starts: it takes a few seconds to its first picture."""
        if self.emitted is not None and self.emitted.connected:
            self._held_until = monotonic + START_S

    def state(self, now: datetime, monotonic: float, lags: Lags) -> MonitorState:
        """Return what all this amounts to now."""
        if self._is_unreadable:
            return replace(self.state_by_memory_alone(now, monotonic), detail=_UNREADABLE)
        row = self.row
        sample = self.memory.sample if self.memory.is_used(monotonic) else None
        choice = self._alarm(monotonic, lags)
        alarm = choice.value
        connected = self._connected(sample, now.timestamp(), monotonic)
        events = row.events
        is_recording = self._is_recording(sample, monotonic, lags)
        has_events = lags.events is not None
        newest = self.events.newest if has_events else None
        why = self.memory.cause.text or (self.events.cause() if has_events else None)
        is_written = row.is_running and not row.is_idle and not self.delivery.hangs
        rates = (row.capture_fps, row.analysis_fps) if is_written else (None, None)
        if sample is not None and sample.capture_fps is not None:
            rates = (sample.capture_fps, sample.analysis_fps)
        return MonitorState(
            available=True,
            connected=connected,
            capture=self.restart.run(self.memory.own),
            alarm=None if alarm is None else _ALARMS[alarm],
            armed=row.armed,
            detection=self.memory.detects() if sample is not None and row.armed else None,
            forced=self._is_forced(sample, alarm),
            is_recording=is_recording,
            modes=row.modes,
            settings=row.settings,
            score=sample.score if sample is not None else None,
            cause=None if alarm in {None, AlarmState.IDLE} else why,
            event_id=newest.id if newest is not None and is_recording is not False else None,
            capture_fps=_rounded(rates[0]),
            analysis_fps=_rounded(rates[1]),
            bandwidth_bytes=row.bandwidth_bytes if is_written else None,
            events_total=events.get("total"),
            events_hour=events.get("hour"),
            events_day=events.get("day"),
            events_week=events.get("week"),
            events_month=events.get("month"),
            disk_bytes=events.get("disk"),
            zones=self._zones(sample, alarm, monotonic) if row.armed and connected else {},
            source=choice.source,
            lag_s=choice.lag_s,
            source_reason=choice.reason,
            detail=self._detail(alarm, connected) or self.zone_watch.problem(sample),
            observed=now,
        )

    def state_by_memory_alone(self, now: datetime, monotonic: float) -> MonitorState:
        """Return what is known while nobody can be asked."""
        sample = self.memory.sample if self.memory.is_used(monotonic) else None
        if sample is None:
            detail = self.memory.problem or "neither ZoneMinder's API nor shared memory has its state"
            return MonitorState(detail=detail, observed=now)
        connected = self._connected(sample, now.timestamp(), monotonic)
        return MonitorState(
            available=True,
            connected=connected,
            capture=self.restart.run(sample),
            alarm=None if sample.alarm is None else _ALARMS[sample.alarm],
            forced=self._is_forced(sample, sample.alarm),
            score=sample.score,
            cause=None if sample.alarm in {None, AlarmState.IDLE} else self.memory.cause.text,
            capture_fps=_rounded(sample.capture_fps),
            analysis_fps=_rounded(sample.analysis_fps),
            zones=(self._zones_by_memory(sample, monotonic) or {}) if connected else {},
            source="shared_memory",
            lag_s=LAG_S,
            detail="ZoneMinder's API can't be reached: all but the alarm is unknown",
            observed=now,
        )

    def _describe(self) -> Monitor:
        row = self.row
        capabilities = _EVERY_MONITOR if row.type == "WebSite" else _EVERY_MONITOR | _CAPTURED
        if row.settings and row.type != "WebSite":
            capabilities |= {Capability.SETTINGS}
        if row.writes_video:
            capabilities |= {Capability.EVENT_CLIP}
        if self.memory.has_scores:
            capabilities |= {Capability.SCORE, Capability.DETECTION}
        zones = watching(self.zone_watch.listed)
        if zones and row.type != "WebSite":
            capabilities |= {Capability.ZONE_STATE}
        if self.camera is not None:
            capabilities |= {Capability.PTZ}
        return Monitor(
            id=row.id,
            name=row.name,
            model=row.type,
            width=row.width,
            height=row.height,
            zones=tuple(model.Zone(id=each.id, name=each.name, kind=each.kind, points=each.points) for each in zones),
            modes={"function": FUNCTIONS} if row.capturing is None else MODES_1_37,
            settings=() if row.type == "WebSite" else tuple(row.settings),
            capabilities=capabilities,
            ptz=None if self.camera is None else self.camera.ptz,
        )

    def _alarm(self, monotonic: float, lags: Lags) -> Choice[AlarmState | None]:
        if self.row.is_idle:
            return Choice()
        return choose(
            (
                Rung("shared_memory", lambda: self.memory.alarm(monotonic)),
                Rung("mode", lambda: Reading(AlarmState.IDLE, lags.monitors) if self.row.is_without_alarms else Unfit()),
                Rung("events", lambda: self.events.alarm(self.row, monotonic, lags.events)),
                Rung("status", lambda: self._by_status(monotonic, lags)),
            )
        )

    def _by_status(self, monotonic: float, lags: Lags) -> Reading[AlarmState | None] | Unfit:
        if self.is_in_doubt(monotonic, has_events=lags.events is not None):
            return Unfit()  # it has reported already what the events could not
        return self.status.alarm(monotonic, lags.status)

    def _is_recording(self, sample: Sample | None, monotonic: float, lags: Lags) -> bool | None:
        if lags.events is None or not self.events.open:
            return None if lags.events is None else False
        return True if sample is not None else self.events.doubt.goes_on(self.row, monotonic)

    def _is_forced(self, sample: Sample | None, alarm: AlarmState | None) -> bool | None:
        """Say whether the alarm is a forced one: such a one stays in `alarm` until it is cancelled."""
        if alarm is None or alarm is AlarmState.IDLE:
            return None if alarm is None else False
        return self.memory.is_forced() if sample is not None else self.events.is_forced(alarm)

    def _zones(self, sample: Sample | None, alarm: AlarmState | None, monotonic: float) -> dict[str, bool | None]:
        """Return what is known of each zone while its monitor searches the pictures for motion."""
        if sample is not None and not sample.looks:
            return {}
        found = None if sample is None else self._zones_by_memory(sample, monotonic)
        if found is not None:
            return found
        event = self.events.newest if self.row.shows_alarms_as_events else None
        # What is known to be open may be the alarm before.
        is_this_alarms = event is not None and (sample is None or event.id == str(sample.last_event))
        names = self.zone_watch.names()
        return occupied_by_notes(watching(self.zone_watch.listed), alarm, event if is_this_alarms else None, names)

    def _zones_by_memory(self, sample: Sample, monotonic: float) -> dict[str, bool | None] | None:
        """Return what the scores say; None where they say nothing."""
        found = self.zone_watch.occupied(sample, monotonic)
        return found if found is None or sample.looks else {}

    def _connected(self, sample: Sample | None, now: float, monotonic: float) -> bool | None:
        row = self.row
        if row.is_idle:
            return None
        delivers = self.delivery.by_row(row) if sample is None else self.delivery.by_memory(sample, now)
        if not delivers and not row.captures:
            return None  # on demand: no viewer, no pictures, no fault
        if self.restart.is_under_way:
            return False
        return delivers or monotonic < self._held_until

    def _detail(self, alarm: AlarmState | None, connected: bool | None) -> str | None:  # noqa: FBT001 (a state, not a switch)
        if self.row.type == "WebSite":
            return "a web page, not a camera"
        if self.row.is_idle:
            return "switched off in ZoneMinder"
        if self.restart.is_under_way:
            return "its daemon starts anew"
        if connected is False:
            return self._why_no_pictures()
        if alarm is None:
            is_open = self.row.shows_alarms_as_events and self.events.has_alarm
            return NO_ANSWER if is_open else self.memory.problem or "its alarm state can't be learnt in time"
        return None

    def _why_no_pictures(self) -> str:
        if self.row.status == "NotRunning":
            return "its daemon does not run"
        return "its daemon shows no sign of life" if self.delivery.hangs else "the camera sends no pictures"


def is_same(one: MonitorState, other: MonitorState) -> bool:
    """Say whether they differ in nothing but the time of observation."""
    return _ALL_BUT_TIME(one) == _ALL_BUT_TIME(other)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
