"""How soon a new state is worth publishing: what matters at once, measurements when they have moved far enough."""

from __future__ import annotations

from enum import Enum
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from vms_bridge.entities import MONITOR, SERVER, STORAGE, SYSTEM
from vms_bridge.entities.detection import DETECTION
from vms_bridge.model import MonitorState, SystemState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from vms_bridge.entities import DeadBand, Entity
    from vms_bridge.objects import ObjectCounts, Pace, Seen, Watched
    from vms_bridge.views import MonitorView


class Urgency(Enum):
    """How soon a new state is worth a message."""

    NOW = "now"
    LATER = "later"
    NEVER = "never"


class Shown(NamedTuple):
    """What of a monitor is in its state message: its state, and what is known of the objects that are looked for."""

    state: MonitorState
    objects: ObjectCounts | None = None
    seen: Seen | None = None
    watched: tuple[Watched, ...] = ()
    pictures: Mapping[Watched, datetime] = MappingProxyType({})
    pace: Pace | None = None

    @classmethod
    def of(cls, view: MonitorView) -> Shown:
        """Return what there is to show of a monitor."""
        if not view.watched:
            return cls(view.state, pace=view.pace)
        return cls(view.state, view.objects, view.seen, view.watched, view.pictures, view.pace)


def urgency(old: Shown | None, new: Shown) -> Urgency:
    """Say how soon `new` is worth a message, if `old` was in the last one that was sent."""
    if old is None:
        return Urgency.NOW
    before, now = old.state, new.state
    if not before.available and not now.available:
        return Urgency.NEVER if before.detail == now.detail else Urgency.NOW
    if old[1:-1] != new[1:-1]:
        return Urgency.NOW
    found = _urgency(before, now, at_once=_monitor_at_once, bands=_MONITOR_BANDS)
    return Urgency.LATER if found is Urgency.NEVER and _is_another_pace(old.pace, new.pace) else found


def _is_another_pace(old: Pace | None, new: Pace | None) -> bool:
    if old is None or new is None:
        return old is not new
    return any(band.is_exceeded(getattr(old, band.attribute), getattr(new, band.attribute)) for band in _PACE_BANDS)


def system_urgency(old: SystemState | None, new: SystemState) -> Urgency:
    """Say how soon `new` is worth a message, if `old` was in the last one that was sent."""
    if old is None or _storages(old) != _storages(new) or _servers(old) != _servers(new):
        return Urgency.NOW
    result = _urgency(old, new, at_once=_system_at_once, bands=_SYSTEM_BANDS)
    has_moved = _has_moved(old.storage, new.storage, _STORAGE_BANDS) or _has_moved(old.servers, new.servers, _SERVER_BANDS)
    return Urgency.LATER if result is Urgency.NEVER and has_moved else result


def _has_moved(old: Sequence[object], new: Sequence[object], bands: tuple[DeadBand, ...]) -> bool:
    """Say whether a measurement of one of these parts has moved far enough."""
    return any(
        band.is_exceeded(getattr(before, band.attribute), getattr(after, band.attribute))
        for before, after in zip(old, new, strict=True)
        for band in bands
    )


def _urgency(old: object, new: object, *, at_once: Callable[[object], tuple[Any, ...]], bands: tuple[DeadBand, ...]) -> Urgency:
    if at_once(old) != at_once(new):
        return Urgency.NOW
    for band in bands:
        before, after = getattr(old, band.attribute), getattr(new, band.attribute)
        if before != after and band.is_exceeded(before, after):
            return Urgency.LATER
    return Urgency.NEVER


def _bands(rows: Iterable[Entity[Any]]) -> tuple[DeadBand, ...]:
    return tuple(row.dead_band for row in rows if row.dead_band is not None)


def _at_once(state: type[MonitorState | SystemState], bands: tuple[DeadBand, ...]) -> Callable[[object], tuple[Any, ...]]:
    """Return a reader of whatever is published at once: all but measurements and the time of the observation."""
    slow = {"observed", "storage", "servers"} | {band.attribute for band in bands}
    return attrgetter(*(name for name in state.__dataclass_fields__ if name not in slow))


def _storages(state: SystemState) -> list[tuple[str, str, int | None]]:
    return [(storage.id, storage.name, storage.total_bytes) for storage in state.storage]


def _servers(state: SystemState) -> list[tuple[str, str, bool | None, int | None]]:
    return [(server.id, server.name, server.running, server.memory_total) for server in state.servers]


_PACE_BANDS = _bands(DETECTION)
_MONITOR_BANDS = _bands(row for row in MONITOR if row not in DETECTION)
_SYSTEM_BANDS = _bands(SYSTEM)
_STORAGE_BANDS = _bands(STORAGE)
_SERVER_BANDS = _bands(SERVER)
_monitor_at_once = _at_once(MonitorState, _MONITOR_BANDS)
_system_at_once = _at_once(SystemState, _SYSTEM_BANDS)
