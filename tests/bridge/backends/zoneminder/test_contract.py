from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.contract import CHECKS, Subject
from tests.bridge.backends.zoneminder.support import FastClock, memory_config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4

from vms_bridge.backends.zoneminder.backend import ZoneMinder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.fakes.zoneminder import Personality

SPEED = 20.0


async def happenings(world: World) -> None:
    """Now and then something moves in front of the first camera, and all daemons show that they live."""
    while True:
        world.beat()
        world.alarm(1)
        await asyncio.sleep(1 / SPEED)
        world.calm(1)
        await asyncio.sleep(1 / SPEED)


@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda p: p.version)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_keeps_the_contract(
    check: Callable[[Subject], Awaitable[None]], personality: Personality, tmp_path: Path
) -> None:
    clock = FastClock(SPEED)
    world = World(personality, monitors=2, shm_dir=tmp_path, now=clock.now)
    world.close_event(world.open_event(2).id)  # counters begin with a monitor's first event
    async with FakeZoneMinder(world) as fake:
        subject = Subject(
            make=lambda: ZoneMinder("zm", memory_config(fake), clock),
            advance=lambda seconds: asyncio.sleep(seconds / SPEED),
            busy_s=10,
        )
        life = asyncio.create_task(happenings(world))
        try:
            await check(subject)
        finally:
            life.cancel()
