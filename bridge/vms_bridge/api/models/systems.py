"""Systems, and how far the index of each has come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from vms_bridge.api.models.asked import Word
from vms_bridge.api.models.base import Asked, Model
from vms_bridge.api.models.states import SystemState

Amount = Annotated[int, Field(ge=0)]


class IndexState(Model):
    """How far the index of a system's events has come."""

    is_complete: bool
    """It has every event that the VMS has."""
    events: Amount
    """How many are in it."""
    expected: Amount | None
    """How many the VMS says that there are."""
    oldest: datetime | None
    """When the oldest one in it began."""
    detail: str | None
    """Why it does not go on, if it does not."""


class System(Model):
    """A VMS, as it stands now."""

    key: str = Field(examples=["zm"])
    name: str = Field(examples=["ZoneMinder"])
    kind: str = Field(examples=["zoneminder"])
    monitors: tuple[str, ...] = Field(examples=[["1", "2"]])
    """The keys of its monitors."""
    capabilities: tuple[str, ...] = Field(examples=[["archive", "run_state"]])
    entities: tuple[str, ...] = Field(examples=[["connectivity", "run_state"]])
    """The keys of the catalogue's rows that it has."""
    index: IndexState | None
    """Null: it has no archive that can be asked, so none of its events are in the index but those that the bridge has seen."""
    state: SystemState


class Systems(Model):
    """Every system."""

    systems: tuple[System, ...]


class SystemIndex(Model):
    """The index of one system's events."""

    system: str = Field(examples=["zm"])
    index: IndexState | None


class Index(Model):
    """The index of all events."""

    systems: tuple[SystemIndex, ...]


class RebuildBody(Asked):
    """Which part of the index is to be made anew."""

    system: Word | None = None
    """That of one system; of all where it is left out."""


class Rebuilding(Model):
    """Which parts of the index are made anew now."""

    systems: tuple[str, ...]
