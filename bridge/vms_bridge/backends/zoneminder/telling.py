"""What one connection tells of its monitors and its system: all of it, or what is new."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.watch import is_same
from vms_bridge.model import Snapshot, StateUpdate, SystemState, SystemUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.zoneminder.watch import Lags, Watch
    from vms_bridge.clock import Clock
    from vms_bridge.model import Monitor

_AT_ONCE = 50


class Teller:
    """Knows what was told, and tells what differs; `lags` and `system` say how late things are, and how the system is."""

    def __init__(
        self,
        feed: Feed,
        clock: Clock,
        watches: Mapping[str, Watch],
        *,
        lags: Callable[[], Lags],
        system: Callable[[], SystemState],
    ) -> None:
        self._feed, self._clock, self._watches = feed, clock, watches
        self._count_lags, self._state_of_system = lags, system
        self._lags = lags()
        self._described: tuple[Monitor, ...] = ()
        self._system_told = SystemState()

    def tell(self, monitor_id: str, *, even_if_same: bool = False) -> None:
        """Tell the monitor's state, if it is another than before."""
        watch = self._watches.get(monitor_id)
        if watch is None or watch.told is None:
            return  # the next snapshot tells of it
        state = watch.state(self._clock.now(), self._clock.monotonic(), self._lags)
        if even_if_same or not is_same(state, watch.told):
            watch.told = state
            self._feed.emit(StateUpdate(monitor_id=monitor_id, state=state))

    def tell_everything(self) -> None:
        """Tell a snapshot."""
        self._lags = self._count_lags()
        now, monotonic = self._clock.now(), self._clock.monotonic()
        states = {number: watch.state(now, monotonic, self._lags) for number, watch in self._watches.items() if watch.is_shown}
        for number, state in states.items():
            self._watches[number].told = state
        self._described = self._descriptions()
        self._system_told = self._system_state()
        self._feed.emit(Snapshot(system=self._system_told, monitors=self._described, states=states))

    def tell_everything_new(self) -> None:
        """Tell whatever is another than before, at once."""
        if self._descriptions() != self._described:
            self.tell_everything()
            return
        self._lags = self._count_lags()
        for monitor_id in self._watches:
            self.tell(monitor_id)
        self.tell_system()

    async def tell_news_in_turns(self) -> None:
        """Tell what is not urgent, and let what is urgent in between: thousands of monitors take tenths of a second."""
        if self._descriptions() != self._described:
            self.tell_everything()
            return
        self._lags = self._count_lags()
        for number, monitor_id in enumerate(list(self._watches), 1):
            self.tell(monitor_id)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        self.tell_system()

    def tell_system(self) -> None:
        """Tell the system's state, if it is another than before."""
        state = self._system_state()
        if replace(state, observed=self._system_told.observed) != self._system_told:
            self._system_told = state
            self._feed.emit(SystemUpdate(state=state))

    def _descriptions(self) -> tuple[Monitor, ...]:
        return tuple(watch.description() for watch in self._watches.values())

    def _system_state(self) -> SystemState:
        state = self._state_of_system()
        capabilities = state.capabilities.union(*{monitor.capabilities for monitor in self._described})
        return replace(state, capabilities=capabilities, observed=self._clock.now())
