"""One WebSocket of the fake: hello, proof, the sealed token, then what changes, event messages and commands."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web
from tests.component.fakes import commands, proof, schemas
from tests.component.fakes.garbage import frame_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.component.fakes.bridge import FakeBridge, Token
    from tests.component.fakes.schemas import JsonObject

FRAME_BYTES = 48 * 1024


class Closing(Exception):
    """The socket is to be closed so."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Session:
    """Serves one client."""

    def __init__(self, bridge: FakeBridge, request: web.Request) -> None:
        self._bridge, self._request = bridge, request
        self._socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=65 * 1024, timeout=1.0)
        self._outgoing: asyncio.Queue[JsonObject | str | bytes | Closing | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pongs: dict[bytes, asyncio.Future[None]] = {}
        self._seq = 0
        self._after: int | None = None
        self.token_id: str | None = None
        self.token: Token | None = None
        self.is_welcome = False
        self.asked: JsonObject | None = None
        """What it has subscribed to."""
        self.is_synced = False
        self.kinds: tuple[str, ...] = ()
        """Which requests it answers."""
        self._requests: dict[str, asyncio.Future[JsonObject]] = {}

    async def serve(self) -> web.WebSocketResponse:
        """Serve until either side ends it."""
        await self._socket.prepare(self._request)
        sender = asyncio.create_task(self._send(), name="fake-bridge-socket")
        self._bridge.opened(self)
        try:
            if self._bridge.garbage is not None:
                self.say(frame_of(self._bridge.garbage, is_first=True))
            await self._greet()
            while True:
                self._deal_with(await self._receive())
        except Closing as why:
            self.close(why)
        finally:
            self._bridge.closed(self)
            self.is_welcome = self.is_synced = False
            for pong in self._pongs.values():
                if not pong.done():
                    pong.set_result(None)
            self._outgoing.put_nowait(None)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(sender, *self._tasks, return_exceptions=True)
        return self._socket

    def say(self, message: JsonObject | str | bytes, *, is_checked: bool = True) -> None:
        """Send a message when its turn has come."""
        if is_checked and isinstance(message, dict):
            self._bridge.check(schemas.wrong_with_message(message, by_client=False), message)
        self._outgoing.put_nowait(message)

    def tell(self, items: Iterable[JsonObject], *, is_checked: bool = True) -> None:
        """Send items that are for this client, once it has subscribed."""
        if self.asked is None:
            return
        pending: list[JsonObject] = []
        size = 0
        for item in items:
            if is_checked:
                self._bridge.check(schemas.wrong_with_item(item), item)
                if not self._is_for_it(item):
                    continue
            pending.append(json.loads(json.dumps(item)))  # as it is now
            size += len(json.dumps(item))
            if size >= FRAME_BYTES:
                self._say_items(pending)
                pending, size = [], 0
        if pending:
            self._say_items(pending)

    async def ask(self, kind: str, content: JsonObject) -> JsonObject:
        """Ask the client, which has said that it answers this kind, and return its answer."""
        assert kind in self.kinds, f"nobody answers {kind}"
        id_ = secrets.token_hex(8)
        waiting: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        self._requests[id_] = waiting
        self.say({"type": "request", "id": id_, "kind": kind, "content": content})
        return await waiting

    def close(self, why: Closing) -> None:
        """End it when everything before is sent."""
        self._outgoing.put_nowait(why)

    def abort(self) -> None:
        """End its connection at once."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def delivered(self) -> None:
        """Wait until the client has read everything that was said."""
        name = secrets.token_bytes(8)
        pong = self._pongs[name] = asyncio.get_running_loop().create_future()
        self._outgoing.put_nowait(b"ping:" + name)
        await pong
        self._pongs.pop(name, None)

    async def _send(self) -> None:
        while (message := await self._outgoing.get()) is not None:
            await self._bridge.until_sockets_speak()
            try:
                match message:
                    case Closing():
                        await self._socket.close(code=message.code, message=message.reason.encode())
                        return
                    case str():
                        await self._socket.send_str(message)
                    case bytes() if message.startswith(b"ping:"):
                        await self._socket.ping(message.removeprefix(b"ping:"))
                    case bytes():
                        await self._socket.send_bytes(message)
                    case _:
                        await self._socket.send_str(json.dumps(message))
            except ConnectionError:
                return  # the client has gone

    async def _receive(self) -> JsonObject:
        """Return what the client says next. Raises Closing."""
        while True:
            message = await self._socket.receive()
            match message.type:
                case WSMsgType.TEXT:
                    return self._understood(message.data)
                case WSMsgType.PING:
                    await self._socket.pong(message.data)
                case WSMsgType.PONG:
                    pong = self._pongs.get(bytes(message.data))
                    if pong is not None and not pong.done():
                        pong.set_result(None)
                case WSMsgType.BINARY:
                    raise Closing(1003)
                case _:
                    raise Closing(self._socket.close_code or 1000)

    def _understood(self, text: str) -> JsonObject:
        try:
            said = json.loads(text)
        except ValueError:
            raise Closing(4400, "no JSON") from None
        wrong = schemas.wrong_with_message(said, by_client=True) if isinstance(said, dict) else "no object"
        if wrong is not None:
            self._bridge.mistakes.append(f"WebSocket: {wrong}: {text[:500]}")
            if not self.is_welcome:
                raise Closing(4400, wrong[:100])
            self._complain(said.get("id") if isinstance(said, dict) else None, "invalid", wrong)
            return {}
        self._bridge.said.append({name: value for name, value in said.items() if name != "sealed"})
        return dict(said)

    async def _greet(self) -> None:
        bridge = self._bridge
        self.token_id = bridge.token_id_of(self._request)
        nonce = secrets.token_hex(32)
        hello = {
            "type": "hello",
            "bridge_id": bridge.bridge_id,
            "version": bridge.version,
            "lowest_protocol": bridge.lowest_protocol,
            "highest_protocol": bridge.highest_protocol,
            "token": self.token_id is None,
            "nonce": nonce,
        }
        if bridge.garbage is None:
            self.say(hello)
        said = await self._receive()
        if said["type"] != "authenticate":
            raise Closing(4400, "authenticate first")
        if not bridge.lowest_protocol <= said["protocol"] <= bridge.highest_protocol:
            raise Closing(4406, "this protocol is not spoken")
        if self.token_id is None:
            self.token_id = await self._known(said, nonce)
        self.token = bridge.tokens[self.token_id]
        if self.token.scope == "hook":
            raise Closing(4401, "not for this")
        self.is_welcome = True
        self.say({"type": "welcome", "scope": self.token.scope, "name": self.token.name, "epoch": bridge.epoch})

    async def _known(self, said: JsonObject, nonce: str) -> str:
        bridge = self._bridge
        if said.get("token_id") is None or said.get("nonce") is None:
            raise Closing(4400, "token_id and nonce are missing")
        key = bridge.key_for_proof(said["token_id"])
        bound = bridge.bridge_id, bridge.host_for_proof(self._request), bridge.fingerprint
        nonces = said["nonce"], nonce
        self.say({"type": "proof", "proof": proof.mac(key, "websocket bridge", *bound, *nonces)})
        shown = await self._receive_token()
        text = proof.xor(bytes.fromhex(shown), proof.pad(key, "websocket token", *bound, *nonces))
        found = next((name for name, token in bridge.tokens.items() if token.text.encode() == text), None)
        if found is None or found != said["token_id"]:
            raise Closing(4401, "the token is not known, or no more")
        return found

    async def _receive_token(self) -> str:
        message = await self._socket.receive()
        if message.type is not WSMsgType.TEXT:
            raise Closing(self._socket.close_code or 1000)
        said = json.loads(message.data)
        if self._bridge.impostor is not None:
            self._bridge.leaked.append(message.data)
        wrong = schemas.wrong_with_message(said, by_client=True)
        if wrong is not None or said["type"] != "token":
            raise Closing(4400, "the token is wanted")
        sealed: str = said["sealed"]
        return sealed

    def _deal_with(self, said: JsonObject) -> None:
        match said.get("type"):
            case "subscribe":
                self._subscribe(said)
            case "command":
                task = asyncio.create_task(self._command(said), name="fake-bridge-command")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case "claim":
                self.kinds = tuple(said["kinds"])
                self._bridge.synced()
            case "answer":
                waiting = self._requests.pop(said["id"], None)
                if waiting is None:
                    self._complain(said["id"], "not_found", "there is no open request of this id")
                elif not waiting.done():
                    waiting.set_result(said)
            case None:
                pass
            case kind:
                self._complain(None, "invalid", f"{kind} was said already")

    def _subscribe(self, said: JsonObject) -> None:
        bridge = self._bridge
        try:
            begin, gap = bridge.history_after(said.get("after"))
        except ValueError:
            self._complain(None, "invalid", "after: this is no cursor")
            return
        self.asked, self._seq, self.is_synced = said, 0, False
        self.tell(bridge.everything())
        self.tell([{"what": "synced", "cursor": begin}])
        if said.get("events", True):
            self.tell([*([] if gap is None else [gap]), *bridge.replayed(said.get("after"))])
        self.is_synced = True
        bridge.synced()

    async def _command(self, said: JsonObject) -> None:
        asked = {name: value for name, value in said.items() if name not in {"type", "id"}}
        self._bridge.commanded_by("websocket", asked)
        token = self.token
        assert token is not None
        try:
            async for ack in commands.follow(self._bridge, asked, token.scope):
                self.say({"type": "ack", "id": said["id"], "ack": ack})
        except commands.NotThere:
            self._complain(said["id"], "not_found", "there is no such system or monitor")

    def _complain(self, id_: str | None, code: str, text: str) -> None:
        self.say({"type": "error", "id": id_, "code": code, "text": text, "hint": None})

    def _say_items(self, items: list[JsonObject]) -> None:
        self._seq += 1
        self.say({"type": "changes", "seq": self._seq, "items": items}, is_checked=False)

    def _is_for_it(self, item: JsonObject) -> bool:
        asked, token = self.asked or {}, self.token
        what, system, monitor = item.get("what"), item.get("system"), item.get("monitor")
        if what == "event":
            if not asked.get("events", True):
                return False
            system, monitor = item["value"]["system"], item["value"]["monitor"]
        if (what == "detection" and not asked.get("detections")) or (what == "transition" and not asked.get("transitions")):
            return False
        if token is not None and token.is_limited and (what == "bridge" or not token.sees(system, monitor)):
            return what in {"notices", "synced", "gap", "cursor"}
        wanted = asked.get("systems"), asked.get("monitors")
        if wanted == (None, None) or system is None:
            return True
        around = {*(wanted[0] or ()), *(each["system"] for each in wanted[1] or () if monitor is None)}
        return system in around or {"system": system, "monitor": monitor} in (wanted[1] or ())
