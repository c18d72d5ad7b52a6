"""A child for video that misbehaves as its first argument says; it speaks the wire's words, and loads nothing of the project."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import struct
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def send(kind: bytes, content: bytes) -> None:
    data = memoryview(struct.pack(">cI", kind, len(content)) + content)
    while data:
        data = data[os.write(1, data) :]


def hello(kind: str = "h264 1x1") -> None:
    send(b"H", json.dumps({"kind": kind, "codec": "h264", "width": 1, "height": 1}).encode())
    send(b"I", f"head of {kind}".encode())


def stream(count: int, kind: str = "h264 1x1") -> None:
    hello(kind)
    for number in range(count):
        is_key = number % 4 == 0
        send(b"T" if is_key else b"t", b"G ts %d" % number)
        send(b"M" if is_key else b"m", b"mp4 %d" % number)


def until_closed() -> None:
    """Wait until the bridge lets go."""
    while os.read(0, 1_024):
        pass


def endless() -> None:
    stream(8)
    until_closed()


def flood() -> None:
    """Give more than anybody reads, in large frames."""
    hello()
    while True:
        send(b"T", bytes(100_000))


def deaf() -> None:
    """End neither when it is asked to nor when nobody is there."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    send(b"T", b"G")
    while True:
        time.sleep(60)


def segv() -> None:
    stream(4)
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


def glutton() -> None:
    """Take memory beyond its bound, and say so as the real one does."""
    resource.setrlimit(resource.RLIMIT_AS, (256 * 1024 * 1024,) * 2)
    stream(4)
    kept = []
    try:
        while True:
            kept.append(bytearray(16 * 1024 * 1024))
    except MemoryError:
        kept.clear()
        send(b"E", json.dumps({"message": "it took more memory than it may have", "hint": ""}).encode())
        sys.exit(1)


def busy() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (0, 5))
    send(b"T", b"G")
    while True:
        pass


def half() -> None:
    """Break off in the middle of a frame."""
    send(b"T", b"G whole")
    os.write(1, struct.pack(">cI", b"T", 100) + b"a part")


def nonsense() -> None:
    os.write(1, b"HTTP/1.1 200 OK\r\n\r\n")
    until_closed()


def huge() -> None:
    os.write(1, struct.pack(">cI", b"T", 2**31))
    until_closed()


def tells() -> None:
    """Quote its address, and fail."""
    url = JOB["input"]["urls"][0]
    sys.stderr.write(f"[rtsp @ 0x1] could not open {url}\n")
    send(b"E", json.dumps({"message": f"401 Unauthorized: '{url}'", "hint": "look\x00 there"}).encode())
    sys.exit(1)


def fails() -> None:
    url = JOB["input"]["urls"][0]
    sys.stderr.write("x" * 300_000 + "\n" + f"Traceback: no way to {url}\n")
    sys.exit(3)


def dies_saying_nonsense() -> None:
    send(b"E", b"no JSON")
    sys.exit(1)


def finds() -> None:
    """Give what its environment and its limits are."""
    found = {"environment": dict(os.environ), "job": JOB, "session": os.getsid(0) == os.getpid()}
    send(b"D", json.dumps(found).encode())


def echo() -> None:
    """Give back what it is fed, as pictures of one pixel."""
    while data := os.read(0, 65_536):
        for letter in data:
            send(b"P", struct.pack(">HHd", 1, 1, float(letter)) + bytes(3))


def by_url() -> None:
    """Do as the first of its addresses says."""
    WAYS[JOB["input"]["urls"][0].rpartition("/")[2].partition("?")[0]]()


def ends() -> None:
    stream(4)


def other() -> None:
    stream(8, "hevc 2x2")
    until_closed()


WAYS: dict[str, Callable[[], None]] = {
    way.__name__: way
    for way in (
        *(endless, ends, other, flood, deaf, segv, glutton, busy, half, nonsense, huge),
        *(tells, fails, dies_saying_nonsense, finds, echo, by_url),
    )
}
JOB: dict[str, dict[str, list[str]]] = {}


def line() -> bytes:
    """Read the job, and nothing behind it."""
    read = b""
    while not read.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            break
        read += byte
    return read


if __name__ == "__main__":
    JOB.update(json.loads(line())["job"])
    with contextlib.suppress(BrokenPipeError):
        WAYS[sys.argv[1]]()
