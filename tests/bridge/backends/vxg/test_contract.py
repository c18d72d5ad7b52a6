from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.contract import CHECKS, Subject
from tests.bridge.backends.vxg.support import backend_of
from tests.fakes.vxg import FakeVxg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.fakes.virtual_time import VirtualClock


async def happenings(fake: FakeVxg) -> None:
    """Now and then something moves in front of the first camera, and all is recorded."""
    while True:
        fake.world.happen(101, thumb_s=1.0, meta={"person": "2"}, meta_s=1.0)
        for channel in fake.world.channels:
            fake.world.record(channel, fake.world.now(), 5.0)
        await asyncio.sleep(5)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_keeps_the_contract(check: Callable[[Subject], Awaitable[None]], clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        fake.world.images_delay_s = 1.0
        subject = Subject(
            make=lambda: backend_of(fake, clock, poll_interval=0.5, hold=3),
            advance=asyncio.sleep,
            busy_s=10,
        )
        life = asyncio.create_task(happenings(fake))
        try:
            await check(subject)
        finally:
            life.cancel()
