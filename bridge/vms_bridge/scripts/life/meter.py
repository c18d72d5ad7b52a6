"""Measures what a process uses, by files of /proc that were opened when it began.

A worker that has locked itself down is nobody's to look into, and its folder in /proc may be hidden from then on (systemd's
ProtectProc=, `hidepid=`). What is open stays readable, and never is another process's that has got the same number.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")
_MOST_BYTES = 16 * 1024
_ATTEMPTS, _AGAIN_S = 20, 0.001


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: seconds of processors since its start, bytes of memory and swap space of its own, threads now."""

    processor_s: float
    memory_bytes: int
    threads: int = 1


class Meter:
    """Of one process; `close` it. Where there is no /proc, nothing is ever read of it."""

    def __init__(self, pid: int) -> None:
        self._lock = threading.Lock()
        self._files: list[int] = []
        self._why_not = ""
        for _ in range(_ATTEMPTS):
            if self._open(pid):
                break
            time.sleep(_AGAIN_S)

    def _open(self, pid: int) -> bool:
        """Open what is read. For a moment while a program is begun Linux hides it from everybody."""
        try:
            for name in ("stat", "status"):
                self._files.append(os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            self.close()
            self._why_not = str(error)
            return False
        self._why_not = ""
        return True

    def read(self) -> Usage | None:
        """Return what it has used; None once it has ended. Blocking. Raises OSError where that can't be read."""
        with self._lock:  # a number that is closed meanwhile may soon be another file's
            if self._why_not:
                raise OSError(self._why_not)
            try:
                texts = [os.pread(file, _MOST_BYTES, 0) for file in self._files]
            except ProcessLookupError:
                return None
        return usage_of(*texts) if texts else None

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            while self._files:
                os.close(self._files.pop())


def usage_of(stat: bytes, status: bytes) -> Usage | None:
    """Return what these two files say; None of a process that has ended and is not yet waited for."""
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name in front of it may hold anything
    sizes = dict(line.split(b":", 1) for line in status.splitlines() if b":" in line)
    if b"RssAnon" not in sizes:
        return None
    # What is shared are files such as Python itself, which all have together.
    memory_kb = sum(int(sizes[name].split()[0]) for name in (b"RssAnon", b"VmSwap") if name in sizes)
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, memory_kb * 1024, int(fields[17]))
