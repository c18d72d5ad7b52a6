"""A real ZoneMinder to be hurt: its processes, its database, its shared memory, read without the bridge's code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil
from tests.chaos.checker import Row
from tests.e2e import zoneminder
from tests.e2e.broker import mosquitto_path
from tests.e2e.zoneminder import ZoneMinder

if TYPE_CHECKING:
    from collections.abc import Sequence

CAMERAS = (1, 2, 3)
PAPER = (11, 12, 13, 14)
"""Monitors without a daemon, whose rows the traffic writes itself. WebSite: ZoneMinder's own daemons pass them over."""
PARTNER = 15
"""Another, for rows that become visible before one with a lower id."""
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
_SOCKET = "/srv/zm-lab/run/mysqld.sock"
_SQL_S = 4.0
_HANDOVER_S = 3.0
_REACHABLE_LOOK_S = 0.25
_LOOKS_TO_REVIVAL = 32
_DEAD_S = 5.0
_OUR_MISTAKE = re.compile(r"ERROR (1054|1064|1146|1364) ")
_SHM = {760: (12, 32, 68, 70, 88, 104), 768: (16, 40, 76, 78, 96, 112)}
"""By sizeof(SharedData): where state, last_event, valid, signal, startup_time, last_write_time are (src/zm_monitor.h)."""
_TRIGGER_CANCEL, _TRIGGER_ON, _TRIGGER_OFF = range(3)
_STATES = {0: None, 1: "idle", 2: "prealarm", 3: "alarm", 4: "alert", 5: "idle"}


@dataclass(frozen=True, slots=True)
class Memory:
    """What zmc says in shared memory."""

    alarm: str | None
    startup: float
    last_write: float
    has_signal: bool
    is_forced: bool | None = None
    """Whether an alarm is forced on; False: forced off; None: neither."""


class SqlFailed(Exception):
    """The database did not answer, or said no."""


class Lab(ZoneMinder):
    """The end-to-end lab's ZoneMinder, from a tree of its own so that both can run at once."""

    def __init__(self) -> None:
        base = Path(
            os.environ.get("VMS_BRIDGE_LAB")
            or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vms-bridge-lab"
        )
        self._trees = (base, base / "chaos")
        super().__init__({"VMS_BRIDGE_LAB": str(base / "chaos"), "ZM_SHM": "/dev/shm/vms-bridge-chaos"})  # noqa: S108 - tmpfs wanted

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._copy_tree)
        await super().__aenter__()
        self._lab_process = psutil.Process(self.pid)
        await self.sql("".join(_PAPER_MONITOR.format(id=number) for number in (*PAPER, PARTNER)) + _MODE_LOG)
        return self

    async def sql(self, statements: str, *, within: float = _SQL_S) -> list[list[str]]:
        """Run SQL with ZoneMinder's own client and return the rows. Raises SqlFailed."""
        process = await asyncio.create_subprocess_exec(
            "chroot", self.root, "mariadb", "--no-defaults", f"--socket={_SOCKET}", "-u", "root", "zm", "-NBe", statements,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(within):
                out, err = await process.communicate()
        except TimeoutError:
            raise SqlFailed("no answer") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            text = err.decode(errors="replace").strip()
            assert not _OUR_MISTAKE.search(text), text
            raise SqlFailed(text)
        return [line.split("\t") for line in out.decode().splitlines()]

    async def rows(self, above: int = 0) -> list[Row]:
        """Return the event table. Raises SqlFailed."""
        found = await self.sql(f"SELECT Id, MonitorId, StartDateTime, EndDateTime FROM Events WHERE Id > {above} ORDER BY Id")
        return [
            Row(int(id_), int(monitor), _time(start), None if end == "NULL" else _time(end)) for id_, monitor, start, end in found
        ]

    async def functions(self) -> dict[int, str]:
        """Return every monitor's Function. Raises SqlFailed."""
        return {int(number): function for number, function in await self.sql("SELECT Id, Function FROM Monitors")}

    async def mode_log(self) -> list[tuple[float, int | None, str]]:
        """Return when which monitor got which Function (None: the system its run state), as Unix times. Raises SqlFailed."""
        found = await self.sql("SELECT UNIX_TIMESTAMP(At), MonitorId, Value FROM ChaosModes ORDER BY Id")
        return [(float(at), None if monitor == "NULL" else int(monitor), value) for at, monitor, value in found]

    def memory(self, monitor: int) -> Memory | None:
        """Read a camera's shared memory; None while there is none that counts."""
        try:
            with (Path(self.shared_memory) / f"zm.mmap.{monitor}").open("rb") as file:
                data = file.read(1024)
            size = struct.unpack_from("I", data)[0]
            state, _, valid, has_signal, startup, last_write = _SHM[size]
            if not data[valid]:
                return None
            trigger = struct.unpack_from("I", data, size + 4)[0]
            return Memory(
                _STATES.get(struct.unpack_from("I", data, state)[0]),
                struct.unpack_from("q", data, startup)[0],
                struct.unpack_from("q", data, last_write)[0],
                bool(data[has_signal]),
                {_TRIGGER_ON: True, _TRIGGER_OFF: False}.get(trigger),
            )
        except (OSError, KeyError, struct.error, IndexError):
            return None

    async def until_captured_after(self, moment: float, monitor: int) -> None:
        """Wait until a capture daemon has written pictures after that moment of the wall clock."""
        while (memory := self.memory(monitor)) is None or memory.last_write <= moment:  # noqa: ASYNC110 - another program
            await asyncio.sleep(0.1)

    def processes(self, name: str, *words: str) -> list[psutil.Process]:
        """Return the lab's processes of that name with these words in their command."""
        found = []
        for process in self._lab_process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.name() == name and set(words) <= set(process.cmdline()):
                    found.append(process)
        return found

    async def kill(self, part: str) -> int:
        """SIGKILL `mariadb` or `apache` as a whole; return how many processes that was."""
        (self.root / "srv/zm-lab/run" / f"{part}.stopped").touch()  # or the lab would end itself
        processes = self.processes({"mariadb": "mariadbd", "apache": "apache2"}[part])
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for _ in range(100):
            if not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
                break
            await asyncio.sleep(0.05)
        return len(processes)

    async def reachable(self) -> None:
        """Wait until database, web server and capture daemons work, each asked directly."""
        looks = 0
        while not await self._answers():
            await asyncio.sleep(_REACHABLE_LOOK_S)
            looks += 1
            if looks % _LOOKS_TO_REVIVAL == 0:
                await self._revive()

    async def force(self, monitor: int, *, on: bool) -> bool:
        """Force an alarm past the bridge, or cancel it; say whether ZoneMinder took it."""
        try:
            async with asyncio.timeout(8):
                await self.force_alarm(monitor, on=on)
        except Exception:  # noqa: BLE001 - a ZoneMinder that is being hurt fails in every way
            self._token = ""
            return False
        return True

    async def set_function(self, monitor: int, function: str) -> bool:
        """Give a camera another mode by the API; say whether ZoneMinder took it."""
        try:
            async with asyncio.timeout(8):
                await self.edit(monitor, Function=function)
        except Exception:  # noqa: BLE001 - the same
            self._token = ""
            return False
        return True

    async def _revive(self) -> None:
        """Start what a web server that was killed in the middle of an edit has left stopped: ZoneMinder does not for minutes."""
        for camera in CAMERAS:
            memory = self.memory(camera)
            if memory is None or time.time() - memory.last_write > _DEAD_S:
                with suppress(Exception):
                    async with asyncio.timeout(8):
                        await self.api("GET", f"monitors/daemonControl/{camera}/restart.json")

    async def _answers(self) -> bool:
        now = time.time()
        for camera in CAMERAS:
            memory = self.memory(camera)
            if memory is None or not memory.has_signal or now - memory.last_write > 2:
                return False
        try:
            await self.sql("SELECT 1")
            async with asyncio.timeout(3):
                await self.api("GET", "events/index/Id%20>:0.json?limit=1&page=1")
        except Exception:  # noqa: BLE001 - the same
            self._token = ""
            return False
        return True

    def _copy_tree(self) -> None:
        origin, own = (tree / "zoneminder-bookworm" for tree in self._trees)
        if (own / "usr/bin/zmpkg.pl").exists() or not origin.exists():
            return
        own.parent.mkdir(parents=True, exist_ok=True)
        partial = own.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", origin, partial], check=True)
        shutil.rmtree(partial / "srv/zm-lab", ignore_errors=True)
        partial.rename(own)


def what_is_missing() -> str | None:
    """Say why no run can be had here; None if one can. Without faketime there is one, unless all is required."""
    if missing := zoneminder.what_is_missing():
        return missing
    if mosquitto_path() is None:
        return "mosquitto is missing: apt-get install mosquitto"
    if FAKETIME is None and os.environ.get("VMS_BRIDGE_REQUIRE_REAL"):
        return "required by VMS_BRIDGE_REQUIRE_REAL: faketime is missing: apt-get install faketime"
    with tempfile.TemporaryDirectory() as folder:
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False).returncode:
            return "a disk that can be filled is a tmpfs of its own, and this machine lets nobody mount one"
        subprocess.run(["umount", folder], check=True)
    return None


def orphans(rows: Sequence[Row], memories: dict[int, Memory | None]) -> set[int]:
    """Return the ids of open rows that nobody will close.

    Their capture daemon has started after them, or has begun another event and not closed this one for a while.
    """
    newest = {row.monitor: row for row in rows}
    lost = set()
    for row in rows:
        memory, last = memories.get(row.monitor), newest[row.monitor]
        has_restarted = memory is not None and memory.startup > row.start.timestamp() + 1
        is_superseded = last.id > row.id and time.time() - last.start.timestamp() > _HANDOVER_S
        if row.end is None and (has_restarted or is_superseded):
            lost.add(row.id)
    return lost


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)  # the lab's ZoneMinder runs in UTC


_MODE_LOG = """
CREATE TABLE ChaosModes (Id INT PRIMARY KEY AUTO_INCREMENT, At TIMESTAMP(6) DEFAULT NOW(6), MonitorId INT, Value VARCHAR(64));
INSERT INTO ChaosModes (MonitorId, Value) SELECT Id, Function FROM Monitors;
INSERT INTO ChaosModes (Value) SELECT Name FROM States WHERE IsActive;
CREATE TRIGGER ChaosFunction AFTER UPDATE ON Monitors FOR EACH ROW
    INSERT INTO ChaosModes (MonitorId, Value) SELECT NEW.Id, NEW.Function FROM DUAL WHERE NEW.Function <> OLD.Function;
CREATE TRIGGER ChaosRunState AFTER UPDATE ON States FOR EACH ROW
    INSERT INTO ChaosModes (Value) SELECT NEW.Name FROM DUAL WHERE NEW.IsActive AND NOT OLD.IsActive;
"""
"""What became of every mode, written by the database itself: whoever changes one, however briefly."""

_PAPER_MONITOR = """
INSERT INTO Monitors SET Id={id}, Sequence={id}, Name='Paper {id}', Type='WebSite', Function='Monitor', ServerId=0,
    Path='about:blank', Width=320, Height=240, StorageId=1;
INSERT INTO Monitor_Status SET MonitorId={id}, Status='Connected';
"""
