"""The way of pictures to the broker: a connection of their own, or the session's where the broker allows no second one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from vms_bridge.backoff import Backoff
from vms_bridge.errors import BrokerError, BrokerRefused, in_words
from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.company import Connection
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.wire import Post

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.mqtt.dialect import Dialect
    from vms_bridge.mqtt.notices import Reports
    from vms_bridge.mqtt.outbox import Outbox

SEND_BUFFER_BYTES = 128 * 1024
_BORROWER = "_pictures"
"""As whose they wait where there is one connection: no script can be called so."""
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0
_ANSWER_S = 1.0


class Outcome(Enum):
    """What became of a picture."""

    LEFT = "left"
    """The kernel has all of it; a broker that is asked has it."""
    REFUSED = "refused"
    LOST = "lost"
    UNWANTED = "unwanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """By which connection pictures go: one of their own or, where the broker allows no second one, that of `outbox`."""

    config: MqttConfig
    client_id: str
    dialect: Dialect
    outbox: Outbox | None = None


class Carrier:
    """Sends one picture at a time. `on_lost` is called when the connection of its own is lost.

    A picture larger than any that the broker has acknowledged goes at QoS 1, so that a refusal is noticed; the others
    at QoS 0, since a broker keeps what goes at QoS 1 for each subscriber that is away.
    """

    def __init__(self, route: Route, *, clock: Clock, reports: Reports, on_lost: Callable[[], None]) -> None:
        self._config = route.config
        self._client_id = route.client_id
        self._dialect = route.dialect
        self._outbox = route.outbox
        self._clock = clock
        self._notices = reports.notices
        self._counters = reports.counters
        self._on_lost = on_lost
        self._backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        self._link: Link | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._began = 0.0
        self._news = asyncio.Event()
        self._taken = -1
        """The size of the largest picture that the broker has acknowledged over this connection."""

    async def send(self, topic: str, jpeg: bytes, is_wanted: Callable[[], bool]) -> Outcome:
        """Bring it to the broker, if it is still wanted then: a connection may have to be tried again and again.

        `LOST` if one breaks meanwhile.
        """
        while True:
            outbox = self._outbox if self._is_single else None
            if outbox is not None:
                await self._drop()
                await outbox.room_for(_BORROWER)
            elif self._link is None or not self._link.is_open:
                await self._connect()
            if not is_wanted():
                return Outcome.UNWANTED
            if outbox is not None:
                return await self._send_beside_all_else(outbox, topic, jpeg)
            if self._link is not None:
                return await self._send_over(self._link, topic, jpeg)

    def clear(self, topic: str) -> None:
        """Clear this topic behind what is on its way to it."""
        if self._link is not None:
            self._link.publish(topic, b"", retain=True)

    async def close(self) -> None:
        """Drop the connection: it has no will and owes nothing."""
        company = self._dialect.company
        if company.is_suspected:
            company.judge(is_up=await self._is_up())
        await self._drop()

    @property
    def _is_single(self) -> bool:
        return self._dialect.company.is_single(self._clock.monotonic())

    async def _send_over(self, link: Link, topic: str, jpeg: bytes) -> Outcome:
        codes: list[int] = []
        asks = len(jpeg) > self._taken

        def answered(code: int) -> None:
            codes.append(code)
            self._news.set()

        if not link.publish(topic, jpeg, retain=True, on_ack=answered if asks else None):
            what = f"the broker takes no picture of {len(jpeg)} bytes, as on {topic}: raise its packet limit"
            return self._refused(what) if link.is_open else Outcome.LOST
        link.flush()
        while link.is_open and not (link.is_ready and (codes or not asks)):
            self._news.clear()
            await self._news.wait()
        if not link.is_open:
            return Outcome.LOST
        if codes and codes[0] >= 0x80:
            return self._refused(reasons.refused_message(topic, len(jpeg), codes[0], what="a picture"))
        self._taken = max(self._taken, len(jpeg))
        return Outcome.LEFT

    async def _send_beside_all_else(self, outbox: Outbox, topic: str, jpeg: bytes) -> Outcome:
        """Send it when nothing else waits, and wait for its acknowledgement, so that there is only ever one on its way."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        outbox.post_for(_BORROWER, Post(topic=topic, payload=jpeg, retain=True, on_done=answer.set_result))
        code = await answer
        if code < 0x80:
            return Outcome.LEFT
        return self._refused(reasons.refused_message(topic, len(jpeg), code, what="a picture"))

    def _refused(self, what: str) -> Outcome:
        self._counters.pictures_failed += 1
        self._notices.warn("picture refused", what)
        return Outcome.REFUSED

    async def _connect(self) -> None:
        """Connect, or wait for a while if that fails."""
        await self._drop()
        company = self._dialect.company
        company.opened(Connection.PICTURES, self._clock.monotonic())
        try:
            link = await self._open()
        except BrokerError as error:
            if isinstance(error, BrokerRefused) and self._outbox is not None:
                company.refused(str(error), self._clock.monotonic())
                return
            self._notices.warn("media", f"no second connection for pictures: {in_words(error)}")
            await self._clock.sleep(self._backoff.failed())
            return
        now = self._clock.monotonic()
        company.opened(Connection.PICTURES, now)
        link.most_bytes = self._dialect.sizes.most_bytes(now)
        link.listen(lambda _message: None, self._news.set)
        self._link, self._taken, self._began = link, -1, now
        self._keeper = asyncio.create_task(self._keep(link), name="mqtt-media")

    async def _open(self) -> Link:
        return await Link.open(
            self._config,
            client_id=self._client_id,
            clock=self._clock,
            send_buffer_bytes=SEND_BUFFER_BYTES,
            dialect=self._dialect,
        )

    async def _is_up(self) -> bool:
        """Say whether the broker is well with this connection, or with a new one where it was still being made."""
        new: Link | None = None
        try:
            async with self._clock.timeout(_ANSWER_S):
                if self._link is not None:
                    return await self._link.answers()
                new = await self._open()
        except (BrokerError, TimeoutError):
            return False
        finally:
            if new is not None:
                new.abort()
        return True

    async def _keep(self, link: Link) -> None:
        """Keep the link alive; whoever waits for it learns when it is lost."""
        is_ours = True
        try:
            await link.run()
        except BrokerError as error:
            is_ours = link.was_given_up
            self._notices.warn("media", f"the connection for pictures ended: {error}")
        finally:
            now = self._clock.monotonic()
            self._counters.acknowledgements_lost += link.forgotten
            self._dialect.sizes.ended(link.too_large, now, is_exact=True)
            self._dialect.company.ended(Connection.PICTURES, now, is_taken_over=link.is_taken_over, is_ours=is_ours)
            self._news.set()
            self._on_lost()

    async def _drop(self) -> None:
        """End the connection that there is; after a loss wait a while, so that nobody is stormed."""
        link, keeper, self._link, self._keeper = self._link, self._keeper, None, None
        if link is None or keeper is None:
            return
        was_lost = not link.is_open
        link.abort()
        keeper.cancel()
        await asyncio.wait({keeper})
        if was_lost:
            await self._clock.sleep(self._backoff.failed(lasted_s=self._clock.monotonic() - self._began))
