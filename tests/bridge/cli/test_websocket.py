"""The client's end of a WebSocket against ends that do all that RFC 6455 allows, and much that it does not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vms_bridge.cli import websocket
from vms_bridge.cli.following import following
from vms_bridge.cli.ways import ApiFailed, SocketWay
from vms_bridge.cli.websocket import Closed, WebSocket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Script = Callable[["End"], None]

HELLO = {"type": "hello", "bridge_id": "b", "lowest_protocol": 1, "highest_protocol": 1, "token": False, "nonce": "0a"}


class End:
    """The other end, as a test moves it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.head = self._until(b"\r\n\r\n")

    def accept(self, more: bytes = b"") -> None:
        found = re.search(rb"Sec-WebSocket-Key: (\S+)", self.head)
        assert found is not None
        accepted = base64.b64encode(
            hashlib.sha1(found[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
        )
        head = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n"
        )
        self.sock.sendall(head % accepted + more)

    def say(self, said: object) -> None:
        self.sock.sendall(frame(1, json.dumps(said).encode()))

    def hear(self) -> tuple[int, bytes]:
        """Return a frame of the client's: its opcode and content."""
        first, length = self._exactly(2)
        assert first & 0x80, "one frame a message"
        assert length & 0x80, "masked"
        size = length & 0x7F
        if size == 126:
            [size] = struct.unpack("!H", self._exactly(2))
        mask = self._exactly(4)
        return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(self._exactly(size)))

    def _until(self, end: bytes) -> bytes:
        have = b""
        while end not in have:
            piece = self.sock.recv(1)
            if not piece:
                return have
            have += piece
        return have

    def _exactly(self, size: int) -> bytes:
        have = b""
        while len(have) < size:
            piece = self.sock.recv(size - len(have))
            assert piece, "the client has gone"
            have += piece
        return have


def frame(opcode: int, content: bytes, *, is_last: bool = True) -> bytes:
    head = bytes([(0x80 if is_last else 0) | opcode])
    if len(content) < 126:
        return head + bytes([len(content)]) + content
    if len(content) < 0x10000:
        return head + struct.pack("!BH", 126, len(content)) + content
    return head + struct.pack("!BQ", 127, len(content)) + content


@contextmanager
def ends(path: Path, script: Script) -> Iterator[SocketWay]:
    """Have a server there that does this with whoever comes."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with suppress(OSError, AssertionError):
                sock, _ = listener.accept()
                with sock:
                    sock.settimeout(10)
                    script(End(sock))

        thread = threading.Thread(target=serve, name="websocket-end", daemon=True)
        thread.start()
        yield SocketWay(path)
        thread.join(10)
        assert not thread.is_alive()


@contextmanager
def opened(way: SocketWay) -> Iterator[WebSocket]:
    client = WebSocket.open(way, "/api/v1/ws", {})
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "s"


def test_messages_both_ways(path: Path) -> None:
    heard: list[tuple[int, bytes]] = []

    def script(end: End) -> None:
        end.accept(frame(1, b'{"with": "the handshake"}'))
        heard.append(end.hear())
        end.sock.sendall(frame(9, b"still there?"))
        heard.append(end.hear())
        end.sock.sendall(frame(10, b""))
        end.sock.sendall(
            frame(1, b'{"in":', is_last=False) + frame(9, b"") + frame(0, b' "pieces"', is_last=False) + frame(0, b"}")
        )
        heard.append(end.hear())
        heard.append(end.hear())

    with ends(path, script) as way, opened(way) as client:
        assert client.receive(10) == {"with": "the handshake"}
        client.send({"text": "x" * 200})
        assert client.receive(10) == {"in": "pieces"}
    assert heard == [(1, json.dumps({"text": "x" * 200}).encode()), (10, b"still there?"), (10, b""), (8, b"\x03\xe8")]


def test_nothing_comes(path: Path) -> None:
    def script(end: End) -> None:
        end.accept()
        end.hear()

    with ends(path, script) as way, opened(way) as client:
        assert client.receive(0) is None
        assert client.receive(0.01) is None


@given(sizes=st.lists(st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]), max_size=4), cut=st.integers(1, 5_000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_frames_of_every_size_however_they_are_cut(sizes: list[int], cut: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client = WebSocket(ours, "there", "localhost", b"")
        raw = b"".join(frame(1, json.dumps("x" * size).encode()) for size in sizes)

        def send() -> None:
            step = max(cut, len(raw) // 5_000)  # large ones byte by byte would take minutes
            for at in range(0, len(raw), step):
                theirs.sendall(raw[at : at + step])

        sender = threading.Thread(target=send)
        sender.start()
        assert [len(client.receive(10) or "") for _ in sizes] == sizes
        sender.join()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (frame(2, b"x"), "breaks the WebSocket's protocol"),
        (frame(3, b"x"), "breaks the WebSocket's protocol"),
        (frame(0, b"x"), "breaks the WebSocket's protocol"),
        (frame(1, b"x", is_last=False) + frame(1, b"y"), "breaks the WebSocket's protocol"),
        (b"\xc1\x00", "breaks the WebSocket's protocol"),
        (b"\x81\x81xxxxx", "breaks the WebSocket's protocol"),
        (b"\x81\x7f" + b"\xff" * 8, "breaks the WebSocket's protocol"),
        (frame(1, b"x"), "says what is no JSON"),
        (frame(1, b"[" * 100_000), "says what is no JSON"),
        (b"", "broke off"),
        (b"\x81\x05xx", "broke off"),
        (frame(8, b""), "has closed the connection: 1005"),
        (frame(8, struct.pack("!H", 4401) + b"unknown \xff token"), "has closed the connection: unknown"),
    ],
)
def test_an_end_that_is_odd(raw: bytes, words: str, path: Path) -> None:
    with ends(path, lambda end: end.accept(raw)) as way, opened(way) as client, pytest.raises(ApiFailed, match=words) as failed:
        client.receive(10)
    assert not isinstance(failed.value, Closed) or failed.value.close_code in {1005, 4401}


def test_messages_have_an_end(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_MOST_BYTES", 1_000)
    raw = frame(1, b"x" * 600, is_last=False) + frame(0, b"x" * 600)
    with ends(path, lambda end: end.accept(raw)) as way, opened(way) as client, pytest.raises(ApiFailed, match="breaks the"):
        client.receive(10)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "no answer that can be understood"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no answer that can be understood"),
        (b"x" * 100_000, "no answer that can be understood"),
        (b"HTTP/1.1 200 OK\r\n\r\n", r"opens no WebSocket \('200'\)"),
        (b"\r\n\r\n", "opens no WebSocket"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "token is not good"),
        (b"HTTP/1.1 101 x\r\nSec-WebSocket-Accept: x\r\n\r\n", "opens no WebSocket"),
    ],
)
def test_who_opens_none(answer: bytes, words: str, path: Path) -> None:
    def script(end: End) -> None:
        end.sock.sendall(answer)

    with ends(path, script) as way, pytest.raises(ApiFailed, match=words):
        WebSocket.open(way, "/api/v1/ws", {})


def test_who_does_not_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "_WITHIN_S", 0.05)

    def script(end: End) -> None:
        end.hear()

    with ends(path, script) as way, pytest.raises(ApiFailed, match="does not answer"):
        WebSocket.open(way, "/api/v1/ws", {})


def test_nobody_is_there(path: Path) -> None:
    with pytest.raises(ApiFailed, match="nobody listens"):
        WebSocket.open(SocketWay(path), "/api/v1/ws", {})


@pytest.mark.parametrize(
    ("hello", "words"),
    [
        ({"type": "welcome"}, "can't be understood"),
        ([], "can't be understood"),
        (HELLO | {"lowest_protocol": 2, "highest_protocol": 3}, "speaks the protocols 2 to 3"),
        (HELLO | {"token": True}, "asks for a token"),
        ({"type": "hello"}, "no 'lowest_protocol' in it"),
    ],
)
def test_a_bridge_that_can_not_be_followed(hello: Any, words: str, path: Path) -> None:  # noqa: ANN401 - JSON
    def script(end: End) -> None:
        end.accept()
        end.say(hello)
        end.hear()

    with ends(path, script) as way, pytest.raises(ApiFailed, match=words), following(way):
        pass


@pytest.mark.parametrize(
    ("said", "words"),
    [({"type": "error", "text": "no such system", "hint": "look"}, "no such system"), ([], "can't be understood")],
)
def test_what_a_bridge_complains_of(said: Any, words: str, path: Path) -> None:  # noqa: ANN401 - JSON
    def script(end: End) -> None:
        end.accept()
        end.say(HELLO)
        end.hear()
        end.say({"type": "welcome"})
        end.hear()
        end.say({"type": "changes", "items": 3})
        end.say({"type": "changes", "items": [3, {"what": "unknown"}]})
        end.say(said)
        end.hear()

    with ends(path, script) as way, following(way) as stream:
        assert stream.items(10) == []
        assert stream.items(10) == [{"what": "unknown"}]
        with pytest.raises(ApiFailed, match=words):
            stream.items(10)


def test_a_bridge_that_is_silent_for_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(end: End) -> None:
        end.accept()
        end.say(HELLO)
        end.hear()
        end.say({"type": "welcome"})
        end.hear()
        end.hear()

    with ends(path, script) as way, following(way) as stream:
        assert stream.items(0.001) == []
        monkeypatch.setattr("vms_bridge.cli.following._SILENCE_S", 0.0)
        with pytest.raises(ApiFailed, match="does not answer"):
            stream.items(0.001)
