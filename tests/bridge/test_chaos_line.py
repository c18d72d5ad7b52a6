"""The proxy that lies in MQTT plays each of its tricks, and its tap knows what was swallowed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.chaos.lies.line import TRICKS, Line
from tests.chaos.tap import Tap, next_packet, packet_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONNECT = packet_of(0x10, b"\x00\x04MQTT\x05\x00\x00\x05\x00\x00\x01c")
CONNACK = packet_of(0x20, b"\x00\x00\x00")
SUBACK, PINGRESP = packet_of(0x90, b"\x00\x01\x00\x01"), packet_of(0xD0, b"")


def publish(number: int, payload: bytes = b"x", *, dup: bool = False) -> bytes:
    return packet_of(0x32 | (0x08 if dup else 0), b"\x00\x01t" + number.to_bytes(2, "big") + b"\x00" + payload)


def puback(number: int) -> bytes:
    return packet_of(0x40, number.to_bytes(2, "big") + b"\x00\x00")


class End:
    """One end of the line, as a stream of packets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._buffer = reader, writer, bytearray()

    def send(self, *packets: bytes) -> None:
        self._writer.write(b"".join(packets))

    async def packet(self) -> bytes:
        while not (found := next_packet(self._buffer)):
            chunk = await self._reader.read(4096)
            if not chunk:
                raise EOFError
            self._buffer += chunk
        return packet_of(*found)

    async def packets(self, count: int) -> list[bytes]:
        return [await self.packet() for _ in range(count)]

    def close(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def connected(*tricks: str, late_s: float = 0.05) -> AsyncIterator[tuple[Line, End, End]]:
    """Yield the line, the bridge's end and the broker's, connected to each other by MQTT 5."""
    arrived: asyncio.Queue[End] = asyncio.Queue()
    server = await asyncio.start_server(lambda reader, writer: arrived.put_nowait(End(reader, writer)), "127.0.0.1", 0)
    async with server, Line(server.sockets[0].getsockname()[1], Tap(), late_s=late_s) as line:
        for name in tricks:
            line.begin(name)
        bridge = End(*await asyncio.open_connection("127.0.0.1", line.port))
        broker = await arrived.get()
        bridge.send(CONNECT)
        yield line, bridge, broker
        bridge.close()
        broker.close()


async def test_without_a_trick_everything_passes_and_the_tap_hears_it() -> None:
    async with connected() as (line, bridge, broker):
        bridge.send(publish(7), packet_of(0x30, b"\x00\x01t\x00free"))
        assert (await broker.packets(3))[:2] == [CONNECT, publish(7)]
        broker.send(CONNACK, puback(7), publish(3, b"order"))
        assert await bridge.packets(3) == [CONNACK, puback(7), publish(3, b"order")]
        bridge.send(puback(3))
        assert await broker.packet() == puback(3)
        assert [each.payload for each in line.tap.accepted] == [b"x"]
        assert [(each.payload, each.confirmed is not None) for each in line.tap.handed] == [(b"order", True)]


async def test_what_is_swallowed_is_not_accepted_and_keeps_its_place_when_it_is_sent_again() -> None:
    async with connected("lose-all") as (line, bridge, broker):
        bridge.send(publish(1, b"first"), packet_of(0x30, b"\x00\x01t\x00free"))
        assert (await broker.packets(2))[1][0] == 0x30
        line.end("lose-all")
        bridge.send(publish(2, b"second"), publish(3, b"first"))
        await broker.packets(2)
        broker.send(puback(2), puback(3))
        await bridge.packets(2)
        assert line.hits["lose-all"] == 1
        in_order = sorted(line.tap.accepted, key=lambda each: each.sent)
        assert [each.payload for each in in_order] == [b"first", b"second"]


async def test_one_of_three_is_swallowed() -> None:
    async with connected("lose-some") as (_, bridge, broker):
        bridge.send(*(publish(number) for number in range(1, 7)))
        assert await broker.packets(5) == [CONNECT, *(publish(number) for number in (1, 2, 4, 5))]


@pytest.mark.parametrize(("trick", "passed"), [("lose-all-acks", []), ("lose-some-acks", [1, 2, 4])])
async def test_acknowledgements_are_swallowed_and_the_message_is_accepted(trick: str, passed: list[int]) -> None:
    async with connected(trick) as (line, bridge, broker):
        bridge.send(*(publish(number) for number in range(1, 5)))
        await broker.packets(5)
        broker.send(*(puback(number) for number in range(1, 5)), PINGRESP)
        assert await bridge.packets(len(passed) + 1) == [*(puback(number) for number in passed), PINGRESP]
        assert len(line.tap.accepted) == 4


async def test_messages_to_the_bridge_are_swallowed() -> None:
    async with connected("lose-down") as (line, bridge, broker):
        broker.send(publish(1), PINGRESP)
        assert await bridge.packet() == PINGRESP
        assert line.tap.handed == []


async def test_late_answers_come_in_order_and_others_pass_them() -> None:
    async with connected("late-acks", "late-suback", "late-ping") as (line, bridge, broker):
        bridge.send(publish(1), publish(2))
        await broker.packets(3)
        broker.send(SUBACK, PINGRESP, puback(1), publish(9))
        assert await bridge.packet() == publish(9)
        line.end("late-acks")
        broker.send(puback(2))
        late = await bridge.packets(4)
        assert sorted(late) == sorted([SUBACK, PINGRESP, puback(1), puback(2)])
        assert late.index(puback(1)) < late.index(puback(2))


async def test_what_is_repeated_says_so_and_is_confirmed_once() -> None:
    async with connected("repeat-up", "repeat-down") as (line, bridge, broker):
        bridge.send(publish(1))
        assert await broker.packets(3) == [CONNECT, publish(1), publish(1, dup=True)]
        broker.send(puback(1), puback(1), publish(5))
        assert await bridge.packets(4) == [puback(1), puback(1), publish(5), publish(5, dup=True)]
        bridge.send(puback(5), puback(5), publish(2))
        assert await broker.packets(3) == [puback(5), publish(2), publish(2, dup=True)]
        assert len(line.tap.accepted) == 1


async def test_a_session_is_forgotten_claimed_or_refused() -> None:
    async with connected("forget-session") as (_, _bridge, broker):
        assert (await broker.packet())[9] == 0x02
    async with connected("claim-session") as (_, bridge, broker):
        broker.send(CONNACK)
        assert await bridge.packet() == packet_of(0x20, b"\x01\x00\x00")
    async with connected("busy") as (_, bridge, broker):
        await broker.packet()
        broker.send(CONNACK)
        assert await bridge.packet() == packet_of(0x20, b"\x00\x89\x00")


async def test_a_trick_about_the_beginning_breaks_the_connections() -> None:
    async with connected() as (line, bridge, broker):
        await broker.packet()
        line.begin("late-ping")
        broker.send(publish(4))
        assert await bridge.packet() == publish(4)
        line.begin("busy")
        with pytest.raises((EOFError, ConnectionError)):
            await bridge.packet()


def test_every_trick_is_counted() -> None:
    assert Line(1, Tap()).hits.keys() == TRICKS.keys()
