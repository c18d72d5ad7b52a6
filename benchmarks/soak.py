"""An hour and more of ordinary life: memory, open files, threads, tasks and processor time of the bridge, and every event told.

Cameras deliver pictures all the time; alarms come and go at random, each with an event and its picture. The broker
and Home Assistant's birth message come back now and then, as they do in life. What grows without end shows as a slope.
"""

from __future__ import annotations

import asyncio
import random
import re
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from benchmarks.lab.programs import ROOT, bridge, mosquitto, zoneminder_system
from benchmarks.lab.running import run
from benchmarks.lab.table import Row, Table, arguments, median
from benchmarks.lab.wire import Client
from benchmarks.lab.zoneminder import fake_zoneminder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.remote import Cost
    from benchmarks.lab.zoneminder import FakeProcess

_WARM_UP = 0.2
"""The share of the run in which caches fill, left out of the slopes."""
_MOST_MB_AN_HOUR = 2.0
_HOUR_OF_ALARMS = 3600
"""At one a second: what an hour's life may cost, however fast it is lived."""
_MOST_MB_AN_HOUR_OF_ALARMS = 0.5
_LONGEST_ALARM_S = 8.0
_TASKS = re.compile(rb"tasks: (\d+) ")
_TAIL_BYTES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how many monitors, how many alarms a second, and how often the broker is restarted."""

    seconds: float = 3900.0
    monitors: int = 64
    alarms: float = 1.0
    sample_s: float = 10.0
    broker_every_s: float = 600.0
    birth_every_s: float = 120.0


QUICK = Plan(seconds=60.0, sample_s=1.0, broker_every_s=25.0, birth_every_s=15.0)


@dataclass(slots=True)
class Samples:
    """What was measured, each a series of equal length."""

    resident_mb: list[float] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)
    files: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    samples, told, count = Samples(), Told(), Count()
    async with (
        mosquitto(folder) as broker,
        fake_zoneminder(folder, plan.monitors) as fake,
        bridge(folder, broker, zoneminder_system(fake.url, fake.shared_memory, username=None)) as cost,
    ):
        works = [
            asyncio.create_task(work)
            for work in (_sample(plan, cost, samples, folder, count), _births(plan, broker), _restarts(plan, broker, told))
        ]
        await _live(plan, fake, count)
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
        cores = cost.cores
        await asyncio.sleep(10)
        told.stop()
    hours = plan.seconds / 3600
    what = f"{plan.seconds / 60:.0f} min, {plan.monitors} monitors, {plan.alarms:g} alarms/s"
    slope = _slope_per_hour(samples.resident_mb, plan.sample_s)
    ends = f"{samples.resident_mb[len(samples.resident_mb) // 5]:.1f} → {samples.resident_mb[-1]:.1f} MB, {slope:+.2f} MB an hour"
    table.add(Row(f"memory, {what}", ends, f"≤ {_MOST_MB_AN_HOUR:g} MB an hour", abs(slope) <= _MOST_MB_AN_HOUR or hours < 1))
    if count.alarms >= 2 * _HOUR_OF_ALARMS:
        table.add(_by_alarms(samples))
    for name, series in (("open files", samples.files), ("threads", samples.threads), ("tasks", samples.tasks)):
        early, late = median(_warm(series)[: len(series) // 4]), median(series[-len(series) // 4 :])
        table.add(Row(name, f"{early:.0f} → {late:.0f}, at most {max(series):.0f}", "flat", late <= early + 1))
    table.add(Row("processor", f"{100 * cores:.1f} % of a core"))
    table.add(
        Row(
            "events reported",
            f"{len(told.new)} new, {len(told.new - told.ended)} not ended",
            "all end",
            not told.new - told.ended,
        )
    )


def _by_alarms(samples: Samples) -> Row:
    """Return what memory has grown by for each 3,600 alarms, after the first 3,600."""
    grown = [
        (count / _HOUR_OF_ALARMS, size)
        for count, size in zip(samples.alarms, samples.resident_mb, strict=False)
        if count >= _HOUR_OF_ALARMS
    ]
    middle, mean = (sum(values) / len(grown) for values in zip(*grown, strict=True))
    spread = sum((hours - middle) ** 2 for hours, _ in grown)
    slope = sum((hours - middle) * (size - mean) for hours, size in grown) / max(spread, 1e-9)
    reached = f"{grown[0][1]:.1f} → {grown[-1][1]:.1f} MB over {samples.alarms[-1]} alarms, {slope:+.2f} MB for each 3,600"
    goal = f"≤ {_MOST_MB_AN_HOUR_OF_ALARMS:g} MB for each 3,600 after the first"
    return Row("memory by alarms", reached, goal, slope <= _MOST_MB_AN_HOUR_OF_ALARMS)


@dataclass(slots=True)
class Count:
    """How many alarms there were."""

    alarms: int = 0


class Told:
    """The events that a subscriber has heard of, over the broker's restarts."""

    def __init__(self) -> None:
        self.new: set[bytes] = set()
        self.ended: set[bytes] = set()
        self._client: Client | None = None

    async def listen(self, broker: Mosquitto) -> None:
        """Subscribe, anew after a restart of the broker."""
        self.stop()
        self._client = await Client.connect(broker.port, self._take, filters=[f"{ROOT}/event"], qos=1)

    def stop(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()

    def _take(self, _topic: str, payload: bytes, _at: int) -> None:
        event = payload.partition(b'"id":"')[2].partition(b'"')[0]
        if b'"type":"new"' in payload:
            self.new.add(event)
        elif b'"type":"end"' in payload:
            self.ended.add(event)


async def _sample(plan: Plan, cost: Cost, samples: Samples, folder: Path, count: Count) -> None:
    process = psutil.Process(cost.pid)
    while True:
        process.send_signal(signal.SIGUSR1)  # it then logs its tasks
        samples.resident_mb.append(cost.resident_mb)
        samples.alarms.append(count.alarms)
        samples.files.append(process.num_fds())
        samples.threads.append(process.num_threads())
        await asyncio.sleep(plan.sample_s)
        told = _TASKS.findall((folder / "vms-bridge.log").read_bytes()[-_TAIL_BYTES:])
        samples.tasks.append(float(told[-1]) if told else 0.0)


async def _live(plan: Plan, fake: FakeProcess, count: Count) -> None:
    """Let alarms come and go until the time is over and all is calm; one monitor has one alarm at a time."""
    end = asyncio.get_running_loop().time() + plan.seconds
    dice = random.Random(7)  # noqa: S311 - no secret
    calm = list(range(1, plan.monitors + 1))
    longest_s = min(_LONGEST_ALARM_S, plan.monitors / plan.alarms)  # else there would not be enough monitors
    async with asyncio.TaskGroup() as group:

        async def alarm(monitor: int) -> None:
            count.alarms += 1
            await fake.alarm(monitor)
            await asyncio.sleep(dice.uniform(0.5, longest_s))
            await fake.calm(monitor)
            calm.append(monitor)

        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(dice.expovariate(plan.alarms))
            if calm:
                group.create_task(alarm(calm.pop(dice.randrange(len(calm)))))


async def _births(plan: Plan, broker: Mosquitto) -> None:
    while True:
        await asyncio.sleep(plan.birth_every_s)
        client = await Client.connect(broker.port)
        client.publish("homeassistant/status", b"online")
        await client.ping()
        client.close()


async def _restarts(plan: Plan, broker: Mosquitto, told: Told) -> None:
    await told.listen(broker)
    while True:
        await asyncio.sleep(plan.broker_every_s)
        await broker.stop()
        await broker.start()
        await told.listen(broker)


def _warm(series: Sequence[float]) -> Sequence[float]:
    return series[int(len(series) * _WARM_UP) :]


def _slope_per_hour(series: Sequence[float], every_s: float) -> float:
    """Return the slope of the line of least squares, in units an hour."""
    values = _warm(series)
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    spread = sum((index - middle) ** 2 for index in range(len(values)))
    return 3600 / every_s * sum((index - middle) * (value - mean) for index, value in enumerate(values)) / max(spread, 1e-9)


async def _main(folder: Path) -> None:
    wanted = arguments("soak", __doc__)
    wanted.add_argument("--minutes", type=float, default=65.0, help="how long (default 65)")
    wanted.add_argument("--alarms", type=float, default=1.0, help="how many a second (default 1): faster than life")
    options = wanted.parse_args()
    plan = QUICK if options.quick else Plan(seconds=60 * options.minutes, alarms=options.alarms)
    await measure(plan, Table("soak: what grows"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
