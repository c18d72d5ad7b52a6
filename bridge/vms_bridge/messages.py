"""The public event message: built from an event, encoded once, and never altered afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from vms_bridge.views import EventMessage, MessageType

if TYPE_CHECKING:
    from vms_bridge.model import Event

_ADAPTER = TypeAdapter(EventMessage)


def public_event_id(system: str, event_id: str, generation: int) -> str:
    """Return the id by which an event is known everywhere outside its backend."""
    return f"{system}-{event_id}" if generation == 1 else f"{system}-{generation}.{event_id}"


def event_message(
    event: Event, type_: MessageType, *, epoch: str, seq: int, public_id: str, system: str, monitor: str, name: str, late: bool
) -> EventMessage:
    """Describe one step in the life of `event`."""
    return EventMessage(
        epoch=epoch,
        seq=seq,
        id=public_id,
        type=type_,
        kind=event.kind,
        late=late,
        system=system,
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
    )


def encode(message: EventMessage) -> bytes:
    """Return the message's JSON: UTF-8, times in UTC with `Z`."""
    return _ADAPTER.dump_json(message)


def decode(payload: bytes) -> EventMessage:
    """Return the message that `encode` made these bytes from."""
    return _ADAPTER.validate_json(payload)
