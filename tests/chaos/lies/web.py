"""An HTTP proxy before ZoneMinder that lies while it is told to; what it says else is what ZoneMinder says."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

import aiohttp
from aiohttp import web
from tests.chaos.lies.tales import Answer, Past, Question, Sort, rows_of
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.lies.tales import Tell

_PARTS = (
    ("login", r"host/login"),
    ("version", r"host/getVersion"),
    ("zone", r"host/getTimeZone"),
    ("load", r"host/getLoad"),
    ("daemons", r"host/daemonCheck"),
    ("monitors", r"monitors"),
    ("monitor", r"monitors/\d+"),
    ("status", r"monitors/alarm/id:\d+/command:status"),
    ("alarm", r"monitors/alarm/.*"),
    ("restart", r"monitors/daemonControl/.*"),
    ("events", r"events/index/.*"),
    ("states", r"states"),
    ("run-state", r"states/change/.*"),
    ("zones", r"zones"),
    ("storage", r"storage"),
    ("servers", r"servers"),
    ("configs", r"configs/.*"),
)
_MOST_BYTES = 1024 * 1024
_UNDONE = (b"cannot handle alarms", b'"code": 255')
CHANGES = frozenset({"edit", "alarm", "run-state", "restart"})


@dataclass(slots=True)
class Lie:
    """A lie that is being told: about this part (`all`: whatever is asked of the API), until it is over."""

    name: str
    part: str
    tell: Tell
    sort: Sort
    replaces: bool = False
    told: int = 0
    owed: set[int] = field(default_factory=set)
    """Ids of rows that were left out and not shown since: a brief lie leaves nothing out twice in a row."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer that was a lie, at a monotonic moment."""

    at: float
    name: str
    part: str
    path: str
    sort: Sort
    missing: frozenset[int] = frozenset()
    """Ids of rows that are there, and were not in the answer."""


@dataclass(frozen=True, slots=True)
class Change:
    """One request that has changed something."""

    at: float
    path: str
    form: str


@dataclass(slots=True)
class WebLiar:
    """Use as an async context manager, then let the bridge have `url`."""

    upstream: str
    lies: list[Lie] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    asked: dict[str, float] = field(default_factory=dict)
    """When each part was answered truly last, monotonic."""
    changes: list[Change] = field(default_factory=list)
    requests: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=10_000))
    _past: Past = field(default_factory=Past)
    _runner: web.AppRunner | None = None
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar())
        application = web.Application(client_max_size=1024 * 1024)
        application.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._session is not None
        await self._runner.cleanup()
        await self._session.close()

    @property
    def url(self) -> str:
        """Where the bridge finds its ZoneMinder."""
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/zm"

    @contextlib.contextmanager
    def telling(self, lie: Lie) -> Iterator[None]:
        """Tell this lie meanwhile."""
        self.lies.append(lie)
        try:
            yield
        finally:
            self.lies.remove(lie)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        path = unquote(request.rel_url.raw_path).removeprefix("/zm/").removeprefix("api/").removesuffix(".json")
        raw = unquote(f"{request.raw_path} {body.decode(errors='replace')}")
        question = Question(request.method, path, part_of(request.method, path), raw)
        self.requests.append((time.monotonic(), path))
        lie = self._lie_about(question)
        if lie is not None and lie.replaces:
            lied = lie.tell(question, Answer(200, b""), self._past)
            assert lied is not None
            self._tell(lie, question, lied, lied)
            return await _sent(request, lied)
        answer = await self._ask(request, body)
        now = time.monotonic()
        if question.part in CHANGES and answer.status == 200 and not any(words in answer.body for words in _UNDONE):
            self.changes.append(Change(now, path, body.decode(errors="replace")))
        lied = self._lied(lie, question, answer)
        self._past.note(question, answer, now)
        if lied is None:
            self.asked[question.part] = now
        return await _sent(request, lied or answer)

    def _lie_about(self, question: Question) -> Lie | None:
        return next((lie for lie in self.lies if lie.part in {question.part, "all"}), None)

    def _lied(self, lie: Lie | None, question: Question, answer: Answer) -> Answer | None:
        if lie is None:
            return None
        self._past.now = time.monotonic()
        lied = lie.tell(question, answer, self._past)
        if lied is None or lied == answer:
            return None
        if lie.sort is Sort.BRIEF:
            there = _ids(answer, question.part)
            if lie.owed & there:
                lie.owed -= there
                return None
            lie.owed |= there - _ids(lied, question.part)
        self._tell(lie, question, answer, lied)
        return lied

    def _tell(self, lie: Lie, question: Question, answer: Answer, lied: Answer) -> None:
        lie.told += 1
        missing = _ids(answer, question.part) - _ids(lied, question.part)
        self.told.append(Told(time.monotonic(), lie.name, question.part, question.path, lie.sort, frozenset(missing)))

    async def _ask(self, request: web.Request, body: bytes) -> Answer:
        assert self._session is not None
        headers = {name: request.headers[name] for name in ("Content-Type",) if name in request.headers}
        target = URL(f"{self.upstream}{request.raw_path}", encoded=True)
        try:
            async with self._session.request(
                request.method, target, data=body or None, headers=headers, allow_redirects=False
            ) as response:
                return Answer(
                    response.status,
                    await response.read(),
                    response.headers.get("Content-Type", ""),
                    location=response.headers.get("Location"),
                )
        except aiohttp.ClientError:
            return Answer(502, b"")


def part_of(method: str, path: str) -> str:
    """Return what a path asks for."""
    if path.startswith(("index.php", "cgi-bin/")):
        return "picture"
    part = next((part for part, pattern in _PARTS if re.fullmatch(pattern, path)), "other")
    return "edit" if part == "monitor" and method != "GET" else part


def _ids(answer: Answer, part: str) -> set[int]:
    if len(answer.body) > _MOST_BYTES or answer.encoding:
        return set()
    try:
        return {int(row["Id"]) for row in rows_of(answer, part) if "Id" in row and not row.get("Deleted")}
    except (ValueError, TypeError, AttributeError):
        return set()


async def _sent(request: web.Request, answer: Answer) -> web.StreamResponse:
    headers = {"Content-Type": answer.content_type or "application/octet-stream", "Content-Length": str(len(answer.body))}
    if answer.location:
        headers["Location"] = answer.location
    if answer.encoding:
        headers["Content-Encoding"] = answer.encoding
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    if answer.breaks_off and request.transport is not None:
        await response.write(answer.body[: len(answer.body) // 2])
        await asyncio.sleep(0)
        request.transport.abort()
        return response
    await response.write(answer.body)
    await response.write_eof()
    return response
