"""A fake ZoneMinder, and the library's way to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.clock import SystemClock
from vms_bridge.zoneminder import ZoneMinder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.zoneminder import Personality

USER, PASSWORD = "admin", "p&=+ä/%s#"


class QuickClock(SystemClock):
    """The machine's clock, but that waiting costs nothing: as much time is taken to be over."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.slept_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.slept_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        await asyncio.sleep(0)


@asynccontextmanager
async def library(
    world: World | Personality,
    *,
    username: str | None = USER,
    password: str | None = PASSWORD,
    clock: SystemClock | None = None,
) -> AsyncIterator[tuple[ZoneMinder, FakeZoneMinder]]:
    """Serve this world, and open the library's way to it."""
    served = world if isinstance(world, World) else World(world)
    async with (
        FakeZoneMinder(served) as fake,
        ZoneMinder(fake.url, username, password, clock=clock or QuickClock(), timeout_s=5.0) as zm,
    ):
        yield zm, fake
