"""A script's process is locked down within what our systemd unit leaves a service, by filters such as systemd makes of it."""

from __future__ import annotations

import dataclasses
import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.bridge.scripts.escapes.attempts import numbers
from tests.bridge.scripts.worker.test_lockdown import run, said

from vms_bridge.confine import kernel
from vms_bridge.confine.bpf import ALLOW, Argument, Rule, program, refuse
from vms_bridge.confine.calls import this_machine

UNIT = Path(__file__).parents[4] / "examples/systemd/vms-bridge.service"
LANDLOCK = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}
NOBODY = 65_534
pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(platform.machine() not in {"x86_64", "aarch64"}, reason="scripts do not run on this machine"),
]


@pytest.fixture(scope="module")
def groups() -> dict[str, list[str]]:
    """Systemd's groups of calls, as it says them itself."""
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        if "VMS_BRIDGE_REQUIRE_REAL" in os.environ:
            raise FileNotFoundError("systemd-analyze")
        pytest.skip("systemd is not installed")
    told = subprocess.run([analyse, "syscall-filter"], capture_output=True, check=True, text=True, timeout=19).stdout  # noqa: S603 - it lists
    found: dict[str, list[str]] = {}
    for line in told.splitlines():
        if line.startswith("@"):
            found[line.split()[0]] = members = []
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())
    return found


def calls_of(groups: dict[str, list[str]], name: str) -> set[str]:
    """Return the calls that a word of `SystemCallFilter=` stands for."""
    if not name.startswith("@"):
        return {name}
    return set().union(*(calls_of(groups, each) for each in groups[name]))


def settings() -> list[tuple[str, str]]:
    lines = [line.strip() for line in UNIT.read_text(encoding="utf-8").splitlines()]
    return [(name, value) for line in lines if "=" in line and line[0] != "#" for name, _, value in [line.partition("=")]]


def let_through(groups: dict[str, list[str]]) -> set[str]:
    """Return the calls that the unit lets through, by its lines one after the other."""
    found = calls_of(groups, "@default")
    for name, value in settings():
        if name == "SystemCallFilter":
            words = value.removeprefix("~").split()
            listed = set().union(*(calls_of(groups, word) for word in words))
            found = found - listed if value.startswith("~") else found | listed
    return found


def within(allowed: set[str]) -> str:
    """Return a program that has this process be a service of that unit, as its user and behind its filters."""
    machine = this_machine()
    assert machine is not None
    known = {name: number for name, number in numbers(tuple(sorted(allowed | LANDLOCK))).items() if number >= 0}
    machine = dataclasses.replace(machine, numbers={**machine.numbers, **known})
    may_ask = Rule("personality", (Argument(0, (0,)),))  # LockPersonality
    rules = [may_ask if call == "personality" else Rule(call) for call in sorted(known.keys() & allowed)]
    listed = program(machine, rules, default=refuse(), foreign=refuse())
    both, execute = (2 | 4,), 4
    refused = [  # MemoryDenyWriteExecute, RestrictNamespaces
        Rule("mmap", (Argument(2, both, 2 | 4),), refuse()),
        Rule("mprotect", (Argument(2, (execute,), execute),), refuse()),
        *(Rule(call, answer=refuse()) for call in ("unshare", "setns")),
    ]
    user = f"os.setgroups([]); os.setresgid({NOBODY}, {NOBODY}, {NOBODY}); os.setresuid({NOBODY}, {NOBODY}, {NOBODY})"
    return "\n".join(
        [
            "import encodings.ascii  # while it can be read",
            user if os.getuid() == 0 else "",
            "ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # nobody but who changes its user is not to be looked into",
            "kernel.no_new_privileges()",
            *(
                f"kernel.look_at_calls(bytes.fromhex({each.hex()!r}))"
                for each in (program(machine, refused, default=ALLOW, foreign=ALLOW), listed)
            ),
        ]
    )


def test_the_unit_takes_no_more_than_is_tried_here() -> None:
    takes = {name: value for name, value in settings() if name.startswith(("Lock", "Memory", "Restrict", "SystemCall"))}
    assert takes.keys() == {
        *("LockPersonality", "MemoryDenyWriteExecute"),
        *("RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"),
        *("SystemCallArchitectures", "SystemCallFilter", "SystemCallErrorNumber"),
    }
    assert takes["SystemCallErrorNumber"] == "EPERM"


def test_all_layers_stand_within_the_unit(groups: dict[str, list[str]]) -> None:
    done = run(within(let_through(groups)), uid=None)
    found = said(done)
    assert (done.returncode, found.get("text")) == (0, None)
    assert found["level"] == ("seccomp+landlock" if kernel.landlock_version() else "seccomp")


def test_within_an_older_unit_seccomp_holds_alone(groups: dict[str, list[str]]) -> None:
    """Of systemd 252, whose groups have neither Landlock nor seccomp(2)."""
    found = said(run(within(let_through(groups) - LANDLOCK - {"seccomp"}), uid=None))
    assert found["level"] == "seccomp"
    assert found["files"] == "none by the calls that are refused, for Landlock is not to be had here"


def test_a_service_that_may_take_no_filter_runs_no_scripts(groups: dict[str, list[str]]) -> None:
    found = said(run(within(let_through(groups) - {"prctl", "capget"}), uid=None))
    assert found["code"] == "privileges"
