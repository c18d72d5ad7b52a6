"""The bridge's end of a real worker: starts the process, speaks with it in turns, and says what it has said."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vms_bridge
from vms_bridge.scripts.wire import HEADER, lengths, pack, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

FILE = "gate.py"
PATIENCE_S = 19.0
BOOT = (
    f"import sys; sys.path.append({str(Path(vms_bridge.__file__).parents[1])!r});"
    "from vms_bridge.scripts.worker.main import main; main(int(sys.argv[1]))"
)


class BridgeEnd:
    """Speaks with one worker. What it asks is answered by `answers`, by what is asked for; else with nothing."""

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket) -> None:
        self.process, self._sock = process, sock
        self.answers: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {}
        self.unanswered: set[str] = set()
        self.heard: list[dict[str, Any]] = []
        self.data: dict[int, bytes] = {}
        self._number = 0

    def say(self, said: Mapping[str, Any], data: bytes = b"") -> None:
        self._sock.sendall(pack(said, data))

    def send_raw(self, raw: bytes) -> None:
        self._sock.sendall(raw)

    def hear(self) -> dict[str, Any]:
        """Return the next frame. Raises EOFError at the end."""
        json_bytes, data_bytes = lengths(self._exactly(HEADER.size))
        said, data = read(self._exactly(json_bytes)), self._exactly(data_bytes)
        self.heard.append(said)
        if said["t"] == "ask":
            self.data[said["id"]] = data
            if said["what"] not in self.unanswered:
                answer = dict(self.answers[said["what"]](said["with"])) if said["what"] in self.answers else {"ok": {}}
                blob = answer.pop("blob", b"")
                self.say({"t": "answer", "id": said["id"], **answer}, blob)
        return said

    def until(self, kind: str, **fields: object) -> dict[str, Any]:
        """Hear until there is such a frame, and return it."""
        while True:
            said = self.hear()
            if said["t"] == kind and all(said.get(name) == value for name, value in fields.items()):
                return said

    def rest(self) -> list[dict[str, Any]]:
        """Hear all that comes until the worker has ended."""
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                self.hear()
        return self.heard

    def load(self, text: str, **source: object) -> dict[str, Any]:
        """Have it run that source, and return what it says of it."""
        state = json.dumps(source.pop("state", {})).encode()
        words = {
            "text": text,
            "file": FILE,
            "permissions": {},
            "settings": {},
            "secrets": [],
            "test": True,
            "now": 1_800_000_000.5,
        }
        self.say({"t": "source", **words, **source}, state)
        while True:
            said = self.hear()
            if said["t"] in {"ready", "failed"}:
                return said

    def call(self, trigger: int, what: Mapping[str, Any] | None = None, data: bytes = b"", timeout_s: float = 30.0) -> int:
        """Call a handler, and return the number of the call."""
        self._number += 1
        words = {"id": self._number, "trigger": trigger, "what": what or {}, "timeout_s": timeout_s, "now": 1_800_000_100.0}
        self.say({"t": "call", **words}, data)
        return self._number

    def done(
        self, trigger: int, what: Mapping[str, Any] | None = None, data: bytes = b"", timeout_s: float = 30.0
    ) -> dict[str, Any]:
        """Call a handler, and wait until it is done."""
        return self.until("done", id=self.call(trigger, what, data, timeout_s))

    def logged(self) -> list[tuple[str, str, int]]:
        """Return all lines of the log so far: level, text, line."""
        return [(said["level"], said["text"], said["line"]) for said in self.heard if said["t"] == "log"]

    def asked(self, what: str) -> list[Any]:
        """Return what it was asked with, each time so far."""
        return [said["with"] for said in self.heard if said["t"] == "ask" and said["what"] == what]

    def ended(self) -> int:
        """Return its exit code, when it has ended."""
        self.rest()
        return self.process.wait(PATIENCE_S)

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._sock.recv(min(size, 1 << 18))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


@contextlib.contextmanager
def worker(modules: Sequence[str] = (), **begin: object) -> Iterator[BridgeEnd]:
    """Start a worker, and have it locked down."""
    here, there = socket.socketpair()
    here.settimeout(PATIENCE_S)
    with here, there:
        process = subprocess.Popen(  # noqa: S603 - the worker
            [sys.executable, "-I", "-S", "-c", BOOT, str(there.fileno())],
            pass_fds=[there.fileno()],
            env={},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            there.close()
            end = BridgeEnd(process, here)
            words = {"script": "gate", "memory_bytes": 256 << 20, "uid": 65_520 if os.getuid() == 0 else None}
            words |= {"modules": list(modules), "time_zone": "Europe/Berlin", "level": "sandbox"}
            end.say({"t": "begin", **words, **begin})
            assert end.hear()["t"] == "level", end.heard
            yield end
        finally:
            process.kill()
            process.communicate()
