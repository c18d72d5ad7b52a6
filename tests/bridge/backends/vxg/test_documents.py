"""What others write about cameras is told as detections and added to events: once, late ones too, and never what we wrote."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.backends.vxg.support import backend_of, running
from tests.bridge.backends.zoneminder.support import MemoryFeed
from tests.fakes.vxg import FakeVxg

from vms_bridge.backends.vxg.documents import MARK, REFUSED_S
from vms_bridge.errors import ContributionRefused
from vms_bridge.model import Enrichment, EventRef

if TYPE_CHECKING:
    from tests.fakes.virtual_time import VirtualClock

FILTER = "/api/v2/storage/meta/filter/"


def labels(feed: MemoryFeed, monitor: str = "101") -> list[str]:
    return [one.label for each in feed.detections if each.monitor_id == monitor for one in each.objects]


def added(feed: MemoryFeed, number: int) -> tuple[str, ...]:
    return feed.enrichments.get(str(number), Enrichment()).labels


def car(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"string": {"label": "car", "source": "engine"}, "float": {"score": 0.9}, **more}


async def test_what_an_engine_writes_is_told_as_a_detection_and_added_to_the_event_of_that_time(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            made, other = fake.world.happen(101), fake.world.happen(102)
            await asyncio.sleep(3)
            fake.world.note(101, **car())
            await feed.until(lambda: feed.detections and feed.enrichments, 10)
            (told,) = feed.detections
            assert (told.monitor_id, told.source, told.time) == ("101", "vms:engine", made.time + timedelta(seconds=3))
            assert [(one.label, one.score) for one in told.objects] == [("car", 0.9)]
            assert feed.enrichments == {str(made.id): Enrichment(labels=("car",), score=0.9)}
            await asyncio.sleep(60)
            assert len(feed.detections) == 1
            assert added(feed, other.id) == ()


async def test_documents_that_are_listed_late_and_those_of_events_that_are_are_told(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            await asyncio.sleep(30)
            made = fake.world.happen(101, late_s=40)
            fake.world.note(101, **car())
            fake.world.note(101, late_s=50, long={"dog": 1})
            await feed.until(lambda: added(feed, made.id) == ("car",), 60)
            await feed.until(lambda: added(feed, made.id) == ("car", "dog"), 60)
            assert labels(feed) == ["car", "dog"]


async def test_what_is_older_than_a_minute_says_nothing_about_now_and_is_added_to_its_event(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            made = fake.world.happen(101)
            await feed.until(lambda: feed.events)
        fake.world.note(101, ago_s=-2, **car())
        await asyncio.sleep(600)
        async with running(backend_of(fake, clock), feed):
            await feed.until(lambda: added(feed, made.id), 30)
            fake.world.note(101, long={"dog": 1})
            await feed.until(lambda: labels(feed), 30)
            assert labels(feed) == ["dog"]


async def test_nothing_is_told_twice_after_a_restart_and_nothing_of_before_the_first_contact(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        fake.world.note(101, ago_s=40, **car())
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            await asyncio.sleep(5)
            made = fake.world.happen(101)
            fake.world.note(101, long={"dog": 1})
            await feed.until(lambda: labels(feed) and added(feed, made.id), 30)
        kept, feed.enrichments = feed.texts[MARK], {}
        async with running(backend_of(fake, clock), feed):
            await feed.until(lambda: added(feed, made.id) == ("dog",), 30)
            await asyncio.sleep(20)
            assert labels(feed) == ["dog"]
            assert feed.texts[MARK] == kept
            fake.world.note(101, long={"cat": 1})
            await feed.until(lambda: labels(feed) == ["dog", "cat"], 30)


async def test_what_the_bridge_has_written_itself_is_told_by_nobody_after_a_restart_either(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        for _ in range(2):
            backend = backend_of(fake, clock, write_metadata=True)
            async with running(backend, feed):
                made = fake.world.happen(101)
                await asyncio.sleep(5)
                assert backend.annotate is not None
                await backend.annotate(EventRef("cloud", 1, str(made.id)), Enrichment(labels=("person",), score=0.9))
                await asyncio.sleep(30)
        assert len(fake.world.documents) == 2
        assert (feed.detections, feed.enrichments) == ([], {})


async def test_it_costs_one_request_for_all_channels_and_none_where_it_is_not_wanted(clock: VirtualClock) -> None:
    asked = {}
    for reads in (True, False):
        async with FakeVxg(channels=60, clock=clock) as fake:
            async with running(backend_of(fake, clock, read_metadata=reads), MemoryFeed()):
                await asyncio.sleep(100)
                asked[reads] = fake.count[f"POST {FILTER}"]
            assert not any(path.startswith("/api/v4/meta") for _, path in fake.requests)
    assert 19 <= asked[True] <= 21
    assert asked[False] == 0


async def test_one_channel_by_its_own_token_is_told_of_too(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        fake.names_cameras = False
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, token=fake.world.channels[101].token), feed):
            fake.world.note(101, **car())
            fake.world.note(102, **car())
            await feed.until(lambda: feed.detections, 10)
            await asyncio.sleep(10)
            assert [each.monitor_id for each in feed.detections] == ["101"]


async def test_where_the_vms_does_not_say_whose_they_are_that_is_said(
    clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        fake.names_cameras = False
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            fake.world.note(101, **car())
            await asyncio.sleep(20)
            assert feed.detections == []
    assert [each.message for each in caplog.records if "does not say whose they are" in each.message]


@pytest.mark.parametrize("kind", ["403", "404", "500-html", "truncated", "garbage", "list", "huge", "close", "hang"])
async def test_what_goes_wrong_with_documents_costs_documents_only(clock: VirtualClock, kind: str) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        fake.faults.add(FILTER, kind)
        async with running(backend_of(fake, clock, timeout=5), feed) as task:
            await asyncio.sleep(10)
            made = fake.world.happen(101)
            await feed.until(lambda: feed.event(made.id), 10)
            fake.faults.heal()
            await asyncio.sleep(REFUSED_S + 30)
            fake.world.note(101, **car())
            await feed.until(lambda: labels(feed) == ["car"], 30)
            assert not task.done()


async def test_a_document_of_a_channel_that_came_a_moment_ago_waits_for_it(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, channels_interval=3_600), feed):
            await asyncio.sleep(10)
            new = fake.add_channel("Barn").id
            fake.group.channels.append(new)
            fake.world.note(new, **car())
            await feed.until(lambda: labels(feed, str(new)), 30)


async def test_what_is_of_the_future_waits_for_its_time_and_costs_nothing_until_then(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            for number in range(600):
                fake.world.note(101, ago_s=-600.0 - number / 1_000, late_s=-3_600, **car())
            before = fake.count[f"POST {FILTER}"]
            await asyncio.sleep(500)
            assert feed.detections == []
            assert fake.count[f"POST {FILTER}"] - before <= 101
            await feed.until(lambda: feed.detections, 120)


async def test_of_many_engines_at_one_camera_some_are_told_apart_and_none_is_lost(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            for number in range(30):
                fake.world.note(101, string={"label": f"label {number}", "source": f"engine {number}"})
            await feed.until(lambda: len(labels(feed)) == 30, 10)
            assert {each.source for each in feed.detections} == {"vms", *(f"vms:engine {number}" for number in range(4))}


async def test_garbage_between_documents_is_borne(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed) as task:
            garbage: list[dict[str, Any]] = [
                {"string": 5},
                {"long": {"p": 10**30}},
                {"raw_data": [1]},
                {"id": None},
                {"float": "x"},
            ]
            for odd in garbage:
                fake.world.note(101, **{**car(), **odd})
            number = fake.world.note(101, **car())
            fake.world.documents[number][1]["timestamp"] = "yesterday"
            fake.world.note(101, long={"dog": 1})
            await feed.until(lambda: "dog" in labels(feed), 10)
            assert not task.done()


async def test_an_event_that_nobody_knows_any_more_stops_nothing(clock: VirtualClock) -> None:
    class Forgetful(MemoryFeed):
        async def enrich(self, event_id: str, enrichment: Enrichment) -> None:
            if event_id == str(gone.id):
                raise ContributionRefused("not known")
            await super().enrich(event_id, enrichment)

    async with FakeVxg(channels=2, clock=clock) as fake:
        feed = Forgetful()
        gone = fake.world.happen(101)
        async with running(backend_of(fake, clock), feed):
            made = fake.world.happen(102)
            fake.world.note(101, **car())
            fake.world.note(102, **car())
            await feed.until(lambda: added(feed, made.id) == ("car",), 20)
