"""Who looks at live video and reads clips by the bridge's API, in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from http import HTTPStatus
from pathlib import Path

import aiohttp

from benchmarks.lab.remote import Json, serve

_MEDIA = "http://localhost/api/v1/media"
_READY_WITHIN_S = 60.0


class Readers:
    """Reads what it is told to until the end, and counts it."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._tasks: list[asyncio.Task[None]] = []
        self._began = time.monotonic()
        self.bytes = {"live": 0, "clips": 0}

    async def answer(self, do: str, request: Json) -> Json | None:
        """Do what the parent asks."""
        if do == "begin":
            async with asyncio.timeout(_READY_WITHIN_S):
                for path in (*request["live"], *request["clips"]):
                    await self._is_there(path)
            live = [self._read(path, "live") for path in request["live"]]
            clips = [self._again(path) for path in request["clips"]]
            self._tasks = [asyncio.ensure_future(each) for each in live + clips]
            await self._all_have_something()
            self.bytes, self._began = {"live": 0, "clips": 0}, time.monotonic()
            return {}
        lasts_s = time.monotonic() - self._began
        read = dict(self.bytes)
        ended = [task for task in self._tasks if task.done()]
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for task in ended:
            task.result()  # who was to look until the end, and did not
        return {"live_bytes": read["live"], "clip_bytes": read["clips"], "lasts_s": lasts_s}

    async def _is_there(self, path: str) -> None:
        """Wait until the bridge knows of it."""
        while True:
            async with self._http.get(f"{_MEDIA}/{path}") as answer:
                if answer.status == HTTPStatus.OK:
                    return
            await asyncio.sleep(0.2)

    async def _again(self, path: str) -> None:
        while True:
            await self._read(path, "clips")

    async def _read(self, path: str, kind: str) -> None:
        async with self._http.get(f"{_MEDIA}/{path}") as answer:
            assert answer.status == HTTPStatus.OK, f"{path}: {answer.status} {await answer.text()}"
            async for piece in answer.content.iter_any():
                self.bytes[kind] += len(piece)

    async def _all_have_something(self) -> None:
        async with asyncio.timeout(_READY_WITHIN_S):
            while not all(self.bytes.values()):
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.05)


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--nice", type=int, default=0)
    wanted = parser.parse_args()
    os.nice(wanted.nice)
    connector = aiohttp.UnixConnector(path=str(wanted.socket), limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_read=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        await serve(Readers(http).answer)


if __name__ == "__main__":
    asyncio.run(main())
