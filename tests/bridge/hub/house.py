"""A hub over one store, with one system whose backend a test speaks for; it can be started anew."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.fakes.backend import ScriptedBackend, monitor, snapshot
from tests.fakes.clock import FakeClock

from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from typing import Self

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
