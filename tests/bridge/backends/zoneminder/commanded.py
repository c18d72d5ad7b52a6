"""A hub with one ZoneMinder, for tests of commands that go all the way; and daemons that live."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.fakes.commands import ask, within

from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.hub import CommandRules, Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.bridge.backends.zoneminder.support import FastClock
    from tests.fakes.zoneminder import World

    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.commands import Ack, Action
    from vms_bridge.model import MonitorState

_PATIENCE_S = 15.0
"""Of the machine's time, for what comes at once where nobody else works."""


@asynccontextmanager
async def living(world: World, *started: int) -> AsyncIterator[World]:
    """Let the world's daemons capture, after those of these monitors were started."""
    for number in started:
        world.start_memory(number)

    async def beat() -> None:
        while True:
            world.beat()
            await asyncio.sleep(0.01)

    life = asyncio.create_task(beat())
    try:
        yield world
    finally:
        life.cancel()
        await asyncio.wait([life])


class House:
    """The hub, to command and to look at, and what was seen of its first monitor."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.seen: list[MonitorState] = []

    async def watch(self) -> None:
        subscription = self.hub.subscribe()
        while True:
            await subscription.changes()
            view = self.hub.monitor("zm", "1")
            if view is not None:
                self.seen.append(view.state)

    async def until(self, holds: Callable[[MonitorState], object]) -> None:
        subscription = self.hub.subscribe()
        async with asyncio.timeout(_PATIENCE_S):
            while not holds(self.state):
                await subscription.changes()
        subscription.close()

    async def shows(self, **wanted: object) -> None:
        await self.until(lambda state: all(getattr(state, name) == value for name, value in wanted.items()))

    @property
    def state(self) -> MonitorState:
        view = self.hub.monitor("zm", "1")
        assert view
        return view.state

    async def command(self, action: Action, monitor: str = "1") -> Ack:
        return await self.hub.submit(ask(action, monitor))

    def hurry(self) -> None:
        """Wait for the effects of commands less long: they will not come."""
        self.hub._runner._table = within(3.0)


@asynccontextmanager
async def house(
    path: Path, clock: FastClock, settings: ZoneMinderConfig, *, limit_s: float | None = None
) -> AsyncIterator[House]:
    """Run it; `limit_s` is how long a command may take, where not as long as its row says."""
    store = await asyncio.to_thread(Store.open, path / "data", clock)
    hub = Hub(store, clock, commands=CommandRules() if limit_s is None else CommandRules(table=within(limit_s)))
    backend = ZoneMinder("zm", settings, clock)
    feed = await hub.add_system(key="zm", kind="zoneminder", name="ZM", rules=MonitorRules(), backend=backend)
    one = House(hub)
    tasks = [asyncio.create_task(work) for work in (backend.run(feed), hub.run(), one.watch())]
    try:
        subscription = hub.subscribe()
        async with asyncio.timeout(_PATIENCE_S):
            while not hub.systems["zm"].state.available:
                await subscription.changes()
        subscription.close()
        yield one
    finally:
        await hub.close()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await store.close()
