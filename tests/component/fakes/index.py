"""The fake's index of events: filters, pages and counts, as docs/api.md says."""

from __future__ import annotations

import base64
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.component.fakes.values import read, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.component.fakes.schemas import JsonObject

MOST_BUCKETS = 10_000


def found(
    events: Iterable[JsonObject], query: Mapping[str, list[str]], areas: Mapping[tuple[str, str], str | None]
) -> list[JsonObject]:
    """Return the events that the filters let through, the newest first."""
    return sorted(
        (event for event in events if _is_meant(event, query, areas)),
        key=lambda event: (event["start"] or "", event["id"]),
        reverse=True,
    )


def page(events: list[JsonObject], limit: int, after: str | None) -> JsonObject:
    """Return a page of these events. Raises ValueError for what was never said as `next`."""
    begin = 0
    if after is not None:
        start, _, key = base64.urlsafe_b64decode(after.encode()).decode().partition("|")
        begin = sum((event["start"] or "", event["id"]) >= (start, key) for event in events)
    shown = events[begin : begin + limit]
    more = len(events) > begin + limit
    place = base64.urlsafe_b64encode(f"{shown[-1]['start']}|{shown[-1]['id']}".encode()).decode() if more else None
    return {"events": shown, "next": place}


def timeline(events: Iterable[JsonObject], query: Mapping[str, list[str]]) -> JsonObject:
    """Return how many began in each part of the time, those of none too. Raises ValueError where the parts are too many."""
    bucket, time_zone = query.get("bucket", ["day"])[0], query.get("time_zone", ["UTC"])[0]
    zone = ZoneInfo(time_zone)
    began = sorted(read(event["start"]) for event in events if event["start"])
    first = read(query["since"][0]) if "since" in query else began[0] if began else None
    last = read(query["until"][0]) if "until" in query else began[-1] + timedelta(milliseconds=1) if began else None
    starts = [] if first is None or last is None else list(_starts(first, last, bucket, zone))
    counts = [sum(start <= moment < end for moment in began) for start, end in pairwise([*starts, *filter(None, [last])])]
    told = [{"start": written(start), "events": count} for start, count in zip(starts, counts, strict=True)] if starts else []
    return {"bucket": bucket, "time_zone": time_zone, "counts": told}


def values(events: Iterable[JsonObject], query: Mapping[str, list[str]]) -> JsonObject:
    """Return which values these events have, the most frequent first."""
    of, limit = query.get("of", ["label"])[0], int(query.get("limit", ["100"])[0])
    name = {"label": "labels", "zone": "zones", "face": "faces"}.get(of)
    counts = Counter(value for event in events for value in ({*event[name]} if name else {event[of]}))
    found = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    listed = [{"value": value, "events": count} for value, count in found[:limit]]
    return {"of": of, "values": listed, "is_complete": len(found) <= limit}


def _starts(first: datetime, last: datetime, bucket: str, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield where each part begins, in UTC."""
    local = first.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    day = local.date()
    if bucket == "week":
        day -= timedelta(days=day.weekday())
    elif bucket == "month":
        day = day.replace(day=1)
    start = local.astimezone(UTC) if bucket == "hour" else _midnight(day, zone)
    for _ in range(MOST_BUCKETS):
        if start >= last:
            return
        yield start
        match bucket:
            case "hour":
                start += timedelta(hours=1)
                continue
            case "month":
                day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
            case _:
                day += timedelta(days=7 if bucket == "week" else 1)
        start = _midnight(day, zone)
    raise ValueError("there are too many parts")


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _is_meant(event: JsonObject, query: Mapping[str, list[str]], areas: Mapping[tuple[str, str], str | None]) -> bool:
    monitor = event["system"], event["monitor"]
    some: tuple[tuple[str, Iterable[str | None]], ...] = (
        ("system", [event["system"]]),
        ("monitor", ["/".join(monitor)]),
        ("area", [areas.get(monitor)]),
        ("kind", [event["kind"]]),
        ("label", event["labels"]),
        ("zone", event["zones"]),
        ("plate", event["plates"]),
        ("face", event["faces"]),
    )
    return all(name not in query or set(values) & set(query[name]) for name, values in some) and all(
        _holds(event, name, values[0]) for name, values in query.items()
    )


def _holds(event: JsonObject, name: str, value: str) -> bool:  # noqa: PLR0911 - one line for each filter
    match name:
        case "since":
            return event["start"] is not None and read(event["start"]) >= read(value)
        case "until":
            return event["start"] is not None and read(event["start"]) < read(value)
        case "least_score":
            return event["score"] is not None and event["score"] >= float(value)
        case "most_score":
            return event["score"] is not None and event["score"] <= float(value)
        case "least_duration":
            return event["duration"] is not None and event["duration"] >= float(value)
        case "most_duration":
            return event["duration"] is not None and event["duration"] <= float(value)
        case "is_open":
            return (event["end"] is None) == (value == "true")
        case "words":
            said = f"{event['cause']} {event['notes']} {' '.join(event['labels'])} {event['text'] or ''}".lower().split()
            return all(any(_is_word(word, each) for each in said) for word in value.lower().split())
        case _:
            return True


def _is_word(wanted: str, word: str) -> bool:
    return word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted
