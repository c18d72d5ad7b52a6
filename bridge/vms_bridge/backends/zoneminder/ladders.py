"""All monitors of one connection: their sources report to the ladders, and these emit the state that follows, if it is new."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.monitor_ladder import Lags, is_same
from vms_bridge.backends.zoneminder.sources.asker import in_need, lag_of
from vms_bridge.backends.zoneminder.system_summary import RECORDED
from vms_bridge.model import FullState, StateUpdate, SystemLost, SystemState, SystemUpdate

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from vms_bridge.backends.zoneminder.connection import Connection
    from vms_bridge.backends.zoneminder.follower import EventHealth
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
    from vms_bridge.backends.zoneminder.system_summary import SystemSummary
    from vms_bridge.model import Monitor, MonitorState

_AT_ONCE = 50


class Ladders:
    """Remembers what was reported, and reports what differs. Nobody else reports monitors, or the system."""

    def __init__(self, connection: Connection, *, health: EventHealth, system: SystemSummary) -> None:
        self._feed, self._clock, self._config = connection.feed, connection.clock, connection.config
        self._health, self._system = health, system
        self._by_id: dict[str, MonitorLadder] = {}
        self._lags = self._count_lags()
        self._described: tuple[Monitor, ...] = ()
        self._emitted_system = SystemState()
        self._is_alone = False

    @property
    def by_id(self) -> Mapping[str, MonitorLadder]:
        """Every monitor."""
        return self._by_id

    def add(self, monitor_id: str, ladder: MonitorLadder) -> None:
        """Have another monitor."""
        self._by_id[monitor_id] = ladder

    def keep_only(self, monitor_ids: Collection[str]) -> None:
        """Know no others than these any more."""
        for gone in self._by_id.keys() - monitor_ids:
            del self._by_id[gone]

    def emit_state(self, monitor_id: str, *, even_if_same: bool = False) -> None:
        """Report the monitor's state, if it has changed."""
        ladder = self._by_id.get(monitor_id)
        if ladder is None or ladder.emitted is None:
            return  # the next full state has it
        before = ladder.emitted
        state = self._decide(ladder, self._clock.now(), self._clock.monotonic())
        if even_if_same or not is_same(state, before):
            ladder.was_emitted(state)
            self._feed.emit(StateUpdate(monitor_id=monitor_id, state=state))

    def emit_all(self) -> None:
        """Report the full state."""
        self._lags = self._count_lags()
        now, monotonic = self._clock.now(), self._clock.monotonic()
        states = {number: self._decide(ladder, now, monotonic) for number, ladder in self._by_id.items() if ladder.is_shown}
        for number, state in states.items():
            self._by_id[number].was_emitted(state)
        self._described = self._descriptions()
        self._emitted_system = self._system_state()
        self._feed.emit(FullState(system=self._emitted_system, monitors=self._described, states=states))

    def emit_changes(self) -> None:
        """Report whatever has changed, at once."""
        if self._descriptions() != self._described:
            self.emit_all()
            return
        self._lags = self._count_lags()
        for monitor_id in self._by_id:
            self.emit_state(monitor_id)
        self.emit_system()

    async def emit_changes_in_turns(self) -> None:
        """Report what is not urgent, and let what is urgent in between: thousands of monitors take tenths of a second."""
        if self._descriptions() != self._described:
            self.emit_all()
            return
        self._lags = self._count_lags()
        for number, monitor_id in enumerate(list(self._by_id), 1):
            self.emit_state(monitor_id)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        self.emit_system()

    def emit_system(self) -> None:
        """Report the system's state, if it has changed."""
        state = self._system_state()
        if replace(state, observed=self._emitted_system.observed) != self._emitted_system:
            self._emitted_system = state
            self._feed.emit(SystemUpdate(state=state))

    def go_on_alone(self, detail: str, code: str) -> None:
        """Report from now on what shared memory shows by itself, for the API does not answer any more."""
        self._is_alone = True
        # In one go with the states, so that nobody sees a monitor lost that is not.
        self._feed.emit(SystemLost(detail=detail, code=code))
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for monitor_id, ladder in self._by_id.items():
            state = self._decide(ladder, now, monotonic)
            ladder.was_emitted(state)
            self._feed.emit(StateUpdate(monitor_id=monitor_id, state=state))

    def _decide(self, ladder: MonitorLadder, now: datetime, monotonic: float) -> MonitorState:
        if self._is_alone:
            return ladder.state_by_memory_alone(now, monotonic)
        return ladder.state(now, monotonic, self._lags)

    def _count_lags(self) -> Lags:
        has_events, now = self._health.is_good, self._clock.monotonic()
        return Lags(
            events=self._config.poll_interval if has_events else None,
            status=lag_of(len(in_need(self._by_id.values(), now, has_events=has_events))),
            monitors=self._config.monitors_interval,
        )

    def _descriptions(self) -> tuple[Monitor, ...]:
        described = tuple(ladder.description() for ladder in self._by_id.values())
        if not self._health.is_refused:
            return described
        return tuple(replace(monitor, capabilities=monitor.capabilities - RECORDED) for monitor in described)

    def _system_state(self) -> SystemState:
        state = self._system.state()
        capabilities = state.capabilities.union(*{monitor.capabilities for monitor in self._described})
        return replace(state, capabilities=capabilities, observed=self._clock.now())
