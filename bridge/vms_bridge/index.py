"""What can be asked of the index: the bridge's own list of all that its systems have recorded, which answers without them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from vms_bridge.model import Event, EventRef

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

MOST_FOUND = 1_000
"""How many events are on a page at most."""
MOST_BUCKETS = 10_000
"""How many buckets a timeline has at most."""
MOST_VALUES = 1_000
"""Of how many different values of a kind events are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which events: all that is said here holds of each; None says nothing, and of several values any one will do.

    `words` are searched for in cause, notes, labels, tags, and what others have said of the event: all of them must occur, in any
    order, capital letters and accents count for nothing, and `door*` stands for any word that begins so.
    """

    since: datetime | None = None
    """Began from then on; an event whose time is not known did not."""
    until: datetime | None = None
    """Began before."""
    systems: frozenset[str] | None = None
    monitors: frozenset[tuple[str, str]] | None = None
    """By public keys, each with its system's."""
    kinds: frozenset[str] | None = None
    labels: frozenset[str] | None = None
    zones: frozenset[str] | None = None
    plates: frozenset[str] | None = None
    faces: frozenset[str] | None = None
    least_score: float | None = None
    """Of 0..1, as the score of the event's best label; an event without one has none."""
    most_score: float | None = None
    least_duration_s: float | None = None
    """An event that has no duration yet has none, however long it lasts already."""
    most_duration_s: float | None = None
    words: str | None = None
    is_open: bool | None = None
    is_own: bool | None = None
    """Whether the bridge itself has told it; else its VMS has recorded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedEvent:
    """An event of the index: as its VMS told it last, with what others have added; its monitor by the key that it has now.

    Durations are exact to the thousandth of a second, scores to the ten-thousandth.
    """

    ref: EventRef
    monitor: str
    event: Event
    plates: tuple[str, ...] = ()
    faces: tuple[str, ...] = ()
    text: str | None = None
    """What others have said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """What was found, the event that began last first; the next page is asked for by `after` (None: there is none).

    What is new meanwhile moves nothing: `after` names a place in time.
    """

    events: tuple[IndexedEvent, ...]
    after: str | None = None


class BucketSize(StrEnum):
    """How much time a bucket of a timeline takes; a week begins on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How many events began from `start` on and before the next bucket: a day may have 23 hours, or 25."""

    start: datetime
    events: int


class ValueKind(StrEnum):
    """Of what events can be counted by value. Number plates are too many, and nobody reads a list of them."""

    LABEL = "label"
    ZONE = "zone"
    FACE = "face"
    KIND = "kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCount:
    """How many events have a value."""

    value: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCounts:
    """The values that events have, the most frequent first; `is_complete`: there are no others."""

    counts: tuple[ValueCount, ...]
    is_complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexProgress:
    """How far the index has got with a system: `is_complete` says whether all that its VMS had is in it.

    `expected` is how many events its VMS says to have, where it does. `detail` says, for people, what is not as it should be.
    """

    is_complete: bool = False
    events: int = 0
    expected: int | None = None
    oldest: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexMark:
    """How far the index was filled with what a system had recorded before: `mark` is a word of who fills it."""

    generation: int = 1
    mark: str | None = None
    is_complete: bool = False


class Searchable(Protocol):
    """What the index can be asked: the hub, for sinks."""

    async def search(self, query: Search, after: str | None = None, limit: int = 100) -> SearchPage:
        """Return a page of the events that the index has, of monitors that are shown; it answers without asking the VMS.

        All that was reported is found. `limit` is 1,000 at most. Raises SearchRefused for what makes no sense or takes too long,
        and StoreError where the index can't be read.
        """

    async def timeline(self, query: Search, bucket: BucketSize, zone: tzinfo) -> Sequence[Bucket]:
        """Return how many of these events began in each hour, day, week or month of that time zone, empty ones in between too.

        From `since`, or the oldest of them, to `until`, or the newest; what has no known time is not counted. Raises the same.
        """

    async def values(self, query: Search, kind: ValueKind, limit: int = 100) -> ValueCounts:
        """Return which values of a kind these events have, and how many have each: `limit` of them at most. Raises the same.

        Where there are more than 1,000 different ones, those are counted that were there first.
        """

    async def indexed(self, ref: EventRef) -> IndexedEvent | None:
        """Return an event as the index has it; None where it has not, or its monitor is not shown.

        Where the index is off, as the store has it, or else the VMS's archive. Raises StoreError, and where the index is off
        MediaUnavailable or VmsError too, or SearchRefused for a VMS that can't be asked for one event.
        """

    async def rebuild_index(self, system: str | None = None) -> None:
        """Forget what the index has of the system (None: of all), and begin to fill it anew. Raises SearchRefused, StoreError."""
