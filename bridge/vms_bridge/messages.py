"""The public event message: built from an event, encoded once, and never altered afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from vms_bridge.views import EventMessage, MessageType

if TYPE_CHECKING:
    from vms_bridge.model import Event, EventRef

_ADAPTER = TypeAdapter(EventMessage)
LINKS = {"snapshot_url", "clip_url"}


def event_message(
    event: Event, type_: MessageType, *, ref: EventRef, epoch: str, seq: int, monitor: str, name: str, late: bool
) -> EventMessage:
    """Describe one step in the life of `event`, which everybody knows as `ref`."""
    return EventMessage(
        epoch=epoch,
        seq=seq,
        id=ref.format(),
        type=type_,
        kind=event.kind,
        late=late,
        system=ref.system,
        monitor=monitor,
        monitor_name=name,
        label=event.labels[0] if event.labels else None,
        labels=event.labels,
        score=event.score,
        zones=event.zones,
        cause=event.cause,
        start=event.start,
        end=event.end,
        duration=event.duration_s,
        end_reason=event.end_reason,
        alarm_frames=event.alarm_frames,
        max_score=event.max_score,
        snapshot_ready=event.snapshot_ready,
        clip_ready=event.clip_ready,
        archived=event.archived,
        locked=event.locked,
        tags=event.tags,
    )


def encode(message: EventMessage) -> bytes:
    """Return the message's JSON: UTF-8, times in UTC with `Z`."""
    return _ADAPTER.dump_json(message)


def encode_without_links(message: EventMessage) -> bytes:
    """Return the same without its links: they expire, and this is for what lasts."""
    return _ADAPTER.dump_json(message, exclude=LINKS)


def decode(payload: bytes) -> EventMessage:
    """Return the message that `encode` made these bytes from."""
    return _ADAPTER.validate_json(payload)
