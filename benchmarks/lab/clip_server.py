"""A fake ZoneMinder in a process of its own, which has recorded long clips and gives them at the rate of a link."""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import timedelta
from pathlib import Path

from tests.fakes.zoneminder import FakeZoneMinder, User, World

from benchmarks.lab.remote import Json, serve

PASSWORD = "benchmark"  # noqa: S105 - of this fake only


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--mbit", type=float, required=True)
    parser.add_argument("--events", type=int, default=1)
    parser.add_argument("--lasts-s", type=float, default=0.0)
    parser.add_argument("--nice", type=int, default=0)
    wanted = parser.parse_args()
    os.nice(wanted.nice)
    world = World(monitors=1)
    begin = world.now().replace(microsecond=0) - timedelta(minutes=10)
    for number in range(wanted.events):
        event = world.open_event(1, start=begin + timedelta(seconds=number * wanted.lasts_s), clip=wanted.clip)
        world.close_event(event.id)
        if wanted.lasts_s:
            event.end, event.length = event.start + timedelta(seconds=wanted.lasts_s), wanted.lasts_s
    fake = FakeZoneMinder(world, users={"admin": User(PASSWORD)}, clip_bytes_per_s=wanted.mbit * 1e6 / 8)

    async def answer(do: str, _request: Json) -> Json | None:
        return {"url": fake.url, "event": event.id, "begin": begin.isoformat()} if do == "where" else None

    async with fake:
        await serve(answer)


if __name__ == "__main__":
    asyncio.run(main())
