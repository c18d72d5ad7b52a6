"""How a child comes later than the bridge: tried in a process of its own, which stays nice."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

GROUPS = Path("/proc/self/autogroup")
PROGRAM = """
import os, sys
from pathlib import Path
from vms_bridge.yielding import yield_by

before = os.nice(0)
if len(sys.argv) > 1:
    yield_by(10, group=Path(sys.argv[1]))
else:
    yield_by(10)
    print(Path("/proc/self/autogroup").read_text())
print(os.nice(0) == min(before + 10, 19), os.sched_getscheduler(0) == os.SCHED_BATCH)
"""


def niced(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - the program above
        [sys.executable, "-P", "-c", PROGRAM, *arguments],
        capture_output=True,
        check=True,
        text=True,
        timeout=20,
        start_new_session=True,
    )
    return done.stdout.strip()


@pytest.mark.skipif(not GROUPS.exists(), reason="this kernel does not group processes by their sessions")
def test_a_session_of_its_own_is_nice_as_a_whole() -> None:
    assert re.fullmatch(r"/autogroup-\d+ nice 10\s+True True", niced())


def test_where_there_are_no_groups_the_process_alone_is(tmp_path: Path) -> None:
    assert niced(str(tmp_path / "none" / "autogroup")) == "True True"
