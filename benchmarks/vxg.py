"""A group of 500 channels of a simulated VXG: what it is asked, what that costs, how soon events are told, pictures at a rate.

Beside it in the same run: a program that asks the same list of events as often and does nothing else, the poll interval, and a
bare HTTP client that reads the same pictures.
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.lab.arrivals import Arrivals
from benchmarks.lab.programs import ROOT, bridge, mosquitto, vxg_system
from benchmarks.lab.remote import Child
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import MS, Row, Table, arguments, median, quantile
from benchmarks.lab.vxg import fake_vxg
from benchmarks.lab.wire import Client

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.remote import Cost, Json
    from benchmarks.lab.vxg import FakeProcess

POLL_S = 2.0
_BESIDE_S = 0.05
_FIRST = 101
_MOST_CONNECTIONS = 4
_LEAST_SHARE = 0.95
_SLOW_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure; `pause_s` is the mean time between two events, `filmed` channels are sampled."""

    channels: int = 500
    settle_s: float = 15.0
    rest_s: float = 120.0
    events: int = 200
    pause_s: float = 0.3
    filmed: int = 50
    film_s: float = 60.0


QUICK = Plan(settle_s=5.0, rest_s=20.0, events=40, film_s=10.0)


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    async with mosquitto(folder) as broker, fake_vxg(plan.channels) as fake:
        system = vxg_system(folder, fake.url, fake.token)
        async with bridge(folder, broker, system, system="cloud") as cost:
            await asyncio.sleep(plan.settle_s)
            await _at_rest(plan, table, fake, cost)
            await _rows(plan, table, broker, fake, cost)
        async with Child("benchmarks.lab.vxg_pictures", "library") as library:
            ours = await _film(plan, fake, library)
        await fake.film(plan.filmed, 1.0)
        async with Child("benchmarks.lab.vxg_pictures", "bare") as peer:
            theirs = await _film(plan, fake, peer)
        _report_pictures(plan, table, ours, theirs)


async def _at_rest(plan: Plan, table: Table, fake: FakeProcess, cost: Cost) -> None:
    async with Child("benchmarks.lab.vxg_poller", fake.url, fake.token, POLL_S) as bare:
        await bare.ask("begin")
        bare_cost, before = bare.cost, await fake.asked()
        cost.restart()
        await asyncio.sleep(plan.rest_s)
        cores, bare_cores, resident = cost.cores, bare_cost.cores, cost.resident_mb
        peers = int((await bare.ask("asked"))["count"])
        after = await fake.asked()
    rate = (after.api - before.api - peers) / plan.rest_s
    beside = f"a program that asks for the events only: {100 * bare_cores:.2f} %, ratio {cores / bare_cores:.1f}"
    table.add(
        Row(f"at rest, {plan.channels} channels: processor", f"{100 * cores:.1f} % of a core, {resident:.0f} MB", beside=beside)
    )
    beside = f"the list of events alone: {1 / POLL_S:.2f}/s; one channel a second is read besides"
    table.add(Row(f"at rest, {plan.channels} channels: requests", f"{rate:.2f}/s", beside=beside))


async def _rows(plan: Plan, table: Table, broker: Mosquitto, fake: FakeProcess, cost: Cost) -> None:
    """Let events with pictures come at random moments, and one of each channel in the end, when answers take a while."""
    arrivals = Arrivals()
    client = await Client.connect(broker.port, arrivals.take, filters=[f"{ROOT}/event"], qos=1)
    dice = random.Random(plan.channels)  # noqa: S311 - no secret
    before, began = await fake.asked(), asyncio.get_running_loop().time()
    cost.restart()
    made = []
    for _ in range(plan.events):
        await asyncio.sleep(dice.uniform(0, 2 * plan.pause_s))
        made.append(await fake.happen(_FIRST + dice.randrange(plan.channels)))
    lasted, after, cores = asyncio.get_running_loop().time() - began, await fake.asked(), cost.cores
    await fake.slow(_SLOW_S)
    burst = [await fake.happen(_FIRST + number) for number in range(plan.channels)]
    late = [await _delay_ms(arrivals, *each) for each in made]
    late_of_burst = [await _delay_ms(arrivals, *each) for each in burst]
    await asyncio.sleep(5)
    client.close()
    most = await fake.asked()
    rate = f"{(after.api - before.api) / lasted:.2f}/s, and {(after.media - before.media) / lasted:.2f} pictures/s"
    limit_ms = (POLL_S + _BESIDE_S) * 1000
    events = f"{1 / plan.pause_s:.0f} events a second"
    at_once = f"row → `new`, {plan.channels} rows one after the other, each answer takes {1000 * _SLOW_S:.0f} ms"
    for what, delays, has_goal in ((f"row → `new`, {events}", late, True), (at_once, late_of_burst, False)):
        told = [each for each in delays if each is not None]
        worst, lost = max(told, default=float("nan")), len(delays) - len(told)
        reached = f"p50 {median(told):.0f} ms, p99 {quantile(told, 0.99):.0f} ms, most {worst:.0f} ms, n = {len(told)}"
        reached += f", {lost} never told" if lost else ""
        beside = f"p99 {quantile(told, 0.99) / POLL_S / 1000:.3f} of the poll interval"
        is_good = quantile(told, 0.99) <= limit_ms and not lost
        table.add(Row(what, reached, f"p99 ≤ {limit_ms:.0f} ms" if has_goal else "", is_good if has_goal else None, beside))
    table.add(Row(f"requests, {events}", rate, beside=f"{100 * cores:.1f} % of a core"))
    reached = f"{most.most_at_once} requests at once, {most.most_connections} connections"
    is_good = max(most.most_at_once, most.most_connections) <= _MOST_CONNECTIONS
    await fake.slow(0.0)
    table.add(Row("the same: most at once to the API", reached, f"≤ {_MOST_CONNECTIONS}", is_good))


async def _film(plan: Plan, fake: FakeProcess, child: Child) -> tuple[Json, float]:
    """Have pictures be taken; return what has come, and how often the API was asked, a second."""
    before = await fake.asked()
    said = await child.ask("film", url=fake.url, token=fake.token, channels=plan.filmed, seconds=plan.film_s)
    return said, ((await fake.asked()).api - before.api) / plan.film_s


def _report_pictures(plan: Plan, table: Table, ours: tuple[Json, float], theirs: tuple[Json, float]) -> None:
    (said, rate), (bare, bare_rate) = ours, theirs
    if len(said["counts"]) != plan.filmed or not bare["ages"]:
        raise CannotMeasureError(f"pictures of {len(said['counts'])} of {plan.filmed} channels have come")
    least = min(said["counts"]) / plan.film_s
    name = f"{plan.filmed} channels sampled at 1/s"
    reached = f"{sum(said['counts']) / plan.film_s:.1f} pictures/s, the least of a channel {least:.2f}/s"
    table.add(
        Row(
            name,
            reached,
            f"≥ {_LEAST_SHARE}/s of each",
            least >= _LEAST_SHARE,
            f"API: {rate:.1f} requests/s, bare {bare_rate:.1f}",
        )
    )
    ages, bare_ages = said["ages"], bare["ages"]
    reached = f"p50 {1000 * median(ages):.0f} ms, p99 {1000 * quantile(ages, 0.99):.0f} ms"
    beside = f"bare HTTP client: p50 {1000 * median(bare_ages):.0f} ms, p99 {1000 * quantile(bare_ages, 0.99):.0f} ms"
    table.add(Row("the same: a picture is taken → it is read", reached, beside=beside))
    each, bare_each = 1000 * said["cpu_s"] / len(ages), 1000 * bare["cpu_s"] / len(bare_ages)
    beside = f"bare HTTP client: {bare_each:.2f} ms, ratio {each / bare_each:.1f}"
    table.add(Row("the same: processor for a picture", f"{each:.2f} ms", beside=beside))


async def _delay_ms(arrivals: Arrivals, at: int, event: int) -> float | None:
    arrival = await arrivals.first(f"{ROOT}/event", partial(_is_new, event))
    return None if arrival is None else (arrival.at - at) / MS


def _is_new(event: int, payload: bytes) -> bool:
    return b'"type":"new"' in payload and f'"id":"cloud-{event}"'.encode() in payload


async def _main(folder: Path) -> None:
    wanted = arguments("vxg", __doc__).parse_args()
    await measure(QUICK if wanted.quick else Plan(), Table("vxg: a group of channels of a simulated VXG"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
