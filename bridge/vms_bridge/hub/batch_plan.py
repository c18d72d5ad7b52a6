"""What a batch of events, or an enrichment, means against what is known: worked out before anything is stored or changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.enriched import enriched, joined
from vms_bridge.hub.lifecycle import steps
from vms_bridge.messages import encode, event_message
from vms_bridge.model import EventRef
from vms_bridge.store import EventCommit, NewMessage
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vms_bridge.hub.system import System
    from vms_bridge.model import Enrichment, Event, EventBatch
    from vms_bridge.views import EventMessage

    Enrichments = Mapping[str, Mapping[str, Enrichment]]
    """By event, then by source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """What to store, by monitor key the message of the event that is then the newest, and what others have added to events."""

    commit: EventCommit
    last_events: Mapping[str, EventMessage]
    enrichments: Enrichments


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvents:
    """What is known of events before: each as its backend reported it, with its monitor's key, and what others have added.

    `late` has the ids of those of which something was reported late: what follows of them must not overtake that.
    """

    events: Mapping[str, tuple[str, Event]]
    enrichments: Enrichments
    late: Collection[str]


def plan_batch(batch: EventBatch, system: System, known: StoredEvents, *, epoch: str) -> BatchPlan:
    """Return what the batch changes.

    A known event keeps its key, so that it comes to its end even when its monitor is hidden or gone by now. Other events
    of monitors that are not shown only move the cursor, and of those that were only refreshed nothing is told.
    """
    events = dict(known.events)
    changed: dict[str, tuple[str, Event]] = {}
    messages = _Messages(system, batch.generation, epoch)
    for event in batch.events:
        key, before = events.get(event.id) or (system.key_of(event.monitor_id), None)
        if event.tags is None and before is not None and before.tags is not None:
            event = replace(event, tags=before.tags)  # noqa: PLW2901 - a backend may read tags now and then only
        if key is None or before == event or (before is not None and _is_settled(before, event)):
            continue
        if before is None and batch.refreshed:
            continue
        if event.deleted and before is not None:
            event = replace(before, deleted=True)  # noqa: PLW2901 - of what is gone, the last report is the best
        changed[event.id] = events[event.id] = (key, event)
        added = known.enrichments.get(event.id, {})
        shown = None if before is None else enriched(before, added)
        messages.add(key, shown, enriched(event, added), joined(added.values()), is_late=batch.late or event.id in known.late)
    commit = EventCommit(
        epoch=epoch,
        system=system.key,
        generation=batch.generation,
        cursor=batch.cursor,
        events=tuple(changed.values()),
        messages=tuple(messages.new),
        last_events={key: encode(message) for key, message in messages.last_events.items()},
    )
    enrichments = {event_id: known.enrichments[event_id] for event_id in changed if event_id in known.enrichments}
    return BatchPlan(commit=commit, last_events=messages.last_events, enrichments=enrichments)


def plan_enrichment(
    ref: EventRef, source: str, enrichment: Enrichment, system: System, known: StoredEvents, *, epoch: str
) -> BatchPlan:
    """Return what it changes that a source adds this to a known event."""
    event_id = ref.id
    key, event = known.events[event_id]
    before = known.enrichments.get(event_id, {})
    messages = _Messages(system, ref.generation, epoch)
    now = {**before, source: enrichment}
    said, says = joined(before.values()), joined(now.values())
    says_more = (said.plates, said.faces, said.text) != (says.plates, says.faces, says.text)
    is_late = event_id in known.late
    messages.add(key, enriched(event, before), enriched(event, now), says, is_late=is_late, says_more=says_more)
    commit = EventCommit(
        epoch=epoch,
        system=system.key,
        generation=ref.generation,
        cursor=None,
        events=(),
        messages=tuple(messages.new),
        last_events={name: encode(message) for name, message in messages.last_events.items()},
        enrichments=((event_id, source, enrichment),),
    )
    return BatchPlan(commit=commit, last_events=messages.last_events, enrichments={event_id: now})


class _Messages:
    """The messages to come of a system's events, in their order."""

    def __init__(self, system: System, generation: int, epoch: str) -> None:
        self._system, self._generation, self._epoch = system, generation, epoch
        self._seqs = dict(system.seqs)
        self.new: list[NewMessage] = []
        self.last_events: dict[str, EventMessage] = {}

    def add(
        self, key: str, before: Event | None, event: Event, added: Enrichment, *, is_late: bool, says_more: bool = False
    ) -> None:
        """Report what has happened to an event of the monitor with this key, to which others have `added` something."""
        for type_ in steps(before, event, says_more=says_more):
            seq = self._seqs[key] = self._seqs.get(key, 0) + 1
            ref = EventRef(self._system.key, self._generation, event.id)
            message = event_message(
                event,
                type_,
                ref=ref,
                epoch=self._epoch,
                seq=seq,
                monitor=key,
                name=self._system.name_of(event.monitor_id),
                late=is_late,
                links=self._system.links(ref, event),
                added=added,
            )
            self.new.append(
                NewMessage(monitor=key, event_id=event.id, seq=seq, type=type_, late=is_late, payload=encode(message))
            )
            if _becomes_last(message, self.last_events.get(key) or self._system.last_events.get(key)):
                self.last_events[key] = message


def _is_settled(before: Event, event: Event) -> bool:
    """Say whether nothing more is to be reported: the event is deleted, or over and seen open once more, as after a restart."""
    return before.deleted or (before.is_over and not event.is_over)


def _becomes_last(message: EventMessage, known: EventMessage | None) -> bool:
    """Say whether the message is what its monitor's last event now is.

    What is reported live begins now, whatever the VMS's clock says; only what comes late has to be newer than what is there.
    Late ones come in their order, so that of several that began in the same second the last one is the newest.
    """
    if known is None or known.id == message.id:
        return True
    if message.type is not MessageType.NEW or not message.late:
        return message.type is MessageType.NEW
    if message.start is None or known.start is None:
        return message.start is not None
    return message.start > known.start or (known.late and message.start == known.start)
