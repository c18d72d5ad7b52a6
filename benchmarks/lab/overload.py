"""More pictures than can be looked at: each camera has one place, whose newest picture counts, and turns are taken."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.lab.table import Row, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab.table import Table
    from vms_bridge.detect.engine import Engine

_AT_ONCE = 4
_TIMES = 2.5


async def measure_overload(cameras: int, lasts_s: float, table: Table, engine: Engine, pictures: Sequence[Path]) -> None:
    """Offer 2.5 times as much as can be looked at, and add the rows."""
    jpegs = [path.read_bytes() for path in pictures]
    capacity = await _capacity(engine, jpegs, max(1.0, lasts_s / 4))
    waiting: dict[int, tuple[float, bytes]] = {}
    is_any = asyncio.Event()
    ages, looked = [], Counter[int]()
    is_over = False

    async def offer(camera: int) -> None:
        pause_s = cameras / (capacity * _TIMES)
        await asyncio.sleep(pause_s * camera / cameras)
        number = 0
        while not is_over:
            waiting[camera] = (time.perf_counter(), jpegs[(camera + number) % len(jpegs)])  # keeps its place in the line
            is_any.set()
            number += 1
            await asyncio.sleep(pause_s)

    async def look() -> None:
        while not is_over:
            if not waiting:
                is_any.clear()
                await is_any.wait()
                continue
            camera = next(iter(waiting))
            since, jpeg = waiting.pop(camera)
            await engine.infer("m640", jpeg, least_score=0.99)
            ages.append(time.perf_counter() - since)
            looked[camera] += 1

    tasks = [asyncio.create_task(offer(camera)) for camera in range(cameras)]
    tasks += [asyncio.create_task(look()) for _ in range(_AT_ONCE)]
    await asyncio.sleep(lasts_s)
    is_over = True
    is_any.set()
    await asyncio.gather(*tasks)
    limit_ms = 2 * cameras / capacity * 1e3
    p95_ms = quantile(ages, 0.95) * 1e3
    counts = [looked[camera] for camera in range(cameras)]
    spread = (max(counts) - min(counts)) / max(1.0, sum(counts) / len(counts))
    table.add(
        Row(
            f"{cameras} cameras, {_TIMES} times as many pictures as can be looked at: age of a result",
            f"p50 {quantile(ages, 0.5) * 1e3:.0f} ms, p95 {p95_ms:.0f} ms",
            f"p95 at most {limit_ms:.0f} ms (2 x cameras / throughput)",
            p95_ms <= limit_ms,
            f"throughput {capacity:.0f} a second",
        )
    )
    what = f"{min(counts)} to {max(counts)} pictures each, {spread:.0%} of their mean"
    table.add(
        Row(
            "the same: spread between cameras",
            what,
            "at most 10 %, or one picture",
            spread <= 0.10 or max(counts) - min(counts) <= 1,
        )
    )


async def _capacity(engine: Engine, jpegs: Sequence[bytes], lasts_s: float) -> float:
    until, count = time.perf_counter() + lasts_s, 0

    async def look() -> None:
        nonlocal count
        while time.perf_counter() < until:
            await engine.infer("m640", jpegs[count % len(jpegs)], least_score=0.99)
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(look() for _ in range(_AT_ONCE)))
    return count / (time.perf_counter() - began)
