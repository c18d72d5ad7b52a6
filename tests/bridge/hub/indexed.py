"""A hub that keeps the index of a VMS with an archive, in virtual time: killed and started again as a test likes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from tests.fakes.archive import RecordingVms
from tests.fakes.virtual_time import VirtualClock, VirtualLoop

from vms_bridge.hub import Hub
from vms_bridge.index import MOST_FOUND, Search
from vms_bridge.keys import MonitorRules
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from vms_bridge.hub import SystemFeed
    from vms_bridge.index import IndexProgress
    from vms_bridge.model import Event

_T = TypeVar("_T")


class IndexedHouse:
    """The store's folder and the VMS outlive the hub."""

    def __init__(self, path: Path, vms: RecordingVms, *, most: int = 1_000_000) -> None:
        self.path, self.vms, self.most = path, vms, most
        self.clock: VirtualClock = vms.clock  # type: ignore[assignment]  # tests have no other
        self.store: Store
        self.hub: Hub
        self.feed: SystemFeed
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start a hub that knows what the one before it has stored."""
        self.store = await asyncio.to_thread(Store.open, self.path, self.clock, indexed=self.most)
        self.hub = Hub(self.store, self.clock)
        await self.add()
        self._running = asyncio.create_task(self.hub.run())

    async def add(self) -> None:
        """Take the system in, or in place of the one that was."""
        self.feed = await self.hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=self.vms)
        self.vms.feed, self.vms.states = self.feed, dict(self.vms.first.states)
        self.feed.emit(self.vms.first)
        self.vms.tell_totals()

    async def stop(self) -> None:
        """End it, wherever it is."""
        task, self._running = self._running, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.hub.close()
            await self.store.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    @property
    def is_running(self) -> bool:
        return self._running is not None

    @property
    def progress(self) -> IndexProgress | None:
        system = self.hub.system("zm")
        return system.index if system else None

    @property
    def detail(self) -> str:
        """What is not as it should be."""
        return (self.progress.detail if self.progress else None) or ""

    async def until(self, holds: Callable[[], Awaitable[bool]], *, within_s: float = 86_400.0, step_s: float = 10.0) -> None:
        """Let time pass until it holds."""
        end = self.clock.elapsed + within_s
        while not await holds():
            assert self.clock.elapsed < end, f"not within {within_s:g} s: {self.progress}"
            self.vms.tell_totals()
            await self.clock.sleep(step_s)

    async def is_complete(self) -> bool:
        return self.progress is not None and self.progress.is_complete

    async def is_true(self) -> bool:
        """Say whether the index has what the VMS has."""
        return await self.indexed() == self.recorded()

    async def settles(self, *, within_s: float = 86_400.0) -> None:
        await self.until(self.is_true, within_s=within_s, step_s=min(60.0, within_s / 60))

    async def events(self) -> list[Event]:
        found: list[Event] = []
        after: str | None = None
        while True:
            page = await self.hub.search(Search(), after, MOST_FOUND)
            found += [one.event for one in page.events]
            after = page.after
            if after is None:
                return found

    async def indexed(self) -> dict[int, bool]:
        """Return what is in the index, by id, and whether it has ended."""
        return {int(one.id): one.is_over for one in await self.events()}

    def recorded(self) -> dict[int, bool]:
        return {number: one.is_over for number, one in self.vms.recorded.items()}


@asynccontextmanager
async def indexed_house(path: Path, *, events: int = 0, most: int = 1_000_000, **changes: object) -> AsyncIterator[IndexedHouse]:
    """Run a hub before a VMS that has recorded so many events."""
    vms = RecordingVms(clock=VirtualClock(), **changes)  # type: ignore[arg-type]  # a test names fields by keyword
    vms.fill(events)
    house = IndexedHouse(path, vms, most=most)
    await house.start()
    try:
        yield house
    finally:
        await house.stop()


def in_virtual_time(scenario: Callable[[], Awaitable[_T]]) -> _T:
    """Play it."""

    async def play() -> _T:
        return await scenario()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(play())
