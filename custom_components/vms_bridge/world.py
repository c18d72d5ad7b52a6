"""What is known of a bridge, put together of the items that it says over the WebSocket (docs/websocket.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from .models import JsonObject, Monitor, System, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .live import Item

MOST_SYSTEMS = 100
MOST_MONITORS = 2_000
MOST_NOTICES = 1_000
"""What a bridge says beyond these is passed over."""

PARTS_OF_SYSTEMS: Final[Mapping[str, str]] = MappingProxyType({"storage": "storage", "server": "servers"})
"""The scopes of entities that are about a part of a system, each with the field of its state that has these parts."""
BRIDGE = Target()
"""The bridge itself."""


@dataclass(frozen=True, slots=True)
class SystemData:
    """A system: what it is, and its state as `GET systems/{system}` has it."""

    shape: System
    state: JsonObject

    @property
    def is_available(self) -> bool:
        """Whether the bridge can ask it."""
        return self.state.get("available") is True

    def part(self, scope: str, key: str) -> JsonObject | None:
        """Return what is said of one of its storages, or servers."""
        return _part(self.state.get(PARTS_OF_SYSTEMS[scope]), key)

    def parts(self, scope: str) -> Mapping[str, JsonObject]:
        """Return its storages, or servers, by key."""
        said = self.state.get(PARTS_OF_SYSTEMS[scope])
        return (
            {key: each for key, each in said.items() if isinstance(each, dict) and _is_key(key)} if isinstance(said, dict) else {}
        )


@dataclass(frozen=True, slots=True)
class MonitorData:
    """A monitor: what it is, its state, its newest event, and how many objects there are (None: nobody can tell)."""

    shape: Monitor
    state: JsonObject | None = None
    last_event: JsonObject | None = None
    objects: JsonObject | None = None

    @property
    def is_available(self) -> bool:
        """Whether the bridge can learn its state."""
        return self.state is not None and self.state.get("available") is True


@dataclass(frozen=True, slots=True)
class News:
    """What an item has changed: something of this target, or what there is at all."""

    target: Target
    is_shape: bool = False


class World:
    """Systems and monitors with their states. Who gets an object out of it gets a value: the next item makes another one.

    Nonsense in an item raises NotABridge, and changes nothing.
    """

    def __init__(self) -> None:
        self.systems: dict[str, SystemData] = {}
        self.monitors: dict[tuple[str, str], MonitorData] = {}
        self.health: JsonObject = {}
        """How the bridge itself fares: `problem`, `undelivered`, `given_up`, `claims`; empty where the token may not know."""
        self.notices: tuple[JsonObject, ...] = ()

    def take(self, item: Item) -> News | None:
        """Take an item up; return what it has changed, None for what says nothing about the world."""
        match item.what:
            case "system" if item.system is not None:
                return self._take_system(item.system, item.value)
            case "monitor" if item.system is not None and item.monitor is not None:
                return self._take_monitor((item.system, item.monitor), item.value)
            case "state" | "last_event" | "objects" if item.system is not None and item.monitor is not None:
                return self._take_live(item.what, (item.system, item.monitor), item.value)
            case "bridge" if isinstance(item.value, dict):
                self.health = item.value
                return News(BRIDGE)
            case "notices" if isinstance(item.value, list):
                self.notices = tuple(each for each in item.value[:MOST_NOTICES] if isinstance(each, dict))
                return News(BRIDGE)
        return None

    def has(self, target: Target) -> bool:
        """Say whether there is such a target."""
        if target.system is None:
            return True
        if target.monitor is None:
            return target.system in self.systems
        return (target.system, target.monitor) in self.monitors

    def _take_system(self, key: str, value: Any) -> News | None:  # noqa: ANN401  # JSON
        news = News(Target(system=key), is_shape=True)
        known = self.systems.get(key)
        if value is None:
            for each in [each for each in self.monitors if each[0] == key]:
                del self.monitors[each]
            return None if self.systems.pop(key, None) is None else news
        if known is None and (len(self.systems) >= MOST_SYSTEMS or not _is_key(key)):
            return None
        data = SystemData(System.parse(value), _object(value.get("state")))
        self.systems[key] = data
        is_same = known is not None and known.shape == data.shape and _outline(known) == _outline(data)
        return replace(news, is_shape=not is_same)

    def _take_monitor(self, key: tuple[str, str], value: Any) -> News | None:  # noqa: ANN401  # JSON
        news = News(Target(system=key[0], monitor=key[1]), is_shape=True)
        known = self.monitors.get(key)
        if value is None:
            return None if self.monitors.pop(key, None) is None else news
        if known is None and (len(self.monitors) >= MOST_MONITORS or not _is_key(key[0]) or not _is_key(key[1])):
            return None
        shape = Monitor.parse(value)
        self.monitors[key] = MonitorData(shape) if known is None else replace(known, shape=shape)
        return replace(news, is_shape=known is None or known.shape != shape)

    def _take_live(self, what: str, key: tuple[str, str], value: Any) -> News | None:  # noqa: ANN401  # JSON
        known = self.monitors.get(key)
        if known is None:
            return None
        said = value if isinstance(value, dict) else None
        if what == "state":
            data = replace(known, state=said)
        elif what == "objects":
            data = replace(known, objects=said)
        else:
            data = replace(known, last_event=said)
        self.monitors[key] = data
        return News(Target(system=key[0], monitor=key[1]))


def _outline(data: SystemData) -> dict[tuple[str, str], tuple[object, bool]]:
    """Return what of a system's storages and servers decides which entities there are, and how they are called."""
    return {
        (scope, key): (each.get("name"), bool(each.get("total")))
        for scope in PARTS_OF_SYSTEMS
        for key, each in data.parts(scope).items()
    }


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _part(parts: object, key: str) -> JsonObject | None:
    part = parts.get(key) if isinstance(parts, dict) else None
    return part if isinstance(part, dict) else None


def _is_key(key: str) -> bool:
    """Say whether it can stand in ids, between slashes."""
    return 0 < len(key) <= 64 and "/" not in key
