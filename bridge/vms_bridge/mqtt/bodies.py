"""What is in the JSON of the hello; other sinks say the rest in the same words (bodies.py).

A message is a flat JSON object. What is below a field is its description in the JSON Schema (entities/schemas.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from vms_bridge.keys import INSTANCE_PATTERN
from vms_bridge.views import MESSAGE_VERSION, Count, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemName:
    """Which system."""

    key: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who this bridge is, and how it fares. The fields of `Counters` come before `systems`."""

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
