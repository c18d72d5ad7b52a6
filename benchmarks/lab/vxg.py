"""A simulated VXG in a process of its own, which stamps what it does; also the parent's side of it."""

from __future__ import annotations

import argparse
import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.fakes.vxg import FakeVxg

from benchmarks.lab.remote import Child, Json, serve
from benchmarks.lab.zoneminder import noise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Asked(NamedTuple):
    """What it was asked since it was started; `most_at_once` and `most_connections` since that was read last."""

    api: int
    media: int
    most_at_once: int
    most_connections: int


class FakeProcess:
    """The parent's side."""

    def __init__(self, child: Child, url: str, token: str) -> None:
        self._child, self.url, self.token = child, url, token

    async def happen(self, channel: int) -> tuple[int, int]:
        """Add an event's row, with its picture, which is listed from now on; return when, and its id."""
        answer = await self._child.ask("happen", channel=channel)
        return int(answer["at"]), int(answer["event"])

    async def asked(self) -> Asked:
        """Return how much it was asked."""
        return Asked(**await self._child.ask("asked"))

    async def slow(self, seconds: float) -> None:
        """Have each answer take so long from now on."""
        await self._child.ask("slow", seconds=seconds)

    async def film(self, channels: int, period_s: float | None) -> None:
        """Have it make pictures of the first so many channels, or none."""
        await self._child.ask("film", channels=channels, period_s=period_s)


@asynccontextmanager
async def fake_vxg(channels: int) -> AsyncIterator[FakeProcess]:
    """Run one with a group of so many channels, named `Camera 1` and on, from number 101 on."""
    async with Child("benchmarks.lab.vxg", "--channels", channels) as child:
        said = await child.ask("where")
        yield FakeProcess(child, str(said["url"]), str(said["token"]))


class Fake:
    """Does what the parent asks."""

    def __init__(self, fake: FakeVxg) -> None:
        self._fake = fake
        self._most_connections = 0
        fake.between = self._note

    async def answer(self, do: str, request: Json) -> Json | None:
        """Do what the parent asks, and stamp it."""
        fake = self._fake
        match do:
            case "where":
                return {"url": fake.url, "token": fake.group_token()}
            case "happen":
                made = fake.world.happen(request["channel"])
                return {"at": time.monotonic_ns(), "event": made.id}
            case "film":
                for number in list(fake.world.channels)[: request["channels"]]:
                    fake.world.set_period(fake.world.channels[number], request["period_s"])
                return None
            case "slow":
                fake.latency_s = request["seconds"]
                return None
            case "asked":
                most, fake.most_at_once = fake.most_at_once, fake.at_once
                connections, self._most_connections = self._most_connections, fake.connections
                return {
                    "api": fake.count.total(),
                    "media": fake.media.served,
                    "most_at_once": most,
                    "most_connections": connections,
                }
        raise ValueError(do)

    def _note(self, _method: str, _path: str) -> None:
        self._most_connections = max(self._most_connections, self._fake.connections)


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", type=int, required=True)
    wanted = parser.parse_args()
    async with FakeVxg(channels=wanted.channels) as fake:
        fake.world.images_delay_s = 0.0
        picture = noise()
        fake.media.picture = lambda _path: picture
        await serve(Fake(fake).answer)


if __name__ == "__main__":
    asyncio.run(main())
