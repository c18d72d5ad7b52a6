"""What waits for the broker, in front of the link: newest-wins for state, first in first out for what must arrive.

What other parts say, which borrow the link, goes once nothing of the bridge's own waits, and little of it at a time.
Lives as long as one link. What must survive the loss of a link is in the store, not here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from functools import partial
from typing import TYPE_CHECKING, Protocol

from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.borrowed import Borrowed
from vms_bridge.mqtt.counters import Counters
from vms_bridge.mqtt.sizes import Sizes
from vms_bridge.mqtt.wire import Post

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TURN = 64
"""Messages published in one turn of the event loop, so that nobody else waits long."""
_FIRST = 32
"""How many of them may be of the queue, so that events and states share a turn."""
_SURE = 16
"""How many of them are kept free for states and the like with QoS 1, where those wait."""
_TURN_BYTES = 64 * 1024
"""Published in one turn, and then no more before it has left: on a slow link something urgent may come next."""
LENT_BYTES = 64 * 1024
"""Of borrowers, on its way at a time: so much may stand in the way of an alarm, wherever that is, until the broker has it."""
_LENT = 16
"""How many messages that may be, where the window is so large that a quarter of it is more."""
_ROOM = 256
_MOST = 100_000


class Pipe(Protocol):
    """What an outbox needs of a link."""

    @property
    def is_open(self) -> bool:
        """Whether the connection is up."""

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


class Outbox:
    """Feeds a pipe as fast as it takes, and no faster.

    `call_soon` runs a callback in the next turn of the loop; `on_dropped` gets topics whose newest message is too
    large to be sent, `on_refused` of those whose retained message the broker has refused: topic, size, reason code. `sizes`
    says whether to be careful: to send the smallest first, one at a time.
    """

    def __init__(
        self,
        pipe: Pipe,
        *,
        call_soon: Callable[[Callable[[], None]], object],
        on_dropped: Callable[[str, int], None],
        on_refused: Callable[[str, int, int], None] | None = None,
        counters: Counters | None = None,
        sizes: Sizes | None = None,
    ) -> None:
        self._pipe = pipe
        self._call_soon = call_soon
        self._on_dropped = on_dropped
        self._on_refused = on_refused
        self._counters = counters or Counters()
        self._sizes = sizes or Sizes()
        self._newest: dict[str, tuple[bytes, bool]] = {}
        self._sure: OrderedDict[str, bytes] = OrderedDict()
        self._taken: dict[str, int] = {}
        """The size of the largest message that the broker has acknowledged on a topic."""
        self._posts: deque[Post] = deque()
        self._late: deque[Post] = deque()
        self._borrowed = Borrowed()
        self._lent: list[int] = []
        """The sizes of borrowers' messages that are on their way."""
        self._clears: dict[str, Post] = {}
        self._room = asyncio.Event()
        self._is_odd = False
        self._budget = 0
        self._due = False
        self._is_closed = False

    def put(self, topic: str, payload: bytes, *, retain: bool = True) -> None:
        """Publish with QoS 0; what waits for the same topic is replaced and keeps its place in the queue."""
        self._give_way(topic)
        self._sure.pop(topic, None)
        self._newest[topic] = (payload, retain)
        self.kick()

    def ensure(self, topic: str, payload: bytes, *, always: bool = False) -> None:
        """Publish as `put` does, retained, but so that a refusal is noticed: with QoS 1, as nothing else is answered.

        What is no larger than what the broker has acknowledged on this topic goes with QoS 0 after all, unless `always`.
        """
        taken = self._taken.get(topic)
        if not always and taken is not None and len(payload) <= taken:
            self.put(topic, payload)
            return
        self._give_way(topic)
        self._newest.pop(topic, None)
        self._sure[topic] = payload
        if not always and taken is not None:
            self._sure.move_to_end(topic, last=False)  # it has only grown, as in an alarm
        self.kick()

    def post(self, post: Post, *, late: bool = False) -> bool:
        """Publish with QoS 1, in order; late ones after all others. False: there is no room, nothing was taken."""
        if self._is_full:
            return False
        (self._late if late else self._posts).append(post)
        self.kick()
        return True

    def post_for(self, borrower: str, post: Post) -> bool:
        """Publish for somebody else, in his order, once nothing of our own waits. False: there is no room for more of his."""
        is_taken = self._borrowed.add(borrower, post)
        self.kick()
        return is_taken

    def put_for(self, borrower: str, topic: str, payload: bytes) -> None:
        """Publish somebody else's state, retained, then, too: the newest counts, and a refusal is noticed."""
        self._clears.pop(topic, None)
        self._counters.states_overtaken += self._borrowed.put(borrower, Post(topic=topic, payload=payload, retain=True))
        self.kick()

    async def room_for(self, borrower: str) -> None:
        """Wait until one more message of this borrower would be taken."""
        while self._borrowed.is_full(borrower):
            self._room.clear()
            await self._room.wait()

    def take_back(self, borrower: str, post: Post) -> bool:
        """Publish that message for somebody else no more, if it still waits; say whether it did."""
        return self._borrowed.discard(borrower, post)

    def clear(self, topic: str) -> None:
        """Take a retained message off the broker, unless a new one is `put` before."""
        self.withdraw(topic)
        self._taken.pop(topic, None)
        if topic not in self._clears:
            self._clears[topic] = Post(topic=topic, payload=b"", retain=True, is_clear=True)
            self._posts.append(self._clears[topic])  # however full it is: there is but one for each topic
            self.kick()

    def withdraw(self, topic: str) -> None:
        """Forget a message of which the newest counts, and which still waits."""
        self._newest.pop(topic, None)
        self._sure.pop(topic, None)
        self._borrowed.withdraw(topic)

    async def room(self, *, late: bool = False) -> None:
        """Wait until the queue is short, so that a few posts will be taken."""
        queue = self._late if late else self._posts
        while len(queue) >= _ROOM or self._is_full:
            self._room.clear()
            await self._room.wait()

    @property
    def is_idle(self) -> bool:
        """Whether all of ours that must arrive has."""
        return not self._has_sure and self._pipe.unacknowledged <= len(self._lent)

    @property
    def lengths(self) -> Mapping[str, int]:
        """How many messages wait, by their queue."""
        return {
            "states": len(self._newest),
            "sure_states": len(self._sure),
            "posts": len(self._posts),
            "late_posts": len(self._late),
            "borrowed": len(self._borrowed),
        }

    @property
    def unacknowledged(self) -> int:
        """How many are on their way that the broker has not acknowledged."""
        return self._pipe.unacknowledged

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
        return self._pipe.is_ready and (bool(self._newest) or (self._has_sure and self._has_window()) or self._may_lend())

    @property
    def _has_sure(self) -> bool:
        return bool(self._posts or self._late or self._sure)

    @property
    def _is_full(self) -> bool:
        return len(self._posts) + len(self._late) >= _MOST

    def _give_way(self, topic: str) -> None:
        """Make room for something new on this topic."""
        self._clears.pop(topic, None)
        self._counters.states_overtaken += topic in self._newest or topic in self._sure

    @property
    def _window(self) -> int:
        return 1 if self._sizes.is_careful else self._pipe.window

    def _has_window(self) -> bool:
        return self._pipe.unacknowledged < self._window

    def _may_lend(self) -> bool:
        """Say whether the next message of a borrower may go: nothing of ours waits, and of theirs little is on its way."""
        post = self._borrowed.next
        if post is None or self._newest or self._has_sure:
            return False
        if not self._lent:
            return self._has_window()
        most = 0 if self._sizes.is_careful else min(_LENT, self._pipe.window // 4)
        return len(self._lent) < most and sum(self._lent) + len(post.payload) <= LENT_BYTES

    def _turn(self) -> None:
        self._due = False
        if self._is_closed or not self._pipe.is_ready:
            return
        self._budget = _TURN_BYTES
        left = TURN - self._publish_some(self._publish_queued, self._share_of_queue())
        left -= self._publish_some(self._publish_plain, left - _SURE if self._sure and self._has_window() else left)
        left -= self._publish_some(self._publish_sure, left)
        left -= self._publish_some(self._publish_plain, left)
        self._publish_some(self._publish_borrowed, left)
        self._pipe.flush()
        if not self._room.is_set():
            self._room.set()
        self.kick()

    def _publish_some(self, publish: Callable[[], bool], most: int) -> int:
        """Publish one after the other as long as there are any and the turn is not over; return how many."""
        count = 0
        while count < most and self._budget > 0 and publish():
            count += 1
        return count

    def _share_of_queue(self) -> int:
        """Return how many of the queue may go: many events must not keep back all the states of a new link."""
        free = self._window - self._pipe.unacknowledged
        if self._sure:
            self._is_odd = not self._is_odd
            free = (free + self._is_odd) // 2
        return min(free, _FIRST)

    def _publish_queued(self) -> bool:
        queue = self._posts or self._late
        if not queue:
            return False
        post = queue.popleft()
        if not post.is_clear:
            self._publish_post(post, partial(self._done, post))
        elif self._clears.get(post.topic) is post:  # else there is something new to say meanwhile
            del self._clears[post.topic]
            self._publish_post(post, partial(self._done, post))
        return True

    def _publish_plain(self) -> bool:
        if not self._newest:
            return False
        topic = next(iter(self._newest))
        payload, retain = self._newest.pop(topic)
        self._publish(topic, payload, retain=retain)
        return True

    def _publish_sure(self) -> bool:
        if not self._sure or not self._has_window():
            return False
        sure = self._sure
        topic = min(sure, key=lambda topic: len(sure[topic])) if self._sizes.is_careful else next(iter(sure))
        payload = sure.pop(topic)
        self._publish(topic, payload, on_ack=partial(self._answered, topic, len(payload)))
        return True

    def _publish_borrowed(self) -> bool:
        post = self._borrowed.next
        if post is None or not self._may_lend():
            return False
        self._borrowed.take()
        self._lent.append(len(post.payload))
        if not self._publish_post(post, partial(self._given_back, post)):
            self._lent.remove(len(post.payload))
        return True

    def _publish(self, topic: str, payload: bytes, *, retain: bool = True, on_ack: Callable[[int], None] | None = None) -> None:
        self._budget -= len(payload)
        if not self._pipe.publish(topic, payload, retain=retain, on_ack=on_ack) and self._pipe.is_open:
            self._drop(topic, payload)

    def _publish_post(self, post: Post, done: Callable[[int], None]) -> bool:
        """Publish, and have `done` called with the broker's answer; False: it will not be."""
        self._budget -= len(post.payload)
        if self._pipe.publish(
            post.topic, post.payload, retain=post.retain, on_ack=done, expiry_s=post.expiry_s, correlation=post.correlation
        ):
            return True
        if self._pipe.is_open:
            self._drop(post.topic, post.payload)
            if post.on_done is not None:
                self._call_soon(partial(post.on_done, reasons.PACKET_TOO_LARGE))
        return False

    def _answered(self, topic: str, size: int, code: int) -> None:
        """Note what became of a retained message."""
        if code < 0x80:
            self._taken[topic] = max(size, self._taken.get(topic, 0))
        else:
            self._refused(topic, size, code)
        self.kick()

    def _refused(self, topic: str, size: int, code: int) -> None:
        self._counters.messages_refused += 1
        if self._on_refused is not None:
            self._on_refused(topic, size, code)

    def _drop(self, topic: str, payload: bytes) -> None:
        self._counters.messages_too_large += 1
        self._on_dropped(topic, len(payload))

    def _done(self, post: Post, code: int) -> None:
        if post.on_done is not None:
            post.on_done(code)
        elif code >= 0x80:
            self._refused(post.topic, len(post.payload), code)
        self.kick()

    def _given_back(self, post: Post, code: int) -> None:
        self._lent.remove(len(post.payload))
        self._done(post, code)
