"""Frames for scripts: read once whoever looks, only while somebody takes them, and gone with who has asked."""

from __future__ import annotations

import asyncio
import io
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from tests.bridge.scripts.services.lab import Site, Worker, site, until
from tests.bridge.scripts.services.lying import Lying, Wrapped
from tests.fakes.clock import settle

from vms_bridge.errors import BodyInvalid, MediaBusy, MediaUnavailable, NotFound, VmsError
from vms_bridge.scripts.services import frames
from vms_bridge.scripts.services.frames import IDLE_S, MOST_EACH, MOST_OF_ALL, Frames
from vms_bridge.scripts.services.refusals import TooSlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from vms_bridge.backends.simulator.backend import Simulator
    from vms_bridge.clock import Clock
    from vms_bridge.hub import Hub
    from vms_bridge.scripts.services.table import Answered, ServiceRow


class House:
    """A site whose frames can be looked at."""

    frames: Frames
    archive: Lying
    site: Site

    def rows(self, hub: Hub, clock: Clock) -> Iterable[ServiceRow]:
        self.frames = Frames(hub, clock)
        return frames.rows(self.frames)

    def wrap(self, simulator: Simulator) -> Any:  # noqa: ANN401 - a backend
        self.archive = Lying(simulator.archive)
        return Wrapped(simulator, self.archive)

    async def open(self, worker: Worker, monitor: str = "1", rate: float = 10) -> str:
        return str((await self.site.ask(worker, "frames.open", monitor=monitor, rate=rate))["stream"])

    async def next(self, worker: Worker, stream: str, step_s: float = 0.01) -> Answered:
        """Return the next one, whose time goes on meanwhile."""
        asked = asyncio.create_task(self.site.asked(worker, "frames.next", stream=stream))
        while not asked.done():
            await asyncio.sleep(0.01)
            await self.site.clock.advance(step_s)
        return await asked

    @property
    def read(self) -> tuple[int, int]:
        """How many sources are read, for a while yet when nobody looks any more, and how many look at them."""
        return self.site.hub._live.numbers("sim")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path) as made:
        yield made


@asynccontextmanager
async def housed(tmp_path: Path) -> AsyncIterator[House]:
    made = House()
    async with site(tmp_path, made.rows, wrap=made.wrap) as made.site:
        running = asyncio.create_task(made.frames.run())
        await settle()
        yield made
        running.cancel()
        await asyncio.wait([running])
        await until(lambda: made.read[1] == 0)


async def test_decoded_pictures_come_as_jpegs_and_the_source_is_read_once(house: House) -> None:
    one, other = Worker(), Worker("other")
    stream, second = await house.open(one), await house.open(other)
    assert house.read == (0, 0)
    said = await house.next(one, stream)
    assert Image.open(io.BytesIO(said.data)).size == (said.words["width"], said.words["height"])
    assert (said.words["size"], said.words["type"]) == (len(said.data), "image/jpeg")
    assert (await house.next(one, stream)).words["time"] > said.words["time"]
    await house.next(other, second)
    assert house.read == (1, 2)
    await house.site.ask(one, "frames.close", stream=stream)
    await until(lambda: house.read == (1, 1))
    with pytest.raises(NotFound, match="there is no stream"):
        await house.next(one, stream)
    other.end()
    await until(lambda: house.read[1] == 0)
    one.end()
    assert house.frames.count == 0


async def test_who_takes_nothing_has_nothing_read(house: House) -> None:
    worker = Worker()
    stream = await house.open(worker)
    await house.next(worker, stream)
    assert house.read == (1, 1)
    await house.site.clock.advance(IDLE_S + 5)
    await until(lambda: house.read[1] == 0)
    assert (await house.next(worker, stream)).data[:3] == b"\xff\xd8\xff"
    worker.end()


async def test_pictures_that_come_one_by_one_come_as_they_are(house: House) -> None:
    house.archive.does = "no video"
    worker = Worker()
    said = await house.next(worker, await house.open(worker, rate=30))
    assert (said.data[:3], said.words["width"]) == (b"\xff\xd8\xff", None)
    worker.end()


async def test_streams_are_bounded_for_each_script_and_for_all(house: House) -> None:
    workers = [Worker(str(number)) for number in range(MOST_OF_ALL // MOST_EACH + 1)]
    for worker in workers[:-1]:
        for _ in range(MOST_EACH):
            await house.open(worker)
    for worker in (workers[0], workers[-1]):
        with pytest.raises(MediaBusy):
            await house.open(worker)
    workers[0].end()
    await house.open(workers[-1])
    for worker in workers:
        worker.end()
    assert house.frames.count == 0


async def test_a_worker_that_ends_while_it_waits(house: House) -> None:
    house.archive.does = "hang"
    worker = Worker()
    asked = asyncio.create_task(house.site.ask(worker, "frames.next", stream=await house.open(worker)))
    await settle()
    worker.end()
    with pytest.raises(NotFound, match="was closed"):
        await asked
    assert house.frames.count == 0


async def test_a_vms_that_is_away_or_hangs(house: House) -> None:
    worker = Worker()
    house.archive.does = "unreachable"
    with pytest.raises(VmsError):
        await house.next(worker, await house.open(worker))
    house.archive.does = "hang"
    with pytest.raises(TooSlow):
        await house.next(worker, await house.open(worker), step_s=1.0)
    house.archive.does = "answer"
    stream = await house.open(worker)
    await house.next(worker, stream)
    worker.end()


async def test_only_ones_own_streams_of_monitors_that_are_seen(house: House) -> None:
    one, other = Worker(), Worker()
    stream = await house.open(one)
    with pytest.raises(NotFound):
        await house.next(other, stream)
    await house.site.ask(other, "frames.close", stream=stream)
    assert house.frames.count == 1
    with pytest.raises(NotFound, match="there is no monitor"):
        await house.open(Worker().may(monitors=("sim/2",)))
    one.end()


@pytest.mark.parametrize("words", [{}, {"monitor": "1", "rate": 0}, {"monitor": "1", "rate": 31}, {"monitor": "1", "width": 1}])
async def test_bad_words(house: House, words: dict[str, Any]) -> None:
    with pytest.raises(BodyInvalid):
        await house.site.ask(Worker(), "frames.open", **words)


async def test_nothing_is_read_where_nobody_runs_it(tmp_path: Path) -> None:
    made, worker = House(), Worker()
    async with site(tmp_path, made.rows, wrap=made.wrap) as made.site:
        with pytest.raises(MediaUnavailable, match="no live video can be looked at yet"):
            await made.next(worker, await made.open(worker))
        worker.end()
