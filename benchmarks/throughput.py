"""Sustained load, and a burst: what the bridge's process costs, how old states are, and whether anything is lost.

Hub, store (on disk) and MQTT are those of `vms-bridge run`; a scripted backend emits states that differ in what is
urgent, each with a stamp, and events that begin and end, each of which goes through the outbox to two topics at QoS 1.
A state that is overtaken by a newer one of the same monitor is left out on purpose and counted. The subscriber has a
process of its own; what it costs to make up the states alone is measured in the same run.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.lab.programs import AT_ONCE, ROOT, UNLIMITED, mosquitto
from benchmarks.lab.remote import Child
from benchmarks.lab.running import run
from benchmarks.lab.table import MS, Row, Table, arguments, quantile
from benchmarks.lab.wire import Client
from benchmarks.lab.world import SYSTEM

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.remote import Cost, Json

_WITHIN_S = 20.0
_SAMPLE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure; rates are per second."""

    monitors: int = 1000
    states: int = 10_000
    events: int = 500
    seconds: float = 30.0
    burst_s: float = 10.0
    burst_events: int = 50
    frozen_s: float = 3.0
    settle_s: float = 4.0


QUICK = Plan(seconds=6.0)


class Tally:
    """The states and events that a subscriber got."""

    def __init__(self) -> None:
        self._since = time.monotonic_ns()  # what the broker retains is older
        self.ages_ms: list[float] = []
        self.newest: dict[str, tuple[int, int]] = {}
        self.begun: set[str] = set()
        self.ended: set[str] = set()
        self._news = asyncio.Event()

    def take(self, topic: str, payload: bytes, at: int) -> None:
        """Count a message; give this to the client."""
        if topic == f"{ROOT}/event":
            number = _between(payload, b'"id":"', b'"').decode()
            (self.begun if b'"type":"new"' in payload else self.ended).add(number)
        elif topic.endswith("/state"):
            stamp = int(_between(payload, b'"event_id":"', b'"').rpartition(b"-")[2] or 0)
            if stamp >= self._since:
                self.ages_ms.append((at - stamp) / MS)
                self.newest[topic] = (stamp, at)
        self._news.set()

    def has(self, newest: dict[str, int]) -> bool:
        """Say whether each monitor's newest state has come."""
        return all(self.newest.get(_topic(key), (0, 0))[0] == stamp for key, stamp in newest.items())

    async def complete(self, load: Json) -> bool:
        """Wait until the newest states and all events have come; say whether they did."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                while not (self.has(load["newest"]) and min(len(self.begun), len(self.ended)) >= load["events"]):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a load led to; `waited` is the share of the time that the process was kept waiting for a core."""

    cores: float
    waited: float
    before_mb: float
    most_mb: float
    asked: tuple[int, int]
    load: Json
    tally: Tally

    @property
    def newest_after_s(self) -> float:
        """How long after the last emission the last newest state came."""
        arrivals = [self.tally.newest.get(_topic(key), (0, 0)) for key in self.load["newest"]]
        is_all_there = self.tally.has(self.load["newest"])
        return (max(at for _, at in arrivals) - self.load["until"]) / 1e9 if is_all_there else float("inf")

    @property
    def lost_events(self) -> int:
        """How many beginnings and ends of events have not come."""
        return 2 * int(self.load["events"]) - len(self.tally.begun) - len(self.tally.ended)


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    async with mosquitto(folder, extra=UNLIMITED + AT_ONCE) as broker:
        async with feeder(plan, broker, folder / "sustained") as child:
            await child.ask("start")
            await asyncio.sleep(plan.settle_s)
            made_up = child.cost
            await child.ask("dry", states=plan.states, seconds=min(plan.seconds, 5.0))
            beside = f"making the states up: {100 * made_up.cores:.0f} % of a core"
            for states, events in ((plan.states, 0), (0, plan.events), (plan.states, plan.events)):
                outcome = await load(broker, child, states=states, events=events, seconds=plan.seconds)
                _report_sustained(table, outcome, f"{plan.seconds:g} s", beside)
        for frozen_s in (0.0, plan.frozen_s):
            async with feeder(plan, broker, folder / f"burst-{frozen_s}") as child:
                await child.ask("start")
                await asyncio.sleep(plan.settle_s)
                outcome = await load(
                    broker, child, states=plan.states, events=plan.burst_events, seconds=plan.burst_s, frozen_s=frozen_s
                )
                _report_burst(table, plan, outcome, frozen_s)


async def load(broker: Mosquitto, child: Child, *, states: int, events: int, seconds: float, frozen_s: float = 0.0) -> Outcome:
    """Have the backend emit, and the broker stand still for a while in the middle."""
    tally = Tally()
    reader = await Client.connect(broker.port, tally.take, filters=[f"{ROOT}/{SYSTEM}/+/state", f"{ROOT}/event"], qos=1)
    cost = child.cost
    before_mb = cost.resident_mb
    sizes = [before_mb]
    memory = asyncio.create_task(_sample(cost, sizes))
    freezing = asyncio.create_task(_freeze(broker, (seconds - frozen_s) / 2, frozen_s))
    done = await child.ask("load", states=states, events=events, seconds=seconds)
    cores, waited = cost.cores, cost.kept_waiting
    await freezing
    await tally.complete(done)
    memory.cancel()
    await asyncio.gather(memory, return_exceptions=True)
    reader.close()
    return Outcome(
        cores=cores, waited=waited, before_mb=before_mb, most_mb=max(sizes), asked=(states, events), load=done, tally=tally
    )


async def _sample(cost: Cost, sizes: list[float]) -> None:
    while True:
        await asyncio.sleep(_SAMPLE_S)
        sizes.append(cost.resident_mb)


async def _freeze(broker: Mosquitto, after_s: float, seconds: float) -> None:
    if seconds:
        await asyncio.sleep(after_s)
        broker.freeze(on=True)
        try:
            await asyncio.sleep(seconds)
        finally:
            broker.freeze(on=False)


def feeder(plan: Plan, broker: Mosquitto, data_dir: Path) -> Child:
    return Child("benchmarks.lab.feeder", "--broker", broker.url, "--data-dir", data_dir, "--monitors", plan.monitors)


def _report_sustained(table: Table, outcome: Outcome, name: str, beside: str) -> None:
    tally, load = outcome.tally, outcome.load
    reached = [f"{100 * outcome.cores:.0f} % of a core"]
    loads = []
    if load["states"]:
        loads.append(f"{outcome.asked[0]:,} states/s")
        share = len(tally.ages_ms) / load["states"]
        ages = f"p50 {quantile(tally.ages_ms, 0.5):.1f} ms, p99 {quantile(tally.ages_ms, 0.99):.1f} ms"
        reached.append(f"{100 * share:.1f} % of states sent, age {ages}")
    if load["events"]:
        loads.append(f"{outcome.asked[1]} events/s (begin and end)")
        reached.append(f"{outcome.lost_events} of {2 * load['events']} event messages lost")
    is_good = outcome.cores <= 1 and not outcome.lost_events and len(tally.ages_ms) >= 0.99 * load["states"]
    beside += f"; kept waiting for a core {100 * outcome.waited:.0f} % of the time"
    table.add(Row(f"{' and '.join(loads)}, {name}", ", ".join(reached), "≤ 1 core, nothing lost", is_good, beside))


def _report_burst(table: Table, plan: Plan, outcome: Outcome, frozen_s: float) -> None:
    grown = outcome.most_mb - outcome.before_mb
    what = f"burst: {plan.states:,} states/s and {plan.burst_events} events/s for {plan.burst_s:g} s"
    what += f", the broker frozen for {frozen_s:g} s of it" if frozen_s else ""
    reached = f"newest state out {outcome.newest_after_s:.2f} s after, {outcome.lost_events} event messages lost, "
    reached += f"memory {outcome.before_mb:.0f} → {outcome.most_mb:.0f} MB"
    is_good = outcome.newest_after_s <= 1 and not outcome.lost_events and grown <= 64
    sent = f"all states as messages of 500 B: {plan.states * plan.burst_s * 500 / 1e6:.0f} MB"
    table.add(Row(what, reached, "≤ 1 s, 0 lost, ≤ 64 MB more", is_good, sent))


def _topic(key: str) -> str:
    return f"{ROOT}/{SYSTEM}/{key}/state"


def _between(text: bytes, start: bytes, end: bytes) -> bytes:
    at = text.find(start)
    return text[at + len(start) : text.index(end, at + len(start))] if at >= 0 else b""


async def _main(folder: Path) -> None:
    wanted = arguments("throughput", __doc__).parse_args()
    await measure(QUICK if wanted.quick else Plan(), Table("throughput: sustained load and bursts"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
