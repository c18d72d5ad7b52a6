"""A client's end of a WebSocket (RFC 6455), as far as the bridge's needs it: text frames, over whichever way leads there.

It waits for one thing at a time, like all of the command line's client, and shares its ways: sockets, certificates, words.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from vms_bridge.cli.client import Said
from vms_bridge.cli.ways import NO_API, ApiFailed, host_of, reason

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from vms_bridge.cli.ways import Way

_WITHIN_S = 10.0
"""For the handshake, and for each message that is sent."""
_MOST_BYTES = 32 * 1024 * 1024
_MOST_HEAD_BYTES = 32 * 1024
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUATION, _TEXT, _CLOSE, _PING, _PONG = 0, 1, 8, 9, 10
_LONGEST_TEXT = 200


class Closed(ApiFailed):
    """The bridge has closed the socket: `close_code` says why."""

    def __init__(self, place: str, close_code: int, text: str) -> None:
        super().__init__(f"{place} has closed the connection: {text or close_code}")
        self.close_code = close_code


class WebSocket:
    """An open one; whoever has it closes it."""

    def __init__(self, sock: socket.socket, place: str, host: str, rest: bytes) -> None:
        self._socket, self._place, self.host = sock, place, host
        self._buffer, self._message = bytearray(rest), bytearray()
        self.heard_at = time.monotonic()
        """When anything came, a ping included."""

    @classmethod
    def open(cls, way: Way, path: str, headers: Mapping[str, str]) -> WebSocket:
        """Open one there. Raises ApiFailed."""
        connection = way.connection(_WITHIN_S)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise way.failure(error) from None
        host, key = host_of(connection), base64.b64encode(secrets.token_bytes(16)).decode()
        asked = {
            "Host": host,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
            **headers,
        }
        try:
            connection.sock.sendall(_head(path, asked))
            rest = _shake_hands(connection.sock, key, way.place)
        except OSError as error:
            connection.close()
            raise _lost(way.place, error) from None
        except ApiFailed:
            connection.close()
            raise
        return cls(connection.sock, way.place, host, rest)

    def send(self, said: Mapping[str, object]) -> None:
        """Send a message. Raises ApiFailed."""
        self._send(_TEXT, json.dumps(said).encode())

    def receive(self, within_s: float) -> Any | None:  # noqa: ANN401 - JSON
        """Return the next message, None where none comes in that time. Raises ApiFailed, and Closed."""
        ends_at = time.monotonic() + within_s
        while True:
            while (frame := self._frame()) is not None:
                if (text := self._taken(*frame)) is not None:
                    return self._read(text)
            left_s = ends_at - time.monotonic()
            if left_s <= 0:
                return None
            try:
                self._socket.settimeout(left_s)
                piece = self._socket.recv(64 * 1024)
            except TimeoutError:
                return None
            except OSError as error:
                raise _lost(self._place, error) from None
            if not piece:
                raise ApiFailed(f"{self._place} broke off")
            self._buffer += piece
            self.heard_at = time.monotonic()

    def close(self) -> None:
        """Say goodbye, and go."""
        with suppress(ApiFailed):
            self._send(_CLOSE, struct.pack("!H", 1000))
        self._socket.close()

    def _taken(self, opcode: int, is_last: bool, content: bytes) -> bytes | None:  # noqa: FBT001 - as a frame has it
        """Deal with a frame; return the message that it ends, if it ends one."""
        match opcode:
            case 8:
                code = struct.unpack("!H", content[:2])[0] if len(content) >= 2 else 1005
                raise Closed(self._place, code, content[2:].decode(errors="replace")[:_LONGEST_TEXT])
            case 9:
                self._send(_PONG, content)
            case 0 | 1:
                if (opcode == _CONTINUATION) != bool(self._message) or len(self._message) + len(content) > _MOST_BYTES:
                    raise self._odd()
                self._message += content
                if is_last:
                    whole, self._message = bytes(self._message), bytearray()
                    return whole
            case 10:
                pass
            case _:
                raise self._odd()
        return None

    def _frame(self) -> tuple[int, bool, bytes] | None:
        """Take a whole frame out of what has come, if there is one: its opcode, whether it is a message's last, its content."""
        have = self._buffer
        if len(have) < 2:
            return None
        first, length, at = have[0], have[1], 2
        if first & 0x70 or length & 0x80:
            raise self._odd()
        if length == 126:
            if len(have) < 4:
                return None
            length, at = struct.unpack_from("!H", have, 2)[0], 4
        elif length == 127:
            if len(have) < 10:
                return None
            length, at = struct.unpack_from("!Q", have, 2)[0], 10
        if length > _MOST_BYTES:
            raise self._odd()
        if len(have) < at + length:
            return None
        content = bytes(have[at : at + length])
        del have[: at + length]
        return first & 0x0F, bool(first & 0x80), content

    def _send(self, opcode: int, content: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(content))
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | min(len(content), 126))
        if len(content) > 125:
            head += struct.pack("!H", len(content))  # the bridge takes messages of 64 kB at most
        try:
            self._socket.settimeout(_WITHIN_S)
            self._socket.sendall(head + mask + masked)
        except OSError as error:
            raise _lost(self._place, error) from None

    def _read(self, text: bytes) -> Any:  # noqa: ANN401 - JSON
        try:
            return json.loads(text, object_hook=Said)
        except (ValueError, RecursionError):
            raise ApiFailed(f"{self._place} says what is no JSON", NO_API) from None

    def _odd(self) -> ApiFailed:
        return ApiFailed(f"{self._place} breaks the WebSocket's protocol", NO_API)


def _head(path: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _shake_hands(sock: socket.socket, key: str, place: str) -> bytes:
    """Read the answer to the request for a WebSocket, and return what has come behind it. Raises ApiFailed and OSError."""
    have, ends_at = b"", time.monotonic() + _WITHIN_S
    while b"\r\n\r\n" not in have:
        piece = sock.recv(4_096)
        have += piece
        if not piece or len(have) > _MOST_HEAD_BYTES or time.monotonic() > ends_at:
            raise ApiFailed(f"{place} gives no answer that can be understood", NO_API)
    head, _, rest = have.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    expected = base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()
    code = status.split(" ")[1] if status.count(" ") else ""
    if code != "101" or headers.get("sec-websocket-accept") != expected:
        refused = {"401": "the token is not good for this bridge", "403": "the token does not go so far"}
        status_code = int(code) if code.isascii() and code.isdigit() else None
        raise ApiFailed(f"{place}: {refused.get(code, f'it opens no WebSocket ({code or status[:20]!r})')}", NO_API, status_code)
    return rest


def _lost(place: str, error: OSError) -> ApiFailed:
    if isinstance(error, TimeoutError):
        return ApiFailed(f"{place} does not answer", "what the bridge's log says may help")
    return ApiFailed(f"{place} broke off: {reason(error)}")
