"""What Python has no words for: Landlock, seccomp, capabilities and namespaces, asked of Linux directly."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.confine.calls import this_machine

if TYPE_CHECKING:
    from collections.abc import Iterable

CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000
CAP_DAC_READ_SEARCH = 2
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 8, 24, 38
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_READ_IMPLIES_EXEC = 0x40_0000
_READ_EXECUTE = 1 | 4
_ONE_ARENA = (-8, 1)  # M_ARENA_MAX
_CAPABILITY_VERSION = 0x2008_0522
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same on every machine
_PATH_BENEATH = 1
_VERSION_FLAG = 1
_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0
_WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_FILE, _TRUNCATE, _DEVICE = (1 << bit for bit in (1, 4, 5, 7, 8, 14, 15))
_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE
READ = _READ_FILE | _READ_DIR | _EXECUTE
"""Libraries are mapped to be executed."""
WRITE = _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _TRUNCATE
DEVICE = _READ_FILE | _READ_DIR | _WRITE_FILE | _DEVICE

_LIBC = ctypes.CDLL(None, use_errno=True)
if hasattr(_LIBC, "prctl"):  # this can be loaded elsewhere than on Linux, to say that it is of no use there
    _LIBC.syscall.restype = ctypes.c_long
    _LIBC.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def unshare(flags: int) -> None:
    """Have namespaces of its own. Raises OSError."""
    _checked(_LIBC.unshare(ctypes.c_int(flags)), "unshare")


def die_with_parent(number: int) -> None:
    """Have that signal sent when the parent's thread ends that started this process; forgotten when the user changes."""
    _checked(_LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0), "PR_SET_PDEATHSIG")


def no_new_privileges() -> None:
    """Have no program that is executed gain anything. Raises OSError."""
    _checked(_LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")


def keep_capabilities() -> None:
    """Have the next change of the user take none of them. Raises OSError."""
    _checked(_LIBC.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0), "PR_SET_KEEPCAPS")


def not_dumpable() -> None:
    """Have nobody without root's powers look into this process or follow it, and leave no core. Raises OSError."""
    _checked(_LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "PR_SET_DUMPABLE")


def drop_bounding_set() -> None:
    """Have no program that is executed give any capability back. Raises OSError, as for anybody but root."""
    for capability in range(64):
        try:
            _checked(_LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), "PR_CAPBSET_DROP")
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return  # beyond the last that this kernel knows


def reading_is_not_executing() -> None:
    """Have memory that can be read not be executable by that alone, as the personality of old programs has it. Raises OSError."""
    current = int(Path("/proc/self/personality").read_text(encoding="ascii"), 16)  # systemd may refuse all questions to the call
    if current & _READ_IMPLIES_EXEC:
        _checked(_LIBC.personality(ctypes.c_ulong(current & ~_READ_IMPLIES_EXEC)), "personality")


def read_and_execute(start: int, size: int) -> None:
    """Have memory that is there be read and executed, and not be written. Raises OSError."""
    _checked(_LIBC.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(size), ctypes.c_int(_READ_EXECUTE)), "mprotect")


def reserve_little() -> None:
    """Have threads share their free memory: each reserves 128 MB of addresses for itself else, which a limit counts."""
    with suppress(AttributeError):  # a C library that has none of this
        _LIBC.mallopt(*_ONE_ARENA)


def is_glibc() -> bool:
    """Say whether Python runs by the GNU C library; what the calls of another one need is not known."""
    return hasattr(_LIBC, "gnu_get_libc_version")


def capabilities() -> int:
    """Return those that this thread may have, as bits. Raises OSError."""
    header, data = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITY_VERSION, 0)), ctypes.create_string_buffer(24)
    _checked(_LIBC.syscall(ctypes.c_long(_number("capget")), header, data), "capget")
    low, high = (struct.unpack("III", data.raw[at : at + 12])[1] for at in (0, 12))
    return int(low) | int(high) << 32


def set_capabilities(kept: int) -> None:
    """Have these only, for good. Raises OSError."""
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITY_VERSION, 0))
    low, high = kept & 0xFFFF_FFFF, kept >> 32
    data = ctypes.create_string_buffer(struct.pack("IIIIII", low, low, 0, high, high, 0))
    _checked(_LIBC.syscall(ctypes.c_long(_number("capset")), header, data), "capset")


def landlock_version() -> int:
    """Return which Landlock may be used here, 0: none."""
    found: int = _LIBC.syscall(ctypes.c_long(_LANDLOCK_CREATE), None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION_FLAG))
    return max(found, 0)


def restrict_files(allowed: Iterable[tuple[Path, int]]) -> None:
    """Have this thread, and those that it starts, get at these files and directories only, in these ways. Raises OSError.

    With Linux 6.7 and newer also at no TCP port, with 6.12 and newer at no other process by a signal.
    """
    version = landlock_version()
    handled = sum(1 << bit for bit in range(13)) | (1 << 13 if version >= 2 else 0)
    handled |= (_TRUNCATE if version >= 3 else 0) | (_DEVICE if version >= 5 else 0)
    attributes = struct.pack("QQQ", handled, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = _checked(
        _LIBC.syscall(ctypes.c_long(_LANDLOCK_CREATE), attributes, ctypes.c_size_t(size), ctypes.c_uint(0)), "landlock"
    )
    try:
        for path, ways in allowed:
            _allow(rules, path, ways & handled)
        _checked(_LIBC.syscall(ctypes.c_long(_LANDLOCK_RESTRICT), ctypes.c_int(rules), ctypes.c_uint(0)), "landlock")
    finally:
        os.close(rules)


def _allow(rules: int, path: Path, ways: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there can't be got at
    try:
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            ways &= _FOR_FILES
        rule = struct.pack("=Qi", ways, file)
        _checked(
            _LIBC.syscall(ctypes.c_long(_LANDLOCK_ADD), ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint(0)),
            "landlock",
        )
    finally:
        os.close(file)


def look_at_calls(program: bytes) -> None:
    """Have this thread, and those that it starts, make no call that this program refuses.

    Raises OSError. It takes `no_new_privileges` before, or root's powers.
    """
    filled = _Program(len(program) // 8, program)
    # By the call that service managers let through: systemd's @system-service has no seccomp(2).
    _checked(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(filled), 0, 0), "seccomp")


def _number(call: str) -> int:
    machine = this_machine()
    if machine is None:
        raise OSError(errno.ENOSYS, "it is not known how calls are numbered on this machine")
    return machine.number(call)


def _checked(returned: int, what: str) -> int:
    if returned < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return returned
