"""The simulated VXG's API: who may ask what by which credential, pages, and every answer, from its field lists.

Each route carries its evidence: [S] seen in the vendor's source, [D] in its help pages, [T] in others' code, [I] inferred.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
from tests.fakes.vxg import answers, archive_answers
from tests.fakes.vxg.asked import MOST_LIMIT, Asked, Caller, Denied
from tests.fakes.vxg.faults import Faults, problem
from tests.fakes.vxg.media import FakeMedia
from tests.fakes.vxg.minting import Mint, inner_of
from tests.fakes.vxg.world import FakeChannel, FakeGroup, World

from vms_bridge.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.clock import Clock

LKEY = "v3.simulatedAccountKeyOfNobody0123456789"
_SCHEMES = {"v2": {"Acc", "SI", "LKey"}, "v3": {"LKey"}, "v4": {"Acc", "SI"}, "v5": {"SI", "LKey"}}
"""[S] Which version accepts which credential."""
_WITHOUT_SLASH = re.compile(r"/api/v2/storage/events/\d+/meta/[^/]+")
"""[S] The one known exception."""


@dataclass(slots=True)
class FakeVxg:
    """A VXG on two ports of its own; use as an async context manager, then read `url`, `lkey` and `group_token()`."""

    channels: int = 3
    clock: Clock = field(default_factory=SystemClock)
    port: int = 0
    media_port: int = 0
    lkey: str = LKEY
    names_api: bool = True
    faults: Faults = field(default_factory=Faults)
    requests: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=50_000))
    count: Counter[str] = field(default_factory=Counter)
    pages: dict[str, Callable[[], str]] = field(default_factory=dict)
    """HTML for people, by its path."""
    latency_s: float = 0.0
    """How long each answer takes."""
    ignores_filters: bool = False
    """Whether documents are found whatever is asked for, always the first ones."""
    most_rows: int = MOST_LIMIT
    """So many rows a page has at most, whatever is asked for."""
    names_cameras: bool = True
    """Whether documents of a whole group say whose they are."""
    between: Callable[[str, str], None] | None = None
    """Called before each answer, with method and path: what others do meanwhile."""
    hold: asyncio.Event | None = None
    """What all answers wait for."""
    at_once: int = 0
    most_at_once: int = 0
    headers_seen: deque[str] = field(default_factory=lambda: deque(maxlen=1000))
    world: World = field(init=False)
    mint: Mint = field(init=False)
    media: FakeMedia = field(init=False)
    _runner: web.AppRunner | None = None
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.world = World(self.clock)
        self.media = FakeMedia(self.world, port=self.media_port)
        self.mint = Mint(names_api=self.names_api)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        # What a client hung up on ends: a held answer must not outlive it.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self.mint.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        await self.media.__aenter__()
        for number in range(1, self.channels + 1):
            self.add_channel(f"Camera {number}")
        if self.channels:
            self.add_group("AI", list(self.world.channels))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.faults.heal()
        if self.hold is not None:
            self.hold.set()
        await self.media.__aexit__()
        if self._runner is not None:
            await self._runner.cleanup()

    def add_channel(self, name: str, *, number: int | None = None, **more: Any) -> FakeChannel:  # noqa: ANN401
        if number is None:
            number = 100 + len(self.world.channels) + 1
            while number in self.world.channels:
                number += 1
        made = FakeChannel(number, name, **more)
        made.token, made.watch_token = self.mint.of_channel(number), self.mint.of_channel(number, "watch")
        made.event_types = {
            kind: {"notify": False, "receive": True, "caps": {"can_be_triggered": kind == "motion", "can_record": True}}
            for kind in ("motion", "sound", "object_and_scene_detection", "yolov4_detection")
        }
        self.world.channels[number] = made
        return made

    def add_group(self, name: str, channels: Iterable[int], **more: Any) -> FakeGroup:  # noqa: ANN401
        number = self.world.new_id()
        group = FakeGroup(number, name, self.mint.of_group(number), list(channels), **more)
        self.world.groups[number] = group
        return group

    @property
    def connections(self) -> int:
        """How many there are to the API now, whether something is asked over them or not."""
        assert self._runner is not None
        assert self._runner.server is not None
        return len(self._runner.server.connections)

    @property
    def group(self) -> FakeGroup:
        """The first group."""
        return next(iter(self.world.groups.values()))

    def group_token(self) -> str:
        return self.group.token

    def visible(self, caller: Caller | None) -> set[int]:
        """Return the channels that a caller may see."""
        if caller is None:
            return set()
        if caller.scheme == "LKey":
            return set(self.world.channels)
        if caller.scheme == "Acc":
            return {caller.id} & self.world.channels.keys()
        group = self.world.groups.get(caller.id)
        if group is None:
            return set()
        return set(self.world.channels) if group.has_all else set(group.channels) & self.world.channels.keys()

    async def asked_at_once(self, count: int) -> None:
        """Wait until so many are asking."""
        async with asyncio.timeout(15):
            while self.at_once < count:
                self._came.clear()
                await self._came.wait()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        self.requests.append((request.method, request.path_qs))
        self.count[f"{request.method} {re.sub(r'/[0-9]+/', '/N/', path)}"] += 1
        self.headers_seen.append(request.headers.get("Authorization", ""))
        self.at_once += 1
        self._came.set()
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.hold is not None:
                await self.hold.wait()
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            fault = self.faults.due(path, request.method)
            if fault is not None and (instead := await self.faults.instead(fault, request)) is not None:
                return instead
            response = await self._answer(request, path)
            return response if fault is None else await self.faults.changed(fault, request, response)
        finally:
            self.at_once -= 1

    async def _answer(self, request: web.Request, path: str) -> web.Response:
        if request.method == "GET" and path in self.pages:
            return web.Response(text=self.pages[path](), content_type="text/html")
        if not path.endswith("/") and not _WITHOUT_SLASH.fullmatch(path):
            if request.method == "GET":  # [I] Django's habit
                query = f"?{request.query_string}" if request.query_string else ""
                return web.Response(status=301, headers={"Location": f"{path}/{query}"})
            return web.Response(status=500, text="<h1>RuntimeError: no slash</h1>", content_type="text/html")
        raw = await request.read()
        if self.between is not None:
            self.between(request.method, path)
        try:
            return self._routed(request, path, raw)
        except Denied as error:
            return web.json_response(problem(error.status, error.error_type, error.detail), status=error.status)

    def _routed(self, request: web.Request, path: str, raw: bytes) -> web.Response:
        for route in answers.ROUTES + archive_answers.ROUTES:
            found = re.fullmatch(route.path, path)
            if found is None or request.method != route.method:
                continue
            caller = None if route.is_open else self._caller(request, path)
            if caller is not None and caller.access == "watch" and route.wants_all:
                raise Denied(403, "forbidden", "this token is for watching")  # [I] the code, [S] the shape
            try:
                body = json.loads(raw) if raw.strip() else None
            except ValueError:
                raise Denied(400, "bad_request", "the body is no JSON") from None
            asked = Asked(self, caller, request.method, path, dict(request.query), body, found.groupdict())
            status, answer = route.handle(asked)
            if answer is None:
                return web.Response(status=status)
            return web.json_response(answer, status=status)
        raise Denied(404, "not_found", "there is nothing")

    def _caller(self, request: web.Request, path: str) -> Caller:
        version = path.split("/")[2]
        said = request.headers.get("Authorization", "").split()  # [S] the samples send two spaces at times
        scheme, credential = said if len(said) == 2 else ("", "")
        if not said and version in {"v2", "v4"} and (inner := request.query.get("token")):
            whose = self.mint.whose(inner)
            if whose is None:
                raise Denied(401, "invalid_auth", "Invalid token")
            return Caller(*whose)
        if scheme not in _SCHEMES.get(version, set()):
            raise Denied(401, "invalid_auth", "Authentication credentials were not provided.")
        if scheme == "LKey":
            if credential != self.lkey:
                raise Denied(401, "invalid_auth", f"Invalid license key {credential}")
            return Caller("LKey", 0, "all")
        whose = self.mint.whose(inner_of(credential))
        if whose is None or whose[0] != scheme:
            raise Denied(401, "invalid_auth", f"Invalid access token {credential}")
        if scheme == "SI" and whose[1] not in self.world.groups:
            raise Denied(401, "invalid_auth", "Invalid access token")
        return Caller(*whose)
