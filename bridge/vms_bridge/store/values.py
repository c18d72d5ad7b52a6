"""What goes into the store and comes out of it, where the model has no value for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vms_bridge.model import Enrichment, Event, Monitor
    from vms_bridge.views import MessageType


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """An event message that is to be stored; the store gives it its position."""

    monitor: str
    event_id: str
    seq: int
    type: MessageType
    late: bool
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCommit:
    """All that one batch of events changes: stored in one transaction, or not at all."""

    epoch: str
    """The store's epoch that the messages name."""
    system: str
    generation: int
    cursor: str | None
    events: tuple[tuple[str, Event], ...]
    """Each event with the key of its monitor."""
    messages: tuple[NewMessage, ...]
    last_events: Mapping[str, bytes]
    """By monitor key: the message that describes its newest event."""
    enrichments: tuple[tuple[str, str, Enrichment], ...] = ()
    """What was added to events: event, source, and all that this source has to say of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSystem:
    """How far the events of a system are."""

    cursor: str | None
    generation: int
    names: Mapping[str, str]
    """The VMS's names of all monitors that were ever met, by id."""
    events: tuple[tuple[str, Event], ...]
    """Those that are open, then those that ended a short while ago: each with the key of its monitor."""
    late: frozenset[str] = frozenset()
    """The ids of those of these events of which something was reported late."""
    own_events: tuple[tuple[str, Event], ...] = ()
    """The same of those that the bridge itself tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMonitor:
    """What the store remembers of a monitor."""

    key: str
    seq: int = 0
    monitor: Monitor | None = None
    remembered_modes: Mapping[str, str] | None = None
    last_event: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """An alarm that was forced at that time for so many seconds."""

    at: datetime
    seconds: float


class StaleEpoch(Exception):
    """The messages of a commit name an epoch that is over: they are to be made anew."""
