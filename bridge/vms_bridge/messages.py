"""The public event message: built from an event, encoded once, and never altered afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from vms_bridge.model import Enrichment
from vms_bridge.views import EventMessage, MessageType

if TYPE_CHECKING:
    from vms_bridge.model import Event, EventRef

_ADAPTER = TypeAdapter(EventMessage)
LINKS = {"snapshot_url", "clip_url"}
_WITH_LINKS = (b'"snapshot_url":"', b'"clip_url":"')
_NOTHING = Enrichment()


def event_message(
    event: Event,
    type_: MessageType,
    *,
    ref: EventRef,
    epoch: str,
    seq: int,
    monitor: str,
    name: str,
    late: bool,
    links: tuple[str | None, str | None] = (None, None),
    added: Enrichment = _NOTHING,
) -> EventMessage:
    """Describe one step in the life of `event`, which everybody knows as `ref`, and to which others have `added` something.

    `links` are those to its picture and clip.
    """
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
        direction=event.direction,
        snapshot_url=links[0],
        clip_url=links[1],
        plates=added.plates,
        faces=added.faces,
        text=added.text,
    )


def encode(message: EventMessage) -> bytes:
    """Return the message's JSON: UTF-8, times in UTC with `Z`."""
    return _ADAPTER.dump_json(message)


def encode_without_links(message: EventMessage) -> bytes:
    """Return the same without its links: they expire, and this is for what lasts."""
    return _ADAPTER.dump_json(message, exclude=LINKS)


def struck(payload: bytes) -> bytes:
    """Return the JSON of a message with null for each of its links: for a log, which others may read than who may open them."""
    if not any(each in payload for each in _WITH_LINKS):
        return payload
    return encode(replace(decode(payload), snapshot_url=None, clip_url=None))


def decode(payload: bytes) -> EventMessage:
    """Return the message that `encode` made these bytes from."""
    return _ADAPTER.validate_json(payload)
