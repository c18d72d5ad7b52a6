"""Clips by way of the hub: a simulated system's, found by the index, fetched from its archive, made by a real child."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.fakes.clock import FakeClock
from tests.fakes.videos import seen

from vms_bridge.archive import ClipRange, EventQuery
from vms_bridge.backends.simulator.backend import Simulator
from vms_bridge.backends.simulator.config import SimulatorConfig
from vms_bridge.clips import ClipRules
from vms_bridge.errors import MediaUnavailable
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.model import Capability
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

EPOCH = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""The clock stands an hour behind it."""


@asynccontextmanager
async def simulated(folder: Path) -> AsyncIterator[Hub]:
    clock = FakeClock(EPOCH + timedelta(hours=1))
    store = await asyncio.to_thread(Store.open, folder, clock, indexed=0)  # so that the system itself is asked
    hub = Hub(store, clock, clips=ClipRules(folder=folder))
    backend = Simulator("sim", SimulatorConfig(epoch=EPOCH, cameras=3, pictures_only=1, width=320), clock)
    feed = await hub.add_system(key="sim", kind="simulator", name="Sim", rules=MonitorRules(), backend=backend)
    running = [asyncio.create_task(hub.run()), asyncio.create_task(backend.run(feed))]
    try:
        while not _is_up(hub):  # noqa: ASYNC110 - there is nothing to be waited for
            await asyncio.sleep(0.001)
        yield hub
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await hub.close()
        await store.close()


def _is_up(hub: Hub) -> bool:
    view, spool = hub.system("sim"), hub._clips._spool
    return view is not None and bool(view.monitors) and spool is not None and spool._group is not None


async def test_a_range_of_single_pictures_over_two_sections(tmp_path: Path) -> None:
    async with simulated(tmp_path) as hub:
        view = hub.monitor("sim", "3")
        assert view is not None
        assert Capability.EVENT_CLIP not in view.monitor.capabilities
        page = await hub.recorded("sim", EventQuery(monitors=frozenset({"3"})))
        second = next(one for one in page.events if one.event.is_over)
        assert second.event.start
        change = second.event.start
        asked = ClipRange(system="sim", monitor="3", since=change - timedelta(seconds=2), until=change + timedelta(seconds=2))
        async with hub.clip(asked) as made, made.open(None) as opened:
            content = made.content
            clip = b"".join([piece async for piece in opened.pieces()])
        assert (content.codec, content.is_encoded, len(content.parts), content.gaps) == ("h264", True, 2, ())
        (tmp_path / "seen.mp4").write_bytes(clip)
        found = await asyncio.to_thread(seen, tmp_path / "seen.mp4")
        assert found.size == (320, 180)
        assert found.lasts_s == pytest.approx(3.5, abs=0.6)


async def test_a_range_that_nobody_knows_of(tmp_path: Path) -> None:
    async with simulated(tmp_path) as hub:
        since = EPOCH - timedelta(hours=1)
        with pytest.raises(MediaUnavailable, match="nothing was recorded"):
            async with hub.clip(ClipRange(system="sim", monitor="3", since=since, until=since + timedelta(seconds=10))):
                pass
