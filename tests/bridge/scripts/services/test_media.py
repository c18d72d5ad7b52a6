"""Handles of pictures and clips: how many, how large, for how long, and that nothing of them is left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.scripts.services.lab import Worker, until
from tests.fakes.clock import FakeClock, settle

from vms_bridge.errors import BodyInvalid, BodyTooLarge, NoRoom, NotFound, VmsUnreachable
from vms_bridge.scripts.services import handles
from vms_bridge.scripts.services.exports import Exports
from vms_bridge.scripts.services.media import Media, MediaLimits, Medium
from vms_bridge.scripts.services.table import Services
from vms_bridge.scripts.wire import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SMALL = MediaLimits(each=3, each_bytes=1_000, all=5, all_bytes=1_500, in_memory_bytes=100, free_bytes=0)


@pytest.fixture
def media(tmp_path: Path) -> Media:
    return Media(FakeClock(), tmp_path / "spool", SMALL)


async def add(media: Media, worker: Worker, content: bytes | AsyncIterator[bytes] = b"picture") -> Medium:
    return await media.add(worker, "image/jpeg", "front.jpg", content)


def files() -> int:
    """Return how many files of spools this process has open."""
    return sum("spool" in _target(each) for each in Path("/proc/self/fd").iterdir())


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # it was that of the listing itself
        return ""


async def test_a_small_one_is_in_memory_and_a_large_one_in_a_file_without_a_name(media: Media, tmp_path: Path) -> None:
    worker = Worker()
    small, large = await add(media, worker, b"s" * 100), await add(media, worker, bytes(range(200)))
    assert [await each.read(50, 20) for each in (small, large)] == [b"s" * 20, bytes(range(50, 70))]
    assert b"".join([piece async for piece in large.chunks()]) == bytes(range(200))
    assert list((tmp_path / "spool").iterdir()) == []
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert (media.count, media.taken_bytes, files()) == (2, 300, 1)
    worker.end()
    assert (media.count, media.taken_bytes, files()) == (0, 0, 0)


async def test_a_handle_is_read_as_it_is_sent_elsewhere_until_it_is_gone(media: Media) -> None:
    worker = Worker()
    medium = await add(media, worker, bytes(200))
    async with media.open(worker, medium.id) as opened:
        assert (opened.size, opened.type, opened.name) == (200, "image/jpeg", "front.jpg")
        assert b"".join([piece async for piece in opened.chunks()]) == bytes(200)
        worker.end()
        with pytest.raises(NotFound, match="is gone"):
            await opened.read(0, 10)
        with pytest.raises(NotFound, match="is gone"):
            opened.copy()


async def test_pieces_are_put_together_wherever_they_are_cut(media: Media) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for number in range(30):
            yield bytes([number]) * 7

    worker = Worker()
    medium = await add(media, worker, pieces())
    assert await medium.read(0, 1_000) == b"".join(bytes([number]) * 7 for number in range(30))
    worker.end()


async def test_the_oldest_of_the_same_script_makes_room(media: Media) -> None:
    one, other = Worker(), Worker("other")
    kept = await add(media, other)
    got = [await add(media, one) for _ in range(3)]
    media.get(one, got[0].id)
    await add(media, one)
    assert media.get(one, got[0].id) is got[0]
    with pytest.raises(NotFound, match="there is no picture or clip") as refusal:
        media.get(one, got[1].id)
    assert "3 at a time" in refusal.value.hint
    await add(media, one, b"x" * 990)
    assert media.get(one, got[0].id) is got[0]
    assert (media.count, media.taken_bytes) == (3, 7 + 990 + 7)
    assert media.get(other, kept.id) is kept
    for worker in (one, other):
        worker.end()


async def test_handles_are_a_workers_own(media: Media) -> None:
    one, other = Worker(), Worker()
    medium = await add(media, one)
    with pytest.raises(NotFound):
        media.get(other, medium.id)
    media.drop(other, medium.id)
    media.drop(one, "m99")
    assert media.get(one, medium.id) is medium
    media.drop(one, medium.id)
    with pytest.raises(NotFound):
        media.get(one, medium.id)
    one.end()


async def test_one_script_has_so_much_and_all_together_so_much(media: Media) -> None:
    one, other, third = Worker("one"), Worker("two"), Worker("three")
    with pytest.raises(BodyTooLarge, match="a script has"):
        await add(media, one, b"x" * 1_001)
    assert media.taken_bytes == 0
    await add(media, one, b"x" * 1_000)
    with pytest.raises(NoRoom, match="all scripts together"):
        await add(media, other, b"x" * 501)
    for _ in range(3):
        await add(media, other)
    await add(media, third)
    with pytest.raises(NoRoom, match="too many pictures and clips"):
        await add(media, Worker("four"))
    for worker in (one, other, third):
        worker.end()
    assert (media.count, media.taken_bytes, files()) == (0, 0, 0)


async def test_what_nobody_uses_goes_after_a_while(tmp_path: Path) -> None:
    clock, worker = FakeClock(), Worker()
    media = Media(clock, tmp_path / "spool", SMALL)
    running = asyncio.create_task(media.run())
    first, second = await add(media, worker), await add(media, worker, b"y" * 300)
    await clock.advance(600)
    assert media.get(worker, second.id) is second
    await clock.advance(400)
    with pytest.raises(NotFound):
        media.get(worker, first.id)
    await clock.advance(600)
    assert (media.count, files()) == (0, 0)
    running.cancel()


async def test_what_breaks_off_gives_its_room_back(media: Media) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 400
        raise VmsUnreachable("gone")

    worker = Worker()
    with pytest.raises(VmsUnreachable):
        await add(media, worker, broken())
    assert (media.count, media.taken_bytes, files()) == (0, 0, 0)


async def test_a_worker_that_ends_while_it_gets_one_has_nothing(media: Media) -> None:
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * 400
        await go_on.wait()
        yield b"x"

    worker = Worker()
    cancelled, finished = (asyncio.create_task(add(media, each, slow())) for each in (worker, worker))
    await until(lambda: files() == 2)
    worker.end()
    cancelled.cancel()
    go_on.set()
    with pytest.raises(NotFound, match="has ended meanwhile"):
        await finished
    await asyncio.wait([cancelled])
    await settle()
    assert (media.count, media.taken_bytes, files()) == (0, 0, 0)


async def test_a_worker_that_has_ended_already_holds_nothing(media: Media) -> None:
    class Gone(Worker):
        def at_end(self, undo: Callable[[], None]) -> Callable[[], None]:
            undo()
            return lambda: None

    with pytest.raises(NotFound, match="has ended meanwhile"):
        await add(media, Gone(), b"x" * 400)
    assert (media.count, media.taken_bytes, files()) == (0, 0, 0)


async def test_a_folder_that_is_none_or_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    for name in ("file", "link"):
        worker = Worker()
        media = Media(FakeClock(), tmp_path / name, SMALL)
        with pytest.raises(NoRoom, match="can't be kept"):
            await add(media, worker, b"x" * 200)
        assert media.taken_bytes == 0


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    media = Media(FakeClock(), tmp_path / "spool", MediaLimits(in_memory_bytes=10, free_bytes=2**60))
    with pytest.raises(NoRoom, match="the disk is too full"):
        await add(media, Worker(), b"x" * 200)
    assert (media.taken_bytes, files()) == (0, 0)


async def test_parts_are_read_by_scripts(tmp_path: Path) -> None:
    clock, worker = FakeClock(), Worker()
    media = Media(clock, tmp_path / "spool")
    services = Services(handles.rows(media, Exports(None)), clock)
    content = bytes(1_000) + b"x" * MOST_BYTES
    medium = await add(media, worker, content)
    first = await services.answer(worker, "media.read", {"media": medium.id})
    assert (first.words, len(first.data)) == ({"size": len(content), "offset": 0}, MOST_BYTES)
    rest = await services.answer(worker, "media.read", {"media": medium.id, "offset": MOST_BYTES})
    assert rest.data == b"x" * 1_000
    assert (await services.answer(worker, "media.read", {"media": medium.id, "offset": 2 * MOST_BYTES})).data == b""
    await services.answer(worker, "media.drop", {"media": medium.id})
    with pytest.raises(NotFound):
        await services.answer(worker, "media.read", {"media": medium.id})
    for words in ({}, {"media": "m1", "offset": -1}, {"media": "m1", "size": MOST_BYTES + 1}, {"media": "x" * 50}, {"media": 1}):
        with pytest.raises(BodyInvalid):
            await services.answer(worker, "media.read", words)
    worker.end()
    assert files() == 0
