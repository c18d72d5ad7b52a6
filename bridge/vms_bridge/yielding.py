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
    niceness counts within a session only: so the group has to be nice too.
    """
    with suppress(OSError):
        os.nice(nice)
    for _ in range(attempts):
        try:
            group.write_text(str(nice), encoding="ascii")
        except OSError as error:
            if error.errno != errno.EAGAIN:
                return  # a kernel without them
        else:
            return
        time.sleep(_BETWEEN_S)
