"""How a process gives away what it does not need: tried in one of its own, which says what it still can."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from vms_bridge.confine import kernel
from vms_bridge.confine.calls import this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROGRAM = """
import json, os, socket, sys
from pathlib import Path
from vms_bridge.confine import kernel
from vms_bridge.detect.worker.confine import Needs, confine

folder = Path(sys.argv[1])
if len(sys.argv) > 2:  # as in a container: without the powers to read any file, and to make namespaces
    kernel.set_capabilities(kernel.capabilities() & ~(1 << 2) & ~(1 << 21))
found = confine(Needs(uid=65_530, memory_bytes=1 << 30, read=[folder / "models"], write=[folder / "data" / "cache"]))

def tried(work):
    try:
        return str(work() or "")
    except OSError as error:
        return type(error).__name__

def grow():
    try:
        return len(bytearray(2 << 30))
    except MemoryError:
        return "MemoryError"

print(json.dumps({
    **found.said(),
    "model": tried(lambda: (folder / "models" / "a.xml").read_text()),
    "secret": tried(lambda: (folder / "secret").read_text()),
    "linked": tried(lambda: (folder / "models" / "link").read_text()),
    "write_model": tried(lambda: (folder / "models" / "b.xml").write_text("x")),
    "write_cache": tried(lambda: (folder / "data" / "cache" / "blob").write_text("x")),
    "socket": tried(lambda: socket.socket().close()),
    "execute": tried(lambda: os.execv("/bin/true", ["true"])),
    "signal": tried(lambda: os.kill(os.getppid(), 0)),
    "environment": tried(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes()),
    "grow": grow(),
    "uids": os.getresuid(),
    "mode": tried(lambda: oct((folder / "data" / "cache").stat().st_mode & 0o777)),
    "import": __import__("wave").__name__,
}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    models = tmp_path / "models"
    models.mkdir()
    (models / "a.xml").write_text("a model")
    (models / "a.xml").chmod(0o600)
    (tmp_path / "secret").write_text("a secret")
    (models / "link").symlink_to(tmp_path / "secret")
    return tmp_path


def confined(folder: Path, *more: str) -> Mapping[str, object]:
    done = subprocess.run(  # noqa: S603  # the program above
        [sys.executable, "-P", "-c", PROGRAM, str(folder), *more], capture_output=True, check=True, text=True, timeout=20
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_what_is_needed_works_and_nothing_else(folder: Path) -> None:
    found = confined(folder)
    assert found["model"] == "a model"
    assert found["write_cache"] == "1"
    assert found["import"] == "wave"
    assert found["mode"] == "0o700"
    assert found["grow"] == "MemoryError"
    assert found["cache"] == "its own"
    if this_machine() is not None:
        assert found["execute"] == "PermissionError"
    assert found["socket"] == "PermissionError" or "namespace" in str(found["network"])
    if kernel.landlock_version():
        assert found["secret"] == found["linked"] == found["environment"] == "PermissionError"
        assert found["write_model"] == "PermissionError"
    if kernel.landlock_version() >= 6:
        assert found["signal"] == "PermissionError"
    if os.getuid() == 0 and kernel.landlock_version():
        assert found["uids"] == [65_530] * 3
        assert found["user"] == "65530, its own"
        assert (folder / "data" / "cache").stat().st_uid == 65_530


def test_a_folder_of_somebody_else_is_left_as_it_is(folder: Path) -> None:
    cache = folder / "data" / "cache"
    cache.mkdir(parents=True, mode=0o755)
    cache.chmod(0o755)
    (cache / "other").write_text("not the worker's")
    os.chown(cache, 12_345 if os.getuid() == 0 else -1, -1)
    found = confined(folder)
    if os.getuid() == 0:
        assert cache.stat().st_uid == 12_345
        assert found["write_cache"] == "PermissionError"
        assert found["cache"] == "none: it can't be written to"


@pytest.mark.skipif(os.getuid() != 0 or not kernel.landlock_version(), reason="it needs root to be without its powers")
def test_root_of_a_container_may_be_all_that_can_read_python(folder: Path) -> None:
    (folder / "models" / "a.xml").chmod(0o644)
    found = confined(folder, "contained")
    assert found["user"] == "65530, its own" or str(found["user"]).startswith("root without its powers")
    assert found["network"] == "none: the calls for it are refused"
    assert found["socket"] == found["execute"] == "PermissionError"
    assert found["secret"] == found["environment"] == found["write_model"] == "PermissionError"
    assert found["import"] == "wave"
    if str(found["user"]).startswith("root"):
        assert found["write_cache"] == "1"
