"""How fast a clip comes through the bridge's archive, and what that costs it.

A fake ZoneMinder in a process of its own gives one long clip at the rate of a link of 1 Gbit/s. It is read by the bridge's
backend through its guard, as the API reads it, and, in turn, by a bare HTTP client. Then viewers that take nothing hold it open.
The same is asked of a whole bridge by its API: an event's clip as it comes, and a clip that is made of a time over two events.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
from pydantic import SecretStr
from tests.bridge.backends.zoneminder.support import MemoryFeed

from benchmarks.lab.clip_bridge import Asked, ClipBridge, long_video
from benchmarks.lab.clip_server import PASSWORD
from benchmarks.lab.remote import Child, Cost
from benchmarks.lab.running import run
from benchmarks.lab.table import Row, Table, arguments, median
from vms_bridge.archive import EventClip
from vms_bridge.backends.guard import Guard
from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
from vms_bridge.clock import SystemClock
from vms_bridge.model import EventRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_VIEWERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure."""

    clip_mb: int = 250
    rounds: int = 5
    mbit: float = 1_000.0
    range_mb: int = 100
    """How large each of the two events is that a clip is made of."""
    range_s: float = 60.0


QUICK = Plan(clip_mb=20, rounds=2, range_mb=10, range_s=10.0)


@dataclass(slots=True)
class Reads:
    """What reading the clip took: rates in MB/s, first bytes in ms, and processor seconds per GB."""

    rates: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def one(self, size: int) -> AsyncIterator[None]:
        """Measure one reading of that many bytes."""
        cpu, began = time.process_time(), time.perf_counter()
        yield
        self.rates.append(size / 1e6 / (time.perf_counter() - began))
        self.processor_s.append((time.process_time() - cpu) / (size / 1e9))


async def measure(plan: Plan, table: Table, folder: Path) -> None:
    clip = folder / "clip.mp4"
    block = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + os.urandom(1_000_000 - 24)
    clip.write_bytes(block * plan.clip_mb)
    size = clip.stat().st_size
    async with Child("benchmarks.lab.clip_server", "--clip", clip, "--mbit", plan.mbit) as child:
        where = await child.ask("where")
        ref = EventClip(event=EventRef("zm", 1, str(where["event"])))
        async with served(where["url"]) as (guard, backend):
            bridged, bare = Reads(), Reads()
            for _ in range(plan.rounds):
                await read_bare(bare, backend, where, size)
                await read_bridged(bridged, guard, ref, size)
            _tell(table, bridged, bare)
            await _tell_memory(table, guard, ref)


async def measure_api(plan: Plan, table: Table, folder: Path) -> None:
    """Ask a whole bridge, by its API, for an event's clip and for clips of a time."""
    clip = await asyncio.to_thread(long_video, folder / "video.mp4", plan.range_mb, plan.range_s)
    size, served = clip.stat().st_size, ("--events", 2, "--lasts-s", plan.range_s)
    async with (
        Child("benchmarks.lab.clip_server", "--clip", clip, "--mbit", plan.mbit, *served) as child,
        ClipBridge.running(folder / "bridge", await child.ask("where"), PASSWORD) as bridge,
    ):
        events = [await bridge.ask(bridge.event_path) for _ in range(plan.rounds)]
        _tell_streams(table, "an event's clip by the API", events)
        begin = datetime.fromisoformat((await child.ask("where"))["begin"])
        made: list[Asked] = []
        again: list[Asked] = []
        for number in range(plan.rounds):  # each another time, so that each is made
            since = begin + timedelta(seconds=number % max(1, int(plan.range_s / 4)))
            path = bridge.range_path(since, begin + timedelta(seconds=2 * plan.range_s))
            made.append(await bridge.ask(path))
            again.append(await bridge.ask(path))
        lasts_s = median([one.first_ms for one in made]) / 1e3
        table.add(
            Row(
                "a clip of a time, until its first byte",
                f"{lasts_s:.2f} s for {made[0].size / 1e6:.0f} MB",
                "",
                None,
                f"fetching it bare: {2 * size / (plan.mbit * 1e6 / 8):.2f} s",
            )
        )
        spent = median([one.processor_s / (one.size / 1e9) for one in made])
        table.add(Row("its processor per GB, child included: fetched, joined, handed out", f"{spent:.2f} s"))
        _tell_streams(table, "the same once it is made", again)
        each = await bridge.viewers(path, _VIEWERS)
        table.add(Row(f"memory of each of {_VIEWERS} viewers of it", f"{each:.2f} MB", "≤ 5 MB", each <= 5.0))


def _tell_streams(table: Table, what: str, asked: list[Asked]) -> None:
    spent = median([one.processor_s / (one.size / 1e9) for one in asked])
    rate = median([one.size / 1e6 / one.lasts_s for one in asked])
    first = median([one.first_ms for one in asked])
    table.add(Row(f"{what}: processor per GB, both streams", f"{spent:.2f} s", "≤ 1 s", spent <= 1.0, f"{rate:.0f} MB/s"))
    table.add(Row(f"{what}: first byte", f"{first:.1f} ms"))


async def read_bridged(reads: Reads, guard: Guard, ref: EventClip, size: int) -> None:
    async with reads.one(size):
        began, got = time.perf_counter(), 0
        media = await guard.media(ref, None)
        async for piece in media.pieces():
            if not got:
                reads.first_ms.append((time.perf_counter() - began) * 1e3)
            got += len(piece)
        await media.close()
        assert got == size


async def read_bare(reads: Reads, backend: ZoneMinder, where: dict[str, object], size: int) -> None:
    assert backend._session is not None  # noqa: SLF001 - the same token, so that no login is measured
    token = await backend._session.api.auth.token() or ""  # noqa: SLF001
    query = {"view": "view_video", "eid": str(where["event"]), "token": token}
    async with aiohttp.ClientSession() as http, reads.one(size):
        began, got = time.perf_counter(), 0
        async with http.get(f"{where['url']}/index.php", params=query) as response:
            async for piece in response.content.iter_chunked(256 * 1024):
                if not got:
                    reads.first_ms.append((time.perf_counter() - began) * 1e3)
                got += len(piece)
        assert got == size


def _tell(table: Table, bridged: Reads, bare: Reads) -> None:
    ratio = median(bridged.rates) / median(bare.rates)
    table.add(
        Row(
            "rate of a clip",
            f"{median(bridged.rates):.0f} MB/s, {ratio:.2f} of bare",
            "≥ 0.9 of bare",
            ratio >= 0.9,
            f"bare: {median(bare.rates):.0f} MB/s",
        )
    )
    spent = median(bridged.processor_s)
    table.add(Row("processor per GB", f"{spent:.2f} s", "≤ 1 s", spent <= 1.0, f"bare: {median(bare.processor_s):.2f} s"))
    later = median(bridged.first_ms) - median(bare.first_ms)
    table.add(
        Row("first byte after ZoneMinder's", f"{later:.1f} ms", "≤ 50 ms", later <= 50, f"bare: {median(bare.first_ms):.1f} ms")
    )


async def _tell_memory(table: Table, guard: Guard, ref: EventClip) -> None:
    """Have viewers that take nothing more than the first piece, and see what each of them holds."""
    cost = Cost(os.getpid())
    before = cost.resident_mb
    async with AsyncExitStack() as stack:
        for _ in range(_VIEWERS):
            media = await guard.media(ref, None)
            stack.push_async_callback(media.close)
            await anext(media.pieces())
        await asyncio.sleep(2)  # what the system sends on meanwhile
        each = (cost.resident_mb - before) / _VIEWERS
    table.add(Row(f"memory of each of {_VIEWERS} viewers", f"{each:.2f} MB", "≤ 5 MB", each <= 5.0))


@asynccontextmanager
async def served(url: str) -> AsyncIterator[tuple[Guard, ZoneMinder]]:
    """Run a backend against that address."""
    config = ZoneMinderConfig(url=url, username="admin", password=SecretStr(PASSWORD), shared_memory=False)
    clock, feed = SystemClock(), MemoryFeed()
    backend = ZoneMinder("zm", config, clock)
    running = asyncio.create_task(backend.run(feed))
    try:
        await feed.until(lambda: backend._session)  # noqa: SLF001 - there is no other sign
        yield Guard("zm", backend, clock), backend
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _main(folder: Path) -> None:
    wanted = arguments("clips", __doc__).parse_args()
    table = Table("clips: how fast a clip comes through the bridge, and what it costs")
    plan = QUICK if wanted.quick else Plan()
    await measure(plan, table, folder)
    await measure_api(plan, table, folder)


if __name__ == "__main__":
    sys.exit(run(_main))
