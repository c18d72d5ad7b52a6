"""Commands on the events of a ZoneMinder, all the way from the hub, and what is refused before it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.commanded import house
from tests.bridge.backends.zoneminder.support import FastClock, config
from tests.fakes.commands import ask
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import ALL, V1_36_33, V1_38_4
from tests.fakes.zoneminder.server import VIEWER

from vms_bridge.commands import AckResult, Target, VmsTarget
from vms_bridge.commands.event import AddTag, DeleteEvent, RemoveTag, SetArchived, SetLocked, SetNote
from vms_bridge.errors import CommandRejected, UnsupportedCommand, VmsError, VmsProtocolError
from vms_bridge.model import Capability, EventRef

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.backends.zoneminder.commanded import House
    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

    from vms_bridge.commands import Ack, Action

EDITS = {Capability.EVENT_DELETE, Capability.EVENT_ARCHIVE, Capability.EVENT_LOCK, Capability.EVENT_NOTE}
VIRTUAL = pytest.mark.virtual_time


@pytest.fixture
def clock() -> FastClock:
    return FastClock(10)


def closed(world: World, **fields: object) -> int:
    """Record an event, and return its id."""
    return world.close_event(world.open_event(1, **fields).id).id  # type: ignore[arg-type]  # by the names of its fields


async def command(one: House, number: int, action: Action) -> Ack:
    return await one.hub.submit(ask(action, target=Target(system="zm", event=EventRef("zm", 1, str(number)))))


@VIRTUAL
@pytest.mark.parametrize("personality", ALL, ids=lambda p: p.version)
async def test_an_event_is_archived_locked_noted_and_deleted(personality: Personality, tmp_path: Path, clock: FastClock) -> None:
    world = World(personality, now=clock.now)
    number = closed(world)
    async with FakeZoneMinder(world) as fake, house(tmp_path, clock, config(fake.url)) as one:
        event = world.events[number]
        for action, applied in ((SetArchived(on=True), "ON"), (SetLocked(on=True), "ON"), (SetNote(text="The post: seen"), None)):
            ack = await command(one, number, action)
            assert (ack.result, ack.applied) == (AckResult.APPLIED, applied or "The post: seen")
            assert (await command(one, number, action)).result is AckResult.UNCHANGED
        assert (event.archived, event.locked, event.notes) == (True, True, "The post: seen")
        refused = await command(one, number, DeleteEvent())
        assert refused.result is AckResult.REFUSED
        assert "archived" in (refused.hint or "")
        await command(one, number, SetArchived(on=False))
        assert "locked" in ((await command(one, number, DeleteEvent())).hint or "")
        await command(one, number, SetLocked(on=False))
        assert (await command(one, number, DeleteEvent())).result is AckResult.APPLIED
        assert number not in world.events
        assert (await command(one, number, DeleteEvent())).result is AckResult.REFUSED
        assert [edit for edit, _ in fake.event_edits] == [number] * 5


@VIRTUAL
async def test_tags_are_given_and_taken_one_by_one(tmp_path: Path, clock: FastClock) -> None:
    world = World(V1_38_4, now=clock.now)
    world.tags = {1: "person", 2: "parcel"}
    one_event, other = closed(world, tags={1}), closed(world, tags={1, 2})
    async with FakeZoneMinder(world) as fake, house(tmp_path, clock, config(fake.url)) as one:
        for tag in ("parcel", "Gru\xdf"):  # one that others have, and a new one
            assert (await command(one, one_event, AddTag(tag=tag))).result is AckResult.APPLIED
        assert {world.tags[number] for number in world.events[one_event].tags} == {"person", "parcel", "Gru\xdf"}
        assert (await command(one, one_event, AddTag(tag="parcel"))).result is AckResult.UNCHANGED
        assert (await command(one, one_event, RemoveTag(tag="person"))).result is AckResult.APPLIED
        assert world.events[other].tags == {1, 2}


@VIRTUAL
async def test_tags_that_can_not_be_read_keep_nobody_from_archiving(clock: FastClock, serve: Serve) -> None:
    world = World(V1_38_4, now=clock.now)
    target = VmsTarget(event_id=str(closed(world)))
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        fake.fail("tags", "500")
        await backend.execute(target, SetArchived(on=True))
        await backend.refresh(target)
        [event] = feed.batches[-1].events
        assert (event.archived, event.tags) == (True, None)


@pytest.mark.parametrize("personality", ALL, ids=lambda p: p.version)
async def test_what_is_offered_hangs_on_the_version(personality: Personality, serve: Serve) -> None:
    async with FakeZoneMinder(World(personality)) as fake, serve(fake) as (_, feed):
        capabilities = feed.snapshots[0].system.capabilities
        assert capabilities >= EDITS
        assert (Capability.EVENT_TAGS in capabilities) is personality.has_tags


async def test_old_versions_have_no_tags(serve: Serve) -> None:
    world = World(V1_36_33)
    target = VmsTarget(event_id=str(closed(world)))
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        for action in (AddTag(tag="x"), RemoveTag(tag="x")):
            with pytest.raises(UnsupportedCommand):
                await backend.execute(target, action)
        await backend.refresh(target)
        assert not fake.asked("tags")


@VIRTUAL
async def test_what_this_user_may_not_do_is_offered_no_more_for_a_while(clock: FastClock, serve: Serve) -> None:
    world = World(now=clock.now)
    target = VmsTarget(event_id=str(closed(world)))
    async with FakeZoneMinder(world) as fake:
        fake.users["admin"].permissions = VIEWER
        async with serve(fake, settings=config(fake.url, poll_interval=60, monitors_interval=300)) as (backend, feed):
            assert feed.system is not None
            assert feed.system.capabilities >= EDITS  # nobody knows it yet
            with pytest.raises(CommandRejected, match="does not let this user") as refusal:
                await backend.execute(target, SetArchived(on=True))
            assert "Events: Edit" in refusal.value.hint
            await feed.until(lambda: feed.system is not None and not feed.system.capabilities & EDITS)
            await clock.sleep(400)
            await feed.until(lambda: feed.system is not None and feed.system.capabilities >= EDITS)


@VIRTUAL
async def test_an_event_that_runs_is_not_deleted_nor_noted(clock: FastClock, serve: Serve) -> None:
    world = World(now=clock.now)
    running = world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        await feed.until(lambda: feed.event(running.id))
        target = VmsTarget(event_id=str(running.id))
        for action in (DeleteEvent(), SetNote(text="x")):
            with pytest.raises(CommandRejected, match="still runs"):
                await backend.execute(target, action)
        await backend.execute(target, SetArchived(on=True))
        assert running.archived
        assert len(fake.event_edits) == 1


@VIRTUAL
async def test_refreshing_tells_how_the_event_is_and_whether_it_is_gone(clock: FastClock, serve: Serve) -> None:
    world = World(V1_38_4, now=clock.now)
    world.tags = {3: "b", 4: "a"}
    number = closed(world, tags={3, 4}, archived=True)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        await feed.until(lambda: feed.snapshots)
        target = VmsTarget(event_id=str(number))
        await backend.refresh(target)
        batch = feed.batches[-1]
        [event] = batch.events
        assert (batch.refreshed, batch.cursor, batch.generation) == (True, None, 1)
        assert (event.id, event.archived, event.locked, event.tags) == (str(number), True, False, ("a", "b"))
        del world.events[number]
        for absent in (target, VmsTarget(event_id="99999"), VmsTarget(event_id="no-id")):
            await backend.refresh(absent)
            [event] = feed.batches[-1].events
            assert (event.id, event.monitor_id, event.deleted) == (absent.event_id, "", True)
        with pytest.raises(CommandRejected, match="has no event"):
            await backend.execute(target, SetArchived(on=True))


@VIRTUAL
async def test_a_list_that_misses_an_event_does_not_delete_it(clock: FastClock, serve: Serve) -> None:
    world = World(now=clock.now)
    number = closed(world)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url, poll_interval=60)) as (backend, feed):
        target = VmsTarget(event_id=str(number))
        fake.fail("events/index", "no-rows")
        with pytest.raises(VmsProtocolError, match="does not list"):
            await backend.refresh(target)
        fake.heal()
        fake.fail("events/", "500")
        with pytest.raises(VmsError):
            await backend.refresh(target)
        assert not any(event.deleted for event in feed.events)


@VIRTUAL
async def test_what_the_database_does_not_take_is_refused(clock: FastClock, serve: Serve) -> None:
    world = World(now=clock.now)
    target = VmsTarget(event_id=str(closed(world)))
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        with pytest.raises(CommandRejected):
            await backend.execute(target, SetNote(text="\N{GRINNING FACE}"))
