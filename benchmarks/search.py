"""The search index with a year of 1,000,000 events: how long a page of 100 takes by each filter, and what the index costs.

The index is that of `vms-bridge run`, on disk, asked as the hub asks it; each kind of question is asked many times with other
values, the caches are as the questions before have left them. Beside it: the same events in one table, each as JSON with an
index over its start, which is read from the newest on until there are 100.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from benchmarks.lab.running import run
from benchmarks.lab.table import Row, Table, arguments, median, quantile
from benchmarks.lab.world import SYSTEM
from benchmarks.lab.year import BEGAN, BUSY, OLD_WORD, QUIET, RARE_LABEL, RARE_WORD, year
from vms_bridge.clock import SystemClock
from vms_bridge.index import BucketSize, Search
from vms_bridge.model import Enrichment, Event
from vms_bridge.store import Store
from vms_bridge.store.index.file import IndexFile
from vms_bridge.store.index.values import Slice, Told
from vms_bridge.store.index.writer import Writer
from vms_bridge.store.privacy import INDEX_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from benchmarks.lab.year import Made
    from vms_bridge.store.index import IndexedMonitor

_EVENT, _ENRICHMENT = TypeAdapter(Event), TypeAdapter(Enrichment)
_GOAL_MS, _GOAL_BYTES = 50.0, 400
_SLICE = 1_000
_DETECTOR = "detector"

Query = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many events there are, and how often each question is asked."""

    events: int = 1_000_000
    rounds: int = 40
    peer_rounds: int = 3


QUICK = Plan(events=20_000, rounds=5, peer_rounds=1)


def one_of(*values: str) -> frozenset[str]:
    return frozenset(values)


def monitor(key: str) -> Query:
    return {"monitors": frozenset({(SYSTEM, key)})}


def window(chance: random.Random) -> Query:
    """Return a week somewhere in the year."""
    since = BEGAN + timedelta(days=chance.uniform(0, 350))
    return {"since": since, "until": since + timedelta(days=7)}


def filters(chance: random.Random) -> Mapping[str, Query]:
    """Return a question by each filter alone, with values that people ask for."""
    score = chance.randrange(50, 98) / 100
    seconds = float(chance.randrange(1, 300))
    return {
        "nothing": {},
        "monitor, busy": monitor(BUSY),
        "monitor, quiet": monitor(QUIET),
        "ten monitors": {"monitors": frozenset((SYSTEM, str(number)) for number in range(20, 30))},
        "time": window(chance),
        "system": {"systems": one_of(SYSTEM)},
        "kind": {"kinds": one_of("continuous")},
        "label, frequent": {"labels": one_of("person")},
        "label, rare": {"labels": one_of(RARE_LABEL)},
        "zone": {"zones": one_of("Shed")},
        "plate": {"plates": one_of(f"A{chance.randrange(20_000):05}")},
        "face": {"faces": one_of(f"person {chance.randrange(30)}")},
        "score, range": {"least_score": score, "most_score": score + 0.01},
        "score, high": {"least_score": 0.98},
        "duration, range": {"least_duration_s": seconds, "most_duration_s": seconds + 1},
        "duration, longer than almost all": {"least_duration_s": 601.0},
        "duration, between two": {"least_duration_s": 600.5, "most_duration_s": 600.9},
        "word, frequent": {"words": "motion"},
        "word, rare": {"words": RARE_WORD},
        "words, three": {"words": "detected person driveway"},
        "words, by their beginnings": {"words": "mot* drive*"},
        "open": {"is_open": True},
        "over": {"is_open": False},
    }


def worst(chance: random.Random) -> Mapping[str, Query]:
    """Return the questions that cost most by what we know."""
    old = {"since": BEGAN + timedelta(days=20), "until": BEGAN + timedelta(days=50)}
    return {
        "rare label on a quiet monitor": {"labels": one_of(RARE_LABEL), **monitor(QUIET)},
        "frequent label on a quiet monitor": {"labels": one_of("person"), **monitor(QUIET)},
        "frequent word in an old window": {"words": "motion", **old},
        "word of long ago, newest first": {"words": OLD_WORD},
        "word of long ago with a label, busy monitor": {"words": OLD_WORD, "labels": one_of("bus"), **monitor(BUSY)},
        "score range on a quiet monitor": {"least_score": 0.5, "most_score": 0.51, **monitor(QUIET)},
        "scores and durations, old window": {"least_score": 0.9, "least_duration_s": 120.0, "most_duration_s": 130.0, **old},
        "scores of a kind that has none (no hit)": {"kinds": one_of("continuous"), "least_score": 0.5},
        "label and word that never meet (no hit)": {"labels": one_of("person"), "words": "continuous"},
        "long events with high scores (hardly any)": {"least_score": 0.98, "least_duration_s": 500.0},
        "short events in no time": {"least_duration_s": 0.0, "most_duration_s": 0.05},
        "label that there is not": {"labels": one_of("unicorn")},
        "time long before": {"until": BEGAN},
        "deep page": {"until": BEGAN + timedelta(days=chance.uniform(1, 5)), "labels": one_of("person", "car", "dog")},
    }


def fill(folder: Path, plan: Plan) -> tuple[float, float]:
    """Write the index; return microseconds an event, and bytes an event on disk."""
    file = IndexFile(folder / INDEX_NAME)
    writer = Writer(file)
    began = time.process_time()
    writer.open()
    writer.end_refill()
    for part in _slices(plan):
        writer.take(part)
    took = time.process_time() - began
    file.writer().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    size = sum(path.stat().st_size for path in folder.glob(f"{INDEX_NAME}*"))
    return took / plan.events * 1e6, size / plan.events


def _slices(plan: Plan) -> Iterator[Slice]:
    told: list[Told] = []
    for made in year(plan.events):
        told.append(_told(made))
        if len(told) == _SLICE:
            yield Slice(told=told, upto=0)
            told = []
    yield Slice(told=told, upto=0)


def _told(made: Made) -> Told:
    added = {_DETECTOR: _ENRICHMENT.dump_json(made.added).decode()} if made.added else {}
    return Told(system=SYSTEM, generation=1, key=made.event.monitor_id, data=_EVENT.dump_json(made.event).decode(), added=added)


def fill_peer(path: Path, plan: Plan) -> sqlite3.Connection:
    """Write the same events as JSON into one table with an index over time."""
    peer = sqlite3.connect(path)
    peer.execute("CREATE TABLE events (start TEXT, data TEXT)")
    with peer:
        peer.executemany("INSERT INTO events VALUES (?, ?)", (_as_json(made) for made in year(plan.events)))
        peer.execute("CREATE INDEX by_start ON events (start)")
    return peer


def _as_json(made: Made) -> tuple[str, str]:
    row = json.loads(_EVENT.dump_json(made.event))
    for name in ("labels", "zones", "plates", "faces", "score"):
        row[name] = (made.added and getattr(made.added, name)) or row.get(name)
    return row["start"], json.dumps(row)


def ask_peer(peer: sqlite3.Connection, query: Query) -> None:
    """Ask the peer for a page of what is asked."""
    where, values = ["1"], []
    for name, value in query.items():
        if name in {"since", "until"}:
            where.append(f"start {'>=' if name == 'since' else '<'} ?")
            values.append(value.strftime("%Y-%m-%dT%H:%M:%SZ"))
        elif name == "monitors":
            where.append(f"json_extract(data, '$.monitor_id') IN ({', '.join('?' * len(value))})")
            values += [key for _, key in value]
        elif name == "kinds":
            where.append("json_extract(data, '$.kind') = ?")
            values += value
        elif name == "words":
            for word in value.split():
                where.append("json_extract(data, '$.notes') LIKE ?")
                values.append(f"%{word.strip('*')}%")
        elif name.endswith(("score", "duration_s")):
            column = name.partition("_")[2]
            where.append(f"json_extract(data, '$.{column}') {'>=' if name.startswith('least') else '<='} ?")
            values.append(value)
        elif name in {"labels", "zones", "plates", "faces"}:
            where.append(f"json_extract(data, '$.{name}') LIKE ?")
            values += [f'%"{each}"%' for each in sorted(value)[:1]]
    peer.execute(
        f"SELECT data FROM events WHERE {' AND '.join(where)} ORDER BY start DESC LIMIT 100",  # noqa: S608 - our own words
        values,
    ).fetchall()


class Asked:
    """The index, as the hub asks it."""

    def __init__(self, store: Store, shown: Mapping[int, IndexedMonitor]) -> None:
        self._store, self._shown = store, shown
        self.peer: sqlite3.Connection | None = None

    async def ms(self, query: Query) -> tuple[float, int]:
        """Return how long a page takes, and how many events are on it."""
        began = time.perf_counter()
        page = await self._store.index.search(Search(**query), self._shown, None, 100)
        return (time.perf_counter() - began) * 1e3, len(page.events)

    async def timeline_ms(self, query: Query, bucket: BucketSize) -> float:
        """Return how long a timeline takes."""
        began = time.perf_counter()
        await self._store.index.timeline(Search(**query), self._shown, bucket, ZoneInfo("Europe/Berlin"))
        return (time.perf_counter() - began) * 1e3


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    cost_us, size = await asyncio.to_thread(fill, folder, plan)
    table.add(Row(f"{plan.events:,} events on disk", f"{size:.0f} bytes an event", f"≤ {_GOAL_BYTES}", size <= _GOAL_BYTES))
    table.add(Row("taking an event in, in bulk", f"{cost_us:.0f} µs of processor"))
    store = await asyncio.to_thread(Store.open, folder, SystemClock())
    await store.index.freshen()
    asked = Asked(store, {each.number: each for each in store.index.monitors})
    asked.peer = fill_peer(folder / "peer.sqlite", plan) if plan.peer_rounds else None
    try:
        for questions in (*(_with(extra, name) for name, extra in EXTRAS.items()), _worst):
            for name in questions(chance_of("")):
                await _ask(plan, table, asked, name, partial(_one, questions, name))
        await _timelines(plan, table, asked)
    finally:
        if asked.peer is not None:
            asked.peer.close()
        await store.close()


EXTRAS: Mapping[str, Callable[[random.Random], Query]] = {
    "": lambda _: {},
    " + monitor": lambda chance: monitor(str(chance.randrange(1, 65))),
    " + time": window,
    " + monitor + time": lambda chance: {**monitor(str(chance.randrange(1, 65))), **window(chance)},
}


def chance_of(name: str) -> random.Random:
    return random.Random(name)  # noqa: S311 - which questions are asked


def _with(extra: Callable[[random.Random], Query], name: str) -> Callable[[random.Random], Mapping[str, Query]]:
    return lambda chance: {f"{each}{name}": {**query, **extra(chance)} for each, query in filters(chance).items()}


def _worst(chance: random.Random) -> Mapping[str, Query]:
    return {f"worst: {name}": query for name, query in worst(chance).items()}


def _one(questions: Callable[[random.Random], Mapping[str, Query]], name: str, chance: random.Random) -> Query:
    return questions(chance)[name]


async def _ask(plan: Plan, table: Table, asked: Asked, name: str, make: Callable[[random.Random], Query]) -> None:
    chance = chance_of(name)
    results = [await asked.ms(make(chance)) for _ in range(plan.rounds)]
    took = [ms for ms, _ in results]
    p95 = quantile(took, 0.95)
    beside = ""
    if asked.peer is not None and (name.startswith("worst") or name in filters(chance)):
        peer = []
        for _ in range(plan.peer_rounds):
            query, began = make(chance), time.perf_counter()
            ask_peer(asked.peer, query)
            peer.append((time.perf_counter() - began) * 1e3)
        beside = f"JSON in a table: {median(peer):,.0f} ms"
    reached = f"p50 {median(took):.1f} ms, p95 {p95:.1f} ms, found {median([float(count) for _, count in results]):.0f}"
    table.add(Row(name, reached, f"p95 ≤ {_GOAL_MS:g} ms", p95 <= _GOAL_MS, beside))


async def _timelines(plan: Plan, table: Table, asked: Asked) -> None:
    whole = {"since": BEGAN, "until": BEGAN + timedelta(days=365)}
    half = {"monitors": frozenset((SYSTEM, str(number)) for number in range(1, 33))}
    for name, query, bucket, goal in (
        ("a year by day", whole, BucketSize.DAY, _GOAL_MS),
        ("a year by week, one monitor", {**whole, **monitor(BUSY)}, BucketSize.WEEK, _GOAL_MS),
        ("a year by day, 32 of 64 monitors", {**whole, **half}, BucketSize.DAY, _GOAL_MS),
        ("a year by month, a frequent label", {**whole, "labels": one_of("person")}, BucketSize.MONTH, None),
        ("a month by hour", {"since": BEGAN, "until": BEGAN + timedelta(days=30)}, BucketSize.HOUR, _GOAL_MS),
    ):
        took = [await asked.timeline_ms(query, bucket) for _ in range(plan.rounds)]
        p95 = quantile(took, 0.95)
        reached = f"p50 {median(took):.1f} ms, p95 {p95:.1f} ms"
        table.add(Row(f"timeline: {name}", reached, f"p95 ≤ {goal:g} ms" if goal else "", p95 <= goal if goal else None))


async def _main(folder: Path) -> None:
    parser = arguments("search", __doc__)
    parser.add_argument("--events", type=int, help="how many events there are")
    wanted = parser.parse_args()
    plan = QUICK if wanted.quick else Plan()
    if wanted.events:
        plan = Plan(events=wanted.events, rounds=plan.rounds, peer_rounds=plan.peer_rounds)
    await measure(plan, Table("search: an index of a year"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
