"""Reads every monitor's shared memory in one thread of its own, and reports only what is new."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.memory import MonitorMemory, Sample, Unusable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator, Mapping, Sequence
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder.memory import Version

LAG_S = 0.05
"""How late a change of state is seen at worst."""
# So often each file is read: a few monitors more often, for the same cost.
_SHORTEST_PERIOD_S, _LONGEST_PERIOD_S, _FEW, _PERIOD_PER_MORE_S = 0.014, 0.04, 32, 0.0008
# What is not urgent (rates, scores, a sign of life) may be that old.
_FULL_READ_S = 0.5
# Thousands are read in parts, one after the other: nothing seen in one waits for the next.
_PART = 100
# For so long after an urgent change every frame counts: it may show what a command has come to.
_CLOSE_READ_S = 1.0
_PATIENCE_S = 5.0


@dataclass(slots=True)
class _Part:
    """Some of the monitors, and when all of their data is to be read, not only what is urgent."""

    monitor_ids: Sequence[str]
    full_read_at: float = float("-inf")


def period(monitors: int) -> float:
    """Return after how many seconds each of that many monitors is read again."""
    return min(_SHORTEST_PERIOD_S + _PERIOD_PER_MORE_S * max(monitors - _FEW, 0), _LONGEST_PERIOD_S)


class Sampler:
    """The shared memory of one ZoneMinder's monitors: `read` once, then wait for `changes`; `close` it when done."""

    def __init__(self, directory: Path, version: Version, clock: Clock) -> None:
        self._directory, self._version, self._clock = directory, version, clock
        self._memories: dict[str, MonitorMemory] = {}
        self._parts: deque[_Part] = deque([_Part(())])
        self._zones: Mapping[str, int] = {}
        self._wanted: Mapping[str, int] = {}
        self._reported: dict[str, Sample | str] = {}
        self._read_closely_until: dict[str, float] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="zm-shared-memory")
        self._reading: asyncio.Future[None] | None = None
        self._closing = threading.Event()
        self._reads = 0
        self._lock = threading.Lock()
        self._changes: dict[str, Sample | Unusable] = {}
        """What was seen and not yet fetched; of each monitor the newest. Held by `_lock`."""
        self._has_changes = asyncio.Event()

    async def read(self, zones: Mapping[str, int]) -> Mapping[str, Sample | Unusable]:
        """Read all these monitors once, with that many zones each; return those that differ from the last read.

        While the file system hangs nothing is known of any of them, and the next call waits for the same read.
        """
        self._wanted = zones
        if self._reading is None:
            self._reading = asyncio.get_running_loop().run_in_executor(self._thread, self._read_all)
        reading = self._reading
        await self._patiently(asyncio.wait({reading}))
        if not reading.done():
            return self._give_up()
        self._reading = None
        reading.result()
        return self._fetch()

    async def changes(self, zones: Mapping[str, int]) -> Mapping[str, Sample | Unusable]:
        """Wait for what differs: what is urgent as soon as it is seen, everything else twice a second; maybe nothing.

        The looks cost their thread alone: to wake the event loop costs more than to look at a dozen monitors.
        """
        if self._wanted != zones:
            self._wanted = zones
        loop = asyncio.get_running_loop()
        if self._reading is None:
            self._reading = loop.run_in_executor(self._thread, self._keep_reading, loop)
        reads_before = self._reads
        await self._patiently(self._has_changes.wait())
        if self._reading.done():
            self._reading.result()
        is_stuck = self._reads == reads_before and not self._has_changes.is_set()
        return self._give_up() if is_stuck else self._fetch()

    def close(self) -> None:
        """Let go of all files; a read that is under way ends first, in its thread."""
        self._closing.set()
        self._thread.submit(self._close_all)
        self._thread.shutdown(wait=False)

    async def _patiently(self, waiting: Awaitable[object]) -> None:
        with suppress(TimeoutError):
            async with self._clock.timeout(_PATIENCE_S):
                await waiting

    def _fetch(self) -> Mapping[str, Sample | Unusable]:
        with self._lock:
            self._has_changes.clear()
            changes, self._changes = self._changes, {}
        return changes

    def _give_up(self) -> Mapping[str, Sample | Unusable]:
        """Take what was seen before for nothing: it may have changed since."""
        problem = Unusable("the file system does not answer", hint="look at the host's log; slower sources serve meanwhile")
        seen = [monitor_id for monitor_id, reported in list(self._reported.items()) if isinstance(reported, Sample)]
        self._reported.update(dict.fromkeys(seen, problem.kind))
        return dict.fromkeys(seen, problem)

    def _keep_reading(self, loop: asyncio.AbstractEventLoop) -> None:
        due = self._clock.monotonic()
        while not self._closing.is_set():
            began = self._clock.monotonic()
            if self._zones is not self._wanted:
                self._read_all()
                is_worth_waking = True
            else:
                self._parts.rotate(-1)
                is_worth_waking = self._read_part(self._parts[0], began)
            if is_worth_waking:
                with suppress(RuntimeError):  # the loop may have ended: nobody waits for it
                    loop.call_soon_threadsafe(self._has_changes.set)
            self._reads += 1
            pause_s, now = period(len(self._zones)) / len(self._parts), self._clock.monotonic()
            due = max(due + pause_s, now + pause_s / 5)
            self._clock.pause(due - now)  # half the cost of waiting for an event, 70 times a second

    def _read_all(self) -> None:
        """Read all data of all monitors."""
        if self._zones is not self._wanted:
            self._adopt(self._wanted)
        monotonic = self._clock.monotonic()
        for number, part in enumerate(self._parts, 1):
            self._read_part(part, monotonic)
            part.full_read_at = monotonic + _FULL_READ_S * number / len(self._parts)

    def _read_part(self, part: _Part, monotonic: float) -> bool:
        """Read these monitors, and note what is new; return whether the loop should be woken."""
        is_full = monotonic >= part.full_read_at
        if not is_full and self._is_as_before(part):
            return False
        now = self._clock.now().timestamp()
        found = self._all_changes(part, monotonic, now) if is_full else self._urgent_changes(part, monotonic, now)
        changes = dict(found)
        for monitor_id, seen in changes.items():
            self._reported[monitor_id] = seen.kind if isinstance(seen, Unusable) else seen
        with self._lock:
            self._changes.update(changes)
        if is_full:
            part.full_read_at = monotonic + _FULL_READ_S
        return is_full or bool(changes)

    def _is_as_before(self, part: _Part) -> bool:
        """Say, at the least cost, whether there is nothing urgent to look at: so it is nearly always."""
        memories, reported = self._memories, self._reported
        return not self._read_closely_until and not any(
            not memories[monitor_id].is_as_before() and isinstance(reported.get(monitor_id), Sample)
            for monitor_id in part.monitor_ids
        )

    def _urgent_changes(self, part: _Part, monotonic: float, now: float) -> Iterator[tuple[str, Sample | Unusable]]:
        """Find the monitors of which something urgent has changed, or anything a moment after that."""
        reported, closely = self._reported, self._read_closely_until
        for monitor_id in part.monitor_ids:
            before, memory = reported.get(monitor_id), self._memories[monitor_id]
            if not isinstance(before, Sample):
                continue  # a trouble is over when a full read finds it so
            is_close = monitor_id in closely
            if not is_close and memory.is_as_before():
                continue
            seen = _seen(memory, monotonic, now)
            if isinstance(seen, Unusable):
                yield monitor_id, seen
            elif seen.urgent != before.urgent:
                closely[monitor_id] = monotonic + _CLOSE_READ_S
                yield monitor_id, seen
            elif is_close:
                if closely[monitor_id] < monotonic:
                    del closely[monitor_id]
                if seen is not before:
                    yield monitor_id, seen

    def _all_changes(self, part: _Part, monotonic: float, now: float) -> Iterator[tuple[str, Sample | Unusable]]:
        """Find the monitors of which anything has changed."""
        reported = self._reported
        for monitor_id in part.monitor_ids:
            memory = self._memories[monitor_id]
            if memory.retry_at > monotonic:
                continue
            seen, before = _seen(memory, monotonic, now), reported.get(monitor_id)
            if isinstance(seen, Unusable):
                if before != seen.kind:  # its text may count seconds; the kind of trouble is what matters
                    yield monitor_id, seen
            elif before is not seen:
                if isinstance(before, Sample) and before.urgent != seen.urgent:
                    self._read_closely_until[monitor_id] = monotonic + _CLOSE_READ_S
                yield monitor_id, seen

    def _adopt(self, zones: Mapping[str, int]) -> None:
        for monitor_id in self._memories.keys() - zones.keys():
            self._memories.pop(monitor_id).close()
            self._reported.pop(monitor_id, None)
            self._read_closely_until.pop(monitor_id, None)
        for monitor_id in sorted(zones.keys() - self._memories.keys()):
            self._memories[monitor_id] = MonitorMemory(self._directory, monitor_id, self._version)
        for monitor_id, count in zones.items():
            self._memories[monitor_id].expect_zones(count)
        self._zones = zones
        ids = list(self._memories)
        self._parts = deque(_Part(ids[start : start + _PART]) for start in range(0, max(len(ids), 1), _PART))

    def _close_all(self) -> None:
        for memory in self._memories.values():
            memory.close()


def _seen(memory: MonitorMemory, monotonic: float, now: float) -> Sample | Unusable:
    try:
        return memory.sample(monotonic, now)
    except Unusable as problem:
        return problem
