"""What tests of services share: a real hub with a simulated system, and workers that ask for things and can end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.fakes.clock import FakeClock

from vms_bridge.backends.simulator.backend import Simulator
from vms_bridge.backends.simulator.config import SimulatorConfig
from vms_bridge.clips import ClipRules
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.model import SystemLost
from vms_bridge.scripts.services.table import Services
from vms_bridge.scripts.values import Permissions
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from pathlib import Path

    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock
    from vms_bridge.hub import SystemFeed
    from vms_bridge.scripts.services.table import Answered, ServiceRow

EPOCH = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""When the simulated world began; the clock stands an hour behind it."""


@dataclass(eq=False)
class Worker:
    """A running script, as services see it (`table.Asker`)."""

    name: str = "gate"
    permissions: Permissions = field(default_factory=Permissions)
    undos: dict[object, Callable[[], None]] = field(default_factory=dict)

    def at_end(self, undo: Callable[[], None]) -> Callable[[], None]:
        key = object()
        self.undos[key] = undo
        return lambda: self.undos.pop(key, None) and None

    def may(self, **permissions: Any) -> Worker:  # noqa: ANN401 - as Permissions
        """Return another one that may do this too."""
        return Worker(self.name, replace(self.permissions, **permissions))

    def end(self) -> None:
        """End: let go of everything."""
        for undo in list(self.undos.values()):
            undo()
        self.undos.clear()


@dataclass(kw_only=True)
class Site:
    """A running hub, and what can be asked for."""

    hub: Hub
    clock: FakeClock
    services: Services
    backend: Simulator
    system_task: asyncio.Task[None]
    feed: SystemFeed
    folder: Path

    async def ask(self, worker: Worker, what: str, data: bytes = b"", **words: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the words of the answer."""
        return (await self.services.answer(worker, what, words, data)).words

    async def asked(self, worker: Worker, what: str, data: bytes = b"", **words: Any) -> Answered:  # noqa: ANN401 - JSON
        """Return the whole answer."""
        return await self.services.answer(worker, what, words, data)

    async def lose(self) -> None:
        """Have the system be away from now on, as its supervisor says it."""
        self.system_task.cancel()
        await asyncio.wait([self.system_task])
        self.feed.emit(SystemLost(detail="it does not answer"))


@asynccontextmanager
async def site(
    folder: Path,
    rows: Callable[[Hub, Clock], Iterable[ServiceRow]],
    *,
    cameras: int = 3,
    pictures_only: int = 1,
    indexed: bool = False,
    wrap: Callable[[Simulator], Backend] = lambda simulator: simulator,
    rules: MonitorRules | None = None,
) -> AsyncIterator[Site]:
    """A hub with the system `sim`, whose cameras are 1 to 3; `indexed` waits until all that it has recorded is in the index."""
    clock = FakeClock(EPOCH + timedelta(hours=1))
    store = await asyncio.to_thread(Store.open, folder / "data", clock)
    hub = Hub(store, clock, clips=ClipRules(folder=folder))
    await hub.start()
    config = SimulatorConfig(epoch=EPOCH, cameras=cameras, pictures_only=pictures_only, width=320)
    backend = Simulator("sim", config, clock)
    feed = await hub.add_system(key="sim", kind="simulator", name="Sim", rules=rules or MonitorRules(), backend=wrap(backend))
    running = [asyncio.create_task(hub.run()), asyncio.create_task(backend.run(feed))]
    made = Site(
        hub=hub,
        clock=clock,
        services=Services(rows(hub, clock), clock),
        backend=backend,
        system_task=running[1],
        feed=feed,
        folder=folder,
    )
    try:
        await until(lambda: _is_up(hub))
        if indexed:
            await until(lambda: _is_indexed(hub), clock)
        yield made
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await hub.close()
        await store.close()


def _is_up(hub: Hub) -> bool:
    view, spool = hub.system("sim"), hub._clips._spool
    return view is not None and bool(view.monitors) and spool is not None and spool._group is not None


def _is_indexed(hub: Hub) -> bool:
    view = hub.system("sim")
    return view is not None and view.index is not None and view.index.is_complete


async def until(holds: Callable[[], object], clock: FakeClock | None = None) -> None:
    """Wait until this holds, which threads and children bring about; with a clock, its time goes on meanwhile."""
    while not holds():
        await asyncio.sleep(0.001)
        if clock is not None:
            await clock.advance(0.5)


def of(answer: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    """Return these values of an answer."""
    return tuple(answer[name] for name in names)
