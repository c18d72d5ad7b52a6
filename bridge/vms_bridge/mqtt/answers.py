"""What became of commands, on its way to those who asked: kept until the broker has acknowledged it, over links."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.pace import Pace
from vms_bridge.mqtt.topics import ROOT
from vms_bridge.mqtt.wire import Post

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.counters import Counters
    from vms_bridge.mqtt.notices import Notices
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.mqtt.wire import Message

MAX_WAITING = 8192
"""More than twice as many as commands may be under way: each may be answered on a response topic too."""
STRANGERS_PER_S = 100
_STRANGERS_AT_ONCE = 20
TOPIC_CHARACTERS = 256
_SAID_BY_BRIDGES = frozenset(
    {"status", "info", "health", "event", "ack", "replay", "sync", "state", "last_event", "snapshot", "detection", "config"}
)
"""Last levels of topics that mean something to a bridge or to those who listen to it, of whichever instance."""


class Answers:
    """Sends each answer on our own topic at once, and on the topic that the asker has chosen at a pace.

    Who may command may have them sent anywhere below `vms_bridge/`, as many as he likes; they must not hold up events.
    """

    def __init__(self, *, topics: Topics, clock: Clock, counters: Counters, notices: Notices) -> None:
        self._topics = topics
        self._counters = counters
        self._notices = notices
        self._outbox: Outbox | None = None
        self._waiting: deque[Post] = deque()
        self._under_way: dict[int, Post] = {}
        self._count = 0
        self._pace = Pace(clock, STRANGERS_PER_S, burst=_STRANGERS_AT_ONCE)
        self._to_strangers: deque[Post] = deque()
        self._sending: asyncio.Task[None] | None = None

    def attach(self, outbox: Outbox | None) -> None:
        """Send by this outbox from now on, first what no link has brought to the broker; None: there is none."""
        self._outbox = outbox
        waiting = [*self._under_way.values(), *self._waiting]
        self._under_way.clear()
        self._waiting.clear()
        for post in waiting:
            self._send(post)

    def give(self, message: Message, payload: bytes, on_given: Callable[[], None] | None = None) -> None:
        """Answer whoever has sent this message; `on_given` is called when the broker has all of the answer, or it is lost."""
        topic = message.response_topic
        to_stranger = topic is not None and self._may_answer_on(topic)
        on_done = _after(2 if to_stranger else 1, on_given) if on_given is not None else None
        self._send(Post(topic=self._topics.ack, payload=payload, on_done=on_done))
        if topic is not None and to_stranger:
            post = Post(topic=topic, payload=payload, correlation=message.correlation, on_done=on_done)
            self._keep(self._to_strangers, post)
            self._send_to_strangers()

    async def close(self) -> None:
        """Send nothing more."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait({self._sending})

    def _may_answer_on(self, topic: str) -> bool:
        """Say whether an answer there can't be taken for anything else: for a command, or for what a bridge says."""
        if len(topic) > TOPIC_CHARACTERS or not topic.startswith(f"{ROOT}/") or set(topic) & set("+#\0") or "/set/" in topic:
            return False
        if topic.startswith(f"{self._topics.root}/"):
            return topic.startswith(f"{self._topics.ack}/")
        return topic.rpartition("/")[2] not in _SAID_BY_BRIDGES

    def _send_to_strangers(self) -> None:
        """Send what may go at once, and leave the rest to a task."""
        if self._sending is not None and not self._sending.done():
            return
        while self._to_strangers and self._pace.is_free():
            self._send(self._to_strangers.popleft())
        if self._to_strangers:
            self._sending = asyncio.create_task(self._send_slowly(), name="mqtt-answers")

    async def _send_slowly(self) -> None:
        while self._to_strangers:
            await self._pace.turn()
            self._send(self._to_strangers.popleft())

    def _send(self, post: Post) -> None:
        """Send an answer, and keep it until the broker has acknowledged it."""
        self._count += 1
        sent = replace(post, on_done=partial(self._arrived, self._count))
        if self._outbox is not None and self._outbox.post(sent):
            self._under_way[self._count] = post
        else:
            self._keep(self._waiting, post)

    def _keep(self, queue: deque[Post], post: Post) -> None:
        """Let it wait; where too many do, the oldest is lost."""
        if len(queue) >= MAX_WAITING:
            lost = queue.popleft()
            self._counters.answers_lost += 1
            if lost.on_done is not None:
                lost.on_done(reasons.UNSPECIFIED)
        queue.append(post)

    def _arrived(self, number: int, code: int) -> None:
        post = self._under_way.pop(number, None)
        if post is None:
            return
        if post.on_done is not None:
            post.on_done(code)
        if code < 0x80:
            return
        self._counters.answers_lost += 1
        whose = "ack" if post.topic == self._topics.ack else "response"
        self._notices.warn(
            f"refused {whose}",
            f"the broker refused an answer to a command on {post.topic} (0x{code:02x}): allow the bridge's user to write there",
        )


def _after(count: int, call: Callable[[], None]) -> Callable[[int], None]:
    """Return what calls this once it was called so many times itself."""
    left = count

    def done(_code: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            call()

    return done
