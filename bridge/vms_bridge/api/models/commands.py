"""Commands: what can be asked for, and how."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vms_bridge.api.models.base import Model
from vms_bridge.commands import Request

Key = Annotated[str, Field(min_length=1, max_length=64)]


class CommandBody(Request):
    """A command: to a monitor, to a system, to an event, or, where none is named, to the bridge itself."""

    command: Key = Field(description="Its name.", examples=["alarm"])
    system: Key | None = Field(default=None, description="The system, by its key.", examples=["zm"])
    monitor: Key | None = Field(default=None, description="The monitor of that system, by its key.", examples=["1"])
    on_behalf_of: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        default=None,
        description="For whom, where the client knows people, as Home Assistant does: for the bridge's log. It gives no rights.",
        examples=["Ada"],
    )


class CommandKind(Model):
    """A command that can be asked for."""

    name: str = Field(examples=["alarm"])
    names: tuple[str, ...] = ()
    """By what other names it goes, too; a mode that a monitor has is the name of a command as well."""
    target: str = Field(examples=["monitor"])
    """What it is for: `bridge`, `system`, `monitor` or `event`."""
    level: str = Field(examples=["control"])
    """The scope that it takes at least."""
    payload: str = Field(examples=["`ON`, `OFF`, JSON"])
    """What `value` says."""
    details: tuple[str, ...] = Field(examples=[["seconds"]])
    """What else it may say."""
    meaning: str = Field(examples=["force an alarm, or end a forced one"])
    needs: str | None = Field(examples=["force_alarm"])
    """What its target must be able to do."""
    within: float | None = Field(examples=[15.0])
    """How many seconds it may take once it is its turn."""
    is_long: bool
    """Whether `running` is told meanwhile."""


class Commands(Model):
    """Every command that there is."""

    commands: tuple[CommandKind, ...]
