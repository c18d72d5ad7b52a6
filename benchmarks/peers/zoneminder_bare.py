"""The limit: aiohttp, the URLs that the library asks for, and `json.loads`; nothing is checked, and nothing is made of it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from benchmarks.peers.contest import serve

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE_BYTES = 256 * 1024
_PAGE = 100
_NOTE_BYTES = 50_000_000
_NO_LIMIT = aiohttp.ClientTimeout(total=None)
_NEWEST = {"sort": "Id", "direction": "desc", "limit": str(_PAGE), "page": "1"}


class Bare:
    """One session, which has logged in."""

    def __init__(self, url: str, username: str | None, password: str | None) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self._runner.run(self._start(username, password))

    async def _start(self, username: str | None, password: str | None) -> None:
        self._http, self._token = aiohttp.ClientSession(), {}
        if username is not None:
            form = {"user": username, "pass": password}
            async with self._http.post(f"{self._url}/api/host/login.json", data=form) as response:
                self._token = {"token": json.loads(await response.read())["access_token"]}

    def listed(self, limit: int) -> list[int]:
        return self._runner.run(self._ids("Id >:0", {**_NEWEST, "limit": str(limit)}))

    def filtered(self, monitor: int, since: str, alarm_frames: int, limit: int) -> list[int]:
        named = f"Id >:0/MonitorId:{monitor}/StartTime >=:{since}/AlarmFrames >=:{alarm_frames}"
        return self._runner.run(self._ids(named, {**_NEWEST, "limit": str(limit)}))

    def image(self, event: int, folder: str) -> int:
        return self._runner.run(self._saved(Path(folder) / "bare.jpg", {"view": "image", "eid": str(event), "fid": "snapshot"}))

    def video(self, event: int, folder: str) -> int:
        query = {"view": "view_video", "eid": str(event), "mode": "mp4"}
        return self._runner.run(self._saved(Path(folder) / "bare.mp4", query, is_synced=True))

    def everything(self, note: Callable[[int], None]) -> int:
        return self._runner.run(self._everything(note))

    def discarded(self, event: int, note: Callable[[int], None]) -> int:
        return self._runner.run(self._discarded({"view": "view_video", "eid": str(event), "mode": "mp4"}, note))

    def close(self) -> None:
        self._runner.run(self._http.close())
        self._runner.close()

    async def _everything(self, note: Callable[[int], None]) -> int:
        count, named = 0, "Id >:0"
        while page := await self._ids(named, _NEWEST):
            count += len(page)
            note(count)
            named = f"Id <:{page[-1]}"
        return count

    async def _ids(self, named: str, query: dict[str, str]) -> list[int]:
        segments = "/".join(quote(part, safe=":") for part in named.split("/"))
        asked = "&".join(f"{key}={quote(value, safe='')}" for key, value in {**query, **self._token}.items())
        async with self._http.get(URL(f"{self._url}/api/events/index/{segments}.json?{asked}", encoded=True)) as response:
            response.raise_for_status()
            answer: dict[str, Any] = json.loads(await response.read())
        return [int(row["Event"]["Id"]) for row in answer["events"]]

    async def _discarded(self, query: dict[str, str], note: Callable[[int], None]) -> int:
        size = noted = 0
        async with self._http.get(f"{self._url}/index.php", params={**query, **self._token}, timeout=_NO_LIMIT) as response:
            response.raise_for_status()
            async for piece in response.content.iter_chunked(_PIECE_BYTES):
                size += len(piece)
                if size - noted > _NOTE_BYTES:
                    noted = size
                    note(size // 1_000_000)
        return size

    async def _saved(self, file: Path, query: dict[str, str], *, is_synced: bool = False) -> int:
        """Write it; what is synced is on the disk then, as the library has it before a video gets its name."""
        size = 0
        async with self._http.get(f"{self._url}/index.php", params={**query, **self._token}) as response:
            response.raise_for_status()
            with file.open("wb") as opened:
                async for piece in response.content.iter_chunked(_PIECE_BYTES):
                    size += opened.write(piece)
                if is_synced:
                    opened.flush()
                    os.fsync(opened.fileno())
        return size


if __name__ == "__main__":
    serve(Bare)
