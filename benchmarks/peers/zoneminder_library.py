"""`vms_bridge.zoneminder` as a program would use it, among its peers: `benchmarks.peers.contest`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.contest import serve
from vms_bridge.zoneminder import ZoneMinder

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from vms_bridge.zoneminder import EventRow
    from vms_bridge.zoneminder.events.filters import Filters

_NOTE_BYTES = 50_000_000


class _Nowhere:
    """Takes the pieces of a video and keeps none."""

    def write(self, piece: bytes) -> int:
        return len(piece)


class Library:
    """One `ZoneMinder`; the rows of events whose files are fetched it keeps, as pyzm 0.3 does."""

    def __init__(self, url: str, username: str | None, password: str | None) -> None:
        self._runner = asyncio.Runner()
        self._zm = ZoneMinder(url, username, password)
        self._runner.run(self._zm.__aenter__())
        self._known: dict[int, EventRow] = {}

    def listed(self, limit: int) -> list[int]:
        return self._runner.run(self._ids(limit=limit))

    def filtered(self, monitor: int, since: str, alarm_frames: int, limit: int) -> list[int]:
        return self._runner.run(self._ids(monitor=monitor, since=since, min_alarm_frames=alarm_frames, limit=limit))

    def image(self, event: int, folder: str) -> int:
        file = Path(folder) / "library.jpg"
        self._runner.run(self._image(event, file))
        return file.stat().st_size

    def video(self, event: int, folder: str) -> int:
        file = Path(folder) / "library.mp4"
        file.unlink(missing_ok=True)
        self._runner.run(self._video(event, file))
        return file.stat().st_size

    def everything(self, note: Callable[[int], None]) -> int:
        return self._runner.run(self._everything(note))

    def discarded(self, event: int, note: Callable[[int], None]) -> int:
        return self._runner.run(self._discarded(event, note))

    def close(self) -> None:
        self._runner.run(self._zm.__aexit__(None, None, None))
        self._runner.close()

    async def _ids(self, **filters: Unpack[Filters]) -> list[int]:
        return [event.id for event in await self._zm.events(**filters).list()]

    async def _image(self, event: int, file: Path) -> None:
        await self._zm.events.save_image(await self._row(event), file)

    async def _video(self, event: int, file: Path) -> None:
        await self._zm.events.save_video(await self._row(event), file)

    async def _discarded(self, event: int, note: Callable[[int], None]) -> int:
        noted = 0

        def told(size: int, _whole: int | None) -> None:
            nonlocal noted
            if size - noted > _NOTE_BYTES:
                noted = size
                note(size // 1_000_000)

        return await self._zm.events.save_video(await self._row(event), _Nowhere(), progress=told)

    async def _row(self, event: int) -> EventRow:
        if event not in self._known:
            self._known[event] = await self._zm.events.get(event)
        return self._known[event]

    async def _everything(self, note: Callable[[int], None]) -> int:
        count = 0
        async for _ in self._zm.events():
            count += 1
            if count % 10_000 == 0:
                note(count)
        return count


if __name__ == "__main__":
    serve(Library)
