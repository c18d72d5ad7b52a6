"""A fake ZoneMinder in a process of its own, which stamps what it does; also the parent's side of it.

Its cameras write into their shared memory at every frame what zmc writes there: the index of the picture always,
heartbeat and time of the picture each second, the rates once in a while.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import struct
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from tests.fakes.zoneminder import FakeZoneMinder, World, by_version

from benchmarks.lab.remote import Child, Json, serve
from benchmarks.lab.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from typing import Protocol

    from benchmarks.lab.remote import Cost

    class Asked(Protocol):
        """Who does what it is asked: a child, or in tests its inside."""

        @property
        def cost(self) -> Cost:
            """What it costs from now on."""

        async def ask(self, do: str, **arguments: object) -> Json:
            """Do it, and return the answer."""


_PARTS = 10
_RATES_EVERY_S = 5.0
_LAST_WRITE_INDEX = 4
"""Offset of what changes with every picture: src/zm_monitor.h, SharedData.last_write_index, in every release."""


class FakeProcess:
    """The parent's side."""

    def __init__(self, child: Asked, url: str, shared_memory: Path) -> None:
        self._child, self.url, self.shared_memory = child, url, shared_memory

    async def alarm(self, monitor: int) -> int:
        """Let something move; return when, in monotonic ns."""
        return int((await self._child.ask("alarm", monitor=monitor))["at"])

    async def calm(self, monitor: int) -> int:
        """Let nothing move any more; return when."""
        return int((await self._child.ask("calm", monitor=monitor))["at"])

    async def open_event(self, monitor: int) -> tuple[int, int]:
        """Add a row for an event that begins, and nothing in the shared memory; return when, and its id."""
        answer = await self._child.ask("open_event", monitor=monitor)
        return int(answer["at"]), int(answer["event"])

    async def traffic(self, changes: float, seconds: float, lasts_s: float) -> Json:
        """Cause that many changes of state a second, each alarm with an event; return the stamps (`traffic.Traffic`)."""
        return await self._child.ask("traffic", changes=changes, seconds=seconds, lasts_s=lasts_s)

    @property
    def cost(self) -> Cost:
        """What the fake costs from now on."""
        return self._child.cost

    async def requests(self) -> int:
        """Return how many calls of its API it has had; pictures are none."""
        return int((await self._child.ask("requests"))["count"])


@asynccontextmanager
async def fake_zoneminder(
    folder: Path, monitors: int, *, fps: float = 10.0, alarm_delay_s: float = 0.0, events: int = 0, function: str = "Modect"
) -> AsyncIterator[FakeProcess]:
    """Run a fake without authentication; a forced alarm takes it that long, as the next frame takes a real one.

    It has recorded so many events before. In `function` Mocord an alarm makes no event of its own.
    """
    shared_memory = folder / "shm"
    shared_memory.mkdir(parents=True, exist_ok=True)
    options = ("--monitors", monitors, "--shm-dir", shared_memory, "--fps", fps, "--alarm-delay", alarm_delay_s)
    async with Child("benchmarks.lab.zoneminder", *options, "--events", events, "--function", function) as child:
        url = str((await child.ask("url"))["url"])
        yield FakeProcess(child, url, shared_memory)


def record(world: World, events: int, until: datetime) -> None:
    """Have so many events recorded before that time, one a minute."""
    for number in range(events):
        start = (until - timedelta(minutes=events - number)).replace(microsecond=0)
        monitor = 1 + number % len(world.monitors)
        world.open_event(monitor, start=start, end=start + timedelta(seconds=20), length=20.0, frames=100, alarm_frames=40)


class Cameras:
    """Writes all cameras' frames, a tenth of the cameras at a time."""

    def __init__(self, world: World, fps: float) -> None:
        self._world, self._fps = world, fps
        self._index = 0

    async def run(self) -> None:
        """Deliver pictures until cancelled."""
        loop = asyncio.get_running_loop()
        numbers = list(self._world.memories)
        due = loop.time()
        for step in itertools.count():
            for number in numbers[step % _PARTS :: _PARTS]:
                self.picture(number, step)
            due = max(due + 1 / (self._fps * _PARTS), loop.time())
            await asyncio.sleep(due - loop.time())

    def picture(self, number: int, step: int) -> None:
        """Deliver one picture."""
        writer = self._world.memories[number]
        self._index += 1
        writer.overwrite(struct.pack("<i", self._index % 50), _LAST_WRITE_INDEX)
        now = int(time.time())
        if writer.values["last_write"] != now:
            writer.beat(now)
        if (step // _PARTS + number) % int(self._fps * _RATES_EVERY_S) == 0:
            measured = self._fps + 0.2 * ((step + number) % 3 - 1)
            writer.set(capture_fps=measured, analysis_fps=measured)


class Fake:
    """Does what the parent asks."""

    def __init__(self, server: FakeZoneMinder) -> None:
        self._server, self._world = server, server.world
        self._traffic = Traffic(server.world)

    async def answer(self, do: str, request: Json) -> Json | None:
        """Do what the parent asks, and stamp it."""
        world = self._world
        match do:
            case "url":
                return {"url": self._server.url}
            case "requests":
                return {"count": len(self._server.requests)}
            case "alarm":
                at = time.monotonic_ns()
                world.alarm(request["monitor"])
                return {"at": at}
            case "calm":
                at = time.monotonic_ns()
                world.calm(request["monitor"])
                return {"at": at}
            case "open_event":
                at = time.monotonic_ns()
                return {"at": at, "event": world.open_event(request["monitor"]).id}
            case "traffic":
                return dict(await self._traffic.run(**request))
        raise ValueError(do)


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--monitors", type=int, required=True)
    parser.add_argument("--shm-dir", type=Path, required=True)
    parser.add_argument("--fps", type=float, required=True)
    parser.add_argument("--alarm-delay", type=float, required=True)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--function", default="Modect")
    wanted = parser.parse_args()
    personality = replace(by_version("1.36.33"), auth=False)
    world = World(personality, monitors=wanted.monitors, shm_dir=wanted.shm_dir)
    world.alarm_delay_s = wanted.alarm_delay
    record(world, wanted.events, world.now())
    for number in world.monitors:
        world.set_function(number, wanted.function)
    async with FakeZoneMinder(world, picture=noise(), film_every_s=1 / wanted.fps) as server:
        pictures = asyncio.create_task(Cameras(world, wanted.fps).run())
        try:
            await serve(Fake(server).answer)
        finally:
            pictures.cancel()
            await asyncio.gather(pictures, return_exceptions=True)


def noise() -> bytes:
    """Return a JPEG of some 640 x 480 pixels that takes as long to read as one of a camera."""
    picture = io.BytesIO()
    Image.effect_noise((640, 480), 20).save(picture, "JPEG", quality=60)
    return picture.getvalue()


if __name__ == "__main__":
    asyncio.run(main())
