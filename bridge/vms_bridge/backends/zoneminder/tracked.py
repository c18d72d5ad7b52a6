"""What is remembered of the events that are read: those that may still change, and each monitor's newest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.event_values import abandoned, is_news, merged
from vms_bridge.model import EndReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vms_bridge.model import Event
    from vms_bridge.zoneminder import EventRow

_ABANDONED_S = 30.0
_DEAD_S = 60.0


@dataclass(slots=True)
class Tracked:
    """An event that may still change; times are monotonic."""

    event: Event
    closed_at: float | None = None
    superseded_at: float | None = None
    dead_since: float | None = None
    checked: float = field(default=float("-inf"))
    grown: float = field(default=float("-inf"))
    """When its row was last seen to say more of it than before."""
    checks: int = 0
    """How often its picture was checked for, and when last; anew from its end on."""
    checked_at: float = field(default=float("-inf"))
    is_end_checked: bool = False
    is_end_answered: bool = False
    """Whether a check since its end was answered, in time: only that says something."""
    misses: int = 0
    """At how many of the last reads in a row its row was not there."""

    def __post_init__(self) -> None:
        self.grown = self.checked

    @property
    def unchanged_s(self) -> float:
        """For how long its row has stayed the same, as far as it was checked."""
        return self.checked - self.grown if self.grown > float("-inf") else 0.0

    @property
    def is_open(self) -> bool:
        """Whether its row has no end, whatever was concluded from that."""
        return not self.event.is_over or self.event.end_reason is EndReason.ABANDONED

    def take(self, fresh: Event, now: float) -> Event | None:
        """Note what its row says now, and return the event where that is something new."""
        if self.checked == float("-inf") or _size(fresh) != _size(self.event):
            self.grown = now
        self.checked, self.misses = now, 0
        if not fresh.is_over and self.event.end_reason is EndReason.ABANDONED:
            return None
        before, self.event = self.event, merged(self.event, fresh)
        if self.event.is_over and self.closed_at is None:
            self.closed_at = now
        return self.event if is_news(before, self.event) else None

    def miss(self) -> None:
        """Note that its row is not there; it is read again soon."""
        self.misses += 1
        self.checked = float("-inf")

    def is_left(self, now: float, *, is_superseded: bool, is_dead: bool) -> bool:
        """Say whether nobody will end it any more: its monitor has had a newer one, or been dead, for a while."""
        if is_superseded:
            self.superseded_at = now if self.superseded_at is None else self.superseded_at
            if now - self.superseded_at >= _ABANDONED_S:
                return True
        if not is_dead:
            self.dead_since = None
            return False
        self.dead_since = now if self.dead_since is None else self.dead_since
        return now - self.dead_since >= _DEAD_S

    def give_up(self, now: float) -> Event:
        """End it in the place of who should have; it is polled a while longer, for the true end may come all the same."""
        self.event, self.closed_at = abandoned(self.event), now
        return self.event


def _size(event: Event) -> tuple[object, ...]:
    return event.duration_s, event.alarm_frames, event.max_score, event.notes


class Newest:
    """Each monitor's newest event: its id and, once it was read, its row."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._rows: dict[str, EventRow] = {}

    @property
    def highest(self) -> int:
        """The highest id of all."""
        return max(self._ids.values(), default=0)

    def __iter__(self) -> Iterator[EventRow]:
        return iter(list(self._rows.values()))

    def id(self, monitor_id: str) -> int:
        """Return the monitor's newest event, 0 for none."""
        return self._ids.get(monitor_id, 0)

    def note(self, rows: Iterable[EventRow]) -> None:
        """Process rows, in any order."""
        for row in rows:
            if row.id >= self.id(row.monitor_id):
                self._ids[row.monitor_id], self._rows[row.monitor_id] = row.id, row

    def note_id(self, monitor_id: str, number: int) -> None:
        """Process an event that is known from before."""
        self._ids[monitor_id] = max(self.id(monitor_id), number)

    def forget_row(self, monitor_id: str, number: int) -> None:
        """Note that this event is gone; its id stays the highest that the monitor had."""
        row = self._rows.get(monitor_id)
        if row is not None and row.id == number:
            del self._rows[monitor_id]

    def clear(self) -> None:
        """Know of none: the ids begin anew."""
        self._ids.clear()
        self._rows.clear()
