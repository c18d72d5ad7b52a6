"""Entities that belong to parts of the bridge, as scripts: what they are, how they are now, and who is told of commands.

The hub keeps them; whoever speaks to Home Assistant shows them. An owner is a script, by its name.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from vms_bridge.errors import BridgeError
from vms_bridge.open_set import OpenSet
from vms_bridge.steps import is_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MOST_ENTITIES = 50
"""Of one owner."""
MOST_OWNERS = 200
MOST_OPTIONS = 64
MOST_CHARACTERS = 255
"""Of a state, as in Home Assistant."""
MOST_ATTRIBUTE_BYTES = 8 * 1024
MOST_DESCRIPTION_CHARACTERS = 16_384
"""Of all that the entities of one owner are described by: Home Assistant is told of them in one message."""
KEY = re.compile(r"(?!set\Z)[a-z][a-z0-9_]{0,39}")
"""Topics with a level `set` are those of commands."""
_CLASS = re.compile(r"[a-z0-9_]{1,40}")
_ICON = re.compile(r"mdi:[a-z0-9-]{1,60}")
_LARGEST = 2**53
Value: TypeAlias = str | int | float | bool | None


class EntityRefused(BridgeError):
    """There can be no such entity, or it can't have such a state."""

    code = "invalid"


class EntityKind(OpenSet):
    """What an entity is in Home Assistant."""

    SENSOR = "sensor"
    BINARY_SENSOR = "binary_sensor"
    SWITCH = "switch"
    BUTTON = "button"
    NUMBER = "number"
    SELECT = "select"
    TEXT = "text"
    EVENT = "event"


COMMANDED = frozenset({EntityKind.SWITCH, EntityKind.BUTTON, EntityKind.NUMBER, EntityKind.SELECT, EntityKind.TEXT})
"""What people can give commands to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnEntity:
    """An entity as its owner describes it. `options` are a select's, or the types of an event."""

    key: str
    kind: EntityKind
    name: str = ""
    icon: str | None = None
    device_class: str | None = None
    unit: str | None = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    options: tuple[str, ...] = ()
    category: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityState:
    """How an entity is; a value of None means that it is not known."""

    value: Value = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What belongs to somebody, by key; while he is not available, nothing of it says anything."""

    name: str
    is_available: bool = False
    entities: Mapping[str, OwnEntity] = field(default_factory=dict)
    states: Mapping[str, EntityState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """An entity of the kind event has fired."""

    owner: str
    key: str
    state: EntityState


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityCommand:
    """What somebody wants of an entity: a value of its kind, None for a button."""

    owner: str
    key: str
    value: Value


class OwnEntities(Protocol):
    """What the hub keeps; `Changes.own_entities` names the owners of which something has changed."""

    @property
    def owners(self) -> Mapping[str, Owner]:
        """Everybody who has any, by name."""

    @property
    def known(self) -> frozenset[str] | None:
        """Who may have any; None until that is known. What an earlier run has shown of others is to be taken away."""

    def declare(self, owner: str, entities: Iterable[OwnEntity]) -> None:
        """Have exactly these be the owner's, with the states that they had. Raises EntityRefused."""

    def add(self, owner: str, entity: OwnEntity) -> None:
        """Have this be one more of the owner's, or in the place of the one of its key. Raises EntityRefused."""

    def withdraw(self, owner: str, key: str) -> None:
        """Have it be none of them any more. Raises EntityRefused where it is not."""

    def say(self, owner: str, key: str, value: Value, attributes: Mapping[str, Any]) -> None:
        """Say how an entity is now; one of the kind event fires: `value` is its type. Raises EntityRefused."""

    def available(self, owner: str, *, is_available: bool) -> None:
        """Say whether an owner is at work."""

    def forget(self, owner: str) -> None:
        """Take all of an owner away: he is no more."""

    def settle(self, owners: Iterable[str]) -> None:
        """Say who there is: all others are forgotten, and what an earlier run has shown of them is taken away."""

    def take_commands(self, take: Callable[[EntityCommand], None]) -> Callable[[], None]:
        """Have commands come here; what is returned ends that."""

    def command(self, owner: str, key: str, said: str) -> None:
        """Take what somebody wants of an entity, in Home Assistant's words. Raises EntityRefused."""

    def on_fired(self, heard: Callable[[Fired], None]) -> Callable[[], None]:
        """Have this called for each event; what is returned ends that."""


def check(entity: OwnEntity) -> None:
    """Raise EntityRefused for what can be no entity, or what Home Assistant would not take."""
    mistake = _mistake(entity)
    if mistake is not None:
        hint = "the documentation of scripts lists what each kind of entity has"
        raise EntityRefused(f"there can be no such entity {entity.key[:40]!r}: {mistake}", hint=hint)


def characters_of(entity: OwnEntity) -> int:
    """Return how many characters it is described by."""
    return sum(map(len, (entity.key, entity.name, entity.icon or "", entity.device_class or "", *entity.options)))


def fit(entity: OwnEntity, value: Value) -> Value:
    """Return the value, which this entity can have. Raises EntityRefused for one that it can't."""
    if not _fits(entity, value):
        raise EntityRefused(f"{entity.key} can't be {str(value)[:60]!r}: {_wants(entity)}")
    return value


def read_command(entity: OwnEntity, said: str) -> Value:
    """Return what somebody wants of this entity. Raises EntityRefused."""
    match entity.kind:
        case EntityKind.BUTTON:
            return None
        case EntityKind.SWITCH if said in {"ON", "OFF"}:
            return said == "ON"
        case EntityKind.NUMBER:
            try:
                number = float(said)
            except ValueError:
                number = math.nan
            value = fit(entity, int(number) if number.is_integer() else number)
            if entity.step is not None and not is_step(number, entity.min or 0, entity.step):
                raise EntityRefused(f"{entity.key} can't be set to {said[:60]!r}: {_wants(entity)}")
            return value
        case EntityKind.SELECT | EntityKind.TEXT:
            return fit(entity, said)
    raise EntityRefused(f"{entity.key} takes no command {said[:60]!r}", hint=_wants(entity))


def _mistake(entity: OwnEntity) -> str | None:
    """Say what is wrong, the first thing that is."""
    wrong = [
        (not KEY.fullmatch(entity.key), "its key has small letters, digits and _, begins with a letter, and is not `set`"),
        (entity.kind not in list(EntityKind), f"its kind is one of {', '.join(EntityKind)}"),
        (not _is_line(entity.name, MOST_CHARACTERS), "its name is one line of text"),
        (entity.icon is not None and not _ICON.fullmatch(entity.icon), "its icon is written as in mdi:gate"),
        (entity.device_class is not None and not _CLASS.fullmatch(entity.device_class), "its device class is a word"),
        (entity.unit is not None and not _is_line(entity.unit, 20), "its unit has 20 characters at most"),
        (entity.category not in {None, "config", "diagnostic"}, "its category is config or diagnostic"),
        (entity.category == "config" and entity.kind not in COMMANDED, "what nobody can change is no configuration"),
        (not _is_range(entity), "its numbers are finite, min below max, step above 0"),
        (entity.kind in {EntityKind.SELECT, EntityKind.EVENT} and not entity.options, "it has no options"),
        (len(entity.options) > MOST_OPTIONS, f"it has more than {MOST_OPTIONS} options"),
        (len(set(entity.options)) < len(entity.options), "an option is given twice"),
        (not all(_is_option(each) for each in entity.options), "an option is a line of text, and not `none`"),
    ]
    return next((text for is_wrong, text in wrong if is_wrong), None)


def _is_range(entity: OwnEntity) -> bool:
    numbers = [each for each in (entity.min, entity.max, entity.step) if each is not None]
    return (
        all(map(math.isfinite, numbers))
        and (entity.step is None or entity.step > 0)
        and (entity.min is None or entity.max is None or entity.min < entity.max)
    )


def _is_line(text: str, most: int) -> bool:
    return len(text) <= most and (text.isprintable() or not text)


def _is_option(text: str) -> bool:
    return bool(text) and _is_line(text, MOST_CHARACTERS) and text.lower() != "none" and text == text.strip()


def _fits(entity: OwnEntity, value: Value) -> bool:
    match entity.kind:
        case _ if value is None:
            return entity.kind is not EntityKind.EVENT
        case EntityKind.SWITCH | EntityKind.BINARY_SENSOR:
            return isinstance(value, bool)
        case EntityKind.SELECT | EntityKind.EVENT:
            return value in entity.options
        case EntityKind.NUMBER:
            return _is_within(entity, value)
        case EntityKind.TEXT:
            return isinstance(value, str) and _is_sayable(value)
    is_good = _is_sayable(value) if isinstance(value, str) else _is_bounded(value)
    return entity.kind is EntityKind.SENSOR and is_good


def _is_within(entity: OwnEntity, value: Value) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_bounded(value):
        return False
    return (entity.min is None or value >= entity.min) and (entity.max is None or value <= entity.max)


def _is_bounded(value: float) -> bool:
    """Say whether this number is one that JSON's readers know: a whole one may have any number of digits in Python."""
    return -_LARGEST <= value <= _LARGEST


def _is_sayable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text and len(text) <= MOST_CHARACTERS


def _wants(entity: OwnEntity) -> str:
    match entity.kind:
        case EntityKind.SWITCH | EntityKind.BINARY_SENSOR:
            return "it is True or False"
        case EntityKind.SELECT | EntityKind.EVENT:
            return f"it is one of {', '.join(entity.options)}"[:300]
        case EntityKind.NUMBER:
            steps = "" if entity.step is None else f", in steps of {entity.step:g}"
            return f"it is a number from {entity.min} to {entity.max}{steps}"
        case EntityKind.BUTTON:
            return "a button has no state"
    return f"it is a text of at most {MOST_CHARACTERS} characters, or a number"
