"""One simulated camera: what it does of what happens in its world, and what it is told to do."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vms_bridge.backends.simulator.abilities import abilities
from vms_bridge.backends.simulator.archive import (
    FPS,
    EventId,
    alarm_of,
    began,
    began_between,
    closed,
    event_at,
    moment,
    parse_event_id,
    recorded_between,
    section_event,
    visit_event,
)
from vms_bridge.backends.simulator.head import head_of
from vms_bridge.backends.simulator.modes import behaviour, style_of
from vms_bridge.model import (
    MOTION,
    AlarmState,
    DetectedObject,
    Detection,
    EndReason,
    Event,
    EventKind,
    Monitor,
    MonitorState,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vms_bridge.backends.simulator.modes import Behaviour
    from vms_bridge.backends.simulator.world import Sighting, Visit, World
    from vms_bridge.commands import SetAlarm

_RESTART_S = 1.0
_ALERT_S = 1.0
_STEADY_S = 30.0
_BYTES_PER_S = 250_000
_SINCE_S = {"hour": 3_600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one reading of a camera has brought: only what is new."""

    state: MonitorState | None = None
    detection: Detection | None = None
    events: tuple[Event, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Forced:
    """An alarm that somebody has forced; `until` is set when it has been cancelled."""

    event: Event
    score: int
    until: float | None = None

    @property
    def recorded(self) -> Event:
        """Its event, as it is now."""
        return self.event if self.until is None else replace(closed(self.event, self.until), clip_ready=True)


@dataclass(slots=True)
class _Counter:
    """The events that were recorded since the simulator started; how many its archive lists nobody has counted."""

    disk_bytes: int = 0
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=10_000))

    def add(self, event: Event) -> None:
        self.disk_bytes += round((event.duration_s or 0) * _BYTES_PER_S)
        self.starts.append(began(event))

    def since(self, time: float) -> int:
        return len(self.starts) - bisect_left(self.starts, time)


class Camera:
    """Watches its place, and remembers what it has reported; `monitor` is its description."""

    def __init__(self, number: int, world: World, width: int, *, writes_video: bool = True, names_visitors: bool = True) -> None:
        self.writes_video = writes_video
        """Whether its events are videos, and not single pictures."""
        self._names_visitors = names_visitors
        self._number = number
        self._world = world
        self._place = world.place(number)
        self._style = style_of(number)
        self.head = head_of(number)
        name = self._place.name if number <= 3 else f"{self._place.name} {(number + 2) // 3}"
        self.monitor = Monitor(
            id=str(number),
            name=name,
            model="Simulated camera",
            width=width,
            height=width * 9 // 16,
            zones=self._place.zones,
            modes=self._style.modes,
            capabilities=abilities(
                has_modes=bool(self._style.modes),
                moves=self.head is not None,
                writes_video=writes_video,
                names_visitors=names_visitors,
            ),
            ptz=None if self.head is None else self.head.able,
        )
        self.modes: Mapping[str, str] = self._style.run_states.get("Away", {})
        self._is_paused = False
        self._restarting_until = 0.0
        self._ignored_slot: int | None = None
        self._alert_until = 0.0
        self._forced: _Forced | None = None
        self._were_forced: deque[_Forced] = deque(maxlen=20)
        self._open: dict[str, Event] = {}
        self._recent: deque[str] = deque(maxlen=16)
        self._counter = _Counter()
        self._shown: MonitorState | None = None
        self._was_seeing = False
        self._steady_until = 0.0

    def resume(self, open_events: Iterable[Event], time: float) -> list[Event]:
        """Go on from what was open when the bridge last ran; return what has ended since then."""
        self._open = {}
        self._shown = None
        self._steady_until = 0.0
        ended = []
        for event in open_events:
            current = self._past_event(event, time)
            if current.clip_ready or current.end_reason is EndReason.ABANDONED:
                self._recent.append(event.id)
                self._counter.add(current)
                ended.append(self.told(current))
            else:
                self._open[event.id] = event
        return ended

    def begin(self, time: float) -> None:
        """Begin at the first contact: what is over by now is not reported."""
        visit = self._world.visit_at(self._number, time)
        event = visit_event(self._world, visit, time) if visit is not None else None
        if event is not None and event.end is not None:
            self._recent.append(event.id)

    def changes(self, time: float) -> Changes:
        """Return what is new since the last call."""
        if time < self._steady_until:
            return Changes()
        does = self._does(time)
        visit = self._world.visit_at(self._number, time)
        sightings = self._world.sightings(visit, time) if does.analyses else ()
        changed = tuple(self._changed_events(does, visit, time))
        for event in changed:
            if event.clip_ready:
                self._counter.add(event)
        events = tuple(self.told(event) for event in changed)
        state = self._state(does, visit, sightings, time)
        detection = self._detection(sightings, time)
        self._steady_until = self._next_change(visit, time)
        if state == self._shown:
            return Changes(detection=detection, events=events)
        self._shown = state
        return Changes(state=replace(state, observed=moment(time)), detection=detection, events=events)

    def state(self, time: float) -> MonitorState:
        """Return the state as it is now, whether or not it has been reported."""
        does, visit = self._does(time), self._world.visit_at(self._number, time)
        sightings = self._world.sightings(visit, time) if does.analyses else ()
        return replace(self._state(does, visit, sightings, time), observed=moment(time))

    def missed(self, since: float, time: float) -> Iterator[Event]:
        """Yield what was recorded, and is over, since nobody watches any more; each is yielded once only."""
        does = self._does(time)
        if not does.records_always and not (does.records_motion and does.analyses):
            return
        for event in recorded_between(self._world, self._number, since, time, continuous=does.records_always):
            event_id = parse_event_id(event.id)
            if event.id in self._recent or (event_id is not None and event_id.number == self._ignored_slot):
                continue
            self._recent.append(event.id)
            self._counter.add(event)
            yield self.told(event)

    def told(self, event: Event) -> Event:
        """Return the event as it is told: here it is finished when its clip is ready, also where it gets none."""
        if not self._names_visitors:
            event = replace(event, labels=(), score=None)
        return event if self.writes_video else replace(event, clip_ready=False)

    def forced_event(self, event_id: str) -> Event | None:
        """Return the event of an alarm that was forced lately, as it is now; those of an earlier run have left nothing behind."""
        known = (each for each in (self._forced, *self._were_forced) if each is not None)
        return next((each.recorded for each in known if each.event.id == event_id), None)

    def recorded(self, since: float, until: float, time: float) -> Iterator[Event]:
        """Yield what began in that time, as it is now, as if the modes had always been those of now."""
        does = behaviour(self.modes)
        if does.records_always or (does.records_motion and does.analyses):
            found = began_between(self._world, self._number, since, until, time, continuous=does.records_always)
            yield from map(self.told, found)

    @property
    def disk_bytes(self) -> int:
        """The size of what was recorded."""
        return self._counter.disk_bytes

    def armed_modes(self, restore: Mapping[str, str] | None) -> Mapping[str, str]:
        """Return the modes to go back to; what is remembered must be legal and detect, else it is the usual one."""
        legal = (
            restore is not None
            and restore.keys() == self.monitor.modes.keys()
            and all(value in self.monitor.modes[mode] for mode, value in restore.items())
        )
        return restore if restore is not None and legal and behaviour(restore).analyses else self._style.run_states["Away"]

    @property
    def unarmed_modes(self) -> Mapping[str, str]:
        """The modes in which it does not detect."""
        return self._style.unarmed

    def set_modes(self, modes: Mapping[str, str], time: float) -> None:
        """Change the modes; a visit that is under way is not noticed any more."""
        self.modes = dict(modes)
        self._ignore_visit(time)

    def set_run_state(self, name: str, time: float) -> None:
        """Take the modes that the run state sets; a camera without modes takes no notice."""
        if self._style.modes:
            self.set_modes(self._style.run_states[name], time)

    def set_detection(self, *, on: bool, time: float) -> None:
        """Pause detection within the mode, or go on."""
        self._is_paused = not on
        self._ignore_visit(time)

    def restart(self, time: float) -> None:
        """Deliver nothing for a moment."""
        self._restarting_until = time + _RESTART_S
        self._ignore_visit(time)

    def force(self, action: SetAlarm, time: float) -> None:
        """Begin an alarm, and an event of its own, or change the one that is forced already."""
        if self._forced is None or self._forced.until is not None:
            self._were_forced.extend([self._forced] if self._forced is not None else [])
            event_id = EventId(camera=self._number, kind=EventKind.FORCED, number=round((time - self._world.epoch) * 1_000))
            event = Event(id=str(event_id), monitor_id=self.monitor.id, start=moment(time), kind=EventKind.FORCED)
        else:
            event = self._forced.event
        event = replace(event, cause=action.cause, notes=action.text, max_score=action.score, snapshot_ready=True)
        self._forced = _Forced(event=event, score=action.score)
        self._steady_until = 0.0

    @property
    def is_forced(self) -> bool:
        """Whether an alarm is forced, and goes on."""
        return self._forced is not None and self._forced.until is None

    def end_forced_alarm(self, time: float) -> None:
        """End the alarm that is forced, if there is one."""
        if self._forced is not None and self._forced.until is None:
            self._forced.until = time
            self._alert_until = time + _ALERT_S
            self._steady_until = 0.0

    def end_alarm(self, time: float) -> None:
        """End whatever alarm there is; the visit that is under way raises none any more."""
        if self._alarm(self._does(time), self._world.visit_at(self._number, time), time) is not AlarmState.IDLE:
            self._alert_until = time + _ALERT_S
        if self._forced is not None and self._forced.until is None:
            self._forced.until = time
        self._ignore_visit(time)

    def _ignore_visit(self, time: float) -> None:
        self._ignored_slot = self._world.slot_at(self._number, time)
        self._steady_until = 0.0

    def _does(self, time: float) -> Behaviour:
        does = behaviour(self.modes)
        if time < self._restarting_until:
            return replace(does, captures=False, analyses=False, records_always=False, records_motion=False)
        return replace(does, analyses=False) if self._is_paused else does

    def _noticed(self, does: Behaviour, visit: Visit | None) -> bool:
        """Say whether a visit raises an alarm: somebody watches, and did so from its beginning."""
        return does.analyses and visit is not None and visit.alarm_start is not None and visit.slot != self._ignored_slot

    def _alarm(self, does: Behaviour, visit: Visit | None, time: float) -> AlarmState | None:
        if not does.captures:
            return None
        if self._forced is not None and self._forced.until is None:
            return AlarmState.ALARM
        if time < self._alert_until:
            return AlarmState.ALERT
        return alarm_of(visit, time) if visit is not None and self._noticed(does, visit) else AlarmState.IDLE

    def _state(self, does: Behaviour, visit: Visit | None, sightings: tuple[Sighting, ...], time: float) -> MonitorState:
        alarm = self._alarm(does, visit, time)
        forced = self._forced if self._forced is not None and self._forced.until is None else None
        recording = [event for event in self._open.values() if event.end is None]
        occupied = {zone for sighting in sightings for zone in sighting.zones}
        scores = [round(255 * sighting.score) for sighting in sightings if sighting.zones]
        return MonitorState(
            available=True,  # the bridge can ask; whether pictures come is `connected`
            connected=does.captures or (False if time < self._restarting_until else None),
            alarm=alarm,
            armed=behaviour(self.modes).analyses,
            detection=not self._is_paused,
            forced=None if alarm is None else forced is not None,
            is_recording=bool(recording),
            modes=self.modes,
            preset=None if self.head is None else self.head.preset,
            score=forced.score if forced else max(scores, default=0),
            cause=self._cause(visit, time) if alarm in MOTION else None,
            event_id=recording[-1].id if recording else None,
            capture_fps=FPS if does.captures else 0.0,
            analysis_fps=FPS if does.analyses else 0.0,
            bandwidth_bytes=self._bandwidth(time) if does.captures else 0,
            events_hour=self._counter.since(time - _SINCE_S["hour"]),
            events_day=self._counter.since(time - _SINCE_S["day"]),
            events_week=self._counter.since(time - _SINCE_S["week"]),
            events_month=self._counter.since(time - _SINCE_S["month"]),
            disk_bytes=self._counter.disk_bytes,
            # None where nobody watches: unknown is not clear
            zones={zone.id: zone.id in occupied if does.analyses else None for zone in self._place.zones},
            source="simulation",
            lag_s=0.0,
            detail=self._detail(does, time),
        )

    def _cause(self, visit: Visit | None, time: float) -> str | None:
        """Return why there is an alarm; a section of continuous recording has its own cause, whatever moves meanwhile."""
        if self._forced is not None and self._forced.until is None:
            return self._forced.event.cause
        event = visit_event(self._world, visit, time) if visit is not None else None
        recorded = [event] if event is not None else [event for event in self._open.values() if event.end is None]
        return next((event.cause for event in recorded if event.kind is not EventKind.CONTINUOUS), None)

    def _detail(self, does: Behaviour, time: float) -> str | None:
        if time < self._restarting_until:
            return "restarting"
        return None if does.captures else "its mode is not to capture"

    def _bandwidth(self, time: float) -> int:
        return _BYTES_PER_S + int(time / _STEADY_S * 7_919 + self._number * 104_729) % 50_000

    def _detection(self, sightings: tuple[Sighting, ...], time: float) -> Detection | None:
        """Return what is seen, and once more, empty, when there is nothing left to see."""
        if not self._names_visitors or (not sightings and not self._was_seeing):
            return None
        self._was_seeing = bool(sightings)
        event = next((event for event in self._open.values() if event.end is None), None)
        return Detection(
            monitor_id=self.monitor.id,
            time=moment(time),
            objects=tuple(
                DetectedObject(label=one.label, score=one.score, box=one.box, zones=one.zones, track=one.track)
                for one in sightings
            ),
            frame=round((time - began(event)) * FPS) if event else None,
            event_id=event.id if event else None,
        )

    def _changed_events(self, does: Behaviour, visit: Visit | None, time: float) -> Iterator[Event]:
        """Yield each event that is new or has changed."""
        now = {event.id: event for event in self._recordings(does, visit, time) if event.id not in self._recent}
        # what ends is reported before what begins, as the sections of continuous recording follow each other
        ended = {event_id: self._ended(event, time) for event_id, event in self._open.items() if event_id not in now}
        for event_id, event in (ended | now).items():
            if self._open.get(event_id) == event:
                continue
            self._open[event_id] = event
            if event.clip_ready:
                del self._open[event_id]
                self._recent.append(event_id)
            yield event

    def _recordings(self, does: Behaviour, visit: Visit | None, time: float) -> Iterator[Event]:
        """Yield the events that concern this moment, as they are."""
        if does.records_always:
            number = int((time - self._world.epoch) // self._world.section_s)
            section = section_event(self._world, self._number, number, time, labelled=does.analyses)
            if section is not None:
                yield section
        elif does.records_motion and visit is not None and self._noticed(does, visit):
            event = visit_event(self._world, visit, time)
            if event is not None:
                yield event
        if self._forced is not None and not does.records_always:
            yield self._forced.recorded

    def _ended(self, event: Event, time: float) -> Event:
        """Return the end of an event that is no longer recorded: its regular one, or now, since it was interrupted."""
        if event.end is None:
            event_id = parse_event_id(event.id)
            current = event_at(self._world, event_id, time) if event_id is not None else None
            event = current if current is not None and current.end is not None else closed(event, time)
        return replace(event, snapshot_ready=True, clip_ready=True)

    def _past_event(self, event: Event, time: float) -> Event:
        """Return an event that was open as it is now. A forced alarm of an earlier run has left no end behind."""
        if self._forced is not None and self._forced.event.id == event.id:
            return self._forced.event
        event_id = parse_event_id(event.id)
        current = event_at(self._world, event_id, time) if event_id is not None else None
        return current if current is not None else replace(event, end_reason=EndReason.ABANDONED)

    def _next_change(self, visit: Visit | None, time: float) -> float:
        """Return until when nothing new can happen, which is what makes thousands of cameras cheap."""
        busy = self._forced is not None and self._forced.until is None
        if busy or self._was_seeing or time < max(self._alert_until, self._restarting_until):
            return time
        slot = self._world.slot_at(self._number, time)
        changes = [self._world.slot_end(self._number, slot), (time // _STEADY_S + 1) * _STEADY_S]
        if behaviour(self.modes).records_always:
            changes.append(self._world.epoch + ((time - self._world.epoch) // self._world.section_s + 1) * self._world.section_s)
        elif self._open:
            return time
        if visit is not None and time < visit.over - 0.15 * self._world.slot_s:
            changes.append(max(time, visit.start))
        return min(changes)
