"""What is recorded of events that commands are about: their effects show there, and in no state."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from vms_bridge.model import Event, EventRef


@dataclass(slots=True, eq=False)
class WatchedEvent:
    """An event as it was recorded last since somebody watches it; None: it was not."""

    event: Event | None = None


class WatchedEvents:
    """The events that are watched now: one for each command on an event that is under way."""

    def __init__(self) -> None:
        self._watched: dict[EventRef, list[WatchedEvent]] = {}

    @contextmanager
    def watch(self, ref: EventRef) -> Iterator[WatchedEvent]:
        """Watch an event for as long as the context lasts."""
        watched = WatchedEvent()
        self._watched.setdefault(ref, []).append(watched)
        try:
            yield watched
        finally:
            self._watched[ref].remove(watched)
            if not self._watched[ref]:
                del self._watched[ref]

    def recorded(self, refs: Iterable[tuple[EventRef, Event]], before: Mapping[str, tuple[str, Event]]) -> None:
        """Note these events, just stored; `before` has those that were known, by id: a deleted one may have nothing but that."""
        for ref, event in refs:
            for watched in self._watched.get(ref, ()):
                known = watched.event or (before[ref.id][1] if ref.id in before else None)
                watched.event = replace(known, deleted=True) if event.deleted and known is not None else event

    def __bool__(self) -> bool:
        return bool(self._watched)
