"""Receivers of what comes from outside."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from vms_bridge.api.models.base import Asked, Model


class HookBody(Asked):
    """What is sent to a receiver: what its `schema` says, and nothing else."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Receiver(Model):
    """What takes in something from outside under this name."""

    system: str = Field(examples=["zm"])
    name: str = Field(examples=["event"])
    meaning: str
    """What a call brings about."""
    level: str = Field(examples=["control"])
    """The scope that a token needs which is not bound to this receiver."""
    most_bytes: int
    """How large a body may be."""
    rate: float
    """How many calls a second it takes, of all callers together, and `burst` at once."""
    burst: float
    within: float
    """After how many seconds at most it answers."""
    body: Annotated[dict[str, Any], Field(json_schema_extra={"description": "The JSON Schema of what is sent to it."})]


class Receivers(Model):
    """All receivers that there are now."""

    receivers: tuple[Receiver, ...]
