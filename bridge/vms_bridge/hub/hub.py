"""The hub: the only owner of current state.

Backends report to it what they see (`SystemFeed`), sinks read it and are notified of changes (`views.HubView`). It gives
monitors their public keys, works out differences, stores events before anyone sees them, and runs commands.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.archive import LiveStream
from vms_bridge.backends.guard import Guard
from vms_bridge.boundary import Boundary
from vms_bridge.clips import ClipRules, Clips
from vms_bridge.commands import TargetKind
from vms_bridge.concealment import Secrets
from vms_bridge.enriched import joined
from vms_bridge.errors import VmsError, system_gone
from vms_bridge.hub import door
from vms_bridge.hub.archive import Archives
from vms_bridge.hub.beginnings import first, successor
from vms_bridge.hub.bridge_commands import BridgeCommands
from vms_bridge.hub.chores import Chore
from vms_bridge.hub.claims import Claims
from vms_bridge.hub.command_runner import CommandRules, CommandRunner
from vms_bridge.hub.contributions import OF_BACKENDS, Contributions
from vms_bridge.hub.fan_out import FanOut
from vms_bridge.hub.feed import SystemFeed
from vms_bridge.hub.housekeeping import Housekeeping, Retention
from vms_bridge.hub.index import Index
from vms_bridge.hub.indexing import Indexing
from vms_bridge.hub.interpreter import Interpreter
from vms_bridge.hub.links import HubLinks
from vms_bridge.hub.live import Live
from vms_bridge.hub.measured import readings
from vms_bridge.hub.messaging import HubMessaging
from vms_bridge.hub.notices import Notices
from vms_bridge.hub.own_commands import OwnCommands
from vms_bridge.hub.own_entities import HubOwnEntities
from vms_bridge.hub.own_log import OwnLog
from vms_bridge.hub.performers import Performers
from vms_bridge.hub.presence import Presence
from vms_bridge.hub.questions import Questions
from vms_bridge.hub.receivers import HubReceivers
from vms_bridge.hub.recorder import Recorder
from vms_bridge.hub.scripts import HubScripts
from vms_bridge.hub.sink_notes import SinkNotes
from vms_bridge.hub.system import System
from vms_bridge.hub.tokens import HubTokens
from vms_bridge.hub.updates import Updates
from vms_bridge.hub.write_back import WriteBack
from vms_bridge.measures import Measures
from vms_bridge.model import EventRef

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import timedelta, tzinfo

    from vms_bridge.archive import ByteRange, MediaRef, OpenMedia
    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Ack, Command, CommandTable
    from vms_bridge.history import Cursor
    from vms_bridge.hub.batch_plan import BatchPlan
    from vms_bridge.hub.contributions import HubContributor
    from vms_bridge.hub.subscription import HubSubscription
    from vms_bridge.index import Bucket, BucketSize, IndexedEvent, Search, SearchPage
    from vms_bridge.keys import MonitorRules
    from vms_bridge.model import Enrichment, EventBatch, Update
    from vms_bridge.notices import Notice
    from vms_bridge.objects import ObjectCounts
    from vms_bridge.store import Store
    from vms_bridge.views import (
        BridgeState,
        HistoryPage,
        MonitorKey,
        MonitorView,
        StoredMessage,
        Subjects,
        SystemView,
    )

_AGAIN_S = 5.0


class Hub:
    """Current state, its changes, and the way of commands; see `views.HubView` for what sinks may use."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        durable_sinks: Sequence[str] = (),
        retention: Retention | None = None,
        secrets: Secrets | None = None,
        commands: CommandRules | None = None,
        clips: ClipRules | None = None,
    ) -> None:
        self._secrets, retention = Secrets() if secrets is None else secrets, retention or Retention()
        self._store, self._clock, self._systems = store, clock, dict[str, System]()
        self._fan_out, performers, self._log = FanOut(clock.monotonic), Performers(clock), OwnLog(self._secrets)
        self.look, self.own_log = performers.look, self._log.lines
        self._archives = Archives(self._systems, performers, on_missing=self._doubt, on_gone=self._gone)
        self.picture, self.recorded, self.logs = self._archives.picture, self._archives.events, self._archives.logs
        self._index = Index(store, clock, self._systems, archives=self._archives, on_progress=self._fan_out.system)
        self._live = Live(self._archives, clock)
        self.live_forms, self.frames = self._live.forms, self._live.frames
        self._house = Housekeeping(
            store, clock, self._systems, durable_sinks=durable_sinks, retention=retention, on_state=self._fan_out.bridge
        )
        self._notices = Notices(
            clock, self._systems, durable_sinks=durable_sinks, fares=lambda: self._house.state, on_change=self._fan_out.notices
        )
        self.tell_notice, self._presence = self._notices.tell, Presence(clock, self._fan_out.detection, self._show_objects)
        self._keeping = Chore("keeping what makes a start easier", clock.monotonic)
        notes = SinkNotes(store, self._keeping)
        self.note_unanswered, self.unanswered = notes.note_unanswered, notes.unanswered
        self.keep, self.kept = notes.keep, notes.kept
        self.tokens = HubTokens(store, clock, self._keeping, self._fan_out.tokens)
        self._claims = Claims(store, clock, self._keeping, self._house.claimed, self.tokens.holds)
        self.links, self._bridge_commands = HubLinks(store, clock, self._keeping), BridgeCommands(clock, self._claims)
        self.receivers = HubReceivers(self._systems, clock, self._secrets.strike)
        """Who may come in by the API, which links are good, and what is taken in from outside."""
        self._runner = CommandRunner(
            self, clock, backend_of=self._backend_of, memory=self, store=store, rules=commands, on_forced=self._alarm_is_forced
        )
        self._updates = Updates(
            clock, self._fan_out, self._presence, completed=self._runner.own_alarms.completed, on_described=self._house.save
        )
        stored, refreshed = self._adopt, self._index.refreshed
        self._recorder = Recorder(
            store, durable_sinks=durable_sinks, on_generation=self._begin_generation, on_stored=stored, on_refreshed=refreshed
        )
        self._clips = Clips(self._archives, self._index, clock, clips)
        self.clip, self.values = self._clips.clip, self._index.values
        self._indexing = Indexing(store, self._index, self._systems, self._archives, clock)
        self._contributions = Contributions(
            self._systems, clock, presence=self._presence, recorder=self._recorder, updates=self._updates, performers=performers
        )
        self._own_events, self.object_picture = self._contributions.own_events, self._contributions.picture
        self._own_commands = OwnCommands(clock, self._runner.table, self._index, self._own_events)
        self._write_back, questions = WriteBack(self._systems, clock), Questions(clock)
        self.answering, self.ask = questions.answering, questions.ask
        self.messaging, self.scripts = HubMessaging(clock), HubScripts(self._fan_out.scripts)
        self.own_entities = HubOwnEntities(self._fan_out.own_entities)
        self.measures = Measures(partial(readings, self._systems, self._runner, self._updates, self._index, self._live, store))

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
        return self._house.state

    @property
    def notices(self) -> Sequence[Notice]:
        """What is not as it should be now."""
        return self._notices.current

    @property
    def systems(self) -> Mapping[str, SystemView]:
        """Every configured system by key, as it is now."""
        return {key: system.view() for key, system in self._systems.items()}

    def system(self, key: str) -> SystemView | None:
        """Return a system by its key, or None where there is none."""
        found = self._systems.get(key)
        return found.view() if found else None

    def monitor(self, system: str, key: str) -> MonitorView | None:
        """Return a monitor by its public keys, or None where there is none."""
        found = self._systems.get(system)
        return found.monitors.get(key) if found else None

    @property
    def command_table(self) -> CommandTable:
        """Which commands there are."""
        return self._runner.table

    def subscribe(self, only: Subjects | None = None, *, transitions: bool = False) -> HubSubscription:
        """Start to receive changes; the first `changes()` names everything there is."""
        subscription = self._fan_out.subscribe(only, transitions=transitions)
        if only is None:
            subscription.messages()
            subscription.bridge()
            subscription.notices()
            if self.scripts.is_there:
                subscription.scripts("")
            for owner in self.own_entities.owners:
                subscription.own_entities(owner)
        for key in self._systems if only is None else self._systems.keys() & only.systems:
            subscription.system(key)
        monitors = ((key, name) for key, system in self._systems.items() for name in system.monitors)
        for monitor in monitors if only is None else only.monitors:
            view = self.monitor(*monitor)
            if view is None:
                continue
            subscription.described(monitor)
            subscription.state(monitor)
            if view.last_event:
                subscription.last_event(monitor)
            for detection in self._presence.newest(monitor):
                subscription.detection(monitor, detection)
        return subscription

    async def submit(self, command: Command, progress: Callable[[Ack], None] | None = None) -> Ack:
        """Run a command to its verified end."""
        if command.target.kind is TargetKind.BRIDGE:
            return await self._bridge_commands.submit(command)
        if command.target.event is not None and command.target.event.is_own:
            return await self._own_commands.submit(command)
        return await self._runner.submit(command, progress)

    async def undelivered(self, sink: str, *, late: bool, after: int, limit: int) -> Sequence[StoredMessage]:
        """Return the next messages that the durable sink has not yet confirmed."""
        return await self._store.undelivered(sink, late=late, after=after, limit=limit)

    async def delivered(self, sink: str, positions: Sequence[int]) -> None:
        """Confirm that the receiver has accepted these messages."""
        await self._store.delivered(sink, positions)

    async def history(self, after: Cursor | None, limit: int) -> HistoryPage:
        """Return the messages that follow the cursor, delivered or not."""
        return await self._store.history(after, limit=limit)

    async def history_end(self) -> Cursor:
        """Return the cursor behind the newest message."""
        return await self._store.history_end()

    def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenMedia]:
        """Open a picture or clip, to be read piece by piece."""
        if isinstance(ref, LiveStream):
            return self._live.open(system, ref)
        return self._archives.media(system, ref, byte_range)

    def contribute(self, source: str) -> HubContributor:
        """Begin to contribute under this name."""
        return self._contributions.open(source)

    async def search(self, query: Search, after: str | None = None, limit: int = 100) -> SearchPage:
        """Return a page of the events that the index has."""
        return await self._index.search(query, after, limit)

    async def timeline(self, query: Search, bucket: BucketSize, zone: tzinfo) -> Sequence[Bucket]:
        """Return how many of these events began when."""
        return await self._index.timeline(query, bucket, zone)

    async def indexed(self, ref: EventRef) -> IndexedEvent | None:
        """Return an event as the index has it."""
        return await self._index.one(ref)

    async def since_told(self, ref: EventRef) -> timedelta | None:
        """Return how long ago something was told of an event last."""
        return await self._store.since_told(ref.system, ref.generation, ref.id)

    async def rebuild_index(self, system: str | None = None) -> None:
        """Forget what the index has, and begin to fill it anew."""
        await self._indexing.rebuild(system)

    async def start(self) -> None:
        """Take up what the store keeps of the bridge itself, before anybody reads it."""
        self._log.open()
        self.measures.add(self._clips.readings)
        await self._claims.load()
        await self.tokens.load()
        await self.links.load()

    async def run(self) -> None:
        """Keep the house until cancelled: save descriptions, forget what is old, end alarms, detections, tokens, give notice."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._always("housekeeping", self._house.run), name="hub: house")
            group.create_task(self._always("detections", self._presence.run), name="hub: detections")
            group.create_task(self._always("own events", self._own_events.run), name="hub: own events")
            group.create_task(self._always("writing back", self._write_back.run), name="hub: write back")
            group.create_task(self._always("notices", self._notices.run), name="hub: notices")
            group.create_task(self._always("forced alarms", self._runner.run), name="hub: forced alarms")
            group.create_task(self._always("clips", self._clips.run), name="hub: clips")
            group.create_task(self._always("tokens", self.tokens.run), name="hub: tokens")
            group.create_task(self._always("links", self.links.run), name="hub: links")
            group.create_task(self._always("index", self._index.run), name="hub: index")
            group.create_task(self._always("filling the index", self._indexing.run), name="hub: filling the index")

    async def end_forced_alarms(self, system: str | None = None) -> None:
        """Cancel the alarms that are forced for a time, all or those of one system; for its orderly end, while it still runs."""
        await self._runner.end_forced_alarms(system)

    async def close(self) -> None:
        """Abandon commands under way, and wait for what is being written."""
        self._log.close()
        await self._live.close()
        await self._bridge_commands.close()
        await self._own_commands.close()
        await self._keeping.attempt(self._own_events.finish())
        await self._runner.close()
        await self._recorder.finish()

    async def add_system(self, *, key: str, kind: str, name: str, rules: MonitorRules, backend: Backend) -> SystemFeed:
        """Take a system in, or in place of the one with that key, whose backend has ended.

        Monitors that are remembered are there at once, not available yet: their old states are corrected. Raises StoreError
        where there was no such system and the store can't be read; nothing has changed then.
        """
        old = self._systems.get(key)
        guard = Guard(key, backend, self._clock, self._secrets)
        if old is None:
            await self._recorder.finish()  # what one with this key, just taken away, has reported last
            system = await first(self._store, self._clock, key=key, kind=kind, name=name, rules=rules, backend=guard)
        else:
            async with old.recording:  # what the old backend has reported last
                system = successor(old, kind=kind, name=name, rules=rules, backend=guard)
            old.backend.close()
            self._live.forget(key)
        system.strike, system.links = self._secrets.strike, self.links.of_event
        self._systems[key] = system
        self._indexing.systems_changed()
        self._own_events.look()
        gone = old.monitors.keys() - system.monitors.keys() if old else set()
        self._fan_out.system(key)
        self._fan_out.monitors(system, gone=gone, changed=system.monitors, new=system.monitors)
        self._presence.forget((key, monitor) for monitor in gone)
        self._presence.end((key, monitor) for monitor in system.monitors)
        return SystemFeed(self, system)

    def remove_system(self, key: str) -> None:
        """Let a system go; its memories stay in the store."""
        system = self._systems.pop(key)
        system.backend.close()
        self._live.forget(key)
        self.receivers.forget(key)
        self._indexing.systems_changed()
        self._fan_out.monitors(system, gone=system.monitors)
        self._fan_out.system_removed(key)
        self._presence.forget((key, monitor) for monitor in system.monitors)

    def apply(self, system: System, update: Update) -> None:
        """Make an update the current state and notify subscribers. Raises BackendDefect, and changes nothing then."""
        if self._systems.get(system.key) is system:  # else it is a last word of a backend that has been replaced
            self._updates.apply(system, update)

    async def record(self, system: System, batch: EventBatch) -> None:
        """Store a batch and notify subscribers; goes on to its end even when the backend is cancelled meanwhile.

        Raises VmsError for a system that has been taken away or replaced: its successor reads the same events.
        """
        if self._systems.get(system.key) is not system:
            raise _taken_away(system.key)
        await self._recorder.record(system, system.admit_events(batch))

    async def enrich_for(self, system: System, event_id: str, enrichment: Enrichment) -> None:
        """Store what others have noted about an event in the system's VMS. Raises ContributionRefused, StoreError or VmsError."""
        if self._systems.get(system.key) is not system:
            raise _taken_away(system.key)
        await self._contributions.enrich(OF_BACKENDS, EventRef(system.key, system.generation, event_id), enrichment)

    async def mint_for(self, system: System, monitor_id: str, native_key: str) -> str:
        """Return the event id for what the system's VMS knows by this key. Raises BackendDefect, StoreError or VmsError."""
        if self._systems.get(system.key) is not system:
            raise _taken_away(system.key)
        return str(await self._store.mint(system.key, door.digest_of(monitor_id, native_key)))

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

    def _begin_generation(self, system: System, generation: int) -> None:
        self._updates.begin_generation(system, generation)
        self._indexing.wake(system)

    def _doubt(self, event: EventRef) -> None:
        self._indexing.doubt(event)

    async def _gone(self, event: EventRef) -> None:
        await self._index.gone(event)

    def _adopt(self, system: System, plan: BatchPlan) -> None:
        self._updates.adopt(system, plan)
        self._index.stored()
        # What was read in the VMS is not written back to it.
        for event_id in {event_id for event_id, source, _ in plan.commit.enrichments if source != OF_BACKENDS}:
            ours = [added for source, added in plan.enrichments[event_id].items() if source != OF_BACKENDS]
            self._write_back.added(EventRef(system.key, plan.commit.generation, event_id), joined(ours))

    def _backend_of(self, system: str) -> Interpreter:
        return Interpreter(self._system(system), self._recorder.watched, self._archives.performers)

    def _system(self, key: str) -> System:
        """Return the system. Raises CommandRejected where a reload has taken it away."""
        found = self._systems.get(key)
        if found is None:
            raise system_gone(key)
        return found

    def _show_objects(self, monitor: MonitorKey, objects: ObjectCounts | None) -> None:
        if self.monitor(*monitor) is not None:
            self._updates.show_objects(self._systems[monitor[0]], monitor[1], objects)

    def _alarm_is_forced(self, monitor: MonitorKey) -> None:
        if (view := self.monitor(*monitor)) is not None:
            self._updates.show_state(self._systems[monitor[0]], monitor[1], view.state)

    async def _always(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do this again whenever it fails: a defect in it must not end the bridge."""
        boundary = Boundary("the hub", self._clock)
        while True:
            await boundary.attempt(name, work)
            await self._clock.sleep(_AGAIN_S)


def _taken_away(system: str) -> VmsError:
    return VmsError(f"system {system} was taken away, or set up anew, by a reload: nothing more of it is stored")
