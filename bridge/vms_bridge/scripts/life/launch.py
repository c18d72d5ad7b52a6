"""Starts the process of a worker: with nothing of the bridge's but one end of a socket pair and two pipes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.scripts.life.channel import Channel
from vms_bridge.scripts.life.meter import Meter
from vms_bridge.scripts.life.pace import Pace

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Mapping, Sequence

    from vms_bridge.clock import Clock

FOLDER = str(Path(__file__).parents[3])
"""The folder above `vms_bridge`, from which the worker loads its part of it."""
_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); from vms_bridge.scripts.worker.main import main; sys.exit(main(int(sys.argv[2])))"
)
WORKER = (sys.executable, "-I", "-S", "-c", _BOOT, FOLDER)
"""What is started; the number of the socket's descriptor is put behind it."""
_KEPT = ("LD_LIBRARY_PATH",)
"""What a worker gets of the environment: what Python itself may need to start."""
_CHUNK = 8 * 1024
_RATE, _BURST = 64 * 1024.0, 256 * 1024.0
"""How many bytes are read in a second, and at once."""
_LONGEST_LINE = 8 * 1024


class Launched:
    """A process that has been started, its socket, and what it writes to its two standard files."""

    def __init__(
        self,
        process: Process,
        channel: Channel,
        output: asyncio.StreamReader,
        errors: asyncio.StreamReader,
        *,
        meter: Meter,
        pipes: ExitStack,
    ) -> None:
        self._process, self._pipes = process, pipes
        self.channel, self.output, self.errors, self.meter = channel, output, errors, meter

    @property
    def pid(self) -> int:
        """Its process number, and that of its session and group."""
        return self._process.pid

    async def wait(self) -> int:
        """Wait for its end; returns its exit code. None of its pipes holds this up: a child of it might keep them open."""
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and whatever it has started, as it can where there is no sandbox."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Let go of what is open, once it has ended."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what it has started and left behind
        self.channel.close()
        self.meter.close()
        self._pipes.close()


async def launch(program: Sequence[str], clock: Clock) -> Launched:
    """Start it. Raises OSError."""
    with ExitStack() as on_failure:
        ours, theirs = socket.socketpair()
        on_failure.callback(ours.close)
        ours.setblocking(False)
        with theirs, ExitStack() as their_ends:
            pipes = ExitStack()
            on_failure.push(pipes)
            output, output_end = await _pipe(pipes, their_ends)
            errors, errors_end = await _pipe(pipes, their_ends)
            process = await asyncio.create_subprocess_exec(
                *program,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output_end,
                stderr=errors_end,
                env=_environment(),
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        meter = Meter(process.pid)
        try:
            channel = await Channel.open(ours, clock)
            await meter.open(clock)
        except BaseException:
            meter.close()
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        on_failure.pop_all()
        return Launched(process, channel, output, errors, meter=meter, pipes=pipes)


async def lines(stream: asyncio.StreamReader, clock: Clock) -> AsyncIterator[str]:
    """Yield what is written there, line by line, so much in a second; a long line comes in pieces."""
    pace = Pace(clock, rate=_RATE, burst=_BURST)
    rest = b""
    while chunk := await stream.read(_CHUNK):
        await pace.pay(len(chunk))
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
        if len(rest) > _LONGEST_LINE:
            yield rest.decode(errors="replace")
            rest = b""
    if rest:
        yield rest.decode(errors="replace")


def _environment() -> Mapping[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


async def _pipe(ours: ExitStack, theirs: ExitStack) -> tuple[asyncio.StreamReader, int]:
    """Make a pipe; returns our end as a stream, and theirs, which is closed with `theirs`."""
    read_end, write_end = os.pipe()
    theirs.callback(os.close, write_end)
    file = os.fdopen(read_end, "rb", buffering=0)
    ours.callback(file.close)
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), file)
    ours.callback(transport.close)
    return stream, write_end
