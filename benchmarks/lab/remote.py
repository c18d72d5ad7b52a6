"""A part of a benchmark in a process of its own, asked over its standard input: one JSON line each way."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psutil

from benchmarks.lab.running import CannotMeasureError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_ANSWER_WITHIN_S = 180.0
Json = dict[str, Any]


class Child:
    """`python -m MODULE ARGUMENTS`, running `serve`; ends with the `async with`. The Python may be another environment's."""

    def __init__(self, module: str, *arguments: object, python: str | Path = sys.executable) -> None:
        self._command = (str(python), "-m", module, *map(str, arguments))
        self._process: asyncio.subprocess.Process | None = None
        self._asking = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 26
        )
        try:
            await self._answer()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    @property
    def cost(self) -> Cost:
        """What it costs from now on."""
        assert self._process is not None
        return Cost(self._process.pid)

    async def ask(self, do: str, **arguments: object) -> Json:
        """Have it do something and return its answer."""
        assert self._process is not None
        assert self._process.stdin is not None
        async with self._asking:
            self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            return await self._answer()

    async def _answer(self) -> Json:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            line = await self._process.stdout.readline()
        if not line:
            raise CannotMeasureError(f"{' '.join(self._command)} has ended; what it said stands above")
        answer: Json = json.loads(line)
        return answer


class Cost:
    """Processor time and memory of a process, from when this is made."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._process = psutil.Process(pid)
        self.restart()

    def restart(self) -> None:
        """Count from now on."""
        self._cpu_s, self._waited_s, self._at = self._spent_s(), self._kept_waiting_s(), asyncio.get_running_loop().time()

    @property
    def cores(self) -> float:
        """How many cores it has kept busy on average."""
        return (self._spent_s() - self._cpu_s) / max(asyncio.get_running_loop().time() - self._at, 1e-9)

    @property
    def kept_waiting(self) -> float:
        """For which share of the time it could have run but others had the cores: how busy the machine was for it."""
        return (self._kept_waiting_s() - self._waited_s) / max(asyncio.get_running_loop().time() - self._at, 1e-9)

    @property
    def resident_mb(self) -> float:
        """Its resident memory now, in MB of 10^6 bytes."""
        return float(self._process.memory_info().rss) / 1e6

    def _kept_waiting_s(self) -> float:
        """Sum it up over the threads (Documentation/scheduler/sched-stats.rst: run, wait, slices)."""
        waited = 0
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread may have ended since it was listed
                waited += int((task / "schedstat").read_text().split()[1])
        return waited / 1e9

    def _spent_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


async def serve(answer: Callable[[str, Json], Awaitable[Json | None]]) -> None:
    """Answer what is asked on standard input until it ends; in the child."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    output = os.fdopen(os.dup(1), "w", buffering=1)
    with output:
        output.write("{}\n")
        while line := await reader.readline():
            request: Json = json.loads(line)
            output.write(json.dumps(await answer(request.pop("do"), request) or {}) + "\n")
