"""How calls are numbered, held against libseccomp, which knows it for every machine."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import platform

import pytest

from vms_bridge.confine.calls import MACHINES, Machine, this_machine


def resolver() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        if "VMS_BRIDGE_REQUIRE_REAL" in os.environ:
            raise
        pytest.skip("libseccomp2 is not installed")
    library.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    library.seccomp_syscall_resolve_name_arch.restype = ctypes.c_int
    return library


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_libseccomp_numbers_them_the_same(machine: Machine) -> None:
    library = resolver()
    names = sorted({name for each in MACHINES.values() for name in each.numbers})
    found = {name: library.seccomp_syscall_resolve_name_arch(machine.architecture, name.encode()) for name in names}
    there = {name: number for name, number in found.items() if number >= 0}  # below 0: this machine does not have it
    assert there == dict(machine.numbers)
    assert len(there) > 60


def test_this_machine_is_told_by_its_name_and_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    if platform.machine() in MACHINES:
        found = this_machine()
        assert found is not None
        assert found.name == platform.machine()
    said = os.uname()
    for unknown in ("armv7l", "riscv64", "i686", ""):
        monkeypatch.setattr(os, "uname", lambda name=unknown: os.uname_result((*said[:4], name)))
        assert this_machine() is None
