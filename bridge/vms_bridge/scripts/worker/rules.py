"""Which calls a script's process may make: what Python, its threads and an event loop that exists already need, and no more.

Whatever is not listed fails with EPERM, which Python shows as PermissionError. No call here opens, names or makes anything
outside of the process: it has the descriptors that it was given, memory that is not executed, threads, time and chance.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from vms_bridge.confine.bpf import KILL_PROCESS, Argument, Rule, program, refuse

if TYPE_CHECKING:
    from vms_bridge.confine.calls import Machine

_READ_WRITE = 1 | 2
_BUT_READ_WRITE = (1 << 64) - 1 & ~_READ_WRITE
_PRIVATE_ANONYMOUS = 0x02 | 0x20
_STACK, _NO_RESERVE = 0x2_0000, 0x4000
_BUT_THESE = (1 << 64) - 1 & ~(_STACK | _NO_RESERVE)
_MAY_MOVE = 1
_DONT_NEED, _FREE, _HUGE, _NO_HUGE, _GUARD, _NO_GUARD = 4, 8, 14, 15, 102, 103
_A_THREAD = 0x3D_0F00
"""The flags by which glibc makes a thread; of a process CLONE_THREAD is missing."""
_GET_FD_FLAGS, _GET_FLAGS = 1, 3
_NON_BLOCKING = 0x5421
_BUT_PLAIN_CLOCKS = (1 << 64) - 1 & ~0xF
"""Larger numbers, and negative ones, are clocks of devices and of other processes."""
_PLAIN_CLOCK = Argument(0, (0,), _BUT_PLAIN_CLOCKS)

_WAIT, _WAKE, _WAIT_BITSET = 0, 1, 9
_BUT_PRIVATE_AND_CLOCK = 0xFFFF_FFFF & ~(128 | 256)
"""Of an argument of 32 bits, as for the flags below: what is above them is nobody's, and compilers may leave it as it was."""
_BELOW = 0xFFFF_FFFF

_ALWAYS = (  # the most frequent first: a program is read from its beginning
    *("epoll_wait", "epoll_pwait", "read", "write"),
    *("writev", "close", "poll", "ppoll", "epoll_ctl"),
    *("munmap", "brk", "getrandom", "gettimeofday", "time", "nanosleep", "restart_syscall", "sched_yield"),
    *("rt_sigreturn", "rt_sigprocmask", "sigaltstack", "set_robust_list", "rseq"),
    *("getpid", "gettid", "getrusage", "exit", "exit_group"),
)


def allowed(pid: int) -> tuple[Rule, ...]:
    """Return what the process with this number may do."""
    return (
        Rule("futex", (Argument(1, (_WAIT, _WAKE, _WAIT_BITSET), _BUT_PRIVATE_AND_CLOCK),)),  # none that moves or inherits
        *(Rule(call) for call in _ALWAYS),
        Rule("recvfrom", (Argument(3, (0,), _BELOW),)),  # not MSG_OOB, MSG_PEEK: CVE-2025-38236
        # To whom it is connected, and nobody else.
        Rule("sendto", (Argument(3, (0,), _BELOW), Argument(4, (0,)), Argument(5, (0,)))),
        Rule("clock_gettime", (_PLAIN_CLOCK,)),
        Rule("clock_getres", (_PLAIN_CLOCK,)),
        Rule("clock_nanosleep", (_PLAIN_CLOCK,)),
        Rule("mmap", (Argument(2, (0,), _BUT_READ_WRITE), Argument(3, (_PRIVATE_ANONYMOUS,), _BUT_THESE))),
        Rule("mprotect", (Argument(2, (0,), _BUT_READ_WRITE),)),
        Rule("mremap", (Argument(3, (_MAY_MOVE,)),)),  # it leaves what may be done with the memory as it is
        Rule("madvise", (Argument(2, (_DONT_NEED, _FREE, _HUGE, _NO_HUGE, _GUARD, _NO_GUARD)),)),
        Rule("clone", (Argument(0, (_A_THREAD,)),)),
        Rule("clone3", answer=refuse(errno.ENOSYS)),  # its flags can't be seen; glibc tries `clone` then
        Rule("fcntl", (Argument(1, (_GET_FD_FLAGS, _GET_FLAGS)),)),  # not F_SETOWN: it has signals sent to anybody
        Rule("ioctl", (Argument(1, (_NON_BLOCKING,)),)),
        Rule("kill", (Argument(0, (pid,)),)),
        Rule("tgkill", (Argument(0, (pid,)),)),
        Rule("sched_getaffinity", (Argument(0, (0, pid)),)),
        Rule("prlimit64", (Argument(0, (0, pid)), Argument(2, (0,)))),  # to read its own
    )


def calls(machine: Machine, pid: int) -> bytes:
    """Return the program for a script's process: calls that are numbered in another way end it."""
    return program(machine, allowed(pid), default=refuse(), foreign=KILL_PROCESS)
