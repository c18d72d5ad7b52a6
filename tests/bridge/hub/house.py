"""Hubs over one store: with one system whose backend a test speaks for, which can be started anew, or with one that runs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.fakes.backend import ScriptedBackend, monitor, snapshot
from tests.fakes.clock import FakeClock, settle

from vms_bridge.clock import SystemClock
from vms_bridge.commands import COMMANDS
from vms_bridge.hub import CommandRules, Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Self

    from vms_bridge.clock import Clock
    from vms_bridge.commands import CommandTable
    from vms_bridge.hub import SystemFeed


class HubHouse:
    def __init__(self, path: Path, *, monitors: int = 1) -> None:
        self.path, self.clock = path, FakeClock()
        self._monitors = [monitor(number) for number in range(1, monitors + 1)]
        self.store: Store
        self.hub: Hub
        self.feed: SystemFeed

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def start(self) -> None:
        self.store = await asyncio.to_thread(Store.open, self.path, self.clock)
        self.hub = Hub(self.store, self.clock, durable_sinks=("mqtt",))
        await self.add()

    async def stop(self) -> None:
        await self.hub.close()
        await self.store.close()

    async def add(self) -> None:
        self.feed = await self.hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=ScriptedBackend())
        self.feed.emit(snapshot(*self._monitors))


@asynccontextmanager
async def started(path: Path, clock: FakeClock | None = None) -> AsyncIterator[Hub]:
    """A hub without any system, which has taken up what the one before it has kept."""
    clock = clock or FakeClock()
    store = await asyncio.to_thread(Store.open, path, clock)
    hub = Hub(store, clock)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.close()
        await store.close()


@asynccontextmanager
async def served(
    path: Path,
    backend: ScriptedBackend,
    clock: Clock | None = None,
    *,
    table: CommandTable = COMMANDS,
    patience_s: float = 120.0,
    is_running: bool = True,
) -> AsyncIterator[Hub]:
    """A hub with one system; the hub itself is at work as well where it `is_running`. Without a clock time is the machine's."""
    clock = clock or SystemClock()
    store = await asyncio.to_thread(Store.open, path, clock)
    hub = Hub(store, clock, commands=CommandRules(table=table, patience_s=patience_s))
    feed = await hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=backend)
    tasks = [asyncio.create_task(backend.run(feed))]
    tasks += [asyncio.create_task(hub.run())] if is_running else []
    await settle()
    try:
        yield hub
    finally:
        await hub.close()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await store.close()
