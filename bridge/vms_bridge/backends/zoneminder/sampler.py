"""Looks at every monitor's shared memory in one thread of its own, and tells only what is new."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from vms_bridge.backends.zoneminder.shm import MonitorMemory, Sample, Unusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from vms_bridge.backends.zoneminder.shm import Version
    from vms_bridge.clock import Clock

_T = TypeVar("_T")

PERIOD_S = 0.05
_PATIENCE_S = 5.0


class Sampler:
    """The shared memory of one ZoneMinder's monitors; `close` it when done."""

    def __init__(self, directory: Path, version: Version, clock: Clock) -> None:
        self._directory, self._version, self._clock = directory, version, clock
        self._memories: dict[str, MonitorMemory] = {}
        self._zones: Mapping[str, int] = {}
        self._told: dict[str, Sample | str] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="zm-shared-memory")
        self._looking: asyncio.Future[Sequence[tuple[str, Sample | Unusable]]] | None = None

    async def look(self, zones: Mapping[str, int]) -> Sequence[tuple[str, Sample | Unusable]]:
        """Look at all these monitors, with that many zones each; return those that differ from the last look.

        While the file system hangs nothing is known of any of them, and the next call waits for the same look.
        """
        if self._looking is None:
            self._looking = asyncio.get_running_loop().run_in_executor(self._thread, self._look, zones)
        looking = self._looking
        await self._wait(looking)
        if not looking.done():
            return self._give_up()
        self._looking = None
        return looking.result()

    async def causes(self, monitor_ids: Iterable[str]) -> dict[str, str]:
        """Return what ZoneMinder says of these monitors' last alarms; nothing while the file system hangs."""
        reading = asyncio.get_running_loop().run_in_executor(self._thread, self._causes, tuple(monitor_ids))
        await self._wait(reading)
        return reading.result() if reading.done() else {}

    def close(self) -> None:
        """Let go of all files; a look that is under way ends first, in its thread."""
        self._thread.submit(self._close_all)
        self._thread.shutdown(wait=False)

    async def _wait(self, work: asyncio.Future[_T]) -> None:
        """Wait for work in the thread, which goes on when the patience is over."""
        with suppress(TimeoutError):
            async with self._clock.timeout(_PATIENCE_S):
                await asyncio.wait({work})

    def _give_up(self) -> Sequence[tuple[str, Sample | Unusable]]:
        """Take what was seen before for nothing: it may have changed since."""
        problem = Unusable("the file system does not answer", hint="look at the host's log; slower sources serve meanwhile")
        seen = [monitor_id for monitor_id, told in list(self._told.items()) if isinstance(told, Sample)]
        self._told.update(dict.fromkeys(seen, problem.kind))
        return [(monitor_id, problem) for monitor_id in seen]

    def _look(self, zones: Mapping[str, int]) -> Sequence[tuple[str, Sample | Unusable]]:
        if self._zones != zones:
            self._adopt(zones)
        news: list[tuple[str, Sample | Unusable]] = []
        monotonic, now = self._clock.monotonic(), self._clock.now().timestamp()
        told = self._told
        for monitor_id, memory in self._memories.items():
            if memory.retry_at > monotonic:
                continue
            try:
                sample = memory.sample(monotonic, now)
            except Unusable as problem:
                # Its text may count seconds; the kind of trouble is what matters.
                if told.get(monitor_id) != problem.kind:
                    told[monitor_id] = problem.kind
                    news.append((monitor_id, problem))
            else:
                if told.get(monitor_id) is not sample:
                    told[monitor_id] = sample
                    news.append((monitor_id, sample))
        return news

    def _adopt(self, zones: Mapping[str, int]) -> None:
        for monitor_id in self._memories.keys() - zones.keys():
            self._memories.pop(monitor_id).close()
            self._told.pop(monitor_id, None)
        for monitor_id in sorted(zones.keys() - self._memories.keys()):
            self._memories[monitor_id] = MonitorMemory(self._directory, monitor_id, self._version)
        for monitor_id, count in zones.items():
            self._memories[monitor_id].expect_zones(count)
        self._zones = zones

    def _causes(self, monitor_ids: Sequence[str]) -> dict[str, str]:
        return {number: self._memories[number].cause() for number in monitor_ids if number in self._memories}

    def _close_all(self) -> None:
        for memory in self._memories.values():
            memory.close()
