"""What is in the JSON about the bridge itself; other sinks say the rest in the same words (bodies.py).

A message is a flat JSON object. What is below a field is its description in the JSON Schema (entities/schemas.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from vms_bridge.keys import INSTANCE_PATTERN
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
