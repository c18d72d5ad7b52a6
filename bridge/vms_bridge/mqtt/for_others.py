"""MQTT for parts of the bridge that speak none: what they publish and want to hear goes over the link that there is anyway."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.errors import TooManyRequests
from vms_bridge.messaging import ALWAYS_RESERVED, Heard, MessageRefused, MessagingUnavailable, covers
from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.wire import Filter, Post

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.clock import Clock
    from vms_bridge.messaging import Messaging
    from vms_bridge.mqtt.absence import Absence
    from vms_bridge.mqtt.link import Link
    from vms_bridge.mqtt.notices import Notices
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.wire import Message

ANSWER_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a link is shared with: the bridge's `own` subscriptions, what is kept of them, and when all is `over` that waited."""

    own: frozenset[str]
    absence: Absence
    notices: Notices
    over: asyncio.Event


class ForOthers:
    """A carrier (see `messaging`) that outlives links; while there is none, whoever publishes is told so.

    Others hear with QoS 0, so that nothing is kept for them at a broker while the bridge is away: what is old by then would
    be taken for news. What is retained comes with each new link.
    """

    def __init__(self, messaging: Messaging, discovery_prefix: str, clock: Clock) -> None:
        self._messaging, self._clock = messaging, clock
        self._reserved = tuple(dict.fromkeys((*ALWAYS_RESERVED, discovery_prefix)))
        self._ours = tuple(f"{root}/" for root in self._reserved)
        self._wanted: frozenset[str] = frozenset()
        self._again: set[str] = set()
        """Those of somebody new, to whom what is retained is new: they are subscribed to although they may be already."""
        self._hears = False
        self._news = asyncio.Event()
        self._outbox: Outbox | None = None
        self._most_bytes: int | None = None
        """Half of what the broker is known to be too small for: no script is to find out by our link where the limit is."""
        self._waiting: set[asyncio.Future[int]] = set()

    @property
    def reserved(self) -> tuple[str, ...]:
        """What topics begin with that are not for others."""
        return self._reserved

    @property
    def filters(self) -> frozenset[str]:
        """What others want to hear now."""
        return self._wanted

    def want(self, filters: Iterable[str], *, again: str | None = None) -> None:
        """Have all that matches these, and nothing else, brought from now on; of one of them what is retained once more."""
        self._wanted = frozenset(filters)
        if again is not None:
            self._again.add(again)
        self._news.set()

    async def publish(self, topic: str, payload: bytes, *, retain: bool, sender: str) -> None:
        """Publish once nothing of the bridge's own waits, and return once the broker has it."""
        outbox = self._outbox
        if outbox is None:
            raise MessagingUnavailable("the MQTT broker is away", hint="try again later: nothing waits for its return")
        if self._most_bytes is not None and len(payload) > self._most_bytes:
            why = "the broker has ended the connection for a large message: for a while no other is sent"
            raise MessageRefused(why, hint=f"send {self._most_bytes} bytes at most, or raise the broker's limit for packets")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def done(code: int) -> None:
            if not answer.done():
                answer.set_result(code)

        post = Post(topic=topic, payload=payload, retain=retain, on_done=done)
        if not outbox.post_for(sender, post):
            raise TooManyRequests("too much of it waits for the MQTT broker already", hint="await what is published")
        self._waiting.add(answer)
        try:
            async with self._clock.timeout(ANSWER_S):
                code = await answer
        except TimeoutError:
            has_left = not outbox.take_back(sender, post)
            what = "acknowledged" if has_left else "had time for"
            hint = "it may have it" if has_left else "it was not sent"
            raise MessagingUnavailable(
                f"the MQTT broker has not {what} a message on {topic} within {ANSWER_S:g} s", hint=hint
            ) from None
        finally:
            outbox.take_back(sender, post)  # who asked may have gone
            self._waiting.discard(answer)
            answer.cancel()
        if code >= 0x80:
            raise MessageRefused(reasons.refused_message(topic, len(payload), code), hint="look into the broker's access list")

    def take(self, message: Message) -> bool:
        """Hand a message on, if it is about nothing of the bridge's own; say whether that is so."""
        if message.topic.startswith(self._ours):
            return False
        message.acknowledge()
        if self._hears and message.topic not in self._reserved:
            self._messaging.heard(Heard(topic=message.topic, payload=message.payload, is_retained=message.retained))
        return True

    async def serve(self, link: Link, outbox: Outbox, bounds: Bounds) -> NoReturn:
        """Carry over this link until cancelled. Raises BrokerUnreachable."""
        self._outbox = outbox
        self._most_bytes = None if link.most_bytes is None else link.most_bytes // 2
        there: frozenset[str] = frozenset()
        try:
            await bounds.over.wait()  # what a broker has kept of before is not for others
            self._hears = True
            while True:
                self._news.clear()
                wanted, again, self._again = _widest(self._wanted), self._again, set()
                new = {each for each in wanted if each not in there or any(covers(each, one) for one in again)}
                link.unsubscribe(sorted(there - wanted))
                await bounds.absence.subscribes(wanted)  # before the broker knows: after a kill nobody else does
                for refused in await link.subscribe([Filter(topic=each) for each in sorted(new)]) if new else ():
                    bounds.notices.warn(
                        f"subscription {refused}",
                        f"the MQTT broker refused the subscription to {refused}: scripts do not hear what is sent there; allow"
                        " the bridge's user to read it in the broker's access list",
                    )
                await bounds.absence.subscribed(bounds.own | wanted)
                there = wanted
                await self._news.wait()
        finally:
            self._lose()

    def _lose(self) -> None:
        """Tell all who wait that the link is lost."""
        self._outbox, self._hears = None, False
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(
                    MessagingUnavailable("the MQTT broker is away", hint="the message may have got there all the same")
                )


def _widest(filters: frozenset[str]) -> frozenset[str]:
    """Return those that no other one covers: some brokers send a message once for each subscription that it matches."""
    return frozenset(each for each in filters if not any(covers(other, each) for other in filters if other != each))
