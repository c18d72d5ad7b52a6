"""From the alarm in the VMS to the MQTT message, by shared memory and by the API alone.

A fake ZoneMinder, a default mosquitto, `vms-bridge run` and the subscriber are processes of their own. The fake stamps
the moment before it writes an alarm's begin or end; the other cameras deliver pictures meanwhile. With `--real` the
alarm is forced in a real ZoneMinder, whose shared memory another process watches every 0.2 ms.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab import real
from benchmarks.lab.arrivals import Arrivals
from benchmarks.lab.programs import ROOT, bridge, check_source, mosquitto, zoneminder_system
from benchmarks.lab.remote import Child
from benchmarks.lab.running import run
from benchmarks.lab.table import MS, Row, Table, arguments, quantile
from benchmarks.lab.wire import Client
from benchmarks.lab.zoneminder import fake_zoneminder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.zoneminder import FakeProcess

_STATES = {1: "idle", 2: "prealarm", 3: "alarm", 4: "alert"}
_PEERS_S = (5.0, 30.0)
"""Poll intervals of ZoneMinder's MQTT event server, and of both Home Assistant integrations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """How late an alarm may be."""

    p50_ms: float = float("inf")
    p99_ms: float

    def __str__(self) -> str:
        return (
            f"p99 ≤ {self.p99_ms:g} ms" if self.p50_ms == float("inf") else f"p50 ≤ {self.p50_ms:g} ms, p99 ≤ {self.p99_ms:g} ms"
        )


_FEW = 32
_FEW_BY_MEMORY, _BY_MEMORY, _BY_API = Goal(p50_ms=10, p99_ms=30), Goal(p50_ms=30, p99_ms=100), Goal(p99_ms=2050)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure; `pause_s` is the mean time between two changes."""

    sizes: Sequence[int] = (1, 16, 32, 64, 200, 1000, 2000)
    changes: int = 300
    api_sizes: Sequence[int] = (1, 200)
    api_changes: int = 60
    real_alarms: int = 40
    pause_s: float = 0.1
    settle_s: float = 3.0


QUICK = Plan(sizes=(1, 200), changes=40, api_sizes=(16,), api_changes=10, real_alarms=5)


async def measure(plan: Plan, table: Table, folder: Path, zoneminder: real.ZoneMinder | None, monitor: str) -> None:
    async with mosquitto(folder) as broker:
        beside = f"broker alone: p50 {quantile(await broker_alone(broker, plan.changes), 0.5):.2f} ms"
        for size in plan.sizes:
            delays = await by_fake(plan, broker, folder / f"memory-{size}", size, plan.changes, with_memory=True)
            _report(table, f"shared memory, {_monitors(size)}", delays, beside, goal=_goal(size))
        for size in plan.api_sizes:
            delays = await by_fake(plan, broker, folder / f"api-{size}", size, plan.api_changes, with_memory=False)
            _report(table, f"API only, {_monitors(size)}", delays, "poll interval 2 s", goal=_BY_API)
        if zoneminder is not None:
            delays = await by_real(plan, broker, folder / "real", zoneminder, monitor)
            _report(table, "shared memory, real ZoneMinder, its own changes of state", delays, beside)


async def by_fake(
    plan: Plan, broker: Mosquitto, folder: Path, monitors: int, changes: int, *, with_memory: bool
) -> Sequence[float]:
    """Return how late each change came, in ms; nan for what never came."""
    async with fake_zoneminder(folder, monitors) as fake:
        system = zoneminder_system(fake.url, fake.shared_memory if with_memory else None, username=None)
        async with bridge(folder, broker, system):
            await asyncio.sleep(plan.settle_s)
            await check_source(broker, "shared_memory" if with_memory else "events", monitors)
            # At random moments of the poll, or of the sampling.
            return await changes_of(broker, fake, monitors, changes, pause_s=plan.pause_s * (1 if with_memory else 10))


async def changes_of(broker: Mosquitto, fake: FakeProcess, monitors: int, changes: int, *, pause_s: float) -> Sequence[float]:
    """Let alarms begin and end on one monitor after the other, and return how late each was told."""
    arrivals = Arrivals()
    client = await Client.connect(broker.port, arrivals.take, filters=[f"{ROOT}/zm/+/state"])
    delays = []
    dice = random.Random(monitors)  # noqa: S311 - no secret
    for _ in range((changes + 1) // 2):
        monitor = dice.randint(1, monitors)
        for change, wanted in ((fake.alarm, "alarm"), (fake.calm, "idle")):
            await asyncio.sleep(dice.uniform(0, 2 * pause_s))
            arrivals.forget()
            delays.append(await _delay(arrivals, str(monitor), wanted, await change(monitor)))
    client.close()
    return delays


async def by_real(plan: Plan, broker: Mosquitto, folder: Path, zoneminder: real.ZoneMinder, monitor: str) -> Sequence[float]:
    """Return how late the bridge told each change of state that the watcher saw in the real shared memory."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - where ZoneMinder keeps it
    system = zoneminder_system(zoneminder.url, shared_memory, username=zoneminder.user)
    delays: list[float] = []
    async with bridge(folder, broker, system), Child("benchmarks.lab.watcher") as watcher:
        await asyncio.sleep(plan.settle_s)
        arrivals = Arrivals()
        client = await Client.connect(broker.port, arrivals.take, filters=[f"{ROOT}/zm/{monitor}/state"])
        await watcher.ask("watch", path=str(shared_memory / f"zm.mmap.{monitor}"))
        for _ in range(plan.real_alarms):
            arrivals.forget()
            await zoneminder.alarm(monitor, "on")
            await asyncio.sleep(random.uniform(0.2, 0.6))  # noqa: S311 - no secret
            await zoneminder.alarm(monitor, "off")
            topic, since = f"{ROOT}/zm/{monitor}/state", time.monotonic_ns()
            await arrivals.first(topic, partial(_says, "idle"), since=since, within_s=10)
            for state, at in (await watcher.ask("changes"))["changes"]:
                delays.append(await _delay(arrivals, monitor, _STATES[state], at))
        await watcher.ask("stop")
        client.close()
    return delays


async def broker_alone(broker: Mosquitto, count: int) -> Sequence[float]:
    """Return how long messages take through the broker alone, in ms."""
    arrivals = Arrivals()
    reader = await Client.connect(broker.port, arrivals.take, filters=["floor"])
    writer = await Client.connect(broker.port)
    delays = []
    for _ in range(count):
        arrivals.forget()
        at = asyncio.get_running_loop().time()
        writer.publish("floor", b"x" * 400)
        arrival = await arrivals.first("floor", bool)
        if arrival is not None:
            delays.append(arrival.at / MS - at * 1000)
        await asyncio.sleep(0.01)
    reader.close()
    writer.close()
    return delays


async def _delay(arrivals: Arrivals, monitor: str, wanted: str, at: int) -> float:
    arrival = await arrivals.first(f"{ROOT}/zm/{monitor}/state", partial(_says, wanted), since=at)
    return (arrival.at - at) / MS if arrival else float("nan")


def _says(alarm: str, payload: bytes) -> bool:
    return b'"alarm":"' + alarm.encode() + b'"' in payload


def _report(table: Table, what: str, delays: Sequence[float], beside: str, *, goal: Goal = _BY_MEMORY) -> None:
    told = [delay for delay in delays if delay == delay]  # noqa: PLR0124 - nan is not itself
    p50, p99 = quantile(told, 0.5), quantile(told, 0.99)
    lost = len(delays) - len(told)
    reached = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, n = {len(told)}" + (f", {lost} never told" if lost else "")
    if goal is not _BY_API:
        peers = ", ".join(f"{500 * each / p50:.0f} times" for each in _PEERS_S)
        beside = f"p50 of a poll each 5 s, 30 s: {peers} as late; {beside}"
    table.add(Row(what, reached, str(goal), p50 <= goal.p50_ms and p99 <= goal.p99_ms and not lost, beside))


def _goal(monitors: int) -> Goal:
    return _FEW_BY_MEMORY if monitors <= _FEW else _BY_MEMORY


def _monitors(count: int) -> str:
    return f"{count} monitors" if count > 1 else "1 monitor"


async def _main(folder: Path) -> None:
    parser = arguments("alarm_latency", __doc__)
    real.add_options(parser)
    wanted = parser.parse_args()
    plan = QUICK if wanted.quick else Plan()
    table = Table("alarm_latency: change of state in the VMS → MQTT message")
    if not wanted.real:
        await measure(plan, table, folder, None, "")
        return
    async with real.ZoneMinder(wanted.zm_url, wanted.zm_user, real.password()) as zoneminder:
        await measure(plan, table, folder, zoneminder, wanted.zm_monitor)


if __name__ == "__main__":
    sys.exit(run(_main))
