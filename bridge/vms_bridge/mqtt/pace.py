"""Work that anybody on the broker can ask for, as often as he likes: paced over all who ask, not for each of them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.clock import Clock


class Pace:
    """Lets so many through in a second, and up to `burst` of them together."""

    def __init__(self, clock: Clock, per_s: float, *, burst: int = 1) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = burst
        self._room = float(burst)
        self._at = clock.monotonic()

    async def turn(self) -> None:
        """Wait until one more may go."""
        self._refill()
        if self._room < 1:
            await self._clock.sleep((self._burst - self._room) / self._per_s)  # for all of a burst, so that it wakes us once
            self._refill()
        self._room -= 1

    def is_free(self) -> bool:
        """Let one through if it need not wait, and say so."""
        self._refill()
        if self._room < 1:
            return False
        self._room -= 1
        return True

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._room, self._at = min(self._burst, self._room + (now - self._at) * self._per_s), now


class Rounds:
    """Does one round of work at a time, and then one more for all who have asked meanwhile.

    A round comes to its end whoever asks, and begins at the earliest `apart_s` after the one before had begun.
    """

    def __init__(self, clock: Clock, work: Callable[[], Awaitable[None]], *, apart_s: float) -> None:
        self._clock = clock
        self._work = work
        self._apart_s = apart_s
        self._due: float | None = None
        self._free_at = clock.monotonic()
        self._asked = asyncio.Event()

    def ask(self, *, in_s: float = 0.0) -> None:
        """Have a round done in so many seconds, or earlier if somebody else wants it then."""
        due = max(self._free_at, self._clock.monotonic() + in_s)
        self._due = due if self._due is None else min(self._due, due)
        self._asked.set()

    async def run(self) -> NoReturn:
        """Serve until cancelled."""
        while True:
            while (wait_s := self._wait_s()) is None or wait_s > 0:
                self._asked.clear()
                with suppress(TimeoutError):
                    async with self._clock.timeout(wait_s):
                        await self._asked.wait()
            self._due = None
            self._free_at = self._clock.monotonic() + self._apart_s
            await self._work()

    def _wait_s(self) -> float | None:
        return None if self._due is None else self._due - self._clock.monotonic()
