"""What alarms feel of viewers and clips: eight look at live video and two read clips of 250 MB, again and again.

Alarms come by shared memory, in rounds that take turns: with viewers and clips, and without. The live video is that of two
simulated cameras; the clips come from a second fake ZoneMinder over a link of 1 Gbit/s. Who looks, and that ZoneMinder, are other
machines in life: here they have what the bridge leaves of the processor (nice 10).
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.alarm_latency import changes_of
from benchmarks.lab.clip_server import PASSWORD
from benchmarks.lab.programs import bridge, mosquitto, zoneminder_system
from benchmarks.lab.remote import Child
from benchmarks.lab.running import CannotMeasureError, run
from benchmarks.lab.table import Row, Table, arguments, median, quantile
from benchmarks.lab.zoneminder import fake_zoneminder
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.remote import Json

_SYSTEMS = """\
  archive: {{type: zoneminder, url: "{url}", username: admin, password: "{password}", shared_memory: false}}
  sim: {{type: simulator, cameras: 2, pace: 0.01}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many look at what, and how many changes of state are told in how many rounds of each kind."""

    viewers: int = 8
    clips: int = 2
    clip_mb: int = 250
    monitors: int = 16
    rounds: int = 5
    changes: int = 300
    pause_s: float = 0.1
    settle_s: float = 8.0


QUICK = Plan(clip_mb=20, rounds=1, changes=40)


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    clip = await asyncio.to_thread(_write_clip, folder / "clip.mp4", plan.clip_mb)
    found: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    read: list[Json] = []
    async with mosquitto(folder) as broker:
        for number in range(plan.rounds):
            for looks in (True, False) if number % 2 else (False, True):
                delays, what = await _round(plan, broker, folder / f"{number}-{looks}", clip, looks=looks)
                told = [delay for delay in delays if delay == delay]  # noqa: PLR0124 - nan is not itself
                if len(told) < len(delays):
                    raise CannotMeasureError(f"{len(delays) - len(told)} of {len(delays)} changes were never told")
                found[looks].append((quantile(told, 0.5), quantile(told, 0.99)))
                read += [what] if looks else []
    _tell(plan, table, found, read)


def _write_clip(path: Path, megabytes: int) -> Path:
    piece = bytes(1_000_000)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(piece)
    return path


async def _round(plan: Plan, broker: Mosquitto, folder: Path, clip: Path, *, looks: bool) -> tuple[Sequence[float], Json]:
    """Return how late each change came, in ms, and what was read meanwhile."""
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(fake_zoneminder(folder, plan.monitors, function="Mocord"))
        server = Child("benchmarks.lab.clip_server", "--clip", clip, "--mbit", 1000, "--nice", 10)
        where = await (await stack.enter_async_context(server)).ask("where")
        systems = zoneminder_system(fake.url, fake.shared_memory, username=None)
        systems += _SYSTEMS.format(url=where["url"], password=PASSWORD)
        await stack.enter_async_context(bridge(folder, broker, systems, more="http: {port: 0}\n"))
        readers = Child("benchmarks.lab.readers", "--socket", api_socket(folder / "data"), "--nice", 10)
        child = await stack.enter_async_context(readers)
        if looks:
            live = [f"monitors/sim/{1 + number % 2}/live.ts" for number in range(plan.viewers)]
            await child.ask("begin", live=live, clips=[f"events/archive-{where['event']}/clip"] * plan.clips)
        await asyncio.sleep(plan.settle_s)
        delays = await changes_of(broker, fake, plan.monitors, plan.changes, pause_s=plan.pause_s)
        return delays, await child.ask("end")


def _tell(plan: Plan, table: Table, found: dict[bool, list[tuple[float, float]]], read: list[Json]) -> None:
    p50, p99 = (median([each[index] for each in found[True]]) for index in range(2))
    p50_without, p99_without = (median([each[index] for each in found[False]]) for index in range(2))
    is_good = p50 <= max(1.1 * p50_without, p50_without + 5) and p99 <= max(1.5 * p99_without, p99_without + 30)
    rate = median([each["clip_bytes"] / 1e6 / each["lasts_s"] for each in read])
    live = median([each["live_bytes"] / 1e3 / each["lasts_s"] for each in read])
    table.add(
        Row(
            f"alarm by shared memory, {plan.monitors} monitors, beside {plan.viewers} viewers and {plan.clips} readers of clips",
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, n = {plan.changes} in each of {plan.rounds} rounds",
            "p50: 1.1 times or + 5 ms at most, p99: 1.5 times or + 30 ms",
            is_good,
            f"without: p50 {p50_without:.1f} ms, p99 {p99_without:.1f} ms; read: {live:.0f} kB/s live, {rate:.0f} MB/s clips",
        )
    )


async def _main(folder: Path) -> None:
    wanted = arguments("viewers", __doc__).parse_args()
    await measure(QUICK if wanted.quick else Plan(), Table("viewers: alarms beside live video and clips"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
