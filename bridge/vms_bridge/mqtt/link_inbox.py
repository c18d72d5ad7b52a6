"""What comes in over one link: handed on in order, from the first message on, and acknowledged in order."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.mqtt.wire import Message

_LOGGER = logging.getLogger(__name__)
_MOST_EARLY = 1000


@dataclass(slots=True, eq=False)
class _Receipt:
    """A QoS 1 message that is still to be acknowledged."""

    mid: int
    is_due: bool = False


class Inbox:
    """Between the client and whoever listens.

    A broker that has kept a session sends what waits at once, before anybody can listen: that waits here. Nothing is
    acknowledged before its listener has had it, since what is acknowledged does not come again after a kill.
    """

    def __init__(self, acknowledge: Callable[[int], object]) -> None:
        self._acknowledge = acknowledge
        self._listener: Callable[[Message], None] | None = None
        self._listener_acknowledges = False
        self._early: list[Message] = []
        self._receipts: deque[_Receipt] = deque()
        self._is_closed = False

    def listen(self, listener: Callable[[Message], None], *, acknowledges: bool) -> None:
        """Hand on what has come and what comes; `acknowledges`: the listener itself says when a message is safe."""
        self._listener, self._listener_acknowledges = listener, acknowledges
        early, self._early = self._early, []
        for message in early:
            self._hand_on(listener, message)

    def receipt(self, mid: int) -> Callable[[], None]:
        """Return what acknowledges the QoS 1 message with this id that has just come."""
        receipt = _Receipt(mid)
        self._receipts.append(receipt)
        return partial(self._done, receipt)

    def came(self, message: Message, *, is_safe: bool) -> None:
        """Hand a message on; one that is not safe would come again, so it may not be dropped."""
        if self._listener is not None:
            self._hand_on(self._listener, message)
        elif not is_safe or len(self._early) < _MOST_EARLY:
            self._early.append(message)

    def close(self) -> None:
        """Acknowledge nothing more: what was not comes again over the next link."""
        self._is_closed = True

    def _hand_on(self, listener: Callable[[Message], None], message: Message) -> None:
        try:
            listener(message)
        except Exception:  # the border to our own handlers: one bad message must not end the link, nor come again and again
            _LOGGER.exception("a message on %s could not be handled", message.topic)
            message.acknowledge()
            return
        if not self._listener_acknowledges:
            message.acknowledge()

    def _done(self, receipt: _Receipt) -> None:
        """Acknowledge it, after those that came before (MQTT 5.0 §4.6)."""
        receipt.is_due = True
        while self._receipts and self._receipts[0].is_due and not self._is_closed:
            self._acknowledge(self._receipts.popleft().mid)
