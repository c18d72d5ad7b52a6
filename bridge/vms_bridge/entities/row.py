"""What a row of the entity catalogue can say (monitor.py and system.py have the rows)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vms_bridge.commands import COMMANDS
from vms_bridge.keys import monitor_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vms_bridge.commands import CommandRow, TargetKind
    from vms_bridge.model import Capability

Scalar = str | int | float | bool | datetime | None
View = TypeVar("View")


class Platform(StrEnum):
    """What kind of entity it is, in Home Assistant's words."""

    BINARY_SENSOR = "binary_sensor"
    BUTTON = "button"
    CAMERA = "camera"
    EVENT = "event"
    IMAGE = "image"
    NUMBER = "number"
    """From 0 to 1, unless its row has other bounds."""
    SELECT = "select"
    SENSOR = "sensor"
    SWITCH = "switch"


class Scope(StrEnum):
    """What an entity is about. Zones are child devices of a monitor; storages, servers, objects are shown with what has them."""

    BRIDGE = "bridge"
    SYSTEM = "system"
    STORAGE = "storage"
    SERVER = "server"
    MONITOR = "monitor"
    ZONE = "zone"
    OBJECT = "object"


class Source(StrEnum):
    """The message that an entity's value is in."""

    STATE = "state"
    LAST_EVENT = "last_event"
    EVENT = "event"
    SNAPSHOT = "snapshot"
    OBJECT = "object"
    STATUS = "status"
    HEALTH = "health"
    NONE = "none"


class JsonType(StrEnum):
    """What a value is in JSON; null stands for unknown beside each."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    TIME = "time"
    """A text: a moment in UTC, as 2026-01-01T00:00:00Z."""


class Category(StrEnum):
    """Where Home Assistant shows what is not a device's main purpose."""

    CONFIG = "config"
    DIAGNOSTIC = "diagnostic"


@dataclass(frozen=True, slots=True)
class DeadBand:
    """How far a measurement must move before it is worth a message: by more than both bounds.

    `attribute` is its name in the model; `absolute` has the measurement's unit, `relative` is a share of the old value.
    To or from zero any change counts: that is not less of something, but something else.
    """

    attribute: str
    absolute: float = 0.0
    relative: float = 0.0

    def is_exceeded(self, old: float | None, new: float | None) -> bool:
        """Say whether the change from `old` to `new` is worth a message."""
        if not old or not new:
            return old != new
        return abs(new - old) > max(self.absolute, self.relative * abs(old))


WHOLE_MESSAGE = ("*",)
"""The attributes of an entity that has all of its message beside its value."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entity(Generic[View]):
    """One entity: what it is called, where its value is and how to read that from a view. A row equals itself only.

    `name` is None where Home Assistant's device class gives a translated one, and empty for the device's own name.
    `display_unit` is the unit that people read and the divisor to it. `command` names a row of the command table, which says
    who may give it. `always`: shown as available as long as the bridge is, even while the VMS can't be asked.
    """

    key: str
    platform: Platform
    needs: frozenset[Capability] = frozenset()
    is_offered: Callable[[View], bool] | None = None
    """Whether this one has it, of those that can; None: each of them has."""
    source: Source = Source.STATE
    field: str = ""
    part_of: str = ""
    """The object in the message that has the value by the part's key, or a part's object with `field` in it."""
    read: Callable[[View], Scalar] | None = None
    json: JsonType | None = None
    meaning: str = ""
    """What the value says, for the message's JSON Schema; empty where the field's name says it."""
    is_count: bool = False
    """The message has the list itself, of which this is the length."""
    is_known: bool = False
    """Its value is never null."""
    lasts: bool = False
    """Its value holds also while the VMS can't be asked."""
    attributes: tuple[str, ...] = ()
    """The fields of the message that are shown beside the value."""
    command: str | None = None
    press: str | None = None
    """Which value of the command a button sends; None: what says that it was pressed."""
    mode: str | None = None
    """The key into a monitor's modes that it is about."""
    choices: Callable[[View], tuple[str, ...]] | None = None
    """What can be chosen now; where that is nothing, it is not offered."""
    name: str | None = None
    device_class: str | None = None
    bounds: tuple[float, float, float] | None = None
    """The least and the most that a number may be, and its step."""
    options: tuple[str, ...] = ()
    """The values that are known; others may come."""
    unit: str | None = None
    display_unit: tuple[str, float] | None = None
    state_class: str | None = None
    category: Category | None = None
    icon: str | None = None
    enabled: bool = True
    always: bool = False
    dead_band: DeadBand | None = None


def offered(rows: Iterable[Entity[View]], capabilities: frozenset[Capability], view: View) -> Iterator[Entity[View]]:
    """Yield the rows that this one has: it is capable of them, and there is something to show."""
    for row in rows:
        has_it = row.is_offered is None or row.is_offered(view)
        if row.needs <= capabilities and has_it and (row.choices is None or row.choices(view)):
            yield row


@lru_cache(maxsize=4096)
def part_key(part_id: str) -> str:
    """Return the key of a zone, a storage or a server in JSON and ids: the VMS's id where it fits, else a slug with a hash.

    It has no hyphen, so that `<monitor>-<zone>` can be read in one way only.
    """
    if re.fullmatch(r"[A-Za-z0-9_]{1,48}", part_id):
        return part_id
    return monitor_key(f"{part_id} ")  # a space never fits, so this is a slug, and slugs have no hyphen


def command_of(entity: Entity[Any], kind: TargetKind) -> CommandRow[Any] | None:
    """Return the command that an entity of such a target gives, None where it gives none."""
    if entity.command is None:
        return None
    return COMMANDS.find(kind, entity.command, () if entity.mode is None else (entity.mode,))


def needs(*capabilities: Capability) -> frozenset[Capability]:
    """Return the capabilities as a row states them."""
    return frozenset(capabilities)


def rounded(value: float | None, digits: int) -> float | None:
    """Return the measurement with so many decimals, and what is unknown as it is."""
    return None if value is None else round(value, digits)
