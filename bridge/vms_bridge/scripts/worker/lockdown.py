"""How a script's process gives away all that it does not need, before it sees a line of the script; and how far it got.

Before `lock_down`, for nothing of it can be had after:

- one thread only: Landlock and seccomp are for the thread that asks for them, and for those that it starts;
- every module is loaded that this process will ever use, codecs (`encodings.idna`), `_strptime` and what tracebacks need among
  them, and `scripts.worker.selftest`; the time zone has been read (`time.tzset`, `zoneinfo.ZoneInfo`);
- the event loop exists, and its self-pipe with it: no epoll, socket or pipe is made later. It neither opens nor makes sockets,
  so that asyncio's streams work as far as they do with `recv` and `send`: `sendmsg` (and with it `writelines`, and what
  Python 3.12 and newer do with what is left to write) is refused, for it could send descriptors;
- handlers of signals are set; what else but sockets without a name, pipes, the loop's and the null device is open, is closed.

Then `selftest.self_test(level)`, which tries to get out. Threads work afterwards, for a thread is made by none of what is
refused; so do sleeping, chance, and local time.

The process must have been started by a thread of the bridge that lives as long as the bridge: Linux ends it with that one.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.confine import kernel
from vms_bridge.confine.calls import this_machine
from vms_bridge.scripts.worker.rules import calls
from vms_bridge.yielding import yield_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from vms_bridge.confine.calls import Machine

EXIT_REFUSED = 78
"""With which code a process ends that could not be locked down, or found a way out: EX_CONFIG."""
_NICE = 5
"""After the bridge, before what looks at pictures: a handler is to answer soon."""
_DIES_BEFORE = 600
"""Before the bridge, and before what looks at pictures, where memory is short."""
_MOST_FILES = 32
MOST_THREADS = 256
"""Linux holds that of a user, and so of a script whose user is its own, and of two of its versions for a moment; else the bridge
ends who has more. Limits of addresses alone would let it have thousands: what the kernel keeps of a thread is not among them."""
_LEAST_FREE_BYTES = 16 * 1024**2
_NULL_DEVICE = os.makedev(1, 3)
SANDBOX, PROCESS = "sandbox", "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a script's process may have, and by whom it is to be run where it begins as root.

    `level` is `sandbox`, or `process` where an administrator has chosen to go without what this machine does not have.
    After `processor_s` seconds of the processor the kernel ends it, whatever the bridge does.
    """

    memory_bytes: int
    uid: int | None = None
    level: str = SANDBOX
    processor_s: int = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What holds the script: `seccomp+landlock`, `seccomp`, or `process` where the kernel refuses nothing; each part in words."""

    name: str
    details: Mapping[str, str]


class Refused(Exception):
    """The boundary does not stand: `code` names why for programs, `text` for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def lock_down(needs: Needs) -> Level:
    """Give everything away, for good. Raises Refused where that can't be done; the process is of no use then."""
    if sys.platform != "linux":
        raise Refused("not_linux", f"scripts run on Linux only, and this is {sys.platform}")
    parent = os.getppid()
    machine = _machine(needs)
    _have_one_thread()
    os.chdir("/")
    os.umask(0o077)
    if needs.level == SANDBOX:
        _close_files()
    memory = _limit(needs)
    _seal_memory()
    user = _change_user(needs)
    _stay_apart(parent)
    files = _forget_files()
    forbids = _forbid_calls(machine, needs)
    name = "process" if forbids else "seccomp" if files else "seccomp+landlock"
    details = {
        "user": user,
        "memory": memory,
        "files": files or "none",
        "calls": forbids or "those that Python needs to reckon, wait, and speak with the bridge",
    }
    return Level(name=name, details=details)


def _machine(needs: Needs) -> Machine | None:
    machine = this_machine()
    if needs.level == PROCESS:
        return machine if kernel.is_glibc() else None
    if machine is None:
        raise Refused(
            "machine", f"it is not known how calls are numbered on this machine ({os.uname().machine}, Python of {sys.maxsize:x})"
        )
    if not kernel.is_glibc():
        raise Refused(
            "libc", "Python does not run by the GNU C library here (but by musl, say), and what it needs else is not known"
        )
    return machine


def _have_one_thread() -> None:
    try:
        threads = len(list(Path("/proc/self/task").iterdir()))
    except OSError as error:
        raise Refused("proc", f"/proc can't be read, so that nothing can be checked: {error.strerror}") from None
    if threads != 1:
        raise Refused("threads", f"{threads} threads run already, of which one only can be locked down")


def _close_files() -> None:
    """Close what leads anywhere, as libffi keeps its own file: whoever has a file open needs no permission for it."""
    for link in list(Path("/proc/self/fd").iterdir()):
        descriptor = int(link.name)
        try:
            found = os.fstat(descriptor)
            leads_to = str(link.readlink())
        except OSError:
            continue  # it was what the directory was listed by
        if leads_to.startswith("socket:"):
            is_harmless = _is_unnamed(descriptor)
        else:
            is_harmless = leads_to.startswith(("pipe:", "anon_inode:[eventpoll]")) or found.st_rdev == _NULL_DEVICE
        if not is_harmless and descriptor <= 2:
            raise Refused("descriptors", f"standard file {descriptor} leads to {leads_to}, and not to a pipe or the null device")
        if not is_harmless:
            os.close(descriptor)


def _is_unnamed(descriptor: int) -> bool:
    """Say whether a socket is one of a pair."""
    looked_at = socket.socket(fileno=descriptor)
    try:
        return looked_at.family == socket.AF_UNIX and not looked_at.getsockname() and not looked_at.getpeername()
    except OSError:  # it is connected with nobody
        return looked_at.family == socket.AF_UNIX
    finally:
        looked_at.detach()


def _limit(needs: Needs) -> str:
    yield_by(_NICE, attempts=1)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_DIES_BEFORE), encoding="ascii")
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    if taken + _LEAST_FREE_BYTES > needs.memory_bytes:
        raise Refused(
            "memory",
            f"of the script's {needs.memory_bytes >> 20} MB Python itself takes {taken >> 20} MB, and leaves too little",
        )
    kernel.reserve_little()
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _MOST_FILES,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_CPU: needs.processor_s,
        resource.RLIMIT_AS: needs.memory_bytes,
    }
    try:
        for which, most in bounds.items():
            _, hard = resource.getrlimit(which)
            bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(which, (bound, bound))
    except (OSError, ValueError) as error:
        raise Refused("limits", f"a limit can't be set: {error}") from None
    return f"at most {needs.memory_bytes >> 20} MB of addresses"


def _seal_memory() -> None:
    """Have no memory that can be written to and executed: what native libraries have made of that is read and executed."""
    try:
        kernel.reading_is_not_executing()
        for start, size in _written_and_executed():
            kernel.read_and_execute(start, size)
    except OSError as error:
        raise Refused("personality", f"memory can be executed that is data: {error}") from None


def _written_and_executed() -> Iterator[tuple[int, int]]:
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        addresses, ways = line.split()[:2]
        if "w" in ways and "x" in ways:
            start, _, end = addresses.partition("-")
            yield int(start, 16), int(end, 16) - int(start, 16)


def _change_user(needs: Needs) -> str:
    """Be nobody who has anything: the script's own user where this begins as root, and without any power of root's."""
    if os.getuid() == 0 and not needs.uid:
        raise Refused("user", "this was started by root, and no user was named to run it")
    said = "the bridge's"
    try:
        if os.getuid() == 0 and needs.uid:
            said = _become(needs.uid, needs)
        if _powers():
            kernel.set_capabilities(0)
    except OSError as error:
        raise Refused("user", f"root's powers can't be given away: {error}") from None
    if left := _powers():
        raise Refused("user", f"powers of root's are left: {left:x}")
    return said


def _powers() -> int:
    """Return all capabilities that this process has, or can have or hand on, as bits."""
    found = 0
    for line in Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name in {"CapInh", "CapPrm", "CapEff", "CapAmb"}:
            found |= int(value, 16)
    return found


def _become(uid: int, needs: Needs) -> str:
    """Become that user, alone in its group, where root may do that: within a container it may not be allowed to."""
    with suppress(OSError):
        kernel.drop_bounding_set()
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        if os.getuid() != 0 or needs.level == PROCESS:  # where the user is all that holds the script
            raise
        return f"root without its powers, for it may not change its user here: {error.strerror}"
    if os.getresuid() != (uid,) * 3 or os.getresgid() != (uid,) * 3 or os.getgroups():
        raise Refused("user", f"this is still {os.getresuid()} in groups {os.getgroups()}, and not {uid}")
    resource.setrlimit(resource.RLIMIT_NPROC, (MOST_THREADS, MOST_THREADS))
    with suppress(PermissionError):
        os.setuid(0)
        raise Refused("user", "root can be got back")
    return f"{uid}, its own"


def _stay_apart(parent: int) -> None:
    try:
        kernel.not_dumpable()
        kernel.die_with_parent(signal.SIGKILL)  # forgotten when the user changes, so after that
        kernel.no_new_privileges()
    except OSError as error:
        raise Refused("privileges", f"the kernel refuses it: {error}") from None
    if os.getppid() != parent:  # the bridge has ended meanwhile
        os._exit(0)


def _forget_files() -> str:
    """Have no file be found by its name any more; returns why that is left to the calls that are refused."""
    if not kernel.landlock_version():
        return "none by the calls that are refused, for Landlock is not to be had here"
    try:
        kernel.restrict_files(())
    except OSError as error:
        return f"none by the calls that are refused, for Landlock can't be had: {error.strerror}"
    with suppress(PermissionError):
        os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY))
        raise Refused("landlock", "Landlock is there, and a directory can be opened all the same")
    return ""


def _forbid_calls(machine: Machine | None, needs: Needs) -> str:
    """Have the kernel refuse all calls but a few; returns why not, where that was chosen."""
    why = "any, for it is not known how they are numbered here"
    if machine is not None:
        try:
            kernel.look_at_calls(calls(machine, os.getpid()))
        except OSError as error:
            why = f"any, for the kernel takes no seccomp filter: {error.strerror}"
        else:
            return ""
    if needs.level != PROCESS:
        raise Refused("seccomp", f"the kernel refuses the filter that holds scripts: {why}")
    return why
