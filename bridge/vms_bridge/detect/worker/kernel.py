"""What Python has no words for: Landlock, seccomp, capabilities and namespaces, asked of Linux directly."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import stat
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x1000_0000, 0x4000_0000
CAP_DAC_READ_SEARCH = 2
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 8, 22, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITIES = {"x86_64": (125, 126), "aarch64": (90, 91)}  # capget, capset
_CAPABILITY_VERSION = 0x2008_0522
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same on every machine
_PATH_BENEATH = 1
_VERSION_FLAG = 1
_ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_X32 = 0x4000_0000

_FORBIDDEN = {
    # socket, connect, accept, socketpair, bind, listen, accept4 · execve, execveat
    # ptrace, process_vm_readv and _writev, pidfd_getfd · mount, umount2, pivot_root, chroot, unshare, setns
    # bpf, perf_event_open, userfaultfd, io_uring_setup (which gives sockets too) · add_key, request_key, keyctl
    # init_module, finit_module, delete_module, kexec_load · open_by_handle_at (files without their path)
    "x86_64": (
        *(41, 42, 43, 53, 49, 50, 288, 59, 322, 101, 310, 311, 438),
        *(165, 166, 155, 161, 272, 308, 321, 298, 323, 425),
        *(248, 249, 250, 175, 313, 176, 246, 304),
    ),
    "aarch64": (
        *(198, 203, 202, 199, 200, 201, 242, 221, 281, 117, 270, 271, 438),
        *(40, 39, 41, 51, 97, 268, 280, 241, 282, 425),
        *(217, 218, 219, 105, 273, 106, 104, 265),
    ),
}
"""Calls that a process which looks at pictures never makes, by machine."""

_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0
_WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_FILE, _TRUNCATE, _DEVICE = (1 << bit for bit in (1, 4, 5, 7, 8, 14, 15))
_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE
READ = _READ_FILE | _READ_DIR | _EXECUTE
"""Libraries are mapped to be executed."""
WRITE = _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _TRUNCATE
DEVICE = _READ_FILE | _READ_DIR | _WRITE_FILE | _DEVICE

_LIBC = ctypes.CDLL(None, use_errno=True)
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


def capabilities() -> int:
    """Return those that this thread may have, as bits. Raises OSError."""
    header, data = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITY_VERSION, 0)), ctypes.create_string_buffer(24)
    _checked(_LIBC.syscall(ctypes.c_long(_numbers()[0]), header, data), "capget")
    low, high = (struct.unpack("III", data.raw[at : at + 12])[1] for at in (0, 12))
    return int(low) | int(high) << 32


def set_capabilities(kept: int) -> None:
    """Have these only, for good. Raises OSError."""
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITY_VERSION, 0))
    low, high = kept & 0xFFFF_FFFF, kept >> 32
    data = ctypes.create_string_buffer(struct.pack("IIIIII", low, low, 0, high, high, 0))
    _checked(_LIBC.syscall(ctypes.c_long(_numbers()[1]), header, data), "capset")


def landlock_version() -> int:
    """Return which Landlock there is, 0: none."""
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


def can_forbid_calls() -> bool:
    """Say whether it is known how calls are numbered on this machine."""
    return platform.machine() in _FORBIDDEN


def forbid_calls() -> None:
    """Have this thread, and those that it starts, make none of the forbidden calls: each fails with EPERM. Raises OSError."""
    machine = platform.machine()
    program = _filter(_ARCHITECTURES[machine], _FORBIDDEN[machine], has_x32=machine == "x86_64")
    filled = _Program(len(program) // 8, program)
    _checked(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(filled), 0, 0), "seccomp")


def _filter(architecture: int, forbidden: tuple[int, ...], *, has_x32: bool) -> bytes:
    """Return the program that looks at each call: refuse those, and any that is numbered in another way."""
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    refuse, allow = 0x0005_0000 | errno.EPERM, 0x7FFF_0000
    numbers = [(at_least, _X32)] if has_x32 else []
    numbers += [(equal, number) for number in forbidden]
    steps = [(load, 0, 0, 4), (equal, 0, len(numbers) + 2, architecture), (load, 0, 0, 0)]
    steps += [(code, len(numbers) - at, 0, number) for at, (code, number) in enumerate(numbers)]
    steps += [(give, 0, 0, allow), (give, 0, 0, refuse)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def _numbers() -> tuple[int, int]:
    try:
        return _CAPABILITIES[platform.machine()]
    except KeyError:
        raise OSError(errno.ENOSYS, "it is not known how calls are numbered on this machine") from None


def _checked(returned: int, what: str) -> int:
    if returned < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return returned
