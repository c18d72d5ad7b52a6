"""What waits for the broker, in front of the link: newest-wins for state, first in first out for what must arrive.

Lives as long as one link. What must survive the loss of a link stands in the store, not here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.counters import Counters

if TYPE_CHECKING:
    from collections.abc import Callable

TURN = 64
"""Messages published in one turn of the event loop, so that nobody else waits long."""
_FIRST = 32
"""How many of them may be QoS 1, so that events and states share a turn."""
_ROOM = 256
_MOST = 100_000


class Pipe(Protocol):
    """What an outbox needs of a link."""

    @property
    def is_open(self) -> bool:
        """Whether the connection stands."""

    @property
    def is_ready(self) -> bool:
        """Whether everything published so far has left."""

    @property
    def unacknowledged(self) -> int:
        """How many QoS 1 messages wait for their acknowledgement."""

    @property
    def window(self) -> int:
        """How many may."""

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        on_ack: Callable[[int], None] | None = None,
        expiry_s: int | None = None,
        correlation: bytes | None = None,
    ) -> bool:
        """Send a message."""

    def flush(self) -> None:
        """Hand what was published to the kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A message that must arrive (QoS 1); `on_done` hears the broker's reason code, from 0x80 on a refusal."""

    topic: str
    payload: bytes
    on_done: Callable[[int], None] | None = None
    retain: bool = False
    expiry_s: int | None = None
    correlation: bytes | None = None
    is_clear: bool = False
    """Whether to give way to a newer message for the same topic; set by `Outbox.clear`."""


class Outbox:
    """Feeds a pipe as fast as it takes, and no faster.

    `call_soon` runs a callback in the next turn of the loop; `on_dropped` hears of topics whose newest message the
    broker would not take (too large).
    """

    def __init__(
        self,
        pipe: Pipe,
        *,
        call_soon: Callable[[Callable[[], None]], object],
        on_dropped: Callable[[str, int], None],
        counters: Counters | None = None,
    ) -> None:
        self._pipe = pipe
        self._call_soon = call_soon
        self._on_dropped = on_dropped
        self._counters = counters or Counters()
        self._newest: dict[str, tuple[bytes, bool]] = {}
        self._posts: deque[Post] = deque()
        self._late: deque[Post] = deque()
        self._clears: dict[str, Post] = {}
        self._room = asyncio.Event()
        self._due = False
        self._is_closed = False

    def put(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        """Publish with QoS 0; what waits for the same topic is replaced and keeps its place in the queue."""
        self._clears.pop(topic, None)
        if topic in self._newest:
            self._counters.states_overtaken += 1
        self._newest[topic] = (payload, retain)
        self.kick()

    def post(self, post: Post, *, late: bool = False) -> bool:
        """Publish with QoS 1, in order; late ones after all others. False: there is no room, nothing was taken."""
        if len(self._posts) + len(self._late) >= _MOST:
            return False
        (self._late if late else self._posts).append(post)
        self.kick()
        return True

    def clear(self, topic: str) -> None:
        """Take a retained message off the broker, unless a new one is `put` before."""
        self._newest.pop(topic, None)
        if topic not in self._clears:
            self._clears[topic] = Post(topic=topic, payload=b"", retain=True, is_clear=True)
            self.post(self._clears[topic])

    def withdraw(self, topic: str) -> None:
        """Forget a message that was `put` and still waits."""
        self._newest.pop(topic, None)

    async def room(self, *, late: bool = False) -> None:
        """Wait until the queue is short."""
        queue = self._late if late else self._posts
        while len(queue) >= _ROOM:
            self._room.clear()
            await self._room.wait()

    def close(self) -> None:
        """Send nothing more, whatever waits or comes."""
        self._is_closed = True

    def kick(self) -> None:
        """Go on in the next turn of the loop, if there is anything to do."""
        if not self._due and self._can_go():
            self._due = True
            self._call_soon(self._turn)

    def _can_go(self) -> bool:
        if self._is_closed:
            return False
        return self._pipe.is_ready and (bool(self._newest) or (bool(self._posts or self._late) and self._has_window()))

    def _has_window(self) -> bool:
        return self._pipe.unacknowledged < self._pipe.window

    def _turn(self) -> None:
        self._due = False
        if self._is_closed or not self._pipe.is_ready:
            return
        count = 0
        while count < _FIRST and (self._posts or self._late) and self._has_window():
            self._publish_post((self._posts or self._late).popleft())
            count += 1
        newest = self._newest
        while newest and count < TURN:
            topic = next(iter(newest))
            payload, retain = newest.pop(topic)
            if not self._pipe.publish(topic, payload, retain=retain) and self._pipe.is_open:
                self._drop(topic, payload)
            count += 1
        if count:
            self._pipe.flush()
        if not self._room.is_set():
            self._room.set()
        self.kick()

    def _publish_post(self, post: Post) -> None:
        if post.is_clear:
            if self._clears.get(post.topic) is not post:
                return  # meanwhile there is something new to say
            del self._clears[post.topic]
        done = partial(self._done, post)
        if (
            not self._pipe.publish(
                post.topic, post.payload, retain=post.retain, on_ack=done, expiry_s=post.expiry_s, correlation=post.correlation
            )
            and self._pipe.is_open
        ):
            self._drop(post.topic, post.payload)
            self._call_soon(partial(done, reasons.PACKET_TOO_LARGE))

    def _drop(self, topic: str, payload: bytes) -> None:
        self._counters.messages_too_large += 1
        self._on_dropped(topic, len(payload))

    def _done(self, post: Post, code: int) -> None:
        if post.on_done is not None:
            post.on_done(code)
        self.kick()
