"""How soon a new state is worth publishing: what matters at once, measurements when they have moved far enough."""

from __future__ import annotations

from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from vms_bridge.entities import MONITOR, STORAGE, SYSTEM
from vms_bridge.model import MonitorState, SystemState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.entities import DeadBand, Entity


class Urgency(Enum):
    """How soon a new state is worth a message."""

    NOW = "now"
    LATER = "later"
    NEVER = "never"


def urgency(old: MonitorState | None, new: MonitorState) -> Urgency:
    """Say how soon `new` is worth a message, if `old` was in the last one that was sent."""
    if old is None:
        return Urgency.NOW
    if not old.available and not new.available:
        return Urgency.NEVER if old.detail == new.detail else Urgency.NOW
    return _urgency(old, new, at_once=_monitor_at_once, bands=_MONITOR_BANDS)


def system_urgency(old: SystemState | None, new: SystemState) -> Urgency:
    """Say how soon `new` is worth a message, if `old` was in the last one that was sent."""
    if old is None or _storages(old) != _storages(new):
        return Urgency.NOW
    result = _urgency(old, new, at_once=_system_at_once, bands=_SYSTEM_BANDS)
    if result is Urgency.NEVER and any(
        band.is_exceeded(getattr(before, band.attribute), getattr(after, band.attribute))
        for before, after in zip(old.storage, new.storage, strict=True)
        for band in _STORAGE_BANDS
    ):
        return Urgency.LATER
    return result


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
    slow = {"observed", "storage"} | {band.attribute for band in bands}
    return attrgetter(*(name for name in state.__dataclass_fields__ if name not in slow))


def _storages(state: SystemState) -> list[tuple[str, str, int | None]]:
    return [(storage.id, storage.name, storage.total_bytes) for storage in state.storage]


_MONITOR_BANDS = _bands(MONITOR)
_SYSTEM_BANDS = _bands(SYSTEM)
_STORAGE_BANDS = _bands(STORAGE)
_monitor_at_once = _at_once(MonitorState, _MONITOR_BANDS)
_system_at_once = _at_once(SystemState, _SYSTEM_BANDS)
