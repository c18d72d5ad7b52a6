"""From a command on MQTT to its final acknowledgement, beside the time that the VMS itself takes.

Each command is given twice in turn: straight to ZoneMinder's API, until its answer is there and its shared memory (or
its API) shows the effect, which is the VMS's own time; and over MQTT, until the ack `applied` is there, which the
bridge sends once it has verified. The fake needs 100 ms for a forced alarm; `--real` forces alarms in a real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab import real
from benchmarks.lab.arrivals import Arrivals
from benchmarks.lab.programs import ROOT, bridge, mosquitto, zoneminder_system
from benchmarks.lab.running import run
from benchmarks.lab.table import MS, Row, Table, arguments, median, quantile
from benchmarks.lab.wire import Client
from benchmarks.lab.zoneminder import fake_zoneminder
from vms_bridge.zoneminder.memory import LAYOUTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from benchmarks.lab.programs import Mosquitto

_OVER_S = 0.25
_IDLE, _ALARM = 1, 3
_LOOK_S = 0.001
_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    monitors: int = 64
    rounds: int = 60
    real_rounds: int = 20
    alarm_delay_s: float = 0.1
    pause_s: float = 0.2
    settle_s: float = 3.0


QUICK = Plan(monitors=16, rounds=8, real_rounds=3)


@dataclass(slots=True)
class Times:
    """The durations of one kind of command in ms, of the VMS alone and over the bridge."""

    own: list[float] = field(default_factory=list)
    bridged: list[float] = field(default_factory=list)


class Bench:
    """One bridge and one monitor to command."""

    def __init__(self, vms: real.ZoneMinder, shared_memory: Path, monitor: str, client: Client, arrivals: Arrivals) -> None:
        self._vms, self._monitor = vms, monitor
        self._memory = shared_memory / f"zm.mmap.{monitor}"
        self._client, self._arrivals = client, arrivals
        self._requests = 0

    async def alarms(self, rounds: int, pause_s: float) -> tuple[Times, Times]:
        """Force and cancel alarms; return the times of `alarm ON` and of `alarm OFF`."""
        on, off = Times(), Times()
        for index in range(2 * rounds):
            for command, times in (("on", on), ("off", off)):
                await asyncio.sleep(random.uniform(0.5, 1.5) * pause_s)  # noqa: S311 - no secret
                if index % 2:
                    times.bridged.append(await self._bridged("alarm", command.upper()))
                else:
                    times.own.append(await self._own_alarm(command))
            await self._until(_IDLE, is_so=True)
        return on, off

    async def functions(self, rounds: int, pause_s: float) -> Times:
        """Change the mode to and fro; return the times."""
        times = Times()
        before = await self._vms.function(self._monitor)
        other = "Nodect" if before != "Nodect" else "Modect"
        try:
            for index in range(2 * rounds):
                function = other if index % 2 == 0 else before
                if (index // 2) % 2:
                    times.bridged.append(await self._bridged("function", function))
                else:
                    times.own.append(await self._own_function(function))
                await asyncio.sleep(pause_s)
        finally:
            await self._vms.set_function(self._monitor, before)
        return times

    async def _bridged(self, command: str, value: str) -> float:
        self._requests += 1
        number = f"r{self._requests}"
        self._arrivals.forget()
        at = time.monotonic_ns()
        payload = json.dumps({"value": value, "request_id": number}).encode()
        self._client.publish(f"{ROOT}/zm/{self._monitor}/set/{command}", payload)
        ack = await self._arrivals.first(f"{ROOT}/ack", partial(_is_final, number), within_s=_WITHIN_S)
        if ack is None or json.loads(ack.payload)["result"] not in {"applied", "unchanged"}:
            print(f"{command} {value}: {ack.payload.decode() if ack else 'no ack'}", file=sys.stderr)
            return float("nan")
        return (ack.at - at) / MS

    async def _own_alarm(self, command: str) -> float:
        at = time.monotonic_ns()
        await self._vms.alarm(self._monitor, command)
        await self._until(_ALARM, is_so=command == "on")
        return (time.monotonic_ns() - at) / MS

    async def _own_function(self, function: str) -> float:
        at = time.monotonic_ns()
        await self._vms.set_function(self._monitor, function)
        while await self._vms.function(self._monitor) != function:  # noqa: ASYNC110 - another program's state
            await asyncio.sleep(_LOOK_S)
        return (time.monotonic_ns() - at) / MS

    async def _until(self, state: int, *, is_so: bool) -> None:
        async with asyncio.timeout(_WITHIN_S):
            while (self._state() == state) is not is_so:  # noqa: ASYNC110 - another program's state
                await asyncio.sleep(_LOOK_S)

    def _state(self) -> int | None:
        try:
            fd = os.open(self._memory, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            layout = LAYOUTS.get(int.from_bytes(os.pread(fd, 4, 0), "little"))
            return int.from_bytes(os.pread(fd, 4, layout.state), "little") if layout else None
        finally:
            os.close(fd)


@asynccontextmanager
async def bench(broker: Mosquitto, folder: Path, vms: real.ZoneMinder, shared_memory: Path, monitor: str) -> AsyncIterator[Bench]:
    """Run a bridge before this ZoneMinder."""
    async with bridge(folder, broker, zoneminder_system(vms.url, shared_memory, username=vms.user)):
        arrivals = Arrivals()
        client = await Client.connect(broker.port, arrivals.take, filters=[f"{ROOT}/ack"], qos=1)
        try:
            yield Bench(vms, shared_memory, monitor, client, arrivals)
        finally:
            client.close()


async def measure(plan: Plan, table: Table, folder: Path, zoneminder: real.ZoneMinder | None, monitor: str) -> None:
    async with mosquitto(folder) as broker:
        async with (
            fake_zoneminder(folder, plan.monitors, alarm_delay_s=plan.alarm_delay_s) as fake,
            real.ZoneMinder(fake.url) as vms,
            bench(broker, folder / "fake", vms, fake.shared_memory, "1") as commands,
        ):
            await asyncio.sleep(plan.settle_s)
            name = f"fake, {plan.monitors} monitors"
            await _measure(table, commands, name, plan.rounds, pause_s=plan.pause_s, mode_pause_s=plan.pause_s)
        if zoneminder is not None:
            async with bench(broker, folder / "real", zoneminder, Path("/dev/shm"), monitor) as commands:  # noqa: S108 - ZoneMinder's
                await asyncio.sleep(plan.settle_s)
                await _measure(table, commands, "real ZoneMinder", plan.real_rounds, pause_s=plan.pause_s, mode_pause_s=8.0)


async def _measure(table: Table, commands: Bench, name: str, rounds: int, *, pause_s: float, mode_pause_s: float) -> None:
    on, off = await commands.alarms(rounds, pause_s)
    _report(table, f"alarm ON, {name}", on)
    _report(table, f"alarm OFF, {name}", off)
    _report(table, f"mode, {name}", await commands.functions(max(4, rounds // 4), mode_pause_s))


def _is_final(request_id: str, payload: bytes) -> bool:
    ack = json.loads(payload)
    return bool(ack["request_id"] == request_id and ack["result"] != "running")


def _report(table: Table, what: str, times: Times) -> None:
    answered = _numbers(times.bridged)
    own, p50 = median(_numbers(times.own)), median(answered)
    lost = len(times.bridged) - len(answered)
    reached = f"p50 {p50:.0f} ms, p99 {quantile(answered, 0.99):.0f} ms, n = {len(answered)}" + (
        f", {lost} failed" if lost else ""
    )
    limit = own + _OVER_S * 1000
    beside = f"ZoneMinder's own time: p50 {own:.0f} ms; the bridge adds {p50 - own:.0f} ms, ratio {p50 / own:.1f}"
    table.add(Row(what, reached, f"p50 ≤ {limit:.0f} ms", p50 <= limit and not lost, beside))


def _numbers(values: Sequence[float]) -> Sequence[float]:
    return [value for value in values if value == value]  # noqa: PLR0124 - nan is not itself


async def _main(folder: Path) -> None:
    parser = arguments("command_latency", __doc__)
    real.add_options(parser)
    wanted = parser.parse_args()
    plan = QUICK if wanted.quick else Plan()
    table = Table("command_latency: command published → acknowledged and verified")
    if not wanted.real:
        await measure(plan, table, folder, None, "")
        return
    async with real.ZoneMinder(wanted.zm_url, wanted.zm_user, real.password()) as zoneminder:
        await measure(plan, table, folder, zoneminder, wanted.zm_monitor)


if __name__ == "__main__":
    sys.exit(run(_main))
