"""How the worker gives away, before it loads a library, a model or a picture, what it does not need; and how far it got.

What it needs is Python and its libraries to read, the folder with the models to read, its cache to write, and the processor.
Each step that the system does not allow is left out, and told: `Confinement` is in the health of detection, in words.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import vms_bridge
from vms_bridge.confine import kernel
from vms_bridge.confine.bpf import ALLOW, Rule, program, refuse
from vms_bridge.confine.calls import this_machine
from vms_bridge.yielding import yield_by

if TYPE_CHECKING:
    from collections.abc import Sequence

_NICE = 10
_MOST_FILES = 512
_MOST_PROCESSES = 512
_LARGEST_FILE = 8 * 1024**3
"""Larger than any compiled model."""
_READ = ("/usr", "/lib", "/lib64", "/sys", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version")
_READ_TOO = ("/etc/ld.so.cache", "/etc/localtime", "/etc/OpenCL", "/dev/urandom", "/dev/zero")
_DEVICES = ("/dev/dri", "/dev/accel")
"""Graphics and neural processors."""
_FORBIDDEN = (
    *("socket", "connect", "accept", "socketpair", "bind", "listen", "accept4"),
    *("execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd"),
    *("mount", "umount2", "pivot_root", "chroot", "unshare", "setns"),
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup"),  # the last gives sockets too
    *("add_key", "request_key", "keyctl", "init_module", "finit_module", "delete_module", "kexec_load"),
    "open_by_handle_at",  # files without their path
)
"""Calls that a process which looks at pictures never makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the worker may get at, and by whom it is to be run where it begins as root."""

    uid: int
    memory_bytes: int
    read: Sequence[Path]
    write: Sequence[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """Which level was reached, in words."""

    user: str
    network: str
    files: str
    calls: str
    memory: str
    cache: str

    def said(self) -> dict[str, str]:
        """Return it as it is told."""
        return asdict(self)


def confine(needs: Needs) -> Confinement:
    """Confine this process, once and for all. It must have one thread only."""
    parent = os.getppid()
    os.umask(0o077)
    memory = _limit(needs.memory_bytes)
    libraries = _libraries()
    has_landlock = kernel.landlock_version() > 0
    kept = _kept_powers(has_landlock=has_landlock)
    becomes = needs.uid if os.getuid() == 0 and (kept or _can_read_as(needs.uid, libraries)) else os.getuid()
    for folder in needs.write:
        _prepare(folder, becomes)
    network = _leave_the_network()
    user = _change_user(becomes, kept) if becomes == needs.uid else _stay(needs.uid)
    with suppress(OSError):
        kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:  # the bridge has ended meanwhile
        os._exit(0)
    kernel.no_new_privileges()
    files = _restrict(needs, libraries) if has_landlock else "any that its user may get at: this kernel has no Landlock"
    calls = _forbid()
    if not network:
        network = "none: the calls for it are refused" if calls == _REFUSED else "open: this system lets nothing be taken away"
    cache = "its own" if all(can_write(folder) for folder in needs.write) else "none: it can't be written to"
    return Confinement(user=user, network=network, files=files, calls=calls, memory=memory, cache=cache)


_REFUSED = "those for network, programs, other processes and the kernel are refused"


def _limit(memory_bytes: int) -> str:
    yield_by(_NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")  # before anything of the bridge's
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_NOFILE, _MOST_FILES)
    _lower(resource.RLIMIT_FSIZE, _LARGEST_FILE)
    # Data, not address space: libraries and mapped models reserve gigabytes that they never use.
    if not _lower(resource.RLIMIT_DATA, memory_bytes):
        return "watched by the bridge"
    return f"at most {memory_bytes // 2**20} MB, watched by the bridge too"


def _lower(which: int, most: int) -> bool:
    _, hard = resource.getrlimit(which)
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(which, (bound, bound))
    except (OSError, ValueError):
        return False
    return True


def _prepare(folder: Path, owner: int) -> None:
    """Make a folder that this process may write to, for its user only.

    One that is there and has something in it, and is not that user's, stays as it is: it may be anybody's.
    """
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == owner or not any(folder.iterdir()):
            if os.getuid() != owner:
                os.chown(folder, owner, owner, follow_symlinks=False)
            folder.chmod(0o700)


def can_write(folder: Path) -> bool:
    """Say whether this process can make files in it."""
    return os.access(folder, os.W_OK | os.X_OK, effective_ids=True)


def _leave_the_network() -> str:
    for flags in (kernel.CLONE_NEWNET, kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET):
        with suppress(OSError):
            kernel.unshare(flags)
            return "none: a namespace of its own"
        if os.getuid() == 0:
            break
    return ""


def _kept_powers(*, has_landlock: bool) -> int:
    """Return which of root's powers are kept: to read files whose modes forbid it, where Landlock bounds which these are.

    So a model with the mode 0600 can be read, and a Python below /root.
    """
    if os.getuid() != 0 or not has_landlock:
        return 0
    try:
        return kernel.capabilities() & 1 << kernel.CAP_DAC_READ_SEARCH
    except OSError:
        return 0


def _change_user(uid: int, kept: int) -> str:
    """Become that user, and keep that of root's powers. This begins as root."""
    try:
        kernel.keep_capabilities()
        os.setgroups(_device_groups())
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        if os.getuid() == 0:
            return f"root: {error.strerror}"
    with suppress(OSError):
        kernel.set_capabilities(kept)
        _lower(resource.RLIMIT_NPROC, _MOST_PROCESSES)
    return f"{uid}, its own"


def _stay(uid: int) -> str:
    """Give all powers away, and stay who this is."""
    why = "" if os.getuid() != 0 else f"root without its powers, for user {uid} can't read Python in {sys.prefix}"
    try:
        kernel.set_capabilities(0)
    except OSError:
        why = why.replace("without its powers, ", "")
    return why or "the bridge's"


def _can_read_as(uid: int, libraries: Sequence[Path]) -> bool:
    """Say whether that user can read what Python loads."""
    try:
        os.setresuid(-1, uid, -1)
    except OSError:
        return False
    try:
        return all(os.access(path, os.R_OK | os.X_OK, effective_ids=True) for path in libraries)
    finally:
        os.setresuid(-1, 0, -1)


def _device_groups() -> list[int]:
    """Return the groups that may use graphics and neural processors."""
    groups = set()
    for folder in _DEVICES:
        with suppress(OSError):
            groups |= {path.stat().st_gid for path in Path(folder).iterdir() if not path.is_dir()}
    return sorted(groups - {0})


def _libraries() -> list[Path]:
    """Return the directories from which Python loads."""
    places = [*sys.path, sys.prefix, sys.base_prefix, str(Path(vms_bridge.__file__).parent)]
    found = dict.fromkeys(Path(place).resolve() for place in places if place)
    return [path for path in found if path.is_dir() and path != Path("/")]


def _restrict(needs: Needs, libraries: Sequence[Path]) -> str:
    allowed = [(path, kernel.READ) for path in (*libraries, *map(Path, (*_READ, *_READ_TOO)), *needs.read)]
    allowed += [(Path(path), kernel.DEVICE) for path in (*_DEVICES, "/dev/null")]
    allowed += [(path, kernel.WRITE) for path in needs.write]
    try:
        kernel.restrict_files(allowed)
    except OSError as error:
        return f"any that its user may get at: {error.strerror}"
    return "the models', and libraries', to read; its cache's"


def _forbid() -> str:
    machine = this_machine()
    if machine is None:
        return "any: it is not known how calls are numbered on this machine"
    rules = [Rule(call, answer=refuse()) for call in _FORBIDDEN]
    try:
        kernel.look_at_calls(program(machine, rules, default=ALLOW, foreign=refuse()))
    except OSError as error:
        return f"any: {error.strerror}"
    return _REFUSED
