"""Processes that the bridge starts to do what may fail or be attacked: how one is started, listened to, and ended."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from vms_bridge.concealment import Secrets

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Iterable, Mapping, Sequence

    from vms_bridge.clock import Clock

GRACE_S = 1.0
"""How long a child may take to end by itself when it is asked to."""
_BUFFER_BYTES = 256 * 1024
_MOST_SAID_BYTES = 16 * 1024
_LONGEST = 300
_KEPT = ("PATH", "PYTHONPATH", "TZ", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")
"""What a child gets of the environment; the rest may hold secrets."""


class ChildProcess:
    """A process with pipes to its three standard files; `close` it, however it has ended. `what` names it in errors."""

    def __init__(self, process: Process, what: str, clock: Clock, secrets: Iterable[str]) -> None:
        self._process, self._clock = process, clock
        self._what = what
        self._secrets = Secrets(secrets)
        self._said = b""
        self._listening = asyncio.create_task(self._listen(), name=f"{what}: {process.pid}")

    @classmethod
    async def start(
        cls,
        program: Sequence[str],
        what: str,
        clock: Clock,
        *,
        secrets: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
        files: Sequence[int] = (),
    ) -> Self:
        """Start it, with these variables beside those that every child gets, and these open files. Raises OSError."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_BUFFER_BYTES,
            env={**kept, **(environment or {})},
            pass_fds=files,
            start_new_session=True,  # whoever stops the bridge by the keyboard does not mean its children first
        )
        return cls(process, what, clock, secrets)

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, negative for a signal; None while it is at work."""
        return self._process.returncode

    @property
    def output(self) -> asyncio.StreamReader:
        """What it writes to its standard output."""
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - it was started with a pipe
        return stream

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

    async def wait(self) -> int:
        """Wait for its end, and for the last that it says; returns its exit code."""
        code = await self._process.wait()
        await self._listening
        return code

    async def end(self, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """Have it end: by that signal first, and soon by one that it can't ignore."""
        self.end_of_feed()
        try:
            with suppress(TimeoutError):
                async with self._clock.timeout(GRACE_S):
                    await self._ended(with_signal)
        finally:
            await self._ended(signal.SIGKILL)

    async def close(self) -> None:
        """End it, if it has not ended, and let go of all of it. Who reads its output has ended that before."""
        await self.end()
        await self._listening

    def how(self) -> str:
        """Say how it has ended, and what it said last."""
        code = self._process.returncode
        if code == -signal.SIGXCPU:
            return f"{self._what} took more of the processor than it may have"
        how = f"was ended by {_named(-code)}" if code is not None and code < 0 else f"has failed ({code})"
        lines = self._said.decode(errors="replace").strip().splitlines()
        last = f"; it said last: {self.shown(lines[-1])}" if lines else ""
        return f"{self._what} {how}{last}"

    def shown(self, text: str) -> str:
        """Return what it says as it may be shown: without its secrets, in one line, and not long."""
        shown = self._secrets.strike_foreign(text)
        return "".join(letter if letter.isprintable() else " " for letter in shown)[:_LONGEST]

    async def _ended(self, with_signal: signal.Signals) -> None:
        """Have it end; what it has still given goes, for an end shows when all is read."""
        process = self._process
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(with_signal)
        while await self.output.read(_BUFFER_BYTES):
            pass
        await process.wait()

    async def _listen(self) -> None:
        """Keep the end of what it says on its standard error."""
        stderr = self._process.stderr
        assert stderr is not None  # noqa: S101 - it was started with a pipe
        while said := await stderr.read(_MOST_SAID_BYTES):
            self._said = (self._said + said)[-_MOST_SAID_BYTES:]


def _named(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
