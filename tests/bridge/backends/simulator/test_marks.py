"""What can be done to a simulated event, and what becomes of it where it is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.bridge.backends.simulator.test_simulator import Site

from vms_bridge.archive import EventClip, EventQuery
from vms_bridge.backends.simulator.marks import Marks
from vms_bridge.commands import AddTag, DeleteEvent, Restart, SetAlarm, SetArchived, SetLocked, SetNote, VmsTarget
from vms_bridge.errors import CommandRejected, MediaUnavailable, UnsupportedCommand, VmsUnreachable
from vms_bridge.model import Enrichment, Event, EventPicture, EventRef


async def over(site: Site) -> Event:
    """Return an event that has ended."""
    for _ in range(600):
        found = [event for event in site.events("1") if event.clip_ready]
        if found:
            return found[0]
        await site.clock.advance(0.5)
    raise AssertionError("no event within five minutes")


async def test_what_was_done_shows_wherever_the_event_does() -> None:
    site = Site()
    async with site.running():
        event = await over(site)
        target = VmsTarget(event_id=event.id)
        for action in (SetArchived(on=True), AddTag(tag="a"), AddTag(tag="a"), AddTag(tag="b"), SetNote(text="the post")):
            await site.simulator.execute(target, action)
        await site.clock.advance(1)
        wanted = replace(event, archived=True, tags=("a", "b"), notes="the post")
        assert site.feed.batches[-1].events == (wanted,), "it is told by itself, too"
        assert site.feed.batches[-1].refreshed
        query = EventQuery(since=event.start, monitors=frozenset({"1"}))
        assert wanted in (await site.simulator.archive.events(query, None)).events


async def test_a_deleted_event_is_nowhere() -> None:
    site = Site()
    async with site.running():
        event = await over(site)
        ref = EventRef("sim", 1, event.id)
        assert await site.simulator.picture(EventPicture(event=ref))
        await site.simulator.execute(VmsTarget(event_id=event.id), DeleteEvent())
        query = EventQuery(since=event.start, monitors=frozenset({"1"}))
        assert event.id not in {each.id for each in (await site.simulator.archive.events(query, None)).events}
        with pytest.raises(MediaUnavailable):
            await site.simulator.picture(EventPicture(event=ref))
        with pytest.raises(MediaUnavailable):
            await site.simulator.archive.media(EventClip(event=ref), None)
        with pytest.raises(CommandRejected, match="was deleted"):
            await site.simulator.execute(VmsTarget(event_id=event.id), SetLocked(on=True))


async def test_what_others_have_found_out_is_noted_beside_what_people_have() -> None:
    site = Site()
    async with site.running():
        event = await over(site)
        ref = EventRef("sim", 1, event.id)
        await site.simulator.execute(VmsTarget(event_id=event.id), AddTag(tag="mine"))
        await site.simulator.annotate(ref, Enrichment(labels=("cat", "mine"), plates=("AB 1",), text="a cat"))
        await site.simulator.annotate(ref, Enrichment(labels=("dog",)))
        await site.clock.advance(1)
        [noted] = site.feed.batches[-1].events
        assert (noted.tags, noted.notes) == (("mine", "dog"), "a cat")
        with pytest.raises(CommandRejected, match="has no event"):
            await site.simulator.annotate(EventRef("sim", 1, "nonsense"), Enrichment(labels=("dog",)))


async def test_what_can_not_be_done_is_refused_with_the_reason() -> None:
    site = Site()
    async with site.running():
        event = await over(site)
        target = VmsTarget(event_id=event.id)
        await site.simulator.execute(target, SetLocked(on=True))
        with pytest.raises(CommandRejected, match="is locked"):
            await site.simulator.execute(target, DeleteEvent())
        with pytest.raises(UnsupportedCommand, match="Restart"):
            await site.simulator.execute(target, Restart())
        with pytest.raises(CommandRejected, match="has no event '99-1'"):
            await site.simulator.execute(VmsTarget(event_id="99-1"), SetLocked(on=True))
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await site.clock.advance(1)
        forced = site.feed.states["1"].event_id
        with pytest.raises(CommandRejected, match="leaves no recording"):
            await site.simulator.execute(VmsTarget(event_id=forced), DeleteEvent())
        with pytest.raises(CommandRejected, match="leaves no recording"):
            await site.simulator.refresh(VmsTarget(event_id=forced))


async def test_what_is_still_recorded_is_not_deleted() -> None:
    site = Site()
    async with site.running():
        await site.until_alarm("1")
        await site.clock.advance(1)
        with pytest.raises(CommandRejected, match="still being recorded"):
            await site.simulator.execute(VmsTarget(event_id=site.feed.states["1"].event_id), DeleteEvent())


async def test_a_simulator_that_does_not_run_can_not_tell_of_an_event() -> None:
    with pytest.raises(VmsUnreachable):
        await Site().simulator.refresh(VmsTarget(event_id="1-1"))


def test_the_oldest_marks_are_forgotten() -> None:
    marks = Marks(most=2)
    events = [Event(id=str(number), monitor_id="1", start=None) for number in range(3)]
    for event in (*events[:2], events[0], events[2]):
        marks.change(event, SetArchived(on=True))
    assert [marks.on(event).archived for event in events] == [True, False, True]
