"""A process that looks at pictures, and misbehaves as models and pictures tell it to; it loads nothing of the project.

It knows two labels, `person` and `car`. Its first argument is how it begins: `works`, `dies`, `mute`, `nonsense`, `huge`.
A model whose name begins with `broken` can't be loaded, with `deadly` ends it when it is loaded. A picture is a word:

    crash       it dies while it infers                 decode      it dies while it decodes
    hang        it never answers                        nonsense    it says what is no answer
    refuse      no picture                              failing     the model fails
    outside     an index that is no label's             liar        a size that no slot has
    later       it answers when the next one has come   other       an answer to another question
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import signal
import struct
import sys
import time
from typing import Any

HEAD = struct.Struct(">I")
DECODING, INFERRING = 2, 3


def read() -> dict[str, Any] | None:
    head = exactly(HEAD.size)
    if head is None:
        return None
    content = exactly(HEAD.unpack(head)[0])
    said: dict[str, Any] | None = None if content is None else json.loads(content)
    return said


def exactly(size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            return None
        data += part
    return data


def raw(content: bytes) -> None:
    os.write(1, HEAD.pack(len(content)) + content)


def say(word: str, **words: object) -> None:
    raw(json.dumps({"say": word, **words}).encode())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


class Worker:
    def __init__(self, job: dict[str, Any]) -> None:
        self.slot_bytes: int = job["slot_bytes"]
        self.models: dict[str, Any] = job["models"]
        self.memory = mmap.mmap(job["memory"], mmap.PAGESIZE + job["slots"] * self.slot_bytes)
        self.later: list[int] = []

    def load(self) -> None:
        for name in self.models:
            say("loading", model=name)
            if name.startswith("deadly"):
                die()
            if name.startswith("broken"):
                say("trouble", model=name, message=f"the model {name!r} is broken", hint="mend it")
                continue
            facts = {"file": f"/models/{name}.xml", "layout": "yolo", "width": 64, "height": 48, "labels": ["person", "car"]}
            say("loaded", model=name, device="CPU", precision="f32", compile_s=0.5, **facts)

    def start(self, slot: int) -> int:
        return mmap.PAGESIZE + slot * self.slot_bytes

    def do(self, asked: dict[str, Any]) -> None:
        start = self.start(asked["slot"])
        word = self.memory[start : start + min(asked["size"], 100)].decode(errors="replace")
        number: int = asked["id"]
        if word == "later":
            self.later.append(number)
            return
        if asked["do"] == "motion":
            say("moved", id=number, share=float(word))
        elif asked["do"] == "draw":
            self.draw(asked, word)
        else:
            self.memory[asked["slot"]] = DECODING if word == "decode" else INFERRING
            self.infer(asked, word)
        while self.later:
            found(self.later.pop(), 0)

    def draw(self, asked: dict[str, Any], word: str) -> None:
        labels = [label for label, _, _ in asked["drawn"]]
        jpeg = f"JPEG of {word} with {labels}, {asked['most_width']} wide".encode()
        start = self.start(asked["slot"])
        self.memory[start : start + len(jpeg)] = jpeg
        say("drawn", id=asked["id"], size=2**31 if word == "liar" else len(jpeg))

    def infer(self, asked: dict[str, Any], word: str) -> None:
        number = asked["id"]
        if word in {"crash", "decode"}:
            die()
        elif word == "nonsense":
            raw(b'{"say": "found"}')
        elif word == "refuse":
            say("refused", id=number, why="picture", message="this is no picture", hint="take another")
        elif word == "failing":
            say("refused", id=number, why="model", message="the model failed", hint="")
        elif word == "other":
            say("moved", id=number, share=0.5)
        elif word == "outside":
            found(number, 7)
        elif word == "stranger":
            found(number + 1_000, 0)
            found(number, 0)
        elif word != "hang":
            found(number, 1)


def found(number: int, index: int) -> None:
    row = [index, 0.9, 0.1, 0.2, 0.3, 0.4]
    say("found", id=number, found=[row], width=640, height=480, waited_s=0.001, decode_s=0.002, infer_s=0.003)


def main(way: str) -> None:
    job = read()
    if job is None:
        return
    if way == "dies":
        sys.stderr.write("Traceback: no way\n")
        sys.exit(3)
    if way == "nonsense":
        raw(b"HTTP/1.1 200 OK")
    if way == "huge":
        os.write(1, HEAD.pack(2**31))
    if way == "works":
        confinement = {"environment": ",".join(sorted(os.environ)), "user": "its own"}
        say("hello", confinement=confinement)
        worker = Worker(job)
        worker.load()
        say("ready")
        while (asked := read()) is not None:
            worker.do(asked)
    while os.read(0, 1_024):
        pass


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main(sys.argv[1])
