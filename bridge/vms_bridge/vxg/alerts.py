"""Alerts that VXG pushes, where an installation has that: over STOMP and TLS, from a topic that the vendor names.

They are alerts by rules, and not all events; what came while nobody listened is gone. So an alert is a hint that there is
something, and the list of events says what. Seen in the vendor's `alert_listener.py`: a broker of ActiveMQ's, port 61614.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections import deque
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.addresses import WrongAddress, parse_address
from vms_bridge.errors import ConfigError, ConnectionClosed, TimedOut, VmsAuthFailed, VmsProtocolError, VmsUnreachable
from vms_bridge.strict_json import decode
from vms_bridge.tls import UnusableFile, client_context, explain
from vms_bridge.vxg.fields import mapping, moment, tags, text, whole, wholes
from vms_bridge.vxg.stomp import Frame, Inflow, pack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from datetime import datetime

    from vms_bridge.addresses import Address
    from vms_bridge.clock import Clock
    from vms_bridge.doors import TlsOptions

PORTS = {"stomps": 61614, "stomp": 61613}
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CONNECT_S = 15.0
_LONGEST_SILENCE_S = 3_600.0
"""So long a broker may be silent that promises no signs of life, or few: what has gone without a word is found by it."""
_MOST_EARLY = 100
_PIECE_BYTES = 64 * 1024
_LOGIN_WORDS = ("auth", "login", "password", "credential", "access", "user name", "username", "not allowed")
_BEATS = re.compile(r"(\d{1,9}),\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A rule that has been met."""

    camera_id: int | None = None
    event_id: int | None = None
    event: str = ""
    time: datetime | None = None
    camera: str = ""
    thumb_url: str | None = field(default=None, repr=False)
    meta: dict[str, str] = field(default_factory=dict)
    rule: str = ""
    rules: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Whom to ask for alerts: `trust` has the address (`stomps://host:61614`) and whose certificate is good enough.

    `virtual_host` is for brokers that have several, and none of the address's name. Each side shows each `beat_s` that it is
    there; who is silent for twice as long is away.
    """

    trust: TlsOptions
    topic: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    virtual_host: str | None = None
    beat_s: float = 20.0

    @property
    def address(self) -> Address:
        """Where it is. Raises ConfigError: without TLS it may be this machine only, for the password would be read by others."""
        try:
            found = parse_address(self.trust.url, PORTS)
        except WrongAddress as wrong:
            hint = wrong.remedy or "write it as in stomps://broker.example.com:61614"
            raise ConfigError(f"the broker's address {wrong}", key="url", hint=hint) from None
        if found.username is not None or found.query or found.fragment or found.path.strip("/"):
            raise ConfigError("the broker's address has more in it than a host and a port", key="url", hint="leave the rest out")
        if found.scheme == "stomp" and found.host not in _LOOPBACK:
            raise ConfigError(
                "nothing is encrypted by stomp://, and the password would be read by others", key="url", hint="write stomps://"
            )
        return found


@asynccontextmanager
async def listening(broker: Broker, clock: Clock) -> AsyncIterator[AsyncGenerator[Alert, None]]:
    """Listen: gives alerts as they come, until that is left, or raises VmsError when the broker is lost.

    Whoever is inside hears what is pushed from then on: the broker has said that it has taken the subscription.
    """
    reader, writer = await _opened(broker, clock)
    beating = None
    try:
        link = _Link(reader, writer, clock)
        await link.greet(broker)
        beating = asyncio.create_task(link.beat(broker.beat_s / 2), name="vxg alerts: signs of life")
        yield link.alerts()
    finally:
        if beating is not None:
            beating.cancel()
            await asyncio.wait([beating])
        writer.close()
        with suppress(OSError, TimeoutError):
            async with clock.timeout(1.0):
                await writer.wait_closed()


async def _opened(broker: Broker, clock: Clock) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address, context = broker.address, None
    try:
        if address.scheme == "stomps":
            context = await asyncio.to_thread(client_context, broker.trust)
        async with clock.timeout(_CONNECT_S):
            return await asyncio.open_connection(address.host, address.port, ssl=context, limit=_PIECE_BYTES)
    except UnusableFile as error:
        raise VmsUnreachable(str(error), hint=error.hint) from None
    except TimeoutError:
        raise TimedOut(f"the broker at {address.place} did not answer in time") from None
    except ssl.SSLError as error:
        failure = explain(error, broker.trust, "stomp")
        raise VmsUnreachable(f"no TLS with the broker at {address.place}: {failure.what}", hint=failure.hint) from None
    except ConnectionResetError:
        raise VmsUnreachable(
            f"no TLS with the broker at {address.place}: it has closed the connection", hint="does it speak TLS on this port?"
        ) from None
    except OSError as error:
        why = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else type(error).__name__
        raise VmsUnreachable(
            f"no connection to the broker at {address.place}: {why}", hint="is it up, and is this its port?"
        ) from None


class _Link:
    """One connection to the broker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: Clock) -> None:
        self._reader, self._writer, self._clock = reader, writer, clock
        self._in = Inflow()
        self._early = deque[Frame](maxlen=_MOST_EARLY)
        self._silence_s = _LONGEST_SILENCE_S

    async def greet(self, broker: Broker) -> None:
        """Log in, and subscribe. Raises VmsError."""
        beat = str(round(broker.beat_s * 1_000))
        host = broker.virtual_host or broker.address.host
        headers = {"accept-version": "1.2", "host": host, "heart-beat": f"{beat},{beat}"}
        if broker.username is not None:
            headers |= {"login": broker.username, "passcode": broker.password or ""}
        try:
            async with self._clock.timeout(_CONNECT_S):
                await self._say(Frame("CONNECT", headers))
                frame = await self._next()
                if frame.command != "CONNECTED":
                    raise VmsProtocolError("the broker of alerts answers something else than STOMP")
                self._silence_s = _silence_s(frame.headers.get("heart-beat", ""), broker.beat_s)
                await self._say(Frame("SUBSCRIBE", {"id": "0", "destination": broker.topic, "ack": "auto", "receipt": "0"}))
                while (frame := await self._next()).command != "RECEIPT":
                    self._early.append(frame)
        except TimeoutError:
            raise TimedOut("the broker of alerts does not answer") from None

    async def alerts(self) -> AsyncGenerator[Alert, None]:
        """Yield them as they come. Raises VmsError."""
        while True:
            try:
                async with self._clock.timeout(self._silence_s):
                    frame = self._early.popleft() if self._early else await self._next()
            except TimeoutError:
                raise TimedOut("the broker of alerts shows no sign of life") from None
            if frame.command == "MESSAGE" and (alert := parse(frame.body)) is not None:
                yield alert

    async def beat(self, each_s: float) -> None:
        """Show that somebody is there, until cancelled."""
        while True:
            await self._clock.sleep(each_s)
            with suppress(ConnectionClosed):
                await self._send(b"\n")

    async def _next(self) -> Frame:
        """Return the next frame, a sign of life as one without a command. Raises VmsError, for an ERROR too."""
        while (frame := self._in.take()) is None:
            try:
                data = await self._reader.read(_PIECE_BYTES)
            except OSError:
                data = b""
            if not data:
                raise ConnectionClosed("the broker of alerts has closed the connection")
            if not data.strip(b"\r\n") and not self._in.is_begun:
                return Frame("")
            self._in.add(data)
        if frame.command == "ERROR":
            raise _refusal(frame)
        return frame

    async def _say(self, frame: Frame) -> None:
        await self._send(pack(frame))

    async def _send(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            async with self._clock.timeout(_CONNECT_S):
                await self._writer.drain()
        except (OSError, TimeoutError):
            raise ConnectionClosed("the broker of alerts has closed the connection, or does not read") from None


def parse(body: bytes) -> Alert | None:
    """Read an alert; None for what is none."""
    try:
        said = decode(body.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    thumb = text(mapping(said.get("thumb")).get("url"))
    return Alert(
        camera_id=whole(said.get("camera_id")),
        event_id=whole(said.get("event_id")),
        event=text(said.get("event")),
        time=moment(said.get("time")),
        camera=text(said.get("camera_name")),
        thumb_url=thumb or None,
        meta=dict(tags(said.get("meta"))),
        rule=text(said.get("alert_rule_name")),
        rules=wholes(said.get("alert_rule_ids")),
    )


def _silence_s(promised: str, beat_s: float) -> float:
    """Return how long a silence is borne of a broker that has promised this: each how many milliseconds it shows itself."""
    found = _BEATS.fullmatch(promised)
    each_s = int(found[1]) / 1_000 if found else 0.0
    return min(2 * max(beat_s, each_s), _LONGEST_SILENCE_S) if each_s else _LONGEST_SILENCE_S


def _refusal(frame: Frame) -> VmsAuthFailed | VmsProtocolError:
    """Return what to raise for an ERROR: a login that is refused has no code of its own.

    ActiveMQ says why in the head, and in the body where in its code; RabbitMQ says `Bad CONNECT` there, and why in the body.
    """
    head, body = (frame.headers.get("message", ""), frame.body[:1_000].decode(errors="replace").strip().partition("\n")[0])
    said = " ".join((body if head in body else f"{head}: {body}" if body else head).split())[:200]
    if any(word in said.lower() for word in _LOGIN_WORDS):
        hint = "check user, password and topic; where the broker has several virtual hosts, name yours by virtual_host"
        return VmsAuthFailed(f"the broker of alerts refuses the login or the topic: {said}", hint=hint)
    return VmsProtocolError(f"the broker of alerts reports an error: {said}", hint="is the topic as the vendor has written it?")
