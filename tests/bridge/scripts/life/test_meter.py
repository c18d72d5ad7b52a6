"""What a process uses, read of real processes, of one too whose folder in /proc is hidden."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.clock import FakeClock

import vms_bridge
from vms_bridge.scripts.life.meter import Meter, Usage, usage_of

_MB = 1024 * 1024
STAT = b"7 (a) ) b) S 1 7 7 0 -1 4194560 1000 0 0 0 250 50 0 0 20 0 3 0 100 1000 500 184 0"
STATUS = b"Name:\ta) b\nVmRSS:\t   9000 kB\nRssAnon:\t    3000 kB\nRssFile:\t    6000 kB\nVmSwap:\t    1000 kB\nThreads:\t3\n"


def test_memory_is_what_is_its_own_wherever_that_lies() -> None:
    assert usage_of(STAT, STATUS) == Usage(300 / os.sysconf("SC_CLK_TCK"), 4000 * 1024, 3)
    without_swap = STATUS.replace(b"VmSwap:\t    1000 kB\n", b"")
    assert usage_of(STAT, without_swap) == Usage(300 / os.sysconf("SC_CLK_TCK"), 3000 * 1024, 3)


def opened(pid: int) -> Meter:
    meter = Meter(pid)
    asyncio.run(meter.open(FakeClock()))
    return meter


def test_use_is_read_of_a_process_until_it_has_ended() -> None:
    own = opened(os.getpid())
    found = own.read()
    own.close()
    assert found is not None
    assert (found.processor_s > 0, found.memory_bytes > _MB) == (True, True)
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        meter = opened(process.pid)
        read = meter.read()
        assert (read is not None and read.threads) == 1  # of this one the tests' own tools have an unknown number
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert meter.read() is None, "ended, and its parent has not asked yet"
    assert meter.read() is None
    meter.close()
    assert meter.read() is None


def test_where_there_is_nothing_to_read_that_is_an_error() -> None:
    meter = opened(2**22 + 1)
    with pytest.raises(OSError, match="No such file"):
        meter.read()
    meter.close()


async def test_who_is_hidden_for_a_moment_is_measured_from_then_on(tmp_path: Path) -> None:
    clock, meter, folder = FakeClock(), Meter(os.getpid(), root=tmp_path), tmp_path / str(os.getpid())
    opening = asyncio.create_task(meter.open(clock))
    await clock.advance(1.0)
    assert not opening.done()
    folder.mkdir()
    (folder / "stat").write_bytes(STAT)
    await clock.advance(1.0)
    with pytest.raises(OSError, match="status"):
        meter.read()
    (folder / "status").write_bytes(STATUS)
    await clock.advance(0.1)
    await opening
    assert meter.read() == usage_of(STAT, STATUS)
    meter.close()


HIDDEN = """
import sys
sys.path.insert(0, sys.argv[1])
import asyncio, ctypes, json, os
from pathlib import Path
from vms_bridge.clock import SystemClock
from vms_bridge.confine import kernel
from vms_bridge.scripts.life.process import Worker
from vms_bridge.scripts.life.values import Begin

class Deaf:
    def logged(self, level, text, line):
        pass

async def refuse(ask):
    raise AssertionError(ask)

def hide():
    "As of a service with ProtectProc=invisible, and of root in a container: others are not to be looked into."
    libc = ctypes.CDLL(None, use_errno=True)
    kernel.unshare(0x2_0000)
    for arguments in ((b"none", b"/", None, 0x4_4000, None), (b"proc", b"/proc", b"proc", 0, b"hidepid=2")):
        if libc.mount(*arguments):
            raise OSError(ctypes.get_errno(), "mount")
    os.setgroups([])
    os.setresgid(61_001, 61_001, 61_001)  # whose group is root's sees all
    libc.prctl(24, 19, 0, 0, 0)  # what is executed has no CAP_SYS_PTRACE either
    kernel.set_capabilities(kernel.capabilities() & ~(1 << 19))

async def main():
    worker = await Worker.start(Begin(uid=61_000), SystemClock(), answer=refuse, listener=Deaf())
    try:
        await worker.level()
        used = worker.usage()
        print(json.dumps({"seen": Path(f"/proc/{worker.pid}").exists(), "bytes": used and used.memory_bytes}))
    finally:
        await worker.close()

hide()
asyncio.run(main())
"""


@pytest.mark.timeout(60)
@pytest.mark.skipif(os.getuid() != 0, reason="it takes root to hide processes")
def test_a_locked_worker_is_measured_where_its_folder_in_proc_is_hidden() -> None:
    done = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-c", HIDDEN, str(Path(vms_bridge.__file__).parents[1])],
        capture_output=True,
        check=False,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["seen"] is False
    assert found["bytes"] > 3 * _MB
