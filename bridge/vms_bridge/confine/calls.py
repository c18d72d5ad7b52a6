"""How Linux numbers its calls, on the machines that are known; `tests/bridge/confine/test_calls.py` asks libseccomp too."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

X32_BIT = 0x4000_0000
"""On x86_64 set in the number of a call of its second ABI, which has numbers of its own for the same calls."""

_ABSENT = -1
_NUMBERS = {  # x86_64, aarch64
    "read": (0, 63),
    "write": (1, 64),
    "writev": (20, 66),
    "close": (3, 57),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    "poll": (7, _ABSENT),
    "ppoll": (271, 73),
    "epoll_wait": (232, _ABSENT),
    "epoll_pwait": (281, 22),
    "epoll_ctl": (233, 21),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "futex": (202, 98),
    "clone": (56, 220),
    "clone3": (435, 435),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "gettid": (186, 178),
    "getpid": (39, 172),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "rt_sigreturn": (15, 139),
    "rt_sigprocmask": (14, 135),
    "sigaltstack": (131, 132),
    "kill": (62, 129),
    "tgkill": (234, 131),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, _ABSENT),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "prlimit64": (302, 261),
    "prctl": (157, 167),
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "socketpair": (53, 199),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept4": (288, 242),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "open_by_handle_at": (304, 265),
    "capget": (125, 90),
    "capset": (126, 91),
    "memfd_create": (319, 279),
    "personality": (135, 92),
}
"""Calls that rules are about, or that are made by their numbers."""


@dataclass(frozen=True, slots=True)
class Machine:
    """How calls are numbered on one kind of machine, and how a program sees that a call is numbered that way."""

    name: str
    architecture: int
    numbers: Mapping[str, int] = field(repr=False)
    has_x32: bool = False

    def number(self, call: str) -> int:
        """Return the number of a call that every machine has. Raises KeyError."""
        return self.numbers[call]


def _column(at: int) -> dict[str, int]:
    return {name: numbers[at] for name, numbers in _NUMBERS.items() if numbers[at] != _ABSENT}


MACHINES = {
    "x86_64": Machine("x86_64", 0xC000_003E, _column(0), has_x32=True),
    "aarch64": Machine("aarch64", 0xC000_00B7, _column(1)),
}


def this_machine() -> Machine | None:
    """Return how this process's calls are numbered; None where that is not known, as for every process of 32 bits."""
    return MACHINES.get(os.uname().machine) if struct.calcsize("P") == 8 else None
