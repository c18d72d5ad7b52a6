"""Where clips wait: shared, bounded, emptied, and never left behind."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.fakes.clock import FakeClock

from vms_bridge.archive import ByteRange, ClipContent
from vms_bridge.clips.spool import ABANDONED_S, FAILED_S, KEEP_FREE_BYTES, MAKE_S, MOST_AT_ONCE, MOST_UNDER_WAY, SWEEP_S, Spool
from vms_bridge.errors import BridgeError, ClipRefused, MediaBusy, MediaUnavailable, NoRoom, NoSuchPart, VmsUnreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from vms_bridge.clips.spool import SpooledClip, Workplace

KEPT_S = 600.0
DATA = bytes(range(256)) * 20


def content(length: int) -> ClipContent:
    return ClipContent(
        version="v",
        length=length,
        parts=(),
        gaps=(),
        duration_s=1.0,
        codec="h264",
        width=160,
        height=120,
        is_encoded=False,
        is_settled=True,
    )


class Maker:
    """Makes clips as a test says."""

    def __init__(self, data: bytes = DATA) -> None:
        self.data, self.times = data, 0
        self.goes = asyncio.Event()
        self.goes.set()
        self.error: Exception | None = None
        self.was_cancelled = False

    async def __call__(self, place: Workplace) -> ClipContent:
        await place.append(place.folder / "part-0", b"raw" * 100)
        self.times += 1
        try:
            await self.goes.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        if self.error is not None:
            raise self.error
        await place.append(place.clip, self.data)
        assert await place.settle() == len(self.data)
        return content(len(self.data))


class House:
    def __init__(self, folder: Path, clock: FakeClock, most_bytes: int, free_bytes: int) -> None:
        self.folder, self.clock = folder, clock
        self.spool = Spool(folder, clock, most_bytes=most_bytes, kept_s=KEPT_S, free_bytes=free_bytes)

    async def get(self, key: str, make: Callable[[Workplace], Awaitable[ClipContent]]) -> bytes:
        async with self.spool.hold(key, make) as made:
            return await read(made)

    def folders(self) -> list[str]:
        return sorted(os.listdir(self.folder))  # noqa: PTH208 - names

    async def until(self, holds: Callable[[], object]) -> None:
        while not await asyncio.to_thread(holds):
            await self.clock.advance(0)
            await asyncio.sleep(0.001)


@asynccontextmanager
async def opened(tmp_path: Path, *, most_bytes: int = 1_000_000, free_bytes: int = KEEP_FREE_BYTES) -> AsyncIterator[House]:
    house = House(tmp_path / "clips", FakeClock(), most_bytes, free_bytes)
    running = asyncio.create_task(house.spool.run())
    await house.until(lambda: house.clock.sleeping)
    try:
        yield house
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert [task for task in asyncio.all_tasks() if task.get_name().startswith("clips:")] == []


async def read(made: SpooledClip, part: ByteRange | None = None) -> bytes:
    async with made.open(part) as media:
        return b"".join([piece async for piece in media.pieces()])


async def test_it_is_for_the_bridge_alone_and_begins_empty(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    (folder / "7").mkdir(parents=True)
    (folder / "7" / "clip.mp4").write_bytes(b"old")
    (folder / "stray").write_bytes(b"old")
    (folder / "link").symlink_to(tmp_path)
    folder.chmod(0o755)
    async with opened(tmp_path) as house:
        assert house.folders() == []
        assert folder.stat().st_mode & 0o777 == 0o700
    assert await asyncio.to_thread(tmp_path.is_dir)


async def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine")
    (tmp_path / "clips").symlink_to(elsewhere)
    async with opened(tmp_path) as house:
        with pytest.raises(MediaUnavailable, match="can be made yet"):
            await house.get("a", Maker())
        assert (elsewhere / "mine").read_text() == "mine"
        (tmp_path / "clips").unlink()
        await house.clock.advance(30)
        await house.until(lambda: (tmp_path / "clips").is_dir() and house.clock.sleeping)
        assert await house.get("a", Maker()) == DATA


async def test_who_asks_for_the_same_shares_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        make = Maker()
        make.goes.clear()
        asking = [asyncio.create_task(house.get("a", make)) for _ in range(5)]
        await house.until(lambda: make.times)
        make.goes.set()
        assert await asyncio.gather(*asking) == [DATA] * 5
        assert await house.get("a", make) == DATA
        assert make.times == 1
        assert house.spool.used_bytes == len(DATA)
        assert sorted(os.listdir(house.folder / "1")) == ["clip.mp4"]  # noqa: PTH208 - names


@pytest.mark.parametrize(("part", "first", "last"), [((0, None), 0, 5119), ((10, 19), 10, 19), ((5119, 9999), 5119, 5119)])
async def test_parts(tmp_path: Path, part: tuple[int, int | None], first: int, last: int) -> None:
    async with opened(tmp_path) as house, house.spool.hold("a", Maker()) as made:
        assert await read(made, ByteRange(first=part[0], last=part[1])) == DATA[first : last + 1]
        with pytest.raises(NoSuchPart):
            await read(made, ByteRange(first=5120))


async def test_what_is_deleted_by_another_ends_and_is_no_half_clip(tmp_path: Path) -> None:
    async with opened(tmp_path) as house, house.spool.hold("a", Maker()) as made:
        (house.folder / "1" / "clip.mp4").unlink()
        with pytest.raises(MediaUnavailable, match="not there any more"):
            await read(made)


async def test_it_is_kept_for_a_while_and_as_long_as_somebody_reads_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        make = Maker()
        async with house.spool.hold("a", make) as made:
            await house.clock.advance(KEPT_S * 2)
            assert await read(made) == DATA
        await house.clock.advance(SWEEP_S)
        await house.until(lambda: not house.folders())
        await house.until(lambda: house.spool.used_bytes == 0)
        assert await house.get("a", make) == DATA
        assert make.times == 2


async def test_room_is_made_of_those_that_nobody_reads_the_oldest_first(tmp_path: Path) -> None:
    async with opened(tmp_path, most_bytes=3 * len(DATA)) as house:
        for key in ("a", "b"):
            await house.get(key, Maker())
            await house.clock.advance(1)
        make = Maker()
        async with house.spool.hold("a", make):
            await house.get("c", Maker())
            await house.get("d", Maker())
            await house.until(lambda: house.folders() == ["1", "4"])
            with pytest.raises(NoRoom, match="no room for this one"):
                await house.get("e", Maker(DATA * 3))
        assert make.times == 0
        await house.until(lambda: house.spool.used_bytes <= 2 * len(DATA))


async def test_only_so_many_are_made_at_a_time_and_wait(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        make = Maker()
        make.goes.clear()
        asking = [asyncio.create_task(house.get(str(number), make)) for number in range(MOST_UNDER_WAY)]
        await house.until(lambda: make.times == MOST_AT_ONCE)
        await house.until(lambda: house.spool.clips == MOST_UNDER_WAY)
        with pytest.raises(MediaBusy):
            await house.get("one more", make)
        make.goes.set()
        assert await asyncio.gather(*asking) == [DATA] * MOST_UNDER_WAY


async def test_a_making_that_nobody_waits_for_ends_after_a_while(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        make = Maker()
        make.goes.clear()
        asking = asyncio.create_task(house.get("a", make))
        await house.until(lambda: make.times)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await house.clock.advance(ABANDONED_S / 2)
        assert not make.was_cancelled
        await house.clock.advance(ABANDONED_S)
        await house.until(lambda: make.was_cancelled)
        await house.until(lambda: not house.folders())
        make.goes.set()
        assert await house.get("a", make) == DATA


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (VmsUnreachable("nobody is there"), VmsUnreachable),
        (OSError(28, "No space left on device"), NoRoom),
        (ZeroDivisionError("a defect"), BridgeError),
    ],
)
async def test_a_failure_is_told_and_tried_again_later(tmp_path: Path, error: Exception, told: type[BridgeError]) -> None:
    async with opened(tmp_path) as house:
        make = Maker()
        make.error = error
        for _ in range(2):
            with pytest.raises(told):
                await house.get("a", make)
        assert make.times == 1
        assert house.folders() == []
        assert house.spool.used_bytes == 0
        make.error = None
        await house.clock.advance(FAILED_S + SWEEP_S)
        assert await house.get("a", make) == DATA


async def test_one_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        make = Maker()
        make.goes.clear()
        asking = asyncio.create_task(house.get("a", make))
        await house.until(lambda: make.times)
        await house.clock.advance(MAKE_S)
        with pytest.raises(ClipRefused, match="within 600 s"):
            await asking


async def test_an_end_lets_everybody_go(tmp_path: Path) -> None:
    make = Maker()
    make.goes.clear()
    async with opened(tmp_path) as house:
        asking = [asyncio.create_task(house.get(key, make)) for key in ("a", "a", "b", "c", "d")]
        await house.until(lambda: make.times == MOST_AT_ONCE)
    for outcome in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(outcome, MediaUnavailable)
    with pytest.raises(MediaUnavailable, match="or no more"):
        await house.get("a", make)


async def test_a_disk_that_is_nearly_full_is_left_to_others(tmp_path: Path) -> None:
    async with opened(tmp_path, free_bytes=1 << 62) as house:
        with pytest.raises(NoRoom, match="too little room"):
            await house.get("a", Maker())
