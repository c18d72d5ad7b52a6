"""The WebSocket: what many clients cost, how old what they are told is, a client that never reads, and alarms beside MQTT.

The bridge is that of `vms-bridge run` over a scripted backend whose states carry a stamp, in a process of its own; so are the
clients, bare sockets of which every tenth looks at the stamps. Alarms come from a fake ZoneMinder's shared memory; the same
process hears each by the WebSocket and by MQTT.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tests.e2e.processes import free_ports

from benchmarks.lab.arrivals import Arrivals
from benchmarks.lab.live import follow
from benchmarks.lab.programs import ROOT, bridge, check_source, mosquitto, zoneminder_system
from benchmarks.lab.remote import Child
from benchmarks.lab.running import run
from benchmarks.lab.table import MS, Row, Table, arguments, quantile
from benchmarks.lab.wire import Client
from benchmarks.lab.zoneminder import fake_zoneminder
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.remote import Json

_TOPIC = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure; rates are per second."""

    clients: Sequence[int] = (0, 1, 10, 100)
    monitors: int = 200
    states: int = 1_000
    seconds: float = 20.0
    stuck: int = 10
    alarms: int = 300
    alarm_monitors: int = 64
    pause_s: float = 0.1
    settle_s: float = 4.0


QUICK = Plan(clients=(0, 10), seconds=4.0, alarms=20, stuck=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a load led to."""

    cores: float
    waited: float
    grown_mb: float
    told: Json


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    async with mosquitto(folder) as broker:
        alone = 0.0
        for count in plan.clients:
            outcome = await load(plan, broker, folder / f"clients-{count}", count)
            alone = alone if count else outcome.cores
            _report(table, plan, f"{count} clients", outcome, alone)
        stuck = await load(plan, broker, folder / "stuck", plan.clients[-1], stuck=plan.stuck)
        _report(table, plan, f"{plan.clients[-1]} clients, {plan.stuck} more that read nothing", stuck, alone)
        by_websocket, by_mqtt = await alarms(plan, broker, folder / "alarms")
        _report_alarms(table, plan, by_websocket, by_mqtt)


async def load(plan: Plan, broker: Mosquitto, folder: Path, count: int, *, stuck: int = 0) -> Outcome:
    """Have so many clients follow, and states change."""
    (port,) = free_ports(1)
    arguments_ = ("--broker", broker.url, "--data-dir", folder, "--monitors", plan.monitors, "--port", port)
    async with Child("benchmarks.lab.feeder", *arguments_) as feeder, Child("benchmarks.lab.live") as crowd:
        await feeder.ask("start")
        await asyncio.sleep(plan.settle_s)
        token = (await feeder.ask("token"))["token"]
        await crowd.ask("connect", count=count + stuck, port=port, token=token)
        await crowd.ask("stall", count=stuck) if stuck else None
        await crowd.ask("begin")
        cost = feeder.cost
        before_mb = cost.resident_mb
        await feeder.ask("load", states=plan.states, events=0, seconds=plan.seconds)
        cores, waited = cost.cores, cost.kept_waiting
        await asyncio.sleep(0.5)
        told = await crowd.ask("told")
        return Outcome(cores=cores, waited=waited, grown_mb=cost.resident_mb - before_mb, told=told)


async def alarms(plan: Plan, broker: Mosquitto, folder: Path) -> tuple[Sequence[float], Sequence[float]]:
    """Return how late each change came by the WebSocket and by MQTT, in ms; nan for what never came."""
    by_websocket, by_mqtt = Arrivals(), Arrivals()
    delays: tuple[list[float], list[float]] = ([], [])
    async with fake_zoneminder(folder, plan.alarm_monitors) as fake:
        system = zoneminder_system(fake.url, fake.shared_memory, username=None)
        (port,) = free_ports(1)
        async with bridge(folder, broker, system, more=f"http: {{port: {port}}}\n"):
            await asyncio.sleep(plan.settle_s)
            await check_source(broker, "shared_memory", plan.alarm_monitors)
            client = await Client.connect(broker.port, by_mqtt.take, filters=[f"{ROOT}/zm/+/state"])
            line = await follow(api_socket(folder / "data"), partial(by_websocket.take, _TOPIC))
            dice = random.Random(1)  # noqa: S311 - no secret
            for _ in range((plan.alarms + 1) // 2):
                monitor = dice.randint(1, plan.alarm_monitors)
                for change, wanted in ((fake.alarm, "alarm"), (fake.calm, "idle")):
                    await asyncio.sleep(dice.uniform(0, 2 * plan.pause_s))
                    by_websocket.forget()
                    by_mqtt.forget()
                    at = await change(monitor)
                    heard = await by_mqtt.first(f"{ROOT}/zm/{monitor}/state", partial(_says, wanted), since=at)
                    live = await by_websocket.first(_TOPIC, partial(_tells, str(monitor), wanted), since=at)
                    delays[0].append((live.at - at) / MS if live else float("nan"))
                    delays[1].append((heard.at - at) / MS if heard else float("nan"))
            client.close()
            assert line.transport
            line.transport.close()
    return delays


def _says(alarm: str, payload: bytes) -> bool:
    return b'"alarm":"' + alarm.encode() + b'"' in payload


def _tells(monitor: str, alarm: str, message: bytes) -> bool:
    items = json.loads(message).get("items", ())
    return any(item["what"] == "state" and item["monitor"] == monitor and item["value"]["alarm"] == alarm for item in items)


def _report(table: Table, plan: Plan, what: str, outcome: Outcome, alone: float) -> None:
    ages, megabytes = outcome.told["ages_ms"], outcome.told["bytes"] / 1e6 / plan.seconds
    reached = f"{100 * outcome.cores:.0f} % of a core, memory {outcome.grown_mb:+.0f} MB"
    is_good = outcome.cores <= 1
    if ages:
        p50, p99 = quantile(ages, 0.5), quantile(ages, 0.99)
        reached += f", age p50 {p50:.1f} ms, p99 {p99:.1f} ms, n = {len(ages)}, {megabytes:.0f} MB/s"
        is_good = is_good and p99 <= 50
    beside = f"without a client: {100 * alone:.0f} % of a core; kept waiting for a core {100 * outcome.waited:.0f} % of the time"
    goal = "≤ 1 core, p99 ≤ 50 ms"
    table.add(Row(f"{what}, {plan.states:,} changes/s", reached, goal, is_good, beside))


def _report_alarms(table: Table, plan: Plan, by_websocket: Sequence[float], by_mqtt: Sequence[float]) -> None:
    told = [delay for delay in by_websocket if delay == delay]  # noqa: PLR0124 - nan is not itself
    heard = [delay for delay in by_mqtt if delay == delay]  # noqa: PLR0124 - the same
    p50, p99 = quantile(told, 0.5), quantile(told, 0.99)
    lost = len(by_websocket) - len(told)
    reached = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, n = {len(told)}" + (f", {lost} never told" if lost else "")
    beside = f"the same by MQTT: p50 {quantile(heard, 0.5):.1f} ms, p99 {quantile(heard, 0.99):.1f} ms, n = {len(heard)}"
    what = f"alarm by shared memory → client, {plan.alarm_monitors} monitors"
    table.add(Row(what, reached, "p50 ≤ 30 ms, p99 ≤ 100 ms", p50 <= 30 and p99 <= 100 and not lost, beside))


async def _main(folder: Path) -> None:
    wanted = arguments("websocket", __doc__).parse_args()
    await measure(QUICK if wanted.quick else Plan(), Table("websocket: many clients, and alarms"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
