"""Attempts to make processes, to become somebody else, and to get at the bridge and other processes."""

from __future__ import annotations

from tests.bridge.scripts.escapes.attempts import DIFFERS, ENOSYS, NOT_TRIED, python, raw

# The C library has all threads of a process change their user, by a signal (33) whose handler it can't set: so it ends itself.
_BUFFER = "ctypes.create_string_buffer(128)"

ATTEMPTS = (
    python("fork", "p = os.fork()\nif p == 0:\n    os._exit(0)\nreturn os.waitpid(p, 0)", is_kernels=True),
    python(
        "fork with a terminal",
        "import pty\np, f = pty.fork()\nif p == 0:\n    os._exit(0)\nreturn os.waitpid(p, 0)",
        outside=DIFFERS,
        by="OSError",
        number=None,
        text="out of pty devices",
    ),
    python("a program by subprocess", "import subprocess\nreturn subprocess.run(['/bin/true']).returncode", is_kernels=True),
    python("a program by spawn", "p = os.posix_spawn('/bin/true', ['true'], {})\nreturn os.waitpid(p, 0)", is_kernels=True),
    python(
        "a shell",
        """
        status = os.system('exit 7')
        if status != 7 << 8:
            raise OSError(1, f'system returned {status}')
        return status""",
    ),
    python("be another program", "os.execv('/bin/true', ['true'])", outside=NOT_TRIED, is_kernels=True),
    python("be another program that is not there", "os.execv('/vms-bridge-no-such-file', ['x'])", outside=DIFFERS),
    python(
        "a program through objects' subclasses",
        """
        import subprocess
        found = [each for each in object.__subclasses__() if each.__name__ == 'Popen']
        return found[0](['/bin/true']).wait()""",
    ),
    python(
        "a program by deserialising",
        """
        import pickle
        status = pickle.loads(b"cposix\\nsystem\\n(S'exit 7'\\ntR.")
        if status != 7 << 8:
            raise OSError(1, f'system returned {status}')
        return status""",
    ),
    python(
        "fork by deserialising",
        "import pickle\np = pickle.loads(b'cposix\\nfork\\n(tR.')\nif p == 0:\n    os._exit(0)\nreturn os.waitpid(p, 0)",
    ),
    python("wait for processes", "return os.wait()", by="PermissionError", outside=DIFFERS),
    python("signal the bridge", "return os.kill(BRIDGE, 0)", is_kernels=True),
    python("end the bridge", "return os.kill(BRIDGE, 15)", outside=NOT_TRIED, is_kernels=True),
    python("signal everybody", "return os.kill(-1, 0)", is_kernels=True, outside=DIFFERS),
    python("signal one's group", "return os.kill(0, 0)", is_kernels=True),
    python("signal the bridge's group", "return os.killpg(os.getpgid(BRIDGE), 0)", is_kernels=True),
    python("signal init", "return os.kill(1, 0)", is_kernels=True, outside=DIFFERS),
    python(
        "signal the bridge by a descriptor",
        "import signal\nreturn signal.pidfd_send_signal(os.pidfd_open(BRIDGE), 0)",
        is_kernels=True,
    ),
    python("wait for a signal", "import signal\nreturn signal.sigtimedwait([signal.SIGUSR1], 0.01)", outside=DIFFERS),
    python(
        "take a limit away",
        "import resource\nreturn resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        by="ValueError",
        number=None,
        text="not allowed to raise maximum limit",
        outside=DIFFERS,
        is_kernels=True,
    ),
    python(
        "change a limit",
        "import resource\nreturn resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))",
        by="ValueError",
        number=None,
        text="not allowed to raise maximum limit",
    ),
    python(
        "look at the bridge's limits", "import resource\nreturn resource.prlimit(BRIDGE, resource.RLIMIT_NOFILE)", is_kernels=True
    ),
    python(
        "change the bridge's limits",
        "import resource\nreturn resource.prlimit(BRIDGE, resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))",
        outside=NOT_TRIED,
        is_kernels=True,
    ),
    python("be less nice", "return os.nice(-5)", is_kernels=True),
    python(
        "come before others",
        "return os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
        is_kernels=True,
        outside=DIFFERS,
    ),
    python(
        "change the bridge's priority",
        "return os.setpriority(os.PRIO_PROCESS, BRIDGE, os.getpriority(os.PRIO_PROCESS, BRIDGE))",
        is_kernels=True,
    ),
    python("choose one's processors", "return os.sched_setaffinity(0, os.sched_getaffinity(0))", is_kernels=True),
    python("look at the bridge's processors", "return os.sched_getaffinity(BRIDGE)", is_kernels=True),
    python("change the bridge's processors", "return os.sched_setaffinity(BRIDGE, {0, 1})", is_kernels=True, outside=NOT_TRIED),
    python("be root", "return os.setuid(0)", by="signal 33", number=None, is_kernels=True),
    python("be root's group", "return os.setgid(0)", by="signal 33", number=None, is_kernels=True),
    python("be in groups", "return os.setgroups([0])", by="signal 33", number=None, is_kernels=True),
    python("be root again", "return os.setresuid(0, 0, 0)", by="signal 33", number=None, is_kernels=True),
    raw("setuid", "0"),
    raw("setresuid", "0, 0, 0"),
    raw("setresgid", "0, 0, 0"),
    raw("setgroups", "0, None"),
    raw("setfsuid", "0"),
    python("a session of its own", "return os.setsid()", outside=DIFFERS),
    python("the bridge's group", "return os.setpgid(0, os.getpgrp())", outside=DIFFERS),
    python(
        "run code in the bridge",
        "import sys\nreturn sys.remote_exec(BRIDGE, '/vms-bridge-no-such-file.py')",
        needs="remote_exec",
        is_kernels=True,
        outside=NOT_TRIED,
    ),
    python(
        "run code in itself by the debugger's way",
        "import sys\nreturn sys.remote_exec(os.getpid(), '/vms-bridge-no-such-file.py')",
        needs="remote_exec",
        is_kernels=True,
        outside=DIFFERS,
    ),
    python(
        "the clock of the bridge's processor time", "import time\nreturn time.clock_gettime((~BRIDGE << 3) | 2)", is_kernels=True
    ),
    raw("clone", "17, None, None, None, None", name="clone a process", outside=NOT_TRIED),
    raw("clone", "0x4000 | 0x100 | 17, None, None, None, None", name="clone as vfork does", outside=NOT_TRIED),
    raw("clone", "0x10000000 | 0x3D0F00, None, None, None, None", name="clone a thread with namespaces"),
    raw("clone3", f"{_BUFFER}, 88", number=ENOSYS, by="OSError", name="clone3", outside=NOT_TRIED),
    raw("execveat", "-100, b'/vms-bridge-no-such-file', None, None, 0"),
    raw("execveat", "1, b'', None, None, 0x1000", name="execveat of a descriptor"),
    raw("unshare", "0x10000000", outside=NOT_TRIED),
    raw("unshare", "0"),
    raw("setns", "FD, 0"),
    raw("ptrace", "16, BRIDGE, None, None", name="ptrace: attach to the bridge", outside=NOT_TRIED),
    raw("ptrace", "0x4206, 999999, None, None", name="ptrace: seize somebody"),
    raw("process_vm_readv", "BRIDGE, None, 0, None, 0, 0"),
    raw("process_vm_writev", "BRIDGE, None, 0, None, 0, 0"),
    raw("process_madvise", "FD, None, 0, 0, 0"),
    raw("pidfd_open", "BRIDGE, 0"),
    raw("pidfd_getfd", "FD, 0, 0"),
    raw("pidfd_send_signal", "FD, 0, None, 0"),
    raw("kcmp", "BRIDGE, BRIDGE, 99, 0, 0"),
    raw("tgkill", "BRIDGE, BRIDGE, 0"),
    raw("tkill", "BRIDGE, 0"),
    raw("kill", "(1 << 32) | os.getpid(), 0", name="kill itself, with what is beyond 32 bits"),
    raw("rt_sigqueueinfo", f"BRIDGE, 0, {_BUFFER}"),
    raw("rt_sigaction", "24, None, None, 8", name="a handler for the limit of the processor"),
    raw("get_robust_list", f"BRIDGE, {_BUFFER}, {_BUFFER}"),
    raw("capset", "None, None"),
    raw("ioprio_set", "1, 0, 99"),
    raw("sched_setattr", "0, None, 0"),
    raw("prctl", "4, 1, 0, 0, 0", name="prctl: be looked into"),
    raw("prctl", "1, 0, 0, 0, 0", name="prctl: outlive the bridge"),
    raw("prctl", "3, 0, 0, 0, 0", name="prctl: ask whether it is looked into"),
    raw("prctl", "15, b'bridge', 0, 0, 0", name="prctl: have another name"),
    raw("prctl", "22, 2, None, 0, 0", name="prctl: another filter"),
    raw("prctl", "35, 0, 0, 0, 0", name="prctl: say what memory is what"),
    raw("prctl", "0x59616d61, 1, 0, 0, 0", name="prctl: be traced by anybody"),
    raw("futex", f"{_BUFFER}, 6, 0, None, None, 0", name="futex: a lock that inherits"),
    raw("futex", f"{_BUFFER}, 8 | 128, 0, None, None, 0", name="futex: try a lock that inherits"),
    raw("futex", f"{_BUFFER}, 3, 0, 1, {_BUFFER}, 0", name="futex: move who waits"),
    raw("futex", f"{_BUFFER}, 4, 0, 1, {_BUFFER}, 0", name="futex: move who waits, after a look"),
    raw("futex", f"{_BUFFER}, 5, 0, 1, {_BUFFER}, 0", name="futex: wake and reckon"),
    raw("futex", f"{_BUFFER}, 12, 1, 0, {_BUFFER}, 0", name="futex: move who waits to a lock that inherits (CVE-2014-3153)"),
    raw("futex_waitv", "None, 0, 0, None, 0"),
    raw("seccomp", "1, 0, None"),
    raw("landlock_create_ruleset", "None, 0, 1"),
    raw("landlock_restrict_self", "-1, 0"),
)
