"""The bridge's side of a child: starts one with a job, reads what it gives no faster than that is used, and ends it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from vms_bridge.concealment import Secrets
from vms_bridge.errors import MediaUnavailable, VideoFailed
from vms_bridge.video import jobs
from vms_bridge.video.wire import HEADER, MOST_FRAME_BYTES, Frame, Kind

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncGenerator, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.video.jobs import Job

WORKER = (sys.executable, "-P", "-m", "vms_bridge.video.worker")
GRACE_S = 1.0
"""How long a child may take to end by itself when it is asked to."""
_BUFFER_BYTES = 256 * 1024
_MOST_SAID_BYTES = 16 * 1024
_LONGEST = 300
_KEPT = ("PATH", "PYTHONPATH", "TZ", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")
"""What a child gets of the environment; the rest may hold secrets."""


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

    def __init__(self, process: Process, job: Job, clock: Clock) -> None:
        self._process, self._clock = process, clock
        self._what = f"the process for video ({job.kind})"
        self._secrets = Secrets(job.secrets)
        self._failure: dict[str, str] | None = None
        self._said = b""
        self._listening = asyncio.create_task(self._listen(), name=f"video: {job.kind} {process.pid}")

    @classmethod
    async def start(cls, job: Job, clock: Clock, *, program: Sequence[str] = WORKER) -> Self:
        """Start a child and give it its job. Raises VideoFailed."""
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *program,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_BUFFER_BYTES,
                env=environment | {"MALLOC_ARENA_MAX": "1"},
                start_new_session=True,  # whoever stops the bridge by the keyboard does not mean its children first
            )
        except OSError as error:
            raise VideoFailed(f"no process for video could be started: {error.strerror}") from None
        child = cls(process, job, clock)
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
        to_child = self._process.stdin
        assert to_child is not None  # noqa: S101 - it was started with a pipe
        with suppress(BrokenPipeError, ConnectionResetError):
            to_child.write(data)
            await to_child.drain()

    def end_of_feed(self) -> None:
        """Say that nothing more is coming."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def frames(self) -> AsyncGenerator[Frame, None]:
        """Yield what it gives, until it has done its job. Raises VideoFailed if it ends before, however it does."""
        from_child = self._process.stdout
        assert from_child is not None  # noqa: S101 - it was started with a pipe
        while True:
            try:
                frame = await _frame(from_child)
            except asyncio.IncompleteReadError as error:
                is_whole = not error.partial
                break
            if frame is None:
                await self._end(with_signal=signal.SIGKILL)
                raise VideoFailed(f"{self._what} gave what is no video")
            if frame.kind is Kind.FAILURE:
                self._failure = _failure(frame.content)
            else:
                yield frame
        await self._process.wait()
        await self._listening
        if self._process.returncode != 0 or not is_whole or self._failure is not None:
            raise self._why()

    async def close(self) -> None:
        """End it, if it has not ended, and let go of all of it. Who reads `frames` has ended that before."""
        await self._end(with_signal=signal.SIGTERM)
        await self._listening

    async def _end(self, with_signal: signal.Signals) -> None:
        self.end_of_feed()
        try:
            with suppress(TimeoutError):
                async with self._clock.timeout(GRACE_S):
                    await self._ended(with_signal)
        finally:
            await self._ended(signal.SIGKILL)

    async def _ended(self, with_signal: signal.Signals) -> None:
        """Have it end; what it has still given goes, for an end shows when all is read."""
        process = self._process
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(with_signal)
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        while await process.stdout.read(_BUFFER_BYTES):
            pass
        await process.wait()

    async def _listen(self) -> None:
        """Keep the end of what it says on its standard error."""
        stderr = self._process.stderr
        assert stderr is not None  # noqa: S101 - it was started with a pipe
        while said := await stderr.read(_MOST_SAID_BYTES):
            self._said = (self._said + said)[-_MOST_SAID_BYTES:]

    def _why(self) -> VideoFailed:
        if self._failure is not None:
            return VideoFailed(self._shown(self._failure["message"]), hint=self._shown(self._failure["hint"]))
        code = self._process.returncode
        if code == -signal.SIGXCPU:
            return VideoFailed(f"{self._what} took more of the processor than it may have")
        how = f"was ended by {_named(-code)}" if code is not None and code < 0 else f"has failed ({code})"
        lines = self._said.decode(errors="replace").strip().splitlines()
        last = f"; it said last: {self._shown(lines[-1])}" if lines else ""
        return VideoFailed(f"{self._what} {how}{last}")

    def _shown(self, text: str) -> str:
        shown = self._secrets.strike_foreign(text)
        return "".join(letter if letter.isprintable() else " " for letter in shown)[:_LONGEST]


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


def _named(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
