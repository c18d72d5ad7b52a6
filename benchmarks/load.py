"""Cost and latency as functions of the number of monitors and of the rate of changes, and whether the cost is linear.

A fake ZoneMinder (shared memory and API) and mosquitto have processes of their own. At rest the cameras only deliver
pictures. Under load alarms begin on one monitor after the other, each with an event, and end a second later: half of the
changes are begins. Then two bridges that share one ZoneMinder are compared with one that has it to itself, and 500
changes a second come from a scripted backend in the bridge's own process, which no fake can hold back.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from benchmarks import throughput
from benchmarks.lab.programs import AT_ONCE, UNLIMITED, bridge, mosquitto, zoneminder_system
from benchmarks.lab.running import run
from benchmarks.lab.table import Grid, Row, Table, arguments, median, quantile
from benchmarks.lab.told import Delays, Told
from benchmarks.lab.zoneminder import fake_zoneminder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.remote import Cost
    from benchmarks.lab.zoneminder import FakeProcess

_FPS = 5.0
_LASTS_S = 1.0
_MONITORS_INTERVAL_S = 10.0
"""More often than by default, so that each window holds as many reads of the list as every other."""
_DEFAULT_INTERVAL_S = 15.0
_MOST_CHANGES_OF_ONE = 1.0
_HALF = ("?", "??", "[1-4]??")
"""Monitors 1 to 499 of 1,000, by id."""
_COLUMNS = (
    "monitors", "changes/s", "processor", "memory", "alarm p50, p99", "event `new` p50, p99", "event `end` p50, p99",
    "not reported", "API calls/s", "the fake's processor", "kept waiting",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure: monitors, changes a second, and how often and how long."""

    sizes: Sequence[int] = (10, 100, 500, 1000, 2000)
    rates: Sequence[float] = (5, 50, 500)
    rounds: int = 3
    settle_s: float = 4.0
    rest_s: float = 10.0
    load_s: float = 8.0
    drain_s: float = 5.0
    shared: int = 1000
    shared_rounds: int = 2
    shared_s: float = 15.0
    scripted_s: float = 8.0


QUICK = Plan(sizes=(10, 500, 1000), rates=(50,), rounds=1, settle_s=2.0, rest_s=5.0, load_s=3.0, drain_s=2.0, shared_rounds=0,
             scripted_s=3.0)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What was measured with that many monitors and changes a second; `calls` and what is of `cores` are per second."""

    monitors: int
    changes: float
    cores: float
    resident_mb: float
    calls: float
    fake_cores: float
    waited: float
    delays: Delays = field(default_factory=Delays)


async def measure(plan: Plan, grid: Grid, table: Table, folder: Path) -> None:
    rounds: list[dict[int, Cell]] = []
    cells: list[Cell] = []
    for number in range(plan.rounds):
        at_rest: dict[int, Cell] = {}
        for size in plan.sizes:
            # A broker that holds nothing of a larger system, which the bridge would have to clear.
            async with _broker(folder / f"{number}-{size}") as broker:
                found = await _cells(plan, broker, folder / f"{number}-{size}", size, plan.rates if number == 0 else ())
            at_rest[size] = found[0]
            for cell in found if number == 0 else ():
                _show(grid, cell)
                cells.append(cell)
        rounds.append(at_rest)
    report_linear(table, plan, rounds)
    for rate in plan.rates:
        _report_latency(table, [cell for cell in cells if cell.changes == rate])
    async with _broker(folder / "others") as broker:
        await _scripted(plan, table, broker, folder / "scripted")
        if plan.shared_rounds:
            await _share(plan, table, broker, folder / "shared")


def _broker(folder: Path) -> AbstractAsyncContextManager[Mosquitto]:
    folder.mkdir(parents=True, exist_ok=True)
    return mosquitto(folder, extra=UNLIMITED + AT_ONCE)


async def _cells(plan: Plan, broker: Mosquitto, folder: Path, size: int, rates: Sequence[float]) -> list[Cell]:
    """Run a bridge before a fake of that size; return what it costs at rest, then at each rate that so many can show."""
    async with (
        fake_zoneminder(folder, size, fps=_FPS) as fake,
        bridge(folder, broker, _system(fake)) as cost,
    ):
        await asyncio.sleep(plan.settle_s)
        window = await _Window.open(fake, cost)
        await asyncio.sleep(plan.rest_s)
        cells = [await window.close(size, 0)]
        for rate in rates:
            if rate <= size * _MOST_CHANGES_OF_ONE:
                told = await Told.listen(broker)
                window = await _Window.open(fake, cost)
                stamps = await fake.traffic(rate, plan.load_s, _LASTS_S)
                cell = await window.close(size, rate)
                cells.append(replace(cell, delays=await told.delays(stamps, within_s=plan.drain_s)))
                told.close()
        return cells


@dataclass(frozen=True, slots=True)
class _Window:
    """The time over which the cost of the bridge and of the fake is counted."""

    fake: FakeProcess
    cost: Cost
    fake_cost: Cost
    calls: int
    since: float

    @classmethod
    async def open(cls, fake: FakeProcess, cost: Cost) -> _Window:
        calls = await fake.requests()
        cost.restart()
        return cls(fake, cost, fake.cost, calls, asyncio.get_running_loop().time())

    async def close(self, monitors: int, changes: float) -> Cell:
        cores, fake_cores, waited = self.cost.cores, self.fake_cost.cores, self.cost.kept_waiting
        seconds = asyncio.get_running_loop().time() - self.since
        return Cell(
            monitors=monitors,
            changes=changes,
            cores=cores,
            resident_mb=self.cost.resident_mb,
            calls=(await self.fake.requests() - self.calls) / seconds,
            fake_cores=fake_cores,
            waited=waited,
        )


async def _share(plan: Plan, table: Table, broker: Mosquitto, folder: Path) -> None:
    """Serve the same monitors by one bridge, and by two that have half of them each; in turn."""
    alone: list[tuple[float, float, float]] = []
    both: list[tuple[float, float, float]] = []
    include = "[" + ", ".join(f'"{pattern}"' for pattern in _HALF) + "]"
    halves = {"first": f"    monitors: {{include: {include}}}\n", "second": f"    monitors: {{exclude: {include}}}\n"}
    for number in range(plan.shared_rounds):
        for results, parts in ((alone, {"whole": ""}), (both, halves)):
            where = folder / f"{number}-{len(parts)}"
            async with fake_zoneminder(where, plan.shared, fps=_FPS) as fake, AsyncExitStack() as bridges:
                costs = []
                for instance, chosen in parts.items():
                    system = _system(fake, chosen, interval_s=_DEFAULT_INTERVAL_S)
                    one = bridge(where / instance, broker, system, instance=f"bench_{instance}")
                    costs.append(await bridges.enter_async_context(one))
                await asyncio.sleep(plan.settle_s)
                asked = await fake.requests()
                for cost in costs:
                    cost.restart()
                await asyncio.sleep(plan.shared_s)
                cores, resident = sum(cost.cores for cost in costs), sum(cost.resident_mb for cost in costs)
                results.append((cores, resident, (await fake.requests() - asked) / plan.shared_s))
    cores, resident, calls = (median([each[index] for each in alone]) for index in range(3))
    cores_2, resident_2, calls_2 = (median([each[index] for each in both]) for index in range(3))
    ratio = median([two[0] / one[0] for one, two in zip(alone, both, strict=True)])
    reached = f"{100 * cores_2:.1f} % of a core, ratio {ratio:.2f}; {resident_2:.0f} MB, {calls_2:.2f} API calls/s"
    beside = f"one bridge for all: {100 * cores:.1f} %, {resident:.0f} MB, {calls:.2f} API calls/s"
    table.add(Row(f"two bridges, half of {plan.shared:,} monitors each", reached, "ratio ≤ 1.1", ratio <= 1.1, beside))


async def _scripted(plan: Plan, table: Table, broker: Mosquitto, folder: Path) -> None:
    """Let a backend inside the bridge emit what the fake can cause at most."""
    rate = int(max(plan.rates))
    whole = throughput.Plan(monitors=max(plan.sizes), settle_s=plan.settle_s)
    async with throughput.feeder(whole, broker, folder) as child:
        await child.ask("start")
        await asyncio.sleep(plan.settle_s)
        outcome = await throughput.load(broker, child, states=rate, events=rate // 2, seconds=plan.scripted_s)
    ages = outcome.tally.ages_ms
    reached = f"{100 * outcome.cores:.0f} % of a core, age of states {_spread(ages)}, "
    reached += f"{outcome.lost_events} of {2 * outcome.load['events']} event messages lost"
    name = f"{whole.monitors:,} monitors, {rate} changes/s and {rate // 2} events/s, without the fake"
    table.add(Row(name, reached, "nothing lost", not outcome.lost_events, f"kept waiting {100 * outcome.waited:.0f} %"))


def report_linear(table: Table, plan: Plan, rounds: Sequence[Mapping[int, Cell]]) -> None:
    """Compare what one more monitor costs among few with what it costs among many."""
    few, many = _step_around(plan.sizes, 100), (plan.sizes[-2], plan.sizes[-1])
    for what, unit, figures in (
        ("processor", "‰ of a core", [{size: 1000 * cell.cores for size, cell in each.items()} for each in rounds]),
        ("memory", "KB", [{size: 1000 * cell.resident_mb for size, cell in each.items()} for each in rounds]),
    ):
        first = [_marginal(each, few) for each in figures]
        last = [_marginal(each, many) for each in figures]
        ratio = median([b / a if a > 0 else float("nan") for a, b in zip(first, last, strict=True)])
        name = f"{what} for one more monitor at {many[1]:,}, at rest"
        reached = f"{median(last):.2f} {unit}, ratio {ratio:.2f}"
        beside = f"at 100 ({few[0]} to {few[1]}): {median(first):.2f} {unit}; n = {len(rounds)}"
        table.add(Row(name, reached, "ratio ≤ 1.2", ratio <= 1.2, beside))


def _step_around(sizes: Sequence[int], size: int) -> tuple[int, int]:
    """Return the measured sizes on both sides of this one."""
    return max(each for each in sizes if each < size), min(each for each in sizes if each > size)


def _marginal(figures: Mapping[int, float], step: tuple[int, int]) -> float:
    return (figures[step[1]] - figures[step[0]]) / (step[1] - step[0])


def _report_latency(table: Table, cells: Sequence[Cell]) -> None:
    """Hold the largest system at this rate against the goal for any."""
    if not cells:
        return
    cell = cells[-1]
    p50, p99 = quantile(cell.delays.alarms, 0.5), quantile(cell.delays.alarms, 0.99)
    beside = f"{cells[0].monitors} monitors: {_spread(cells[0].delays.alarms)}"
    name = f"alarm, {cell.monitors:,} monitors, {cell.changes:g} changes/s"
    is_good = p50 <= 30 and p99 <= 100 and not cell.delays.missing
    table.add(Row(name, _spread(cell.delays.alarms), "p50 ≤ 30 ms, p99 ≤ 100 ms, all reported", is_good, beside))


def _show(grid: Grid, cell: Cell) -> None:
    latencies = (_spread(each) if cell.changes else "" for each in (cell.delays.alarms, cell.delays.news, cell.delays.ends))
    grid.add(
        f"{cell.monitors:,}",
        f"{cell.changes:g}",
        f"{100 * cell.cores:.1f} %",
        f"{cell.resident_mb:.0f} MB",
        *latencies,
        cell.delays.missing if cell.changes else "",
        f"{cell.calls:.1f}",
        f"{100 * cell.fake_cores:.0f} %",
        f"{100 * cell.waited:.0f} %",
    )


def _spread(delays: Sequence[float]) -> str:
    return f"{quantile(delays, 0.5):.0f}, {quantile(delays, 0.99):.0f} ms"


def _system(fake: FakeProcess, more: str = "", *, interval_s: float = _MONITORS_INTERVAL_S) -> str:
    more += f"    monitors_interval: {interval_s:g}\n"
    return zoneminder_system(fake.url, fake.shared_memory, username=None, more=more)


async def _main(folder: Path) -> None:
    wanted = arguments("load", __doc__).parse_args()
    grid = Grid("load: cost and latency by monitors and changes", _COLUMNS)
    await measure(QUICK if wanted.quick else Plan(), grid, Table("load: against the goals"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
