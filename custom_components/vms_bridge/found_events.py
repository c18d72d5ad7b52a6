"""What a bridge answers of events, read for the media browser. Pure; what makes no sense is passed over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from .errors import NotABridge
from .media_ids import EventRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .models import JsonObject

_LONGEST_TEXT = 100
_LONGEST_CURSOR = 1_000
_MOST_TEXTS = 20
_MOST_COUNTS = 10_000
_MOST_VALUES = 1_000
_YEARS = range(1970, 2200)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEvent:
    """An event of the bridge's index, as far as a title tells it; `duration_s` and `score` (0..1) are None where unknown."""

    ref: EventRef
    monitor: str
    monitor_name: str
    kind: str
    labels: tuple[str, ...]
    zones: tuple[str, ...]
    score: float | None
    cause: str
    start: datetime | None
    duration_s: float | None
    is_over: bool
    snapshot_ready: bool
    clip_ready: bool

    @classmethod
    def parse(cls, json: object) -> Self | None:
        """Return the event, None for what names none."""
        if not isinstance(json, dict):
            return None
        ref, monitor = EventRef.parse(json.get("id")), text_of(json, "monitor")
        if ref is None or not monitor or "/" in monitor or json.get("system") != ref.system:
            return None
        score = _number(json, "score")
        return cls(
            ref=ref,
            monitor=monitor,
            monitor_name=text_of(json, "monitor_name") or monitor,
            kind=text_of(json, "kind"),
            labels=texts_of(json, "labels"),
            zones=texts_of(json, "zones"),
            score=score if score is None or score <= 1 else None,
            cause=text_of(json, "cause"),
            start=_time(json.get("start")),
            duration_s=_number(json, "duration"),
            is_over=json.get("end_reason") is not None,
            snapshot_ready=json.get("snapshot_ready") is True,
            clip_ready=json.get("clip_ready") is True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """Events, the one that began last first, and what to say as `after` for the next page (None: there is none)."""

    events: tuple[FoundEvent, ...]
    after: str | None

    @classmethod
    def parse(cls, json: JsonObject, most: int) -> Self:
        """Read a page of `most` events. Raises NotABridge for what is none."""
        said, after = json.get("events"), json.get("next")
        if not isinstance(said, list):
            raise NotABridge("events is no list")
        found = tuple(event for event in map(FoundEvent.parse, said[:most]) if event is not None)
        is_cursor = isinstance(after, str) and 0 < len(after) <= _LONGEST_CURSOR and after.isprintable()
        return cls(events=found, after=after if is_cursor else None)


@dataclass(frozen=True, slots=True)
class Count:
    """How many events began from `start` (UTC) on, in an hour, day or month."""

    start: datetime
    events: int


def counts_of(json: JsonObject) -> tuple[Count, ...]:
    """Read a timeline, without the parts in which nothing began; the newest first. Raises NotABridge for what is none."""
    said = json.get("counts")
    if not isinstance(said, list):
        raise NotABridge("counts is no list")
    counts = [
        Count(start, events)
        for each in said[:_MOST_COUNTS]
        if isinstance(each, dict)
        and (start := _time(each.get("start"))) is not None
        and isinstance(events := each.get("events"), int)
        and events > 0
    ]
    return tuple(sorted(counts, key=lambda count: count.start, reverse=True))


def values_of(json: JsonObject) -> tuple[str, ...]:
    """Read a list of values, as they can be shown, the most frequent first. Raises NotABridge for what is none."""
    said = json.get("values")
    if not isinstance(said, list):
        raise NotABridge("values is no list")
    shown = (plain(each.get("value")) for each in said[:_MOST_VALUES] if isinstance(each, dict))
    return tuple(dict.fromkeys(filter(None, shown)))


def text_of(json: Mapping[str, object], name: str) -> str:
    """Return a text of an object as `plain` does."""
    return plain(json.get(name))


def texts_of(json: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return the texts of a list, as they can be shown."""
    said = json.get(name)
    shown = [plain(each) for each in said[:_MOST_TEXTS]] if isinstance(said, list) else []
    return tuple(dict.fromkeys(filter(None, shown)))


def plain(said: object) -> str:
    """Return a text as it can be shown, on one line and not too long; empty for what is none."""
    if not isinstance(said, str):
        return ""
    return " ".join("".join(each if each.isprintable() else " " for each in said[:_LONGEST_TEXT]).split())


def _number(json: Mapping[str, object], name: str) -> float | None:
    said = json.get(name)
    if not isinstance(said, int | float) or isinstance(said, bool) or not math.isfinite(said) or said < 0:
        return None
    return float(said)


def _time(said: object) -> datetime | None:
    """Return a time in UTC and to the second, None for what is none."""
    if not isinstance(said, str) or len(said) > 40:
        return None
    try:
        time = datetime.fromisoformat(said)
        utc = time.astimezone(UTC).replace(microsecond=0)
    except ValueError, OverflowError:
        return None
    return utc if time.tzinfo is not None and utc.year in _YEARS else None
