"""A hub for sink tests: a world that tests change, real subscriptions, and an outbox that survives like the store's."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tests.fakes.backend import START, event, monitor, state, system_state
from tests.fakes.clock import FakeClock
from tests.fakes.links import FakeLinks
from tests.fakes.tokens import FakeTokens

from vms_bridge.commands import COMMANDS, Ack, AckResult
from vms_bridge.errors import (
    CommandUnverified,
    ContributionRefused,
    DetectionFailed,
    MediaUnavailable,
    StoreError,
    in_words,
)
from vms_bridge.hub.messaging import HubMessaging
from vms_bridge.hub.own_entities import HubOwnEntities
from vms_bridge.hub.questions import Questions
from vms_bridge.hub.receivers import HubReceivers
from vms_bridge.hub.scripts import HubScripts
from vms_bridge.hub.subscription import HubSubscription
from vms_bridge.index import IndexProgress, SearchPage, ValueCounts
from vms_bridge.measures import Measures
from vms_bridge.messages import encode, event_message
from vms_bridge.model import EventPicture, EventRef
from vms_bridge.store.epochs import Epochs
from vms_bridge.views import (
    BridgeState,
    Claim,
    HistoryPage,
    MessageType,
    MonitorView,
    StoredMessage,
    Subjects,
    SystemView,
    Transition,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime, timedelta, tzinfo

    from vms_bridge.archive import (
        ByteRange,
        ClipRange,
        EventClip,
        EventQuery,
        LiveForm,
        LogLine,
        LogQuery,
        MadeClip,
        MediaRef,
        OpenMedia,
        RecordedPage,
        VideoPicture,
    )
    from vms_bridge.commands import Command
    from vms_bridge.contributing import Contributor
    from vms_bridge.errors import SearchRefused
    from vms_bridge.history import Cursor
    from vms_bridge.index import Bucket, BucketSize, IndexedEvent, Search, ValueKind
    from vms_bridge.model import DetectedObject, Detection, Monitor, MonitorState, PictureRef, SystemState
    from vms_bridge.notices import Notice
    from vms_bridge.objects import Watched
    from vms_bridge.views import Answering, MonitorKey


SINKS = {"mqtt", "event_log", "api", "scripts"}


async def obey(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
    """Answer a command as if it had been applied."""
    del progress
    return Ack.of(command, AckResult.APPLIED, START, applied="ON")


class FakeHub:
    """Implements `views.HubView`; the other methods are a test's."""

    def __init__(
        self,
        *,
        bridge_id: str = "b" * 32,
        monitors: int = 1,
        monotonic: Callable[[], float] = lambda: 1000.0,
        clock: FakeClock | None = None,
    ) -> None:
        self.epoch = "e1"
        self.own_lines: list[LogLine] = []
        self.measures = Measures()
        self._monotonic = monotonic
        self.bridge_id = bridge_id
        self.fares = BridgeState()
        self.notices: tuple[Notice, ...] = ()
        self._monitors: dict[str, dict[str, MonitorView]] = {}
        self._states: dict[str, SystemState] = {}
        self.progress: dict[str, IndexProgress] = {}
        self._subscriptions: set[HubSubscription] = set()
        self._of_tokens: set[HubSubscription] = set()
        self._with_transitions: set[HubSubscription] = set()
        self.tokens = FakeTokens(self._tokens_changed)
        self.links = FakeLinks(bridge_id)
        self.told_ago: timedelta | None = None
        """How long ago something was told of any event."""
        self.receivers = HubReceivers(self._states, clock or FakeClock())
        self.messaging = HubMessaging(clock or FakeClock())
        self._questions = Questions(clock or FakeClock())
        self.scripts = HubScripts(self._scripts_changed)
        self.own_entities = HubOwnEntities(self._own_entities_changed)
        self.messages: list[StoredMessage] = []
        self.forgotten = 0
        self.confirmed: list[list[int]] = []
        self.memory: dict[str, str] = {}
        self.notes: dict[int, bytes] = {}
        self.stores = asyncio.Event()
        self.stores.set()
        """What the sink keeps."""
        self.reads = 0
        self.store_fails = False
        self.command_table = COMMANDS
        self.commands: list[Command] = []
        self.answer: Callable[[Command, Callable[[Ack], None] | None], Awaitable[Ack]] = obey
        self.pictures: dict[str, bytes] = {}
        self.asked_pictures: list[PictureRef] = []
        self.found: list[IndexedEvent] = []
        """What the index has, the newest first, whatever is searched for."""
        self.buckets: list[Bucket] = []
        self.searches: list[Search] = []
        self.timelines: list[tuple[BucketSize, tzinfo]] = []
        self.rebuilt: list[str | None] = []
        self.refusal: SearchRefused | StoreError | None = None
        """What the index answers instead."""
        self.object_pictures: dict[tuple[MonitorKey, Watched], bytes] = {}
        self.add_system("zm")
        for number in range(1, monitors + 1):
            self.add_monitor("zm", monitor(number))

    @property
    def state(self) -> BridgeState:
        return self.fares

    @property
    def systems(self) -> Mapping[str, SystemView]:
        return {
            key: SystemView(
                key=key,
                kind="fake",
                name=key.upper(),
                url=None,
                state=state_,
                monitors=MappingProxyType(dict(self._monitors[key])),
                index=self.progress.get(key),
            )
            for key, state_ in self._states.items()
        }

    def system(self, key: str) -> SystemView | None:
        return self.systems.get(key)

    def monitor(self, system: str, key: str) -> MonitorView | None:
        return self._monitors.get(system, {}).get(key)

    def subscribe(self, only: Subjects | None = None, *, transitions: bool = False) -> HubSubscription:
        if only is not None:
            assert only == Subjects(tokens=True), "no sink so far wants else less than everything"
            subscription = HubSubscription(self._of_tokens.discard, self._monotonic)
            self._of_tokens.add(subscription)
            return subscription
        subscription = HubSubscription(self._subscriptions.discard, self._monotonic)
        self._subscriptions.add(subscription)
        if transitions:
            self._with_transitions.add(subscription)
        subscription.messages()
        for system, monitors in self._monitors.items():
            subscription.system(system)
            for key, view in monitors.items():
                subscription.described((system, key))
                subscription.state((system, key))
                if view.last_event:
                    subscription.last_event((system, key))
        for owner in self.own_entities.owners:
            subscription.own_entities(owner)
        return subscription

    async def submit(self, command: Command, progress: Callable[[Ack], None] | None = None) -> Ack:
        if not command.level.includes(self.command_table.row_of(command.action).level):
            return Ack.of(command, AckResult.REFUSED, START, code="forbidden", hint="it may not")
        if command.refusal is not None:
            refusal = command.refusal
            result = AckResult.TIMEOUT if isinstance(refusal, CommandUnverified) else AckResult.REFUSED
            return Ack.of(command, result, START, code=refusal.code, hint=in_words(refusal))
        self.commands.append(command)
        return await self.answer(command, progress)

    async def undelivered(self, sink: str, *, late: bool, after: int, limit: int) -> Sequence[StoredMessage]:
        assert sink in SINKS
        self.reads += 1
        if self.store_fails:
            raise StoreError("the disk is full", hint="make room")
        done = self.delivered_positions
        waiting = (each for each in self.messages if each.late is late and each.position > after and each.position not in done)
        return [each for each, _ in zip(waiting, range(limit), strict=False)]

    async def delivered(self, sink: str, positions: Sequence[int]) -> None:
        assert sink in SINKS
        if self.store_fails:
            raise StoreError("the disk is full", hint="make room")
        self.confirmed.append(list(positions))

    async def history(self, after: Cursor | None, limit: int) -> HistoryPage:
        """Tell of the messages behind the cursor; `forgotten` is up to where they are no longer kept."""
        self.reads += 1
        if self.store_fails:
            raise StoreError("the disk is full", hint="make room")
        epochs = Epochs(began=((self.epoch, 0),), newest=len(self.messages), forgotten=self.forgotten)
        place, gap = epochs.place(after)
        kept = [message for message in self.messages if message.position > place][:limit]
        messages = tuple((epochs.cursor(message.position), message) for message in kept)
        return HistoryPage(messages=messages, after=messages[-1][0] if messages else epochs.cursor(place), gap=gap)

    async def history_end(self) -> Cursor:
        if self.store_fails:
            raise StoreError("the disk is full", hint="make room")
        return Epochs(began=((self.epoch, 0),), newest=len(self.messages), forgotten=self.forgotten).cursor(len(self.messages))

    async def note_unanswered(self, sink: str, notes: Mapping[int, bytes | None]) -> None:
        assert sink in SINKS
        await self.stores.wait()
        for number, note in notes.items() if not self.store_fails else ():
            if note is None:
                self.notes.pop(number, None)
            else:
                self.notes[number] = note

    async def unanswered(self, sink: str) -> Mapping[int, bytes]:
        assert sink in SINKS
        return {} if self.store_fails else dict(sorted(self.notes.items()))

    async def keep(self, sink: str, key: str, value: str | None) -> None:
        assert sink in SINKS
        if self.store_fails:
            return
        if value is None:
            self.memory.pop(key, None)
        else:
            self.memory[key] = value

    async def kept(self, sink: str, key: str) -> str | None:
        assert sink in SINKS
        return None if self.store_fails else self.memory.get(key)

    async def picture(self, system: str, ref: PictureRef) -> bytes:
        self.asked_pictures.append(ref)
        found = self.pictures.get(ref.event.id) if isinstance(ref, EventPicture) else None
        if found is None:
            raise MediaUnavailable(f"{system} has no such picture yet")
        return found

    def contribute(self, source: str) -> Contributor:
        raise ContributionRefused(f"nobody contributes here, nor does {source}")

    def own_log(self, level: int, limit: int) -> Sequence[LogLine]:
        return [line for line in self.own_lines if logging.getLevelNamesMapping()[line.level.upper()] >= level][-limit:]

    async def look(self, picture: bytes, model: str | None = None) -> Sequence[DetectedObject]:
        raise DetectionFailed(f"nothing looks at pictures here: {len(picture)} bytes by {model}")

    def object_picture(self, monitor: MonitorKey, watched: Watched) -> bytes | None:
        return self.object_pictures.get((monitor, watched))

    async def recorded(self, system: str, query: EventQuery, after: str | None = None) -> RecordedPage:
        raise MediaUnavailable(f"{system} has no {query} after {after}")

    def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenMedia]:
        raise MediaUnavailable(f"{system} has no {ref} {byte_range}")

    def frames(
        self, system: str, monitor: str, rate: float, *, width: int = 1_280
    ) -> AbstractAsyncContextManager[AsyncIterator[VideoPicture | bytes]]:
        raise MediaUnavailable(f"{system} has no pictures of {monitor} {rate} times a second, {width} wide")

    async def live_forms(self, system: str, monitor: str) -> Sequence[LiveForm]:
        raise MediaUnavailable(f"{system} has no live video of {monitor}")

    def clip(self, asked: ClipRange | EventClip) -> AbstractAsyncContextManager[MadeClip]:
        raise MediaUnavailable(f"nothing was recorded of {asked}")

    async def logs(self, system: str, query: LogQuery) -> Sequence[LogLine]:
        raise MediaUnavailable(f"{system} has no {query}")

    def answering(self, kind: str, answer: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]) -> Answering:
        return self._questions.answering(kind, answer)

    async def ask(self, kind: str, content: Mapping[str, Any], *, within_s: float) -> Mapping[str, Any]:
        return await self._questions.ask(kind, content, within_s=within_s)

    async def search(self, query: Search, after: str | None = None, limit: int = 100) -> SearchPage:
        """Return what a test has put into `found`, in pages; `searches` has what was asked for."""
        self.searches.append(query)
        first = 0 if after is None else int(after)
        if self.refusal is not None:
            raise self.refusal
        events = tuple(self.found[first : first + limit])
        return SearchPage(events=events, after=str(first + limit) if first + limit < len(self.found) else None)

    async def timeline(self, query: Search, bucket: BucketSize, zone: tzinfo) -> Sequence[Bucket]:
        self.searches.append(query)
        self.timelines.append((bucket, zone))
        if self.refusal is not None:
            raise self.refusal
        return self.buckets

    async def values(self, query: Search, kind: ValueKind, limit: int = 100) -> ValueCounts:
        del kind, limit
        self.searches.append(query)
        return ValueCounts(counts=())

    async def indexed(self, ref: EventRef) -> IndexedEvent | None:
        return next((each for each in self.found if each.ref == ref), None)

    async def since_told(self, ref: EventRef) -> timedelta | None:
        del ref
        return self.told_ago

    async def rebuild_index(self, system: str | None = None) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.rebuilt.append(system)

    @property
    def subscribers(self) -> int:
        return len(self._subscriptions)

    @property
    def delivered_positions(self) -> set[int]:
        return {position for batch in self.confirmed for position in batch}

    def claim(self, *holders: str | Claim) -> None:
        """Have these, and nobody else, claim the devices."""
        claims = tuple(one if isinstance(one, Claim) else Claim(holder=one, since=START, seen=START) for one in holders)
        self.fares = replace(self.fares, claims=claims)
        for each in self._subscriptions:
            each.bridge()

    def _own_entities_changed(self, owner: str) -> None:
        for each in self._subscriptions:
            each.own_entities(owner)

    def _scripts_changed(self, name: str) -> None:
        for each in self._subscriptions:
            each.scripts(name)

    def _tokens_changed(self) -> None:
        for each in (*self._subscriptions, *self._of_tokens):
            each.tokens()

    def tell_notice(self, notice: Notice, lasts_s: float | None = None) -> Callable[[], None]:
        del lasts_s
        self.give_notice(*(one for one in self.notices if one.id != notice.id), notice)
        return lambda: self.give_notice(*(one for one in self.notices if one is not notice))

    def give_notice(self, *notices: Notice) -> None:
        """Have these, and no others, be the notices that there are."""
        self.notices = notices
        for each in self._subscriptions:
            each.notices()

    def add_system(self, key: str, state_: SystemState | None = None) -> None:
        self._monitors.setdefault(key, {})
        self._states[key] = state_ or system_state()
        for each in self._subscriptions:
            each.system(key)

    def remove_system(self, key: str) -> None:
        gone = self._monitors.pop(key)
        del self._states[key]
        for each in self._subscriptions:
            each.removed((key, name) for name in gone)
            each.system_removed(key)

    def add_monitor(self, system: str, what: Monitor, state_: MonitorState | None = None) -> None:
        self._monitors[system][what.id] = MonitorView(system=system, key=what.id, monitor=what, state=state_ or state())
        for each in self._subscriptions:
            each.described((system, what.id))
            each.state((system, what.id))

    def remove_monitor(self, system: str, key: str) -> None:
        del self._monitors[system][key]
        for each in self._subscriptions:
            each.removed([(system, key)])

    def set_state(self, key: str = "1", *, system: str = "zm", **changes: object) -> None:
        view = self._monitors[system][key]
        self._monitors[system][key] = replace(view, state=replace(view.state, **changes))  # type: ignore[arg-type]  # by name
        now = self._monitors[system][key].state.alarm
        for each in self._subscriptions:
            each.state((system, key))
            if now != view.state.alarm and each in self._with_transitions:
                each.transition(Transition(monitor=(system, key), before=view.state.alarm, now=now, time=START))

    def show_picture(self, watched: Watched, jpeg: bytes, since: datetime, key: str = "1", *, system: str = "zm") -> None:
        """Have this be the best picture of something, which is looked for then."""
        view = self._monitors[system][key]
        pictures = {**view.pictures, watched: since}
        self._monitors[system][key] = replace(view, watched=tuple(sorted(pictures)), pictures=pictures)
        self.object_pictures[(system, key), watched] = jpeg
        for each in self._subscriptions:
            each.described((system, key))
            each.state((system, key))

    def set_system(self, key: str = "zm", **changes: object) -> None:
        self._states[key] = replace(self._states[key], **changes)  # type: ignore[arg-type]  # a test names fields by keyword
        for each in self._subscriptions:
            each.system(key)

    def set_progress(self, progress: IndexProgress, key: str = "zm") -> None:
        self.progress[key] = progress
        for subscription in self._subscriptions:
            subscription.system(key)

    def detect(self, detection: Detection, *, system: str = "zm") -> None:
        for each in self._subscriptions:
            each.detection((system, detection.monitor_id), detection)

    def record(
        self,
        number: int,
        key: str = "1",
        *,
        system: str = "zm",
        type_: MessageType = MessageType.NEW,
        late: bool = False,
        **changes: object,
    ) -> StoredMessage:
        """Let an event happen."""
        what = event(number, key, **changes)
        position = len(self.messages) + 1
        message = event_message(
            what,
            type_,
            ref=EventRef(system, 1, what.id),
            epoch=self.epoch,
            seq=position,
            monitor=key,
            name="Camera",
            late=late,
        )
        stored = StoredMessage(
            position=position,
            system=system,
            monitor=key,
            event=EventRef(system, 1, what.id),
            type=type_,
            late=late,
            payload=encode(message),
        )
        self.messages.append(stored)
        view = self._monitors[system].get(key)
        if view is not None:
            self._monitors[system][key] = replace(view, last_event=message)
        for each in self._subscriptions:
            each.messages()
            if view is not None:
                each.last_event((system, key))
        return stored
