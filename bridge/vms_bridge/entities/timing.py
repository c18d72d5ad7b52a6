"""When new states are worth telling: what matters at once, measurements when they have moved far enough, and not too often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from vms_bridge.entities.urgency import Urgency

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock

_Key = TypeVar("_Key")
_State = TypeVar("_State")


class Timing(Generic[_Key, _State]):
    """Remembers which state of each thing was told last; `how_soon` compares that with a new one."""

    def __init__(self, how_soon: Callable[[_State | None, _State], Urgency], clock: Clock, interval_s: float) -> None:
        self._how_soon, self._clock, self._interval_s = how_soon, clock, interval_s
        self._told: dict[_Key, tuple[_State, float]] = {}
        self._later: dict[_Key, float] = {}

    def is_now(self, key: _Key, state: _State) -> bool:
        """Say whether this state is to be told now, and take it for told then; measurements alone become due later."""
        known = self._told.get(key)
        how_soon = Urgency.NOW if known is None else self._how_soon(known[0], state)
        if how_soon is Urgency.NOW:
            self.told(key, state)
            return True
        if how_soon is Urgency.LATER and known is not None:
            self._later.setdefault(key, known[1] + self._interval_s)
        return False

    def told(self, key: _Key, state: _State) -> None:
        """Take this state for told."""
        self._later.pop(key, None)
        self._told[key] = (state, self._clock.monotonic())

    def due(self) -> list[_Key]:
        """Return of what measurements are to be told by now."""
        now = self._clock.monotonic()
        return [key for key, at in self._later.items() if at <= now]

    def forget(self, key: _Key) -> None:
        """Remember nothing of what is gone."""
        self._told.pop(key, None)
        self._later.pop(key, None)

    def clear(self) -> None:
        """Remember nothing at all."""
        self._told.clear()
        self._later.clear()
