"""What the bridge costs while nothing happens: processor and memory of `vms-bridge run`.

All cameras deliver pictures, so that their shared memory changes at every frame; the bridge looks at each of them
25 to 70 times a second, polls the API and publishes what is worth it. Beside it, in the same seconds: a Python program
that reads the same files as often, compares them and does nothing else.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.lab.programs import bridge, check_source, mosquitto, zoneminder_system
from benchmarks.lab.remote import Child
from benchmarks.lab.running import run
from benchmarks.lab.table import Row, Table, arguments
from benchmarks.lab.zoneminder import fake_zoneminder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto

_MOST_CORES, _MOST_MB = 0.05, 120.0
# Few monitors are looked at more often, for an alarm within 10 ms: still for no more than that.
_FEW, _MOST_CORES_FOR_FEW = 32, 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure: monitors, and their frames a second."""

    with_memory: Sequence[tuple[int, float]] = ((16, 10.0), (32, 10.0), (64, 10.0), (200, 10.0), (200, 25.0))
    by_api: Sequence[int] = (16, 64, 200)
    settle_s: float = 20.0
    seconds: float = 60.0


QUICK = Plan(with_memory=((16, 10.0), (200, 10.0)), by_api=(200,), settle_s=5.0, seconds=16.0)


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    async with mosquitto(folder) as broker:
        for size, fps in plan.with_memory:
            await _measure_one(plan, table, broker, folder / f"memory-{size}-{fps}", size=size, fps=fps)
        for size in plan.by_api:
            await _measure_one(plan, table, broker, folder / f"api-{size}", size=size)


async def _measure_one(plan: Plan, table: Table, broker: Mosquitto, folder: Path, *, size: int, fps: float | None = None) -> None:
    async with fake_zoneminder(folder, size, fps=fps or 1.0) as fake:
        system = zoneminder_system(fake.url, fake.shared_memory if fps else None, username=None)
        async with Child("benchmarks.lab.watcher") as reader, bridge(folder, broker, system) as cost:
            await asyncio.sleep(plan.settle_s)
            await check_source(broker, "shared_memory" if fps else "events", size)
            if fps:
                await reader.ask("read", directory=str(fake.shared_memory))
            bare = reader.cost
            cost.restart()
            await asyncio.sleep(plan.seconds)
            cores, bare_cores, resident = cost.cores, bare.cores, cost.resident_mb
    name = f"{size} monitors, " + (f"shared memory at {fps:g} frames/s each" if fps else "API only")
    beside = f"bare reader of the same files: {100 * bare_cores:.1f} %, ratio {cores / bare_cores:.1f}" if fps else ""
    most_cores = _MOST_CORES_FOR_FEW if size <= _FEW else _MOST_CORES
    is_good = cores <= most_cores and resident <= _MOST_MB
    table.add(
        Row(
            name,
            f"{100 * cores:.1f} % of a core, {resident:.0f} MB resident",
            f"≤ {100 * most_cores:.0f} %, ≤ {_MOST_MB:.0f} MB",
            is_good,
            beside,
        )
    )


async def _main(folder: Path) -> None:
    wanted = arguments("idle", __doc__).parse_args()
    await measure(QUICK if wanted.quick else Plan(), Table("idle: what the bridge costs at rest"), folder)


if __name__ == "__main__":
    sys.exit(run(_main))
