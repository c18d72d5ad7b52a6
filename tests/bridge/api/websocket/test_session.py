"""One client among others: what it says wrongly, how slowly it reads, and how it ends concern nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from tests.bridge.api.lab import closed, until
from tests.bridge.api.websocket.lab import client, house, unknown
from tests.fakes.clock import FakeClock

from vms_bridge.api.websocket.follower import MOST_TRANSITIONS
from vms_bridge.api.websocket.live import UNREAD_S
from vms_bridge.api.websocket.socket import HEARTBEAT_S, PONG_S
from vms_bridge.model import AlarmState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.bridge.api.websocket.lab import House

ALARM, IDLE = AlarmState.ALARM, AlarmState.IDLE


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('{"type": "dance"}', "dance"),
        ('{"type": "subscribe", "colour": "red"}', "colour"),
        ('{"type": "subscribe", "systems": "zm"}', "systems"),
        ('{"type": "command", "id": "7", "command": 5}', "command"),
        ("[]", "object"),
        ("17", "object"),
    ],
)
async def test_what_can_not_be_understood_is_answered_and_the_line_stays_open(tmp_path: Path, said: str, reason: str) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.ws.send_str(said)
        answer = await one.reply("error")
        assert (answer["code"], answer["id"]) == ("invalid", "7" if '"7"' in said else None)
        assert reason in answer["text"]
        await one.subscribe()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("no JSON", 4400),
        ("{", 4400),
        ('{"type": "answer", "id": "1", "content": ' + '{"a":' * 300 + "1" + "}" * 301, 4400),
        (b'{"type": "subscribe"}', 1003),
        (json.dumps({"type": "claim", "kinds": ["a" * 70_000]}), 1009),
    ],
)
async def test_what_is_no_message_at_all_ends_the_line_with_one_code(tmp_path: Path, said: str | bytes, code: int) -> None:
    async with house(tmp_path) as home, client(home) as stays, client(home) as one:
        await stays.subscribe()
        await (one.ws.send_str(said) if isinstance(said, str) else one.ws.send_bytes(said))
        assert (await one.end()).code == code
        home.show(alarm=ALARM)
        await stays.state(alarm="alarm")


def frame(payload: bytes, *, opcode: int = 1, length: int | None = None, fin: bool = True) -> bytes:
    """A client's frame, masked by zeros; `length` is what it says of itself."""
    said = len(payload) if length is None else length
    head = bytes([fin << 7 | opcode])
    if said < 126:
        head += bytes([0x80 | said])
    elif said < 65_536:
        head += bytes([0x80 | 126]) + struct.pack("!H", said)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", said)
    return head + bytes(4) + payload


async def raw(home: House, *headers: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket of which every byte is ours, behind its hello."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # so that little waits on the way
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, home.sink.addresses[0])
    reader, writer = await asyncio.open_connection(sock=sock)
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    lines = ("GET /api/v1/ws HTTP/1.1", f"Host: {home.host}", "Upgrade: websocket", "Connection: Upgrade", *headers)
    lines += (f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", "")
    writer.write("\r\n".join(lines).encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    await received(reader)
    return reader, writer


async def received(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next frame from the bridge: its opcode and payload."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    return first & 0x0F, await reader.readexactly(length)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(b"x", length=50_000_000), 1009),
        (frame(b"x" * 40_000, fin=False) + frame(b"x" * 40_000, opcode=0), 1009),
        (frame(b"\xff\xfe"), 1007),
        (frame(b"x", opcode=0), 1002),
        (frame(b"x", opcode=3), 1002),
        (bytes([0xC1, 0x81, 0, 0, 0, 0, 0x20]), 1002),
    ],
)
async def test_frames_that_break_the_protocol_get_one_code(tmp_path: Path, sent: bytes, code: int) -> None:
    async with house(tmp_path) as home:
        reader, writer = await raw(home)
        writer.write(sent)
        opcode, payload = await received(reader)
        assert (opcode, struct.unpack("!H", payload[:2])[0]) == (8, code)
        await closed(writer)


async def test_half_a_frame_costs_nobody_anything(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as stays:
        await stays.subscribe()
        _, writer = await raw(home)
        writer.write(frame(b'{"type"', length=400))
        await writer.drain()
        home.show(alarm=ALARM)
        await stays.state(alarm="alarm")
        await closed(writer)


@asynccontextmanager
async def running(clock: FakeClock) -> AsyncIterator[None]:
    """Let time pass by itself."""

    async def tick() -> None:
        while True:
            await clock.advance(0.02)
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()


async def test_who_does_not_read_is_dropped_and_the_others_go_on(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, monitors=50, clock=clock) as home, running(clock), client(home) as stays:
        stays.is_strict = False
        await stays.subscribe()
        known = set(home.sink._connections)
        _, writer = await raw(home, f"Authorization: Bearer {await home.token()}")
        writer.write(frame(b'{"type": "authenticate", "protocol": 1}') + frame(b'{"type": "subscribe", "transitions": true}'))
        (stuck,) = set(home.sink._connections) - known
        assert stuck.transport
        number = 0
        while stuck.transport.get_write_buffer_size() <= 64 * 1024:
            number += 1
            for key in range(1, 51):
                home.show(str(key), alarm=(ALARM, IDLE)[number % 2], cause="x" * 900)
            await stays.state("50", alarm=("alarm", "idle")[number % 2])
        await clock.advance(UNREAD_S + 1)
        await until(lambda: stuck not in set(home.sink._connections))
        await closed(writer)
        home.show(alarm=AlarmState.PREALARM)
        await stays.state("1", alarm="prealarm")


async def test_who_has_gone_without_a_word_is_noticed_by_the_missing_pong(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock=clock) as home, client(home) as lives:
        await lives.subscribe()
        listening = asyncio.create_task(lives.end())
        headers = {"Authorization": f"Bearer {await home.token()}"}
        async with unknown(home, headers=headers, autoping=False) as silent:
            await silent.authenticate(None)
            await clock.advance(HEARTBEAT_S + 1)
            assert (await silent.ws.receive()).type is aiohttp.WSMsgType.PING
            assert len(home.sink._connections) == 2
            await clock.advance(PONG_S + 1)
            await until(lambda: len(home.sink._connections) == 1)
        assert not listening.done(), "who answers pings stays"
        listening.cancel()


async def test_pings_of_a_client_are_answered(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        for _ in range(3):
            await one.ws.ping(b"are you there")
        await one.subscribe()


async def test_a_hundred_clients_hear_the_same(tmp_path: Path) -> None:
    async with house(tmp_path, monitors=3) as home, AsyncExitStack() as stack:
        token = await home.token()
        headers = {"Authorization": f"Bearer {token}"}  # those who say nothing of themselves may not come so fast
        clients = [await stack.enter_async_context(unknown(home, headers=headers)) for _ in range(100)]
        await asyncio.gather(*(one.authenticate(None) for one in clients))
        for one in clients[1:]:
            one.is_strict = False
        await asyncio.gather(*(one.subscribe() for one in clients))
        home.show("2", alarm=ALARM)
        await home.record(1)
        for one in clients:
            told = [await one.item() for _ in range(3)]
            assert {item["what"] for item in told} == {"state", "last_event", "event"}


async def test_who_says_too_much_is_heard_more_slowly(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock=clock, limits={"requests": 1}) as home, client(home) as one:
        for number in range(6):
            await one.say(type="command", id=str(number), command="nonsense")
        assert [(await one.reply("ack"))["id"] for _ in range(2)] == ["0", "1"], "two at once, then one a second"
        waiting = asyncio.create_task(one.reply("ack"))
        await clock.advance(0.5)
        assert not waiting.done()
        async with running(clock):
            assert (await waiting)["id"] == "2"
            assert [(await one.reply("ack"))["id"] for _ in range(3)] == ["3", "4", "5"]


async def test_transitions_that_a_client_was_too_slow_for_are_counted(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.subscribe(transitions=True)
        for number in range(MOST_TRANSITIONS + 5):
            home.show(alarm=(ALARM, IDLE)[number % 2])
        assert await one.item("transitions_lost", "transition") == {"what": "transitions_lost", "count": 5}
        assert (await one.item("transition"))["what"] == "transition"
