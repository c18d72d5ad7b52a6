"""Asks a simulated VXG for its events again and again, or once for its channels, decodes the answers and does nothing else."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import aiohttp

from benchmarks.lab.remote import Json, serve

_PAGE = 250


async def read_channels(url: str, headers: dict[str, str]) -> Json:
    """Read all channels, page by page; return how long that took, and how many there are."""
    began_s, count = time.monotonic(), 0
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as http:
        while True:
            query = {"limit": str(_PAGE), "offset": str(count), "include_meta": "true"}
            async with http.get(f"{url}/api/v5/channels/", params=query) as answer:
                said = json.loads(await answer.read())
            count += len(said["objects"])
            if said["meta"]["next"] is None:
                return {"seconds": time.monotonic() - began_s, "count": count}


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("every_s", type=float)
    wanted = parser.parse_args()
    headers = {"Authorization": f"SI {wanted.token}"}
    count = 0
    begun = asyncio.Event()

    async def ask() -> None:
        nonlocal count
        await begun.wait()
        async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as http:
            while True:
                start = (datetime.now(UTC) - timedelta(seconds=60)).replace(tzinfo=None).isoformat()
                query = {"start": start, "order_by": "time", "limit": "1000", "include_meta": "true"}
                async with http.get(f"{wanted.url}/api/v2/storage/events/", params=query) as answer:
                    json.loads(await answer.read())
                count += 1
                await asyncio.sleep(wanted.every_s)

    async def answer(do: str, _request: Json) -> Json:
        if do == "begin":
            begun.set()
        if do == "channels":
            return await read_channels(wanted.url, headers)
        return {"count": count}

    asking = asyncio.create_task(ask())
    try:
        await serve(answer)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
