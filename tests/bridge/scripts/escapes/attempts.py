"""What an attempt to get out of a script's process is: a short script, and how it is to fail.

Each defines `attempt()`, which returns what it got, or raises. Within the boundary it is to fail in just the way that is
named here: no other error counts. Outside of it the same script is run too, and has to succeed, or to fail in another way
(the kernel has looked at what it was asked, instead of refusing the call): so no attempt passes because it makes no sense.

`NR` has the numbers of calls on this machine, `BRIDGE` the process that started this one, `FD` the socket to it, and `call`
makes a call by its number, as native code would.
"""

from __future__ import annotations

import ctypes
import os
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.confine.calls import this_machine

if TYPE_CHECKING:
    from collections.abc import Sequence

EPERM, ENOSYS = 1, 38
WORKS = "works"
DIFFERS = "differs"
"""Outside it fails by another error, or works: as root, for some need root's powers."""
NOT_TRIED = "not tried"
"""Outside it would do harm, or never end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`by` is the exception, or the signal that ends the process; `number` its errno, `text` a part of what it says."""

    name: str
    source: str
    by: str = "PermissionError"
    number: int | None = EPERM
    text: str = ""
    outside: str = WORKS
    is_kernels: bool = False
    """Who is refused depends on kernel, user or Python: it is tried as root and by the newest Python too."""
    needs: str = ""
    """An attribute of `sys` without which this Python has no such thing, or a machine."""
    calls: tuple[str, ...] = ()
    """Those that it makes by their numbers."""


def python(name: str, *parts: str, **more: object) -> Attempt:
    """Return an attempt in plain Python: the body of `attempt()`, in parts that are indented as they like."""
    body = "\n".join(textwrap.dedent(part).strip() for part in parts)
    source = "def attempt():\n" + textwrap.indent(body, "    ")
    return Attempt(name=name, source=source, **more)  # type: ignore[arg-type] # they are the fields above


def raw(call: str, arguments: str = "", **more: object) -> Attempt:
    """Return an attempt that makes one call by its number, with these arguments as Python says them."""
    source = f"def attempt():\n    return call(NR[{call!r}], {arguments})"
    more = {"outside": DIFFERS, "is_kernels": True, "name": f"{call}({arguments})", **more}
    return Attempt(source=source, calls=(call,), **more)  # type: ignore[arg-type] # the same


PRELUDE = """
import ctypes
import errno
import json
import os
NR, BRIDGE, FD = {numbers!r}, {bridge}, {fd}
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
def call(number, *arguments):
    as_words = [each if each is None or isinstance(each, bytes) or hasattr(each, "_type_") or hasattr(each, "_length_")
                else ctypes.c_long(each) for each in arguments]
    got = _LIBC.syscall(ctypes.c_long(number), *as_words)
    if got == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return got
"""
VERDICTS = """
def _verdict(name, attempt):
    try:
        got = attempt()
    except BaseException as error:
        seen = {"by": type(error).__name__, "number": getattr(error, "errno", None), "text": str(error)[:300]}
    else:
        seen = {"worked": repr(got)[:300]}
    print("VERDICT " + json.dumps({"name": name, **seen}), flush=True)
"""


def script(attempts: Sequence[Attempt], *, bridge: int, fd: int | str) -> str:
    """Return the script that makes these attempts one after the other; `fd` is a number, or a name that it will have."""
    calls = tuple(call for attempt in attempts for call in attempt.calls)
    prelude = PRELUDE.format(numbers=numbers(calls), bridge=bridge, fd=fd)
    return prelude + VERDICTS + "".join(f"\n{each.source}\n_verdict({each.name!r}, attempt)\n" for each in attempts)


def numbers(calls: tuple[str, ...]) -> dict[str, int]:
    """Return how these calls are numbered here, by libseccomp. Raises OSError where that is not installed."""
    machine = this_machine()
    if machine is None:
        raise OSError(ENOSYS, os.strerror(ENOSYS))
    if not calls:
        return {}
    resolve = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name_arch
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    return {call: resolve(machine.architecture, call.encode()) for call in calls}
