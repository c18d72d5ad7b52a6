"""The demo's broker: mosquitto where it is installed, with a configuration of its own, else the embedded one."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.demo.broker import Broker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.clock import Clock

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 10.0
_MORE_PATHS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
_CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 10000
set_tcp_nodelay true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the demo's broker is, and which one it is."""

    port: int
    what: str

    @property
    def url(self) -> str:
        """Its address as the configuration writes it."""
        return f"mqtt://127.0.0.1:{self.port}"


def find_mosquitto() -> Path | None:
    """Return where mosquitto is installed; Debian keeps it where a user's PATH does not lead."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_MORE_PATHS))
    found = shutil.which("mosquitto", path=path)
    return Path(found) if found else None


def free_port(wanted: int) -> int:
    """Return the wanted port of 127.0.0.1 if it is free, else one that is."""
    for port in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier demo do not count
            probe.bind(("127.0.0.1", port))
            number: int = probe.getsockname()[1]
            return number
    raise OSError("there is no free port on 127.0.0.1")


@asynccontextmanager
async def serving_broker(
    mosquitto: Path | None, directory: Path, port: int, clock: Clock, *, patience_s: float = _PATIENCE_S
) -> AsyncIterator[BrokerAddress]:
    """Serve MQTT on the port, or on another if it is taken.

    `directory` takes mosquitto's configuration; `patience_s` is how long it may take to start, and to stop.
    """
    process = await _start_mosquitto(mosquitto, directory, port, clock, patience_s) if mosquitto is not None else None
    if process is None:
        async with _embedded(port) as broker:
            yield BrokerAddress(port=broker.port, what="embedded broker, for demo and tests only")
        return
    draining = asyncio.create_task(_drain(process), name="mosquitto's log")
    try:
        yield BrokerAddress(port=port, what="mosquitto")
    finally:
        await _stop(process, clock, patience_s, draining)


@asynccontextmanager
async def _embedded(port: int) -> AsyncIterator[Broker]:
    broker = Broker(port=port)
    try:
        await broker.__aenter__()
    except OSError:  # somebody has taken the port since our check
        broker = Broker()
        await broker.__aenter__()
    try:
        yield broker
    finally:
        await broker.__aexit__(None, None, None)


async def _start_mosquitto(
    binary: Path, directory: Path, port: int, clock: Clock, patience_s: float
) -> asyncio.subprocess.Process | None:
    """Return mosquitto once it serves, None if it does not."""
    file = directory / "mosquitto.conf"
    await asyncio.to_thread(file.write_text, _CONFIGURATION.format(port=port), "utf-8")
    try:
        process = await asyncio.create_subprocess_exec(
            str(binary),
            "-c",
            str(file),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the demo, which says goodbye to its broker and then stops it
        )
    except OSError as error:
        _LOG.warning("%s can't be started (%s); the embedded broker takes its place", binary, error)
        return None
    try:
        async with clock.timeout(patience_s):
            last = await _until_running(process)
    except TimeoutError:
        last = "it did not say in time that it runs"
    if last is None:
        return process
    await _stop(process, clock, patience_s, asyncio.create_task(_drain(process), name="mosquitto's log"))
    _LOG.warning("mosquitto did not start (%s); the embedded broker takes its place", last)
    return None


async def _until_running(process: asyncio.subprocess.Process) -> str | None:
    """Read mosquitto's log until it serves; return its last line if it ends instead."""
    assert process.stderr is not None  # noqa: S101  # it was opened as a pipe
    last = "it said nothing"
    while line := await process.stderr.readline():
        last = line.decode(errors="replace").strip()
        if last.endswith("running"):
            return None
    return last


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Keep the pipe empty, else mosquitto would stall."""
    assert process.stderr is not None  # noqa: S101  # it was opened as a pipe
    while await process.stderr.read(65_536):
        pass


async def _stop(process: asyncio.subprocess.Process, clock: Clock, patience_s: float, draining: asyncio.Task[None]) -> None:
    """End the process and what it has started, and read its log to the end: only then is the pipe to it closed."""
    try:
        with suppress(ProcessLookupError):
            process.terminate()
        if not await _ended(process, clock, patience_s):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it leads a session of its own
            await process.wait()
        async with clock.timeout(patience_s):
            await draining
    except TimeoutError:
        _LOG.debug("somebody keeps mosquitto's log open")
    finally:
        draining.cancel()


async def _ended(process: asyncio.subprocess.Process, clock: Clock, patience_s: float) -> bool:
    try:
        async with clock.timeout(patience_s):
            await process.wait()
    except TimeoutError:
        return False
    return True
