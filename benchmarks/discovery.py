"""A cold start with many monitors: until the last of discovery and states is at a subscriber.

The bridge (hub, store, MQTT; a backend that knows everything at once) against a peer that builds the same JSON by the
same functions and writes it to a bare socket without waiting for anything, in turn, each with a fresh mosquitto
without limits. Then the same with mosquitto's default limits, where what a slow reader is sent can get lost; then it asks for
a replay, as Home Assistant's birth message does. With `--slow-link` only: over 256 kbit/s, beside what the link itself needs.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.lab.home import home_assistant
from benchmarks.lab.programs import ROOT, UNLIMITED, mosquitto
from benchmarks.lab.remote import Child
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import MS, Row, Table, arguments, median
from benchmarks.lab.wire import Client
from benchmarks.lab.world import SYSTEM

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.lab.home import Home
    from benchmarks.lab.programs import Mosquitto

_WITHIN_S = 60.0
_QUIET_S = 5.0
_SLOW_WITHIN_S, _SLOW_QUIET_S = 900.0, 60.0
_HOME_WITHIN_S, _HOME_QUIET_S = 900.0, 60.0
_DISCOVERY = f"homeassistant/device/vms_bridge_bench/{SYSTEM}-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure; `slow_s` is how long a slow reader takes for each message."""

    monitors: int = 1000
    home_monitors: int = 1000
    rounds: int = 7
    slow_s: float = 0.003
    slow_monitors: int = 1000
    slow_mbit: float = 0.256


QUICK = Plan(rounds=2, home_monitors=100, slow_monitors=50)


class Tally:
    """What has arrived of each monitor's discovery and state."""

    def __init__(self) -> None:
        self.discovery: dict[str, int] = {}
        self.states: dict[str, int] = {}
        self.first_at = self.last_at = self.payload_bytes = self.entities = self.enabled = 0
        self._news = asyncio.Event()

    def take(self, topic: str, payload: bytes, at: int) -> None:
        """Count a message; give this to the client."""
        if topic.startswith(_DISCOVERY):
            seen = self.discovery
            if not self.entities:
                self.entities, self.enabled = _entities(payload)
        elif topic.startswith(f"{ROOT}/{SYSTEM}/") and topic.endswith("/state") and topic != f"{ROOT}/{SYSTEM}/state":
            seen = self.states
        else:
            return
        if topic not in seen:
            seen[topic] = at
            self.first_at, self.last_at = self.first_at or at, at
            self.payload_bytes += len(payload)
        self._news.set()

    def missing(self, monitors: int) -> int:
        """Return how many topics have not come."""
        return 2 * monitors - len(self.discovery) - len(self.states)

    async def complete(self, monitors: int, *, within_s: float = _WITHIN_S, quiet_s: float = _WITHIN_S) -> bool:
        """Wait until everything is there, or nothing more comes for a while; say which."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        while self.missing(monitors):
            self._news.clear()
            try:
                async with asyncio.timeout(min(quiet_s, end - loop.time())):
                    await self._news.wait()
            except TimeoutError:
                return False
        return True


def _entities(payload: bytes) -> tuple[int, int]:
    """Return how many entities a discovery payload has, and how many of them are enabled from the start."""
    components = json.loads(payload)["cmps"].values()
    return len(components), sum(component.get("en", True) for component in components)


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    ours: list[float] = []
    bare: list[float] = []
    burst: list[float] = []
    tally = Tally()
    for number in range(plan.rounds):
        async with mosquitto(folder, extra=UNLIMITED) as broker:
            at, tally = await _start(broker, _bridge(broker, folder / f"data-{number}", plan.monitors), plan)
            ours.append((tally.last_at - at) / MS)
            burst.append((tally.last_at - tally.first_at) / MS)
        async with mosquitto(folder, extra=UNLIMITED) as broker:
            at, tally = await _start(broker, _bare(broker, plan.monitors), plan)
            bare.append((tally.last_at - at) / MS)
    ratio = median([one / other for one, other in zip(ours, bare, strict=True)])
    what = f"cold start, {plan.monitors} monitors with {tally.entities} entities each, {tally.payload_bytes / 1e6:.1f} MB"
    reached = f"{median(ours):.0f} ms, ratio {ratio:.2f}"
    beside = f"bare socket, same JSON: {median(bare):.0f} ms, n = {plan.rounds}"
    table.add(Row(what, reached, "ratio ≤ 2", ratio <= 2, beside))
    ratio = median([one / other for one, other in zip(burst, bare, strict=True)])
    table.add(Row("of this, from the first message to the last", f"{median(burst):.0f} ms, ratio {ratio:.2f}", "", None, beside))
    for name, slow_s in (("a quick reader", 0.0), (f"a reader of {1 / plan.slow_s:.0f} messages a second", plan.slow_s)):
        async with mosquitto(folder) as broker:
            lost, after, kept = await _lost(plan, broker, folder / f"data-{name}", slow_s)
        beside = f"{kept} of {2 * plan.monitors} are on the broker"
        reached = f"{lost} of {2 * plan.monitors} lost" + (f", {after} after asking for a replay" if lost else "")
        table.add(Row(f"mosquitto's default limits, {name}", reached, "0 in the end", not after, beside))


async def measure_slow_link(plan: Plan, table: Table, folder: Path) -> None:
    """Start with many monitors over a link that needs minutes for them: it must not be taken for a dead one."""
    tally = Tally()
    monitors = plan.slow_monitors
    async with (
        mosquitto(folder) as broker,
        Child("benchmarks.lab.slow_link", "--port", broker.port, "--mbit", plan.slow_mbit) as link,
    ):
        url = f"mqtt://127.0.0.1:{(await link.ask('port'))['port']}"
        reader = await Client.connect(broker.port, tally.take, filters=["homeassistant/#", f"{ROOT}/#"])
        async with Child(
            "benchmarks.lab.feeder", "--broker", url, "--data-dir", folder / "slow", "--monitors", monitors
        ) as child:
            at = int((await child.ask("start"))["at"])
            if not await tally.complete(monitors, within_s=_SLOW_WITHIN_S, quiet_s=_SLOW_QUIET_S):
                raise CannotMeasureError(f"only {len(tally.discovery)} discoveries and {len(tally.states)} states came")
            passed = await link.ask("passed")
        reader.close()
    took_s, needed_s = (tally.last_at - at) / 1e9, passed["there"] * 8 / (plan.slow_mbit * 1e6)
    what = f"cold start over {plan.slow_mbit * 1000:.0f} kbit/s, {monitors} monitors, {tally.payload_bytes / 1e6:.1f} MB"
    reached = f"{took_s:.0f} s, ratio {took_s / needed_s:.2f}, connections made: {passed['connections']}"
    is_reached = took_s <= 1.1 * needed_s and passed["connections"] == 1
    table.add(Row(what, reached, "ratio ≤ 1.1, 1 connection", is_reached, f"the link itself needs {needed_s:.0f} s"))


async def measure_home_assistant(plan: Plan, table: Table, folder: Path) -> None:
    """Compare how soon a real Home Assistant has all entities: from the bridge by a default broker, and from the bare peer."""
    async with mosquitto(folder, extra=UNLIMITED) as broker, home_assistant(_made(folder / "bare"), broker) as home:
        bare_s, wanted, _ = await _in_home_assistant(broker, _bare(broker, plan.home_monitors), plan, home)
    async with mosquitto(folder) as broker, home_assistant(_made(folder / "ours"), broker) as home:
        ours_s, _, available = await _in_home_assistant(
            broker, _bridge(broker, folder / "ours" / "data", plan.home_monitors), plan, home
        )
    what = f"Home Assistant, {plan.home_monitors} monitors, mosquitto's default limits: all entities available"
    reached = f"{ours_s:.1f} s, {available} of {wanted}, ratio {ours_s / bare_s:.2f}"
    beside = f"bare socket, broker without limits: {bare_s:.1f} s"
    table.add(Row(what, reached, "all, ratio ≤ 1.5", available >= wanted and ours_s <= 1.5 * bare_s, beside))


async def _in_home_assistant(broker: Mosquitto, child: Child, plan: Plan, home: Home) -> tuple[float, int, int]:
    """Return after how long the last entity was available, how many there should be, and how many are."""
    tally = Tally()
    monitors = plan.home_monitors
    reader = await Client.connect(broker.port, tally.take, filters=["homeassistant/#", f"{ROOT}/#"])
    async with child:
        at = int((await child.ask("start"))["at"])
        await tally.complete(monitors)
        wanted = tally.enabled * monitors
        await home.until(wanted, within_s=_HOME_WITHIN_S, quiet_s=_HOME_QUIET_S)
    reader.close()
    return (home.entities.rose_at - at) / 1e9, wanted, home.entities.available


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _start(broker: Mosquitto, child: Child, plan: Plan) -> tuple[int, Tally]:
    """Start a publisher and wait until all is there; return when it began, and what came."""
    tally = Tally()
    reader = await Client.connect(broker.port, tally.take, filters=["homeassistant/#", f"{ROOT}/#"])
    async with child:
        at = int((await child.ask("start"))["at"])
        if not await tally.complete(plan.monitors):
            raise CannotMeasureError(f"only {len(tally.discovery)} discoveries and {len(tally.states)} states came")
    reader.close()
    return at, tally


async def _lost(plan: Plan, broker: Mosquitto, data_dir: Path, slow_s: float) -> tuple[int, int, int]:
    """Return how many topics a subscriber missed, how many still after a replay, and how many the broker keeps."""
    tally, kept = Tally(), Tally()
    reader = await Client.connect(broker.port, tally.take, filters=["homeassistant/#", f"{ROOT}/#"], qos=1, pause_s=slow_s)
    async with _bridge(broker, data_dir, plan.monitors) as child:
        await child.ask("start")
        await tally.complete(plan.monitors, quiet_s=_QUIET_S)
        missed = tally.missing(plan.monitors)
        if missed:
            reader.publish(f"{ROOT}/replay", b"")
            await tally.complete(plan.monitors, quiet_s=_QUIET_S)
        # Few at a time, since these limits are also those of what a subscription gets at first.
        for first in range(1, plan.monitors + 1, 100):
            keys = [str(number) for number in range(first, min(first + 100, plan.monitors + 1))]
            filters = [f"{_DISCOVERY}{key}/config" for key in keys] + [f"{ROOT}/{SYSTEM}/{key}/state" for key in keys]
            looker = await Client.connect(broker.port, kept.take, filters=filters)
            await looker.ping()
            looker.close()
        await kept.complete(plan.monitors, quiet_s=0.5)
    reader.close()
    return missed, tally.missing(plan.monitors), len(kept.discovery) + len(kept.states)


def _bridge(broker: Mosquitto, data_dir: Path, monitors: int) -> Child:
    return Child("benchmarks.lab.feeder", "--broker", broker.url, "--data-dir", data_dir, "--monitors", monitors)


def _bare(broker: Mosquitto, monitors: int) -> Child:
    return Child("benchmarks.lab.bare", "--port", broker.port, "--monitors", monitors)


async def _main(folder: Path) -> None:
    parser = arguments("discovery", __doc__)
    parser.add_argument(
        "--home-assistant", action="store_true", help="only: a real Home Assistant (tests/e2e/lab), takes minutes"
    )
    parser.add_argument("--slow-link", action="store_true", help="only: over 256 kbit/s, takes five minutes")
    wanted = parser.parse_args()
    plan = QUICK if wanted.quick else Plan()
    table = Table("discovery: cold start with many monitors")
    if wanted.slow_link:
        await measure_slow_link(plan, table, folder)
    else:
        await (measure_home_assistant if wanted.home_assistant else measure)(plan, table, folder)


if __name__ == "__main__":
    sys.exit(run(_main))
