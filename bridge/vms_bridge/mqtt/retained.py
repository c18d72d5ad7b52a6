"""What a broker retains, asked for over a link that has been there for a while, and commands that may be retained.

By MQTT 3.1.1, and with brokers that leave out MQTT 5's "retain as published", a command that is published with the retain
flag comes like any other, and would be run again at every connect (docs/decisions/0314-is-that-command-retained.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.errors import BrokerError
from vms_bridge.mqtt.wire import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.link import Link
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.mqtt.wire import Message

_LOGGER = logging.getLogger(__name__)
_ANSWER_S = 2.0
_MOST = 8192
_AT_ONCE = 64
"""Commands that are checked at a time, each by its topic where wildcards show nothing."""


class RetainedReader:
    """Asks for what is retained by subscribing once more, which brings it again (MQTT 3.1.1 §3.8.4); one at a time."""

    def __init__(self, link: Link, topics: Topics, clock: Clock) -> None:
        self._link = link
        self._topics = topics
        self._clock = clock
        self._turn = asyncio.Lock()
        self._number = 0
        self._found: dict[str, Message] | None = None
        self._is_back = asyncio.Event()

    async def read(self, filters: Sequence[Filter], *, for_a_moment: bool = False) -> Mapping[str, Message] | None:
        """Return what is retained there, by topic; None if the broker has not answered in time.

        The subscriptions stay, unless they are `for_a_moment`. Raises BrokerUnreachable.
        """
        async with self._turn:
            self._number += 1
            self._is_back.clear()
            self._found = {}
            try:
                async with self._clock.timeout(_ANSWER_S):
                    await self._link.subscribe([*filters, Filter(topic=self._topics.sync, qos=1)])
                    self._link.publish(self._topics.sync, self._echo, on_ack=_nothing)
                    self._link.flush()
                    await self._is_back.wait()
            except TimeoutError:
                return None
            else:
                return self._found
            finally:
                self._found = None
                if for_a_moment:
                    self._link.unsubscribe([each.topic for each in filters])

    async def shows_by_wildcard(self) -> bool:
        """Say whether the broker shows what is retained to a subscription with a wildcard. Raises BrokerUnreachable."""
        topic = self._topics.marker
        self._link.publish(topic, b"here", retain=True, on_ack=_nothing)
        try:
            found = await self.read([Filter(topic=self._topics.marker_filter, qos=1)], for_a_moment=True)
        finally:
            self._link.publish(topic, b"", retain=True, on_ack=_nothing)
        return found is not None and topic in found

    def heard(self, message: Message) -> bool:
        """Take a message, if it answers a `read`; say whether it was one."""
        if self._found is None:
            return False
        if message.topic == self._topics.sync and message.payload == self._echo:
            self._is_back.set()
            message.acknowledge()
            return True
        if not message.retained:
            return False
        if len(self._found) < _MOST:
            self._found[message.topic] = message
        message.acknowledge()  # it stays where it is: what isn't dealt with is found by the next one
        return True

    @property
    def _echo(self) -> bytes:
        return b"behind what is retained, look %d" % self._number


class CommandScreen:
    """Hands commands on, after a check whether they are retained, unless the broker flags these (`is_flagged`).

    `filters` are the subscriptions by which commands come. Nothing is lost: what can't be checked is handed on as it came.
    """

    def __init__(
        self,
        reader: RetainedReader,
        filters: Sequence[Filter],
        hand_on: Callable[[Message, float | None], None],
        *,
        is_flagged: bool,
    ) -> None:
        self._reader = reader
        self._filters = filters
        self._hand_on = hand_on
        self.is_flagged = is_flagged
        self.is_shown_by_wildcard = True
        self._doubted: deque[tuple[Message, float | None]] = deque()
        self._seen: dict[str, bytes] = {}
        """What was found to be retained, by topic."""
        self._news = asyncio.Event()

    def take(self, message: Message, age_s: float | None) -> None:
        """Hand a command on, now or once it is known whether it is retained."""
        if message.retained and not self.is_flagged:
            message.acknowledge()
            self._sort_out({message.topic: message})
        elif self.is_flagged or not message.payload or len(self._doubted) >= _MOST:
            self._hand_on(message, age_s)
        else:
            self._doubted.append((message, age_s))
            self._news.set()

    async def run(self) -> NoReturn:
        """Check what is in doubt until cancelled, and hand on what is left then."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._doubted:
                    await self._screen([self._doubted.popleft() for _ in range(min(_AT_ONCE, len(self._doubted)))])
        finally:
            for message, age_s in self._doubted:
                self._hand_on(message, age_s)

    async def _screen(self, doubted: Sequence[tuple[Message, float | None]]) -> None:
        found: Mapping[str, Message] = {}
        try:
            found = await self._retained({message.topic for message, _ in doubted})
        except BrokerError as error:
            _LOGGER.debug("it could not be found out whether commands are retained: %s", error)
        finally:
            copies = dict(found)
            for message, age_s in doubted:
                self._hand_on(self._judged(message, copies), age_s)
            self._sort_out(copies)

    def _sort_out(self, copies: dict[str, Message]) -> None:
        """Note what is retained: what came live came before its copy, so it is here by now, or was never sent to us."""
        self._doubted = deque((self._judged(message, copies), age_s) for message, age_s in self._doubted)
        for copy in copies.values():
            if self._seen.get(copy.topic) != copy.payload:  # it may not have been cleared yet
                self._note(copy)
                self._hand_on(copy, 0.0)

    def _judged(self, message: Message, copies: dict[str, Message]) -> Message:
        """Return a message with what is now known of it; the copy that shows it to be retained is used up."""
        copy = copies.get(message.topic)
        if copy is None or copy.payload != message.payload:
            return message
        del copies[message.topic]
        self._note(copy)
        return replace(message, retained=True)

    def _note(self, copy: Message) -> None:
        if len(self._seen) < _MOST:
            self._seen[copy.topic] = copy.payload

    async def _retained(self, topics: set[str]) -> Mapping[str, Message]:
        if self.is_shown_by_wildcard:
            return await self._reader.read(self._filters) or {}
        return await self._reader.read([Filter(topic=each, qos=1) for each in sorted(topics)], for_a_moment=True) or {}


def _nothing(_code: int) -> None:
    """Do nothing: only the order counts in which a broker takes what it acknowledges."""
