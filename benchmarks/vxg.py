"""A group of 500 channels of a simulated VXG: what it is asked, what that costs, how soon events are told, pictures at a rate.

Beside it in the same run: a program that asks the same list of events as often and does nothing else, the poll interval, a bare
MQTT client that publishes the same messages, and a bare HTTP client that reads the same pictures; of a group of 10,000, a program
that reads its list of channels.
"""

from __future__ import annotations

import asyncio
import random
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.lab.programs import AT_ONCE, ROOT, bridge, mosquitto, vxg_system
from benchmarks.lab.remote import Child
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import Row, Table, arguments, median, quantile
from benchmarks.lab.vxg import fake_vxg
from benchmarks.lab.vxg_rows import TOPIC, Told, bare_ms
from benchmarks.lab.wire import Client

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.remote import Cost, Json
    from benchmarks.lab.vxg import FakeProcess
    from benchmarks.lab.vxg_rows import Delays

POLL_S = 2.0
_BESIDE_S = 0.05
_FIRST = 101
_MOST_CONNECTIONS = 4
_LEAST_SHARE = 0.95
_SLOW_S = 0.1
_MANY_WITHIN_S = 120.0
PARTS = ("rest", "rows", "slow", "pictures", "many")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure; `pause_s` is the mean time between two events, `filmed` channels are sampled."""

    channels: int = 500
    settle_s: float = 10.0
    rest_s: float = 60.0
    events: int = 200
    pause_s: float = 0.3
    bursts: int = 6
    forced: int = 40
    filmed: int = 50
    film_s: float = 45.0
    many: int = 10_000
    many_rest_s: float = 70.0


QUICK = Plan(settle_s=5.0, rest_s=20.0, events=40, bursts=2, film_s=10.0, many=1_000, many_rest_s=10.0)


async def measure(plan: Plan, table: Table, folder: Path, only: str | None = None) -> None:
    async with mosquitto(folder, extra=AT_ONCE) as broker:
        if only in {None, "rest", "rows", "slow"}:
            async with fake_vxg(plan.channels) as fake:
                await _bridged(plan, table, folder, broker, fake, only=only)
        if only in {None, "pictures"}:
            async with fake_vxg(plan.channels) as fake:
                await _pictures(plan, table, fake)
        if only in {None, "many"}:
            async with fake_vxg(plan.many) as fake:
                await _many(plan, table, folder, broker, fake)


async def _bridged(plan: Plan, table: Table, folder: Path, broker: Mosquitto, fake: FakeProcess, *, only: str | None) -> None:
    async with bridge(folder, broker, vxg_system(folder, fake.url, fake.token), system="cloud") as cost:
        await asyncio.sleep(plan.settle_s)
        if only in {None, "rest"}:
            await _at_rest(plan, table, fake, cost)
        if only in {None, "rows"}:
            await _rows(plan, table, broker, fake, cost)
        if only in {None, "slow"}:
            await _slow(plan, table, broker, fake)


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
    """Let events with pictures come at random moments, and then one of each channel at once, again and again."""
    told = Told()
    with closing(await Client.connect(broker.port, told.take, filters=[TOPIC], qos=1)):
        before, began = await fake.asked(), asyncio.get_running_loop().time()
        cost.restart()
        single = await _one_by_one(plan, fake, told, plan.events)
        lasted, after, cores = asyncio.get_running_loop().time() - began, await fake.asked(), cost.cores
        events = f"{1 / plan.pause_s:.0f} events a second"
        _report_rows(table, f"row → `new`, {events}", single, 0.0)
        rate = f"{(after.api - before.api) / lasted:.2f}/s, and {(after.media - before.media) / lasted:.2f} pictures/s"
        table.add(Row(f"requests, {events}", rate, beside=f"{100 * cores:.1f} % of a core"))
        await _bursts(plan, table, broker, fake, told, count=plan.bursts)


async def _slow(plan: Plan, table: Table, broker: Mosquitto, fake: FakeProcess) -> None:
    """Let the same come while each answer and each picture takes a while, and have many channels be commanded at once."""
    told = Told()
    await fake.slow(_SLOW_S)
    with closing(await Client.connect(broker.port, told.take, filters=[TOPIC], qos=1)) as client:
        await fake.asked()
        single = await _one_by_one(plan, fake, told, plan.events // 4)
        slow = f"each answer takes {1000 * _SLOW_S:.0f} ms"
        _report_rows(table, f"{slow}: row → `new`, {1 / plan.pause_s:.0f} events a second", single, _SLOW_S)
        await _bursts(plan, table, broker, fake, told, count=max(2, plan.bursts // 2), slow=f"{slow}: ")
        for number in range(_FIRST, _FIRST + plan.forced):
            client.publish(f"{ROOT}/cloud/{number}/set/alarm", b"ON")
        await asyncio.sleep(plan.forced * _SLOW_S + 5)
    most = await fake.asked()
    await fake.slow(0.0)
    name = f"{slow}, {plan.forced} alarms are forced at once: most at once"
    api, media = max(most.most_at_once, most.most_connections), max(most.most_media_at_once, most.most_media_connections)
    reached = f"API: {most.most_at_once} requests, {most.most_connections} connections"
    reached += f"; pictures: {most.most_media_at_once} requests, {most.most_media_connections} connections"
    table.add(Row(name, reached, f"≤ {_MOST_CONNECTIONS} of each", max(api, media) <= _MOST_CONNECTIONS))


async def _one_by_one(plan: Plan, fake: FakeProcess, told: Told, count: int) -> Delays:
    dice = random.Random(plan.channels)  # noqa: S311 - no secret
    rows = []
    for _ in range(count):
        await asyncio.sleep(dice.uniform(0, 2 * plan.pause_s))
        rows.append(await fake.happen(_FIRST + dice.randrange(plan.channels)))
    return await told.delays(fake, rows)


async def _bursts(
    plan: Plan, table: Table, broker: Mosquitto, fake: FakeProcess, told: Told, *, count: int, slow: str = ""
) -> None:
    """Let there be a row of each channel at once; hold what comes then against a bare client with the same messages."""
    dice = random.Random(count)  # noqa: S311 - no secret
    waits: list[float] = []
    spans: list[float] = []
    limits: list[float] = []
    lost = 0
    for _ in range(count):
        await asyncio.sleep(dice.uniform(1, 1 + POLL_S))
        there, events = await fake.burst(plan.channels)
        delays = await told.delays(fake, [(there, event) for event in events])
        lost += delays.lost
        if delays.told:
            first_ms = min(delays.listed)
            waits.append(first_ms)
            spans.append(quantile(delays.told, 0.99) - first_ms)
        limits.append(await bare_ms(broker, [told.payloads[event] for event in events if event in told.payloads]))
    what = f"{slow}{plan.channels} rows at once, {count} times"
    reached = f"after {max(waits, default=float('nan')):.0f} ms at most" + (f", {lost} rows never told" if lost else "")
    limit_ms = 1000 * (POLL_S + (_SLOW_S if slow else 0.0) + _BESIDE_S)
    is_good = not lost and max(waits, default=limit_ms + 1) <= limit_ms
    table.add(Row(f"{what}: the first is listed", reached, f"≤ {limit_ms:.0f} ms, none lost", is_good))
    beside = f"a bare client with the same messages: {median(limits):.0f} ms, ratio {median(spans) / median(limits):.1f}"
    reached = f"p50 {median(spans):.0f} ms, most {max(spans, default=float('nan')):.0f} ms"
    table.add(Row("from then on until 99 % are told", reached, beside=beside))


def _report_rows(table: Table, what: str, delays: Delays, slow_s: float) -> None:
    told = delays.told
    reached = f"p50 {median(told):.0f} ms, p99 {quantile(told, 0.99):.0f} ms, most {max(told, default=float('nan')):.0f} ms"
    reached += f", n = {len(told)}" + (f", {delays.lost} never told" if delays.lost else "")
    limit_ms = 1000 * (POLL_S + slow_s + _BESIDE_S)
    is_good = not delays.lost and quantile(told, 0.99) <= limit_ms
    beside = f"p99 {quantile(told, 0.99) / POLL_S / 1000:.3f} of the poll interval; until it is listed p99"
    beside += f" {quantile(delays.listed, 0.99):.0f} ms, from then on p50 {median(delays.since_listed):.0f} ms"
    beside += f", p99 {quantile(delays.since_listed, 0.99):.0f} ms"
    table.add(Row(what, reached, f"p99 ≤ {limit_ms:.0f} ms", is_good, beside))


async def _many(plan: Plan, table: Table, folder: Path, broker: Mosquitto, fake: FakeProcess) -> None:
    """Start a bridge with a large group, and look at what it takes until all is there, and afterwards."""
    async with Child("benchmarks.lab.vxg_poller", fake.url, fake.token, POLL_S) as bare:
        read = await bare.ask("channels")
    there: set[str] = set()
    all_there = asyncio.Event()

    def take(topic: str, payload: bytes, _at: int) -> None:
        if b'"available":true' in payload:
            there.add(topic)
            if len(there) == plan.many:
                all_there.set()

    loop = asyncio.get_running_loop()
    with closing(await Client.connect(broker.port, take, filters=[f"{ROOT}/cloud/+/state"])):
        began = loop.time()
        async with bridge(folder / "many", broker, vxg_system(folder / "many", fake.url, fake.token), system="cloud") as cost:
            up_s = loop.time() - began
            try:
                async with asyncio.timeout(_MANY_WITHIN_S):
                    await all_there.wait()
            except TimeoutError:
                raise CannotMeasureError(f"the states of {len(there)} of {plan.many} channels have come") from None
            told_s, told_mb = loop.time() - began, cost.resident_mb
            before = await fake.asked()
            cost.restart()
            await asyncio.sleep(plan.many_rest_s)
            after, cores, resident = await fake.asked(), cost.cores, cost.resident_mb
    name = f"{plan.many:,} channels"
    beside = f"a program that reads the list of channels alone: {read['seconds']:.1f} s"
    reached = f"{up_s:.1f} s, and the state of each at a subscriber after {told_s:.1f} s"
    table.add(Row(f"{name}: from the start until the system is there", reached, beside=beside))
    beside = f"{plan.many_rest_s:.0f} s later {resident:.0f} MB; {1000 * told_mb / plan.many:.1f} KB a channel in all"
    table.add(Row(f"{name}: memory then", f"{told_mb:.0f} MB", beside=beside))
    rate = f"{(after.api - before.api) / plan.many_rest_s:.2f}/s, {100 * cores:.1f} % of a core"
    table.add(Row(f"{name}: requests and processor afterwards", rate, beside=f"the list of events alone: {1 / POLL_S:.2f}/s"))


async def _pictures(plan: Plan, table: Table, fake: FakeProcess) -> None:
    async with Child("benchmarks.lab.vxg_pictures", "library") as library:
        ours = await _film(plan, fake, library)
    await fake.film(plan.filmed, 1.0)
    async with Child("benchmarks.lab.vxg_pictures", "bare") as peer:
        theirs = await _film(plan, fake, peer)
    _report_pictures(plan, table, ours, theirs)


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


async def _main(folder: Path) -> None:
    parser = arguments("vxg", __doc__)
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    wanted = parser.parse_args()
    table = Table("vxg: a group of channels of a simulated VXG")
    await measure(QUICK if wanted.quick else Plan(), table, folder, wanted.only)


if __name__ == "__main__":
    sys.exit(run(_main))
