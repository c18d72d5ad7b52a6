"""What a batch of events means against what is known: worked out before anything is stored or changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.hub.lifecycle import steps
from vms_bridge.messages import encode, event_message
from vms_bridge.model import EventRef
from vms_bridge.store import EventCommit, NewMessage
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vms_bridge.hub.system import System
    from vms_bridge.model import Event, EventBatch
    from vms_bridge.views import EventMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What to store, and by monitor key the message of the newest event that then stands."""

    commit: EventCommit
    last_events: Mapping[str, EventMessage]


def plan_batch(
    batch: EventBatch, system: System, known: Mapping[str, tuple[str, Event]], *, late: Collection[str], epoch: str
) -> BatchPlan:
    """Return what the batch changes, `known` being those of its events that were told before, each with its monitor's key.

    `late` has the ids of those of which something was told late: what follows of them must not overtake that.

    Such an event keeps its key, so that it comes to its end even when its monitor is hidden or gone by now. Other events
    of monitors that are not shown only move the cursor.
    """
    known = dict(known)
    seqs = dict(system.seqs)
    changed: dict[str, tuple[str, Event]] = {}
    messages: list[NewMessage] = []
    last_events: dict[str, EventMessage] = {}
    for event in batch.events:
        key, before = known.get(event.id) or (system.key_of(event.monitor_id), None)
        if key is None or before == event or (before is not None and _is_settled(before, event)):
            continue
        if event.deleted and before is not None:
            event = replace(before, deleted=True)  # noqa: PLW2901 - of what is gone, what was told last is known best
        changed[event.id] = known[event.id] = (key, event)
        is_late = batch.late or event.id in late
        for type_ in steps(before, event):
            seqs[key] = seqs.get(key, 0) + 1
            message = event_message(
                event,
                type_,
                ref=EventRef(system.key, batch.generation, event.id),
                epoch=epoch,
                seq=seqs[key],
                monitor=key,
                name=system.name_of(event.monitor_id),
                late=is_late,
            )
            messages.append(
                NewMessage(monitor=key, event_id=event.id, seq=seqs[key], type=type_, late=is_late, payload=encode(message))
            )
            if _becomes_last(message, last_events.get(key) or system.last_events.get(key)):
                last_events[key] = message
    commit = EventCommit(
        epoch=epoch,
        system=system.key,
        generation=batch.generation,
        cursor=batch.cursor,
        events=tuple(changed.values()),
        messages=tuple(messages),
        last_events={key: encode(message) for key, message in last_events.items()},
    )
    return BatchPlan(commit=commit, last_events=last_events)


def _is_settled(before: Event, event: Event) -> bool:
    """Say whether nothing more is to be told: the event is deleted, or over and seen open once more, as after a restart."""
    return before.deleted or (before.is_over and not event.is_over)


def _becomes_last(message: EventMessage, known: EventMessage | None) -> bool:
    """Say whether the message is what its monitor's last event now is.

    What is told live begins now, whatever the VMS's clock says; only what comes late has to be newer than what is there.
    """
    if known is None or known.id == message.id:
        return True
    if message.type is not MessageType.NEW or not message.late:
        return message.type is MessageType.NEW
    return message.start is not None and (known.start is None or message.start > known.start)
