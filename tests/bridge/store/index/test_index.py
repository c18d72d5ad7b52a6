"""The index of a store: what was told is found, and what is gone is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.bridge.store.index.told import found, opened, search, shown, tell
from tests.fakes.backend import START, event

from vms_bridge.index import MOST_VALUES, Bucket, BucketSize, IndexMark, Search, ValueCount, ValueKind
from vms_bridge.model import Enrichment, EventRef

if TYPE_CHECKING:
    from pathlib import Path


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


async def test_what_was_told_is_found_the_newest_first(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1), event(2, start=at(2)), event(3, "2", start=at(1)))
    assert await found(store) == ["2", "3", "1"]
    [first, *_] = (await search(store)).events
    assert (first.ref, first.monitor, first.event) == (EventRef("zm", 1, "2"), "camera_1", event(2, start=at(2)))
    assert await found(store, monitors=frozenset({("zm", "camera_2")})) == ["3"]
    assert await found(store, since=at(1)) == ["2", "3"]
    assert await found(store, until=at(1)) == ["1"]
    await store.close()


async def test_an_event_is_found_by_what_it_is_now(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1, notes="a Hélène at the door", labels=("person",), score=0.5))
    assert await found(store, is_open=True) == ["1"]
    await tell(store, event(1, notes="the cat", labels=("cat",), score=0.9, end=at(3), duration_s=180.03, start=at(0.5)))
    assert await found(store, words="helene") == []
    assert await found(store, labels=frozenset({"person"})) == []
    assert await found(store, is_open=True) == []
    assert await found(store, words="CAT motion", labels=frozenset({"cat", "dog"}), least_score=0.9, most_score=0.9) == ["1"]
    assert await found(store, least_duration_s=180.03, most_duration_s=180.03) == ["1"]
    assert await found(store, least_duration_s=180.04) == []
    assert await found(store, words="mot* ca*") == ["1"]
    await tell(store, event(1, deleted=True))
    assert await found(store) == []
    await store.close()


async def test_what_people_have_done_to_an_event_is_there_and_its_tags_are_words(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    marked = [
        event(number, start=at(number), archived=archived, locked=locked, tags=tags)
        for number, (archived, locked, tags) in enumerate(
            [(None, None, None), (False, False, ()), (True, None, ("parcel", "post")), (None, True, ("post",))], start=1
        )
    ]
    await tell(store, *marked)
    assert [each.event for each in reversed((await search(store)).events)] == marked
    assert await found(store, words="post") == ["4", "3"]
    await tell(store, event(4, start=at(4), archived=True, locked=True, tags=()))
    assert await found(store, words="post") == ["3"]
    await store.close()


async def test_a_list_without_tags_takes_none_away(tmp_path: Path) -> None:
    store = await opened(tmp_path)

    async def listed(**said: Any) -> None:  # noqa: ANN401 - fields of an event
        await store.add_to_index("zm", 1, [("camera_1", event(1, start=at(1), **said))], mark=None, is_complete=False)

    await listed(tags=("parcel",))
    await listed(archived=True)
    [kept] = (await search(store)).events
    assert (kept.event.tags, kept.event.archived) == (("parcel",), True)
    assert await found(store, words="parcel") == ["1"]
    await listed(tags=())
    assert await found(store, words="parcel") == []
    await store.close()


async def test_an_event_that_was_looked_at_moves_no_mark(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.add_to_index("zm", 1, [("camera_1", event(2, end=at(2)))], mark="page 1", is_complete=True)
    await store.add_to_index("zm", 1, [("camera_1", event(1, end=at(1), archived=True))], mark=None, is_complete=False)
    assert await store.index_mark("zm") == IndexMark(generation=1, mark="page 1", is_complete=True)
    assert await found(store) == ["1", "2"]
    await store.close()


async def test_what_others_have_added_is_found(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1, labels=("person",), score=0.5))
    added = Enrichment(labels=("car",), score=0.8, zones=("Drive",), text="a red van", plates=("AB 123",), faces=("Ada",))
    await tell(store, added=(("1", "detector", added),))
    for query in ({"labels": {"car"}}, {"zones": {"Drive"}}, {"words": "van"}, {"plates": {"AB 123"}}, {"faces": {"Ada"}}):
        assert await found(
            store, **{key: value if isinstance(value, str) else frozenset(value) for key, value in query.items()}
        ) == ["1"]
    [one] = (await search(store)).events
    assert (one.event.labels, one.event.score, one.plates, one.faces) == (("car", "person"), 0.8, ("AB 123",), ("Ada",))
    await store.close()


async def test_what_a_contributor_says_anew_takes_the_place_of_what_it_said(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1))
    for text in ("a red van", "a blue van"):
        await tell(store, added=(("1", "detector", Enrichment(text=text)),))
        assert await found(store, words=text) == ["1"]
    assert await found(store, words="red") == []
    await store.close()


async def test_what_was_recorded_before_is_added_with_how_far_it_got(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(9, cause="told"))
    assert await store.index_mark("zm") == IndexMark(generation=1)
    old = [("camera_1", event(number, end=at(number))) for number in (2, 10, 9)]
    await store.add_to_index("zm", 1, old, mark="page 1", is_complete=False)
    assert await store.index_mark("zm") == IndexMark(generation=1, mark="page 1")
    assert await store.index_counts("zm", 1) == {"camera_1": 3}
    assert await store.index_ids("zm", 1, "camera_1", after=None, limit=9) == ["2", "9", "10"]
    assert await store.index_ids("zm", 1, "camera_1", after="2", limit=1) == ["9"]
    assert await found(store, words="told") == ["9"]
    await store.forget_indexed("zm", 1, ["2", "77"])
    assert await store.index_counts("zm", 1) == {"camera_1": 2}
    await store.add_to_index("zm", 1, [], mark=None, is_complete=True)
    assert await store.index_mark("zm") == IndexMark(generation=1, is_complete=True)
    await store.close()


async def test_counts_by_the_day(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, *(event(number, start=at(600 * number)) for number in range(4)))
    by_day = await store.index.timeline(Search(), await shown(store), BucketSize.DAY, UTC)
    day = datetime(2026, 11, 20, tzinfo=UTC)
    assert by_day == [Bucket(start=day, events=2), Bucket(start=day + timedelta(days=1), events=2)]
    assert await store.index.timeline(Search(words="motion"), await shown(store), BucketSize.DAY, UTC) == by_day
    await store.close()


async def test_values_are_counted_the_most_frequent_first(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, *(event(number, start=at(number), labels=("dog", "cat")[: number % 2 + 1]) for number in range(60)))
    counts = (ValueCount(value="dog", events=60), ValueCount(value="cat", events=30))
    listed = await store.index.values(Search(), await shown(store), ValueKind.LABEL, 2)
    assert (listed.counts, listed.is_complete) == (counts, True)
    listed = await store.index.values(Search(), await shown(store), ValueKind.LABEL, 1)
    assert (listed.counts, listed.is_complete) == (counts[:1], False)
    some = Search(since=at(20), until=at(20.5))
    assert (await store.index.values(some, await shown(store), ValueKind.LABEL, 9)).counts == (ValueCount(value="dog", events=1),)
    assert (await store.index.values(some, {}, ValueKind.LABEL, 9)).counts == ()
    await store.close()


async def test_of_too_many_values_those_are_counted_that_were_there_first(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    labels = tuple(f"label {number:04}" for number in range(MOST_VALUES + 1))
    await tell(store, *(event(first, labels=labels[first : first + 100]) for first in range(0, len(labels), 100)))
    listed = await store.index.values(Search(), await shown(store), ValueKind.LABEL, MOST_VALUES)
    assert ({each.value for each in listed.counts}, listed.is_complete) == ({*labels[:MOST_VALUES]}, False)
    await store.close()
