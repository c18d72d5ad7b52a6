"""Has a process of the bridge yield the processor to the bridge itself, and to whatever else the machine does."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

_ATTEMPTS, _BETWEEN_S = 10, 0.11
"""Of all processes together without the powers of root the kernel takes ten such wishes a second."""


def yield_by(nice: int, *, group: Path = Path("/proc/self/autogroup"), attempts: int = _ATTEMPTS) -> None:
    """Have this process, and what it starts, come that much later than others; what the system does not allow is left out.

    A child is a session of its own, and where Linux groups processes by sessions (`autogroup`, as most distributions have it)
    niceness counts within a session only: so the group has to be nice too. And as a batch process it interrupts nobody when it
    wakes: niceness alone says how much of the processor it gets, not how soon.
    """
    with suppress(OSError):
        os.nice(nice)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    _group_yields_by(nice, group, attempts)


def _group_yields_by(nice: int, group: Path, attempts: int) -> None:
    for _ in range(attempts):
        try:
            group.write_text(str(nice), encoding="ascii")
        except OSError as error:
            if error.errno != errno.EAGAIN:
                return  # a kernel without them
        else:
            return
        time.sleep(_BETWEEN_S)
