"""What leaves the index: what is too much, given up or purged; and that nothing of it stays behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from tests.bridge.store.index.told import found, opened, search, shown, tell
from tests.fakes.backend import START, event

from vms_bridge.errors import SearchRefused
from vms_bridge.index import Bucket, BucketSize, Search
from vms_bridge.model import Enrichment
from vms_bridge.store.index.timeline import buckets

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.model import Event

TABLES = ("monitors", "series", "terms", "events", "added", "postings")


def rows(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(f"{(path / 'index.sqlite').as_uri()}?mode=ro", uri=True)) as file:
        return {table: file.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}  # noqa: S608 - our own


def old(number: int) -> Event:
    return event(number, start=START + timedelta(hours=number), notes=f"word{number}", labels=(f"label {number}",))


async def test_beyond_the_bound_the_oldest_go(tmp_path: Path) -> None:
    store = await opened(tmp_path, indexed=5)
    await tell(store, *(old(number) for number in range(1, 251)))
    assert len(await found(store)) == 100
    while await store.tend_index():
        pass
    assert await found(store) == ["250", "249", "248", "247", "246"]
    assert await store.index_counts("zm", 1) == {"camera_1": 5}
    left = rows(tmp_path)
    assert left.pop("postings") < 100
    assert left == {"monitors": 1, "series": 1, "terms": 18, "events": 5, "added": 0}
    await store.close()


async def test_nothing_stays_of_what_is_given_up(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    added = Enrichment(plates=("AB 1",), faces=("Ada",), text="hello")
    await tell(store, old(1), old(2), old(3))
    await tell(store, added=(("1", "detector", added),))
    await tell(store, old(7), system="barn")
    assert len(await found(store)) == 4
    await tell(store, old(1), generation=2)  # a restored database
    assert await found(store, systems=frozenset({"zm"})) == ["1"]
    while await store.tend_index():
        pass
    assert (await search(store, plates=frozenset({"AB 1"}))).events == ()
    await store.forget_indexed("zm", 2, ["1"])
    await store.forget_indexed("barn", 1, ["7", "8"])
    left = rows(tmp_path)
    assert (left["events"], left["added"], left["postings"], left["terms"]) == (0, 0, 0, 0)
    assert await store.index_counts("zm", 1) == {}
    assert await store.index_counts("zm", 2) == {"camera_1": 0}
    await store.close()


async def test_what_comes_late_of_an_older_generation_is_left_out(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, old(1), generation=2)
    await store.add_to_index("zm", 1, [("camera_1", old(5))], mark="old", is_complete=True)
    assert await found(store) == ["1"]
    assert (await store.index_mark("zm")).generation == 2
    await store.close()


async def test_a_system_is_cleared_and_what_the_store_has_comes_back(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, old(1))
    await tell(store, old(2), system="barn")
    await store.add_to_index("zm", 1, [("camera_1", old(9))], mark="x", is_complete=True)
    assert len(await found(store)) == 3
    await store.clear_index("zm")
    assert await found(store) == ["2"]
    while await store.tend_index():
        pass
    assert await found(store) == ["2", "1"]
    assert (await store.index_mark("zm")).mark is None
    await store.clear_index(None)
    while await store.tend_index():
        pass
    assert await found(store) == ["2", "1"]
    await store.close()


async def test_a_monitor_that_is_not_shown_for_long_is_given_up(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, old(1), replace(old(2), monitor_id="2"))
    seen = await shown(store)
    while await store.tend_index():
        pass
    first = frozenset(number for number, monitor in seen.items() if monitor.monitor_id == "1")
    await store.index.note_gone(first, "2026-01-01", "2025-12-25")
    await store.index.note_gone(frozenset(seen), "2026-01-02", "2025-12-26")
    await store.index.note_gone(first, "2026-01-03", "2025-12-27")
    await store.index.note_gone(first, "2026-01-04", "2026-01-03")
    assert len(await found(store)) == 2, "it was shown in between"
    await store.index.note_gone(first, "2026-01-11", "2026-01-04")
    assert await found(store) == ["1"]
    while await store.tend_index():
        pass
    assert rows(tmp_path)["monitors"] == 1
    await tell(store, replace(old(3), monitor_id="2"))
    assert await found(store) == ["3", "1"]
    await store.close()


async def test_an_event_whose_start_is_learnt_later_moves(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1, start=None), event(2))
    assert await found(store) == ["2", "1"]
    assert await found(store, until=START + timedelta(days=1)) == ["2"]
    await tell(store, event(1, start=START + timedelta(microseconds=1_500)))
    assert await found(store) == ["1", "2"]
    assert (await search(store)).events[0].event.start == START + timedelta(microseconds=1_500)
    await store.close()


async def test_five_thousand_events_may_begin_at_once(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, *(event(number) for number in range(5_000)))
    after, pages = None, []
    while True:
        page = await search(store, after, limit=1_000)
        pages += [each.event for each in page.events]
        after = page.after
        if after is None:
            break
    assert {each.id for each in pages} == {str(number) for number in range(5_000)}
    assert {each.start for each in pages} == {START}
    asked = Search(words="motion", since=START, until=START + timedelta(milliseconds=1))
    [bucket] = await store.index.timeline(asked, await shown(store), BucketSize.HOUR, UTC)
    assert bucket.events == 4_096, "what has no place in its millisecond any more is counted in the next one"
    await store.close()


async def test_of_many_that_begin_together_those_are_found_that_are_wanted(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    times = [START + timedelta(seconds=number % 7) for number in range(700)]
    labels = [("cat",) if number % 2 else ("dog",) for number in range(700)]
    await tell(store, *(event(number, start=times[number], labels=labels[number]) for number in range(700)))
    after, pages = None, []
    while True:
        page = await search(store, after, limit=150, labels=frozenset({"cat"}))
        pages += [each.event for each in page.events]
        after = page.after
        if after is None:
            break
    assert {each.id for each in pages} == {str(number) for number in range(1, 700, 2)}
    assert len(pages) == 350
    assert [each.start for each in pages] == sorted((each.start for each in pages), reverse=True)  # type: ignore[type-var]  # all have one
    asked = Search(labels=frozenset({"cat"}), since=START + timedelta(seconds=3), until=START + timedelta(seconds=5))
    [bucket] = await store.index.timeline(asked, await shown(store), BucketSize.HOUR, UTC)
    assert bucket.events == sum(number % 2 and number % 7 in {3, 4} for number in range(700))
    await store.close()


async def test_a_key_that_a_monitor_gets_later_is_its_key(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.add_to_index("zm", 1, [("old", old(1)), ("new", old(2))], mark=None, is_complete=False)
    assert await store.index_counts("zm", 1) == {"new": 2}
    assert await store.index_ids("zm", 1, "old", after=None, limit=5) == []
    await store.close()


BERLIN = ZoneInfo("Europe/Berlin")


def test_days_are_as_long_as_they_are() -> None:
    spring = buckets(datetime(2026, 3, 28, 12, tzinfo=BERLIN), datetime(2026, 3, 31, tzinfo=BERLIN), BucketSize.DAY, BERLIN)
    assert [start.isoformat()[5:16] for start in spring] == ["03-27T23:00", "03-28T23:00", "03-29T22:00"]
    assert all(start.tzinfo is UTC for start in spring)
    hours = buckets(datetime(2026, 10, 25, tzinfo=BERLIN), datetime(2026, 10, 26, tzinfo=BERLIN), BucketSize.HOUR, BERLIN)
    assert len(hours) == 25


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    first, last = datetime(2026, 1, 31, 23, 30, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    weeks = buckets(first, last, BucketSize.WEEK, BERLIN)
    assert {start.astimezone(BERLIN).weekday() for start in weeks} == {0}
    months = [start.astimezone(BERLIN).date().isoformat() for start in buckets(first, last, BucketSize.MONTH, BERLIN)]
    assert months == ["2026-02-01", "2026-03-01"]


def test_an_hour_may_be_longer_where_clocks_are_set_by_half_an_hour() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    starts = buckets(datetime(2026, 4, 4, 22, tzinfo=zone), datetime(2026, 4, 5, 5, tzinfo=zone), BucketSize.HOUR, zone)
    assert {start.astimezone(zone).minute for start in starts} == {0}
    assert len(starts) == len(set(starts)) == 7


def test_a_timeline_has_an_end() -> None:
    with pytest.raises(SearchRefused, match="too long"):
        buckets(START, START + timedelta(days=500), BucketSize.HOUR, BERLIN)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata"])
async def test_counts_are_those_of_the_events(tmp_path: Path, zone: str) -> None:
    store = await opened(tmp_path)
    times = [START + timedelta(minutes=37 * number) for number in range(120)]
    await tell(store, *(event(number, str(number % 2), start=time) for number, time in enumerate(times)))
    seen = await shown(store)
    since, until = START + timedelta(minutes=100), START + timedelta(minutes=4_000)
    for size in BucketSize:
        for only in (None, frozenset({("zm", "camera_1")})):
            query = Search(since=since, until=until, monitors=only)
            counts = await store.index.timeline(query, seen, size, ZoneInfo(zone))
            wanted = [time for number, time in enumerate(times) if since <= time < until and (only is None or number % 2)]
            starts = [bucket.start for bucket in counts]
            ends = [*starts[1:], until]
            assert counts == [
                Bucket(start=start, events=sum(start <= time < end for time in wanted))
                for start, end in zip(starts, ends, strict=True)
            ]
    assert await store.index.timeline(Search(labels=frozenset({"none"})), seen, BucketSize.DAY, UTC) == []
    assert await store.index.timeline(Search(until=START), seen, BucketSize.DAY, UTC) == []
    await store.close()
