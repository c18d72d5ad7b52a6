"""Whether states wait behind pictures on a slow link: their age with and without pictures, in turn.

Between the bridge and mosquitto is a link of 100 Mbit/s (`lab/slow_link`). A scripted backend emits 100 states a second,
each with a stamp; every 3 s an event ends on 16 monitors, and the bridge fetches, shrinks and publishes its picture, made
so that 200 KB leave. Beside it: a bare client that sends the same bytes over one connection.
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks import throughput
from benchmarks.lab.programs import AT_ONCE, ROOT, UNLIMITED, mosquitto
from benchmarks.lab.remote import Child
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import MS, Row, Table, arguments, quantile
from benchmarks.lab.wire import Client
from benchmarks.lab.world import SYSTEM
from vms_bridge.errors import MediaUnavailable
from vms_bridge.mqtt.pictures import MAX_PIXELS, shrink

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto

_MONITORS = 16
_STATE_BYTES = 900
_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    mbit: float = 100.0
    states: int = 100
    picture_bytes: int = 200_000
    every_s: float = 3.0
    seconds: float = 21.0
    rounds: int = 3
    settle_s: float = 3.0


QUICK = Plan(seconds=6.0, rounds=1, settle_s=2.0)


@dataclass(slots=True)
class Ages:
    """The ages of states in ms, the sizes of the pictures that came meanwhile, and how busy the machine was."""

    states: list[float] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def take(self, topic: str, payload: bytes, _at: int) -> None:
        """Note a picture; give this to the client."""
        if topic.endswith("/snapshot") and payload:
            self.pictures.append(len(payload))


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    picture = folder / "picture.jpg"
    picture.write_bytes(await asyncio.to_thread(noisy_picture, plan.picture_bytes))
    without, beside, bare = Ages(), Ages(), list[float]()
    async with (
        mosquitto(folder, extra=UNLIMITED + AT_ONCE) as broker,
        Child("benchmarks.lab.slow_link", "--port", broker.port, "--mbit", plan.mbit) as link,
    ):
        port = int((await link.ask("port"))["port"])
        options = ("--broker", f"mqtt://127.0.0.1:{port}", "--data-dir", folder / "data", "--monitors", _MONITORS)
        async with Child("benchmarks.lab.feeder", *options, "--picture", picture) as child:
            await child.ask("start")
            await asyncio.sleep(plan.settle_s)
            for _ in range(plan.rounds):
                await through_bridge(plan, broker, child, without, with_pictures=False)
                await through_bridge(plan, broker, child, beside, with_pictures=True)
        for _ in range(plan.rounds):
            bare += await on_one_connection(plan, broker, port)
    _report(table, plan, without, beside, bare)


async def through_bridge(plan: Plan, broker: Mosquitto, child: Child, ages: Ages, *, with_pictures: bool) -> None:
    """Have the bridge publish states, and pictures or none, and add how old they were."""
    tally = throughput.Tally()
    states = await Client.connect(broker.port, tally.take, filters=[f"{ROOT}/{SYSTEM}/+/state"])
    seen = Ages()
    pictures = await Client.connect(broker.port, seen.take, filters=[f"{ROOT}/{SYSTEM}/+/snapshot"])
    seen.pictures.clear()  # what the broker retained
    cost = child.cost
    load: dict[str, float] = {"states": plan.states, "seconds": plan.seconds}
    if with_pictures:
        done = await child.ask("states_and_pictures", **load, count=_MONITORS, every_s=plan.every_s)
    else:
        done = await child.ask("load", **load, events=0)
    ages.waited.append(cost.kept_waiting)
    if not await tally.complete(done):
        raise CannotMeasureError("the newest states did not come")
    states.close()
    pictures.close()
    ages.states += tally.ages_ms
    ages.pictures += seen.pictures


async def on_one_connection(plan: Plan, broker: Mosquitto, port: int) -> Sequence[float]:
    """Send as much by a bare client over one connection; return the ages of its states in ms."""
    ages: list[float] = []

    def take(topic: str, payload: bytes, at: int) -> None:
        if topic == "bare/state":
            ages.append((at - int(payload[:20])) / MS)

    reader = await Client.connect(broker.port, take, filters=["bare/state"])
    writer = await Client.connect(port)
    loop = asyncio.get_running_loop()
    began, sent, shown = loop.time(), 0, 0
    while (now := loop.time() - began) < plan.seconds:
        if now >= shown * plan.every_s:
            for number in range(_MONITORS):
                writer.publish(f"bare/{number}/snapshot", bytes(plan.picture_bytes))
            shown += 1
        writer.publish("bare/state", f"{time.monotonic_ns():020d}".encode().ljust(_STATE_BYTES))
        sent += 1
        await asyncio.sleep(max(0.0, began + sent / plan.states - loop.time()))
    async with asyncio.timeout(_WITHIN_S):
        await writer.ping()
    await reader.ping()
    reader.close()
    writer.close()
    return ages


def noisy_picture(wanted_bytes: int) -> bytes:
    """Return a JPEG of which about that many bytes are left when the bridge has shrunk it."""
    for noise in range(4, 120, 2):
        source = io.BytesIO()
        Image.effect_noise((MAX_PIXELS, MAX_PIXELS * 3 // 4), noise).convert("RGB").save(source, "JPEG", quality=95)
        try:
            left = len(shrink(source.getvalue()))
        except MediaUnavailable as error:
            raise CannotMeasureError(str(error)) from error
        if left >= wanted_bytes:
            return source.getvalue()
    raise CannotMeasureError(f"no picture of {wanted_bytes} bytes")


def _report(table: Table, plan: Plan, without: Ages, beside: Ages, bare: Sequence[float]) -> None:
    p99 = quantile(beside.states, 0.99)
    mean = sum(beside.pictures) / max(1, len(beside.pictures)) / 1000
    what = f"{plan.states} states/s, {_MONITORS} pictures every {plan.every_s:g} s, {plan.mbit:g} Mbit/s"
    reached = f"age {_ages(beside.states)}; {len(beside.pictures)} pictures of {mean:.0f} KB"
    compared = f"without pictures: {_ages(without.states)}; a bare client with one connection for both: {_ages(bare)}"
    waited = f"kept waiting for a core {100 * max(beside.waited):.0f} % of the time"
    wanted = plan.rounds * _MONITORS * int(plan.seconds / plan.every_s)
    is_good = p99 <= 5 and len(beside.pictures) >= 0.9 * wanted
    table.add(Row(what, reached, f"p99 ≤ 5 ms, {wanted} pictures", is_good, f"{compared}; {waited}"))


def _ages(values: Sequence[float]) -> str:
    most = max(values, default=float("nan"))
    return f"p50 {quantile(values, 0.5):.1f} ms, p99 {quantile(values, 0.99):.1f} ms, most {most:.0f} ms, n = {len(values)}"


async def _main(folder: Path) -> None:
    wanted = arguments("pictures", __doc__).parse_args()
    await measure(QUICK if wanted.quick else Plan(), Table("pictures: states beside pictures on a slow link"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
