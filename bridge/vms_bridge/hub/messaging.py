"""Between those who speak no MQTT and the one who does: who wants to hear what, bounded and kept apart from what is reserved."""

from __future__ import annotations

import logging
from collections import OrderedDict
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from vms_bridge.buckets import Buckets
from vms_bridge.errors import TooManyRequests
from vms_bridge.messaging import (
    ALWAYS_RESERVED,
    MOST_PAYLOAD_BYTES,
    MOST_PUBLISHED_BYTES,
    MOST_TOPIC_CHARACTERS,
    FilterTree,
    MessageRefused,
    MessagingUnavailable,
    filter_mistake,
    reserved_mistake,
    topic_mistake,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.messaging import Carrier, Heard

_LOGGER = logging.getLogger(__name__)
MOST_LISTENING = 1_000
MOST_FILTERS = 200
PUBLISHED_A_SECOND, PUBLISHED_AT_ONCE = 100.0, 200.0
"""By each who sends."""
HEARD_A_SECOND, HEARD_AT_ONCE = 200.0, 1_000.0
"""For each who listens."""
_MOST_REMEMBERED = 1_000
_REMIND_S = 60.0


class HubListening:
    """One who listens, until it is closed."""

    def __init__(self, topic_filter: str, heard: Callable[[Heard], None], on_close: Callable[[HubListening], None]) -> None:
        self.filter, self._heard, self._on_close = topic_filter, heard, on_close
        self._last: OrderedDict[str, bytes] = OrderedDict()
        """What was heard last on a topic, as digests: so much that a subscription made anew tells nothing twice."""

    def close(self) -> None:
        """Hear no more."""
        self._on_close(self)

    def is_news(self, message: Heard, digest: bytes) -> bool:
        """Say whether this is something to hand on, and not what is retained and was heard before; remember it."""
        before = self._last.pop(message.topic, None)
        self._last[message.topic] = digest
        if len(self._last) > _MOST_REMEMBERED:
            self._last.popitem(last=False)
        return not message.is_retained or before != digest

    def tell(self, message: Heard) -> None:
        """Hand a message on; whatever comes of it ends here."""
        try:
            self._heard(message)
        except Exception:  # the border to another part: the others hear it all the same
            _LOGGER.exception("a message on %s could not be handled by who listens to %s", message.topic, self.filter)


class HubMessaging:
    """See `messaging.Messaging`. It outlives those who carry."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._carrier: Carrier | None = None
        self._listening: dict[str, list[HubListening]] = {}
        self._found: FilterTree[list[HubListening]] = FilterTree()
        """The same lists, by what their filters find."""
        self._publishing = Buckets(clock, rate=PUBLISHED_A_SECOND, burst=PUBLISHED_AT_ONCE)
        self._hearing = Buckets(clock, rate=HEARD_A_SECOND, burst=HEARD_AT_ONCE)
        self._passed_over = 0
        self._reminded_at: float | None = None

    @property
    def is_there(self) -> bool:
        """Whether anybody speaks MQTT here."""
        return self._carrier is not None

    @property
    def reserved(self) -> tuple[str, ...]:
        """What topics begin with that are the bridge's own, or of discovery."""
        return ALWAYS_RESERVED if self._carrier is None else (*ALWAYS_RESERVED, *self._carrier.reserved)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, sender: str = "") -> None:
        """Publish for this one, and return once the broker has it."""
        mistake = topic_mistake(topic) or reserved_mistake(topic, self.reserved)
        if mistake is None and len(payload) > MOST_PUBLISHED_BYTES:
            mistake = f"a message has {MOST_PUBLISHED_BYTES} bytes at most, and not {len(payload)}"
        if mistake is not None:
            raise MessageRefused(f"nothing can be published on {topic[:100]!r}: {mistake}", hint="choose another topic")
        carrier = self._carrier
        if carrier is None:
            raise MessagingUnavailable("nobody speaks MQTT here", hint="add a section `mqtt:` to the configuration")
        if wait_s := self._publishing.take(sender):
            raise TooManyRequests(
                "too much is published over MQTT", hint=f"{PUBLISHED_A_SECOND:g} messages a second", retry_after_s=wait_s
            )
        await carrier.publish(topic, payload, retain=retain, sender=sender)

    def listen(self, topic_filter: str, heard: Callable[[Heard], None]) -> HubListening:
        """Have this called for what is published from now on, and for what is retained."""
        mistake = filter_mistake(topic_filter) or reserved_mistake(topic_filter, self.reserved)
        if mistake is not None:
            raise MessageRefused(f"nothing can be heard by {topic_filter[:100]!r}: {mistake}", hint="choose another filter")
        is_full = topic_filter not in self._listening and len(self._listening) >= MOST_FILTERS
        if is_full or sum(map(len, self._listening.values())) >= MOST_LISTENING:
            raise TooManyRequests("too many listen to MQTT already", hint="let one filter with a wildcard do for several topics")
        one = HubListening(topic_filter, heard, self._forget)
        self._put(topic_filter, [*self._listening.get(topic_filter, ()), one])
        self._want(again=topic_filter)
        return one

    def carry(self, carrier: Carrier) -> Callable[[], None]:
        """Have this carry what others publish and want to hear."""
        self._carrier = carrier
        self._want()
        return partial(self._lay_down, carrier)

    def heard(self, message: Heard) -> None:
        """Hand what was heard to who wants it, unless it is reserved, too large or too much."""
        found = self._found.finding(message.topic)
        if not found or reserved_mistake(message.topic, self.reserved) is not None:
            return
        is_too_large = len(message.payload) > MOST_PAYLOAD_BYTES or len(message.topic) > MOST_TOPIC_CHARACTERS
        digest = blake2b(message.payload, digest_size=8).digest()
        for one in (each for listening in found for each in listening):
            if is_too_large or self._hearing.take(f"{id(one)}"):
                self._pass_over(message)
            elif one.is_news(message, digest):
                one.tell(message)

    def _pass_over(self, message: Heard) -> None:
        self._passed_over += 1
        now = self._clock.monotonic()
        if self._reminded_at is None or now - self._reminded_at >= _REMIND_S:
            self._reminded_at = now
            _LOGGER.warning(
                "%d MQTT messages for scripts were passed over, the last on %s with %d bytes: they take %d bytes on a topic of"
                " %d characters at most, and each listener %g messages a second",
                self._passed_over,
                message.topic[:100],
                len(message.payload),
                MOST_PAYLOAD_BYTES,
                MOST_TOPIC_CHARACTERS,
                HEARD_A_SECOND,
            )
            self._passed_over = 0

    def _want(self, *, again: str | None = None) -> None:
        if self._carrier is not None:
            self._carrier.want(self._listening, again=again)

    def _lay_down(self, carrier: Carrier) -> None:
        if self._carrier is carrier:
            self._carrier = None

    def _forget(self, closed: HubListening) -> None:
        left = [each for each in self._listening.get(closed.filter, ()) if each is not closed]
        if left:
            self._put(closed.filter, left)
        elif self._listening.pop(closed.filter, None) is not None:
            del self._found[closed.filter]
            self._want()

    def _put(self, topic_filter: str, listening: list[HubListening]) -> None:
        """Have these listen, as a new list: somebody may be going through the one of before."""
        self._listening[topic_filter] = self._found[topic_filter] = listening
