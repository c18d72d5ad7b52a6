"""How the process of a script is locked down, and what it says where that can't be done: each tried in a process of its own.

What a kernel does not have is taken away from it by a filter of our own around that process.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import pytest

import vms_bridge
from vms_bridge.confine import kernel

PYTHONS_FOLDER = str(Path(vms_bridge.__file__).parents[1])
IS_ROOT = os.getuid() == 0
NEEDS_ROOT = pytest.mark.skipif(not IS_ROOT, reason="it is about what root can give away")
UID = 20_000 + os.getpid() % 20_000
"""Of these tests in this process: the kernel counts the threads of a user together, and one test takes all that there may be."""

Done = subprocess.CompletedProcess[str]

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(platform.machine() not in {"x86_64", "aarch64"}, reason="scripts do not run on this machine"),
]

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import ctypes, dataclasses, errno, json, os, threading
from vms_bridge.confine import kernel
from vms_bridge.confine.bpf import ALLOW, Argument, Rule, program, refuse
from vms_bridge.confine.calls import this_machine
from vms_bridge.scripts.worker.lockdown import Level, Needs, Refused, lock_down
from vms_bridge.scripts.worker.selftest import self_test

def without(**calls):
    machine = this_machine()
    more = {"landlock_create_ruleset": 444, "landlock_restrict_self": 446}
    only = {"prctl": (Argument(0, (22,)),)}  # PR_SET_SECCOMP
    machine = dataclasses.replace(machine, numbers={**machine.numbers, **more})
    kernel.no_new_privileges()
    kernel.look_at_calls(program(
        machine, [Rule(call, only.get(call, ()), refuse(number)) for call, number in calls.items()], default=ALLOW, foreign=ALLOW
    ))

def say(**what):
    print(json.dumps(what), flush=True)

needs, before, after = json.loads(sys.argv[2]), sys.argv[3], sys.argv[4]
exec(before)
try:
    level = lock_down(Needs(**needs))
    self_test(level)
except Refused as refused:
    say(code=refused.code, text=refused.text)
    sys.exit(78)
say(level=level.name, **level.details)
exec(after)
"""


def run(before: str = "", after: str = "", *, output: IO[bytes] | int = subprocess.PIPE, **needs: object) -> Done:
    wanted = {"memory_bytes": 256 * 1024**2, "uid": UID if IS_ROOT else None, **needs}
    return subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-I", "-S", "-c", PROGRAM, PYTHONS_FOLDER, json.dumps(wanted), before, after],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
        env={},
        text=True,
        timeout=50,
    )


def said(done: Done) -> dict[str, str]:
    assert done.stdout, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[0])
    return found


def test_all_layers_where_they_are_there() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    found = said(done)
    assert found["level"] == ("seccomp+landlock" if kernel.landlock_version() else "seccomp")
    assert found["user"] == (f"{UID}, its own" if IS_ROOT else "the bridge's")
    assert found["memory"] == "at most 256 MB of addresses"
    assert found["calls"].startswith("those that Python needs")


def test_seccomp_alone_holds_where_there_is_no_landlock() -> None:
    found = said(run("without(landlock_create_ruleset=errno.ENOSYS)"))
    assert found["level"] == "seccomp"
    assert found["files"] == "none by the calls that are refused, for Landlock is not to be had here"


@pytest.mark.skipif(not kernel.landlock_version(), reason="this kernel has no Landlock")
def test_landlock_that_is_refused_is_told() -> None:
    found = said(run("without(landlock_restrict_self=errno.E2BIG)"))
    assert found["level"] == "seccomp"
    assert "Landlock can't be had" in found["files"]


def test_without_seccomp_nothing_runs() -> None:
    done = run("without(prctl=errno.EACCES)")
    assert done.returncode == 78
    found = said(done)
    assert found["code"] == "seccomp"
    assert found["text"].startswith("the kernel refuses the filter that holds scripts")


def test_where_that_was_chosen_it_runs_by_its_user_and_its_limits_alone() -> None:
    take_away = "without(prctl=errno.EACCES, landlock_create_ruleset=errno.ENOSYS)"
    done = run(
        take_away, "say(root=open('/proc/self/status').read().count('NoNewPrivs:\\t1'), uids=os.getresuid())", level="process"
    )
    found = said(done)
    assert found["level"] == "process"
    assert "takes no seccomp filter" in found["calls"]
    told = json.loads(done.stdout.splitlines()[1])
    assert told["root"] == 1
    assert told["uids"] == ([UID] * 3 if IS_ROOT else list(os.getresuid()))


def test_nobody_may_look_into_it() -> None:
    """Where the bridge is not root: who changes the user is not to be looked into by that alone."""
    become = (
        f"import encodings.ascii; os.setgroups([]); os.setresgid(*[{UID}] * 3); os.setresuid(*[{UID}] * 3)" if IS_ROOT else ""
    )
    look = "ctypes.CDLL(None).prctl({}, 0, 0, 0)"
    before = f"{become}\n{look.format('4, 1')}\nwithout(prctl=errno.EACCES)\nsay(before={look.format('3, 0')})"
    done = run(before, f"say(after={look.format('3, 0')})", uid=None, level="process")
    assert [json.loads(line) for line in done.stdout.splitlines()[::2]] == [{"before": 1}, {"after": 0}], done.stderr


def test_what_is_there_is_used_all_the_same_where_less_was_chosen() -> None:
    assert said(run(level="process"))["level"].startswith("seccomp")


UNKNOWN = "ctypes.CDLL(None).personality(8)"  # PER_LINUX32: the kernel says that it is another machine


@pytest.mark.skipif(platform.machine() != "x86_64", reason="aarch64 has no other name of 32 bits everywhere")
def test_a_machine_that_is_not_known_runs_nothing() -> None:
    found = said(run(UNKNOWN))
    assert found["code"] == "machine"
    assert "i686" in found["text"]
    chosen = said(run(UNKNOWN, level="process"))
    assert chosen["level"] == "process"
    assert "not known how they are numbered" in chosen["calls"]


def test_a_second_thread_would_stay_as_it_was() -> None:
    found = said(run("threading.Thread(target=threading.Event().wait, daemon=True).start()"))
    assert found["code"] == "threads"


def test_threads_that_are_made_later_are_held_too() -> None:
    tries = """
def opens():
    try:
        os.open('/', os.O_RDONLY)
    except OSError as error:
        say(number=error.errno)
thread = threading.Thread(target=opens)
thread.start()
thread.join()
"""
    done = run("", tries)
    assert json.loads(done.stdout.splitlines()[1]) == {"number": errno.EPERM}, "by seccomp: Landlock says EACCES"


def test_descriptors_that_lead_somewhere_are_closed() -> None:
    opens = "opened = [os.open('/', os.O_RDONLY), os.open('/etc/passwd', os.O_RDONLY), os.open('/', os.O_PATH)]; kept = os.pipe()"
    opens += "; import socket; pair = socket.socketpair(); there = socket.socket()"
    tries = """
def is_open(descriptor):
    try:
        os.write(descriptor, b'')
    except OSError as error:
        return error.errno != errno.EBADF
    return True
say(opened=[is_open(each) for each in opened], kept=is_open(kept[1]))
say(pair=is_open(pair[0].fileno()), there=is_open(there.fileno()))
"""
    done = run(opens, tries)
    said(done)
    files, sockets = map(json.loads, done.stdout.splitlines()[1:])
    assert files == {"opened": [False] * 3, "kept": True}
    assert sockets == {"pair": True, "there": False}


def test_a_standard_file_on_the_disk_is_refused() -> None:
    with tempfile.TemporaryFile() as file:
        done = run(output=file)
        file.seek(0)
        found = json.loads(file.read())
    assert done.returncode == 78
    assert found["code"] == "descriptors"


def test_memory_that_python_alone_takes_is_too_little() -> None:
    found = said(run(memory_bytes=8 * 1024**2))
    assert found["code"] == "memory"
    assert "of the script's 8 MB" in found["text"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="its bytes are code of x86_64")
def test_data_is_not_executed_even_where_this_was_started_so() -> None:
    executes = r"""
import mmap
made = mmap.mmap(-1, 4096, flags=0x22, prot=3)
made.write(b'\xc3' * 16)
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(made)))()
say(executed=True)
"""
    old = "import mmap; ctypes.CDLL(None).personality(0x400000)"
    control = run(old + "\n" + executes)
    assert json.loads(control.stdout.splitlines()[0]) == {"executed": True}
    done = run(old, executes)
    assert said(done)["level"].startswith("seccomp")
    assert done.returncode == -signal.SIGSEGV


@pytest.mark.skipif(platform.machine() != "x86_64", reason="its bytes are code of x86_64")
def test_memory_of_native_libraries_that_can_be_written_and_executed_is_sealed() -> None:
    makes = "import mmap; made = mmap.mmap(-1, 4096, flags=0x22, prot=7); made.write(b'\\xc3' * 16)"
    calls = "ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(made)))(); say(runs=True); made[0] = 0x90"
    done = run(makes, calls)
    assert json.loads(done.stdout.splitlines()[1]) == {"runs": True}
    assert done.returncode == -signal.SIGSEGV


@NEEDS_ROOT
def test_a_user_of_its_own_has_so_many_threads_and_no_more() -> None:
    starts = """
threading.stack_size(64 << 10)
over = threading.Event()
made = []
try:
    for _ in range(1_000):
        made.append(threading.Thread(target=over.wait, daemon=True))
        made[-1].start()
except RuntimeError:
    pass
over.set()
say(started=len(made))
"""
    done = run("", starts, uid=50_000 + os.getpid() % 10_000)
    said(done)
    assert json.loads(done.stdout.splitlines()[1]) == {"started": 256}


@NEEDS_ROOT
def test_root_names_who_is_to_run_it() -> None:
    for nobody in (None, 0):
        assert said(run(uid=nobody))["code"] == "user"


WITHOUT_SETUID = "kernel.set_capabilities(kernel.capabilities() & ~(1 << 6) & ~(1 << 7))"


@NEEDS_ROOT
def test_root_that_may_not_change_its_user_keeps_no_power() -> None:
    done = run(WITHOUT_SETUID)
    assert said(done)["user"].startswith("root without its powers")
    assert said(run(WITHOUT_SETUID, level="process"))["code"] == "user"


IN_BETWEEN = """
import os, signal, subprocess, sys
child = subprocess.Popen(
    sys.argv[2:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(int(sys.argv[1]),)
)
print(child.stdout.readline().decode(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_who_started_it() -> None:
    """The process in between is killed; that its child ends shows by a pipe that nobody has open any more."""
    wanted = json.dumps({"memory_bytes": 256 * 1024**2, "uid": UID if IS_ROOT else None})
    read_end, write_end = os.pipe()
    waits = "import time\nwhile True: time.sleep(60)"
    program = [sys.executable, "-I", "-S", "-c", PROGRAM, PYTHONS_FOLDER, wanted, "", waits]
    with subprocess.Popen(  # noqa: S603 - the programs above
        [sys.executable, "-I", "-S", "-c", IN_BETWEEN, str(write_end), *program], stdout=subprocess.PIPE, pass_fds=(write_end,)
    ) as between:
        os.close(write_end)
        assert between.stdout is not None
        assert b"seccomp" in between.stdout.read()
        assert between.wait() == -signal.SIGKILL
    assert os.read(read_end, 1) == b""
    os.close(read_end)


TESTS_ITSELF = """
try:
    self_test(Level(name='seccomp', details={}))
except Refused as refused:
    say(code=refused.code, text=refused.text)
    os._exit(0)
"""


def test_without_a_boundary_a_hole_is_found() -> None:
    found = said(run(TESTS_ITSELF))
    assert found["code"] == "hole"
    assert "a directory can be opened" in found["text"]


def with_rules(made: str) -> dict[str, str]:
    """Have a filter of other rules in place of ours, made of what is `listed`, and return what the self-test says of it."""
    other = f"""
from vms_bridge.confine.bpf import KILL_PROCESS
from vms_bridge.scripts.worker import rules
listed = rules.allowed(os.getpid())
kernel.no_new_privileges()
kernel.look_at_calls(program(this_machine(), {made}, default=refuse(), foreign=KILL_PROCESS))
"""
    return said(run(other + TESTS_ITSELF))


@pytest.mark.parametrize(
    ("call", "hole"),
    [
        ("mmap", "memory can be made that is executed"),
        ("mprotect", "memory can be made executable"),
        ("personality", "personality can be called"),
        ("io_uring_setup", "io_uring_setup can be called"),
        ("execve", "a program can be executed"),
        ("kill", "a signal"),
        ("socket", "a socket for the network can be made"),
        ("clone", "another process can be made"),
    ],
)
def test_each_call_too_many_is_a_hole_that_is_found(call: str, hole: str) -> None:
    found = with_rules(f"[*(each for each in listed if each.call != {call!r}), Rule({call!r})]")
    assert found["code"] == "hole"
    assert hole in found["text"]


def test_a_call_that_python_needs_is_missed() -> None:
    found = with_rules("[each for each in listed if each.call not in ('clone', 'clone3')]")
    assert found["code"] == "needs"
