"""The catalogue: every entity that there can be, and where its value stands."""

from __future__ import annotations

from pydantic import Field

from vms_bridge.api.models.base import Model


class Entity(Model):
    """One row of the catalogue."""

    key: str = Field(examples=["motion"])
    platform: str = Field(examples=["binary_sensor"])
    """What kind of entity it is, in Home Assistant's words."""
    name: str | None
    """Null where Home Assistant's device class gives a translated one, empty for the device's own name."""
    device_class: str | None = Field(examples=["motion"])
    state_class: str | None
    unit: str | None
    """The unit of its value."""
    display_unit: str | None
    """The unit that people read, of which one is `display_divisor` of the others."""
    display_divisor: float | None
    category: str | None = Field(examples=["diagnostic"])
    icon: str | None
    options: tuple[str, ...]
    """The values that are known; others may come."""
    enabled: bool
    """Whether it is shown unless somebody wants otherwise."""
    always: bool
    """It is shown as available as long as the bridge is, even while the VMS can't be asked."""
    lasts: bool
    """Its value holds also while the VMS can't be asked."""
    type: str | None = Field(examples=["boolean"])
    """What its value is in JSON (`time` is a string); null stands for unknown beside each."""
    source: str = Field(examples=["state"])
    """The message that its value stands in."""
    field: str = Field(examples=["motion"])
    """The field there."""
    part_of: str
    """The object in the message that has the value by the part's key, or a part's object with the field in it."""
    attributes: tuple[str, ...]
    """The fields of the message that are shown beside the value; `*` for all of them."""
    command: str | None = Field(examples=["armed"])
    """The command that changes it."""
    mode: str | None
    """The mode of the monitor that it is about."""
    needs: tuple[str, ...] = Field(examples=[["alarm_state"]])
    """What a system or monitor must be able to do to have it: `entities` there says which it has."""
    meaning: str
    """What its value says, where its name does not say it."""


class Catalogue(Model):
    """Every entity that there can be, by what it is about."""

    bridge: tuple[Entity, ...]
    system: tuple[Entity, ...]
    storage: tuple[Entity, ...]
    server: tuple[Entity, ...]
    """Of each machine that a system runs on, where there are several."""
    monitor: tuple[Entity, ...]
    zone: tuple[Entity, ...]
    object: tuple[Entity, ...]
    """Of each thing that is looked for at a monitor."""
