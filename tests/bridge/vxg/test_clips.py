"""Clips of any length and recorded video: tasks, empty ranges, addresses that expire, and what breaks off."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.vxg.support import served

from vms_bridge.errors import ConfigError, MediaUnavailable, NoSuchPart, TimedOut
from vms_bridge.vxg import Clip, ClipEmpty, ClipFailed, MediaExpired, NotThere, Recording, WrongValue

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.vxg import FakeVxg


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def recorded(fake: FakeVxg, camid: int = 101, *, ago_min: float = 60, length_s: float = 600) -> datetime:
    start = fake.world.now() - minutes(ago_min)
    fake.world.record(camid, start, length_s)
    return start


def within(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_a_clip_is_made_waited_for_and_read(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        start = recorded(fake)
        told: list[str] = []
        clip = await vxg.clips.make(101, start, start + minutes(2), title="Gate", progress=lambda each: told.append(each.status))
        assert clip.is_done
        assert (clip.title, clip.duration_s, clip.camera_id) == ("Gate", 120, 101)
        assert told[0] == "pending"
        assert told[-1] == "done"
        amounts: list[tuple[int, int | None]] = []
        size = await vxg.clips.save(101, clip, tmp_path, lambda done, of: amounts.append((done, of)))
        assert size == fake.media.clip_bytes
        assert amounts[-1] == (size, size)
        (path,) = within(tmp_path)
        assert path.name == f"101-clip-{clip.id}.mp4"
        assert path.read_bytes() == fake.media.body_of(f"clip/{clip.id}")[0]
        assert not fake.media.refused
        await vxg.clips.delete(101, clip)
        with pytest.raises(NotThere):
            await vxg.clips.get(101, clip)
        with pytest.raises(NotThere):
            await vxg.clips.delete(101, clip)


async def test_a_clip_may_end_in_the_future() -> None:
    async with served() as (vxg, fake):
        now = fake.world.now()
        fake.world.record(101, now - minutes(1), 300)
        before = fake.clock.now()
        clip = await vxg.clips.make(101, now - minutes(1), now + minutes(1))
        assert clip.is_done
        assert fake.clock.now() - before >= minutes(1), "it waits for what is still to be recorded"


async def test_nothing_recorded_is_told_from_what_can_not_be_made() -> None:
    async with served() as (vxg, fake):
        empty = fake.world.now() - minutes(500)
        with pytest.raises(ClipEmpty, match="nothing is recorded of channel 101"):
            await vxg.clips.make(101, empty, empty + minutes(1))
        start = recorded(fake)
        failed = Clip(id=5, camera_id=101, status="error", start=start, end=start + minutes(1))
        with pytest.raises(ClipFailed, match="could not make clip 5") as caught:
            await vxg.clips.wait(101, failed)
        assert not isinstance(caught.value, ClipEmpty)


async def test_a_clip_that_never_comes_is_waited_for_as_long_as_it_may_take() -> None:
    async with served() as (vxg, fake):
        start = recorded(fake)
        fake.world.task_delay_s = 1e6
        before = fake.clock.now()
        with pytest.raises(TimedOut, match="not made yet"):
            await vxg.clips.make(101, start, start + minutes(1))
        assert timedelta(seconds=180) <= fake.clock.now() - before <= timedelta(seconds=300)


async def test_a_clip_that_was_deleted_meanwhile_is_told() -> None:
    async with served() as (vxg, fake):
        start = recorded(fake)
        clip = await vxg.clips.create(101, start, start + minutes(1), delete_at=fake.world.now() + timedelta(seconds=1))
        assert clip.delete_at is not None
        fake.world.task_delay_s = 30
        with pytest.raises(NotThere):
            await vxg.clips.wait(101, clip)


@pytest.mark.parametrize("seconds", [0.0, -5.0, 1e9])
async def test_a_clip_has_a_length_that_can_be_meant(seconds: float) -> None:
    async with served() as (vxg, fake):
        now = fake.world.now()
        with pytest.raises(WrongValue):
            await vxg.clips.create(101, now, now + timedelta(seconds=seconds))
        with pytest.raises(ValueError, match="needs a zone"):
            await vxg.clips.create(101, datetime(2026, 1, 1), datetime(2026, 1, 2))  # noqa: DTZ001
        assert not fake.world.clips


async def test_clips_are_listed_of_a_channel_and_of_all() -> None:
    async with served() as (vxg, fake):
        for number in (101, 101, 102):
            start = recorded(fake, number)
            await vxg.clips.create(number, start, start + minutes(1))
            await fake.clock.sleep(1)
        assert [clip.camera_id async for clip in vxg.clips.each()] == [102, 101, 101]
        assert [clip.camera_id async for clip in vxg.clips.each(101)] == [101, 101]
        assert len([clip async for clip in vxg.clips.each(limit=2)]) == 2


async def test_what_breaks_off_is_read_on(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        start = recorded(fake)
        clip = await vxg.clips.make(101, start, start + minutes(1))
        fake.media.cuts.extend([70_000, 90_000])
        assert await vxg.clips.save(101, clip, tmp_path / "a.mp4") == fake.media.clip_bytes
        assert (tmp_path / "a.mp4").read_bytes() == fake.media.body_of(f"clip/{clip.id}")[0]
        assert len(fake.media.requests) == 3


async def test_an_address_that_expires_on_the_way_is_read_anew(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        start = recorded(fake)
        clip = await vxg.clips.make(101, start, start + minutes(1))
        await fake.clock.sleep(fake.media.life_s + 1)
        assert await vxg.clips.save(101, clip, tmp_path / "a.mp4") == fake.media.clip_bytes
        bare = Clip(id=clip.id, camera_id=101, status="done")
        written = io.BytesIO()
        assert await vxg.clips.save(101, bare, written) == len(written.getvalue())


async def test_a_download_goes_on_where_an_earlier_one_was_killed(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        start = recorded(fake)
        clip = await vxg.clips.make(101, start, start + minutes(1))
        body = fake.media.body_of(f"clip/{clip.id}")[0] or b""
        (tmp_path / f".a.mp4.{clip.id}.part").write_bytes(body[:100_000])
        sizes: list[int] = []
        await vxg.clips.save(101, clip, tmp_path / "a.mp4", lambda done, _: sizes.append(done), resume=True)
        assert sizes[0] > 100_000
        assert (tmp_path / "a.mp4").read_bytes() == body


async def test_a_store_that_has_it_no_more_is_told(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        start = recorded(fake)
        clip = await vxg.clips.make(101, start, start + minutes(1))
        fake.media.clip_bytes = 0
        with pytest.raises(MediaUnavailable, match="VXG gave an empty clip"):
            await vxg.clips.save(101, clip, tmp_path / "a.mp4")
        assert not (tmp_path / "a.mp4").exists()


async def test_recorded_video_comes_in_pieces_each_once(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        start = recorded(fake, length_s=60 * 250)
        pieces = [piece async for piece in vxg.archive.each(101, start + timedelta(seconds=30), start + minutes(240))]
        assert [piece.start for piece in pieces] == [start + minutes(number) for number in range(240)]
        assert fake.count["GET /api/v4/storage/records/"] == 3
        assert [piece async for piece in vxg.archive.each(101, start - minutes(60), start - minutes(50))] == []
        assert await vxg.archive.save(101, pieces[0], tmp_path) == fake.media.clip_bytes
        await fake.clock.sleep(fake.media.life_s + 1)
        assert await vxg.archive.save(101, pieces[1], tmp_path, resume=True) == fake.media.clip_bytes
        assert len(within(tmp_path)) == 2
        with pytest.raises(MediaExpired):
            await vxg.archive.open(pieces[2])
        with pytest.raises(WrongValue):
            await anext(vxg.archive.each(101, start, start))


async def test_a_part_of_a_clip_is_read_as_a_stream() -> None:
    async with served() as (vxg, fake):
        start = recorded(fake)
        clip = await vxg.clips.make(101, start, start + minutes(1))
        body = fake.media.body_of(f"clip/{clip.id}")[0] or b""
        await fake.clock.sleep(fake.media.life_s + 1)
        for part, wanted in (((0, None), body), ((10, 19), body[10:20]), ((199_995, None), body[-5:])):
            stream = await vxg.clips.open(101, clip, part)
            read = b""
            while got := await stream.read():
                read += got
            stream.close()
            assert read == wanted
        with pytest.raises(NoSuchPart):
            await vxg.clips.open(101, clip, (500_000, None))


async def test_a_piece_is_read_as_a_stream() -> None:
    async with served() as (vxg, fake):
        start = recorded(fake)
        piece = await anext(vxg.archive.each(101, start, start + minutes(1)))
        for _ in range(6):
            stream = await vxg.archive.open(piece)
            read = 0
            while got := await stream.read():
                read += len(got)
            stream.close()
            stream.close()
            assert read == fake.media.clip_bytes
        gone = Recording(url=fake.media.signed("nothing/1"), camera_id=101, start=start)
        with pytest.raises(MediaUnavailable, match="HTTP 404"):
            await vxg.archive.open(gone)


async def test_when_there_is_recorded_video() -> None:
    async with served() as (vxg, fake):
        start = recorded(fake, length_s=120)
        spans = await vxg.archive.timeline(101, start - minutes(10), start + minutes(10))
        assert [(span.start, span.duration_s) for span in spans] == [(start, 60), (start + minutes(1), 60)]
        assert await vxg.archive.timeline(102, start, start + minutes(1)) == ()
        assert await vxg.archive.days(101) == tuple(sorted({each.start.date() for each in fake.world.records}))


async def test_a_recording_is_uploaded(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        (tmp_path / "a.mp4").write_bytes(b"video" * 100_000)
        sizes: list[int] = []
        time = datetime(2026, 11, 1, 12, tzinfo=UTC)
        await vxg.uploads.recording(101, tmp_path / "a.mp4", time, 30.0, lambda done, _: sizes.append(done))
        ((path, body),) = fake.media.uploads.items()
        assert (path, body) == ("upload/101/500000", b"video" * 100_000)
        assert sizes[-1] == 500_000
        assert [span.start for span in await vxg.archive.timeline(101, time, time + minutes(1))] == [time]
        await vxg.uploads.recording(101, tmp_path / "a.mp4", time + minutes(1), 0.2)
        assert (await vxg.archive.timeline(101, time + minutes(1), time + minutes(2)))[0].duration_s == 1
        assert not fake.media.refused
        with pytest.raises(ConfigError, match="can't be read"):
            await vxg.uploads.recording(101, tmp_path / "nothing.mp4", time, 30.0)
        (tmp_path / "empty.mp4").touch()
        with pytest.raises(WrongValue, match="is empty"):
            await vxg.uploads.recording(101, tmp_path / "empty.mp4", time, 30.0)
        with pytest.raises(WrongValue):
            await vxg.uploads.recording(101, tmp_path / "a.mp4", time, 0.0)
