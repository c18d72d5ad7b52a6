"""A simulated VXG, and the library's way to it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.bridge.zoneminder.support import QuickClock
from tests.fakes.vxg import FakeVxg

from vms_bridge.vxg import Vxg

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def served(channels: int = 3, *, by: str = "group", **options: Any) -> AsyncIterator[tuple[Vxg, FakeVxg]]:  # noqa: ANN401
    """Serve so many channels, and open the library's way to them by a `group` token, an `lkey`, `both`, or a `channel` token."""
    clock = QuickClock()
    async with FakeVxg(channels=channels, clock=clock) as fake:
        given: dict[str, Any] = {
            "group": lambda: {"token": fake.group_token()},
            "lkey": lambda: {"lkey": fake.lkey},
            "both": lambda: {"lkey": fake.lkey, "token": fake.group_token()},
            "channel": lambda: {"token": fake.world.channels[101].token},
            "watch": lambda: {"token": fake.world.channels[101].watch_token},
        }[by]()
        async with Vxg(fake.url, clock=clock, **{"timeout_s": 5.0, **given, **options}) as vxg:
            yield vxg, fake
