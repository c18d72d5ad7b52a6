"""Says how a worker has ended, by its exit code, by why the bridge has ended it, and by what it said last."""

from __future__ import annotations

import re
import signal
from dataclasses import replace

from vms_bridge.logs import plain
from vms_bridge.scripts.life.values import Cause, Ending

NO_MEMORY_CODE = 12
"""By which a worker ends that has no memory left: the number of ENOMEM."""
_NO_MEMORY = re.compile(r"MemoryError|[Oo]ut of memory|Cannot allocate memory")
_LONGEST = 300


def ending_of(code: int, why: Ending | None, said_last: str) -> Ending:
    """Return how it has ended: `why` is what the bridge has ended it for, if it has."""
    if why is not None:
        return why
    found = _by_code(code, said_last)
    return replace(found, said_last=plain(said_last)[:_LONGEST])


def _by_code(code: int, said_last: str) -> Ending:
    if code == -signal.SIGSYS:
        text = "it was ended by the kernel for a system call that no script may make (SIGSYS)"
        return Ending(cause=Cause.SYSTEM_CALL, text=text, hint="this is what an attempt to break out looks like: read the script")
    if code == -signal.SIGXCPU:
        return Ending(
            cause=Cause.PROCESSOR, text="it used more time of the processor than it may have", hint="have it do less at once"
        )
    if code == NO_MEMORY_CODE or (code != 0 and _NO_MEMORY.search(said_last)):
        hint = "have it keep less, or give scripts more: scripts.memory_mb"
        return Ending(cause=Cause.MEMORY, text="it needed more memory than it may have", hint=hint)
    if code == -signal.SIGKILL:
        hint = "somebody has killed it, or the machine was out of memory: the kernel's log says which"
        return Ending(cause=Cause.KILLED, text="it was killed from outside (SIGKILL)", hint=hint)
    if code < 0:
        return Ending(cause=Cause.KILLED, text=f"it was ended by {_named(-code)}")
    return Ending(cause=Cause.EXITED, text=f"it has ended by itself ({code})")


def _named(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
