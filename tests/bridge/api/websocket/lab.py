"""For tests of the WebSocket: an API over a real hub, whose backend a test speaks for, and a client that believes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
import socket
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
from jsonschema import Draft202012Validator
from tests.bridge.api.lab import until
from tests.fakes.backend import ScriptedBackend, event, monitor, snapshot, state
from tests.fakes.identity import HOME

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.sink import ApiSink
from vms_bridge.api.websocket.schemas import schema
from vms_bridge.clock import SystemClock
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.model import EventBatch, StateUpdate
from vms_bridge.sockets import api_socket
from vms_bridge.store import Store
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.hub import SystemFeed

_SCHEMA = schema()
TOLD = Draft202012Validator({**_SCHEMA, "anyOf": [{"$ref": "#/$defs/Told"}]}, format_checker=Draft202012Validator.FORMAT_CHECKER)
SAID = Draft202012Validator({**_SCHEMA, "anyOf": [{"$ref": "#/$defs/Said"}]})
DOMAIN = "vms-bridge proof 1"


@dataclass(slots=True, kw_only=True)
class House:
    """A bridge with a system `zm` of some monitors, and its API."""

    hub: Hub
    feed: SystemFeed
    backend: ScriptedBackend
    sink: ApiSink
    folder: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.sink.addresses[0][1]}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/api/v1"

    async def token(self, scope: Scope = Scope.READ, **limits: Any) -> str:  # noqa: ANN401 - as of Tokens.create
        return (await self.hub.tokens.create("test", scope, **limits))[1]

    def show(self, key: str = "1", **changes: object) -> None:
        self.feed.emit(StateUpdate(monitor_id=key, state=state(**changes)))

    async def record(self, *numbers: int, key: str = "1", late: bool = False, **changes: object) -> None:
        await self.feed.record(EventBatch(events=tuple(event(number, key, **changes) for number in numbers), late=late))


@asynccontextmanager
async def house(folder: Path, *, monitors: int = 2, clock: Clock | None = None, **options: object) -> AsyncIterator[House]:
    clock = clock or SystemClock()
    store = await asyncio.to_thread(Store.open, folder, clock)
    hub = Hub(store, clock, durable_sinks=("mqtt",))
    await hub.start()
    first = snapshot(*(monitor(number) for number in range(1, monitors + 1)))
    backend = ScriptedBackend(first=first)
    feed = await hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=backend)
    running = asyncio.create_task(backend.run(feed))
    sink = ApiSink(HttpConfig.model_validate({"port": 0} | options), replace(HOME, data_dir=folder), clock)
    serving = asyncio.create_task(sink.run(hub))
    try:
        opened = asyncio.create_task(sink.opened.wait())
        await asyncio.wait([serving, opened], return_when=asyncio.FIRST_COMPLETED)
        assert not serving.done(), serving.exception()
        await until(lambda: listens(folder))
        yield House(hub=hub, feed=feed, backend=backend, sink=sink, folder=folder)
    finally:
        opened.cancel()
        for task in (serving, running):
            task.cancel()
        await asyncio.wait([serving, running])
        await hub.close()
        await store.close()
        assert serving.cancelled() or serving.exception() is None, serving.exception()


def listens(folder: Path) -> bool:
    """Say whether somebody answers on the socket in the folder. Blocking."""
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(api_socket(folder))) == 0


class ClosedError(Exception):
    """The bridge has closed the line."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code, self.reason = code, reason


@dataclass(slots=True)
class Client:
    """Holds everything that it is told against the schema, and counts."""

    ws: aiohttp.ClientWebSocketResponse
    host: str
    hello: dict[str, Any] = field(default_factory=dict)
    welcome: dict[str, Any] = field(default_factory=dict)
    seq: int = 0
    items: deque[dict[str, Any]] = field(default_factory=deque)
    others: deque[dict[str, Any]] = field(default_factory=deque)
    is_strict: bool = True
    """Whether each message is held against the schema, which takes its time."""

    async def say(self, **message: object) -> None:
        SAID.validate(message)
        await self.ws.send_json(message)

    async def hear(self) -> dict[str, Any]:
        """Return the next message. Raises ClosedError."""
        message = await self.ws.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise ClosedError(self.ws.close_code, message.extra or "")
        said: dict[str, Any] = json.loads(message.data)
        if self.is_strict:
            TOLD.validate(said)
        if said["type"] == "changes":
            self.seq += 1
            assert said["seq"] == self.seq
            assert said["items"]
        return said

    async def authenticate(self, token: str | None, *, host: str | None = None) -> None:
        self.hello = await self.hear()
        if token is None or not self.hello["token"]:
            await self.say(type="authenticate", protocol=1)
        else:
            nonce = secrets.token_hex(32)
            await self.say(type="authenticate", protocol=1, token_id=token.split("_")[1], nonce=nonce)
            key = hashlib.sha256(token.encode()).digest()
            pad = self._said(nonce, "websocket bridge", host)
            assert (await self.hear())["proof"] == hmac.new(key, pad, hashlib.sha256).hexdigest(), "this is an impostor"
            pad = hmac.new(key, self._said(nonce, "websocket token", host), hashlib.sha512).digest()
            await self.say(type="token", sealed=bytes(a ^ b for a, b in zip(token.encode(), pad, strict=False)).hex())
        self.welcome = await self.hear()

    def _said(self, nonce: str, purpose: str, host: str | None) -> bytes:
        return "\n".join((DOMAIN, purpose, self.hello["bridge_id"], host or self.host, "-", nonce, self.hello["nonce"])).encode()

    async def subscribe(self, **asked: object) -> dict[str, Any]:
        """Follow, and return what there was by `what` and keys, and `synced`."""
        self.seq = 0
        self.items.clear()
        await self.say(type="subscribe", **asked)
        current: dict[str, Any] = {}
        while True:
            item = await self.item()
            if item["what"] == "synced":
                return {**current, "synced": item["cursor"]}
            name = "/".join(str(item[part]) for part in ("what", "system", "monitor") if part in item)
            assert name not in current, "nothing comes twice"
            current[name] = item.get("value")

    async def item(self, *whats: str) -> dict[str, Any]:
        """Return the next item, of one of these kinds; others are passed over."""
        while True:
            while self.items:
                found = self.items.popleft()
                if not whats or found["what"] in whats:
                    return found
            message = await self.hear()
            if message["type"] == "changes":
                self.items.extend(message["items"])
            else:
                self.others.append(message)

    async def state(self, key: str = "1", **values: object) -> dict[str, Any]:
        """Return the first state of the monitor that says this."""
        while True:
            item = await self.item("state")
            if item["monitor"] == key and all(item["value"][name] == value for name, value in values.items()):
                return item

    async def reply(self, kind: str) -> dict[str, Any]:
        """Return the next message of this type; items that come before it wait."""
        while True:
            for message in self.others:
                if message["type"] == kind:
                    self.others.remove(message)
                    return message
            message = await self.hear()
            if message["type"] == "changes":
                self.items.extend(message["items"])
            else:
                self.others.append(message)

    async def end(self) -> ClosedError:
        """Wait until the line is closed, and return why."""
        try:
            while True:
                await self.hear()
        except ClosedError as closed:
            return closed


@asynccontextmanager
async def unknown(home: House, *, by_socket: bool = False, **options: Any) -> AsyncIterator[Client]:  # noqa: ANN401 - of ws_connect
    """A client that has said nothing yet."""
    connector = aiohttp.UnixConnector(str(api_socket(home.folder))) if by_socket else aiohttp.TCPConnector()
    url = "http://localhost/api/v1/ws" if by_socket else f"{home.url}/ws"
    async with aiohttp.ClientSession(connector=connector) as session, session.ws_connect(url, **options) as ws:
        yield Client(ws, home.host)


@asynccontextmanager
async def client(home: House, token: str | None = None, *, by_socket: bool = False) -> AsyncIterator[Client]:
    """A client that was let in."""
    if token is None and not by_socket:
        token = await home.token()
    async with unknown(home, by_socket=by_socket) as one:
        await one.authenticate(token)
        yield one
