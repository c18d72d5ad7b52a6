"""What a script that comes from pyzm asks of an event, by the names that docs/migrating.md gives it."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.zoneminder.support import library
from tests.fakes.zoneminder import World
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4, Personality

from vms_bridge.errors import MediaUnavailable
from vms_bridge.zoneminder import NotThere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.fakes.zoneminder import FakeZoneMinder

    from vms_bridge.zoneminder import ZoneMinder

JPEG = b"\xff\xd8"
versions = pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda each: each.version)


@asynccontextmanager
async def recorded(personality: Personality, *, events: int = 3) -> AsyncIterator[tuple[ZoneMinder, FakeZoneMinder]]:
    """Give a ZoneMinder that has recorded some events of 20 s, and watches no more."""
    world = World(personality, monitors=2)
    for _ in range(events):
        event = world.open_event(1, notes="detected:person:97% Motion: All", alarm_frames=12, max_score=77)
        world.close_event(event.id).length = 20.0
    async with library(world) as both:
        yield both


async def newest(zm: ZoneMinder) -> int:
    row = await zm.events(monitor=1).first()
    assert row is not None
    return row.id


@versions
async def test_what_an_event_says_of_itself(personality: Personality) -> None:
    async with recorded(personality) as (zm, _):
        event = await zm.events.get(await newest(zm))
        assert (event.monitor_id, event.frames, event.alarm_frames, event.max_score) == ("1", 50, 12, 77)
        assert event.notes.startswith("detected:person:97%")
        assert event.cause.startswith("Motion")
        assert event.name == f"Event-{event.id}"
        assert event.length_s == 20
        assert event.end is not None
        assert event.start.tzinfo is not None
        assert event.video.endswith(".mp4")
        assert event.raw["MonitorId"] in {1, "1"}
        assert {"total_score", "average_score", "storage_id", "scheme", "fspath"} <= set(type(event).__slots__)
        assert [row.id for row in await zm.events(object_only=True).list()] == [3, 2, 1]


@versions
async def test_pictures_and_their_addresses(personality: Personality, tmp_path: Path) -> None:
    async with recorded(personality) as (zm, fake):
        event = await newest(zm)
        assert (await zm.events.image(event)).startswith(JPEG)
        assert (await zm.events.image(event, fid=7)).startswith(JPEG)
        saved = await zm.events.save_image(event, tmp_path / "event.jpg")
        assert saved.read_bytes().startswith(JPEG)
        for address in (await zm.events.image_url(event), await zm.events.video_url(event)):
            assert address.startswith(fake.url)
            assert "token=access-" in address
        with pytest.raises(MediaUnavailable, match="event 99"):
            await zm.events.image(99)


@versions
async def test_a_video(personality: Personality, tmp_path: Path) -> None:
    seen: list[int] = []
    async with recorded(personality) as (zm, _):
        size = await zm.events.save_video(await newest(zm), tmp_path / "event.mp4", progress=lambda done, _: seen.append(done))
        assert (tmp_path / "event.mp4").stat().st_size == size == seen[-1]
        outcome = await zm.events.download_many(zm.events(monitor=1), tmp_path / "all")
        assert (outcome.done, outcome.failed) == (3, 0)


async def test_frames_and_where_it_is_on_the_disk() -> None:
    async with recorded(V1_36_33) as (zm, _):
        event = await newest(zm)
        frames = await zm.events.frames(event)
        assert [frame.number for frame in frames] == sorted(frame.number for frame in frames)
        assert frames
        kept = replace(await zm.events.get(event), storage_id="1", scheme="Medium")
        assert re.fullmatch(rf"/events/1/\d{{4}}-\d\d-\d\d/{event}", str(await zm.events.path(kept)))


@versions
async def test_notes_archive_and_lock(personality: Personality) -> None:
    async with recorded(personality) as (zm, _):
        event = await newest(zm)
        assert (await zm.events.note(event, "the postman")).notes == "the postman"
        assert (await zm.events.archive(event)).archived
        assert not (await zm.events.archive(event, on=False)).archived
        assert (await zm.events.get(event)).notes == "the postman"


async def test_tags() -> None:
    async with recorded(V1_38_4) as (zm, _):
        event = await newest(zm)
        assert await zm.events.tag(event, "postman") == ("postman",)
        assert [tag.name for tag in await zm.events.tags()] == ["postman"]
        assert await zm.events.tags_of(event) == ("postman",)
        assert await zm.events.untag(event, "postman") == ()


@versions
async def test_an_event_is_deleted(personality: Personality) -> None:
    async with recorded(personality) as (zm, _):
        event = await newest(zm)
        await zm.events.delete(event)
        with pytest.raises(NotThere):
            await zm.events.get(event)
        assert await zm.events().count() == 2


@versions
async def test_many_are_deleted_after_a_look(personality: Personality) -> None:
    async with recorded(personality, events=12) as (zm, fake):
        before = fake.count
        would = await zm.events.delete_many(zm.events(monitor=1), dry_run=True)
        assert (would.done, would.failed) == (12, 0)
        assert fake.count - before <= 2
        assert await zm.events().count() == 12
        outcome = await zm.events.delete_many(zm.events(monitor=1, limit=10))
        assert (outcome.done, outcome.failed) == (10, 0)
        assert await zm.events().count() == 2
