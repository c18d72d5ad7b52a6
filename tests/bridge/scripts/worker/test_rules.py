"""What a script's process may call, as the program for its machine answers it: both machines' programs, on any machine."""

from __future__ import annotations

import ctypes
import errno
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.seccomp import Step, answer, steps_of

from vms_bridge.confine.bpf import ALLOW, KILL_PROCESS, refuse
from vms_bridge.confine.calls import MACHINES, Machine
from vms_bridge.scripts.worker.rules import allowed, calls

PID = 4242
PROGRAMS = {name: steps_of(calls(machine, PID)) for name, machine in MACHINES.items()}
EACH = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
REFUSED = refuse()
NEVER = (
    *(
        "open",
        "openat",
        "openat2",
        "creat",
        "stat",
        "lstat",
        "newfstatat",
        "statx",
        "access",
        "faccessat",
        "faccessat2",
        "readlink",
    ),
    *("readlinkat", "getdents64", "mkdir", "mkdirat", "unlink", "unlinkat", "rename", "renameat2", "link", "linkat", "symlinkat"),
    *("chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "truncate", "ftruncate", "mknod", "mknodat", "utimensat"),
    *("getcwd", "chdir", "fchdir", "name_to_handle_at", "open_by_handle_at", "inotify_init1", "fanotify_init", "fanotify_mark"),
    *("socket", "socketpair", "connect", "accept", "accept4", "bind", "listen", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg"),
    *(
        "getsockopt",
        "setsockopt",
        "getsockname",
        "getpeername",
        "shutdown",
        "splice",
        "tee",
        "vmsplice",
        "sendfile",
        "copy_file_range",
    ),
    *(
        "fork",
        "vfork",
        "execve",
        "execveat",
        "unshare",
        "setns",
        "wait4",
        "waitid",
        "pidfd_open",
        "pidfd_getfd",
        "pidfd_send_signal",
    ),
    *(
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "process_madvise",
        "process_mrelease",
        "kcmp",
        "tkill",
        "rt_sigqueueinfo",
    ),
    *("rt_tgsigqueueinfo", "rt_sigaction", "setpgid", "setsid", "getppid", "getpgid", "getsid", "pause", "signalfd4", "eventfd2"),
    *("timerfd_create", "timer_create", "setitimer", "alarm", "epoll_create1", "pipe2", "dup", "dup2", "dup3"),
    *("personality", "io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup", "io_submit", "memfd_create"),
    *("memfd_secret", "userfaultfd", "bpf", "perf_event_open", "keyctl", "add_key", "request_key", "shmget", "shmat", "shmctl"),
    *("msgget", "msgsnd", "semget", "semop", "mq_open", "mount", "umount2", "pivot_root", "chroot", "swapon", "reboot"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "acct", "quotactl", "syslog", "sysinfo"),
    *("uname", "sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "setuid", "setgid"),
    *(
        "setresuid",
        "setresgid",
        "setreuid",
        "setregid",
        "setgroups",
        "setfsuid",
        "capset",
        "capget",
        "prctl",
        "arch_prctl",
        "seccomp",
    ),
    *("landlock_create_ruleset", "landlock_restrict_self", "setrlimit", "setpriority", "sched_setaffinity", "sched_setscheduler"),
    *(
        "sched_setattr",
        "sched_setparam",
        "ioprio_set",
        "mbind",
        "set_mempolicy",
        "move_pages",
        "migrate_pages",
        "mlock",
        "mlockall",
    ),
    *("pkey_mprotect", "pkey_alloc", "remap_file_pages", "mincore", "msync", "modify_ldt", "iopl", "ioperm", "get_robust_list"),
    *(
        "set_tid_address",
        "membarrier",
        "vhangup",
        "fsopen",
        "fsmount",
        "open_tree",
        "move_mount",
        "mount_setattr",
        "lookup_dcookie",
    ),
    *("flock", "fallocate", "readahead", "sync", "syncfs", "preadv2", "pwritev2", "pread64", "pwrite64", "close_range"),
)
"""Calls of which the issue, or sense, says that no script may ever make them, whatever their arguments."""


def numbers(machine: Machine, *names: str) -> dict[str, int]:
    try:
        resolve = ctypes.CDLL("libseccomp.so.2").seccomp_syscall_resolve_name_arch
    except OSError:
        if "VMS_BRIDGE_REQUIRE_REAL" in os.environ:
            raise
        pytest.skip("libseccomp2 is not installed")
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    return {name: number for name in names if (number := resolve(machine.architecture, name.encode())) >= 0}


def said(machine: Machine, call: str, *arguments: int) -> int:
    return answer(PROGRAMS[machine.name], machine.number(call), machine.architecture, arguments)


@EACH
def test_only_what_is_listed_is_ever_allowed(machine: Machine) -> None:
    listed = {machine.numbers[rule.call]: rule for rule in allowed(PID) if rule.call in machine.numbers}
    assert 35 <= len(listed) <= 60
    for number in range(1025):
        found = answer(PROGRAMS[machine.name], number, machine.architecture)
        if number not in listed:
            assert found == REFUSED
        elif not listed[number].arguments:
            assert found == listed[number].answer


@EACH
@settings(deadline=None)
@given(number=st.integers(1025, (1 << 30) - 1), arguments=st.tuples(*[st.integers(0, (1 << 64) - 1)] * 6))
def test_nothing_beyond_is_allowed_either(machine: Machine, number: int, arguments: tuple[int, ...]) -> None:
    assert answer(PROGRAMS[machine.name], number, machine.architecture, arguments) == REFUSED


@EACH
@settings(max_examples=25, deadline=None)
@given(arguments=st.tuples(*[st.one_of(st.integers(0, 8), st.integers(0, (1 << 64) - 1))] * 6))
def test_what_is_never_allowed_is_refused_whatever_its_arguments(machine: Machine, arguments: tuple[int, ...]) -> None:
    known = numbers(machine, *NEVER)
    assert len(known) > 140
    allowed_now = {
        name
        for name, number in known.items()
        if answer(PROGRAMS[machine.name], number, machine.architecture, arguments) != REFUSED
    }
    assert not allowed_now


@settings(deadline=None)
@given(number=st.integers(0, (1 << 32) - 1))
def test_foreign_calls_end_the_process(number: int) -> None:
    for machine in MACHINES.values():
        for architecture in (0x4000_0003, 0x4000_0028, *(each.architecture for each in MACHINES.values() if each != machine)):
            assert answer(PROGRAMS[machine.name], number, architecture) == KILL_PROCESS
    x86 = MACHINES["x86_64"]
    assert answer(PROGRAMS["x86_64"], number | 1 << 30, x86.architecture) == KILL_PROCESS


@EACH
def test_memory_is_read_and_written_and_never_executed(machine: Machine) -> None:
    for prot in range(4):
        assert said(machine, "mmap", 0, 4096, prot, 0x22) == ALLOW
        assert said(machine, "mprotect", 0x1000, 4096, prot) == ALLOW
    for prot in (4, 5, 7, 1 << 32 | 1, 1 << 63 | 1, 0x0100_0003):
        assert said(machine, "mmap", 0, 4096, prot, 0x22) == REFUSED
        assert said(machine, "mprotect", 0x1000, 4096, prot) == REFUSED
    for flags in (0x2_4022, 0x4022, 0x2_0022):
        assert said(machine, "mmap", 0, 4096, 3, flags) == ALLOW
    for flags in (0x21, 0x02, 0x01, 0x32, 0x4_0022, 0x10_0022, 1 << 32 | 0x22):
        assert said(machine, "mmap", 0, 4096, 3, flags) == REFUSED  # shared, of a file, at a place, of huge pages
    assert said(machine, "mremap", 0x1000, 4096, 8192, 1) == ALLOW
    for flags in (0, 2, 3, 5, 7, 1 << 32 | 1):
        assert said(machine, "mremap", 0x1000, 4096, 8192, flags, 0x2000) == REFUSED
    for advice in (4, 8, 14, 15, 102, 103):
        assert said(machine, "madvise", 0x1000, 4096, advice) == ALLOW
    for advice in (0, 9, 10, 12, 16, 21, 100, 101, 1 << 32 | 4):
        assert said(machine, "madvise", 0x1000, 4096, advice) == REFUSED


@EACH
def test_threads_may_be_made_and_no_processes(machine: Machine) -> None:
    assert said(machine, "clone", 0x3D_0F00, 0x1000) == ALLOW
    for flags in (0, 17, 0x3D_0F00 & ~0x1_0000, 0x3D_0F00 | 0x1000_0000, 0x3D_0F11, 0x4111, 1 << 32 | 0x3D_0F00, 0x2000_0000):
        assert said(machine, "clone", flags, 0x1000) == REFUSED
    assert said(machine, "clone3", 0x1000, 88) == refuse(errno.ENOSYS)


@EACH
def test_a_process_speaks_with_whom_it_is_connected_and_signals_itself(machine: Machine) -> None:
    assert said(machine, "sendto", 3, 0x1000, 5, 0, 0, 0) == said(machine, "recvfrom", 3, 0x1000, 5, 0) == ALLOW
    for flags in (1, 2, 4, 0x40, 0x100, 0x2000, 0x4000, 0x20000000, 1 << 31):
        assert said(machine, "sendto", 3, 0x1000, 5, flags, 0, 0) == REFUSED
        assert said(machine, "recvfrom", 3, 0x1000, 5, flags, 0, 0) == REFUSED
    assert said(machine, "sendto", 3, 0x1000, 5, 0, 0x1000, 16) == REFUSED
    assert said(machine, "sendto", 3, 0x1000, 5, 0, 1 << 32, 0) == REFUSED
    for call in ("kill", "tgkill"):
        assert said(machine, call, PID, 6) == ALLOW
        for other in (0, 1, PID + 1, (1 << 64) - 1, (1 << 32) - 1, (1 << 32) - PID, 1 << 32 | PID):
            assert said(machine, call, other, 9) == REFUSED
    for command in (0, 2, 4, 5, 6, 7, 8, 10, 15, 1024, 1030, 1031, 1033, 1 << 32 | 1):
        assert said(machine, "fcntl", 3, command, 1) == REFUSED
    assert said(machine, "fcntl", 3, 1) == said(machine, "fcntl", 3, 3) == ALLOW
    assert said(machine, "ioctl", 3, 0x5421) == ALLOW
    for request in (0x5401, 0x5412, 0x541B, 0x8901, 0x8902, 0x8933, 1 << 32 | 0x5421, 1 << 31 | 0x5421):
        assert said(machine, "ioctl", 3, request) == REFUSED


@EACH
def test_threads_wait_and_wake_and_do_nothing_else_by_futexes(machine: Machine) -> None:
    for flags in (0, 128, 256, 128 | 256):
        for operation in range(16):
            expected = ALLOW if operation in {0, 1, 9} else REFUSED
            assert said(machine, "futex", 0x1000, operation | flags) == expected
        for operation in (0x200, 0x1000, 1 << 31):
            assert said(machine, "futex", 0x1000, operation | flags) == REFUSED
    assert said(machine, "futex", 0x1000, 1 << 32 | 128) == ALLOW, "the kernel reads 32 bits of it"


@EACH
def test_what_is_asked_is_asked_of_itself(machine: Machine) -> None:
    assert said(machine, "prlimit64", 0, 9, 0, 0x1000) == said(machine, "prlimit64", PID, 9, 0, 0x1000) == ALLOW
    assert said(machine, "prlimit64", 0, 9, 0x1000, 0) == said(machine, "prlimit64", 1, 9, 0, 0x1000) == REFUSED
    assert said(machine, "prlimit64", 0, 9, 1 << 32, 0) == REFUSED
    assert said(machine, "sched_getaffinity", 0, 128) == said(machine, "sched_getaffinity", PID, 128) == ALLOW
    assert said(machine, "sched_getaffinity", 1, 128) == REFUSED
    for call in ("clock_gettime", "clock_getres", "clock_nanosleep"):
        for clock in (0, 1, 2, 3, 7, 11):
            assert said(machine, call, clock) == ALLOW
        for clock in (16, (1 << 64) - 6, (1 << 32) - 6, ~(PID << 3) & (1 << 64) - 1, 1 << 32):
            assert said(machine, call, clock) == REFUSED


def test_a_program_is_short_for_it_is_read_at_every_call() -> None:
    assert all(len(program) < 220 for program in PROGRAMS.values())
    assert isinstance(PROGRAMS["x86_64"][0], Step)
