"""The search index with a year of 1,000,000 events: how long a page of 100 takes by each filter, and what the index costs.

The index is that of `vms-bridge run`, on disk, asked as the hub asks it; each kind of question is asked many times with other
values, the caches are as the questions before have left them. Times are those of the processor, all threads together: what else
the machine does counts little. Beside it: the same events in one table, each as JSON with an index over its start, which is
read from the newest on until there are 100. `--hunt N` asks for N combinations of two to four filters, and shows the worst.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from benchmarks.lab.questions import YEAR, combined, filters, monitor, one_of, some_monitors, together, window, worst
from benchmarks.lab.running import run
from benchmarks.lab.table import Row, Table, arguments, median, quantile
from benchmarks.lab.world import SYSTEM
from benchmarks.lab.year import BEGAN, BUSY, year
from vms_bridge.clock import SystemClock
from vms_bridge.index import BucketSize, Search, ValueKind
from vms_bridge.model import Enrichment, Event
from vms_bridge.store import Store
from vms_bridge.store.index.file import IndexFile
from vms_bridge.store.index.values import Slice, Told
from vms_bridge.store.index.writer import Writer
from vms_bridge.store.privacy import INDEX_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.lab.questions import Query
    from benchmarks.lab.year import Made
    from vms_bridge.store.index import IndexedMonitor

_EVENT, _ENRICHMENT = TypeAdapter(Event), TypeAdapter(Enrichment)
_GOAL_MS, _GOAL_BYTES = 50.0, 400
_SLICE, _LIVE, _SHOWN = 100, 2_000, 25
_DETECTOR = "detector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many events there are, and how often each question is asked."""

    events: int = 1_000_000
    rounds: int = 40
    peer_rounds: int = 3
    hunt: int = 0
    """How many combinations are asked for, instead of all else."""


QUICK = Plan(events=20_000, rounds=5, peer_rounds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What it took to write the index: microseconds of the processor an event, and bytes an event on disk."""

    in_bulk_us: float
    live_us: float
    size: float


def fill(folder: Path, plan: Plan) -> Filled:
    """Write the index: nearly all in bulk, the last events each in a transaction of its own."""
    file = IndexFile(folder / INDEX_NAME)
    writer = Writer(file)
    writer.open()
    writer.end_refill()
    told, live = map(_told, year(plan.events)), min(_LIVE, plan.events // 10)
    in_bulk = _take(writer, told, plan.events - live, _SLICE)
    one_by_one = _take(writer, told, live, 1)
    file.writer().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    size = sum(path.stat().st_size for path in folder.glob(f"{INDEX_NAME}*"))
    return Filled(in_bulk_us=in_bulk, live_us=one_by_one, size=size / plan.events)


def _take(writer: Writer, told: Iterator[Told], count: int, at_once: int) -> float:
    """Have so many taken in; return how many microseconds of the processor one takes."""
    took = 0.0
    for first in range(0, count, at_once):
        part = Slice(told=list(islice(told, min(at_once, count - first))), upto=0)
        began = time.process_time()
        writer.take(part)
        took += time.process_time() - began
    return took / count * 1e6


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
            where.append(f"json_extract(data, '$.kind') IN ({', '.join('?' * len(value))})")
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
        began = time.process_time()
        page = await self._store.index.search(Search(**query), self._shown, None, 100)
        return (time.process_time() - began) * 1e3, len(page.events)

    async def timeline_ms(self, query: Query, bucket: BucketSize) -> float:
        """Return how long a timeline takes."""
        began = time.process_time()
        await self._store.index.timeline(Search(**query), self._shown, bucket, ZoneInfo("Europe/Berlin"))
        return (time.process_time() - began) * 1e3

    async def values_ms(self, query: Query, kind: ValueKind) -> tuple[float, int]:
        """Return how long a list of values takes, and how many there are."""
        began = time.process_time()
        found = await self._store.index.values(Search(**query), self._shown, kind, 1_000)
        return (time.process_time() - began) * 1e3, len(found.counts)


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    if not (folder / INDEX_NAME).exists():
        filled = await asyncio.to_thread(fill, folder, plan)
        size = f"{filled.size:.0f} bytes an event"
        table.add(Row(f"{plan.events:,} events on disk", size, f"≤ {_GOAL_BYTES}", filled.size <= _GOAL_BYTES))
        took = f"{filled.in_bulk_us:.0f}; {filled.live_us:.0f} µs of the processor"
        table.add(Row("taking an event in, in bulk; in a transaction of its own", took))
    store = await asyncio.to_thread(Store.open, folder, SystemClock())
    await store.index.freshen()
    asked = Asked(store, {each.number: each for each in store.index.monitors})
    peer = folder / "peer.sqlite"
    try:
        if plan.hunt:
            await hunt(plan, table, asked)
            return
        if plan.peer_rounds:
            asked.peer = sqlite3.connect(peer) if peer.exists() else fill_peer(peer, plan)
        for questions in (*(_with(extra, name) for name, extra in EXTRAS.items()), _worst):
            for name in questions(chance_of("")):
                await _ask(plan, table, asked, name, partial(_one, questions, name))
        await _timelines(plan, table, asked)
        await _values(plan, table, asked)
    finally:
        if asked.peer is not None:
            asked.peer.close()
        await store.close()


async def hunt(plan: Plan, table: Table, asked: Asked) -> None:
    """Ask for many combinations, and show what has cost most."""
    chance = chance_of("hunt")
    pages: list[tuple[float, str]] = []
    timelines: list[tuple[float, str]] = []
    for _ in range(plan.hunt):
        name, query = combined(chance)
        pages.append((min([(await asked.ms(query))[0] for _ in range(2)]), name))
        by_year = {**YEAR, **query}
        timelines.append((min([await asked.timeline_ms(by_year, BucketSize.DAY) for _ in range(2)]), name))
    for what, took in (("page", pages), ("timeline", timelines)):
        for ms, name in sorted(took, reverse=True)[:_SHOWN]:
            table.add(Row(f"{what}: {name}", f"{ms:.1f} ms", f"≤ {_GOAL_MS:g} ms", ms <= _GOAL_MS))


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
    return {f"worst: {name}": query for name, query in {**worst(chance), **together(chance)}.items()}


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
            query, began = make(chance), time.process_time()
            ask_peer(asked.peer, query)
            peer.append((time.process_time() - began) * 1e3)
        beside = f"JSON in a table: {median(peer):,.0f} ms"
    reached = f"p50 {median(took):.1f} ms, p95 {p95:.1f} ms, found {median([float(count) for _, count in results]):.0f}"
    table.add(Row(name, reached, f"p95 ≤ {_GOAL_MS:g} ms", p95 <= _GOAL_MS, beside))


async def _timelines(plan: Plan, table: Table, asked: Asked) -> None:
    chance = chance_of("timelines")
    month = {"since": BEGAN, "until": BEGAN + timedelta(days=30)}
    for name, query, bucket in (
        ("a year by day", YEAR, BucketSize.DAY),
        ("all there is, by day", {}, BucketSize.DAY),
        ("a year by week, one monitor", {**YEAR, **monitor(BUSY)}, BucketSize.WEEK),
        ("a year by day, 32 of 64 monitors", {**YEAR, **some_monitors(chance, 32)}, BucketSize.DAY),
        ("a year by month, a frequent label", {**YEAR, "labels": one_of("person")}, BucketSize.MONTH),
        ("a month by hour", month, BucketSize.HOUR),
        ("a year by hour", YEAR, BucketSize.HOUR),
        *((f"a year by day, {name}", {**YEAR, **query}, BucketSize.DAY) for name, query in filters(chance).items() if query),
        *((f"a year by day, {name}", {**YEAR, **query}, BucketSize.DAY) for name, query in together(chance).items()),
    ):
        took = [await asked.timeline_ms(query, bucket) for _ in range(plan.rounds)]
        p95 = quantile(took, 0.95)
        reached = f"p50 {median(took):.1f} ms, p95 {p95:.1f} ms"
        table.add(Row(f"timeline: {name}", reached, f"p95 ≤ {_GOAL_MS:g} ms", p95 <= _GOAL_MS))


async def _values(plan: Plan, table: Table, asked: Asked) -> None:
    chance = chance_of("values")
    for kind in ValueKind:
        for name, extra in EXTRAS.items():
            results = [await asked.values_ms(extra(chance), kind) for _ in range(plan.rounds)]
            took = [ms for ms, _ in results]
            p95 = quantile(took, 0.95)
            reached = f"p50 {median(took):.1f} ms, p95 {p95:.1f} ms, found {median([float(count) for _, count in results]):.0f}"
            table.add(Row(f"values of {kind}{name}", reached, f"p95 ≤ {_GOAL_MS:g} ms", p95 <= _GOAL_MS))


async def _main(folder: Path) -> None:
    parser = arguments("search", __doc__)
    parser.add_argument("--events", type=int, help="how many events there are")
    parser.add_argument("--hunt", type=int, default=0, metavar="N", help="ask for N combinations of filters, and show the worst")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the index there, and use one that is there")
    wanted = parser.parse_args()
    plan = replace(QUICK if wanted.quick else Plan(), hunt=wanted.hunt)
    if wanted.events:
        plan = replace(plan, events=wanted.events)
    if wanted.keep:
        wanted.keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    await measure(plan, Table("search: an index of a year"), wanted.keep or folder)


if __name__ == "__main__":
    sys.exit(run(_main))
