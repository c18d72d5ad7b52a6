"""What stands in the JSON messages: an event's is in views.py, and the values in a state are those of the catalogue's rows.

A message is a flat JSON object. What stands below a field is its description in the JSON Schema (schemas.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from vms_bridge.commands import AckResult
from vms_bridge.keys import INSTANCE_PATTERN
from vms_bridge.views import MESSAGE_VERSION, Count, Share, Version

PART_KEYS: dict[str, Any] = {"propertyNames": {"pattern": "^[A-Za-z0-9_]{1,48}$"}}
"""What keys of zones and storages look like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemName:
    """Which system."""

    key: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who this bridge is, and how it fares. The fields of `Counters` stand before `systems`."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    instance: Annotated[str, Field(json_schema_extra={"pattern": f"^{INSTANCE_PATTERN.pattern}$"})]
    name: str
    version: str
    bridge_id: str
    """Made once, kept in the store."""
    epoch: str
    """Changes with a new store: sequence numbers start anew."""
    api: str | None
    """Address of the HTTP API, null without one."""
    discovery: bool
    """Whether MQTT discovery is on."""
    problem: bool
    """Whether the bridge itself has a problem, as a full disk."""
    detail: str | None
    """The problem in words."""
    undelivered: Count
    """Event messages that wait for the broker."""
    given_up: Count
    """Event messages that grew too old or too many before the broker took them, since the start."""
    systems: tuple[SystemName, ...]


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
    """What stands behind an `Answer` about a command on an event."""

    event: str
    """The event's id, in the answer to a command on one only."""


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
class MonitorFrame:
    """What a monitor's state says beside the values of its rows, which stand after `available`."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    available: bool
    """The bridge can learn the state now."""
    zones: Annotated[Mapping[str, bool | None], Field(json_schema_extra=PART_KEYS)]
    """Whether something is in a zone, by the zone's key."""
    detail: str | None
    """Why something is not as it should be."""
    time: datetime | None
    """When this was observed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFrame:
    """What a system's state says of a storage before the values of its rows."""

    name: str
    total: Count | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFrame:
    """What a system's state says beside the values of its rows, which stand after `kind`."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    name: str
    kind: str
    run_states: tuple[str, ...]
    storage: Annotated[Mapping[str, StorageFrame], Field(json_schema_extra=PART_KEYS)]
    time_zone: str | None
    detail: str | None
    time: datetime | None
