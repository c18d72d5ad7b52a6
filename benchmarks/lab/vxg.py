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
    """What it was asked since it was started; what begins with `most` since that was read last."""

    api: int
    media: int
    most_at_once: int
    most_connections: int
    most_media_at_once: int
    most_media_connections: int


class FakeProcess:
    """The parent's side."""

    def __init__(self, child: Child, url: str, token: str) -> None:
        self._child, self.url, self.token = child, url, token

    async def happen(self, channel: int) -> tuple[int, int]:
        """Add an event's row, with its picture, which is listed from now on; return when, and its id."""
        answer = await self._child.ask("happen", channel=channel)
        return int(answer["at"]), int(answer["event"])

    async def burst(self, channels: int) -> tuple[int, list[int]]:
        """Add a row with its picture for each of the first so many channels; return when the first was there, and their ids."""
        answer = await self._child.ask("burst", channels=channels)
        return int(answer["at"]), list(answer["events"])

    async def listed(self, events: list[int]) -> list[int | None]:
        """Return when each of these was first in an answer, in monotonic ns."""
        return list((await self._child.ask("listed", events=events))["at"])

    async def asked(self) -> Asked:
        """Return how much it was asked."""
        return Asked(**await self._child.ask("asked"))

    async def slow(self, seconds: float) -> None:
        """Have each answer, and each picture, take so long from now on."""
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
        self._most_connections = self._most_media_connections = 0
        fake.between = self._note
        picture = noise()
        fake.media.picture = lambda _path: self._picture(picture)

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
            case "burst":
                at = time.monotonic_ns()
                rows = [fake.world.happen(number) for number in list(fake.world.channels)[: request["channels"]]]
                return {"at": at, "events": [row.id for row in rows]}
            case "listed":
                seconds = [fake.world.events[number].first_listed_s for number in request["events"]]
                return {"at": [None if each is None else round(each * 1e9) for each in seconds]}
            case "slow":
                fake.latency_s = fake.media.latency_s = request["seconds"]
            case "asked":
                return self._asked()
            case _:
                raise ValueError(do)
        return None

    def _asked(self) -> Json:
        fake = self._fake
        said = Asked(
            api=fake.count.total(),
            media=fake.media.served,
            most_at_once=fake.most_at_once,
            most_connections=self._most_connections,
            most_media_at_once=fake.media.most_at_once,
            most_media_connections=self._most_media_connections,
        )
        fake.most_at_once, fake.media.most_at_once = fake.at_once, fake.media.at_once
        self._most_connections, self._most_media_connections = fake.connections, fake.media.connections
        return said._asdict()

    def _note(self, _method: str, _path: str) -> None:
        self._most_connections = max(self._most_connections, self._fake.connections)

    def _picture(self, picture: bytes) -> bytes:
        self._most_media_connections = max(self._most_media_connections, self._fake.media.connections)
        return picture


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", type=int, required=True)
    wanted = parser.parse_args()
    async with FakeVxg(channels=wanted.channels) as fake:
        fake.world.images_delay_s = 0.0
        await serve(Fake(fake).answer)


if __name__ == "__main__":
    asyncio.run(main())
