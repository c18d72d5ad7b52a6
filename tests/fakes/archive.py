"""A VMS with recordings whose archive misbehaves as it is told, and that tells live what it does not keep to itself."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from tests.fakes.backend import START, ScriptedBackend, event, monitor, snapshot, state

from vms_bridge.archive import EventClip, EventPage, Extent
from vms_bridge.errors import MediaUnavailable, NoSuchEvent, VmsProtocolError, VmsUnreachable
from vms_bridge.model import EventBatch, StateUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vms_bridge.archive import ByteRange, EventQuery, LogLine, LogQuery, MediaRef
    from vms_bridge.backends.base import Media
    from vms_bridge.clock import Clock
    from vms_bridge.model import Event

FAULTS = (
    "short",
    "empty",
    "repeated",
    "no id",
    "slow",
    "fails",
    "wrong",
    "circle",
    "forgets",
)
"""A page of fewer than there is room for; one of nothing, with a next one; one with rows twice; with a row without an id; one
that takes longer than anybody waits; an error; no page at all; one that leads back; an `after` that is not known any more."""


@dataclass(kw_only=True)
class RecordingVms(ScriptedBackend):
    """Its events are numbered; `faults` are of the next pages, one each."""

    clock: Clock
    monitors: int = 2
    page: int = 10
    counts: bool = True
    """Whether its archive can count."""
    tells_totals: bool = True
    totals_off: int = 0
    """How many more events each total says than there are."""
    recorded: dict[int, Event] = field(default_factory=dict)
    generation: int = 1
    next_id: int = 1
    faults: deque[str] = field(default_factory=deque)
    knows_gone: bool = False
    """Whether it says of an event that it has not that it is gone, or only that there is no such clip."""
    lists: int = 0
    extents: int = 0
    on_list: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.first = snapshot(*(monitor(number) for number in range(1, self.monitors + 1)))

    @property
    def archive(self) -> Archive | CountingArchive:
        return CountingArchive(self) if self.counts else Archive(self)

    def record(self, monitor_id: str = "1", *, ago_s: float = 0.0, is_open: bool = False, **changes: object) -> Event:
        """Record an event; nobody is told."""
        start = self.clock.now() - timedelta(seconds=ago_s)
        made = event(self.next_id, monitor_id, start=start, end=None if is_open else start + timedelta(seconds=5), **changes)
        self.recorded[self.next_id] = made
        self.next_id += 1
        return made

    def fill(self, count: int, *, apart_s: float = 60.0) -> None:
        """Record so many in the past, up to now."""
        for number in range(count):
            self.record(str(1 + number % self.monitors), ago_s=(count - number) * apart_s)

    def end(self, event_id: str) -> Event:
        ended = self.recorded[int(event_id)] = replace(self.recorded[int(event_id)], end=self.clock.now())
        return ended

    def purge(self, numbers: Iterable[int]) -> None:
        """Delete these, and say nothing of it."""
        for number in list(numbers):
            self.recorded.pop(number, None)

    def restore(self, count: int) -> None:
        """Begin with another database, whose ids are given once more."""
        self.recorded, self.next_id, self.generation = {}, 1, self.generation + 1
        self.fill(count, apart_s=77.0)

    async def tell(self, *events: Event, late: bool = False) -> None:
        """Tell of events live."""
        assert self.feed
        await self.feed.record(EventBatch(events=events, cursor=str(self.next_id), late=late, generation=self.generation))

    def tell_totals(self) -> None:
        """Tell how many events each monitor has."""
        assert self.feed
        for number in range(1, self.monitors + 1):
            total = sum(one.monitor_id == str(number) for one in self.recorded.values()) + self.totals_off
            self.states[str(number)] = state(events_total=total if self.tells_totals else None)
            self.feed.emit(StateUpdate(monitor_id=str(number), state=self.states[str(number)]))

    def found(self, query: EventQuery) -> list[Event]:
        """Return what a query finds, the newest first."""
        return [
            one
            for _, one in sorted(self.recorded.items(), reverse=True)
            if (query.monitors is None or one.monitor_id in query.monitors)
            and (query.since is None or (one.start or START) >= query.since)
            and (query.until is None or (one.start or START) < query.until)
        ]


@dataclass
class Archive:
    vms: RecordingVms

    async def events(self, query: EventQuery, after: str | None) -> EventPage:
        vms = self.vms
        vms.lists += 1
        fault = vms.faults.popleft() if vms.faults else ""
        vms.on_list()
        if fault == "fails":
            raise VmsUnreachable("nobody is there")
        if fault == "wrong":
            return cast("EventPage", {"events": []})
        if fault == "forgets" and after is not None:
            raise MediaUnavailable(f"no page begins after {after!r}")
        if fault == "slow":
            await vms.clock.sleep(3_600)
        if after is not None and not after.isdecimal():
            raise VmsProtocolError(f"what is {after!r}?")
        found = [one for one in vms.found(query) if after is None or int(one.id) < int(after)]
        if fault == "empty":
            return EventPage(events=(), after=after or str(vms.next_id + 1_000 + vms.lists))
        shown = found[: 1 if fault == "short" else vms.page]
        following = shown[-1].id if len(shown) < len(found) else None
        if fault == "repeated":
            return EventPage(events=(*shown, *reversed(shown)), after=following)
        if fault == "no id" and shown:
            return EventPage(events=(replace(shown[0], id=""), *shown[1:]), after=following)
        if fault == "circle" and after is not None:
            return EventPage(events=tuple(shown), after=after)
        return EventPage(events=tuple(shown), after=following)

    async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> Media:
        if self.vms.knows_gone and isinstance(ref, EventClip) and int(ref.event.id) not in self.vms.recorded:
            raise NoSuchEvent(f"there is no event {ref.event.id}")
        raise MediaUnavailable(f"there is no {ref} with {byte_range}")

    async def logs(self, query: LogQuery) -> Sequence[LogLine]:
        raise MediaUnavailable(f"there is no log for {query}")


class CountingArchive(Archive):
    async def extent(self, query: EventQuery) -> Extent:
        self.vms.extents += 1
        found = self.vms.found(query)
        return Extent(events=len(found), oldest=found[-1] if found else None)
