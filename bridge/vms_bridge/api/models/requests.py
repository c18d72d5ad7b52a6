"""Requests to clients of the WebSocket that answer them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, JsonValue

from vms_bridge.api.models.base import Asked, Model

Kind = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}$")]


class RequestBody(Asked):
    """What is asked, and for how long an answer is waited for."""

    kind: Kind = Field(examples=["notify"])
    content: dict[str, JsonValue] = Field(examples=[{"title": "Front door", "text": "Somebody is there."}])
    """For who answers this kind; its meaning is between the two."""
    within: float = Field(default=10.0, gt=0, le=60, examples=[10.0])
    """Seconds."""


class Answered(Model):
    """What a client has answered."""

    content: Mapping[str, Any] = Field(examples=[{"devices": 2}])
