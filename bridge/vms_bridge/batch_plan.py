"""What a batch of events means against what is known: worked out before anything is stored or changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.lifecycle import steps
from vms_bridge.messages import encode, event_message, public_event_id
from vms_bridge.store import EventCommit, NewMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.model import Event, EventBatch
    from vms_bridge.views import EventMessage, MonitorView


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a system before the batch: by monitor key its view and its last sequence number, events by id."""

    system: str
    epoch: str
    monitors: Mapping[str, MonitorView]
    seqs: Mapping[str, int]
    events: Mapping[str, Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What to store, and by monitor key the newest event that then stands: its id in the VMS and its message."""

    commit: EventCommit
    last_events: Mapping[str, tuple[str, EventMessage]]


def plan_batch(batch: EventBatch, shown: Iterable[tuple[str, Event]], known: Known) -> BatchPlan:
    """Return what the events of shown monitors, each with its monitor's key, change; the rest of the batch moves the cursor."""
    events = dict(known.events)
    seqs = dict(known.seqs)
    changed: dict[str, tuple[str, Event]] = {}
    messages: list[NewMessage] = []
    last_events: dict[str, tuple[str, EventMessage]] = {}
    for key, event in shown:
        before = events.get(event.id)
        if before == event or (before is not None and before.deleted):
            continue
        changed[event.id] = (key, event)
        events[event.id] = event
        view = known.monitors.get(key)
        for type_ in steps(before, event):
            seqs[key] = seqs.get(key, 0) + 1
            message = event_message(
                event,
                type_,
                epoch=known.epoch,
                seq=seqs[key],
                public_id=public_event_id(known.system, event.id, batch.generation),
                system=known.system,
                monitor=key,
                name=view.monitor.name if view else event.monitor_id,
                late=batch.late,
            )
            messages.append(
                NewMessage(monitor=key, event_id=event.id, seq=seqs[key], type=type_, late=batch.late, payload=encode(message))
            )
            newest = last_events[key][1] if key in last_events else view.last_event if view else None
            if newest is None or newest.id == message.id or message.start >= newest.start:
                last_events[key] = (event.id, message)
    commit = EventCommit(
        epoch=known.epoch,
        system=known.system,
        generation=batch.generation,
        cursor=batch.cursor,
        events=tuple(changed.values()),
        messages=tuple(messages),
        last_events={key: (event_id, encode(message)) for key, (event_id, message) in last_events.items()},
    )
    return BatchPlan(commit=commit, last_events=last_events)
