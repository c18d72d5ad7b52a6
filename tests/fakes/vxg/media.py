"""The second server of the simulated VXG: a store of pictures and videos at signed addresses.

It refuses whoever shows a credential, as S3 does [I], and addresses that have expired (403) [I].
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from aiohttp import web
from tests.fakes.zoneminder.media import JPEG

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.vxg.world import World

_KEY = b"the simulator's own"
_MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"


@dataclass(slots=True)
class FakeMedia:
    """Use as an async context manager."""

    world: World
    life_s: float = 300.0
    clip_bytes: int = 200_000
    port: int = 0
    requests: deque[str] = field(default_factory=lambda: deque(maxlen=20_000))
    uploads: dict[str, bytes] = field(default_factory=dict)
    cuts: deque[int] = field(default_factory=deque)
    """After so many bytes the next answers break off."""
    refused: list[str] = field(default_factory=list)
    """Which requests showed a credential."""
    files: dict[str, bytes] = field(default_factory=dict)
    previews: Counter[int] = field(default_factory=Counter)
    """How often a fresh preview of a channel was asked for; each is another picture."""
    served: int = 0
    latency_s: float = 0.0
    """How long each answer takes."""
    at_once: int = 0
    most_at_once: int = 0
    gate: Callable[[], object] | None = None
    odd_range: str | None = None
    """What an answer says of its part, in the place of what is so."""
    picture: Callable[[str], bytes] | None = None
    """What makes the pictures, by their paths (`preview/101`, `thumb/7`, `image/8`); None: all are one, and small."""
    video: Callable[[str], bytes] | None = None
    """What makes clips and recordings; None: they are none that could be played."""
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many there are now, whether something is asked over them or not."""
        return 0 if self._runner is None or self._runner.server is None else len(self._runner.server.connections)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def signed(self, path: str, life_s: float | None = None) -> str:
        """Return an address that is good for a while."""
        until = int(self.world.now().timestamp() + (self.life_s if life_s is None else life_s))
        return f"{self.url}/{path}?Expires={until}&Signature={_signature(path, until)}"

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.requests.append(f"{request.method} /{path}")
        if "Authorization" in request.headers:
            self.refused.append(path)
            return web.Response(status=400, text="<Error><Code>InvalidArgument</Code></Error>", content_type="application/xml")
        until = int(request.query.get("Expires", "0"))
        is_good = hmac.compare_digest(request.query.get("Signature", ""), _signature(path, until))
        if not is_good or self.world.now().timestamp() > until:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
        if request.method == "PUT":
            self.uploads[path] = await request.read()
            return web.Response()
        self.served += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            return await self._give(request, path)
        finally:
            self.at_once -= 1

    async def _give(self, request: web.Request, path: str) -> web.StreamResponse:
        body, kind = self.body_of(path)
        if body is None:
            return web.Response(status=404)
        first, end = 0, len(body)
        asked = request.headers.get("Range", "")
        if asked.startswith("bytes="):
            said, _, last = asked[6:].partition("-")
            first, end = int(said), min(end, int(last) + 1 if last else end)
            if first >= len(body):
                return web.Response(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
        response = web.StreamResponse(status=206 if asked else 200)
        response.content_type = kind
        response.content_length = end - first
        if asked:
            response.headers["Content-Range"] = self.odd_range or f"bytes {first}-{end - 1}/{len(body)}"
        await response.prepare(request)
        rest = body[first:end]
        if self.cuts:
            await response.write(rest[: self.cuts.popleft()])
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write(rest)
        await response.write_eof()
        return response

    def body_of(self, path: str) -> tuple[bytes | None, str]:
        """Return what is there, and of which type."""
        if path in self.files:
            return self.files[path], "application/json"
        kind, _, name = path.partition("/")
        if kind in {"image", "thumb", "preview"}:
            fresh = b"+" * self.previews[int(name)] if kind == "preview" else b""
            return JPEG + name.encode() + fresh if self.picture is None else self.picture(path), "image/jpeg"
        if kind in {"clip", "record"} and self.video is not None:
            return self.video(path), "video/mp4"
        if kind in {"clip", "record"}:
            seed = hashlib.sha256(path.encode()).digest()
            return (_MP4 + seed * (self.clip_bytes // len(seed) + 1))[: self.clip_bytes], "video/mp4"
        return None, ""


def _signature(path: str, until: int) -> str:
    return hmac.new(_KEY, f"{path}:{until}".encode(), "sha256").hexdigest()
