"""What it takes to fill the index with all that a ZoneMinder has recorded, and what alarms feel of it.

First a fake with so many events is read by hub, store and backend as they are, in virtual time: the requests are counted, and the
time is what their pace makes of it, with the processor's own taken for nothing. Then alarms come by shared memory, in rounds that
take turns: while the index is filled, and with the index off. They make no events, since each of those costs requests, and the
filling then waits.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from tests.fakes.virtual_time import VirtualClock, VirtualLoop
from tests.fakes.zoneminder import FakeZoneMinder, World, by_version

from benchmarks.alarm_latency import changes_of
from benchmarks.lab.programs import bridge, mosquitto, zoneminder_system
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import Row, Table, arguments, median, quantile
from benchmarks.lab.zoneminder import fake_zoneminder, record
from vms_bridge.backends import load_kind
from vms_bridge.backends.supervisor import Supervisor
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.lab.programs import Mosquitto
    from vms_bridge.index import IndexProgress

_MINUTES = 45
_LOOK_S = 10.0
_PATIENCE_S = 24 * 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many events there are, and how many changes of state are told in how many rounds of each kind."""

    events: int = 100_000
    monitors: int = 16
    rounds: int = 5
    changes: int = 600
    recorded: int = 50_000
    pause_s: float = 0.1
    settle_s: float = 15.0


QUICK = Plan(events=5_000, rounds=1, changes=40, recorded=5_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What filling the index took: virtual seconds, requests in all, and real seconds of the whole run."""

    seconds: float
    requests: int
    real_s: float
    progress: IndexProgress


def fill(events: int, monitors: int) -> Filled:
    """Have the index filled with so many events, in virtual time."""
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
        # It asks the machine's clock for how long connections were idle.
        patch("aiohttp.connector.monotonic", lambda: runner.get_loop().time()),
    ):
        filled = runner.run(_fill(Path(folder), events, monitors))
    return replace(filled, real_s=time.perf_counter() - began)


async def _fill(folder: Path, events: int, monitors: int) -> Filled:
    clock = VirtualClock()
    world = World(replace(by_version("1.38.4"), auth=False), monitors=monitors, now=clock.now)
    record(world, events, clock.now())
    store = await asyncio.to_thread(Store.open, folder, clock)
    hub = Hub(store, clock)
    kind = load_kind("zoneminder")
    async with FakeZoneMinder(world) as fake:
        settings = kind.config.model_validate({"url": fake.url, "shared_memory": False})
        backend = kind.create("zm", settings, clock)
        feed = await hub.add_system(key="zm", kind="zoneminder", name="ZoneMinder", rules=MonitorRules(), backend=backend)
        tasks = [asyncio.create_task(hub.run()), asyncio.create_task(Supervisor("zm", backend, feed, clock).run())]
        try:
            while (progress := _progress(hub)) is None or not progress.is_complete:
                if clock.elapsed > _PATIENCE_S:
                    raise CannotMeasureError(f"the index is not filled within a day: {progress}")
                await clock.sleep(_LOOK_S)
            return Filled(seconds=clock.elapsed, requests=len(fake.requests), real_s=0.0, progress=progress)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await hub.close()
            await store.close()


def _progress(hub: Hub) -> IndexProgress | None:
    system = hub.system("zm")
    return None if system is None else system.index


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    filled = await asyncio.to_thread(fill, plan.events, plan.monitors)
    rate, minutes = filled.requests / filled.seconds, filled.seconds / 60
    allowed = _MINUTES * plan.events / Plan().events
    table.add(
        Row(
            f"an index of {plan.events:,} events, {plan.monitors} monitors, fake, in virtual time",
            f"{minutes:.1f} min, {rate:.2f} requests/s in all, {filled.requests:,} of them; {filled.progress.events:,} events",
            f"≤ {allowed:.1f} min at ≤ 1 request/s",
            minutes <= allowed and rate <= 1.005 and filled.progress.events >= plan.events,
            f"{1e6 * filled.real_s / plan.events:.0f} µs an event, the fake's own among them",
        )
    )
    async with mosquitto(folder) as broker:
        await _alarms(plan, table, broker, folder)


async def _alarms(plan: Plan, table: Table, broker: Mosquitto, folder: Path) -> None:
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for number in range(plan.rounds):
        for fills in (True, False) if number % 2 else (False, True):
            delays = await _round(plan, broker, folder / f"{number}-{fills}", fills=fills)
            told = [delay for delay in delays if delay == delay]  # noqa: PLR0124 - nan is not itself
            if len(told) < len(delays):
                raise CannotMeasureError(f"{len(delays) - len(told)} of {len(delays)} changes were never told")
            found[fills].append((quantile(told, 0.5), quantile(told, 0.99)))
    p50, p99 = (median([each[index] for each in found[True]]) for index in range(2))
    p50_without, p99_without = (median([each[index] for each in found[False]]) for index in range(2))
    is_good = p50 <= max(1.1 * p50_without, p50_without + 5) and p99 <= max(1.5 * p99_without, p99_without + 30)
    table.add(
        Row(
            f"alarm by shared memory while the index is filled, {plan.monitors} monitors",
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, n = {plan.changes} in each of {plan.rounds} rounds",
            "p50: 1.1 times or + 5 ms at most, p99: 1.5 times or + 30 ms",
            is_good,
            f"without: p50 {p50_without:.1f} ms, p99 {p99_without:.1f} ms",
        )
    )


async def _round(plan: Plan, broker: Mosquitto, folder: Path, *, fills: bool) -> Sequence[float]:
    """Return how late each change came, in ms."""
    async with fake_zoneminder(folder, plan.monitors, events=plan.recorded, function="Mocord") as fake:
        system = zoneminder_system(fake.url, fake.shared_memory, username=None)
        more = "" if fills else "index: {events: 0}\n"
        async with bridge(folder, broker, system, more=more):
            await asyncio.sleep(plan.settle_s)
            asked = await fake.requests()
            began = time.monotonic()
            delays = await changes_of(broker, fake, plan.monitors, plan.changes, pause_s=plan.pause_s)
            rate = (await fake.requests() - asked) / (time.monotonic() - began)
            print(f"<!-- {rate:.2f} requests/s, filling {fills} -->", file=sys.stderr)
            return delays


async def _main(folder: Path) -> None:
    wanted = arguments("backfill", __doc__).parse_args()
    await measure(QUICK if wanted.quick else Plan(), Table("backfill: filling the index"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
