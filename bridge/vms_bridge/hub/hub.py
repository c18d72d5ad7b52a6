"""The hub: the only owner of current state.

Backends tell it what they see (`SystemFeed`), sinks look and are told of changes (`views.HubView`). It gives
monitors their public keys, works out differences, stores events before anyone hears of them, and runs commands.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.backends.guard import Guard
from vms_bridge.errors import MediaUnavailable, VmsError, system_gone
from vms_bridge.hub.batch_plan import BatchPlan, plan_batch
from vms_bridge.hub.chores import Chore
from vms_bridge.hub.command_runner import CommandRunner
from vms_bridge.hub.feed import SystemFeed
from vms_bridge.hub.followed_events import MOST_RECENT, RECENT_S, FollowedEvents
from vms_bridge.hub.subscription import HubSubscription
from vms_bridge.hub.system import System
from vms_bridge.hub.text import clean
from vms_bridge.messages import decode
from vms_bridge.model import (
    Detection,
    Monitor,
    MonitorState,
    Snapshot,
    StateUpdate,
    SystemLost,
    SystemState,
    SystemUpdate,
)
from vms_bridge.store import StaleEpoch
from vms_bridge.views import BridgeState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Ack, Command
    from vms_bridge.keys import MonitorRules
    from vms_bridge.model import EventBatch, PictureRef, Update
    from vms_bridge.store import Store
    from vms_bridge.views import MonitorView, StoredMessage, SystemView

_LOGGER = logging.getLogger(__name__)
_HOUSEKEEPING_S = 600.0
_LOOK_AT_STORE_S = 5.0
_WAITING = timedelta(seconds=10)
"""From when on a message counts as undelivered: what is just on its way is no news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long events and undelivered messages are kept, and how many of the latter at most."""

    keep: timedelta = timedelta(days=8)
    most_undelivered: int = 500_000


class Hub:
    """Current state, its changes, and the way of commands; see `views.HubView` for what sinks may use."""

    def __init__(
        self, store: Store, clock: Clock, *, durable_sinks: Sequence[str] = (), retention: Retention | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._durable_sinks = tuple(durable_sinks)
        self._retention = retention or Retention()
        self._state = BridgeState()
        self._systems: dict[str, System] = {}
        self._subscriptions: set[HubSubscription] = set()
        self._writes: set[asyncio.Task[None]] = set()
        self._unsaved = asyncio.Event()
        self._saving = Chore("saving what monitors are", clock.monotonic)
        self._pruning = Chore("forgetting what is old", clock.monotonic)
        self._looking = Chore("counting what waits", clock.monotonic)
        self._keeping = Chore("keeping what makes a start easier", clock.monotonic)
        self._runner = CommandRunner(self, clock, backend_of=self._backend_of, memory=self, store=store)

    @property
    def epoch(self) -> str:
        """The store's epoch."""
        return self._store.epoch

    @property
    def bridge_id(self) -> str:
        """The bridge's own identity."""
        return self._store.bridge_id

    @property
    def state(self) -> BridgeState:
        """How the bridge itself fares."""
        return self._state

    @property
    def systems(self) -> Mapping[str, SystemView]:
        """Every configured system by key, as it stands now."""
        return {key: system.view() for key, system in self._systems.items()}

    def monitor(self, system: str, key: str) -> MonitorView | None:
        """Return a monitor by its public keys, or None where there is none."""
        found = self._systems.get(system)
        return found.monitors.get(key) if found else None

    def subscribe(self) -> HubSubscription:
        """Start to hear of changes; the first `changes()` names everything there is."""
        subscription = HubSubscription(self._subscriptions.discard)
        self._subscriptions.add(subscription)
        subscription.messages()
        subscription.bridge()
        for system in self._systems.values():
            subscription.system(system.key)
            for key, view in system.monitors.items():
                subscription.described((system.key, key))
                subscription.state((system.key, key))
                if view.last_event:
                    subscription.last_event((system.key, key))
        return subscription

    async def submit(self, command: Command, progress: Callable[[Ack], None] | None = None) -> Ack:
        """Run a command to its verified end."""
        return await self._runner.submit(command, progress)

    async def undelivered(self, sink: str, *, late: bool, after: int, limit: int) -> Sequence[StoredMessage]:
        """Return the next messages that the durable sink has not yet confirmed."""
        return await self._store.undelivered(sink, late=late, after=after, limit=limit)

    async def delivered(self, sink: str, positions: Sequence[int]) -> None:
        """Confirm that the receiver has accepted these messages."""
        await self._store.delivered(sink, positions)

    async def keep(self, sink: str, key: str, value: str | None) -> None:
        """Keep a short text for the sink beyond restarts."""
        await self._keeping.attempt(self._store.keep(f"sink:{sink}", key, value))

    async def kept(self, sink: str, key: str) -> str | None:
        """Return what the sink has kept last under this key."""
        return await self._keeping.attempt(self._store.kept(f"sink:{sink}", key))

    async def picture(self, system: str, ref: PictureRef) -> bytes:
        """Fetch a JPEG from the system."""
        found = self._systems.get(system)
        if found is None:
            raise MediaUnavailable(f"there is no system {system!r}")
        return await found.backend.picture(ref)

    async def run(self) -> None:
        """Keep the house until cancelled: save descriptions, forget what is old, end forced alarms in time."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._save_descriptions(), name="hub: descriptions")
            group.create_task(self._prune(), name="hub: prune")
            group.create_task(self._watch_store(), name="hub: store")
            group.create_task(self._runner.run(), name="hub: forced alarms")

    async def end_forced_alarms(self) -> None:
        """Cancel the alarms that are forced for a time; for an orderly stop, while the backends still run."""
        await self._runner.end_forced_alarms()

    async def close(self) -> None:
        """Abandon commands under way, and wait for what is being written."""
        await self._runner.close()
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def add_system(self, *, key: str, kind: str, name: str, rules: MonitorRules, backend: Backend) -> SystemFeed:
        """Take a system in, or in place of the one with that key.

        Monitors that the store remembers are there at once, not available yet: their old states are corrected.
        """
        old = self._systems.get(key)
        if old is not None:
            async with old.recording:  # what the old backend has told last is stored before it is read again
                pass
        kept = await self._store.system(key, recent=timedelta(seconds=RECENT_S), most=MOST_RECENT)
        system = System(
            key=key,
            kind=kind,
            name=name,
            rules=rules,
            backend=Guard(key, backend, self._clock),
            cursor=kept.cursor,
            generation=kept.generation,
            names={**kept.names, **(old.names if old else {})},
            events=FollowedEvents(self._clock.monotonic, kept.events),
        )
        for stored in await self._store.monitors(key):
            system.seqs[stored.key] = stored.seq
            if stored.remembered_modes:
                system.remembered_modes[stored.key] = stored.remembered_modes
            if stored.last_event and stored.last_event_id:
                system.last_events[stored.key] = (stored.last_event_id, decode(stored.last_event))
            described = system.remembered(stored.monitor) if stored.monitor else None
            if described and described[0] == stored.key:
                system.keys[described[1].id] = stored.key
                view = system.view_of(stored.key, described[1])
                system.monitors[stored.key] = replace(view, state=MonitorState(detail="not asked yet"))
        self._systems[key] = system
        if old is not None:
            old.backend.close()
        gone = old.monitors.keys() - system.monitors.keys() if old else set()
        for subscription in self._subscriptions:
            subscription.system(key)
            subscription.removed((key, monitor) for monitor in gone)
            for monitor, view in system.monitors.items():
                subscription.described((key, monitor))
                subscription.state((key, monitor))
                if view.last_event:
                    subscription.last_event((key, monitor))
        return SystemFeed(self, system)

    def remove_system(self, key: str) -> None:
        """Let a system go; its memories stay in the store."""
        system = self._systems.pop(key)
        system.backend.close()
        for subscription in self._subscriptions:
            subscription.removed((key, monitor) for monitor in system.monitors)
            subscription.system_removed(key)

    def apply(self, system: System, update: Update) -> None:
        """Make an update the current truth and tell who listens."""
        if self._systems.get(system.key) is not system:
            return  # a last word of a backend that has been replaced
        match update:
            case StateUpdate():
                self._apply_state(system, update.monitor_id, update.state)
            case Detection():
                self._apply_detection(system, update)
            case SystemUpdate():
                self._apply_system(system, update.state)
            case Snapshot():
                self._apply_monitors(system, clean(update.monitors))
                for monitor_id, state in update.states.items():
                    self._apply_state(system, monitor_id, state)
                self._apply_system(system, update.system)
            case SystemLost():
                self._apply_loss(system, update.detail)

    async def record(self, system: System, batch: EventBatch) -> None:
        """Store a batch and tell who listens; goes on to its end even when the backend is cancelled meanwhile.

        Raises VmsError for a system that has been taken away or replaced: its successor reads the same events.
        """
        if self._systems.get(system.key) is not system:
            raise VmsError(f"system {system.key} was taken away, or set up anew, by a reload: nothing more of it is stored")
        task = asyncio.create_task(self._record(system, clean(batch)), name=f"record {system.key}")
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        await asyncio.shield(task)

    async def keep_for(self, system: System, key: str, value: str | None) -> None:
        """Keep a short text for the system's backend, unless that has been replaced."""
        if self._systems.get(system.key) is system:
            await self._keeping.attempt(self._store.keep(f"system:{system.key}", key, value))

    async def kept_for(self, system: System, key: str) -> str | None:
        """Return what the system's backend, or the one before it, has kept last under this key."""
        return await self._keeping.attempt(self._store.kept(f"system:{system.key}", key))

    def remembered_modes(self, system: str, key: str) -> Mapping[str, str] | None:
        """Return the modes that a monitor had before it was disarmed."""
        found = self._systems.get(system)
        return found.remembered_modes.get(key) if found else None

    async def remember_modes(self, system: str, key: str, modes: Mapping[str, str]) -> None:
        """Keep the modes to which a monitor shall return, before anything is changed."""
        await self._store.remember_modes(system, key, modes)
        self._system(system).remembered_modes[key] = dict(modes)

    def _backend_of(self, system: str) -> Guard:
        return self._system(system).backend

    def _system(self, key: str) -> System:
        """Return the system. Raises CommandRejected where a reload has taken it away."""
        found = self._systems.get(key)
        if found is None:
            raise system_gone(key)
        return found

    def _apply_monitors(self, system: System, monitors: Sequence[Monitor]) -> None:
        shown: dict[str, Monitor] = {}
        for monitor in monitors:
            described = system.described(monitor)
            if described is None:
                continue
            if described[0] in shown:
                _LOGGER.warning("system %s: two monitors have the key %r, the later is left out", system.key, described[0])
                continue
            shown[described[0]] = described[1]
        gone = [key for key in system.monitors if key not in shown]
        for key in gone:
            del system.monitors[key]
        changed = [key for key, monitor in shown.items() if key not in system.monitors or system.monitors[key].monitor != monitor]
        came_back = [key for key in changed if key not in system.monitors and key in system.last_events]
        for key in changed:
            system.monitors[key] = system.view_of(key, shown[key])
        system.keys = {monitor.id: key for key, monitor in shown.items()}
        names = system.names | {monitor.id: monitor.name for monitor in monitors}
        if gone or changed or names != system.names:
            system.names = names
            system.unsaved = True
            self._unsaved.set()
        for subscription in self._subscriptions:
            subscription.removed((system.key, key) for key in gone)
            for key in changed:
                subscription.described((system.key, key))
                subscription.state((system.key, key))
            for key in came_back:
                subscription.last_event((system.key, key))

    def _apply_state(self, system: System, monitor_id: str, state: MonitorState) -> None:
        key = system.keys.get(monitor_id)
        if key is None:
            return
        view = system.monitors[key]
        if not state.available:
            state = MonitorState(detail=state.detail, source=state.source, observed=state.observed)
        if view.state == state:
            return
        system.monitors[key] = replace(view, state=state)
        for subscription in self._subscriptions:
            subscription.state((system.key, key))

    def _apply_detection(self, system: System, detection: Detection) -> None:
        key = system.keys.get(detection.monitor_id)
        if key is not None:
            for subscription in self._subscriptions:
                subscription.detection((system.key, key), detection)

    def _apply_loss(self, system: System, detail: str) -> None:
        """Make everything about the system unknown: a stale "clear" is worse than none. What it can do is kept."""
        now = self._clock.now()
        known = system.state
        lost = SystemState(
            detail=detail, observed=now, version=known.version, run_states=known.run_states, capabilities=known.capabilities
        )
        self._apply_system(system, replace(lost, storage=tuple(replace(each, used_bytes=None) for each in known.storage)))
        for monitor_id in system.keys:
            self._apply_state(system, monitor_id, MonitorState(detail=detail, observed=now))

    def _apply_system(self, system: System, state: SystemState) -> None:
        if system.state == state:
            return
        if state.available and not system.state.available:
            _LOGGER.info("system %s is there, version %s, monitors: %d", system.key, state.version, len(system.monitors))
        system.state = state
        for subscription in self._subscriptions:
            subscription.system(system.key)

    async def _record(self, system: System, batch: EventBatch) -> None:
        async with system.recording:
            if batch.generation != system.generation:
                system.generation, system.events = batch.generation, FollowedEvents(self._clock.monotonic)
                system.late_events.clear()
            while True:
                plan = await self._plan(system, batch)
                if not plan.commit.events and plan.commit.cursor in (None, system.cursor):
                    return
                try:
                    await self._store.commit(plan.commit, self._durable_sinks)
                except StaleEpoch:
                    continue
                break
            self._adopt(system, plan)

    async def _plan(self, system: System, batch: EventBatch) -> BatchPlan:
        epoch, followed = self.epoch, system.events.by_id
        others = [event.id for event in batch.events if event.id not in followed]
        known = {**await self._store.events(system.key, batch.generation, others), **followed}
        return plan_batch(batch, system, known, epoch=epoch)

    def _adopt(self, system: System, plan: BatchPlan) -> None:
        """Make what was stored the current truth."""
        commit, last_events = plan.commit, plan.last_events
        system.cursor = commit.cursor or system.cursor
        for message in commit.messages:
            system.seqs[message.monitor] = message.seq
            if message.late:
                system.note_late(message.event_id)
        system.events.take_in(commit.events)
        system.last_events.update(last_events)
        for key, (event_id, newest) in last_events.items():
            if key in system.monitors:
                system.monitors[key] = replace(system.monitors[key], last_event=newest, last_event_id=event_id)
        for subscription in self._subscriptions:
            if commit.messages:
                subscription.messages()
            for key in last_events:
                if key in system.monitors:
                    subscription.last_event((system.key, key))

    async def _save_descriptions(self) -> None:
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            for system in [system for system in self._systems.values() if system.unsaved]:
                system.unsaved = False
                monitors = {key: view.monitor for key, view in system.monitors.items()}
                await self._saving.attempt(self._store.save_monitors(system.key, monitors))
                await self._saving.attempt(self._store.save_names(system.key, system.names))

    async def _prune(self) -> None:
        while True:
            limits = self._retention
            lost = await self._pruning.attempt(
                self._store.prune(self._durable_sinks, keep=limits.keep, most=limits.most_undelivered)
            )
            if lost:
                self._set_state(replace(self._state, given_up=self._state.given_up + lost))
                _LOGGER.error(
                    "%d event messages are given up: none of them was delivered for %d days, or more than %d were waiting;"
                    " is the broker out of reach?",
                    lost,
                    limits.keep.days,
                    limits.most_undelivered,
                )
            await self._clock.sleep(_HOUSEKEEPING_S)

    async def _watch_store(self) -> None:
        while True:
            waiting = await self._looking.attempt(self._store.waiting(longer_than=_WAITING))
            problem = self._store.problem or ("the store failed; see the log" if waiting is None else None)
            undelivered = self._state.undelivered if waiting is None else waiting
            self._set_state(replace(self._state, problem=problem, undelivered=undelivered))
            await self._clock.sleep(_LOOK_AT_STORE_S)

    def _set_state(self, state: BridgeState) -> None:
        if state != self._state:
            self._state = state
            for subscription in self._subscriptions:
                subscription.bridge()
