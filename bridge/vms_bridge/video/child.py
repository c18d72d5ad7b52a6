"""The bridge's side of a child: starts one with a job, reads what it gives no faster than that is used, and ends it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from vms_bridge.children import ChildProcess
from vms_bridge.errors import MediaUnavailable, VideoFailed
from vms_bridge.video import jobs
from vms_bridge.video.wire import HEADER, MOST_FRAME_BYTES, Frame, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.video.jobs import Job

WORKER = (sys.executable, "-P", "-m", "vms_bridge.video.worker")


def can_read_video() -> bool:
    """Say whether there is something that can read video."""
    return find_spec("av") is not None


def need_video() -> None:
    """Raise MediaUnavailable where there is nothing that could read video."""
    if not can_read_video():
        raise MediaUnavailable(
            "this bridge was installed without what reads video", hint="install it as `vms-bridge[video]`, and restart it"
        )


class Child:
    """One child at work; `close` it, however it has ended."""

    def __init__(self, process: ChildProcess, what: str) -> None:
        self._process, self._what = process, what
        self._failure: dict[str, str] | None = None

    @classmethod
    async def start(cls, job: Job, clock: Clock, *, program: Sequence[str] = WORKER) -> Self:
        """Start a child and give it its job. Raises VideoFailed."""
        what = f"the process for video ({job.kind})"
        environment = {"MALLOC_ARENA_MAX": "1"}
        try:
            process = await ChildProcess.start(program, what, clock, secrets=job.secrets, environment=environment)
        except OSError as error:
            raise VideoFailed(f"no process for video could be started: {error.strerror}") from None
        child = cls(process, what)
        try:
            await child.feed(jobs.encode(job))
        except BaseException:
            await child.close()
            raise
        return child

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    async def feed(self, data: bytes) -> None:
        """Give it something on its standard input, no faster than it takes it; what a dead one is given is lost."""
        await self._process.feed(data)

    def end_of_feed(self) -> None:
        """Say that nothing more is coming."""
        self._process.end_of_feed()

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Yield what it gives, until it has done its job. Raises VideoFailed if it ends before, however it does."""
        while True:
            try:
                frame = await _frame(self._process.output)
            except asyncio.IncompleteReadError as error:
                is_whole = not error.partial
                break
            if frame is None:
                await self._process.end(signal.SIGKILL)
                raise VideoFailed(f"{self._what} gave what is no video")
            if frame.kind is Kind.FAILURE:
                self._failure = _failure(frame.content)
            else:
                yield frame
        code = await self._process.wait()
        if code != 0 or not is_whole or self._failure is not None:
            raise self._why()

    async def close(self) -> None:
        """End it, if it has not ended, and let go of all of it. Who reads `frames` has ended that before."""
        await self._process.close()

    def _why(self) -> VideoFailed:
        if self._failure is not None:
            shown = self._process.shown
            return VideoFailed(shown(self._failure["message"]), hint=shown(self._failure["hint"]))
        return VideoFailed(self._process.how())


async def _frame(stream: asyncio.StreamReader) -> Frame | None:
    """Return the next frame, None for what is none. Raises IncompleteReadError at the end."""
    kind, length = HEADER.unpack(await stream.readexactly(HEADER.size))
    if length > MOST_FRAME_BYTES:
        return None
    try:
        known = Kind(kind)
    except ValueError:
        return None
    return Frame(known, await stream.readexactly(length))


def _failure(content: bytes) -> dict[str, str]:
    try:
        said = json.loads(content)
        return {"message": str(said["message"]), "hint": str(said["hint"])}
    except (ValueError, KeyError, TypeError):
        return {"message": "it failed, and did not say why", "hint": ""}
