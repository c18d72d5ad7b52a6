"""A fake ZoneMinder in a process of its own, which has recorded one long clip and gives it at the rate of a link."""

from __future__ import annotations

import argparse
import asyncio
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
    wanted = parser.parse_args()
    world = World(monitors=1)
    event = world.open_event(1, start=world.now() - timedelta(minutes=10), clip=wanted.clip)
    world.close_event(event.id)
    fake = FakeZoneMinder(world, users={"admin": User(PASSWORD)}, clip_bytes_per_s=wanted.mbit * 1e6 / 8)

    async def answer(do: str, _request: Json) -> Json | None:
        return {"url": fake.url, "event": event.id} if do == "where" else None

    async with fake:
        await serve(answer)


if __name__ == "__main__":
    asyncio.run(main())
