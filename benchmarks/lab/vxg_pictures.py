"""Who takes pictures of a simulated VXG, each in a process of its own: the library, and a bare HTTP client that knows the way."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.lab.remote import Json, serve
from vms_bridge.vxg import Vxg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_LIST, _POLL_S, _AT_ONCE = "/api/v2/storage/thumbnails/", 0.5, 3


class Taken:
    """What has come: how many pictures of each channel, and how old each was, in seconds."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.ages: list[float] = []
        self.bytes = 0

    def add(self, channel: int, taken: datetime, jpeg: bytes) -> None:
        """Count a picture."""
        self.counts[channel] = self.counts.get(channel, 0) + 1
        self.ages.append((datetime.now(UTC) - taken).total_seconds())
        self.bytes += len(jpeg)

    def told(self, cpu_s: float) -> Json:
        """Return it, and what it cost."""
        return {"counts": list(self.counts.values()), "ages": self.ages, "bytes": self.bytes, "cpu_s": cpu_s}


async def by_library(url: str, token: str, channels: int, seconds: float, taken: Taken) -> None:
    """Sample them once a second for so long from the first picture on, and read each."""
    async with Vxg(url, token=token) as vxg:
        chosen = (await vxg.channels.list())[:channels]
        reading: set[asyncio.Task[None]] = set()

        async def read(image_of: Callable[[], Awaitable[bytes]], channel: int, when: datetime) -> None:
            taken.add(channel, when, await image_of())

        ends_at = math.inf
        async with aclosing(vxg.images.sample_all(chosen, 1.0)) as images:
            async for image in images:
                ends_at = min(ends_at, time.monotonic() + seconds)
                if time.monotonic() >= ends_at:
                    break
                assert image.time is not None
                task = asyncio.create_task(read(lambda image=image: vxg.images.fetch(image), image.camera_id, image.time))  # type: ignore[misc]
                reading.add(task)
                task.add_done_callback(reading.discard)
        await asyncio.gather(*reading)


async def bare(url: str, token: str, channels: int, seconds: float, taken: Taken) -> None:
    """Ask the same list as often, and read the same pictures; check and keep nothing."""
    seen: set[int] = set()
    first = 101
    may_read = asyncio.Semaphore(_AT_ONCE)
    since, ends_at = datetime.now(UTC), time.monotonic() + seconds
    async with aiohttp.ClientSession(raise_for_status=True) as http:

        async def read(row: Json) -> None:
            async with may_read, http.get(row["url"]) as answer:
                taken.add(row["camid"], datetime.fromisoformat(row["time"]).replace(tzinfo=UTC), await answer.read())

        while time.monotonic() < ends_at:
            start = max(since, datetime.now(UTC) - timedelta(seconds=10)).replace(tzinfo=None).isoformat()
            query = {"start": start, "order_by": "time", "limit": "1000", "origin": "generated_from_live"}
            async with http.get(url + _LIST, params=query, headers={"Authorization": f"SI {token}"}) as answer:
                rows = json.loads(await answer.read())["objects"]
            new = [row for row in rows if row["id"] not in seen and first <= row["camid"] < first + channels]
            seen.update(row["id"] for row in new)
            await asyncio.gather(*map(read, new))
            await asyncio.sleep(_POLL_S)


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("how", choices=["library", "bare"])
    wanted = parser.parse_args()

    async def answer(_do: str, request: Json) -> Json:
        taken = Taken()
        began_s = time.process_time()
        await (by_library if wanted.how == "library" else bare)(**request, taken=taken)
        return taken.told(time.process_time() - began_s)

    await serve(answer)


if __name__ == "__main__":
    asyncio.run(main())
