"""A bridge that tests drive: a real server on loopback that speaks docs/api.md and docs/websocket.md.

It checks what clients say, and what it says itself, against the schemas of the real bridge (`mistakes`, `lies`), so that it
can't drift from that. Everything is told at once, where the real one gathers for 10 ms.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import hdrs, web
from tests.component.fakes import certificate, garbage, proof
from tests.component.fakes.http import Refused, Server
from tests.component.fakes.socket import Closing, Session
from tests.component.fakes.world import World

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping

    from tests.component.fakes.schemas import JsonObject

CODE = "7Q2W9XKD"
TOKEN_ID = "k3n8x0c2va"
TOKEN = f"vb_{TOKEN_ID}_{'A' * 43}"
PATIENCE_S = 30.0
"""How long tests wait for what has to come."""
PORTS = range(20_000, 30_000)
"""Below those that the system gives to connections, so that nobody takes the bridge's while it is down."""


@dataclass(frozen=True)
class Asked:
    """One HTTP request that came, the WebSocket's too; `path` as it was sent."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    token_id: str | None
    body: JsonObject | None


@dataclass
class Token:
    """What is good as a token, and how far; `monitors` as `zm/1`."""

    text: str
    scope: str = "control"
    name: str = "Home Assistant"
    systems: list[str] | None = None
    monitors: list[str] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether it is good for some systems or monitors only."""
        return self.systems is not None or self.monitors is not None

    def sees(self, system: str | None, monitor: str | None = None) -> bool:
        """Say whether who has it may know of this."""
        if not self.is_limited or system is None:
            return True
        if system in (self.systems or ()):
            return True
        own = self.monitors or ()
        return any(each.startswith(f"{system}/") for each in own) if monitor is None else f"{system}/{monitor}" in own


@dataclass
class _Canned:
    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str]
    left: int | None = None


@dataclass
class _Told:
    """What has happened, for tests."""

    requests: list[Asked] = field(default_factory=list)
    commands: list[JsonObject] = field(default_factory=list)
    said: list[JsonObject] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    lies: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)


class FakeBridge(World):
    """One bridge: its world, its clients, and the trouble that it makes. All of it on the event loop of the test."""

    def __init__(self, *, tls: bool = False, world: bool = True, **attributes: Any) -> None:
        super().__init__()
        self.bridge_id = "5f0c7a52e9d14b0c"
        self.name, self.instance, self.version = "VMS Bridge", "home", "0.1.0"
        self.lowest_protocol = self.highest_protocol = 1
        self.code: str | None = CODE
        self.tokens = {TOKEN_ID: Token(TOKEN)}
        self.claimed_by: dict[str, str] = {}
        """By which token each holder has claimed the devices."""
        self.claim_scope: str | None = None
        """Which scope may claim; None: as the API's document says."""
        self._tells = _Told()
        self.requests, self.commands, self.said = self._tells.requests, self._tells.commands, self._tells.said
        self.mistakes, self.lies, self.leaked = self._tells.mistakes, self._tells.lies, self._tells.leaked

        self.pictures: dict[str, bytes] = {}
        self.clips: dict[str, bytes] = {}
        self.streams: dict[str, bytes] = {}
        self.forms: dict[str, list[str]] = {}
        """Which forms of live video a monitor (`zm/1`) has, where that is not what its capabilities say."""
        self.link_key = "links00000"
        """Signs links: with another one, those of before are good for nothing."""
        self.streaming = 0
        self.streams_end = asyncio.Event()
        self.refusals: dict[str, tuple[str, str, str | None]] = {}
        self.waiting: dict[str, int] = {}
        self.answered: dict[str, JsonObject] = {}
        """Final answers by `request_id`: who asks again gets the same, and nothing is done again."""
        self.impostor: Literal["stranger", "relay"] | None = None
        self.garbage: garbage.Kind | None = None

        self._tries = 5
        self._context: ssl.SSLContext | None = None
        self.fingerprint: str | None = None
        if tls:
            self._context, self.fingerprint = certificate.make()
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._server = Server(self)
        self._sessions: list[Session] = []
        self._canned: dict[str, _Canned] = {}
        self._held: dict[str, asyncio.Event] = {}
        self._answers = asyncio.Event()
        self._sockets_speak = asyncio.Event()
        self._sockets_speak.set()
        self._changed = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, "fake-bridge")
        for name, value in attributes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        if world:
            self.make_usual()

    # --- where it is ---

    @property
    def host(self) -> str:
        """What a client names as Host."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'http' if self._context is None else 'https'}://{self.host}"

    @property
    def token(self) -> str:
        """The text of the token that is good at the start."""
        return TOKEN

    @property
    def scope(self) -> str:
        """The scope of that token."""
        return self.tokens[TOKEN_ID].scope

    @scope.setter
    def scope(self, scope: str) -> None:
        self.tokens[TOKEN_ID].scope = scope

    async def start(self) -> None:
        """Open its port, the same as before."""
        assert self._runner is None, "it runs"
        self._pool = ThreadPoolExecutor(1, "fake-bridge")
        self.streams_end.clear()
        runner = web.AppRunner(self._server.application(), access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        for attempt in range(50):
            port = self.port or random.choice(PORTS)  # noqa: S311 - no secret
            site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=self._context, reuse_address=True)
            try:
                await site.start()
            except OSError:
                if self.port or attempt == 49:
                    await runner.cleanup()
                    raise
                await site.stop()
            else:
                self.port = port
                break
        self._runner = runner

    async def stop(self) -> None:
        """Close it: sockets end with 1012, connections are refused. What it knows stays."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        self.release()
        self.release_socket()
        self.end_streams()
        sessions = list(self._sessions)
        for session in sessions:
            session.close(Closing(1012, "the bridge stops, or starts anew"))
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                while self._sessions:
                    await self._next_change()
        for session in list(self._sessions):
            session.abort()
        await runner.cleanup()
        self._pool.shutdown(wait=True)

    async def new_certificate(self) -> None:
        """Come back at once on the same port with another certificate."""
        await self.stop()
        self._context, self.fingerprint = certificate.make()
        await self.start()

    # --- what no schema knows ---

    def item(self, item: JsonObject) -> None:
        """Say an item as it is, to everybody."""
        for session in self._sessions:
            session.tell([item], is_checked=False)

    def message(self, message: JsonObject | str | bytes) -> None:
        """Say a frame as it is, to everybody."""
        for session in self._sessions:
            session.say(message, is_checked=False)

    # --- media ---

    def end_streams(self) -> None:
        """End all streams that go on."""
        self.streams_end.set()
        self.streams_end = asyncio.Event()

    def count_stream(self, by: int) -> None:
        """Note that a stream begins or ends."""
        self.streaming += by
        self._change()

    # --- commands ---

    def refuse(self, command: str, result: str = "refused", code: str = "rejected", hint: str | None = "no") -> None:
        """Answer this command so from now on."""
        self.refusals[command] = (result, code, hint)

    def allow(self, command: str) -> None:
        """Refuse it no more."""
        self.refusals.pop(command, None)

    def keep_waiting(self, command: str, running: int = 0) -> None:
        """Have this command wait for its final answer until `answer_commands`, after so many `running`."""
        self.waiting[command] = running

    def answer_commands(self) -> None:
        """Give the answers that are waited for, and keep nobody waiting any more."""
        self.waiting.clear()
        self._answers.set()
        self._answers = asyncio.Event()

    # --- trouble ---

    def revoke(self, token_id: str = TOKEN_ID) -> None:
        """Make a token good for nothing."""
        self.tokens.pop(token_id, None)
        for session in self._sessions:
            if session.token_id == token_id:
                session.close(Closing(4401, "the token was revoked, or its time is over"))
        self.end_streams()

    def drop_all(self, code: int | None = 1012) -> None:
        """End all sockets; None: without a word."""
        for session in list(self._sessions):
            if code is None:
                session.abort()
            else:
                session.close(Closing(code, "dropped"))

    def be_impostor(self, how: Literal["stranger", "relay"] | None = "stranger") -> None:
        """Be somebody else who says this bridge's id; None: be oneself again."""
        self.impostor = how

    def say_garbage(self, how: garbage.Kind | None = "text") -> None:
        """Answer everything so from now on, and say it on every socket; None: no more."""
        self.garbage = how
        if how is not None:
            for session in self._sessions:
                session.say(garbage.frame_of(how, is_first=False), is_checked=False)

    def answer(
        self,
        path: str,
        status: int,
        body: JsonObject | list[Any] | bytes | None = None,
        *,
        code: str = "error",
        hint: str | None = None,
        times: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer requests for a path, or for what begins so (`…*`), in this way; 0: no more."""
        if status == 0:
            self._canned.pop(path, None)
            return
        refusal = body is None and status >= 400
        if isinstance(body, bytes):
            raw: object = body
        else:
            raw = web.json_response(Refused(status, code, "it is so", hint).body if refusal else body).body
        assert isinstance(raw, bytes)
        kind = (
            "application/problem+json"
            if refusal
            else "application/octet-stream"
            if isinstance(body, bytes)
            else "application/json"
        )
        said = dict(headers or {})
        self._canned[path] = _Canned(status, raw, said.pop(hdrs.CONTENT_TYPE, kind), said, times)

    def hold(self, path: str) -> None:
        """Let requests for a path, or for what begins so (`…*`), wait until `release`."""
        self._held[path] = asyncio.Event()

    def release(self, path: str | None = None) -> None:
        """Let them go on; None: all."""
        for each in list(self._held) if path is None else [path]:
            self._held.pop(each).set()

    def hold_socket(self) -> None:
        """Say nothing more on sockets until `release_socket`."""
        self._sockets_speak.clear()

    def release_socket(self) -> None:
        """Say what was to be said meanwhile."""
        self._sockets_speak.set()

    # --- waiting ---

    @property
    def sockets(self) -> int:
        """How many clients have come in by a socket."""
        return sum(session.is_welcome for session in self._sessions)

    @property
    def subscribed(self) -> list[JsonObject]:
        """What each open socket has subscribed to."""
        return [session.asked for session in self._sessions if session.asked is not None]

    async def connected(self, count: int = 1) -> None:
        """Wait until so many sockets know all that is current."""
        await self._until(lambda: sum(session.is_synced for session in self._sessions) == count, f"{count} sockets")
        await self.delivered()

    @property
    def answering(self) -> list[tuple[str, ...]]:
        """Which kinds of requests each open socket answers."""
        return [session.kinds for session in self._sessions]

    async def ask(self, kind: str, content: JsonObject) -> JsonObject:
        """Ask the client that answers this kind, once one does, and return its message."""
        await self._until(lambda: any(kind in session.kinds for session in self._sessions), f"somebody who answers {kind}")
        session = next(session for session in reversed(self._sessions) if kind in session.kinds)
        async with asyncio.timeout(PATIENCE_S):
            return await session.ask(kind, content)

    async def disconnected(self) -> None:
        """Wait until no socket is open."""
        await self._until(lambda: not self._sessions, "no socket")

    async def delivered(self) -> None:
        """Wait until every client has read what was said."""
        async with asyncio.timeout(PATIENCE_S):
            for session in [each for each in self._sessions if each.is_welcome]:
                await session.delivered()

    async def asked(self, path: str, count: int = 1) -> Asked:
        """Wait until so many requests for a path have come, and return the last one."""
        await self._until(lambda: sum(each.path == path for each in self.requests) >= count, f"{count} requests for {path}")
        return [each for each in self.requests if each.path == path][-1]

    async def commanded(self, count: int = 1) -> JsonObject:
        """Wait until so many commands have come, and return the last one."""
        await self._until(lambda: len(self.commands) >= count, f"{count} commands")
        return self.commands[-1]

    async def _until(self, look: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not look():
                    await self._next_change()
        except TimeoutError:
            raise AssertionError(
                f"not within {PATIENCE_S:g} s: {what}; requests: {[each.path for each in self.requests]}"
            ) from None

    async def _next_change(self) -> None:
        await self._changed.wait()

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # --- for its own parts ---

    def check(self, wrong: str | None, said: object) -> None:
        """Note what the fake should not have said."""
        if wrong is not None:
            self.lies.append(f"{wrong}: {str(said)[:500]}")

    def came(self, request: web.Request, query: Mapping[str, list[str]], body: JsonObject | None) -> None:
        """Note a request."""
        self.requests.append(
            Asked(request.method, request.rel_url.raw_path, query, dict(request.headers), self.token_id_of(request), body)
        )
        self._change()

    def commanded_by(self, door: str, asked: JsonObject) -> None:
        """Note a command."""
        self.commands.append({**asked, "door": door})
        self._change()

    def opened(self, session: Session) -> None:
        """Note a socket."""
        self._sessions.append(session)
        self._change()

    def closed(self, session: Session) -> None:
        """Forget a socket."""
        self._sessions.remove(session)
        self._change()

    def synced(self) -> None:
        """Note that a socket knows all that is current."""
        self._change()

    def token_id_of(self, request: web.Request) -> str | None:
        """Return which good token a request shows."""
        scheme, _, text = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return next((token_id for token_id, token in self.tokens.items() if token.text == text), None)

    def key_for_proof(self, token_id: str) -> bytes:
        """Return by what it proves to know a token; one that there is not gets an answer as well."""
        token = self.tokens.get(token_id)
        if token is None or self.impostor == "stranger":
            return secrets.token_bytes(32)
        return proof.key_of_token(token.text)

    def host_for_proof(self, request: web.Request) -> str:
        """Return which host a proof is bound to."""
        return "10.0.0.9:8098" if self.impostor == "relay" else request.host.lower()

    def grant(self, name: str) -> tuple[str, Token]:
        """Return a new token, by the code that is used up by it."""
        token_id = f"p{secrets.randbelow(10**9):09d}"
        token = Token(f"vb_{token_id}_{secrets.token_urlsafe(32)}", name=name)
        if self.impostor is None:
            self.tokens[token_id] = token
            self.code = None
        return token_id, token

    def wrong_code(self) -> None:
        """Count a try."""
        self._tries -= 1
        if not self._tries:
            self.code = None

    async def in_thread[T](self, work: Callable[[], T]) -> T:
        """Do what takes long beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def canned(self, path: str) -> web.Response | None:
        """Return the answer that a test has asked for."""
        found = _matching(self._canned, path)
        if found is None:
            return None
        canned = self._canned[found]
        if canned.left is not None:
            canned.left -= 1
            if canned.left <= 0:
                del self._canned[found]
        return web.Response(
            body=canned.body, status=canned.status, headers={hdrs.CONTENT_TYPE: canned.content_type, **canned.headers}
        )

    async def until_released(self, path: str) -> None:
        """Wait as long as requests for this path are held."""
        found = _matching(self._held, path)
        if found is not None:
            await self._held[found].wait()

    async def until_sockets_speak(self) -> None:
        """Wait as long as sockets are held."""
        await self._sockets_speak.wait()

    async def until_answered(self) -> None:
        """Wait as long as commands are not answered."""
        await self._answers.wait()

    def tell(self, *items: JsonObject) -> None:
        """Say items to everybody whom they are for."""
        for session in self._sessions:
            session.tell(items)


def _matching(paths: Iterable[str], path: str) -> str | None:
    """Return which of these paths, or beginnings of paths, is meant."""
    return next((each for each in paths if each == path or (each.endswith("*") and path.startswith(each[:-1]))), None)
