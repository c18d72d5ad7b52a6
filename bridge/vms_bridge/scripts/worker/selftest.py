"""Tries to get out of a process that has been locked down, before it sees a script. It loads nothing when it is called."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.confine.calls import this_machine
from vms_bridge.scripts.worker.lockdown import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.scripts.worker.lockdown import Level

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
_LIBC.mmap.restype = ctypes.c_void_p
_PARENT = os.getppid()
"""Asked for now: it can't be asked for later."""
_MACHINE = this_machine()
"""The same: what can't be asked for would pass for what is refused."""
_PAGE = 4096
_HERE = -100
_PATH_ONLY = 0x20_0000
_EXECUTE = 1 | 4
_ASK_PERSONALITY = ctypes.c_ulong(0xFFFF_FFFF)
_BY_NAME = {
    "personality": (_ASK_PERSONALITY,),
    "io_uring_setup": (1, None),
    "memfd_create": (b"x", 0),
    "ptrace": (0, 0, None, None),
}
"""Calls that no function of Python's makes, with arguments that do no harm."""


def self_test(level: Level) -> None:
    """Try each way out, and what a script needs. Raises Refused, with code `hole`, for one that is open.

    Of a level `process` nothing is promised but who runs it.
    """
    _refused("root can be got back", lambda: os.setuid(0), or_root=True)
    if level.name != "process":
        for said, attempt in _WAYS_OUT.items():
            _refused(said, attempt)
        for call, arguments in _BY_NAME.items():
            _refused(f"{call} can be called", _raw(call, *arguments))
    _works()


def _refused(said: str, attempt: Callable[[], object], *, or_root: bool = False) -> None:
    """Raise Refused unless the kernel says that it is not permitted: any other error means that it has looked further."""
    try:
        attempt()
    except OSError as error:
        if error.errno == errno.EPERM:
            return
        raise Refused("hole", f"the boundary has a hole: {said} ({error})") from None
    if not (or_root and os.getuid() == 0):  # root without its powers stays root, which is told
        raise Refused("hole", f"the boundary has a hole: {said}")


def _raw(call: str, *arguments: object) -> Callable[[], object]:
    def attempt() -> None:
        if _MACHINE is None:
            raise OSError(errno.ENOSYS, "unknown machine")
        _checked(_LIBC.syscall(ctypes.c_long(_MACHINE.number(call)), *arguments))

    return attempt


def _checked(returned: int) -> int:
    if returned == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return returned


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _executable_memory() -> None:
    flags = 0x02 | 0x20
    found = _LIBC.mmap(
        None, ctypes.c_size_t(_PAGE), ctypes.c_int(_EXECUTE), ctypes.c_int(flags), ctypes.c_int(-1), ctypes.c_long(0)
    )
    if found == ctypes.c_void_p(-1).value:
        _checked(-1)


def _memory_made_executable() -> None:
    mapped = ctypes.create_string_buffer(2 * _PAGE)
    page = (ctypes.addressof(mapped) + _PAGE - 1) // _PAGE * _PAGE
    _checked(_LIBC.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(_PAGE), ctypes.c_int(_EXECUTE)))


_WAYS_OUT: dict[str, Callable[[], object]] = {
    "a directory can be opened": lambda: os.open("/", os.O_RDONLY),
    "a path can be opened": lambda: os.open("/", _PATH_ONLY),
    "a file can be looked at": Path("/").stat,
    "a directory can be made": Path("/").mkdir,
    "a socket for the network can be made": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "a socket for this machine can be made": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "a pair of sockets can be made": socket.socketpair,
    "a pipe can be made": os.pipe,
    "another process can be made": _fork,
    "a program can be executed": lambda: os.execv("/", ["/"]),  # noqa: S606 - it is a directory
    "the bridge can be sent a signal": lambda: os.kill(_PARENT, 0),
    "all processes can be sent a signal": lambda: os.kill(-1, 0),
    "memory can be made that is executed": _executable_memory,
    "memory can be made executable": _memory_made_executable,
}


def _works() -> None:
    """Raise Refused where something is refused that every script needs."""
    try:
        thread = threading.Thread(target=os.getpid)
        thread.start()
        thread.join()
        os.kill(os.getpid(), 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, ())
        bytearray(os.urandom(_PAGE))
    except (OSError, RuntimeError, MemoryError) as error:
        raise Refused("needs", f"Python does not work within the boundary: {error}") from None
