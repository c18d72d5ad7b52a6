"""Runs the script of an attempt in a real worker, as the bridge would start it, and outside of the boundary."""

from __future__ import annotations

import ast
import compileall
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bridge.scripts.escapes.attempts import Attempt, script

import vms_bridge
from vms_bridge.scripts.life.launch import WORKER
from vms_bridge.scripts.wire import HEADER, lengths, pack, read

if TYPE_CHECKING:
    from collections.abc import Sequence

NOBODY = 65_534
SCRIPTS_USER = 40_000 + os.getpid() % 20_000
"""Another one in each process that runs tests: how many threads a user may have is counted over all processes."""
MEMORY_BYTES = 192 * 1024**2
_PATIENCE_S = 60.0
_MARK = "VERDICT "


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an attempt: what it got, or by which exception or signal it failed."""

    worked: str | None = None
    by: str = ""
    number: int | None = None
    text: str = ""


@dataclass(slots=True)
class Outcome:
    """What became of attempts, by their names, and behind what the worker stood."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """How workers are started: by whom, with which Python, and with which copy of the bridge's code."""

    python: Sequence[str]
    code: Path
    as_root: bool

    @property
    def uid(self) -> int | None:
        """Who starts them; None: who runs the tests."""
        return None if self.as_root or os.getuid() != 0 else NOBODY

    def worker(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        """Start a worker with that end of a pair of sockets."""
        uid = self.uid
        return subprocess.Popen(  # noqa: S603 - a worker, as the bridge starts it
            [*self.python, *WORKER[1:-1], str(self.code), str(theirs.fileno())],  # as it says it, but for Python and the folder
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={},
            cwd="/",
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )


def copy_of_code(into: Path) -> Path:
    """Copy what a worker loads to where anybody can read it, and return that folder."""
    source, target = Path(vms_bridge.__file__).parent, into / "vms_bridge"
    (target / "scripts").mkdir(parents=True)
    for name in ("__init__.py", "steps.py", "strict_json.py", "yielding.py", "scripts/__init__.py", "scripts/wire.py"):
        shutil.copyfile(source / name, target / name)
    for name in ("confine", "script", "scripts/worker"):
        shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    assert compileall.compile_dir(into, quiet=1), "the copy can't be compiled"  # once: nobody may keep what he has compiled
    _open_to_all(into)
    return into


def python_for_all(into: Path) -> list[str]:
    """Return how anybody starts a Python of this version: this one, the machine's, or a copy. Raises OSError."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in ([sys.executable], [f"/usr/bin/{version}"]):
        if _runs(candidate):
            return candidate
    base = Path(sys.base_prefix)
    copy, loader = into / base.name, next(base.glob("lib/*/ld-linux*.so.*"), None)
    try:
        shutil.copytree(base, copy, symlinks=True, copy_function=os.link)
    except (OSError, shutil.Error):  # another file system
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(base, copy, symlinks=True)
    _open_to_all(into)
    program = str(copy / "bin" / version)
    if loader is None:
        found = [program]
    else:  # tests/e2e/lab/python314 has linked it to its own libraries by their whole paths
        moved = copy / loader.relative_to(base)
        found = [str(moved), "--library-path", str(moved.parent), "--argv0", program, program]
    if not _runs(found):
        raise OSError(f"nobody can run a copy of Python: {found}")
    return found


def _runs(program: Sequence[str]) -> bool:
    uid = NOBODY if os.getuid() == 0 else None
    try:
        done = subprocess.run(  # noqa: S603 - a Python
            [*program, "-I", "-S", "-c", "import asyncio, ctypes, sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            check=False,
            cwd="/",
            env={},
            extra_groups=None if uid is None else [],
            group=uid,
            text=True,
            timeout=_PATIENCE_S,
            user=uid,
        )
    except OSError:
        return False
    return done.stdout.strip() == f"{sys.version_info.major}.{sys.version_info.minor}"


def _open_to_all(folder: Path) -> None:
    for path in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
        path.chmod(0o755)


def inside(attempts: Sequence[Attempt], start: Start) -> Outcome:
    """Make them one after the other in a worker that has locked itself down, and return what became of it.

    Where the process ends the rest of them is not made.
    """
    ours, theirs = socket.socketpair()
    outcome = Outcome()
    with ours:
        with theirs:
            process = start.worker(theirs)
            text = script(attempts, bridge=os.getpid(), fd=theirs.fileno())
        ours.settimeout(_PATIENCE_S)
        try:
            outcome.level = _begun(ours, text, start)
            _hear(ours, process, outcome)
        finally:
            process.kill()
            _, said = process.communicate()
    missing = [each.name for each in attempts if each.name not in outcome.verdicts]
    for name in missing[:1]:
        outcome.verdicts[name] = Verdict(by=_how(process.returncode), text=said.decode(errors="replace")[-500:])
    return outcome


_OUTSIDE = """
import json, os, socket, sys
for name, text in json.load(sys.stdin):
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        os.setsid()
        ours.close()
        exec(compile(text, name, "exec"), {"GIVEN": theirs.fileno()})
        os._exit(0)
    ours.close()
    theirs.close()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print("ENDED " + json.dumps([name, code]), flush=True)
"""


def outside(attempts: Sequence[Attempt], folder: Path) -> dict[str, Verdict]:
    """Make them without the boundary, each in a process of its own, as who runs the tests."""
    scripts = [(each.name, script([each], bridge=os.getpid(), fd="GIVEN")) for each in attempts]
    done = subprocess.run(  # noqa: S603 - the scripts beside this file, of which none does harm
        [sys.executable, "-I", "-S", "-c", _OUTSIDE],
        input=json.dumps(scripts),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
        cwd=folder,
        env={},
        start_new_session=True,
        text=True,
        timeout=_PATIENCE_S,
    )
    verdicts: dict[str, Verdict] = {}
    for line in done.stdout.splitlines():
        if line.startswith(_MARK):
            _note(line, verdicts)
        elif line.startswith("ENDED "):
            name, code = json.loads(line.removeprefix("ENDED "))
            verdicts.setdefault(name, Verdict(by=_how(code), text=done.stdout[-500:]))
    return verdicts


def _how(code: int) -> str:
    """Say how a process has ended: the name of its signal, where it has one, or its exit code."""
    if code >= 0:
        return f"exit code {code}"
    return next((each.name for each in signal.Signals if each == -code), f"signal {-code}")


def _begun(ours: socket.socket, text: str, start: Start) -> str:
    """Have the worker begin, and give it the script; returns the level that it stands behind."""
    uid = SCRIPTS_USER if start.as_root and os.getuid() == 0 else None
    said = {"t": "begin", "script": "attempt", "memory_bytes": MEMORY_BYTES, "uid": uid, "modules": _modules(text)}
    ours.sendall(pack({**said, "time_zone": "UTC", "level": "sandbox"}))
    answer = _frame(ours)
    assert answer is not None, "the worker has ended before it was locked down"
    assert answer["t"] == "level", answer
    about = {"permissions": {}, "settings": {}, "secrets": [], "test": False, "now": 0}
    ours.sendall(pack({"t": "source", "text": text, "file": "attempt.py", **about}, b"{}"))
    return str(answer["level"])


def _hear(ours: socket.socket, process: subprocess.Popen[bytes], outcome: Outcome) -> None:
    """Hear what the script says, until it has come to its end, or its process has; what says nothing any more is ended."""
    while (said := _said(ours, process)) is not None:
        text = str(said.get("text", ""))
        if said["t"] == "log" and text.startswith(_MARK):
            _note(text, outcome.verdicts)
        if said["t"] == "log" and text == "BEGUN":
            process.kill()
        if said["t"] == "failed":
            raise AssertionError(f"{text}\n{said.get('traceback')}")
        if said["t"] == "ready":
            return
    process.wait(_PATIENCE_S)


def _said(ours: socket.socket, process: subprocess.Popen[bytes]) -> dict[str, Any] | None:
    """Return what it says next. As the bridge does, end it where it says nothing: it may take all of the processor at once."""
    try:
        return _frame(ours)
    except TimeoutError:
        process.kill()
        return None


def _note(line: str, verdicts: dict[str, Verdict]) -> None:
    said = json.loads(line.removeprefix(_MARK))
    name = said.pop("name")
    verdicts[name] = Verdict(**said)


def _frame(ours: socket.socket) -> dict[str, Any] | None:
    header = _exactly(ours, HEADER.size)
    if header is None:
        return None
    json_bytes, data_bytes = lengths(header)
    body = _exactly(ours, json_bytes + data_bytes)
    return None if body is None else read(body[:json_bytes])


def _exactly(ours: socket.socket, size: int) -> bytes | None:
    got = b""
    while len(got) < size:
        try:
            part = ours.recv(size - len(got))
        except ConnectionResetError:
            return None
        if not part:
            return None
        got += part
    return got


def _modules(text: str) -> list[str]:
    """Return the modules that a script imports, as the bridge finds them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return sorted(found)
