"""How many events began when: sets of events are split where buckets begin, and counted.

Buckets begin where hours, days, weeks and months begin in a time zone, so that a day may have 23 hours, or 25.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vms_bridge.errors import SearchRefused
from vms_bridge.index import MOST_BUCKETS, Bucket, BucketSize
from vms_bridge.store.index.hits import all_found, count, keys_of
from vms_bridge.store.index.rows import FIRST, place_of, time_of
from vms_bridge.store.index.search import question_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from datetime import tzinfo

    from vms_bridge.index import Search
    from vms_bridge.store.index.postings import Bits
    from vms_bridge.store.index.search import Question
    from vms_bridge.store.index.values import Visible

_HOUR, _QUARTER = timedelta(hours=1), timedelta(minutes=15)


def timeline(connection: sqlite3.Connection, query: Search, visible: Visible, bucket: BucketSize, zone: tzinfo) -> list[Bucket]:
    """Return the counts of what is searched for. Raises SearchRefused."""
    question = question_of(connection, query, visible)
    question.low = max(question.low, FIRST)
    alive = {} if question.is_empty else all_found(connection, question)
    first = query.since or _end(connection, question, alive, newest=False)
    last = query.until or _end(connection, question, alive, newest=True)
    if first is None or last is None:
        return []
    if query.until is None:
        last += timedelta(milliseconds=1)
    starts = buckets(first, last, bucket, zone)
    if not starts:
        return []
    edges = [max(question.low, place_of(starts[0])), *map(place_of, starts[1:]), place_of(last)]
    counts = count(connection, question, alive, edges)
    return [Bucket(start=start, events=events) for start, events in zip(starts, counts, strict=True)]


def buckets(first: datetime, last: datetime, size: BucketSize, zone: tzinfo) -> list[datetime]:
    """Return the starts of all buckets with something between the two times. Raises SearchRefused where they are too many."""
    starts: list[datetime] = []
    for start in _starts(first, size, zone):
        if start >= last:
            break
        if len(starts) >= MOST_BUCKETS:
            raise SearchRefused(
                f"a timeline by the {size} from {first:%Y-%m-%d} to {last:%Y-%m-%d} is too long",
                hint=f"ask for a shorter time or larger buckets: {MOST_BUCKETS:,} are the most",
            )
        starts.append(start)
    return starts


def _starts(first: datetime, size: BucketSize, zone: tzinfo) -> Iterator[datetime]:
    local = first.astimezone(zone)
    if size is BucketSize.HOUR:
        yield from _hours(
            local.astimezone(UTC) - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond), zone
        )
    day = local.date()
    if size is BucketSize.WEEK:
        day -= timedelta(days=day.weekday())
    elif size is BucketSize.MONTH:
        day = day.replace(day=1)
    while True:
        yield datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        if size is BucketSize.MONTH:
            day = (day + timedelta(days=31)).replace(day=1)
        else:
            day += timedelta(days=7 if size is BucketSize.WEEK else 1)


def _hours(start: datetime, zone: tzinfo) -> Iterator[datetime]:
    while True:
        yield start
        start += _HOUR
        while start.astimezone(zone).minute:  # where clocks were set by half an hour, one hour is longer
            start += _QUARTER


def _end(connection: sqlite3.Connection, question: Question, alive: Bits, *, newest: bool) -> datetime | None:
    """Return when the oldest, or the newest, of the events began."""
    key = next(keys_of(connection, question, alive, newest_first=newest), None)
    return None if key is None else time_of(key)
