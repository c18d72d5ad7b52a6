"""What others than backends contribute: objects end when nobody sees them, and what is added to an event stays."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.hub.house import HubHouse
from tests.fakes.backend import START, event, monitor, snapshot, state
from tests.fakes.clock import FakeClock, settle

from vms_bridge.backends import load_kind
from vms_bridge.enriched import enriched
from vms_bridge.errors import ContributionRefused, StoreError
from vms_bridge.hub import Hub
from vms_bridge.hub.contributions import MOST_OBJECTS
from vms_bridge.hub.object_pictures import MOST_PICTURE_BYTES, ObjectPictures
from vms_bridge.hub.presence import MOST_SOURCES
from vms_bridge.keys import MonitorRules
from vms_bridge.model import DetectedObject, Detection, Enrichment, Event, EventBatch, EventRef, StateUpdate, SystemLost
from vms_bridge.objects import MOST_WATCHED, ObjectCounts, Pace, Seen, Watched
from vms_bridge.store import Store
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


ONE = ("zm", "1")
SEVEN = EventRef("zm", 1, "7")
NOBODY = ObjectCounts()
CAT = Enrichment(labels=("cat",), score=0.9)


class House(HubHouse):
    """What a test sees and records."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, monitors=2)

    async def start(self) -> None:
        await super().start()
        self.housekeeping = asyncio.create_task(self.hub.run())

    async def stop(self) -> None:
        self.housekeeping.cancel()
        await asyncio.wait([self.housekeeping])
        await super().stop()

    def objects(self, key: str = "1") -> ObjectCounts | None:
        view = self.hub.monitor("zm", key)
        assert view
        return view.objects

    def pace(self, key: str = "1") -> Pace | None:
        view = self.hub.monitor("zm", key)
        assert view
        return view.pace

    def see(self, *objects: DetectedObject, source: str = "vms") -> None:
        self.feed.emit(Detection(monitor_id="1", time=START, objects=objects, source=source))

    async def record(self, *events: Event, late: bool = False, generation: int = 1) -> None:
        await self.feed.record(EventBatch(events=events, late=late, generation=generation))

    async def told(self, *, late: bool = False) -> list[dict[str, Any]]:
        messages = await self.hub.undelivered("mqtt", late=late, after=0, limit=10_000)
        return [json.loads(message.payload) for message in messages]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with House(tmp_path).open() as one:
        yield one


def thing(label: str, *zones: str) -> DetectedObject:
    return DetectedObject(label=label, zones=zones)


async def test_objects_are_counted_by_label_and_zone_and_heard_of_as_state(house: House) -> None:
    assert house.objects() is None, "nobody has looked yet"
    subscription = house.hub.subscribe()
    await subscription.changes()
    house.see(thing("person", "drive"), thing("person"), thing("car", "drive", "street"))
    assert house.objects() == ObjectCounts(
        labels={"car": 1, "person": 2}, zones={"drive": {"car": 1, "person": 1}, "street": {"car": 1}}
    )
    assert (await subscription.changes()).states == {ONE}
    house.see(thing("person"), thing("person", "drive"), thing("car", "street", "drive"))
    assert not (await subscription.changes()).states, "they have moved, but are the same"
    house.see()
    assert house.objects() == NOBODY
    assert (await subscription.changes()).states == {ONE}


async def test_of_each_label_there_are_as_many_as_whoever_sees_most(house: House) -> None:
    detector = house.hub.contribute("detector")
    house.see(thing("person"), thing("dog"))
    detector.detect(ONE, [thing("person"), thing("person")], frame=3, event=SEVEN)
    assert house.objects() == ObjectCounts(labels={"dog": 1, "person": 2})
    detector.detect(ONE, [])
    assert house.objects() == ObjectCounts(labels={"dog": 1, "person": 1})
    changes = await house.hub.subscribe().changes()
    assert {key: len(each.objects) for key, each in changes.detections.items()} == {(*ONE, "vms"): 2, (*ONE, "detector"): 0}


async def test_a_detection_names_an_event_of_now_only(house: House) -> None:
    detector = house.hub.contribute("detector")
    for ref, wanted in ((SEVEN, "7"), (EventRef("zm", 2, "7"), None), (EventRef("other", 1, "7"), None), (None, None)):
        detector.detect(ONE, [thing("person")], event=ref)
        assert (await house.hub.subscribe().changes()).detections[(*ONE, "detector")].event_id == wanted


@pytest.mark.parametrize(
    "loss",
    [
        lambda house: house.feed.emit(SystemLost(detail="gone")),
        lambda house: house.feed.emit(StateUpdate(monitor_id="1", state=state(connected=False))),
        lambda house: house.feed.emit(StateUpdate(monitor_id="1", state=state(armed=False))),
    ],
    ids=["system lost", "no pictures", "disarmed"],
)
async def test_what_is_there_is_unknown_after_a_loss_until_somebody_looks_again(
    house: House, loss: Callable[[House], None]
) -> None:
    detector = house.hub.contribute("detector")
    detector.detect(ONE, [thing("person")])
    house.see(thing("dog"))
    loss(house)
    assert house.objects() is None
    house.feed.emit(StateUpdate(monitor_id="1", state=state()))
    assert house.objects() is None
    house.see()
    assert house.objects() == NOBODY
    detector.detect(ONE, [thing("person")])
    assert house.objects() == ObjectCounts(labels={"person": 1})


async def test_who_falls_silent_over_objects_knows_nothing_any_more(house: House) -> None:
    detector = house.hub.contribute("detector")
    detector.detect(ONE, [thing("person")])
    house.see()
    await settle()
    await house.clock.advance(59)
    assert house.objects() == ObjectCounts(labels={"person": 1})
    await house.clock.advance(2)
    assert house.objects() == NOBODY, "the VMS has said that it sees nothing"
    house.see(thing("dog"))
    await house.clock.advance(61)
    assert house.objects() is None


async def test_the_end_of_a_contributor_ends_what_it_sees_and_gives_its_name_free(house: House) -> None:
    detector = house.hub.contribute("detector")
    detector.detect(ONE, [thing("person")])
    detector.detect(("zm", "2"), [thing("person")])
    house.see(thing("dog"))
    with pytest.raises(ContributionRefused, match="already"):
        house.hub.contribute("detector")
    subscription = house.hub.subscribe()
    await subscription.changes()
    detector.close()
    assert (house.objects("1"), house.objects("2")) == (ObjectCounts(labels={"dog": 1}), None)
    changes = await subscription.changes()
    assert {key: each.objects for key, each in changes.detections.items()} == {
        (*ONE, "detector"): (), ("zm", "2", "detector"): (),
    }  # fmt: skip
    with pytest.raises(ContributionRefused, match="has ended"):
        detector.detect(ONE, [])
    with pytest.raises(ContributionRefused, match="has ended"):
        await detector.enrich(SEVEN, CAT)
    again = house.hub.contribute("detector")
    detector.close()
    again.detect(ONE, [thing("person")])


@pytest.mark.parametrize("source", ["", " ", "vms", "\u200b", "x" * 257])
async def test_a_contributor_has_a_name_of_its_own(house: House, source: str) -> None:
    with pytest.raises(ContributionRefused, match="needs a name"):
        house.hub.contribute(source)


async def test_what_is_looked_for_is_shown_with_its_monitor(house: House) -> None:
    subscription = house.hub.subscribe()
    await subscription.changes()
    detector, other = house.hub.contribute("detector"), house.hub.contribute("other")
    detector.watch(ONE, [Watched("person"), Watched("person", "Porch")])
    other.watch(ONE, [Watched("person"), Watched("dog"), Watched("\x00")])
    view = house.hub.monitor(*ONE)
    assert view
    assert view.watched == (Watched("dog"), Watched("person"), Watched("person", "Porch"))
    assert (await subscription.changes()).described == {ONE}
    other.watch(ONE, [Watched("dog"), Watched("person")])
    assert house.hub.monitor(*ONE) is view, "nothing is new"
    detector.close()
    other.watch(ONE, [])
    view = house.hub.monitor(*ONE)
    assert view
    assert view.watched == ()
    assert (await subscription.changes()).described == {ONE}
    subscription.close()


async def test_a_monitor_may_come_after_what_is_looked_for_there(house: House) -> None:
    detector = house.hub.contribute("detector")
    detector.watch(("zm", "3"), [Watched("person")])
    assert house.hub.monitor("zm", "3") is None
    house.feed.emit(snapshot(monitor(1), monitor(3)))
    view = house.hub.monitor("zm", "3")
    assert view
    assert view.watched == (Watched("person"),)
    with pytest.raises(ContributionRefused, match="no system"):
        detector.watch(("nowhere", "1"), [])
    with pytest.raises(ContributionRefused, match="more than"):
        detector.watch(ONE, [Watched(str(number)) for number in range(MOST_WATCHED + 1)])


async def test_how_a_monitor_is_looked_at_is_shown_until_who_looks_has_ended(house: House) -> None:
    contributor = house.hub.contribute("eyes")
    pace = Pace(rate=2.0, took_s=0.01, age_s=0.1, dropped=3, share=0.02)
    subscription = house.hub.subscribe()
    contributor.pace(ONE, pace)
    assert house.pace() == pace
    assert ONE in (await subscription.changes()).states
    contributor.pace(ONE, pace)
    contributor.pace(("zm", "2"), pace)
    contributor.pace(("zm", "2"), None)
    assert house.pace("2") is None
    for monitor_ in (("zm", "9"), ("other", "1")):
        with pytest.raises(ContributionRefused):
            contributor.pace(monitor_, pace)
    contributor.close()
    assert house.pace() is None


async def test_what_came_into_sight_last_stays_when_it_has_gone(house: House) -> None:
    def seen() -> Seen | None:
        view = house.hub.monitor(*ONE)
        assert view
        return view.seen

    assert seen() is None
    house.see(thing("person"))
    assert seen() == Seen(time=house.clock.now(), labels=("person",))
    first = house.clock.now()
    await house.clock.advance(5)
    house.see(thing("person"))
    house.see()
    assert seen() == Seen(time=first, labels=("person",)), "it was there before"
    house.see(thing("dog"), thing("person"), thing("person"))
    assert seen() == Seen(time=house.clock.now(), labels=("dog", "person"))


JPEG = b"\xff\xd8\xff"


async def test_the_best_picture_of_what_is_looked_for_is_shown_until_it_is_so_no_more(house: House) -> None:
    detector, person = house.hub.contribute("detector"), Watched("person")
    with pytest.raises(ContributionRefused, match="'Person' is not looked for at zm/1"):
        detector.show(ONE, person, JPEG)
    detector.watch(ONE, [person])
    subscription = house.hub.subscribe()
    await subscription.changes()
    detector.show(ONE, person, JPEG + b"one")
    assert (await subscription.changes()).states == {ONE}
    await house.clock.advance(1)
    detector.show(ONE, person, JPEG + b"two")
    view = house.hub.monitor(*ONE)
    assert view
    assert view.pictures == {person: house.clock.now()}
    assert house.hub.object_picture(ONE, person) == JPEG + b"two"
    for wrong in (b"GIF89a", JPEG + bytes(MOST_PICTURE_BYTES)):
        with pytest.raises(ContributionRefused, match="no JPEG"):
            detector.show(ONE, person, wrong)
    detector.watch(ONE, [Watched("dog")])
    view = house.hub.monitor(*ONE)
    assert view
    assert view.pictures == {}
    assert house.hub.object_picture(ONE, person) is None
    subscription.close()


async def test_a_monitor_that_has_gone_shows_no_picture(house: House) -> None:
    detector, person = house.hub.contribute("detector"), Watched("person")
    detector.watch(ONE, [person])
    detector.show(ONE, person, JPEG)
    house.feed.emit(snapshot(monitor(2)))
    assert house.hub.monitor(*ONE) is None
    assert house.hub.object_picture(ONE, person) is None


async def test_what_is_looked_for_outlives_another_configuration_of_the_system(house: House) -> None:
    house.hub.contribute("detector").watch(ONE, [Watched("person")])
    await house.add()
    view = house.hub.monitor(*ONE)
    assert view
    assert view.watched == (Watched("person"),)


async def test_pictures_of_long_ago_make_room(house: House) -> None:
    pictures = ObjectPictures(most_bytes=10)
    cat, dog, person = (Watched(label) for label in ("cat", "dog", "person"))
    assert not pictures.put(ONE, cat, JPEG + b"1")
    assert not pictures.put(ONE, dog, JPEG + b"2")
    assert not pictures.put(ONE, cat, JPEG + b"3"), "it is in the place of its own one before"
    assert list(pictures.put(ONE, person, JPEG + b"4")) == [(ONE, dog)]
    assert [pictures.get(ONE, each) for each in (cat, dog, person)] == [JPEG + b"3", None, JPEG + b"4"]
    house.hub._contributions.pictures._most_bytes = 5
    detector = house.hub.contribute("detector")
    detector.watch(ONE, [cat, dog])
    detector.show(ONE, cat, JPEG)
    detector.show(ONE, dog, JPEG)
    view = house.hub.monitor(*ONE)
    assert view
    assert view.pictures.keys() == {dog}


async def test_what_is_no_detection_is_refused_and_changes_nothing(house: House) -> None:
    detector = house.hub.contribute("detector")
    for where in (("zm", "9"), ("nowhere", "1")):
        with pytest.raises(ContributionRefused, match=r"there is no system|has no monitor"):
            detector.detect(where, [])
    with pytest.raises(ContributionRefused, match="more than"):
        detector.detect(ONE, [thing("person")] * (MOST_OBJECTS + 1))
    for wrong in ([None], [DetectedObject(label=cast("Any", 7))], [replace(thing("x"), box=cast("Any", (1, 2)))]):
        with pytest.raises(ContributionRefused, match="can't be added"):
            detector.detect(ONE, cast("Any", wrong))
    assert house.objects() is None


async def test_a_backend_with_ever_other_sources_is_bounded(house: House) -> None:
    for number in range(5 * MOST_SOURCES):
        house.see(*[thing("person")] * (number % 3), source=f"model {number}")
    assert len(list(house.hub._presence.newest(ONE))) == MOST_SOURCES
    assert house.objects() == ObjectCounts(labels={"person": 2})
    house.feed.emit(SystemLost(detail="gone"))
    assert house.objects() is None
    assert not house.hub._presence._until


async def test_what_is_added_to_an_event_is_told_and_the_vms_wipes_none_of_it(house: House) -> None:
    await house.record(event(7, labels=("animal",), score=0.5, zones=("1",)))
    detector, plates = house.hub.contribute("detector"), house.hub.contribute("plates")
    await detector.enrich(SEVEN, replace(CAT, zones=("2", "1")))
    await plates.enrich(SEVEN, Enrichment(labels=("car",), score=0.7, text="B-AB 12", best=3))
    await house.record(event(7, labels=("animal",), score=0.5, zones=("1", "3"), cause="Motion: 3"))
    await house.record(event(7, end=START, zones=("3",)))
    told = [(each["type"], each["labels"], each["score"], each["zones"]) for each in await house.told()]
    assert told == [
        ("new", ["animal"], 0.5, ["1"]),
        ("update", ["cat", "animal"], 0.9, ["1", "2"]),
        ("update", ["cat", "car", "animal"], 0.9, ["1", "2"]),
        ("update", ["cat", "car", "animal"], 0.9, ["1", "3", "2"]),
        ("end", ["cat", "car"], 0.9, ["3", "2", "1"]),
    ]
    view = house.hub.monitor("zm", "1")
    assert view
    assert view.last_event
    assert (view.last_event.label, view.last_event.type) == ("cat", MessageType.END)
    assert [one.labels for one in house.feed.resume.recent_events] == [()], "a backend is given its own words back"


async def test_plates_faces_and_texts_are_told_as_all_say_them_together(house: House) -> None:
    await house.record(event(7, labels=("car",), score=0.9))
    detector, reader = house.hub.contribute("detector"), house.hub.contribute("reader")
    await detector.enrich(SEVEN, Enrichment(labels=("car",), score=0.5, text="a van", faces=("Ada",)))
    await reader.enrich(SEVEN, Enrichment(labels=("car",), score=0.8, text="two men", plates=("B AB 12",), best=3))
    await reader.enrich(SEVEN, Enrichment(labels=("car",), score=0.8, text="two men", plates=("B AB 12",), best=4))
    await house.record(event(7, labels=("car",), score=0.9, end=START))
    told = [(each["type"], each["plates"], each["faces"], each["text"]) for each in await house.told()]
    assert told == [
        ("new", [], [], None),
        ("update", [], ["Ada"], "a van"),
        ("update", ["B AB 12"], ["Ada"], "two men a van"),
        ("end", ["B AB 12"], ["Ada"], "two men a van"),
    ]
    view = house.hub.monitor("zm", "1")
    assert view
    assert view.last_event
    assert view.last_event.text == "two men a van"


async def test_what_is_added_stays_over_a_restart_and_long_after(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.open():
        await house.record(event(7), event(8, end=START))
        detector = house.hub.contribute("detector")
        await detector.enrich(SEVEN, CAT)
        await detector.enrich(EventRef("zm", 1, "8"), CAT)
    async with house.open():
        await house.record(event(7, cause="another"))
        await house.clock.advance(300)  # 8 is no longer followed
        await house.record(event(8, end=START, cause="another"))
        await house.hub.contribute("other").enrich(EventRef("zm", 1, "8"), Enrichment(labels=("dog",), score=0.95))
        told = [(each["id"], each["type"], each["labels"]) for each in await house.told()]
        assert told[-3:] == [("zm-7", "update", ["cat"]), ("zm-8", "update", ["cat"]), ("zm-8", "update", ["dog", "cat"])]


async def test_the_same_once_more_tells_nothing_and_another_replaces_it(house: House) -> None:
    await house.record(event(7))
    detector = house.hub.contribute("detector")
    for one in (CAT, CAT, replace(CAT, text="Felix"), Enrichment(labels=("dog",), score=0.9), Enrichment()):
        await detector.enrich(SEVEN, one)
    told = [(each["labels"], each["text"]) for each in await house.told()]
    assert told == [([], None), (["cat"], None), (["cat"], "Felix"), (["dog"], None), ([], None)]
    assert await house.store.enrichments("zm", 1, ["7"]) == {"7": {"detector": Enrichment()}}


async def test_what_follows_something_late_is_late_too(house: House) -> None:
    await house.record(event(7), late=True)
    await house.hub.contribute("detector").enrich(SEVEN, CAT)
    assert [each["type"] for each in await house.told(late=True)] == ["new", "update"]
    assert await house.told() == []


async def test_nothing_is_added_to_what_is_not_there(house: House) -> None:
    await house.record(event(7), event(8))
    await house.record(event(8, deleted=True))
    detector = house.hub.contribute("detector")
    for ref in (EventRef("zm", 1, "9"), EventRef("zm", 1, "8")):
        with pytest.raises(ContributionRefused, match="is not known"):
            await detector.enrich(ref, CAT)
    with pytest.raises(ContributionRefused, match="there is no system"):
        await detector.enrich(EventRef("other", 1, "7"), CAT)
    for wrong in (None, Enrichment(score=cast("Any", "high")), Enrichment(labels=cast("Any", (None,)))):
        with pytest.raises(ContributionRefused, match="can't be added"):
            await detector.enrich(SEVEN, cast("Any", wrong))
    with pytest.raises(ContributionRefused, match="more than 64"):
        await detector.enrich(SEVEN, Enrichment(zones=tuple(map(str, range(65)))))
    await house.record(event(7), generation=2)
    with pytest.raises(ContributionRefused, match="started anew"):
        await detector.enrich(SEVEN, CAT)
    await detector.enrich(EventRef("zm", 2, "7"), CAT)
    assert [(each["id"], each["labels"]) for each in await house.told()][-2:] == [("zm-2.7", []), ("zm-2.7", ["cat"])]


async def test_so_many_may_add_to_one_event(house: House) -> None:
    await house.record(event(7))
    for number in range(16):
        await house.hub.contribute(f"source {number}").enrich(SEVEN, CAT)
    one_more = house.hub.contribute("one more")
    with pytest.raises(ContributionRefused, match="16 others"):
        await one_more.enrich(SEVEN, CAT)


async def test_what_was_added_goes_with_its_event(house: House) -> None:
    await house.record(event(7, end=START))
    await house.hub.contribute("detector").enrich(SEVEN, CAT)
    await house.clock.advance(100)
    await house.store.prune([], keep=timedelta(seconds=50), most=100)
    assert await house.store.events("zm", 1, ["7"]) == {}
    assert await house.store.enrichments("zm", 1, ["7"]) == {}


async def test_a_store_that_fails_is_told_to_who_contributes(house: House) -> None:
    await house.record(event(7))
    detector = house.hub.contribute("detector")
    await house.store._run(house.store._database.connection.execute, "DROP TABLE contributions")
    with pytest.raises(StoreError):
        await detector.enrich(SEVEN, CAT)
    assert [each["type"] for each in await house.told()] == ["new"]


SCORES = st.none() | st.floats(0, 1)
LABELS = st.lists(st.sampled_from(["cat", "dog", "car"]), max_size=3, unique=True).map(tuple)
ADDED = st.dictionaries(st.sampled_from("abc"), st.builds(Enrichment, labels=LABELS, score=SCORES, zones=LABELS), max_size=3)


@given(LABELS, SCORES, ADDED)
def test_the_overlay_keeps_everything_and_says_the_best_first(
    labels: tuple[str, ...], score: float | None, added: dict[str, Enrichment]
) -> None:
    plain = event(7, labels=labels, score=score)
    shown = enriched(plain, added)
    every = [labels, *(one.labels for one in added.values())]
    assert sorted(shown.labels) == sorted({label for each in every for label in each})
    assert set(shown.zones) == {zone for one in added.values() for zone in one.zones}
    scores = [each or 0.0 for each, of in [(score, labels), *((one.score, one.labels) for one in added.values())] if of]
    assert not scores or (shown.score or 0.0) == max(scores)
    assert replace(shown, labels=(), score=None, zones=()) == replace(plain, labels=(), score=None, zones=())
    assert enriched(plain, {}) is plain


STEP = st.sampled_from(["record", "end", "enrich", "restart", "reload", "wait"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(STEP, max_size=10))
async def test_whatever_happens_the_last_word_has_all_that_was_added(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    house = House(tmp_path_factory.mktemp("store"))
    added: set[str] = set()
    async with house.open():
        known = event(7)
        await house.record(known)
        for number, step in enumerate(steps):
            match step:
                case "record":
                    known = replace(known, cause=f"cause {number}")
                    await house.record(known)
                case "end":
                    known = replace(known, end=known.end or START)
                    await house.record(known)
                case "enrich":
                    contributor = house.hub.contribute(f"source {number}")
                    await contributor.enrich(SEVEN, Enrichment(labels=(f"label {number}",), score=number / 100))
                    added.add(f"label {number}")
                case "restart":
                    await house.stop()
                    await house.start()
                case "reload":
                    await house.add()
                case "wait":
                    await house.clock.advance(300)
        told = [each for each in await house.told() if each["id"] == "zm-7"]
        assert set(told[-1]["labels"]) == added
        assert [each["seq"] for each in told] == list(range(1, len(told) + 1))


async def test_the_simulator_shows_who_is_there_and_that_they_have_gone(tmp_path: Path) -> None:
    clock = FakeClock(START)
    store = await asyncio.to_thread(Store.open, tmp_path, clock)
    hub, kind = Hub(store, clock), load_kind("simulator")
    backend = kind.create("sim", kind.config(width=320), clock)
    feed = await hub.add_system(key="sim", kind="simulator", name="Sim", rules=MonitorRules(), backend=backend)
    task = asyncio.create_task(backend.run(feed))
    seen: list[ObjectCounts] = []
    async with asyncio.timeout(15):  # its store works in a thread, and time must not run away from it
        while not (seen and seen[-1] == NOBODY and any(each.labels and each.zones for each in seen)):
            await clock.advance(0.5)
            await asyncio.sleep(0.002)
            view = hub.monitor("sim", "1")
            if view and view.objects is not None:
                seen.append(view.objects)
    task.cancel()
    await asyncio.wait([task])
    feed.emit(SystemLost(detail="gone"))
    view = hub.monitor("sim", "1")
    assert view
    assert view.objects is None
    await hub.close()
    await store.close()
