"""Events by the library on a real ZoneMinder 1.36: found, read, changed, fetched and deleted."""

from __future__ import annotations

import asyncio
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from vms_bridge.errors import CommandRejected, MediaUnavailable, UnsupportedCommand
from vms_bridge.zoneminder import EventRow, FilterRefused, NotThere
from vms_bridge.zoneminder import ZoneMinder as Library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.zoneminder import ZoneMinder

TEXT = "Tür / \"Ost\" & 'West' <1> %41 100% a+b\\ detected:person:97%"


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def zm(zoneminder: ZoneMinder) -> AsyncIterator[Library]:
    """The library, logged in."""
    async with Library(zoneminder.url, zoneminder.username, zoneminder.password) as zm:
        yield zm


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def events(zm: Library, zoneminder: ZoneMinder) -> list[EventRow]:
    """Three events of an alarm that was forced, the oldest first, which have ended."""
    found: list[EventRow] = []
    for _ in range(3):
        await zoneminder.force_alarm(1, on=True)
        await asyncio.sleep(2)
        await zoneminder.force_alarm(1, on=False)
        found.append(await _ended(zm, known={row.id for row in found}))
    return found


async def _ended(zm: Library, known: set[int]) -> EventRow:
    began = datetime.now(UTC) - timedelta(seconds=15)
    async with asyncio.timeout(60):
        while True:
            async for row in zm.events(monitor=1, cause="Forced", since=began):
                if row.end is not None and row.video and row.id not in known:
                    return row
            await asyncio.sleep(0.5)


async def test_they_are_found_in_every_way(zm: Library, events: list[EventRow]) -> None:
    ids = [row.id for row in events]
    of_monitor = zm.events(monitor="Front Door", since="10 minutes ago", newest_first=False)
    assert set(ids) <= {row.id for row in await of_monitor.list()}
    assert await of_monitor.count() == len(await of_monitor.list())
    assert [row.id for row in await zm.events(event_id=ids, newest_first=False).list()] == ids
    first, last = events[0], events[-1]
    within = zm.events(monitor=1, since=first.start, until=last.start, event_id=ids)
    assert [row.id for row in await within.list()] == ids[1::-1]
    assert await within.count() == 2
    assert await zm.events(event_id=ids, min_score=(last.max_score or 0) + 1).count() == 0
    assert await zm.events(event_id=ids, min_score=1, min_alarm_frames=1, min_length_s=0.5, archived=False).count() == 3
    assert await zm.events(event_id=ids, cause="forced", raw=[("Frames >", "1")]).count() == 3
    assert await zm.events(event_id=ids, cause=re.compile("^Motion")).count() == 0
    assert await zm.events(event_id=ids, during="yesterday").count() == 0
    with pytest.raises(FilterRefused, match="there is no monitor"):
        await zm.events(monitor="No Such Door").list()
    with pytest.raises(UnsupportedCommand, match="has no tags"):
        await zm.events(tag="cat").list()


async def test_a_row_has_all_of_its_columns(zm: Library, zoneminder: ZoneMinder, events: list[EventRow]) -> None:
    row = await zm.events.get(events[0].id)
    columns = "StorageId, Scheme, TotScore, AvgScore, MaxScore, Frames, AlarmFrames, DefaultVideo, Width, Height"
    [told] = await zoneminder.sql(f"SELECT {columns} FROM Events WHERE Id = {row.id}")  # noqa: S608 (numbers)
    scores = (row.total_score, row.average_score, row.max_score, row.frames, row.alarm_frames)
    assert [row.storage_id, row.scheme, *scores, row.video, row.width, row.height] == [
        *told[:2], int(told[2]), float(told[3]), int(told[4]), int(told[5]), int(told[6]), told[7], int(told[8]), int(told[9]),
    ]  # fmt: skip
    assert row.name == f"Event-{row.id}"
    assert row.end is not None
    assert row.end > row.start
    frames = await zm.events.frames(row)
    assert frames[0].number == 1
    assert max(frame.score for frame in frames) == row.max_score
    assert "Alarm" in {frame.kind for frame in frames}
    path = await zm.events.path(row)
    assert Path(path).name == str(row.id)
    assert (path / row.video).name == row.video


async def test_they_are_changed(zm: Library, events: list[EventRow]) -> None:
    event = events[0]
    assert (await zm.events.note(event, TEXT)).notes == TEXT
    assert [row.id for row in await zm.events(notes="tür / \"ost\" & 'west' <1> %41", since="1 hour ago").list()] == [event.id]
    assert [row.id for row in await zm.events(object_only=True, label="Person", since="1 hour ago").list()] == [event.id]
    changed = await zm.events.edit(event, name="Post / 100 %", cause="Postman", archived=True, locked=True)
    assert (changed.name, changed.cause, changed.archived, changed.locked) == ("Post / 100 %", "Postman", True, True)
    assert (await zm.events.lock(event, on=False)).locked is False
    assert [row.id for row in await zm.events(archived=True, name="post", since="1 hour ago").list()] == [event.id]
    with pytest.raises(CommandRejected, match="is archived"):
        await zm.events.delete(event)
    assert (await zm.events.archive(event, on=False)).archived is False


async def test_pictures_and_videos_come(zm: Library, events: list[EventRow], tmp_path: Path) -> None:
    event = events[1]
    for fid in ("snapshot", "alarm", 1, event.frames or 1):
        assert (await zm.events.image(event, fid)).startswith(b"\xff\xd8\xff")
    with pytest.raises(MediaUnavailable):
        await zm.events.image(event, "objdetect")
    size = await zm.events.save_video(event, tmp_path / "a.mp4")
    whole = (tmp_path / "a.mp4").read_bytes()
    assert len(whole) == size
    assert whole[4:8] == b"ftyp"
    for left_over in (whole[: size // 2], whole, whole + b"x" * 100_000, b"y" * (size // 2)):
        (tmp_path / f".b.mp4.{event.id}.part").write_bytes(left_over)
        assert await zm.events.save_video(event, tmp_path / "b.mp4") == size
        assert (tmp_path / "b.mp4").read_bytes() == whole
    taken = io.BytesIO()
    assert await zm.events.save_video(event, taken) == size
    assert taken.getvalue() == whole
    outcome = await zm.events.download_many(zm.events(event_id=[row.id for row in events]), tmp_path / "all")
    assert (outcome.done, outcome.failed) == (3, 0)


async def test_they_are_deleted(zm: Library, zoneminder: ZoneMinder, events: list[EventRow]) -> None:
    first, *others = [row.id for row in events]
    await zm.events.delete(first)
    with pytest.raises(NotThere):
        await zm.events.get(first)
    asked = zm.events(event_id=[first, *others])
    dry = await zm.events.delete_many(asked, dry_run=True)
    assert (dry.done, dry.total) == (2, 2)
    assert (await zm.events.delete_many(asked)).done == 2
    assert await asked.count() == 0
    [[count]] = await zoneminder.sql(f"SELECT COUNT(*) FROM Events WHERE Id IN ({first}, {others[0]}, {others[1]})")  # noqa: S608 (numbers)
    assert count == "0"
