"""Real programs as child processes: started, watched, ended one by one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STOP_WITHIN_S = 20.0


def free_ports(count: int) -> list[int]:
    """Return ports on loopback that nobody uses at the moment, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


async def listening(port: int, within: float = 10.0) -> None:
    """Wait until something accepts connections there."""
    async with asyncio.timeout(within):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)  # a port has no event to wait for
            else:
                writer.close()
                return


class Program:
    """One program; what it says goes to `log`, over all its starts."""

    def __init__(self, name: str, log: Path) -> None:
        self.name, self.log = name, log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process number of the running program."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process.pid

    async def start(self, *command: str | Path, environment: Mapping[str, str] | None = None) -> None:
        """Start it in a session of its own."""
        assert not self.is_running, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | dict(environment or {}),
                start_new_session=True,
            )

    async def wait(self, within: float = STOP_WITHIN_S) -> int:
        """Return its exit code once it has ended by itself."""
        assert self._process is not None, f"{self.name} was never started"
        async with asyncio.timeout(within):
            return await self._process.wait()

    async def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int | None:
        """End it and return its exit code; kill it if it does not end by itself."""
        if self._process is None:
            return None
        if self.is_running:
            self._process.send_signal(with_signal)
        try:
            return await self.wait()
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            raise AssertionError(
                f"{self.name} did not end within {STOP_WITHIN_S:g} s of {with_signal.name}:\n{self.tail()}"
            ) from None

    def tail(self, lines: int = 40) -> str:
        """Return the end of what it said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""
