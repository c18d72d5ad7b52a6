"""What was added to events is written back to a VMS that takes it: the newest word, a second apart, and nobody waits for it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.fakes.backend import START, ScriptedBackend, event, snapshot
from tests.fakes.clock import FakeClock, settle

from vms_bridge.backends.guard import ANNOTATE_S
from vms_bridge.enriched import joined
from vms_bridge.errors import CommandRejected, ContributionRefused
from vms_bridge.hub import Hub
from vms_bridge.hub.write_back import APART_S, MOST_WAITING
from vms_bridge.keys import MonitorRules
from vms_bridge.model import Enrichment, EventBatch, EventRef
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.backends.base import Feed

CAT, DOG = Enrichment(labels=("cat",), score=0.9, text="a cat"), Enrichment(labels=("dog",), score=0.5, plates=("AB 1",))


@dataclass(kw_only=True)
class Notebook(ScriptedBackend):
    """A backend that notes what it gets, and may hang or fail."""

    notes: list[tuple[EventRef, Enrichment]] = field(default_factory=list)
    lets_go: asyncio.Event = field(default_factory=asyncio.Event)
    is_refused: bool = False

    async def annotate(self, event: EventRef, enrichment: Enrichment) -> None:
        await self.lets_go.wait()
        if self.is_refused:
            raise CommandRejected("no tags here", hint="turn them on")
        self.notes.append((event, enrichment))


def ref(number: int, system: str = "zm", generation: int = 1) -> EventRef:
    return EventRef(system, generation, str(number))


class House:
    def __init__(self, hub: Hub, clock: FakeClock) -> None:
        self.hub, self.clock = hub, clock
        self.backends: dict[str, Notebook] = {}
        self.feeds: dict[str, Feed] = {}

    async def add(self, key: str, *, hangs: bool = False, backend: ScriptedBackend | None = None) -> Notebook:
        found = backend or Notebook()
        feed = await self.hub.add_system(key=key, kind="fake", name="Fake", rules=MonitorRules(), backend=found)
        self.feeds[key] = feed
        feed.emit(snapshot())
        await feed.record(EventBatch(events=tuple(event(number) for number in range(1, 5)), cursor="1"))
        self.backends[key] = found  # type: ignore[assignment]  # one without `annotate` is never asked
        if isinstance(found, Notebook) and not hangs:
            found.lets_go.set()
        return self.backends[key]


@asynccontextmanager
async def house(path: Path) -> AsyncIterator[House]:
    clock = FakeClock()
    store = await asyncio.to_thread(Store.open, path, clock)
    hub = Hub(store, clock)
    task = asyncio.create_task(hub.run())
    await settle()
    try:
        yield House(hub, clock)
    finally:
        task.cancel()
        await asyncio.wait([task])
        await hub.close()
        await store.close()


async def test_what_was_read_in_the_vms_is_added_to_events_and_not_written_back_to_it(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        zm = await at.add("zm")
        start = await at.hub.history_end()
        await at.feeds["zm"].enrich("1", CAT)
        await at.clock.advance(2 * APART_S)
        assert zm.notes == []
        await at.hub.contribute("detector").enrich(ref(1), DOG)
        await at.clock.advance(2 * APART_S)
        assert zm.notes == [(ref(1), DOG)]
        told = (await at.hub.history(start, 10)).messages
        assert [(said["type"], said["labels"]) for _, message in told if (said := json.loads(message.payload))] == [
            ("update", ["cat"]),
            ("update", ["cat", "dog"]),
        ]
        await at.feeds["zm"].record(EventBatch(events=(replace(event(1), notes="more"),)))
        assert (await at.hub.history(start, 10)).messages == told, "whatever is recorded of the event takes nothing away"
        for wrong in ("99", ""):
            with pytest.raises(ContributionRefused):
                await at.feeds["zm"].enrich(wrong, CAT)


async def test_all_that_was_added_is_written_back_as_one(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        zm = await at.add("zm")
        detector, reader = at.hub.contribute("detector"), at.hub.contribute("reader")
        await detector.enrich(ref(1), CAT)
        await reader.enrich(ref(1), DOG)
        await detector.enrich(ref(2), DOG)
        assert zm.notes == [], "what follows within a second goes with it"
        await at.clock.advance(2 * APART_S)
        assert zm.notes == [(ref(1), joined([CAT, DOG])), (ref(2), DOG)]
        await at.clock.advance(60)
        assert len(zm.notes) == 2


async def test_a_backend_without_it_is_not_asked(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        await at.add("zm", backend=ScriptedBackend())
        await at.hub.contribute("detector").enrich(ref(1), CAT)
        await at.clock.advance(10)
        assert not at.hub._write_back._waiting


async def test_a_system_that_hangs_delays_neither_who_adds_nor_another_system(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path) as at:
        slow, quick = await at.add("slow", hangs=True), await at.add("quick")
        detector = at.hub.contribute("detector")
        for number in (1, 2):
            await detector.enrich(ref(number, "slow"), CAT)
            await detector.enrich(ref(number, "quick"), CAT)
        await at.clock.advance(3 * APART_S)
        assert [each for each, _ in quick.notes] == [ref(1, "quick"), ref(2, "quick")]
        assert slow.notes == []
        await at.clock.advance(ANNOTATE_S)
        assert "slow: what was added to events is not written back" in caplog.text
        slow.lets_go.set()
        await at.clock.advance(3 * APART_S)
        assert [each for each, _ in slow.notes] == [ref(2, "slow")], "what has failed is not repeated"


async def test_a_refusal_is_reported_with_its_remedy_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path) as at:
        zm = await at.add("zm")
        zm.is_refused = True
        detector = at.hub.contribute("detector")
        await detector.enrich(ref(1), CAT)
        await at.clock.advance(2 * APART_S)
        assert "no tags here" in caplog.text
        assert "Turn them on" in caplog.text
        zm.is_refused = False
        await detector.enrich(ref(2), CAT)
        await at.clock.advance(2 * APART_S)
        assert zm.notes == [(ref(2), CAT)]


async def test_of_an_id_that_means_another_event_by_now_nothing_is_written(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        zm = await at.add("zm")
        await at.hub.contribute("detector").enrich(ref(1), CAT)
        feed = await at.hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=zm)
        await feed.record(EventBatch(events=(), cursor="2", generation=2))
        await at.clock.advance(5 * APART_S)
        assert zm.notes == []


async def test_no_more_wait_than_somebody_may_want(tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        await at.add("zm", hangs=True)
        for number in range(MOST_WAITING + 5):
            at.hub._write_back.added(ref(number), CAT)
        assert len(at.hub._write_back._waiting["zm"]) == MOST_WAITING
        at.hub._write_back.added(ref(1, "no such system"), CAT)
        assert set(at.hub._write_back._waiting) == {"zm"}


def test_what_several_have_added_is_joined_by_score() -> None:
    late = START + timedelta(seconds=3)
    one = Enrichment(labels=("dog", "cat"), score=0.5, zones=("a",), text="a dog", best=4, faces=("Ada",))
    other = Enrichment(labels=("cat",), score=0.9, zones=("b", "a"), text="a cat", best=late, plates=("AB 1",))
    unsure = Enrichment(labels=("bird",), text="a dog")
    assert joined([unsure, one, other]) == Enrichment(
        labels=("cat", "dog", "bird"),
        score=0.9,
        zones=("b", "a"),
        text="a cat a dog",
        best=late,
        plates=("AB 1",),
        faces=("Ada",),
    )
    assert joined([]) == Enrichment()
