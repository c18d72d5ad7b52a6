"""A go2rtc as far as Home Assistant's integration of that name asks one: its API on loopback, and offers over its WebSocket.

It reads what it is given, as the real one does: that wants an answer of 200 that is MPEG-TS from the first byte on, the tables
first. There is no WebRTC behind it; its answer to an offer is one in form only.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "1.9.15"
ANSWER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=go2rtc\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 H264/90000\r\n"
CANDIDATE = "candidate:1 1 udp 1 127.0.0.1 8555 typ host"
_PACKET = 188
_READ_WITHIN_S = 20.0


class FakeGo2rtc:
    """One go2rtc; `schemes` are what addresses of sources may begin with, and may be changed at any time."""

    def __init__(self, schemes: Sequence[str] = ("rtsp",)) -> None:
        self.schemes = list(schemes)
        self.streams: dict[str, list[str]] = {}
        self.added: list[str] = []
        """The first source of each stream that was added, in order."""
        self.offers: list[str] = []
        self.candidates: list[str] = []
        self.sockets = 0
        """How many WebSockets are open."""
        self.refused: list[str] = []
        """Why a source could not be read."""
        self._app = web.Application()
        self._app.add_routes(
            [
                web.get("/api", self._info),
                web.get("/api/schemes", self._schemes),
                web.get("/api/streams", self._list),
                web.put("/api/streams", self._add),
                web.get("/api/preload", self._preloaded),
                web.get("/api/ws", self._socket),
            ]
        )
        self._runner = web.AppRunner(self._app)

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(_READ_WITHIN_S))
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await self._site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._runner.cleanup()
        await self._http.close()

    async def _info(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": VERSION})

    async def _schemes(self, _request: web.Request) -> web.Response:
        return web.json_response(self.schemes)

    async def _list(self, _request: web.Request) -> web.Response:
        producers = {name: {"producers": [{"url": source} for source in sources]} for name, sources in self.streams.items()}
        return web.json_response({name: {**stream, "consumers": None} for name, stream in producers.items()})

    async def _add(self, request: web.Request) -> web.Response:
        sources = request.query.getall("src")
        self.streams[request.query["name"]] = sources
        self.added.append(sources[0])
        return web.Response()

    async def _preloaded(self, _request: web.Request) -> web.Response:
        return web.json_response({})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets += 1
        try:
            async for message in socket:
                said = json.loads(message.data)
                if said["type"] == "webrtc/candidate":
                    self.candidates.append(said["value"])
                    continue
                for told in await self._answer(said, self.streams.get(request.query["src"], [])):
                    await socket.send_json(told)
        finally:
            self.sockets -= 1
        return socket

    async def _answer(self, said: dict[str, Any], sources: list[str]) -> list[dict[str, object]]:
        """Answer an offer once the source gives what can be sent on."""
        assert (said["type"], said["value"]["type"]) == ("webrtc", "offer"), said
        self.offers.append(said["value"]["sdp"])
        trouble = await self._read(sources[0]) if sources else "no such stream"
        if trouble is not None:
            self.refused.append(trouble)
            return [{"type": "error", "value": f"webrtc: {trouble}"}]
        answer: dict[str, object] = {"type": "webrtc", "value": {"type": "answer", "sdp": ANSWER}}
        return [answer, {"type": "webrtc/candidate", "value": CANDIDATE}]

    async def _read(self, source: str) -> str | None:
        """Say why nothing can be had of a source; None if it is as go2rtc wants it."""
        try:
            async with self._http.get(source, allow_redirects=False) as response:
                if response.status != 200 or response.content_type.startswith("multipart/"):
                    return f"{response.status} {response.content_type}"
                first = await response.content.readexactly(2 * _PACKET)
        except (aiohttp.ClientError, asyncio.IncompleteReadError, TimeoutError) as error:
            return repr(error)
        programs = first[:_PACKET]
        numbers = [int.from_bytes(first[start + 1 : start + 3], "big") & 0x1FFF for start in (0, _PACKET)]
        is_video = first[0] == first[_PACKET] == 0x47
        # The first packet lists the programs, and says in which packets the second table is.
        if not is_video or numbers[0] != 0 or numbers[1] != int.from_bytes(programs[15:17], "big") & 0x1FFF:
            return f"no tables of MPEG-TS at the beginning: {first[:20].hex()}"
        return None
