"""Events are noted, archived, locked, tagged and deleted: only what is seen to be done counts as done."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.zoneminder.support import library
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import ALL, V1_34, V1_36_33, V1_38_4, Personality
from tests.fakes.zoneminder.server import VIEWER, User

from vms_bridge.errors import CommandRejected, UnsupportedCommand, VmsUnreachable
from vms_bridge.zoneminder import FilterRefused, NotDone, NotThere, PermissionMissing, ServerFailed
from vms_bridge.zoneminder.sync import ZoneMinder

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.zoneminder import BulkOutcome

versions = pytest.mark.parametrize("personality", ALL, ids=lambda each: each.version)
TEXT = "Wer war's? 100% & <b>Tür</b> #1 / a+b\n2nd line"


def recorded(personality: Personality = V1_36_33, *, events: int = 3) -> World:
    world = World(personality, monitors=2)
    for number in range(events):
        world.close_event(world.open_event(number % 2 + 1).id)
    return world


@versions
async def test_what_is_changed_is_read_again(personality: Personality) -> None:
    async with library(recorded(personality)) as (zm, _):
        assert (await zm.events.note(2, TEXT)).notes == TEXT
        assert (await zm.events.archive("2")).archived is True
        assert (await zm.events.archive(2, on=False)).archived is False
        assert (await zm.events.lock(2)).locked is True
        assert (await zm.events.rename(2, "Postman")).name == "Postman"
        changed = await zm.events.edit(2, notes="", cause="Post", archived=True, locked=False)
        assert (changed.notes, changed.cause, changed.archived, changed.locked, changed.name) == (
            "",
            "Post",
            True,
            False,
            "Postman",
        )
        untouched = await zm.events.get(1)
        assert (untouched.notes, untouched.archived) == ("Motion: All", False)


async def test_what_did_not_come_about_is_not_taken_for_done() -> None:
    async with library(recorded()) as (zm, fake):
        fake.rewrite = lambda path, body: body.replace(b'"new"', b'"old"') if path.startswith("events/index") else body
        with pytest.raises(NotDone, match="event 1 has not taken its new Notes"):
            await zm.events.note(1, "new")
        fake.rewrite = None
        with pytest.raises(NotThere):
            await zm.events.note(99, "x")
        with pytest.raises(CommandRejected, match="can't have 65 characters"):
            await zm.events.rename(1, "x" * 65)
        with pytest.raises(FilterRefused, match="no id of an event"):
            await zm.events.note("x", "x")


@pytest.mark.parametrize("answer", ["504", "empty", "html", "truncate"])
async def test_an_answer_that_says_nothing_is_no_reason_to_give_up(answer: str) -> None:
    async with library(recorded()) as (zm, fake):
        fake.answers_changes = answer
        assert (await zm.events.note(1, "done all the same")).notes == "done all the same"
        await zm.events.delete(1)
        assert 1 not in fake.world.events


@versions
async def test_a_deleted_event_is_gone(personality: Personality) -> None:
    async with library(recorded(personality)) as (zm, fake):
        await zm.events.delete(2)
        assert sorted(fake.world.events) == [1, 3]
        with pytest.raises(NotThere):
            await zm.events.delete(2)
        await zm.events.archive(3)
        with pytest.raises(CommandRejected, match="event 3 is archived") as refused:
            await zm.events.delete(3)
        assert "take it out of the archive" in refused.value.hint
        assert sorted(fake.world.events) == [1, 3]
        await zm.events.delete(3, even_archived=True)
        assert sorted(fake.world.events) == [1]


async def test_an_event_that_can_not_be_read_can_be_deleted() -> None:
    async with library(recorded()) as (zm, fake):
        fake.unreadable["events"] = {2}
        with pytest.raises(ServerFailed):
            await zm.events.get(2)
        await zm.events.delete(2)
        assert sorted(fake.world.events) == [1, 3]
        fake.unreadable["events"], fake.undeletable = {3}, {3}
        with pytest.raises(NotDone):
            await zm.events.delete(3)


async def test_who_may_not_is_told_so() -> None:
    async with library(recorded()) as (zm, fake):
        fake.users["admin"] = User("p&=+ä/%s#", VIEWER)
        for change in (zm.events.note(1, "x"), zm.events.delete(1), zm.events.archive(1)):
            with pytest.raises(PermissionMissing):
                await change
        assert not fake.world.events[1].archived


async def test_tags_are_given_made_and_taken_off() -> None:
    async with library(recorded(V1_38_4)) as (zm, fake):
        assert await zm.events.tags() == ()
        assert await zm.events.tag(1, "Post / Paket 50%") == ("Post / Paket 50%",)
        assert await zm.events.tag(1, "cat") == ("cat", "Post / Paket 50%")
        assert await zm.events.tag(2, "CAT") == ("cat",)  # the database takes no account of large letters
        before = fake.count
        assert await zm.events.tag(2, "Cat") == ("cat",)
        assert fake.count == before + 1
        assert [tag.name for tag in await zm.events.tags()] == ["cat", "Post / Paket 50%"]
        rows = await zm.events(with_tags=True).list()
        assert {row.id: row.tags for row in rows} == {3: (), 2: ("cat",), 1: ("cat", "Post / Paket 50%")}
        assert (await zm.events.get(2)).tags is None
        assert [row.id for row in await zm.events(tag="cat").list()] == [2, 1]
        assert [row.id for row in await zm.events(tag=["Post / Paket 50%", "cat"]).list()] == [2, 1]
        assert await zm.events(tag=[]).list() == ()
        with pytest.raises(FilterRefused, match="there is no tag 'dog'"):
            await zm.events(tag="dog").list()
        assert await zm.events.untag(1, "Cat") == ("Post / Paket 50%",)
        assert await zm.events.untag(1, "Cat") == ("Post / Paket 50%",)
        assert await zm.events.tags_of(2) == ("cat",)
        for name in ("", "  ", "x" * 65):
            with pytest.raises(FilterRefused, match="a tag's name"):
                await zm.events.tag(1, name)


@pytest.mark.parametrize("personality", [V1_34, V1_36_33], ids=lambda each: each.version)
async def test_where_there_are_no_tags_it_is_said_since_when_there_are(personality: Personality) -> None:
    async with library(recorded(personality)) as (zm, _):
        for asked in (zm.events.tags(), zm.events.tag(1, "cat"), zm.events(tag="cat").list(), zm.events(tag=3).list()):
            with pytest.raises(UnsupportedCommand, match="has no tags") as refused:
                await asked
            assert "1.37.44" in refused.value.hint


@versions
async def test_frames_come_with_their_scores(personality: Personality) -> None:
    async with library(recorded(personality)) as (zm, _):
        frames = await zm.events.frames(1)
        assert [frame.number for frame in frames] == [1, 2, 3]
        assert {frame.kind for frame in frames} == {"Normal"}
        assert frames[0].time == (await zm.events.get(1)).start
        with pytest.raises(NotThere):
            await zm.events.frames(99)


@pytest.mark.parametrize("personality", [V1_34, V1_38_4], ids=lambda each: each.version)
async def test_many_are_deleted_a_few_at_a_time(personality: Personality) -> None:
    world = recorded(personality, events=130)
    world.events[7].archived = True
    async with library(world) as (zm, fake):
        told: list[BulkOutcome] = []
        dry = await zm.events.delete_many(zm.events(monitor=1), dry_run=True)
        assert (dry.done, dry.skipped, dry.failed, dry.reasons) == (64, 1, 0, ((7, "it is archived"),))
        assert len(world.events) == 130
        fake.latency_s = 0.001
        done = await zm.events.delete_many(zm.events(monitor=1), parallel=3, progress=told.append)
        assert (done.done, done.skipped, done.failed, done.total) == (64, 1, 0, 65)
        assert [each.total for each in told] == list(range(1, 66))
        assert sorted(world.events) == sorted([*range(2, 131, 2), 7])
        again = await zm.events.delete_many(zm.events(monitor=1), even_archived=True)
        assert (again.done, again.skipped) == (1, 0)
        assert (await zm.events.delete_many(zm.events(monitor=1))).total == 0


async def test_what_is_still_recorded_is_not_deleted_with_others() -> None:
    world = recorded(events=2)
    world.open_event(1)
    world.open_event(2).start -= timedelta(hours=5)  # its daemon was killed
    async with library(world) as (zm, _):
        outcome = await zm.events.delete_many(zm.events())
        assert (outcome.done, outcome.reasons) == (3, ((3, "it is still recorded"),))
        assert sorted(world.events) == [3]


async def test_one_that_fails_keeps_no_other_from_its_turn() -> None:
    world = recorded(events=6)
    async with library(world) as (zm, fake):
        rows = await zm.events().list()
        world.delete_event(2)
        fake.undeletable.add(4)
        outcome = await zm.events.delete_many(rows)
        assert (outcome.done, outcome.skipped, outcome.failed) == (4, 1, 1)
        assert dict(outcome.reasons).keys() == {2, 4}
        assert "is still there" in dict(outcome.reasons)[4]
        for many in (0, 17):
            with pytest.raises(FilterRefused, match="at a time"):
                await zm.events.delete_many(rows, parallel=many)


async def test_where_nobody_answers_any_more_the_rest_is_left_alone() -> None:
    world = recorded(events=40)
    async with library(world) as (zm, fake):
        rows = await zm.events().list()
        fake.fail("events", "close")
        with pytest.raises(VmsUnreachable):
            await zm.events.delete_many(rows, parallel=2)
        assert len(world.events) == 40
        assert fake.asked("events/") <= 10


@pytest.mark.parametrize("what", ["video", "snapshot", "alarm"])
async def test_many_are_fetched_and_what_is_there_is_not_fetched_again(what: str, tmp_path: Path) -> None:
    world = recorded(events=12)
    world.open_event(1)
    world.events[5].is_jpegs = True
    async with library(world) as (zm, fake):
        folder = tmp_path / "new" / "folder"
        dry = await zm.events.download_many(zm.events(), folder, what=what, dry_run=True)  # type: ignore[arg-type]
        assert (dry.done, dry.total) == (11 if what == "video" else 13, 13)
        assert not folder.exists()
        first = await zm.events.download_many(zm.events(monitor=1), folder, what=what)  # type: ignore[arg-type]
        assert first.done == (5 if what == "video" else 7)
        asked = fake.clips_asked + fake.pictures_asked
        rest = await zm.events.download_many(zm.events(), folder, what=what, parallel=2)  # type: ignore[arg-type]
        assert (rest.done, rest.failed) == (6, 0)
        assert fake.clips_asked + fake.pictures_asked - asked == 6
        names = {path.name for path in folder.iterdir()}
        ending = ".mp4" if what == "video" else f"-{what}.jpg"
        assert names == {f"event-{n}{ending}" for n in range(1, 14) if what != "video" or n not in {5, 13}}
        assert first.bytes + rest.bytes == sum(path.stat().st_size for path in folder.iterdir())


def test_a_script_needs_three_lines(tmp_path: Path) -> None:
    """Without an event loop in sight."""
    ready, over, address = threading.Event(), threading.Event(), ""
    world = recorded(events=120)

    async def serve() -> None:
        nonlocal address
        async with FakeZoneMinder(world) as fake:
            address = fake.url
            ready.set()
            await asyncio.to_thread(over.wait, 10)

    server = threading.Thread(target=lambda: asyncio.run(serve()))
    server.start()
    try:
        ready.wait(15)
        with ZoneMinder(address, "admin", "p&=+ä/%s#") as zm:
            assert [event.id for event in zm.events(monitor=1)] == list(range(119, 0, -2))
            query = zm.events(limit=3)
            assert (query.count(), [row.id for row in query.list()], query.unreadable) == (3, [120, 119, 118], ())
            assert [len(page) for page in zm.events().pages()] == [100, 20]
            for event in zm.events():
                if event.id == 115:
                    break
            assert zm.events.delete_many(zm.events(monitor=2, limit=5)).done == 5
            assert zm.events.save_video(1, tmp_path / "a.mp4") > 0
            first = zm.events(newest_first=False).first()
            assert first is not None
            assert zm.events.note(first, "seen").notes == "seen"
    finally:
        over.set()
        server.join()
