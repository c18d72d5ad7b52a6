"""What is in the JSON that several sinks say, beside events (views.py) and the values of the catalogue's rows.

What is below a field is its description in the JSON Schema (entities/schemas.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from vms_bridge.commands import AckResult
from vms_bridge.views import MESSAGE_VERSION, Count, Share, Version

if TYPE_CHECKING:
    from vms_bridge.commands import Ack
    from vms_bridge.model import Detection
    from vms_bridge.views import MonitorView

PART_KEYS: dict[str, Any] = {"propertyNames": {"pattern": "^[A-Za-z0-9_]{1,48}$"}}
"""What keys of zones and storages look like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong."""

    code: str
    hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a command."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    request_id: str | None
    system: str
    monitor: str | None
    command: str
    result: AckResult
    applied: str | None
    """The value now in force."""
    error: Failure | None
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAnswer:
    """What follows in an `Answer` about a command on an event."""

    event: str
    """The event's id, in the answer to a command on one only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullAnswer:
    """What follows in an `Answer` to a command that asks for something."""

    detail: Mapping[str, Any]
    """What was found out, in the answer to a command that asks for something only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenObject:
    """One object in a frame."""

    label: str
    score: Share | None
    box: tuple[Share, Share, Share, Share] | None
    """x, y, width, height in 0..1 from the top left."""
    zones: tuple[str, ...]
    track: str | None
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenObjects:
    """The objects in one frame of a monitor."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    time: datetime
    frame: Count | None
    event_id: str | None
    source: Annotated[str, Field(json_schema_extra={"x-known-values": ["vms", "detector"]})]
    objects: tuple[SeenObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFrame:
    """What a monitor's state says of something that is looked for, before the values of its rows."""

    label: str
    zone: str | None
    """Where it is looked for; null: in all of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorFrame:
    """What a monitor's state says beside the values of its rows, which come after `available`."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    available: bool
    """The bridge can learn the state now."""
    zones: Annotated[Mapping[str, bool | None], Field(json_schema_extra=PART_KEYS)]
    """Whether something is in a zone, by the zone's key."""
    objects: Annotated[Mapping[str, ObjectFrame], Field(json_schema_extra=PART_KEYS)]
    """What is looked for, by its key, and whether it is there."""
    detected: tuple[str, ...]
    """The labels of what came into sight last."""
    detection_profiles: tuple[str, ...]
    """The profiles of detection that can be chosen; none where there is no choice."""
    presets: tuple[str, ...]
    """The places to which the camera can be sent."""
    detail: str | None
    """Why something is not as it should be."""
    time: datetime | None
    """When this was observed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFrame:
    """What a system's state says of a storage before the values of its rows."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFrame:
    """What a system's state says of a server before the values of its rows."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFrame:
    """What a system's state says beside the values of its rows, which come after `kind`."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    name: str
    kind: str
    run_states: tuple[str, ...]
    storage: Annotated[Mapping[str, StorageFrame], Field(json_schema_extra=PART_KEYS)]
    servers: Annotated[Mapping[str, ServerFrame], Field(json_schema_extra=PART_KEYS)]
    """Its machines, where it runs on several."""
    time_zone: str | None
    detail: str | None
    time: datetime | None


def answer(ack: Ack) -> dict[str, Any]:
    """Return the answer to a command: the fields of `Answer`, and where it was one on an event those of `EventAnswer`.

    Where it was one that asks for something, those of `FullAnswer` follow.
    """
    said = asdict(
        Answer(
            request_id=ack.request_id,
            system=ack.target.system,
            monitor=ack.target.monitor,
            command=ack.name,
            result=ack.result,
            applied=ack.applied,
            error=None if ack.code is None else Failure(code=ack.code, hint=ack.hint),
            time=ack.time,
        )
    )
    if (event := ack.target.event) is not None:
        said |= asdict(EventAnswer(event=event.format()))
    return said if ack.detail is None else {**said, "detail": dict(ack.detail)}


def seen_objects(view: MonitorView | None, detection: Detection) -> SeenObjects:
    """Return the objects in one frame of the monitor (None: it is no more); an empty list ends their presence."""
    return SeenObjects(
        time=detection.time,
        frame=detection.frame,
        event_id=None if detection.event_id is None or view is None else view.event(detection.event_id).format(),
        source=detection.source,
        objects=tuple(
            SeenObject(label=seen.label, score=seen.score, box=seen.box, zones=seen.zones, track=seen.track, text=seen.text)
            for seen in detection.objects
        ),
    )
