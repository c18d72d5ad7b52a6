"""From the row of a new event in the VMS to the MQTT message `new`, and what asking for it costs the VMS.

Polling at the default interval of 2 s, API only (no shared memory, which would tell of events sooner). Rows appear at
random moments; calls of the API are counted by the fake ZoneMinder, at rest and while the rows appear (pictures, one for
a new event, are not among them).
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.lab.arrivals import Arrivals
from benchmarks.lab.programs import ROOT, bridge, mosquitto, zoneminder_system
from benchmarks.lab.running import run
from benchmarks.lab.table import MS, Row, Table, arguments, median, quantile
from benchmarks.lab.wire import Client
from benchmarks.lab.zoneminder import fake_zoneminder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.zoneminder import FakeProcess

POLL_S = 2.0
_BESIDE_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure; `pause_s` is the mean time between two rows, `rest_s` how long requests are counted at rest."""

    sizes: Sequence[int] = (1, 16, 64, 200)
    events: int = 100
    pause_s: float = 0.3
    rest_s: float = 60.0
    settle_s: float = 5.0


QUICK = Plan(sizes=(1, 200), events=25, rest_s=15.0)


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    async with mosquitto(folder) as broker:
        for size in plan.sizes:
            where = folder / str(size)
            async with (
                fake_zoneminder(where, size) as fake,
                bridge(where, broker, zoneminder_system(fake.url, None, username=None)),
            ):
                await asyncio.sleep(plan.settle_s)
                at_rest = await _rate(fake, plan.rest_s)
                delays, busy = await new_rows(plan, broker, fake, size)
            _report(table, plan, size, delays, (at_rest, busy))


async def new_rows(plan: Plan, broker: Mosquitto, fake: FakeProcess, monitors: int) -> tuple[Sequence[float], float]:
    """Let rows appear; return how late each was told in ms (nan: never), and the calls a second meanwhile."""
    arrivals = Arrivals()
    client = await Client.connect(broker.port, arrivals.take, filters=[f"{ROOT}/event"], qos=1)
    dice = random.Random(monitors)  # noqa: S311 - no secret
    began, asked = asyncio.get_running_loop().time(), await fake.requests()
    rows = []
    for _ in range(plan.events):
        await asyncio.sleep(dice.uniform(0, 2 * plan.pause_s))
        rows.append(await fake.open_event(dice.randint(1, monitors)))
    delays = []
    for at, event in rows:
        arrival = await arrivals.first(f"{ROOT}/event", partial(_is_new, event))
        delays.append((arrival.at - at) / MS if arrival else float("nan"))
    rate = (await fake.requests() - asked) / (asyncio.get_running_loop().time() - began)
    client.close()
    return delays, rate


async def _rate(fake: FakeProcess, seconds: float) -> float:
    before = await fake.requests()
    await asyncio.sleep(seconds)
    return (await fake.requests() - before) / seconds


def _is_new(event: int, payload: bytes) -> bool:
    return b'"type":"new"' in payload and f'"id":"zm-{event}"'.encode() in payload


def _report(table: Table, plan: Plan, size: int, delays: Sequence[float], rates: tuple[float, float]) -> None:
    told = [delay for delay in delays if delay == delay]  # noqa: PLR0124 - nan is not itself
    lost = len(delays) - len(told)
    limit_ms = (POLL_S + _BESIDE_S) * 1000
    most = max(told, default=float("nan"))
    name = f"{size} monitors" if size > 1 else "1 monitor"
    reached = f"p50 {median(told):.0f} ms, p99 {quantile(told, 0.99):.0f} ms, most {most:.0f} ms, n = {len(told)}"
    reached += f", {lost} never told" if lost else ""
    beside = f"at most {most / POLL_S / 1000:.2f} of the poll interval"
    table.add(Row(f"row → `new`, {name}", reached, f"≤ {limit_ms:.0f} ms", most <= limit_ms and not lost, beside))
    reached = f"{rates[0]:.2f}/s at rest, {rates[1]:.2f}/s with {1 / plan.pause_s:.0f} new rows a second"
    beside = f"a poll of events alone: {1 / POLL_S:.2f}/s"
    table.add(Row(f"calls of the API, {name}", reached, "≤ 1/s", max(rates) <= 1, beside))


async def _main(folder: Path) -> None:
    wanted = arguments("event_latency", __doc__).parse_args()
    await measure(QUICK if wanted.quick else Plan(), Table("event_latency: event row in the VMS → MQTT `new`, API only"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
