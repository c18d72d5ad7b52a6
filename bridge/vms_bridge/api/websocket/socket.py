"""One WebSocket: text frames of bounded length in, text frames out, a heartbeat, and an end with one clear reason."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from vms_bridge.api.websocket.closing import MOST_REASON_BYTES, CloseCode, Closing
from vms_bridge.api.websocket.said import MOST_BYTES

if TYPE_CHECKING:
    from aiohttp import WSMessage

    from vms_bridge.clock import Clock

HEARTBEAT_S = 30.0
"""How long a client may say nothing before it is pinged."""
PONG_S = 15.0
"""How long it then has to answer."""
CLOSE_S = 2.0
"""How long its side of the close is waited for."""


class Socket:
    """The open WebSocket of a request. One task receives, one sends.

    Nothing is gathered here: `send` returns when the system has taken most of it. Where that does not come about, because the
    client does not read, `sending_since` says since when, and somebody has to `close` it.
    """

    def __init__(self, request: web.Request, clock: Clock) -> None:
        self._request, self._clock = request, clock
        # No compression: what is sent to a hundred clients is made once. Each message waits until there is room for it.
        self._socket = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=MOST_BYTES + 1, timeout=CLOSE_S, writer_limit=0
        )
        self.sending_since: float | None = None

    @property
    def response(self) -> web.WebSocketResponse:
        """What the request's handler returns."""
        return self._socket

    async def open(self) -> None:
        """Take the request for a WebSocket. Raises aiohttp's own error where it is none."""
        await self._socket.prepare(self._request)

    async def receive(self, most_bytes: int) -> str:
        """Return the next message's text, however long it takes to come, as long as the client lives. Raises Closing."""
        while True:
            message = await self._next()
            match message.type:
                case WSMsgType.TEXT:
                    text: str = message.data
                    if len(text) > most_bytes or len(text.encode()) > most_bytes:
                        raise Closing(CloseCode.TOO_LARGE, f"a message has {most_bytes} bytes at most here")
                    return text
                case WSMsgType.BINARY:
                    raise Closing(CloseCode.BINARY, "messages are text")
                case WSMsgType.PING:
                    await self._beat(message.data, WSMsgType.PONG)
                case WSMsgType.PONG:
                    pass
                case _:  # closed by the client, or by aiohttp for a frame that breaks the protocol: it has said why
                    raise Closing(CloseCode.DONE)

    async def send(self, message: bytes) -> None:
        """Send a message, when there is room for it. Raises Closing where nobody is there any more."""
        self.sending_since = self._clock.monotonic()
        try:
            await self._send(message, WSMsgType.TEXT)
        finally:
            self.sending_since = None

    async def close(self, closing: Closing) -> None:
        """Say why it is over, and end it, within a few seconds."""
        transport = self._request.transport
        if closing.code is not None:
            reason = closing.reason.encode()[:MOST_REASON_BYTES].decode(errors="ignore").encode()
            with suppress(TimeoutError):
                async with self._clock.timeout(2 * CLOSE_S):
                    await self._socket.close(code=closing.code, message=reason)
        if transport is not None and (closing.code is None or transport.get_write_buffer_size()):
            transport.abort()  # it has gone, or does not even read that

    async def _next(self) -> WSMessage:
        """Return the next frame; where none comes the client is pinged. Raises Closing."""
        message = await self._within(HEARTBEAT_S)
        if message is None:
            await self._beat(b"", WSMsgType.PING)
            message = await self._within(PONG_S)
        if message is None:
            raise Closing(None)
        return message

    async def _within(self, patience_s: float) -> WSMessage | None:
        try:
            async with self._clock.timeout(patience_s) as limit:
                return await self._socket.receive()
        except TimeoutError:
            if not limit.expired():
                raise
        return None

    async def _beat(self, data: bytes, kind: WSMsgType) -> None:
        try:
            async with self._clock.timeout(PONG_S):
                await self._send(data, kind)
        except TimeoutError:
            raise Closing(None) from None

    async def _send(self, data: bytes, kind: WSMsgType) -> None:
        try:
            await self._socket.send_frame(data, kind)
        except ConnectionError:
            raise Closing(None) from None
