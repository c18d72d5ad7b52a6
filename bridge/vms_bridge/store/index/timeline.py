"""How many events began when: of monitors alone it is read from counts by the hour, else counted.

Buckets begin where hours, days, weeks and months begin in a time zone, so that a day may have 23 hours, or 25.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vms_bridge.errors import SearchRefused
from vms_bridge.index import MOST_BUCKETS, Bucket, BucketSize
from vms_bridge.store.index.rows import FIRST, HOUR, place_of, time_of
from vms_bridge.store.index.search import question_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from vms_bridge.index import Search
    from vms_bridge.store.index.search import Question
    from vms_bridge.store.index.values import Visible

_HOUR, _QUARTER = timedelta(hours=1), timedelta(minutes=15)


def timeline(connection: sqlite3.Connection, query: Search, visible: Visible, bucket: BucketSize, zone: tzinfo) -> list[Bucket]:
    """Return the counts of what is searched for. Raises SearchRefused."""
    question = question_of(connection, query, visible)
    question.low = max(question.low, FIRST)
    if question.is_empty:
        return []
    first = query.since or _end(connection, question, "ASC")
    last = query.until or _end(connection, question, "DESC")
    if first is None or last is None:
        return []
    if query.until is None:
        last += timedelta(milliseconds=1)
    starts = buckets(first, last, bucket, zone)
    places = [place_of(start) for start in starts]
    counts = _counted(connection, question, places, place_of(last))
    return [Bucket(start=start, events=counts[place]) for place, start in enumerate(starts)]


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


def _end(connection: sqlite3.Connection, question: Question, direction: str) -> datetime | None:
    """Return when the oldest, or the newest, of the events began."""
    select, values = question.select("e.key")
    order = "e.key" if question.match is None else "p.rowid"
    row = connection.execute(f"{select} ORDER BY {order} {direction} LIMIT 1", values).fetchone()
    return None if row is None else time_of(row[0])


def _counted(connection: sqlite3.Connection, question: Question, places: Sequence[int], end: int) -> Counter[int]:
    """Return how many events there are from each of these places to the next, by its number."""
    counts: Counter[int] = Counter()
    if not places:
        return counts
    low, high = max(question.low, places[0]), min(question.high, end)
    first, last = -(-low // HOUR), high // HOUR
    if not question.is_of_monitors or first >= last:
        _count_apart(connection, question, places, (low, high), counts)
        return counts
    _count_apart(connection, question, places, (low, first * HOUR), counts)
    _count_apart(connection, question, places, (last * HOUR, high), counts)
    for hour, events in _by_hours(connection, question, first, last):
        number = bisect_right(places, hour * HOUR) - 1
        if number + 1 < len(places) and places[number + 1] < (hour + 1) * HOUR:  # as in time zones with half hours
            _count_apart(connection, question, places, (hour * HOUR, (hour + 1) * HOUR), counts)
        else:
            counts[number] += events
    return counts


def _by_hours(connection: sqlite3.Connection, question: Question, first: int, last: int) -> list[tuple[int, int]]:
    """Return how many events there are in each hour that has some."""
    if question.monitors is None:
        query = "SELECT hour, events FROM hours WHERE monitor = 0 AND hour >= ? AND hour < ?"
        return connection.execute(query, (first, last)).fetchall()
    marks = ", ".join("?" * len(question.monitors))
    query = f"SELECT hour, sum(events) FROM hours WHERE monitor IN ({marks}) AND hour >= ? AND hour < ? GROUP BY hour"  # noqa: S608 - only question marks
    return connection.execute(query, (*question.monitors, first, last)).fetchall()


def _count_apart(
    connection: sqlite3.Connection, question: Question, places: Sequence[int], between: tuple[int, int], counts: Counter[int]
) -> None:
    """Count the events themselves between two places, for each bucket that is there."""
    low, high = between
    while low < high:
        number = bisect_right(places, low) - 1
        end = min(high, places[number + 1]) if number + 1 < len(places) else high
        select, values = replace(question, low=low, high=end).select("count(*)")
        counts[number] += connection.execute(select, values).fetchone()[0]
        low = end
