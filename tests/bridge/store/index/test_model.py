"""The index against a plain list of the same events: whatever was told, and whatever is asked, both find the same."""

from __future__ import annotations

import asyncio
import tempfile
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.bridge.store.index.told import opened, shown, tell

from vms_bridge.enriched import enriched, joined
from vms_bridge.index import Bucket, BucketSize, IndexedEvent, Search, ValueCount, ValueCounts, ValueKind
from vms_bridge.model import EndReason, Enrichment, Event, EventKind, EventRef
from vms_bridge.store.index.timeline import buckets

if TYPE_CHECKING:
    from vms_bridge.store import Store

BEGAN = datetime(2026, 3, 28, 22, tzinfo=UTC)
BERLIN, KATHMANDU = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
LABELS, ZONES = ("person", "car", "Grüße an Björn"), ("Drive", "Door")
TEXTS = st.lists(
    st.sampled_from(["motion", "Motion:", "GRÜSSE", "door", "doorbell", "97%", "a", "ﬁre", "車", "_m1", '"quoted"', "*"]),
    max_size=4,
).map(" ".join)
TIMES = st.one_of(
    st.integers(0, 30_000).map(lambda minutes: BEGAN + timedelta(minutes=minutes / 10)),
    st.integers(0, 40 * 96).map(lambda quarters: BEGAN + timedelta(minutes=15 * quarters)),
    st.integers(0, 5_000).map(lambda milliseconds: BEGAN + timedelta(milliseconds=milliseconds)),
)
"""Over some days, at the quarters of hours of some weeks, and in a few seconds."""
SUBSETS = {"labels": LABELS, "zones": ZONES}
NUMBERS = st.sampled_from([0.0, 0.25, 0.5, 0.5001, 0.97, 1.0])


def some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


EVENTS = st.builds(
    Event,
    id=st.sampled_from([*map(str, range(12)), "007", "x-1"]),
    monitor_id=st.sampled_from(["1", "2", "3"]),
    start=TIMES | st.none(),
    kind=st.sampled_from(EventKind) | st.just(EventKind("doorbell")),
    cause=TEXTS,
    notes=TEXTS,
    end=TIMES | st.none(),
    end_reason=st.sampled_from(EndReason) | st.none(),
    duration_s=st.sampled_from([0.0, 0.001, 9.5, 600.03, 601.0, 86_400.0]) | st.none(),
    alarm_frames=st.integers(0, 99) | st.none(),
    max_score=st.integers(0, 255) | st.none(),
    labels=some(LABELS),
    score=NUMBERS | st.none(),
    zones=some(ZONES),
    snapshot_ready=st.booleans(),
    clip_ready=st.booleans(),
    tags=st.sampled_from([None, (), ("motion",), ("parcel", "door")]),
    deleted=st.sampled_from([False, False, False, True]),
)
ADDED = st.builds(
    Enrichment,
    labels=some(LABELS),
    score=NUMBERS | st.none(),
    zones=some(ZONES),
    text=TEXTS | st.none(),
    plates=some(("AB 1", "CD 2")),
    faces=some(("Ada", "Bo")),
)
STEPS = st.one_of(
    EVENTS,
    EVENTS,
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 30), ADDED),
    st.sampled_from(["other ids", "tend", "rebuild", "reopen"]),
)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | st.none() | strategy


def sets(*values: str) -> st.SearchStrategy[object]:
    return maybe(st.frozensets(st.sampled_from(values), max_size=2))


SEARCHES = st.builds(
    Search,
    since=maybe(TIMES),
    until=maybe(TIMES),
    systems=sets("zm", "barn"),
    monitors=maybe(st.frozensets(st.sampled_from([("zm", "camera_1"), ("zm", "camera_2"), ("barn", "camera_1")]), max_size=2)),
    kinds=sets("alarm", "doorbell", "other"),
    labels=sets(*LABELS, "unicorn"),
    zones=sets(*ZONES),
    plates=sets("AB 1", "ab 1"),
    faces=sets("Ada", "Bo"),
    least_score=maybe(NUMBERS),
    most_score=maybe(NUMBERS),
    least_duration_s=maybe(st.sampled_from([0.0, 0.001, 9.6, 600.03, 86_400.0, 1e9])),
    most_duration_s=maybe(st.sampled_from([0.0005, 9.5, 600.04, 1e9])),
    words=maybe(
        st.sampled_from(["motion", "grusse", "GRÜSSE bjorn", "doo*", "d* 97", "fire", "車", "m1", 'quoted" OR "door', "none"])
    ),
    is_open=maybe(st.booleans()),
)


@dataclass
class Plain:
    """The same events in a list."""

    events: dict[tuple[str, str], Event] = field(default_factory=dict)
    added: dict[tuple[str, str], dict[str, Enrichment]] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=lambda: {"zm": 1, "barn": 1})

    def found(self, query: Search) -> list[IndexedEvent]:
        every = [self._indexed(key) for key in self.events]
        hits = [each for each in every if _fits(each, query, self._words(each))]
        return sorted(hits, key=lambda each: (each.event.start is not None, each.event.start or BEGAN), reverse=True)

    def _indexed(self, key: tuple[str, str]) -> IndexedEvent:
        event, added = self.events[key], dict(sorted(self.added.get(key, {}).items()))
        return IndexedEvent(
            ref=EventRef(key[0], self.generations[key[0]], key[1]),
            monitor=f"camera_{event.monitor_id}",
            event=enriched(event, added),
            plates=tuple(dict.fromkeys(plate for one in added.values() for plate in one.plates)),
            faces=tuple(dict.fromkeys(face for one in added.values() for face in one.faces)),
            text=joined(added.values()).text,
        )

    def _words(self, each: IndexedEvent) -> set[str]:
        added = self.added.get((each.ref.system, each.ref.id), {})
        texts = (each.event.cause, each.event.notes, *each.event.labels, *(each.event.tags or ()))
        texts = (*texts, *(one.text or "" for one in added.values()))
        return {word for text in texts for word in _plain_words(text)}


def _plain_words(text: str) -> list[str]:
    """Return the words by another road than the index takes: letter by letter."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(each if each.isalnum() else "" if unicodedata.combining(each) else " " for each in folded)
    return kept.split()


def _fits(each: IndexedEvent, query: Search, words: set[str]) -> bool:
    event = each.event
    return all(
        (
            query.since is None or (event.start is not None and event.start >= query.since),
            query.until is None or (event.start is not None and event.start < query.until),
            query.systems is None or each.ref.system in query.systems,
            query.monitors is None or (each.ref.system, each.monitor) in query.monitors,
            query.kinds is None or event.kind in query.kinds,
            query.labels is None or not query.labels.isdisjoint(event.labels),
            query.zones is None or not query.zones.isdisjoint(event.zones),
            query.plates is None or not query.plates.isdisjoint(each.plates),
            query.faces is None or not query.faces.isdisjoint(each.faces),
            query.least_score is None or (event.score is not None and event.score >= query.least_score),
            query.most_score is None or (event.score is not None and event.score <= query.most_score),
            query.least_duration_s is None or (event.duration_s is not None and event.duration_s >= query.least_duration_s),
            query.most_duration_s is None or (event.duration_s is not None and event.duration_s <= query.most_duration_s),
            query.is_open is None or query.is_open is not event.is_over,
            query.words is None or all(_has(words, part) for part in query.words.split()),
        )
    )


def _has(words: set[str], part: str) -> bool:
    parts = _plain_words(part)
    if part.endswith("*"):
        return any(word.startswith(parts[-1]) for word in words) and words.issuperset(parts[:-1])
    return words.issuperset(parts)


async def play(folder: Path, steps: list[object]) -> tuple[Store, Plain]:
    """Tell all of this, of two systems in turn, and return what then is."""
    store, plain = await opened(folder), Plain()
    for number, step in enumerate(steps):
        system = "zm" if number % 3 else "barn"
        if isinstance(step, Event):
            key = (system, step.id)
            event = replace(step, monitor_id=plain.events[key].monitor_id) if key in plain.events else step
            await tell(store, event, system=system, generation=plain.generations[system])
            if event.deleted:
                plain.events.pop(key, None)
                plain.added.pop(key, None)
            else:
                plain.events[key] = event
        elif isinstance(step, str):
            store = await do(store, plain, step, system, folder)
        elif plain.events:
            assert isinstance(step, tuple)
            source, place, added = step
            system, event_id = list(plain.events)[place % len(plain.events)]
            await tell(store, added=((event_id, source, added),), system=system, generation=plain.generations[system])
            plain.added.setdefault((system, event_id), {})[source] = added
        if number % 5 == 0:
            await store.index.freshen()  # else all is taken in at once, as it is in the end
    return store, plain


async def do(store: Store, plain: Plain, step: str, system: str, folder: Path) -> Store:
    if step == "other ids":
        plain.generations[system] += 1
        for key in [key for key in plain.events if key[0] == system]:
            del plain.events[key]
            plain.added.pop(key, None)
    elif step == "tend":
        await store.tend_index()
    elif step == "rebuild":
        await store.clear_index(system if plain.generations[system] > 1 else None)
        while await store.tend_index():
            pass
    else:
        await store.close()
        return await opened(folder)
    return store


def together(found: list[IndexedEvent]) -> list[tuple[datetime | None, frozenset[EventRef]]]:
    """Return what began at the same time together: in which order that stands is left open."""
    times = list(dict.fromkeys(each.event.start for each in found))
    return [(time, frozenset(each.ref for each in found if each.event.start == time)) for time in times]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
@given(st.lists(STEPS, max_size=25), st.lists(SEARCHES, min_size=4, max_size=8), st.integers(1, 4))
def test_the_index_finds_what_a_plain_list_finds(steps: list[object], searches: list[Search], limit: int) -> None:
    async def compare(folder: Path) -> None:
        store, plain = await play(folder, steps)
        seen = {
            number: each for number, each in (await shown(store)).items() if each.generation == plain.generations[each.system]
        }
        for query in [Search(), *searches]:
            expected = plain.found(query)
            pages: list[IndexedEvent] = []
            after: str | None = None
            while True:
                page = await store.index.search(query, seen, after, limit)
                assert len(page.events) <= limit
                pages += page.events
                after = page.after
                if after is None:
                    break
            assert together(pages) == together(expected), query
            assert {each.ref: each for each in pages} == {each.ref: each for each in expected}
            for size, zone in ((BucketSize.DAY, BERLIN), (BucketSize.DAY, KATHMANDU), (BucketSize.HOUR, KATHMANDU)):
                assert await store.index.timeline(query, seen, size, zone) == counted(expected, query, size, zone)
            for kind in ValueKind:
                assert await store.index.values(query, seen, kind, 100) == ValueCounts(counts=tuple(valued(expected, kind)))
        for each in plain.found(Search()):
            assert await store.index.one(each.ref, seen) == each
        await store.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder)))


def counted(found: list[IndexedEvent], query: Search, size: BucketSize, zone: ZoneInfo) -> list[Bucket]:
    """Return how many of these began in which bucket; which buckets there are has tests of its own."""
    times = [each.event.start for each in found if each.event.start is not None]
    if (query.since is None or query.until is None) and not times:
        return []
    starts = buckets(query.since or min(times), query.until or max(times) + timedelta(milliseconds=1), size, zone)
    ends = [*starts[1:], datetime.max.replace(tzinfo=UTC)]
    return [
        Bucket(start=start, events=sum(start <= time < end for time in times))
        for start, end in zip(starts, ends, strict=False)  # there may be none
    ]


def valued(found: list[IndexedEvent], kind: ValueKind) -> list[ValueCount]:
    """Return how many of these have which value."""
    counts: Counter[str] = Counter()
    for each in found:
        event = each.event
        match kind:
            case ValueKind.LABEL:
                counts.update(set(event.labels))
            case ValueKind.ZONE:
                counts.update(set(event.zones))
            case ValueKind.FACE:
                counts.update(set(each.faces))
            case ValueKind.KIND:
                counts[event.kind] += 1
    return [ValueCount(value=value, events=events) for value, events in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
