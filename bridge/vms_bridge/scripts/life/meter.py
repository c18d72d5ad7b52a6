"""Measures what a process uses, by files of /proc that were opened when it began.

A worker that has locked itself down is nobody's to look into, and its folder in /proc may be hidden from then on (systemd's
ProtectProc=, `hidepid=`). What is open stays readable, and never is another process's that has got the same number.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.clock import Clock

_TICKS = os.sysconf("SC_CLK_TCK")
_MOST_BYTES = 16 * 1024
_ATTEMPTS, _AGAIN_S = 300, 0.01


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: seconds of processors since its start, bytes of memory and swap space of its own, threads now."""

    processor_s: float
    memory_bytes: int
    threads: int = 1


class Meter:
    """Of one process; `open` it before that locks itself down, and `close` it.

    Nothing of it blocks: what it reads is reckoned by the kernel when it is read, in microseconds.
    """

    def __init__(self, pid: int, *, root: Path = Path("/proc")) -> None:
        self._pid, self._folder = pid, root / str(pid)
        self._files: list[int] = []
        self._why_not = "it was not opened"

    async def open(self, clock: Clock) -> None:
        """Open what is read, as soon as it can be and as long as the process is there: Linux hides one that begins a program."""
        for _ in range(_ATTEMPTS):
            if self._open() or not is_there(self._pid):
                return
            await clock.sleep(_AGAIN_S)

    def _open(self) -> bool:
        try:
            for name in ("stat", "status"):
                self._files.append(os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            self.close()
            self._why_not = str(error)
            return False
        self._why_not = ""
        return True

    def read(self) -> Usage | None:
        """Return what it has used; None once it has ended. Raises OSError where that can't be read."""
        if self._why_not:
            raise OSError(self._why_not)
        try:
            texts = [os.pread(file, _MOST_BYTES, 0) for file in self._files]
        except ProcessLookupError:
            return None
        return usage_of(*texts) if texts else None

    def close(self) -> None:
        """Let go of the files."""
        while self._files:
            os.close(self._files.pop())


def is_there(pid: int) -> bool:
    """Say whether there is such a process, hidden or not: one that has ended is there until its parent has asked how."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def usage_of(stat: bytes, status: bytes) -> Usage | None:
    """Return what these two files say; None of a process that has ended and is not yet waited for."""
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name in front of it may hold anything
    sizes = dict(line.split(b":", 1) for line in status.splitlines() if b":" in line)
    if b"RssAnon" not in sizes:
        return None
    # What is shared are files such as Python itself, which all have together.
    memory_kb = sum(int(sizes[name].split()[0]) for name in (b"RssAnon", b"VmSwap") if name in sizes)
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, memory_kb * 1024, int(fields[17]))
