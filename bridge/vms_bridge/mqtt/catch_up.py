"""Over one link: distinguishes what waited for us at the broker from what is sent now, since it may be old."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.errors import StrangeSession
from vms_bridge.mqtt.wire import Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.clock import Clock, Moment
    from vms_bridge.mqtt.absence import Absence
    from vms_bridge.mqtt.link import Link

_LOGGER = logging.getLogger(__name__)
ECHO = b"behind what waited"
"""What the message says by whose return all that waited has come. The inventory has one of its own, which is empty."""
CATCH_UP_S = 10.0
"""How long to wait for it; a broker that does not let us read our own topic never returns it."""
_AGAIN_S = 1.0
_TICK_S = 1.0
_SLEPT_S = 3.0


class CatchUp:
    """With QoS 1, for that has one queue at a broker: what is sent with QoS 0 overtakes what waits.

    `is_safe` says whether everything that came would survive a kill; `settle` gets until when the broker has received all.
    """

    def __init__(
        self,
        *,
        link: Link,
        absence: Absence,
        topic: str,
        is_safe: Callable[[], bool],
        settle: Callable[[Moment], None],
        clock: Clock,
    ) -> None:
        self._link = link
        self._absence = absence
        self._topic = topic
        self._is_safe = is_safe
        self._settle = settle
        self._clock = clock
        self._seen_at = clock.moment()
        self._away_s = absence.seconds() if link.session_present else 0.0
        self.is_strange = link.session_present and not absence.is_known and not absence.has_shunned
        """Whether the broker has a session for us that we have never had, with subscriptions that nobody knows."""
        self._asks = asyncio.Event()
        self.over = asyncio.Event()
        """Set once all that waited has come."""
        if not link.session_present:
            self.over.set()

    def age_s(self) -> float | None:
        """Return how old a message may be that has come just now; None where that is not known."""
        if not self.over.is_set():
            return self._away_s
        slept_s = self._seen_at.until(self._clock.moment())  # what comes to one who slept may have lain there as long
        return slept_s if slept_s is None or slept_s > _SLEPT_S else 0.0

    async def shun(self) -> NoReturn:
        """Wait until all has come that waits in a strange session. Raises StrangeSession then, for there must be a new one."""
        await self.over.wait()
        self._absence.has_shunned = True
        raise StrangeSession("the broker had a session for the bridge that is not ours: another one is begun")

    def heard_echo(self) -> None:
        """Note that our own message is back."""
        self.over.set()

    async def begin(self, filters: Iterable[str], *, lasting: frozenset[str]) -> None:
        """Prepare for these subscriptions, and ask for the echo.

        All that the session has besides those that are `lasting` is dropped; those too that come anew, for mosquitto would
        keep the options that they had.
        """
        link, absence = self._link, self._absence
        if not link.session_present or (not absence.is_known and not self.is_strange):
            await absence.began(link.alive, was_kept_s=link.session_s)
        await absence.subscribes(filters)
        if link.session_present:
            link.unsubscribe(sorted(absence.filters - lasting))
            await link.subscribe([Filter(topic=self._topic, qos=1, as_published=True)])
        self._asks.set()

    async def run(self) -> NoReturn:
        """Ask for the echo until it comes, and note each second that the link lives, until cancelled."""
        waiting = asyncio.create_task(self._wait(), name="mqtt-catch-up")
        try:
            while True:
                await self._clock.sleep(_TICK_S)
                self._seen_at = self._clock.moment()
                if self.over.is_set():
                    self._settle(self._link.alive)
                if self._link.session_s and self.over.is_set() and self._is_safe():
                    await self._absence.was_alive(self._link.alive)
        finally:
            waiting.cancel()
            await asyncio.wait({waiting})

    async def _wait(self) -> None:
        await self._asks.wait()
        try:
            async with self._clock.timeout(CATCH_UP_S):
                while not self.over.is_set():
                    if self._link.unacknowledged < self._link.window:
                        self._link.publish(self._topic, ECHO, on_ack=lambda _code: None)
                    with suppress(TimeoutError):
                        async with self._clock.timeout(_AGAIN_S):
                            await self.over.wait()
        except TimeoutError:
            _LOGGER.warning(
                "the broker has not returned our own message on %s: may the bridge's user read and write there?", self._topic
            )
            self.over.set()
