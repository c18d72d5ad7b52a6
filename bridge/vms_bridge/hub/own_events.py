"""Events that the bridge itself tells: of its contributors, with ids that no VMS knows, ended with who has told them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.buckets import Buckets
from vms_bridge.errors import BackendDefect, ContributionRefused, StoreError
from vms_bridge.hub import door
from vms_bridge.model import OWN, EndReason, Event, EventBatch, EventRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.hub.recorder import Recorder
    from vms_bridge.hub.system import System
    from vms_bridge.index import IndexedEvent
    from vms_bridge.model import OwnEvent
    from vms_bridge.views import MonitorKey

MOST_OPEN = 100
"""So many a contributor may have open of one monitor."""
MOST_NAMES = 64
_MOST_ENDED = 1_000
"""Of so many that are over more may still be told, such as that there is a picture now."""
_RATE, _BURST = 1.0, 120.0
"""How many a contributor may begin of one monitor: so many at once, and then so many a second."""


@dataclass(slots=True, eq=False)
class _Told:
    """An event that was told in this run of the bridge, and by whom."""

    source: str
    key: str
    monitor_id: str
    is_over: bool = False


class OwnEvents:
    """Keeps who tells which; what they tell is stored and reported like what backends record."""

    def __init__(self, systems: Mapping[str, System], clock: Clock, recorder: Recorder) -> None:
        self._systems, self._clock, self._recorder = systems, clock, recorder
        self._told: dict[EventRef, _Told] = {}
        self._begun = Buckets(clock, rate=_RATE, burst=_BURST)
        self._look = asyncio.Event()

    async def tell(self, source: str, monitor: MonitorKey, event: OwnEvent, ref: EventRef | None) -> EventRef:
        """Store an event, or how the one is now that was told as `ref`. Raises ContributionRefused or StoreError."""
        system = self._systems.get(monitor[0])
        if system is None:
            raise ContributionRefused(f"there is no system {monitor[0]!r}")
        event = _admitted(event)
        is_new = ref is None
        if ref is None:
            ref, told = await self._begin(source, system, monitor)
        else:
            told = self._of(source, monitor, ref)
        try:
            await self._record(system, _event(event, ref.id, told.monitor_id))
        except StoreError:
            if is_new:  # nobody learns how it is called, so that nobody would end it
                self._told.pop(ref, None)
            raise
        told.is_over = told.is_over or event.end is not None
        self._forget_ended()
        return ref

    def leave(self, source: str) -> None:
        """Have all ended that this source has told, soon: it tells no more."""
        for told in self._told.values():
            if told.source == source:
                told.source = ""
        self.look()

    def look(self) -> None:
        """Look again for what nobody will end: a source has left, or a system came."""
        self._look.set()

    async def run(self) -> NoReturn:
        """End what nobody else will, until cancelled. Raises StoreError."""
        while True:
            self._look.clear()
            await self.finish()
            await self._look.wait()

    async def finish(self) -> None:
        """End what nobody else will. Raises StoreError."""
        for system, event, ended in list(self._left()):
            end = None if ended is None or event.start is None else max(ended, event.start)
            lasted = _lasted(event.start, end)
            await self._record(system, replace(event, end=end, end_reason=EndReason.ABANDONED, duration_s=lasted))
            self._told.pop(EventRef(system.key, OWN, event.id), None)

    async def delete(self, found: IndexedEvent) -> None:
        """Delete an event for good. Raises ContributionRefused where its system is not there any more, and StoreError."""
        system = self._systems.get(found.ref.system)
        if system is None:
            raise ContributionRefused(f"there is no system {found.ref.system!r}")
        await self._record(system, replace(found.event, deleted=True))

    async def _begin(self, source: str, system: System, monitor: MonitorKey) -> tuple[EventRef, _Told]:
        view = system.monitors.get(monitor[1])
        if view is None:
            raise ContributionRefused(f"system {system.key} has no monitor {monitor[1]!r}")
        open_now = sum(
            told.source == source and (ref.system, told.key) == monitor and not told.is_over for ref, told in self._told.items()
        )
        if open_now >= MOST_OPEN or self._begun.take(f"{source} {system.key} {monitor[1]}"):
            raise ContributionRefused(f"too many events of monitor {monitor[1]!r} at a time", hint="are its rules too sensitive?")
        ref, told = await self._recorder.new_ref(system), _Told(source, monitor[1], view.monitor.id)
        self._told[ref] = told  # before it is stored: what is there and nobody's is ended
        return ref, told

    def _of(self, source: str, monitor: MonitorKey, ref: EventRef) -> _Told:
        told = self._told.get(ref)
        if told is None or told.source != source or (ref.system, told.key) != monitor:
            raise ContributionRefused(f"event {ref.format()} is none that {source!r} has told of {monitor[1]!r}, or long over")
        return told

    async def _record(self, system: System, event: Event) -> None:
        await self._recorder.record(system, EventBatch(events=(event,), generation=OWN))

    def _left(self) -> Iterator[tuple[System, Event, datetime | None]]:
        """Yield what is open though nobody tells of it any more, and when that ended; None: in an earlier run of the bridge."""
        for system in self._systems.values():
            for event in system.own_events.open:
                told = self._told.get(EventRef(system.key, OWN, event.id))
                if told is None:
                    yield system, event, None
                elif not told.source:
                    yield system, event, self._clock.now()

    def _forget_ended(self) -> None:
        over = [ref for ref, told in self._told.items() if told.is_over]
        for ref in over[:-_MOST_ENDED]:
            del self._told[ref]


def _admitted(event: OwnEvent) -> OwnEvent:
    """Return the event as its type wants it. Raises ContributionRefused."""
    try:
        admitted = door.OWN_EVENTS.admit(event)
    except BackendDefect as defect:
        raise ContributionRefused(f"that is no event: {str(defect).removeprefix('internal error: ')}") from None
    if max(len(admitted.labels), len(admitted.zones)) > MOST_NAMES:
        raise ContributionRefused(f"more than {MOST_NAMES} labels or zones of one event")
    if admitted.end is not None and admitted.end < admitted.start:
        raise ContributionRefused("an event ends before it begins")
    return admitted


def _event(own: OwnEvent, event_id: str, monitor_id: str) -> Event:
    return Event(
        id=event_id,
        monitor_id=monitor_id,
        start=own.start,
        kind=own.kind,
        cause=own.cause,
        end=own.end,
        end_reason=None if own.end is None else EndReason.CLOSED,
        duration_s=_lasted(own.start, own.end),
        labels=own.labels,
        score=own.score,
        zones=own.zones,
        direction=own.direction,
        snapshot_ready=own.snapshot_ready,
    )


def _lasted(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()
