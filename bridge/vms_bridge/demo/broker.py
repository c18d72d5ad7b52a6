"""An MQTT broker for the demo and for tests, and for nothing else.

MQTT 5 and 3.1.1, QoS 0 and 1 (2 is accepted and delivered as 1), retained messages, wills, keep-alive, sessions and
their takeover, passwords. It keeps nothing on disk, offers neither TLS nor WebSocket, and listens on loopback only. For
anything real there is mosquitto.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from vms_bridge.clock import Clock, SystemClock
from vms_bridge.demo.absent import Absent
from vms_bridge.demo.connection import Connection
from vms_bridge.demo.hooks import Hooks, Obedient
from vms_bridge.demo.limits import BrokerLimits
from vms_bridge.demo.properties import Property, Reason
from vms_bridge.demo.topics import Grant, Subscriptions, is_filter, matches

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from vms_bridge.demo.connection import Leftover
    from vms_bridge.demo.outgoing import Kept
    from vms_bridge.demo.packets import Connect, Message, Wish

__all__ = ["Broker", "BrokerLimits", "Subscriber", "Traffic"]

_LOG = logging.getLogger(__name__)
_TICK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Messages that came in, went out, and were dropped because a client was too slow or they had expired."""

    received: int = 0
    sent: int = 0
    dropped: int = 0


class Subscriber(Protocol):
    """Who can be given messages: a client's connection, or a test's own listener."""

    def deliver(self, message: Message, grant: Grant, *, retained: bool = False) -> None:
        """Take a message; cheap and synchronous."""


class Broker:
    """The embedded broker: `async with Broker() as broker` serves on `broker.port`. For demo and tests only."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        users: Mapping[str, str] | None = None,
        limits: BrokerLimits | None = None,
        hooks: Hooks | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`users` maps names to passwords; None admits everybody. Raises ValueError for a host that is not loopback."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the embedded broker listens on loopback only, not on {host}: use mosquitto there")
        self._host = host
        self._port = port
        self._users = users
        self._limits = limits or BrokerLimits()
        self._hooks = hooks or Obedient()
        self._clock = clock or SystemClock()
        self._server: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None
        self._connections: set[Connection] = set()
        self._clients: dict[str, Connection] = {}
        self._subscriptions: Subscriptions[Subscriber] = Subscriptions()
        self._retained: dict[str, Message] = {}
        self._expiring: set[str] = set()
        self._filters: dict[Subscriber, dict[str, Grant]] = {}
        self._absent: dict[str, Absent] = {}
        self._past = Traffic()
        self._received = 0
        self._all_closed = asyncio.Event()

    async def __aenter__(self) -> Self:
        server = await asyncio.get_running_loop().create_server(self._connection, self._host, self._port)
        self._server = server
        self._port = server.sockets[0].getsockname()[1]
        self._watch = asyncio.create_task(self._watch_connections(), name="embedded broker")
        _LOG.info("embedded MQTT broker on %s:%d: for demo and tests only", self._host, self._port)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for client in list(self._clients.values()):
            client.disconnect(Reason.SERVER_SHUTTING_DOWN)
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        if self._connections:
            self._all_closed.clear()
            for connection in list(self._connections):
                connection.drop()
            await self._all_closed.wait()
        if self._server is not None:
            await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port that it listens on, once it does."""
        return self._port

    @property
    def url(self) -> str:
        """Where to find it, as the configuration writes it."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"mqtt://{host}:{self._port}"

    @property
    def clients(self) -> frozenset[str]:
        """The ids of the clients that are connected."""
        return frozenset(self._clients)

    @property
    def retained(self) -> Mapping[str, bytes]:
        """The retained payloads by topic, a copy."""
        self._purge()
        return {topic: message.payload for topic, message in self._retained.items()}

    @property
    def traffic(self) -> Traffic:
        """The messages so far."""
        return Traffic(
            received=self._received,
            sent=self._past.sent + sum(connection.sent for connection in self._clients.values()),
            dropped=self._past.dropped + sum(connection.dropped for connection in self._clients.values()),
        )

    def retained_message(self, topic: str) -> Message | None:
        """Return the retained message of a topic with its properties."""
        self._purge()
        return self._retained.get(topic)

    def subscriptions(self, client_id: str) -> frozenset[str]:
        """Return the filters that a client has subscribed to, one that is away too."""
        subscriber = self._clients.get(client_id) or self._absent.get(client_id)
        return frozenset() if subscriber is None else frozenset(self._filters.get(subscriber, ()))

    @property
    def absent(self) -> Mapping[str, int]:
        """The clients that are away and have a session, and how many messages wait for each."""
        return {client_id: len(absent.kept) for client_id, absent in self._absent.items()}

    def forget_session(self, client_id: str) -> None:
        """Let the session of a client go that is away: with all that waits for it."""
        self.detach(self._absent.pop(client_id))

    def kick(self, client_id: str, reason: int = Reason.ADMINISTRATIVE_ACTION) -> None:
        """Send a client away, with a reason where its protocol knows one."""
        self._clients[client_id].disconnect(reason)

    def drop(self, client_id: str) -> None:
        """Cut a client's connection without a word."""
        self._clients[client_id].drop()

    def stall(self, client_id: str, *, stalled: bool = True) -> None:
        """Stop reading what a client sends, or go on."""
        self._clients[client_id].stop_reading(stopped=stalled)

    def release(self, client_id: str) -> None:
        """Send the acknowledgements that a hook held back."""
        if client_id in self._clients:
            self._clients[client_id].release()

    def subscribe_unanswered(self, client_id: str, wishes: Sequence[Wish]) -> None:
        """Subscribe for a client without an answer: it is lost."""
        for wish in wishes:
            self.subscribe(self._clients[client_id], wish)

    def attach(self, subscriber: Subscriber, topic_filter: str, grant: Grant) -> None:
        """Subscribe somebody inside this process, to the retained messages first."""
        self._add(subscriber, topic_filter, grant)
        self._send_retained(subscriber, topic_filter, grant)

    def detach(self, subscriber: Subscriber) -> None:
        """End everything that this one has subscribed to."""
        for topic_filter in self._filters.pop(subscriber, ()):
            self._subscriptions.remove(subscriber, topic_filter)

    def publish(self, message: Message, sender: Connection | None = None) -> int:
        """Route a message to everybody who wants it; returns a reason code. QoS 2 becomes 1."""
        expiry = message.properties.pop(Property.MESSAGE_EXPIRY, None)
        if isinstance(expiry, int):
            message.expires = self._clock.monotonic() + expiry
        if message.retain and not self._retain(message):
            return Reason.QUOTA_EXCEEDED
        self._received += 1
        for subscriber, grant in self._subscriptions.match(message.topic, sender).items():
            subscriber.deliver(message, grant)
        self._hooks.changed()
        return Reason.SUCCESS

    def admit(self, connection: Connection, connect: Connect) -> int:
        """Decide on a CONNECT; 0 makes the connection the one with its client id."""
        if Property.AUTHENTICATION_METHOD in connect.properties:
            return Reason.BAD_AUTHENTICATION_METHOD
        if not connect.client_id:
            return Reason.CLIENT_ID_NOT_VALID
        if not self._is_user(connect):
            return Reason.BAD_CREDENTIALS
        reason = self._hooks.admit(connect)
        if reason == 0:
            if connect.client_id in self._clients:
                self._clients[connect.client_id].disconnect(Reason.SESSION_TAKEN_OVER)
            self._clients[connect.client_id] = connection
            self._hooks.changed()
        return reason

    def publish_from(self, connection: Connection, message: Message) -> int:
        """Route a client's message; returns a reason code."""
        message.sender = connection.client_id
        if not self._hooks.may_publish(connection.client_id, message.topic):
            return Reason.NOT_AUTHORISED
        most = self._limits.max_payload_bytes
        if most is not None and len(message.payload) > most:
            return Reason.PACKET_TOO_LARGE
        return self.publish(message, connection)

    def subscribe(self, connection: Connection, wish: Wish) -> int:
        """Subscribe and queue the retained messages; returns a reason code."""
        if wish.filter.startswith("$share/"):
            return Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
        if not is_filter(wish.filter):
            return Reason.TOPIC_FILTER_NOT_VALID
        if not self._hooks.may_subscribe(connection.client_id, wish.filter):
            return Reason.NOT_AUTHORISED
        keeps_flag = wish.retain_as_published and self._limits.flags_retained
        grant = Grant(qos=min(wish.qos, 1), no_local=wish.no_local, retain_as_published=keeps_flag)
        is_new = self._add(connection, wish.filter, grant)
        if wish.retain_handling == 0 or (wish.retain_handling == 1 and is_new):
            self._send_retained(connection, wish.filter, grant, besides=connection.client_id if wish.no_local else None)
        self._hooks.changed()
        return grant.qos

    def unsubscribe(self, connection: Connection, topic_filter: str) -> int:
        """Unsubscribe; returns a reason code."""
        existed = self._subscriptions.remove(connection, topic_filter)
        self._filters.get(connection, {}).pop(topic_filter, None)
        self._hooks.changed()
        return Reason.SUCCESS if existed else Reason.NO_SUBSCRIPTION_EXISTED

    def opened(self, connection: Connection) -> bool:
        """Take a new connection, unless there are too many."""
        if len(self._connections) >= self._limits.max_connections:
            return False
        self._connections.add(connection)
        return True

    def closed(self, connection: Connection) -> None:
        """Take note that a connection has gone."""
        self._connections.discard(connection)
        if not self._connections:
            self._all_closed.set()

    def resume(self, connection: Connection, connect: Connect) -> list[Kept] | None:
        """Give the client what it had subscribed to, and return what waits for it; None if it has or wants no session."""
        self._end_sessions()
        absent = self._absent.pop(connect.client_id, None)
        if absent is None:
            return None
        self.detach(absent)
        if connect.clean:
            return None
        for topic_filter, grant in absent.filters.items():
            self._add(connection, topic_filter, grant)
        return absent.kept

    def forget(self, connection: Connection, client_id: str, will: Message | None, session: Leftover | None) -> None:
        """Drop a client, and everything it has subscribed to unless it leaves a session; send its will."""
        if self._clients.get(client_id) is connection:
            del self._clients[client_id]
        filters = self._filters.get(connection, {})
        self.detach(connection)
        if session is not None and len(self._absent) < self._limits.max_sessions:
            expires = self._clock.monotonic() + session.expiry_s
            limits = self._limits
            absent = Absent(
                filters, session.kept, expires=expires, most=limits.max_queued_messages, keeps_qos_0=limits.keeps_qos_0
            )
            self._absent[client_id] = absent
            for topic_filter, grant in absent.filters.items():
                self._add(absent, topic_filter, grant)
        self._past = Traffic(sent=self._past.sent + connection.sent, dropped=self._past.dropped + connection.dropped)
        if will is not None and self._hooks.may_publish(client_id, will.topic):
            will.sender = client_id
            self.publish(will)
        self._hooks.changed()

    def _add(self, subscriber: Subscriber, topic_filter: str, grant: Grant) -> bool:
        self._filters.setdefault(subscriber, {})[topic_filter] = grant
        return self._subscriptions.add(subscriber, topic_filter, grant)

    def _end_sessions(self) -> None:
        now = self._clock.monotonic()
        for client_id in [client_id for client_id, absent in self._absent.items() if absent.expires <= now]:
            self.forget_session(client_id)

    def _connection(self) -> Connection:
        return Connection(self, self._limits, self._hooks, self._clock)

    def _is_user(self, connect: Connect) -> bool:
        if self._users is None:
            return True
        known = self._users.get(connect.username or "")
        return known is not None and hmac.compare_digest(known.encode(), connect.password or b"")

    def _retain(self, message: Message) -> bool:
        if not message.payload:
            self._retained.pop(message.topic, None)
            self._expiring.discard(message.topic)
            return True
        if message.topic not in self._retained and len(self._retained) >= self._limits.max_retained:
            return False
        self._retained[message.topic] = message
        if message.expires is None:
            self._expiring.discard(message.topic)
        else:
            self._expiring.add(message.topic)
        return True

    def _send_retained(self, subscriber: Subscriber, topic_filter: str, grant: Grant, besides: str | None = None) -> None:
        self._purge()
        if "+" not in topic_filter and "#" not in topic_filter:
            found = [self._retained[topic_filter]] if topic_filter in self._retained else []
        elif self._limits.shows_retained_by_wildcard:
            found = [message for topic, message in self._retained.items() if matches(topic_filter, topic)]
        else:
            found = []
        for message in found:
            if besides is None or message.sender != besides:
                subscriber.deliver(message, grant, retained=True)

    def _purge(self) -> None:
        now = self._clock.monotonic()
        for topic in list(self._expiring):
            expires = self._retained[topic].expires
            if expires is not None and expires <= now:
                del self._retained[topic]
                self._expiring.discard(topic)

    async def _watch_connections(self) -> None:
        while True:
            await self._clock.sleep(_TICK_S)
            self._end_sessions()
            now = self._clock.monotonic()
            for connection in list(self._connections):
                connection.tick(now)
