"""Makes each kind of fault, undoes it, and says whether it has hit anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil
import trustme
from tests.chaos.lab import SqlFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from tests.chaos.lab import Lab
    from tests.chaos.proxy import Proxy
    from tests.chaos.schedule import Fault
    from tests.e2e.bridge import Bridge
    from tests.e2e.broker import Broker

_SLOW_S = 5.0
_MEMORY_ONLY, _ON_DISK_AGAIN = "events are kept in memory only", "can be written again"
DUE_TO_A_FULL_DISK = (_MEMORY_ONLY, "what was kept in memory since the disk failed is lost")
"""What the bridge has to complain of as an error when the disk is full."""
_MAY_CHANGE_PER_FULL_DISK = 2  # the disk is tried again after 5 s, and may fail once more


class Disk:
    """A data directory on a small tmpfs of its own, which can be filled up."""

    def __init__(self, folder: Path, size: str = "6m") -> None:
        self.folder = folder
        self._size = size

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self._size},mode=0750", "tmpfs", self.folder], check=True)
        return self

    def __exit__(self, *_exc: object) -> None:
        subprocess.run(["umount", "-l", self.folder], check=True)

    def fill(self) -> int:
        """Leave no byte free; return how many were."""
        ballast = self.folder / "ballast"
        written = 0
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                written += file.write(b"\0" * 4096)
        return written

    def empty(self) -> None:
        """Take the ballast away."""
        (self.folder / "ballast").unlink(missing_ok=True)

    @property
    def is_full(self) -> bool:
        """Whether it was filled and not emptied."""
        return (self.folder / "ballast").exists()


class Faults:
    """The parts, and what can happen to each.

    `crashes` are ends of the bridge that nobody has asked for. `full` are the moments (monotonic) after which the bridge may
    begin another epoch for want of a disk, `forgotten` those at which it was ended while it had no disk, `ended` all at
    which it was ended, `broker_killed` those at which the broker was.
    """

    def __init__(
        self,
        *,
        lab: Lab,
        broker: Broker,
        bridge: Bridge,
        to_web: Proxy,
        to_broker: Proxy,
        disk: Disk,
        clock: Path | None,
        strange: ssl.SSLContext,
    ) -> None:
        self.lab, self.broker, self.bridge = lab, broker, bridge
        self.to_web, self.to_broker = to_web, to_broker
        self._disk, self._clock, self._strange = disk, clock, strange
        self.crashes: list[str] = []
        self.ended: list[float] = []
        self.broker_killed: list[float] = []
        self.full: list[float] = []
        self.forgotten: list[float] = []
        self._makers: dict[str, Callable[[Fault], Awaitable[bool]]] = {
            "bridge-kill": lambda fault: self._restart_bridge(fault, signal.SIGKILL),
            "bridge-end": lambda fault: self._restart_bridge(fault, signal.SIGTERM),
            "bridge-stop": self._freeze_bridge,
            "broker-kill": self._kill_broker,
            "broker-stop": lambda fault: self._freeze(fault, _by_id(self.broker.program.pid), self.to_broker),
            "database-kill": lambda fault: self._kill(fault, "mariadb"),
            "database-stop": lambda fault: self._freeze(fault, lab.processes("mariadbd"), to_web),
            "web-kill": lambda fault: self._kill(fault, "apache"),
            "web-stop": lambda fault: self._freeze(fault, lab.processes("apache2"), to_web),
            "capture-kill": self._kill_capture,
            "capture-stop": lambda fault: self._freeze(fault, lab.processes("zmc", str(fault.value))),
            "web-401": self._refuse,
            "web-token": self._revoke,
            "web-certificate": self._swap_certificate,
            "disk-full": self._fill,
            "clock-jump": self._jump,
        }

    async def make(self, fault: Fault) -> bool:
        """Make the fault, wait as long as it lasts, undo it; return whether it had an effect."""
        maker = self._makers.get(fault.kind)
        if maker is not None:
            return await maker(fault)
        proxy = self.to_web if fault.part == "to web" else self.to_broker
        before = proxy.hits
        await self._weather(fault, proxy, fault.kind.partition("-")[2])
        return proxy.hits > before

    def is_bridge_running(self, when: str) -> bool:
        """Say whether it is; that it is not is a crash."""
        is_running = self.bridge.program.is_running
        if not is_running:
            self.crashes.append(f"{when}: the bridge had ended by itself:\n{self.bridge.program.tail(15)}")
        return is_running

    async def stop_bridge(self, when: str, with_signal: signal.Signals) -> None:
        """End the bridge; that it does not end, or not well, is a crash too."""
        pid = self.bridge.program.pid
        try:
            await self.bridge.stop(with_signal)
        except AssertionError as error:
            self.crashes.append(f"{when}: {error}")
        self.ended.append(time.monotonic())
        said = self.bridge.log
        if said.rfind(_MEMORY_ONLY) > said.rfind(_ON_DISK_AGAIN):
            self.forgotten.append(time.monotonic())
        _tidy_up_after_faketime(pid)

    async def start_bridge(self) -> None:
        """Start the bridge; on a full disk it begins another epoch."""
        if self._disk.is_full:
            self.full.append(time.monotonic())
        await self.bridge.start()

    async def _weather(self, fault: Fault, proxy: Proxy, kind: str) -> None:
        match kind:
            case "reset":
                proxy.reset()
                await asyncio.sleep(fault.lasts)
                if fault.lasts:
                    proxy.reset()
            case "black-hole":
                with proxy.black_hole():
                    await asyncio.sleep(fault.lasts)
            case "half-open":
                with proxy.half_open():
                    await asyncio.sleep(fault.lasts)
            case "delay":
                with proxy.delay(_SLOW_S):
                    await asyncio.sleep(fault.lasts)
            case "trickle":
                proxy.trickles = True
                await asyncio.sleep(fault.lasts)
                proxy.trickles = False
            case _:
                raise AssertionError(f"nobody makes {fault.kind}")

    async def _restart_bridge(self, fault: Fault, with_signal: signal.Signals) -> bool:
        was_running = self.is_bridge_running(f"before {fault}")
        await self.stop_bridge(str(fault), with_signal)
        await asyncio.sleep(fault.lasts)
        await self.start_bridge()
        return was_running

    async def _freeze_bridge(self, fault: Fault) -> bool:
        return self.is_bridge_running(f"before {fault}") and await self._freeze(fault, _by_id(self.bridge.program.pid))

    async def _kill_broker(self, fault: Fault) -> bool:
        was_connected = self.to_broker.is_used
        await self.broker.program.stop(signal.SIGKILL)
        self.broker_killed.append(time.monotonic())
        await asyncio.sleep(fault.lasts)
        await self.broker.start()
        return was_connected

    async def _freeze(self, fault: Fault, processes: Iterable[psutil.Process], way: Proxy | None = None) -> bool:
        """Stop processes for a while. What the bridge reaches by `way` is hurt only if it was asked for something."""
        frozen = []
        before = way.asked if way else 0
        try:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
                    frozen.append(process)
            await asyncio.sleep(fault.lasts)
        finally:
            for process in frozen:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
        return bool(frozen) and (way is None or way.asked > before)

    async def _kill(self, fault: Fault, part: str) -> bool:
        before = self.to_web.asked
        count = await self.lab.kill(part)
        await asyncio.sleep(fault.lasts)
        await self.lab.start(part)
        return count > 0 and self.to_web.asked > before

    async def _kill_capture(self, fault: Fault) -> bool:
        """Kill a camera's daemon; until the next one has written pictures, memory shows the dead one as if it lived."""
        found = self.lab.processes("zmc", str(fault.value))
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        await self.lab.until_captured_after(time.time(), fault.value)
        return bool(found)

    async def _refuse(self, fault: Fault) -> bool:
        before = self.to_web.hits
        self.to_web.answers_401 = True
        await asyncio.sleep(fault.lasts)
        self.to_web.answers_401 = False
        return self.to_web.hits > before

    async def _revoke(self, _fault: Fault) -> bool:
        """Revoke all tokens of before; the bridge must be seen to be told so."""
        before = self.to_web.unauthorised
        try:
            await self.lab.sql("UPDATE Users SET TokenMinExpiry=UNIX_TIMESTAMP() WHERE Username='admin'")
        except SqlFailed:
            return False
        for _ in range(60):
            if self.to_web.unauthorised > before:
                return True
            await asyncio.sleep(0.1)
        return False

    async def _swap_certificate(self, fault: Fault) -> bool:
        before = self.bridge.log.count("can't be trusted")
        async with self.to_web.certificate(self._strange):
            await asyncio.sleep(fault.lasts)
        return self.bridge.log.count("can't be trusted") > before

    async def _fill(self, fault: Fault) -> bool:
        before = self.bridge.log.count(_MEMORY_ONLY)
        self.full += [time.monotonic()] * _MAY_CHANGE_PER_FULL_DISK
        try:
            self._disk.fill()
            await asyncio.sleep(fault.lasts)
        finally:
            self._disk.empty()
        return self.bridge.log.count(_MEMORY_ONLY) > before

    async def _jump(self, fault: Fault) -> bool:
        """Set the bridge's clock, and set it right again; faketime's library looks into the file once a second."""
        if self._clock is None or not _has_faketime(self.bridge.program.pid):
            return False
        self._clock.write_text(f"{fault.value:+d}\n")
        await asyncio.sleep(fault.lasts + 1)
        self._clock.write_text("+0\n")
        await asyncio.sleep(1)
        return True


def _by_id(pid: int) -> list[psutil.Process]:
    """Return that process; nothing if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [psutil.Process(pid)]
    return []


def _has_faketime(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return "libfaketime" in Path(f"/proc/{pid}/maps").read_text()
    return False


def _tidy_up_after_faketime(pid: int) -> None:
    """Remove what its library leaves of a process that was killed."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        (Path("/dev/shm") / name).unlink(missing_ok=True)  # noqa: S108 - where POSIX shared memory is


def strange_and_true(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext, Path]:
    """Return a certificate that the bridge does not know, one that it does, and the file of that one's authority."""
    contexts = []
    authority = folder / "authority.pem"
    for _ in range(2):
        ca = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1").configure_cert(context)
        contexts.append(context)
        ca.cert_pem.write_to_path(str(authority))
    return contexts[0], contexts[1], authority
