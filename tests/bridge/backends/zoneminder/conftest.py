"""A ZoneMinder backend at work against the fake."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.virtual_time import VirtualLoop

from vms_bridge.backends.zoneminder.backend import ZoneMinder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.fakes.zoneminder import FakeZoneMinder

    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig

    Serve = Callable[..., AbstractAsyncContextManager[tuple[ZoneMinder, MemoryFeed]]]


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Where a test says so, have time pass only when nothing is left to do: it waits for nothing, however busy the machine is."""
    is_virtual = item.get_closest_marker("virtual_time") is not None
    return {"virtual": VirtualLoop} if is_virtual else {"machine": asyncio.SelectorEventLoop}


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def serve(clock: FastClock) -> Serve:
    """Run a backend against a fake until its first snapshot is there, and stop it in the end."""

    @asynccontextmanager
    async def serving(
        fake: FakeZoneMinder, feed: MemoryFeed | None = None, settings: ZoneMinderConfig | None = None
    ) -> AsyncIterator[tuple[ZoneMinder, MemoryFeed]]:
        feed = feed or MemoryFeed()
        backend = ZoneMinder("zm", settings or config(fake.url), clock)
        task = asyncio.create_task(backend.run(feed))
        waits = asyncio.create_task(feed.until(lambda: feed.snapshots))
        await asyncio.wait({task, waits}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waits.cancel()
            await task
        try:
            yield backend, feed
        finally:
            if backend._session is not None or feed.lost:
                task.cancel()
            async with asyncio.timeout(10):
                with suppress(asyncio.CancelledError):
                    await task

    return serving
