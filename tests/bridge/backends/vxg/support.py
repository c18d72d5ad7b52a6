"""A backend that looks at a simulated VXG."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from vms_bridge.backends.vxg.backend import VxgBackend
from vms_bridge.backends.vxg.config import VxgConfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.bridge.backends.zoneminder.support import MemoryFeed
    from tests.fakes.vxg import FakeVxg

    from vms_bridge.clock import Clock


def backend_of(fake: FakeVxg, clock: Clock, *, token: str | None = None, **options: Any) -> VxgBackend:  # noqa: ANN401
    """Return one, by the token of the first group."""
    secret = SecretStr(fake.group_token() if token is None else token)
    return VxgBackend("cloud", VxgConfig(url=fake.url, token=secret, **options), clock)


@asynccontextmanager
async def running(backend: VxgBackend, feed: MemoryFeed) -> AsyncIterator[asyncio.Task[None]]:
    """Run it from its first snapshot on, and cancel it in the end; what it has raised is raised."""
    task = asyncio.create_task(backend.run(feed))
    try:
        told = len(feed.snapshots)
        await feed.until(lambda: len(feed.snapshots) > told or task.done(), 60)
        if task.done():
            task.result()
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
