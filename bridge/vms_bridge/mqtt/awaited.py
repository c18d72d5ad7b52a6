"""Systems that can't be asked yet, and commands for them that waited: at a start they are there before their system is."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.views import HubView

PATIENCE_S = 20.0
"""A system that does not answer by then is not about to: the hub says what is wrong with it."""


class AwaitedSystems:
    """One wait for each system, however many commands there are for it."""

    def __init__(self, hub: HubView, clock: Clock) -> None:
        self._hub = hub
        self._clock = clock
        self._waits: dict[str, asyncio.Task[None]] = {}
        self._waiting: Counter[str] = Counter()

    def is_awaited(self, system: str) -> bool:
        """Say whether commands for it wait, so that later ones have to wait behind them."""
        return self._waiting[system] > 0

    def is_away(self, system: str) -> bool:
        """Say whether it is configured, and can't be asked now."""
        view = self._hub.system(system)
        return view is not None and not view.state.available

    async def until_there(self, system: str) -> None:
        """Wait until it can be asked, for a while at most."""
        wait = self._waits.get(system)
        if wait is None:
            wait = self._waits[system] = asyncio.create_task(self._wait(system), name=f"mqtt-await-{system}")
        self._waiting[system] += 1
        try:
            await asyncio.shield(wait)
        finally:
            self._waiting[system] -= 1
            if not self._waiting[system]:
                self._waits.pop(system, None)

    async def close(self) -> None:
        """Wait no more."""
        waits = list(self._waits.values())
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    async def _wait(self, system: str) -> None:
        with closing(self._hub.subscribe()) as subscription, suppress(TimeoutError):
            async with self._clock.timeout(PATIENCE_S):
                while self.is_away(system):
                    await subscription.changes()
