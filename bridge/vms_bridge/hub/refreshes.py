"""Has systems refreshed for commands that wait for their effects: the first time at once, then shared and within a budget.

A scene commands hundreds of cameras of a VMS that can bear one request a second. What waits for its effect joins the next refresh
of its system: one read of the lists serves all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.commands import VmsTarget
from vms_bridge.errors import VmsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.hub.interpreter import Interpreter

REFRESHES_PER_S = 1.0
_AT_ONCE = 4.0
"""So many a system has to bear at once, as for one command whose effect shows within a second."""
_LISTS_COST = 3.0
"""What a refresh of a whole system costs, in refreshes of one monitor."""
_SYSTEM = VmsTarget()
_REFRESH_S = 15.0
"""A refresh that hangs must not keep the others waiting."""


@dataclass(slots=True)
class _Round:
    """A refresh to come, and whom it is for."""

    targets: set[VmsTarget] = field(default_factory=set)
    has_seen: bool | None = None
    """Whether it could be done; None before."""


class _Turns:
    """The refreshes of one system, one after the other."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left, self._counted = _AT_ONCE, clock.monotonic()
        self.running = asyncio.Lock()
        self.round = _Round()
        """The one that is still to begin."""

    def try_to_spend(self, cost: float) -> bool:
        """Take that from the budget if it is there and nobody waits for it."""
        if self.running.locked():
            return False
        self._count()
        if self._left < cost:
            return False
        self._left -= cost
        return True

    async def spend(self, cost: Callable[[], float]) -> None:
        """Wait until there is budget for that, and take it; while this waits, the cost may change."""
        while True:
            self._count()
            missing = cost() - self._left
            if missing <= 0:
                self._left -= cost()
                return
            await self._clock.sleep(missing / REFRESHES_PER_S)

    def _count(self) -> None:
        now = self._clock.monotonic()
        self._left = min(_AT_ONCE, self._left + (now - self._counted) * REFRESHES_PER_S)
        self._counted = now


class Refreshes:
    """Calls backends' `refresh`, and says whether it succeeded. Each raises CommandRejected for a system that is gone."""

    def __init__(self, clock: Clock, backend_of: Callable[[str], Interpreter]) -> None:
        self._clock = clock
        self._backend_of = backend_of
        self._turns: dict[str, _Turns] = {}

    async def at_once(self, system: str, target: VmsTarget) -> bool:
        """Refresh now: what comes first is not kept waiting."""
        try:
            async with self._clock.timeout(_REFRESH_S):
                await self._backend_of(system).refresh(target)
        except (VmsError, TimeoutError):
            # While a run state changes the VMS may well be away for a moment: the time limit decides, not this.
            return False
        return True

    async def if_idle(self, system: str, target: VmsTarget) -> bool:
        """Refresh now if no other command needs the budget; else return False."""
        return self._of(system).try_to_spend(1.0) and await self.at_once(system, target)

    async def alone(self, system: str, target: VmsTarget) -> bool:
        """Refresh this when its turn has come."""
        turns = self._of(system)
        async with turns.running:
            await turns.spend(lambda: 1.0)
            return await self.at_once(system, target)

    async def together(self, system: str, target: VmsTarget) -> bool:
        """Refresh when the turn has come, for all who have asked until then: this or, for several, the system."""
        turns = self._of(system)
        round_ = turns.round
        round_.targets.add(target)
        async with turns.running:
            if round_.has_seen is None:  # nobody else has done it, or whoever did it has been cancelled

                def cost() -> float:
                    return _LISTS_COST if _all_of(round_) == _SYSTEM else 1.0

                await turns.spend(cost)
                if turns.round is round_:
                    turns.round = _Round()  # who asks from now on wants to see what is so later
                round_.has_seen = await self.at_once(system, _all_of(round_))
            return round_.has_seen

    def _of(self, system: str) -> _Turns:
        if system not in self._turns:
            self._turns[system] = _Turns(self._clock)
        return self._turns[system]


def _all_of(round_: _Round) -> VmsTarget:
    """Return what is to be refreshed: the only target or, for several, the whole system."""
    return next(iter(round_.targets)) if len(round_.targets) == 1 else _SYSTEM
