"""Tells whether a process is at rest: all its threads sleep, and none of them has run between two looks.

That is what Linux itself says of it, so nothing has to be waited for in the hope that it was long enough.
"""

from __future__ import annotations

import re
from pathlib import Path

from vms_bridge.errors import BridgeError
from vms_bridge.scripts.life.meter import is_there

_STATE = re.compile(r"^State:\s+(\S)", re.MULTILINE)
_SWITCHES = re.compile(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)", re.MULTILINE)


class NotSeen(BridgeError):
    """The machine hides what a process does from whoever may not look into it."""

    code = "unavailable"


def look_at(process: int, *, root: Path = Path("/proc")) -> tuple[tuple[str, ...], ...] | None:
    """Return a picture of the process that is the same as long as none of it runs; None while anything of it does.

    A process that is no more is at rest, too. Raises NotSeen.
    """
    seen = []
    try:
        for task in sorted((root / str(process) / "task").iterdir()):
            text = (task / "status").read_text()
            state = _STATE.search(text)
            if state is None or state[1] not in {"S", "Z", "X"}:
                return None
            seen.append((task.name, *_SWITCHES.findall(text)))
    except FileNotFoundError:
        if seen or (root / str(process)).exists():
            return None
        if is_there(process):
            raise _not_seen() from None
        return ()
    except PermissionError:
        raise _not_seen() from None
    except ProcessLookupError:
        return None
    return tuple(seen)


def _not_seen() -> NotSeen:
    hint = "mount /proc without `hidepid=`, or try the script as root or on another machine"
    return NotSeen("the machine hides what this process does, so nobody knows when a script is at rest", hint=hint)
