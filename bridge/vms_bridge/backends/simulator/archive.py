"""The simulated recorder: which events there are, as they are at a given time, as pure functions of the world."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING

from vms_bridge.model import AlarmState, EndReason, Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.backends.simulator.world import Visit, World

FPS = 10.0
_ID = re.compile(r"([1-9][0-9]{0,3})-([sf]?)([0-9]{1,15})")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventId:
    """What an event's id says: `n-123` a visit by its slot, `n-s12` a section of continuous recording, `n-f…` a forced alarm."""

    camera: int
    kind: EventKind
    number: int

    def __str__(self) -> str:
        letter = {EventKind.CONTINUOUS: "s", EventKind.FORCED: "f"}.get(self.kind, "")
        return f"{self.camera}-{letter}{self.number}"


def parse_event_id(text: str) -> EventId | None:
    """Read an event's id; None for what is none of ours."""
    match = _ID.fullmatch(text)
    if match is None:
        return None
    kind = {"s": EventKind.CONTINUOUS, "f": EventKind.FORCED}.get(match[2], EventKind.ALARM)
    return EventId(camera=int(match[1]), kind=kind, number=int(match[3]))


def moment(time: float) -> datetime:
    """Return Unix seconds as the model wants a time."""
    return datetime.fromtimestamp(time, UTC)


def alarm_of(visit: Visit, time: float) -> AlarmState:
    """Return the alarm state that a visit brings about at that time."""
    if visit.alarm_start is None or visit.alarm_end is None or time < visit.start:
        return AlarmState.IDLE
    if time < visit.alarm_start:
        return AlarmState.PREALARM
    if time < visit.alarm_end:
        return AlarmState.ALARM
    return AlarmState.ALERT if time < visit.alarm_end + visit.hold_s else AlarmState.IDLE


def visit_event(world: World, visit: Visit, time: float) -> Event | None:
    """Return the event that a visit makes, as it is at that time; None before it begins, or where there is no alarm."""
    if visit.alarm_start is None or visit.alarm_end is None or time < visit.alarm_start:
        return None
    zones = {zone.id: zone.name for zone in world.place(visit.camera).zones}
    event = Event(
        id=str(EventId(camera=visit.camera, kind=EventKind.ALARM, number=visit.slot)),
        monitor_id=str(visit.camera),
        start=moment(visit.alarm_start),
        cause=f"Motion: {zones[visit.entered[0][0]]}",
        zones=tuple(zone for zone, entered in visit.entered if entered <= time),
    )
    if time >= visit.best:  # who it is shows in the best frame, and that is the event's picture
        event = replace(event, labels=visit.labels, score=visit.score, snapshot_ready=True)
    end = visit.alarm_end + visit.hold_s
    if time < end:
        return event
    return replace(
        closed(event, end),
        alarm_frames=round((visit.alarm_end - visit.alarm_start) * FPS),
        max_score=round(255 * visit.score),
        clip_ready=time >= end + visit.hold_s / 3,  # a recorder needs a moment to write the file
    )


def section_event(world: World, camera: int, number: int, time: float, *, labelled: bool) -> Event | None:
    """Return a section of continuous recording as it is at that time; None before it begins."""
    start = world.epoch + number * world.section_s
    if time < start or number < 0:
        return None
    end = start + world.section_s
    seen = list(_alarms_between(world, camera, start, min(time, end))) if labelled else []
    best = max(seen, key=lambda visit: visit.score, default=None)
    labels = dict.fromkeys(label for visit in sorted(seen, key=lambda visit: -visit.score) for label in visit.labels)
    event = Event(
        id=str(EventId(camera=camera, kind=EventKind.CONTINUOUS, number=number)),
        monitor_id=str(camera),
        start=moment(start),
        kind=EventKind.CONTINUOUS,
        cause="Continuous",
        labels=tuple(labels),
        score=best.score if best else None,
        zones=tuple(sorted({zone for visit in seen for zone, _ in visit.entered})),
        snapshot_ready=True,
    )
    return event if time < end else replace(closed(event, end), clip_ready=True)


def closed(event: Event, end: float) -> Event:
    """Return the event with its regular end."""
    return replace(event, end=moment(end), end_reason=EndReason.CLOSED, duration_s=round(max(0.0, end - began(event)), 3))


def began(event: Event) -> float:
    """Return when an event of this world began; here every one knows."""
    return event.start.timestamp() if event.start else 0.0


def recorded_between(world: World, camera: int, since: float, until: float, *, continuous: bool) -> Iterator[Event]:
    """Yield what came to its end in that time, as it is at `until`."""
    if continuous:
        first = int((since - world.epoch) // world.section_s)
        last = int((until - world.epoch) // world.section_s)
        found = (section_event(world, camera, number, until, labelled=True) for number in range(max(0, first), last))
    else:
        slots = range(world.slot_at(camera, since), world.slot_at(camera, until) + 1)
        visits = (world.visit(camera, slot) for slot in slots)
        found = (visit_event(world, visit, until) for visit in visits if visit is not None)
    yield from (event for event in found if event is not None and event.clip_ready and event.end and event.end > moment(since))


def began_between(world: World, camera: int, since: float, until: float, now: float, *, continuous: bool) -> Iterator[Event]:
    """Yield what began in that time, as it is now."""
    if continuous:
        first, end = (ceil((time - world.epoch) / world.section_s) for time in (since, until))
        found = (section_event(world, camera, number, now, labelled=True) for number in range(max(0, first), end))
    else:
        found = (visit_event(world, visit, now) for visit in _alarms_between(world, camera, since, until))
    yield from (event for event in found if event is not None)


def event_at(world: World, event_id: EventId, now: float) -> Event | None:
    """Return an event as it is now, None where there is none, not yet, or no more."""
    if event_id.kind is EventKind.CONTINUOUS:
        return section_event(world, event_id.camera, event_id.number, now, labelled=True)
    visit = world.visit(event_id.camera, event_id.number) if event_id.kind is EventKind.ALARM else None
    return visit_event(world, visit, now) if visit is not None else None


def best_moment(world: World, event_id: EventId, now: float) -> float | None:
    """Return the time up to now whose picture shows the event best; None where there is no such event, or not yet."""
    if event_id.kind is EventKind.ALARM:
        visit = world.visit(event_id.camera, event_id.number)
        best = visit.best if visit is not None and visit.alarm_start is not None else None
    elif event_id.kind is EventKind.FORCED:
        best = world.epoch + event_id.number / 1_000
    else:
        visit = shown_visit(world, event_id, now)
        best = visit.best if visit is not None else world.epoch + event_id.number * world.section_s
    return best if best is not None and best <= now else None


def shown_visit(world: World, event_id: EventId, now: float) -> Visit | None:
    """Return the visit up to now that an event shows best, None where nobody comes."""
    if event_id.kind is not EventKind.CONTINUOUS:
        return world.visit(event_id.camera, event_id.number) if event_id.kind is EventKind.ALARM else None
    start = world.epoch + event_id.number * world.section_s
    seen = [visit for visit in _alarms_between(world, event_id.camera, start, start + world.section_s) if visit.best <= now]
    return max(seen, key=lambda visit: visit.score, default=None)


def _alarms_between(world: World, camera: int, since: float, until: float) -> Iterator[Visit]:
    for slot in range(world.slot_at(camera, since), world.slot_at(camera, until) + 1):
        visit = world.visit(camera, slot)
        if visit is not None and visit.alarm_start is not None and since <= visit.alarm_start < until:
            yield visit
