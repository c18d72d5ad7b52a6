"""Run the fake by itself, with alarms coming and going at a given rate."""

from __future__ import annotations

import argparse
import asyncio
import itertools
from dataclasses import replace
from pathlib import Path

from tests.fakes.zoneminder import FakeZoneMinder, User, World, by_version


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.zoneminder", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--monitors", type=int, default=4)
    parser.add_argument("--version", default="1.36.33")
    parser.add_argument("--shm-dir", type=Path, help="write zm.mmap.* files here")
    parser.add_argument("--rate", type=float, default=0.0, help="alarms begun per second, each lasting --hold seconds")
    parser.add_argument("--hold", type=float, default=2.0)
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password", default="admin")
    parser.add_argument("--no-auth", action="store_true")
    return parser.parse_args()


async def _beat(world: World) -> None:
    while True:
        world.beat()
        await asyncio.sleep(1)


async def _alarms(world: World, rate: float, hold: float) -> None:
    loop = asyncio.get_running_loop()
    for number in itertools.cycle(world.monitors):
        world.alarm(number)
        loop.call_later(hold, world.calm, number)
        await asyncio.sleep(1 / rate)


async def main() -> None:
    """Serve until killed."""
    wanted = _arguments()
    if wanted.shm_dir is not None:
        wanted.shm_dir.mkdir(parents=True, exist_ok=True)
    personality = replace(by_version(wanted.version), auth=not wanted.no_auth)
    world = World(personality, monitors=wanted.monitors, shm_dir=wanted.shm_dir)
    fake = FakeZoneMinder(world, port=wanted.port, users={wanted.user: User(wanted.password)})
    async with fake, asyncio.TaskGroup() as tasks:
        print(fake.url, flush=True)  # noqa: T201 (the address is what a caller waits for)
        tasks.create_task(_beat(world))
        if wanted.rate > 0:
            tasks.create_task(_alarms(world, wanted.rate, wanted.hold))


if __name__ == "__main__":
    asyncio.run(main())
