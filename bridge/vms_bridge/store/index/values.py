"""What passes between the store, the index and the hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from vms_bridge.index import IndexMark


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedMonitor:
    """A monitor of which the index has events, by the number that it has there.

    `key` is the key by which it was reported last; one with the generation 0 has been given up, its events are on their way out.
    The events that the bridge itself tells of it have a number of their own, with the generation `OWN`.
    """

    number: int
    system: str
    generation: int
    monitor_id: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """What whoever asks may see: the monitors that are `shown`, by number, of `all_of` that there are."""

    shown: Mapping[int, IndexedMonitor]
    all_of: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event as the store has it: its JSON, and by source that of what others have added."""

    system: str
    generation: int
    key: str
    data: str
    added: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some of what the index has yet to take in: up to the number `upto`, and of all that the store has, up to a row."""

    told: Sequence[Told]
    upto: int
    refilled: int | None = None
    """Up to which row of the store's events; None: all are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatus:
    """What the index has of a system; `oldest` is when the oldest of its events began."""

    mark: IndexMark
    events: int
    oldest: datetime | None
