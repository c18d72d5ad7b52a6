"""A worker that does what its source says, good or bad: started as a program, with the folder of the bridge and its socket.

The source is run with `say`, `hear`, `serve` and `sock`; nothing is locked down. `serve()` answers pings, calls each trigger's
function of `handlers`, and ends when it is told to stop.
"""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = (sys.executable, "-I", "-S", str(Path(__file__)), str(Path(__file__).parents[2] / "bridge"))


class FakeWorker:
    """The worker's side of the socket, without any care."""

    def __init__(self, descriptor: int) -> None:
        from vms_bridge.scripts import wire  # noqa: PLC0415 - only the program has its folder

        self._wire = wire
        self.sock = socket.socket(fileno=descriptor)
        self.handlers: dict[int, Callable[[dict[str, Any]], Any]] = {}
        self.answers: list[dict[str, Any]] = []

    def say(self, t: str, data: bytes = b"", **words: object) -> None:
        self.sock.sendall(self._wire.pack({"t": t, **words}, data))

    def hear(self) -> tuple[dict[str, Any], bytes]:
        json_bytes, data_bytes = self._wire.lengths(self._read(self._wire.HEADER.size))
        return json.loads(self._read(json_bytes)), self._read(data_bytes)

    def serve(self) -> None:
        while True:
            said, data = self.hear()
            if said["t"] == "ping":
                self.say("pong", id=said["id"])
            elif said["t"] == "stop":
                sys.exit(0)
            elif said["t"] == "answer":
                self.answers.append(said | {"size": len(data)})
            elif said["t"] == "call":
                handler = self.handlers.get(said["trigger"])
                error = None if handler is None else handler(said)
                self.say("done", id=said["id"], error=error)

    def run(self) -> None:
        begin, _ = self.hear()
        if "refuses" in begin["modules"]:
            self.say("refused", code="no_seccomp", text="the kernel has no seccomp")
            sys.exit(3)
        self.say("level", level="process" if begin["level"] == "process" else "seccomp", details={"calls": 3})
        while True:
            said, data = self.hear()
            if said["t"] == "ping":
                self.say("pong", id=said["id"])
            if said["t"] == "source":
                break
        words = {"w": self, "say": self.say, "hear": self.hear, "serve": self.serve, "sock": self.sock}
        exec(said["text"], words | {"handlers": self.handlers, "answers": self.answers, "source": said, "state": data})  # noqa: S102
        self.serve()

    def _read(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            more = self.sock.recv(size - len(found))
            if not more:
                sys.exit(0)
            found += more
        return found


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    FakeWorker(int(sys.argv[2])).run()
