"""The events of a trial: those that occur, and those that the author's answers have recorded before."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from vms_bridge.index import IndexedEvent, SearchPage
from vms_bridge.model import EndReason, Event, EventKind, EventRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.index import Search
    from vms_bridge.scripts.trying.answers import SaidEvent

_MOST = 10_000


class Archive:
    """What has been recorded, as the index would find it."""

    def __init__(self) -> None:
        self._events: dict[str, IndexedEvent] = {}

    def record(self, said: SaidEvent) -> None:
        """Have it been recorded before."""
        system, _, key = said.monitor.partition("/")
        ref = EventRef.parse(said.id) or EventRef(system, 1, said.id)
        event = Event(
            id=ref.id,
            monitor_id=key,
            kind=said.kind,
            duration_s=None if said.end is None else (said.end - said.start).total_seconds(),
            snapshot_ready=True,
            clip_ready=said.end is not None,
            **said.model_dump(include={"start", "end", "cause", "notes", "labels", "score", "zones"}),
        )
        self._keep(ref, key, event)

    def take(self, what: Mapping[str, Any]) -> None:
        """Take note of a step in an event's life, by its public message."""
        ref = EventRef.parse(str(what.get("id")))
        if ref is None:
            return
        if "deleted" in {what.get("step"), what.get("type")}:
            self._events.pop(ref.format(), None)
            return
        reason = what.get("end_reason")
        event = Event(
            id=ref.id,
            monitor_id=str(what.get("monitor", "")),
            start=_time(what.get("start")),
            end=_time(what.get("end")),
            end_reason=EndReason(reason) if reason else None,
            kind=EventKind(str(what.get("kind") or "alarm")),
            cause=str(what.get("cause") or ""),
            duration_s=what.get("duration"),
            labels=tuple(what.get("labels") or ()),
            score=what.get("score"),
            zones=tuple(what.get("zones") or ()),
            direction=what.get("direction"),
            snapshot_ready=bool(what.get("snapshot_ready", True)),  # who writes events by hand need not say so
            clip_ready=bool(what.get("clip_ready")),
        )
        self._keep(ref, event.monitor_id, event)

    def find(self, query: Search, after: str | None, limit: int) -> SearchPage:
        """Return the events that are meant, the newest first."""
        found = [event for event in self._events.values() if _is_meant(query, event)]
        found.sort(key=lambda each: each.event.start.timestamp() if each.event.start else 0.0, reverse=True)
        first = int(after) if after and after.isdecimal() else 0
        end = first + limit
        return SearchPage(events=tuple(found[first:end]), after=str(end) if end < len(found) else None)

    def get(self, ref: EventRef) -> IndexedEvent | None:
        """Return one."""
        return self._events.get(ref.format())

    def _keep(self, ref: EventRef, monitor: str, event: Event) -> None:
        self._events[ref.format()] = IndexedEvent(ref=ref, monitor=monitor, event=event)
        while len(self._events) > _MOST:
            del self._events[next(iter(self._events))]


def _is_meant(query: Search, found: IndexedEvent) -> bool:
    event, start = found.event, found.event.start
    words = f"{event.cause} {event.notes} {' '.join(event.labels)} {found.text or ''}".casefold()
    return (
        (query.since is None or (start is not None and start >= query.since))
        and (query.until is None or (start is not None and start < query.until))
        and (query.systems is None or found.ref.system in query.systems)
        and (query.monitors is None or (found.ref.system, found.monitor) in query.monitors)
        and (query.kinds is None or event.kind in query.kinds)
        and (query.labels is None or bool(query.labels & set(event.labels)))
        and (query.zones is None or bool(query.zones & set(event.zones)))
        and (query.plates is None or bool(query.plates & set(found.plates)))
        and (query.faces is None or bool(query.faces & set(found.faces)))
        and (query.least_score is None or (event.score or 0.0) >= query.least_score)
        and (query.most_score is None or (event.score is not None and event.score <= query.most_score))
        and all(word.rstrip("*") in words for word in (query.words or "").casefold().split())
    )


def _time(said: object) -> datetime | None:
    try:
        return datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
