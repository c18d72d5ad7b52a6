"""Attempts on the bridge by the one way that a script has to it: its socket, spoken to directly, past all that the worker does.

The worker is a real one, locked down; the bridge's end is `Worker`, as the bridge has it.
"""

from __future__ import annotations

import asyncio
import os
import platform
from contextlib import suppress
from pathlib import Path

import pytest
from tests.bridge.scripts.escapes.cell import MEMORY_BYTES, SCRIPTS_USER
from tests.bridge.scripts.escapes.tally import Tally

from vms_bridge.clock import SystemClock
from vms_bridge.errors import NotFound
from vms_bridge.scripts.life.logs import LogEntry, ScriptLog, as_text
from vms_bridge.scripts.life.process import Worker
from vms_bridge.scripts.life.values import Ask, Begin, Cause, Work, WorkerGone
from vms_bridge.scripts.services.table import MOST_UNDER_WAY, Answered

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(platform.machine() not in {"x86_64", "aarch64"}, reason="scripts do not run on this machine"),
]

PATIENCE_S = 60.0
SPEAKS = """
import json, os, struct, threading
from vms_bridge.script.link import SEAT
bridge = SEAT.link._channel._sock
def frame(text, data=b'', lengths=None):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return struct.pack('!II', *(lengths or (len(text), len(data)))) + text + data
def send(raw):
    while raw:
        try:
            raw = raw[bridge.send(raw):]
        except BlockingIOError:
            pass
"""
"""The worker's own socket, taken out of its objects: Python hides nothing."""

BREAKS_THE_PROTOCOL = {
    "a frame of four gigabytes": "send(frame(b'{}', lengths=(0xFFFFFFFF, 0)))",
    "bytes of four gigabytes": 'send(frame(b\'{"t":"pong","id":1}\', lengths=(19, 0xFFFFFFFF)))',
    "no JSON": "send(frame(b'\\xff\\x00' * 8))",
    "a pickle in place of JSON": "import pickle\nsend(frame(pickle.dumps({'t': 'pong', 'id': 1})))",
    "a pickle behind JSON": "import pickle\nsend(frame({'t': 'pong', 'id': 1}, pickle.dumps(os.system)))",
    "JSON that is nested a hundred thousand times": 'send(frame(b\'{"t":"log","x":\' + b\'[\' * 100000))',
    "UTF-16": 'send(frame(\'{"t":"pong","id":1}\'.encode(\'utf-16\')))',
    "half of a character": 'send(frame(b\'{"t":"log","level":"info","text":"\\\\ud800"}\'))',
    "a number beyond all bounds": 'send(frame(b\'{"t":"done","id":1,"error":1e999}\'))',
    "no number": 'send(frame(b\'{"t":"done","id":1,"error":NaN}\'))',
    "what only the bridge says": "send(frame({'t': 'begin', 'script': 'x', 'memory_bytes': 1, 'level': 'process'}))",
    "an answer to its own ask": "send(frame({'t': 'answer', 'id': 1, 'ok': {}}))",
    "another level": "send(frame({'t': 'level', 'level': 'seccomp', 'details': {}}))",
    "the end of a call that nobody made": "send(frame({'t': 'done', 'id': 99, 'error': None}))",
    "a field too many": "send(frame({'t': 'pong', 'id': 1, '__class__': 'x'}))",
    "a number below zero": "send(frame({'t': 'cancel', 'id': -1}))",
    "a kind of log that there is not": "send(frame({'t': 'log', 'level': 'CRITICAL', 'text': 'x'}))",
}


class Bridge:
    """What the bridge keeps of a script that misbehaves."""

    def __init__(self) -> None:
        self.asks: list[Ask] = []
        self.kept: list[LogEntry] = []
        self.log = ScriptLog("attempt", SystemClock(), lambda _, entry: self.keep(entry))
        self.gate, self.news = asyncio.Event(), asyncio.Event()

    async def answer(self, ask: Ask) -> Answered:
        self.asks.append(ask)
        if ask.what == "wait":
            await self.gate.wait()
        if ask.what != "echo":
            raise NotFound("there is no such service")
        return Answered(ask.words, ask.data)

    async def run(self, text: str) -> Worker:
        """Start a worker, and have it run this to its end or its own."""
        uid = SCRIPTS_USER if os.getuid() == 0 else None
        modules = ("json", "pickle", "struct", "threading")
        begin = Begin(memory_bytes=MEMORY_BYTES, uid=uid, modules=modules)
        worker = await Worker.start(begin, SystemClock(), answer=self.answer, listener=self.log)
        try:
            with suppress(WorkerGone):
                await worker.load(Work(text=SPEAKS + text, file="attempt.py", now=1.0))
        except BaseException:
            await worker.close()
            raise
        return worker

    async def until_kept(self, text: str) -> LogEntry:
        """Wait until the log has an entry with this in it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [entry for entry in self.kept if text in entry.text]
                if found:
                    return found[0]
                self.news.clear()
                await self.news.wait()

    def keep(self, entry: LogEntry) -> None:
        self.kept.append(entry)
        self.news.set()


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    return Tally(request)


@pytest.mark.parametrize("name", BREAKS_THE_PROTOCOL)
async def test_who_breaks_the_protocol_is_ended(name: str, tally: Tally) -> None:
    bridge = Bridge()
    worker = await bridge.run(BREAKS_THE_PROTOCOL[name] + "\nthreading.Event().wait()")
    try:
        async with asyncio.timeout(PATIENCE_S):
            ending = await worker.ended()
    finally:
        await worker.close()
    tally.count("on the bridge", is_refused=ending.cause is Cause.PROTOCOL)
    assert ending.cause is Cause.PROTOCOL, ending
    assert not bridge.asks


async def test_asks_without_end_are_bounded_and_refused_and_the_bridge_goes_on(tally: Tally) -> None:
    bridge = Bridge()
    worker = await bridge.run(
        "for number in range(1, 3000):\n    send(frame({'t': 'ask', 'id': number, 'what': 'wait', 'with': {}}))"
    )
    try:
        assert worker.asks == len(bridge.asks) == MOST_UNDER_WAY
        bridge.gate.set()
        async with asyncio.timeout(PATIENCE_S):
            assert (await worker.stop(5.0)).cause is Cause.STOPPED
    finally:
        await worker.close()
    tally.count("on the bridge", is_refused=True)


@pytest.mark.parametrize(
    "what", ["", "..", "__class__", "monitor.command\n", "x" * 5_000, "state.set;drop table", "\N{RIGHT-TO-LEFT OVERRIDE}"]
)
async def test_what_there_is_no_service_for_is_refused(what: str, tally: Tally) -> None:
    bridge = Bridge()
    text = f"send(frame({{'t': 'ask', 'id': 7, 'what': {what!r}, 'with': {{'__proto__': 1}}}}))\nprint('asked')"
    worker = await bridge.run(text)
    try:
        is_refused = worker.ending is not None and worker.ending.cause is Cause.PROTOCOL
        if worker.ending is None:
            await bridge.until_kept("asked")
            is_refused = [ask.what for ask in bridge.asks] == [what]  # as a name that is looked up, and nothing else
    finally:
        await worker.close()
    tally.count("on the bridge", is_refused=is_refused)
    assert is_refused


async def test_bytes_stay_bytes_whatever_they_are(tally: Tally) -> None:
    """What would run a program if anybody took it for a pickle comes back as it was sent."""
    bridge = Bridge()
    worker = await bridge.run(
        "import pickle\nclass Bomb:\n    def __reduce__(self):\n        return os.system, ('touch /tmp/vms-bridge-bomb',)\n"
        "send(frame({'t': 'ask', 'id': 7, 'what': 'echo', 'with': {}}, pickle.dumps(Bomb())))\nprint('asked')"
    )
    try:
        await bridge.until_kept("asked")
        assert b"touch /tmp/vms-bridge-bomb" in bridge.asks[0].data
        assert not Path("/tmp/vms-bridge-bomb").exists()  # noqa: S108, ASYNC240 - what it would have made
    finally:
        await worker.close()
    tally.count("on the bridge", is_refused=True)


INJECTED = "first\\n2026-01-01 00:00:00 ERROR bridge: the door is open\\r\\x1b[2J\\x00\\x07\\u2028\\x85last"


@pytest.mark.parametrize(
    "way", ["print(TEXT)", "send(frame({'t': 'log', 'level': 'info', 'text': TEXT}))", "os.write(1, (TEXT + chr(10)).encode())"]
)
async def test_nobody_elses_lines_come_into_a_log(way: str, tally: Tally) -> None:
    bridge = Bridge()
    worker = await bridge.run(f"TEXT = '{INJECTED}'\n{way}\nprint('end')")
    try:
        await bridge.until_kept("end")
        await bridge.until_kept("last")
    finally:
        await worker.close()
    for entry in bridge.kept:
        lines = as_text(entry).rstrip("\n").split("\n")
        assert all(line.isprintable() for line in lines), lines
        assert not any(line.startswith("2026-01-01") for line in lines), lines
    tally.count("on the bridge", is_refused=True)


async def test_a_flood_of_lines_is_cut_off(tally: Tally) -> None:
    bridge = Bridge()
    worker = await bridge.run("for number in range(3000):\n    print('x' * 200)")
    try:
        assert len(bridge.kept) < 1_000
        assert bridge.log.dropped, "what the worker itself has not left out"
    finally:
        await worker.close()
    tally.count("on the bridge", is_refused=True)
