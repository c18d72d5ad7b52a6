"""What is in the JSON about the bridge itself; other sinks say the rest in the same words (bodies.py).

A message is a flat JSON object. What is below a field is its description in the JSON Schema (entities/schemas.py).
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the schema is made of the types
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the same
from typing import Annotated, Any

from pydantic import Field

from vms_bridge.keys import INSTANCE_PATTERN
from vms_bridge.scripting import LineLevel, ScriptStatus
from vms_bridge.views import MESSAGE_VERSION, Count, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who this bridge is, and where its API is: it changes with nothing else, for Home Assistant takes that for a discovery."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    instance: Annotated[str, Field(json_schema_extra={"pattern": f"^{INSTANCE_PATTERN.pattern}$"})]
    name: str
    bridge_id: str
    """Made once, kept in the store."""
    api: str | None
    """Address of the HTTP API, null without one, as are the fields below."""
    lowest_protocol: Count | None
    """The oldest version of its protocol that the API speaks."""
    highest_protocol: Count | None
    """The newest one."""
    fingerprint: str | None
    """SHA-256 of the API's certificate in hexadecimal digits; null where it has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStatusBody:
    """How a script fares."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    available: bool
    """Whether its own entities are true: it is at work."""
    status: ScriptStatus | None
    """Null where nobody says."""
    reason: str | None
    """Why it is so, in words; null where there is nothing to say."""
    since: datetime | None
    failures: Count
    """How often a handler has failed since the bridge has known the script."""
    dropped: Count
    """What it was not told of, for it was too slow or ended before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptEntityBody:
    """How a script's own entity is."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    value: bool | int | float | str | None
    """Null where it is not known."""
    attributes: Mapping[str, Any]
    """What the script says beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptEventBody:
    """An event of a script's own fires."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    event_type: str
    time: datetime
    attributes: Mapping[str, Any]
    """What the script says beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationBody:
    """A message of a script to people, which Home Assistant's component has not told anybody."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    time: datetime
    script: str
    title: str | None
    message: str
    targets: tuple[str, ...] | None
    """Whom the script means, in words of its own; null: everybody."""
    data: Mapping[str, Any]
    """What the script says beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptLineBody:
    """A line of a script's log."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    number: Count
    """Counts the script's lines."""
    time: datetime
    level: LineLevel
    text: str
    line: Count | None
    """Where in the script's file it was said; null where that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemName:
    """Which system."""

    key: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the bridge fares, and which systems it serves. The fields of `Counters` stand before `systems`."""

    v: Version = MESSAGE_VERSION
    """Version of the message; within it fields are only added."""
    version: str
    epoch: str
    """Changes with a new store: sequence numbers start anew."""
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
