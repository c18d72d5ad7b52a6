"""What waits of those who borrow the link: a queue for each, bounded, and one message of each in turn."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.mqtt.wire import Post

MOST_MESSAGES = 64
"""Of one borrower's that must arrive, beside its states, of which there is one for each topic."""
MOST_BYTES = 256 * 1024
"""Of one borrower's that must arrive; with so many waiting no more are taken."""
MOST_BYTES_OF_ALL = 8 * 1024 * 1024
"""Then each may have one waiting, and no more."""


@dataclass(slots=True)
class _Queue:
    """One borrower's messages in their order: states by their topics, the others by their identity."""

    posts: OrderedDict[str | int, Post] = field(default_factory=OrderedDict)
    count: int = 0
    """How many of them are no states."""
    size: int = 0
    """How many bytes these have."""


class Borrowed:
    """The queues, by who borrows."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, _Queue] = OrderedDict()
        """Whose turn is next comes first."""
        self._whose: dict[str, str] = {}
        """Who has a state waiting, by its topic."""
        self._size = 0

    def __len__(self) -> int:
        return sum(len(queue.posts) for queue in self._queues.values())

    def __bool__(self) -> bool:
        return bool(self._queues)

    def is_full(self, borrower: str) -> bool:
        """Say whether no more of this borrower's that must arrive are taken."""
        queue = self._queues.get(borrower)
        if queue is None or not queue.count:
            return False
        return queue.count >= MOST_MESSAGES or queue.size >= MOST_BYTES or self._size >= MOST_BYTES_OF_ALL

    def add(self, borrower: str, post: Post) -> bool:
        """Have this message wait behind all of this borrower's. False: there is no room, nothing was taken."""
        if self.is_full(borrower):
            return False
        queue, size = self._queues.setdefault(borrower, _Queue()), len(post.payload)
        queue.posts[id(post)] = post
        queue.count, queue.size, self._size = queue.count + 1, queue.size + size, self._size + size
        return True

    def put(self, borrower: str, post: Post) -> bool:
        """Have this state wait, in the place of one that waits on its topic; say whether there was one."""
        was_there = post.topic in self._whose
        if was_there and self._whose[post.topic] != borrower:
            self.withdraw(post.topic)
        self._whose[post.topic] = borrower
        self._queues.setdefault(borrower, _Queue()).posts[post.topic] = post
        return was_there

    def withdraw(self, topic: str) -> None:
        """Forget the state that waits on this topic."""
        borrower = self._whose.pop(topic, None)
        if borrower is not None:
            del self._queues[borrower].posts[topic]
            self._tidy(borrower)

    def discard(self, borrower: str, post: Post) -> bool:
        """Forget a message that was added, if it still waits; say whether it did."""
        queue = self._queues.get(borrower)
        if queue is None or id(post) not in queue.posts:
            return False
        self._remove(queue, id(post))
        self._tidy(borrower)
        return True

    @property
    def next(self) -> Post | None:
        """The one whose turn it is."""
        queue = next(iter(self._queues.values()), None)
        return None if queue is None else next(iter(queue.posts.values()))

    def take(self) -> None:
        """Take the next one out; then it is somebody else's turn."""
        borrower, queue = next(iter(self._queues.items()))
        self._remove(queue, next(iter(queue.posts)))
        self._queues.move_to_end(borrower)
        self._tidy(borrower)

    def _remove(self, queue: _Queue, key: str | int) -> None:
        post = queue.posts.pop(key)
        if isinstance(key, str):
            del self._whose[key]
            return
        size = len(post.payload)
        queue.count, queue.size, self._size = queue.count - 1, queue.size - size, self._size - size

    def _tidy(self, borrower: str) -> None:
        if not self._queues[borrower].posts:
            del self._queues[borrower]
