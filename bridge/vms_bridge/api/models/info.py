"""Who the bridge is."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vms_bridge.api.models.base import Model


class Protocols(Model):
    """Which protocols it speaks: every one from the lowest to the highest."""

    lowest: int = Field(examples=[1])
    highest: int = Field(examples=[1])


class Info(Model):
    """Who the bridge is; what needs no token to be known."""

    bridge_id: str = Field(examples=["5f0c7a52e9d14b0c"])
    """Made once, and kept."""
    name: str = Field(examples=["VMS Bridge"])
    protocol: Protocols


class Health(Model):
    """How the bridge itself fares."""

    version: str = Field(examples=["0.1.0"])
    instance: str = Field(examples=["home"])
    epoch: str
    """Changes with a new store: sequence numbers of events start anew."""
    problem: str | None
    """What is not as it should be."""
    undelivered: Annotated[int, Field(ge=0)]
    """Event messages that not every listener has confirmed yet."""
    given_up: Annotated[int, Field(ge=0)]
    """Those that grew too old or too many before they were confirmed, since the start."""


PROTOCOLS = Protocols(lowest=1, highest=1)
"""Which protocols this bridge speaks."""
