"""What happened to an event between two reads of it, as the steps that the event contract knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from vms_bridge.model import Event


def steps(previous: Event | None, event: Event, *, says_more: bool = False) -> tuple[MessageType, ...]:
    """Return the messages that lead from `previous` (None: never seen) to `event`, in order; none where nothing is new.

    `says_more`: what others say of it beside that is new.
    """
    if previous is None:
        if event.deleted:
            return ()
        return (MessageType.NEW, MessageType.END) if event.is_over else (MessageType.NEW,)
    if previous.deleted or event.deleted:
        return () if previous.deleted else (MessageType.DELETED,)
    if event.is_over and not previous.is_over:
        return (MessageType.END,)
    if (event.snapshot_ready and not previous.snapshot_ready) or (event.clip_ready and not previous.clip_ready):
        return (MessageType.MEDIA,)
    return (MessageType.UPDATE,) if says_more or _figures(previous) != _figures(event) else ()


def _figures(event: Event) -> tuple[object, ...]:
    """Return what is worth an update: counts that grow while an event is open are reported by its end."""
    seen = (event.kind, event.cause, event.labels, event.score, event.zones, event.start, event.direction)
    lasting = (*seen, event.archived, event.locked, event.tags)
    if not event.is_over:
        return lasting
    return (*lasting, event.end, event.end_reason, event.duration_s, event.alarm_frames, event.max_score)
