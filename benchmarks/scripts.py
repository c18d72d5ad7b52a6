"""Scripts: from a change in the hub to what a script does about it, what its process costs, and what fifty of them cost others.

The bridge is the whole one, over a backend that emits what is asked for. A reaction is measured within its process: from the
moment in which an alarm is emitted until the backend is asked to do what the script has answered with. Fifty scripts beside:
rounds with and without them take turns, at the same load of states; an alarm's age is that of its MQTT message. With
`--appdaemon` the same rule in AppDaemon is beside it, which is fetched into an environment of its own.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab.programs import AT_ONCE, ROOT, UNLIMITED, mosquitto
from benchmarks.lab.remote import Child
from benchmarks.lab.running import run
from benchmarks.lab.table import Row, Table, arguments, quantile
from benchmarks.lab.world import SYSTEM
from benchmarks.peers.appdaemon import appdaemon
from benchmarks.throughput import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.remote import Json

_MB = 1024 * 1024
_ANSWERS = """
from vms_bridge.script import monitors, on, permissions

permissions(commands=["alarm"])

@on.alarm(monitor="zm/1", to="alarm")
async def answer(alarm):
    await monitors["zm/2"].trigger()
"""
_HEARS = """
from vms_bridge.script import on

@on.alarm(monitor=["zm/{first}", "zm/{second}"])
async def hear(alarm):
    pass
"""
_SLEEPS = """
from vms_bridge.script import on, sleep

@on.alarm()
async def hear(alarm):
    await sleep(5)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    reactions: int = 300
    peer_reactions: int = 60
    scripts: int = 50
    monitors: int = 80
    states: int = 1_000
    seconds: float = 10.0
    rounds: int = 5
    settle_s: float = 4.0


QUICK = Plan(reactions=20, peer_reactions=5, scripts=8, seconds=3.0, rounds=1)


async def measure(plan: Plan, table: Table, folder: Path, *, with_peer: bool = False) -> None:
    async with mosquitto(folder, extra=UNLIMITED + AT_ONCE) as broker:
        await _one_script(plan, table, broker, folder)
        if with_peer:
            await _peer(plan, table, broker, folder)
        await _many(plan, table, broker, folder)


async def _one_script(plan: Plan, table: Table, broker: Mosquitto, folder: Path) -> None:
    async with feeder(plan, broker, folder / "one", {"answers": _ANSWERS}) as child:
        await child.ask("start")
        started = await child.ask("scripts")
        table.add(_started("a script ready, from its approval", started["seconds"], 0.3))
        pss, rss = _memory(started["workers"])
        reached = f"PSS {pss:.1f} MB, RSS {rss:.1f} MB"
        table.add(Row("an idle script's memory", reached, "PSS ≤ 16 MB, RSS ≤ 25 MB", pss <= 16 and rss <= 25))
        await asyncio.sleep(plan.settle_s)
        told = (await child.ask("react", count=plan.reactions))["ms"]
    p50, p99 = quantile(told, 0.5), quantile(told, 0.99)
    reached = f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, n = {len(told)}"
    table.add(Row("change in the hub → handler → command", reached, "p50 ≤ 2 ms, p99 ≤ 10 ms", p50 <= 2 and p99 <= 10))


async def _peer(plan: Plan, table: Table, broker: Mosquitto, folder: Path) -> None:
    """Measure the same rule in AppDaemon: over MQTT both ways, for there is no nearer way for it."""
    hears, commands = f"{ROOT}/{SYSTEM}/1/state", f"{ROOT}/{SYSTEM}/2/set/alarm"
    async with feeder(plan, broker, folder / "peer", {}) as child:
        await child.ask("start")
        await asyncio.sleep(plan.settle_s)
        async with appdaemon(folder / "appdaemon", broker, hears=hears, commands=commands) as pid:
            told = (await child.ask("react", count=plan.peer_reactions))["ms"]
            pss, rss = _memory([pid])
    reached = f"p50 {quantile(told, 0.5):.0f} ms, p99 {quantile(told, 0.99):.0f} ms, n = {len(told)}"
    table.add(Row("the same rule in AppDaemon 4.5.13, by MQTT", reached, beside=f"PSS {pss:.0f} MB, RSS {rss:.0f} MB"))


async def _many(plan: Plan, table: Table, broker: Mosquitto, folder: Path) -> None:
    hearing = {
        f"hears_{number}": _HEARS.format(first=1 + number % plan.monitors, second=1 + (number * 7 + 3) % plan.monitors)
        for number in range(plan.scripts - 1)
    }
    texts = {**hearing, "sleeps": _SLEEPS}
    without: list[float] = []
    beside: list[float] = []
    counts: list[Json] = []
    for number in range(plan.rounds):
        without += (await _round(plan, broker, folder / f"without-{number}", {}))[0]
        ages, started, counted = await _round(plan, broker, folder / f"beside-{number}", texts)
        beside += ages
        counts.append(counted)
        if not number:
            table.add(_started(f"{plan.scripts} scripts ready", started["seconds"], 10.0))
            pss, rss = started["memory"]
            table.add(Row(f"memory of each of {plan.scripts} scripts", f"PSS {pss:.1f} MB, RSS {rss:.1f} MB"))
    _report_latency(plan, table, without, beside, counts)
    dropped = {name: sum(each[name][1] for each in counts) for name in texts}
    others = sum(lost for name, lost in dropped.items() if name != "sleeps")
    reached = f"{dropped['sleeps']:,} of its own dropped, {others:,} of the others'"
    table.add(Row("a script that is flooded", reached, "drops its own only", dropped["sleeps"] > 0 and not others))


async def _round(plan: Plan, broker: Mosquitto, data_dir: Path, texts: dict[str, str]) -> tuple[Sequence[float], Json, Json]:
    """Return how old states were when they came, in ms, how the scripts started, and what became of what they were told."""
    async with feeder(plan, broker, data_dir, texts) as child:
        await child.ask("start")
        started = await child.ask("scripts") if texts else {}
        if texts:
            started["memory"] = _memory(started["workers"])
        await asyncio.sleep(plan.settle_s)
        outcome = await load(broker, child, states=plan.states, events=0, seconds=plan.seconds)
        return outcome.tally.ages_ms, started, await child.ask("counts") if texts else {}


def feeder(plan: Plan, broker: Mosquitto, data_dir: Path, texts: dict[str, str]) -> Child:
    """Return a bridge with these scripts, by name."""
    folder = data_dir / "scripts"
    folder.mkdir(parents=True)
    for path in (data_dir, folder):
        path.chmod(0o700)
    for name, text in texts.items():
        path = folder / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
    beside = ("--scripts", folder) if texts else ()
    place = ("--broker", broker.url, "--data-dir", data_dir)
    return Child("benchmarks.lab.feeder", *place, "--monitors", plan.monitors, *beside)


def _memory(workers: Sequence[int]) -> tuple[float, float]:
    """Return PSS and RSS of these processes, in MB, on average."""
    sums = {"Pss:": 0, "Rss:": 0}
    for pid in workers:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            name, *rest = line.split()
            if name in sums:
                sums[name] += int(rest[0]) * 1024
    count = max(1, len(workers))
    return sums["Pss:"] / count / _MB, sums["Rss:"] / count / _MB


def _started(what: str, seconds: float, goal_s: float) -> Row:
    return Row(what, f"{seconds:.2f} s", f"≤ {goal_s:g} s", seconds <= goal_s)


def _report_latency(plan: Plan, table: Table, without: Sequence[float], beside: Sequence[float], counts: Sequence[Json]) -> None:
    p50, p99 = quantile(without, 0.5), quantile(without, 0.99)
    table.add(
        Row(f"state to MQTT, {plan.states:,} a second, no scripts", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, n = {len(without):,}")
    )
    most_p50, most_p99 = max(1.1 * p50, p50 + 5), max(1.5 * p99, p99 + 30)
    reached_p50, reached_p99 = quantile(beside, 0.5), quantile(beside, 0.99)
    calls = sum(called for each in counts for called, _ in each.values()) / len(counts) / plan.seconds
    table.add(
        Row(
            f"the same beside {plan.scripts} scripts",
            f"p50 {reached_p50:.1f} ms, p99 {reached_p99:.1f} ms, n = {len(beside):,}",
            f"p50 ≤ {most_p50:.1f} ms, p99 ≤ {most_p99:.1f} ms",
            reached_p50 <= most_p50 and reached_p99 <= most_p99,
            f"{calls:,.0f} deliveries a second together",
        )
    )


async def _main(folder: Path) -> None:
    parser = arguments("scripts", __doc__)
    parser.add_argument("--appdaemon", action="store_true", help="the same rule in AppDaemon too, fetched at the first time")
    wanted = parser.parse_args()
    table = Table("scripts: what they cost, and how soon they answer")
    await measure(QUICK if wanted.quick else Plan(), table, folder, with_peer=wanted.appdaemon)


if __name__ == "__main__":
    sys.exit(run(_main))
