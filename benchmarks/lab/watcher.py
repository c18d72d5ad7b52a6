"""Watches monitors' shared memory as closely as one core allows, or as sparingly as Python can: peers of the bridge.

`watch` looks at one file every 0.2 ms and stamps each change of the alarm state. `read` reads all files of a directory
at the bridge's own rate and compares them, and does nothing else: the least that following them can cost in Python.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.lab.remote import Json, serve
from vms_bridge.backends.zoneminder.sampler import period
from vms_bridge.zoneminder.memory import LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOOK_S = 0.0002
_PREFIX_BYTES = 376


class Watcher:
    """Keeps its stamps until they are asked for."""

    def __init__(self) -> None:
        self._changes: list[tuple[int, int]] = []
        self._work: asyncio.Task[None] | None = None
        self._watching = False

    async def answer(self, do: str, request: Json) -> Json | None:
        """Do what the parent asks."""
        match do:
            case "watch":
                self._watching = True
                fd, offset = _opened(Path(request["path"]))
                before = os.pread(fd, 4, offset)
                self._work = asyncio.create_task(asyncio.to_thread(self._watch, fd, offset, before))
            case "read":
                self._work = asyncio.create_task(_read(_files(Path(request["directory"]))))
            case "changes":
                changes, self._changes = self._changes, []
                return {"changes": changes}
            case "stop":
                await self._stop()
            case _:
                raise ValueError(do)
        return None

    async def _stop(self) -> None:
        self._watching = False
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        self._work = None

    def _watch(self, fd: int, offset: int, before: bytes) -> None:
        try:
            while self._watching:
                state = os.pread(fd, 4, offset)
                if state != before:
                    self._changes.append((int.from_bytes(state, "little"), time.monotonic_ns()))
                    before = state
                time.sleep(_LOOK_S)
        finally:
            os.close(fd)


def _opened(path: Path) -> tuple[int, int]:
    """Open a monitor's shared memory; return the file and where the alarm state stands in it."""
    fd = os.open(path, os.O_RDONLY)
    return fd, LAYOUTS[int.from_bytes(os.pread(fd, 4, 0), "little")].state


def _files(directory: Path) -> Sequence[int]:
    return [os.open(path, os.O_RDONLY) for path in sorted(directory.glob("zm.mmap.*"))]


async def _read(files: Sequence[int]) -> None:
    period_s = period(len(files))
    before = [b""] * len(files)
    try:
        while True:
            for index, fd in enumerate(files):
                raw = os.pread(fd, _PREFIX_BYTES, 0)
                if raw != before[index]:
                    before[index] = raw
            await asyncio.sleep(period_s)
    finally:
        for fd in files:
            os.close(fd)


if __name__ == "__main__":
    asyncio.run(serve(Watcher().answer))
