"""The live line: a bridge's WebSocket (docs/websocket.md) on Home Assistant's own session.

The token goes over it sealed, and only after the bridge has proved on this very connection that it knows it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import WSMsgType
from homeassistant.util import dt as dt_util

from . import proof
from .answers import failure_of, load
from .errors import (
    BridgeError,
    Busy,
    CannotConnect,
    Impostor,
    Misdirected,
    NotABridge,
    NotAllowed,
    NotFound,
    Refused,
    TokenRefused,
    TooNew,
    Unanswered,
)
from .models import Ack, Hello, JsonObject, Welcome, an_object

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Mapping

    from .client import BridgeClient
    from .models import Target

_LOGGER = logging.getLogger(__name__)
_NOTHING_MORE: Mapping[str, Any] = MappingProxyType({})
OPEN_S = 15.0
STEP_S = 10.0
"""How long the bridge may take for each step of coming in, and for taking a message of ours."""
SYNC_S = 60.0
"""How long it may say nothing before it has said all that is current."""
HEARTBEAT_S = 30.0
"""After so long without anything it is pinged."""
PONG_S = 15.0
"""How long it then has to answer."""
CLOSE_S = 2.0
ANSWER_S = 60.0
"""How long nothing may be said of a command; of those that take long `running` is said every few seconds."""
COMMAND_S = 900.0
MOST_COMMANDS = 16
"""How many a client may have under way."""
MOST_BYTES = 4 * 1024 * 1024
"""What a message may have; the bridge makes none of more than 64 kB, but where one thing alone is larger."""
_WHOLE = frozenset({"gap", "transition", "transitions_lost"})
_OBJECTS = frozenset({"bridge", "state", "last_event", "event", "detection"})
_OBJECTS_OR_NONE = frozenset({"system", "monitor", "objects"})
_OF_MONITOR = frozenset({"monitor", "state", "objects", "last_event", "transition", "detection"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that the bridge tells.

    `what` is `connected`, `request`, or one of docs/websocket.md: `bridge`, `notices`, `system`, `monitor`, `state`, `objects`,
    `last_event`, `synced`, `event`, `gap`, `cursor`, `transition`, `transitions_lost`, `detection`; pass over others. `value` is

    - of `connected` a `models.Welcome`;
    - of `bridge`, `state`, `last_event`, `event` and `detection` a JSON object, of `notices` a list;
    - of `system` and `monitor` a JSON object, or None: it is gone; of `objects` one, or None: nobody knows;
    - of `request` the whole message: something that the bridge wants of us, and is to be answered;
    - of `gap`, `transition` and `transitions_lost` the whole item; of others what is in the item as `value`.

    `system` is there for what is of a system, `monitor` too for what is of a monitor, but for `event`, whose value says both.
    `cursor` is that of `event`, `gap`, `cursor` and `synced` (there None is the beginning): to be kept, once the item was dealt
    with. `replayed`: the event was stored before we subscribed.
    """

    what: str
    system: str | None = None
    monitor: str | None = None
    value: Any = None
    cursor: str | None = None
    replayed: bool = False


async def follow(
    client: BridgeClient, *, cursor: str | None, subscribe: Mapping[str, Any] = _NOTHING_MORE
) -> AsyncGenerator[Item]:
    """Come in, and yield `connected`, then all that is current up to `synced`, then what changes. It ends with a BridgeError.

    `cursor` is the last one that was dealt with: events go on behind it; None: only new ones come. `subscribe` is what else is
    said there, as `{"detections": True}`. While it runs, `client.command` goes by this line: take what comes without waiting for
    an answer to a command in between. Close it: `async with aclosing(follow(…)) as items: async for item in items: …`.
    """
    try:
        await client.have_it_proved()
        async with _opened(client) as socket:
            welcome = await _come_in(client, socket)
            line = _Line(socket, client.place)
            try:
                client.line = line
                yield Item(what="connected", value=welcome)
                await line.say({"type": "subscribe", **subscribe, **({} if cursor is None else {"after": cursor})})
                while True:
                    for item in await line.hear():
                        yield item
            finally:
                if client.line is line:
                    client.line = None
                line.end()
    finally:
        client.doubt()


async def send_command(
    client: BridgeClient,
    target: Target,
    command: str,
    value: object = None,
    *,
    request_id: str,
    on_behalf_of: str | None = None,
    **fields: object,
) -> Ack:
    """Give a command by the open line; the same as `client.command`, which takes another way where there is no line."""
    return await client.command(target, command, value, request_id=request_id, on_behalf_of=on_behalf_of, **fields)


class _Line:
    """An open WebSocket to a bridge that has let us in."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, place: str) -> None:
        self._socket, self._place = socket, place
        self._waiting: dict[str, asyncio.Queue[Ack | BridgeError]] = {}
        self._room = asyncio.Semaphore(MOST_COMMANDS)
        self._seq = self._last_id = 0
        self._is_synced = self._has_ended = False

    async def say(self, message: JsonObject) -> None:
        """Send a message. Raises CannotConnect where the bridge does not take it."""
        await _send(self._socket, message, self._place)

    async def hear(self) -> list[Item]:
        """Take the next message: return what it tells, or hand an answer to who waits for it. Raises BridgeError at the end."""
        said = await _receive(self._socket, self._place, None if self._is_synced else SYNC_S)
        match said.get("type"):
            case "changes":
                return self._changes(said)
            case "request":
                return [Item(what="request", value=said)]
            case "ack":
                self._hand_over(said, Ack.parse(said.get("ack")))
            case "error":
                self._complain(said)
            case _:
                _LOGGER.debug("%s says something newer", self._place)
        return []

    async def command(self, body: JsonObject) -> Ack:
        """Give a command, and return the final answer. Raises BridgeError, and CannotConnect where the line ends before."""
        try:
            async with asyncio.timeout(COMMAND_S), self._room:
                return await self._command(body)
        except TimeoutError:
            raise Unanswered(f"{self._place} did not say what became of the command") from None

    def end(self) -> None:
        """Tell those who wait that no answer comes by this line."""
        self._has_ended = True
        for waiting in self._waiting.values():
            waiting.put_nowait(CannotConnect(f"the line to {self._place} has ended"))

    async def _command(self, body: JsonObject) -> Ack:
        if self._has_ended:
            raise CannotConnect(f"the line to {self._place} has ended")
        self._last_id += 1
        id_ = str(self._last_id)
        answers = self._waiting[id_] = asyncio.Queue()
        try:
            await self.say({"type": "command", "id": id_, **body})
            while True:
                async with asyncio.timeout(ANSWER_S):
                    answer = await answers.get()
                if isinstance(answer, BridgeError):
                    raise answer
                if answer.is_final:
                    return answer
        finally:
            del self._waiting[id_]

    def _changes(self, said: JsonObject) -> list[Item]:
        items, seq = said.get("items"), said.get("seq")
        if not isinstance(items, list):
            raise NotABridge(f"{self._place} tells of changes that are none")
        self._seq += 1
        if seq != self._seq:
            raise NotABridge(f"{self._place} has left out changes: number {seq} came where {self._seq} was next")
        told = [item_of(an_object(each, "an item")) for each in items]
        self._is_synced = self._is_synced or any(item.what == "synced" for item in told)
        return told

    def _hand_over(self, said: JsonObject, answer: Ack | BridgeError) -> bool:
        """Give an answer to who waits for it, in place of one that was not the final one; say whether anybody does."""
        id_ = said.get("id")
        waiting = self._waiting.get(id_) if isinstance(id_, str) else None
        if waiting is None:
            return False
        last = None if waiting.empty() else waiting.get_nowait()
        is_final = isinstance(last, BridgeError) or (last is not None and last.is_final)
        waiting.put_nowait(last if last is not None and is_final else answer)
        return True

    def _complain(self, said: JsonObject) -> None:
        error = _complaint(said)
        if not self._hand_over(said, error) and not self._is_synced:
            raise error
        _LOGGER.debug("%s does not take a message: %s", self._place, error.detail)


def item_of(said: JsonObject) -> Item:
    """Read an item. Raises NotABridge for one of those that we know and that makes no sense."""
    what, value = said.get("what"), said.get("value")
    if not isinstance(what, str):
        raise NotABridge("an item does not say what it is")
    if what in _WHOLE:
        value = said
    elif (
        (what in _OBJECTS and not isinstance(value, dict))
        or (what == "notices" and not isinstance(value, list))
        or (what in _OBJECTS_OR_NONE and value is not None and not isinstance(value, dict))
    ):
        raise NotABridge(f"{what[:64]} has no value that can be understood")
    system, monitor, cursor = said.get("system"), said.get("monitor"), said.get("cursor")
    if (what in _OF_MONITOR or what == "system") and not isinstance(system, str):
        raise NotABridge(f"{what} does not say of which system it is")
    if what in _OF_MONITOR and not isinstance(monitor, str):
        raise NotABridge(f"{what} does not say of which monitor it is")
    return Item(
        what=what,
        system=system if isinstance(system, str) else None,
        monitor=monitor if isinstance(monitor, str) else None,
        value=value,
        cursor=cursor if isinstance(cursor, str) and len(cursor) <= 128 else None,
        replayed=said.get("replayed") is True,
    )


def ending_of(code: int | None, reason: object, place: str) -> BridgeError:
    """Return what it means that the bridge has ended the line by this code (docs/websocket.md)."""
    said = f"{reason[:200]}" if isinstance(reason, str) and reason else f"it ended the line ({code})"
    match code:
        case 4401:
            return TokenRefused(said)
        case 4406:
            return TooNew(said)  # an older one has said so by its hello
        case 4408:
            return Unanswered(said)
        case 4421:
            return Misdirected(said)
        case 4400 | 1002 | 1003 | 1007 | 1009:
            return NotABridge(f"{place} does not understand us: {said}")
        case _:
            return CannotConnect(f"{place}: {said}")


@asynccontextmanager
async def _opened(client: BridgeClient) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    # aiohttp follows redirects here. Only who has proved itself is asked at all, and what it leads to has to prove that it is at
    # the very address that we have named.
    try:
        async with asyncio.timeout(OPEN_S):
            socket = await client.session.ws_connect(
                client.address.api("ws"),
                ssl=client.ssl,
                autoping=False,
                max_msg_size=MOST_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
            )
    except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
        raise failure_of(error, client.place) from None
    try:
        yield socket
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * CLOSE_S):
                await socket.close()


async def _come_in(client: BridgeClient, socket: aiohttp.ClientWebSocketResponse) -> Welcome:
    """Have the bridge prove itself, show it the token, and return whom it has let in."""
    place, token = client.place, client.token
    if token is None:
        raise TokenRefused("there is no token")
    hello = Hello.parse(await _step(socket, place, "hello"))
    proof.check_protocol(hello.lowest_protocol, hello.highest_protocol)
    client.check_bridge(hello.bridge_id)
    if not hello.asks_for_token:
        raise Impostor(f"what answers at {place} does not want to prove itself")
    key, nonce = proof.key_of_token(token), proof.make_nonce()
    await _send(
        socket,
        {"type": "authenticate", "protocol": proof.PROTOCOL, "token_id": proof.token_id(token), "nonce": nonce},
        place,
    )
    said = (await _step(socket, place, "proof")).get("proof")
    bound = next(
        (
            bound
            for bound in _bindings(client, socket, hello)
            if isinstance(said, str) and proof.is_mac(said, key, "websocket bridge", bound, nonce, hello.nonce)
        ),
        None,
    )
    if bound is None:
        raise proof.impostor(place)
    sealed = proof.seal(key, "websocket token", bound, nonce, hello.nonce, text=token)
    await _send(socket, {"type": "token", "sealed": sealed}, place)
    welcome = Welcome.parse(await _step(socket, place, "welcome"), hello)
    return replace(welcome, time=dt_util.utcnow().timestamp() + client.ahead_s)


def _bindings(client: BridgeClient, socket: aiohttp.ClientWebSocketResponse, hello: Hello) -> Iterator[proof.Binding]:
    """Yield what the proof may be bound to: the certificate that we see; where that was verified, it may also be a proxy's."""
    host, tls = client.address.host, socket.get_extra_info("ssl_object")
    shown = None if tls is None else tls.getpeercert(binary_form=True)
    if shown:
        yield proof.Binding(bridge_id=hello.bridge_id, host=host, certificate=hashlib.sha256(shown).hexdigest())
    if not client.address.is_encrypted or client.address.fingerprint is None:
        yield proof.Binding(bridge_id=hello.bridge_id, host=host)


async def _step(socket: aiohttp.ClientWebSocketResponse, place: str, kind: str) -> JsonObject:
    said = await _receive(socket, place, STEP_S)
    if said.get("type") == "error":
        raise _complaint(said)
    if said.get("type") != kind:
        raise NotABridge(f"{place} says something else where {kind} was next")
    return said


async def _receive(socket: aiohttp.ClientWebSocketResponse, place: str, within_s: float | None) -> JsonObject:
    """Return the next message; None: it may take as long as the bridge lives. Raises BridgeError."""
    try:
        async with asyncio.timeout(within_s):
            while True:
                message = await _next(socket, place)
                match message.type:
                    case WSMsgType.PING:
                        await _sent(socket.pong(message.data), place)
                    case WSMsgType.PONG:
                        pass
                    case WSMsgType.TEXT:
                        return an_object(load(message.data, place), "a message")
                    case WSMsgType.BINARY:
                        raise NotABridge(f"{place} says what is no text")
                    case WSMsgType.CLOSE:
                        raise ending_of(message.data, message.extra, place)
                    case _:
                        raise _broken(socket, message, place)
    except TimeoutError:
        raise Unanswered(f"{place} says nothing for too long") from None


async def _next(socket: aiohttp.ClientWebSocketResponse, place: str) -> aiohttp.WSMessage:
    """Return the next frame; where none comes the bridge is pinged. Raises CannotConnect.

    aiohttp's own heartbeat leaves a timer behind when a line ends while something comes over it.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARTBEAT_S):
            return await socket.receive()
    await _sent(socket.ping(), place)
    with suppress(TimeoutError):
        async with asyncio.timeout(PONG_S):
            return await socket.receive()
    raise CannotConnect(f"{place} answers no ping")


async def _send(socket: aiohttp.ClientWebSocketResponse, message: JsonObject, place: str) -> None:
    await _sent(socket.send_str(json.dumps(message)), place)


async def _sent(sending: Awaitable[None], place: str) -> None:
    """Wait until something is sent. Raises CannotConnect where the bridge does not take it."""
    try:
        async with asyncio.timeout(STEP_S):
            await sending
    except (aiohttp.ClientError, OSError, RuntimeError) as error:
        raise CannotConnect(f"the line to {place} takes nothing more: {type(error).__name__}") from None


def _broken(socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage, place: str) -> BridgeError:
    """Return why a line has ended that nobody has closed as it should be."""
    error = message.data if message.type is WSMsgType.ERROR else socket.exception()
    if isinstance(error, aiohttp.WebSocketError):
        return NotABridge(f"{place} breaks the WebSocket's protocol: {error}")
    return CannotConnect(f"the line to {place} has ended" if error is None else f"the line to {place} has ended: {error}")


def _complaint(said: JsonObject) -> BridgeError:
    """Return what the bridge finds wrong with a message of ours, as HTTP would have it."""
    code, text, hint = (each if isinstance(each := said.get(name), str) else "" for name in ("code", "text", "hint"))
    detail = text[:500] or "the bridge does not take a message"
    match code:
        case "not_found":
            return NotFound(detail, code=code, hint=hint or None)
        case "forbidden":
            return NotAllowed(detail, code=code, hint=hint or None)
        case "too_many" | "busy":
            return Busy(detail, code=code, hint=hint or None)
        case _:
            fields = frozenset(detail.partition(": ")[0].split("."))
            return Refused(detail, code=code or None, hint=hint or None, fields=fields)
