"""Events that the bridge itself tells: stored, told and found like a VMS's, which never hears of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.hub.house import HubHouse
from tests.fakes.backend import START, ScriptedBackend, event, snapshot
from tests.fakes.backend import monitor as described
from tests.fakes.clock import settle

from vms_bridge.archive import EventClip, EventFrame
from vms_bridge.commands import Ack, AckResult, AddTag, Command, DeleteEvent, Level, Origin, Target
from vms_bridge.errors import ContributionRefused, MediaUnavailable, StoreError
from vms_bridge.hub.own_events import MOST_OPEN
from vms_bridge.index import Search
from vms_bridge.keys import MonitorRules
from vms_bridge.model import (
    OWN,
    Enrichment,
    Event,
    EventBatch,
    EventKind,
    EventPicture,
    EventRef,
    OwnEvent,
    SystemLost,
)
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.commands import Action
    from vms_bridge.hub import Hub

ONE = ("zm", "1")
CROSSED = OwnEvent(
    kind=EventKind.LINE_CROSSING,
    start=START,
    end=START,
    cause="line gate crossed, in",
    labels=("person",),
    score=0.875,
    zones=("gate",),
    direction="in",
)
THERE = OwnEvent(kind=EventKind.ZONE, start=START, cause="zone porch entered", labels=("dog",), score=0.5, zones=("porch",))


class House(HubHouse):
    async def start(self) -> None:
        await super().start()
        self.housekeeping = asyncio.create_task(self.hub.run())

    async def stop(self) -> None:
        self.housekeeping.cancel()
        await asyncio.wait([self.housekeeping])
        await super().stop()

    async def kill(self) -> None:
        """End without a word: what is not stored is lost."""
        self.housekeeping.cancel()
        await asyncio.wait([self.housekeeping])
        await self.store.close()

    async def record(self, *events: Event, generation: int = 1) -> None:
        await self.feed.record(EventBatch(events=events, generation=generation))

    async def told(self) -> list[dict[str, Any]]:
        messages = await self.hub.undelivered("mqtt", late=False, after=0, limit=10_000)
        return [json.loads(message.payload) for message in messages]

    async def steps(self) -> list[tuple[str, str]]:
        return [(message["id"], message["type"]) for message in await self.told()]

    async def found(self, **wanted: Any) -> list[str]:  # noqa: ANN401 - whatever a search can say
        return [one.ref.format() for one in (await self.hub.search(Search(**wanted))).events]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(tmp_path, monitors=2).open() as one:
        yield one


def asked(action: Action, ref: EventRef, *, level: Level = Level.ADMIN) -> Command:
    return Command(target=Target(system=ref.system, event=ref), name="x", action=action, origin=Origin(door="test"), level=level)


async def until_over(hub: Hub, ref: EventRef) -> Event:
    """Return the event as it is once it is over."""
    for _ in range(1_000):
        one = await hub.indexed(ref)
        if one is not None and one.event.is_over:
            return one.event
        await settle()
    raise AssertionError(f"{ref} does not end")


async def test_an_own_event_is_told_stored_and_found_like_any_other(house: House) -> None:
    detector = house.hub.contribute("detector")
    ref = await detector.tell(ONE, CROSSED)
    assert (ref.system, ref.generation, ref.is_own) == ("zm", OWN, True)
    new, end = await house.told()
    assert (new["id"], new["type"], end["type"]) == (ref.format(), "new", "end")
    assert {key: new[key] for key in ("kind", "label", "score", "zones", "direction", "cause", "monitor", "late")} == {
        "kind": "line_crossing",
        "label": "person",
        "score": 0.875,
        "zones": ["gate"],
        "direction": "in",
        "cause": "line gate crossed, in",
        "monitor": "1",
        "late": False,
    }
    assert (end["end_reason"], end["duration"]) == ("closed", 0)
    view = house.hub.monitor(*ONE)
    assert view is not None
    assert view.last_event is not None
    assert view.last_event.ref == ref
    for wanted in ({"kinds": frozenset({"line_crossing"})}, {"labels": frozenset({"person"})}, {"zones": frozenset({"gate"})}):
        assert await house.found(**wanted) == [ref.format()]
    indexed = await house.hub.indexed(ref)
    assert indexed is not None
    assert (indexed.event.direction, indexed.event.kind, indexed.event.start) == ("in", EventKind.LINE_CROSSING, START)
    [(_, first), _] = (await house.hub.history(None, 10)).messages
    assert first.event == ref


async def test_what_goes_on_is_told_as_it_is_until_it_ends(house: House) -> None:
    detector = house.hub.contribute("detector")
    ref = await detector.tell(ONE, THERE)
    assert await house.found(is_open=True) == [ref.format()]
    assert await detector.tell(ONE, replace(THERE, labels=("dog", "person")), ref) == ref
    assert await detector.tell(ONE, replace(THERE, snapshot_ready=True, labels=("dog", "person")), ref) == ref
    over = replace(THERE, end=START + timedelta(seconds=9), snapshot_ready=True, labels=("dog", "person"))
    await detector.tell(ONE, over, ref)
    assert [step for _, step in await house.steps()] == ["new", "update", "media", "end"]
    assert await house.found(is_open=False) == [ref.format()]


async def test_no_two_own_events_have_the_same_id_and_none_has_a_vms_s(house: House) -> None:
    detector = house.hub.contribute("detector")
    refs = [await detector.tell(ONE, CROSSED) for _ in range(5)]
    assert len(set(refs)) == 5
    same = [replace(event(int(ref.id)), end=START) for ref in refs]
    await house.record(*same)
    assert len(await house.found()) == 10
    for ref in refs:
        for each in (ref, EventRef("zm", 1, ref.id)):
            one = await house.hub.indexed(each)
            assert one is not None
            assert (one.event.kind is EventKind.LINE_CROSSING) is each.is_own


async def test_only_who_tells_an_event_tells_more_of_it(house: House) -> None:
    detector, other = house.hub.contribute("detector"), house.hub.contribute("other")
    ref = await detector.tell(ONE, THERE)
    for source, monitor, each in (
        (other, ONE, ref),
        (detector, ("zm", "2"), ref),
        (detector, ONE, EventRef("zm", 1, ref.id)),
        (detector, ONE, EventRef("zm", OWN, "5")),
    ):
        with pytest.raises(ContributionRefused):
            await source.tell(monitor, CROSSED, each)
    assert [step for _, step in await house.steps()] == ["new"]


@pytest.mark.parametrize(
    "wrong",
    [
        replace(CROSSED, end=START - timedelta(seconds=1)),
        replace(CROSSED, labels=tuple(map(str, range(65)))),
        replace(CROSSED, start=START.replace(tzinfo=None)),
        Enrichment(),
    ],
)
async def test_what_is_no_event_is_refused(house: House, wrong: Any) -> None:  # noqa: ANN401 - whatever it is
    with pytest.raises(ContributionRefused):
        await house.hub.contribute("detector").tell(ONE, wrong)
    for monitor in (("zm", "77"), ("nowhere", "1")):
        with pytest.raises(ContributionRefused):
            await house.hub.contribute(f"for {monitor}").tell(monitor, CROSSED)


async def test_too_much_is_refused_until_there_is_room(house: House) -> None:
    detector = house.hub.contribute("detector")
    refs = [await detector.tell(ONE, THERE) for _ in range(MOST_OPEN)]
    with pytest.raises(ContributionRefused, match="too many"):
        await detector.tell(ONE, THERE)
    await detector.tell(("zm", "2"), THERE)
    await detector.tell(ONE, replace(THERE, end=START), refs[0])
    await detector.tell(ONE, THERE)


async def test_each_system_s_monitors_have_room_of_their_own(house: House) -> None:
    detector = house.hub.contribute("detector")
    feed = await house.hub.add_system(key="b", kind="fake", name="B", rules=MonitorRules(), backend=ScriptedBackend())
    feed.emit(snapshot(described(1)))
    for _ in range(MOST_OPEN):
        await detector.tell(("b", "1"), THERE)
    await detector.tell(ONE, THERE)


async def test_one_that_can_not_be_stored_takes_no_room(house: House) -> None:
    detector, connection = house.hub.contribute("detector"), house.store._database.connection
    await house.store._run(
        connection.execute, "CREATE TRIGGER full BEFORE INSERT ON messages BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    for _ in range(MOST_OPEN + 1):
        with pytest.raises(StoreError):
            await detector.tell(ONE, THERE)
    await house.store._run(connection.execute, "DROP TRIGGER full")
    await house.clock.advance(3600)
    for _ in range(MOST_OPEN):
        await detector.tell(ONE, THERE)


async def test_with_its_contributor_an_event_ends(house: House) -> None:
    detector, other = house.hub.contribute("detector"), house.hub.contribute("other")
    ref, stays = await detector.tell(ONE, THERE), await other.tell(ONE, THERE)
    await house.clock.advance(7)
    detector.close()
    over = await until_over(house.hub, ref)
    assert (over.end_reason, over.end) == ("abandoned", max(START, house.clock.now()))
    assert await house.found(is_open=True) == [stays.format()]
    with pytest.raises(ContributionRefused):
        await detector.tell(ONE, THERE, ref)


async def test_a_kill_loses_none_and_leaves_none_open(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.start()
    await house.record(event(7))
    detector = house.hub.contribute("detector")
    over, left = await detector.tell(ONE, CROSSED), await detector.tell(ONE, THERE)
    await house.kill()
    await house.start()
    event_left = await until_over(house.hub, left)
    assert (event_left.end_reason, event_left.end) == ("abandoned", None)
    assert await house.found(is_open=True) == ["zm-7"], "the VMS ends its own"
    assert set(await house.found()) == {"zm-7", over.format(), left.format()}
    assert await house.steps() == [
        ("zm-7", "new"),
        (over.format(), "new"),
        (over.format(), "end"),
        (left.format(), "new"),
        (left.format(), "end"),
    ]
    again = await house.hub.contribute("detector").tell(ONE, CROSSED)
    assert again not in {over, left}
    await house.stop()


async def test_an_orderly_end_ends_what_is_told_no_more(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.start()
    detector = house.hub.contribute("detector")
    ref = await detector.tell(ONE, THERE)
    house.housekeeping.cancel()
    await asyncio.wait([house.housekeeping])
    detector.close()
    await house.stop()
    store = await asyncio.to_thread(Store.open, tmp_path, house.clock)
    assert (await store.events("zm", OWN, [ref.id]))[ref.id][1].is_over
    await store.close()


async def test_the_vms_never_hears_of_them(house: House) -> None:
    await house.record(event(7))
    detector = house.hub.contribute("detector")
    open_one, over = await detector.tell(ONE, THERE), await detector.tell(ONE, CROSSED)
    assert [one.id for one in house.feed.resume.open_events] == ["7"]
    assert not house.feed.resume.recent_events
    for ref in (open_one, over):
        with pytest.raises(MediaUnavailable, match="own"):
            await house.hub.picture("zm", EventPicture(event=ref))
        for media in (EventFrame(event=ref), EventClip(event=ref)):
            with pytest.raises(MediaUnavailable):
                async with house.hub.media("zm", media):
                    pass
    await settle()
    assert len(await house.found()) == 3


async def test_its_picture_is_that_of_who_tells_it(house: House) -> None:
    detector, other = house.hub.contribute("detector"), house.hub.contribute("other")
    ref = await detector.tell(ONE, replace(CROSSED, snapshot_ready=True))

    async def none(_event: EventRef) -> bytes | None:
        return None

    async def drawn(each: EventRef) -> bytes | None:
        return b"a picture" if each == ref else None

    other.draw(none)
    detector.draw(drawn)
    assert await house.hub.picture("zm", EventPicture(event=ref)) == b"a picture"
    async with house.hub.media("zm", EventFrame(event=ref)) as media:
        assert b"".join([piece async for piece in media.pieces()]) == b"a picture"
    detector.close()
    with pytest.raises(MediaUnavailable):
        await house.hub.picture("zm", EventPicture(event=ref))


async def test_a_restored_database_of_the_vms_leaves_them_alone(house: House) -> None:
    await house.record(event(7))
    detector = house.hub.contribute("detector")
    ref = await detector.tell(ONE, THERE)
    await house.record(event(7), generation=2)
    assert set(await house.found()) == {"zm-2.7", ref.format()}
    await detector.tell(ONE, replace(THERE, end=START), ref)
    assert await house.found(is_open=False) == [ref.format()]
    assert house.feed.resume.generation == 2
    await house.hub.rebuild_index("zm")
    await house.record(event(8), generation=2)
    assert {"zm-2.8", ref.format()} <= set(await house.found())


async def test_what_others_add_stays_and_is_not_written_to_the_vms(house: House) -> None:
    detector, script = house.hub.contribute("detector"), house.hub.contribute("script")
    ref = await detector.tell(ONE, THERE)
    await script.enrich(ref, Enrichment(labels=("cat",), score=0.9, text="not a dog"))
    await detector.tell(ONE, replace(THERE, end=START), ref)
    assert (await house.told())[-1]["labels"] == ["cat", "dog"]
    assert await house.found(words="not a dog") == [ref.format()]


async def test_lost_systems_and_states_end_none_of_them(house: House) -> None:
    detector = house.hub.contribute("detector")
    ref = await detector.tell(ONE, THERE)
    house.feed.emit(SystemLost(detail="cut"))
    await settle()
    assert await house.found(is_open=True) == [ref.format()]
    await detector.tell(ONE, CROSSED)
    await house.add()
    await detector.tell(ONE, replace(THERE, end=START), ref)
    assert not await house.found(is_open=True)


async def test_after_a_reload_without_the_system_nothing_stays_open(house: House) -> None:
    detector = house.hub.contribute("detector")
    ref = await detector.tell(ONE, THERE)
    house.hub.remove_system("zm")
    with pytest.raises(ContributionRefused):
        await detector.tell(ONE, replace(THERE, end=START), ref)
    detector.close()
    await house.add()
    assert (await until_over(house.hub, ref)).end_reason == "abandoned"


async def test_an_own_event_can_be_deleted_and_nothing_else(house: House) -> None:
    detector = house.hub.contribute("detector")
    ref, other = await detector.tell(ONE, CROSSED), await detector.tell(ONE, THERE)
    house.feed.emit(SystemLost(detail="the VMS need not be there"))

    async def result(action: Action, each: EventRef, level: Level = Level.ADMIN) -> Ack:
        return await house.hub.submit(asked(action, each, level=level))

    assert (await result(DeleteEvent(), ref, Level.CONTROL)).result is AckResult.REFUSED
    assert (await result(AddTag(tag="x"), ref)).result is AckResult.REFUSED
    assert (await result(DeleteEvent(), EventRef("zm", OWN, "1"))).result is AckResult.REFUSED
    ack = await result(DeleteEvent(), ref)
    assert (ack.result, ack.applied) == (AckResult.APPLIED, "deleted")
    assert await house.found() == [other.format()]
    assert (await house.steps())[-1] == (ref.format(), "deleted")
    assert (await result(DeleteEvent(), ref)).result is AckResult.REFUSED
    await result(DeleteEvent(), other)
    await detector.tell(ONE, replace(THERE, end=START), other)
    assert not await house.found()
    assert (await house.steps())[-1] == (other.format(), "deleted")


async def test_what_is_old_is_forgotten_like_any_other(house: House) -> None:
    detector = house.hub.contribute("detector")
    ref = await detector.tell(ONE, CROSSED)
    assert await house.found() == [ref.format()]
    house.clock.freeze(9 * 86_400)
    await house.store.prune(("mqtt",), keep=timedelta(days=8), most=1_000)
    assert not await house.store.events("zm", OWN, [ref.id])
    assert await house.found() == [ref.format()], "the index has it until it is full"
    assert (await house.hub.submit(asked(DeleteEvent(), ref))).result is AckResult.APPLIED
    assert not await house.found()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["begin", "end", "vms", "vms ends", "generation", "close"]), st.integers(0, 3)), max_size=8
    )
)
async def test_the_vms_s_events_are_the_same_with_own_events_and_without(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Whatever the bridge tells itself, messages of the VMS's events and what their backend resumes by don't change."""

    async def run(*, with_own: bool) -> tuple[list[dict[str, Any]], object]:
        generation = 1
        async with House(tmp_path_factory.mktemp("house")).open() as house:
            detector, refs = house.hub.contribute("detector"), list[EventRef]()
            for step, number in steps:
                if step == "vms":
                    await house.record(event(number), generation=generation)
                elif step == "vms ends":
                    await house.record(replace(event(number), end=START), generation=generation)
                elif step == "generation":
                    generation += 1
                elif with_own and step == "begin":
                    refs.append(await detector.tell(ONE, THERE))
                elif with_own and step == "end" and number < len(refs):
                    await detector.tell(ONE, replace(THERE, end=START), refs[number])
                elif with_own and step == "close":
                    detector.close()
                    detector, refs = house.hub.contribute("detector"), []
            await settle()
            told = [message for message in await house.told() if "-own." not in message["id"]]
            for message in told:  # which count all of a monitor, in another store
                del message["seq"], message["epoch"]
            found = [each for each in await house.found() if "-own." not in each]
            return told, (house.feed.resume, sorted(found))

    assert await run(with_own=False) == await run(with_own=True)
