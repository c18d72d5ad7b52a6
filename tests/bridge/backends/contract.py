"""What every backend must keep, as checks that run against each kind of system in the registry.

A test module makes a `Subject` and runs `CHECKS` with it, one test for each:

    @pytest.mark.parametrize("check", CHECKS)
    async def test_it_keeps_the_contract(subject: Subject, check: Check) -> None:
        await check(subject)
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from tests.fakes.memory import FeedMemory

from vms_bridge.archive import (
    MEDIA_NEEDS,
    MOST_EVENTS,
    MOST_PIECE_BYTES,
    EventClip,
    EventFrame,
    EventQuery,
    LiveStream,
    LogQuery,
    RangeClip,
)
from vms_bridge.backends.base import Finding
from vms_bridge.commands import (
    COMMANDS,
    AddTag,
    DeleteEvent,
    EndAlarm,
    GoToPreset,
    MoveCamera,
    RemoveTag,
    Restart,
    Seen,
    SetAlarm,
    SetArchived,
    SetArmed,
    SetLocked,
    SetMode,
    SetMotionDetection,
    SetNote,
    SetRunState,
    SetSetting,
    TargetKind,
    VmsTarget,
)
from vms_bridge.commands.settings import SETTINGS
from vms_bridge.errors import CommandRejected, MediaUnavailable, UnsupportedCommand
from vms_bridge.model import (
    AlarmState,
    Capability,
    Detection,
    Event,
    EventBatch,
    EventPicture,
    EventRef,
    FullState,
    LivePicture,
    Monitor,
    MonitorState,
    Resume,
    StateUpdate,
    SystemLost,
    SystemState,
    SystemUpdate,
)
from vms_bridge.ptz import Ptz

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from vms_bridge.archive import MediaRef
    from vms_bridge.backends.base import Archive, Backend, CountingArchive, FindingArchive, PicturedArchive
    from vms_bridge.commands import Action
    from vms_bridge.model import Update

_EVENT_ACTIONS: tuple[Action, ...] = (
    *(SetArchived(on=True), SetArchived(on=False), SetLocked(on=True), SetLocked(on=False)),
    *(AddTag(tag="a"), AddTag(tag="b"), RemoveTag(tag="a"), SetNote(text="of the contract"), SetNote(text=""), DeleteEvent()),
)
_STEP_S = 0.5
_PATIENCE_S = 300.0
"""By clocks that go up to twenty times as fast as the machine's, which others keep busy."""
_PROMPTLY_S = 30.0
"""Of real time, on a machine that has other work too."""


@dataclass(kw_only=True)
class RecordingFeed(FeedMemory):
    """The hub's side: keeps everything it is told, and hands the cursor back."""

    updates: list[Update] = field(default_factory=list)
    batches: list[EventBatch] = field(default_factory=list)
    _resume: Resume = field(default_factory=Resume)
    _open: dict[str, Event] = field(default_factory=dict)
    monitors: dict[str, Monitor] = field(default_factory=dict)
    states: dict[str, MonitorState] = field(default_factory=dict)
    system: SystemState = field(default_factory=SystemState)

    @property
    def resume(self) -> Resume:
        return replace(self._resume, open_events=tuple(self._open.values()))

    def shows(self, monitor_id: str, name: str) -> bool:  # noqa: ARG002 - the contract's parameters
        return True

    def emit(self, update: Update) -> None:
        self.updates.append(update)
        match update:
            case FullState():
                self.monitors = {monitor.id: monitor for monitor in update.monitors}
                self.states, self.system = dict(update.states), update.system
            case StateUpdate():
                self.states[update.monitor_id] = update.state
            case SystemUpdate():
                self.system = update.state
            case SystemLost():
                raise AssertionError("it is the supervisor that tells a loss, not the backend")

    async def record(self, batch: EventBatch) -> None:
        await asyncio.sleep(0)
        self.batches.append(batch)
        self._resume = replace(self._resume, cursor=batch.cursor or self._resume.cursor, generation=batch.generation)
        for event in batch.events:
            if event.end is None and event.end_reason is None and not event.deleted:
                self._open[event.id] = event
            else:
                self._open.pop(event.id, None)

    @property
    def events(self) -> Iterator[Event]:
        return (event for batch in self.batches for event in batch.events)


@dataclass(kw_only=True)
class Subject:
    """A backend under test. `advance` lets that many seconds pass for it; `busy_s` brings at least one event."""

    make: Callable[[], Backend]
    advance: Callable[[float], Awaitable[None]]
    busy_s: float

    @asynccontextmanager
    async def running(self, backend: Backend, feed: RecordingFeed) -> AsyncIterator[asyncio.Task[None]]:
        """Run the backend until it has told the whole truth, and cancel it in the end."""
        task = asyncio.create_task(backend.run(feed))
        try:
            told = len(feed.updates)
            await self.until(lambda: len(feed.updates) > told or task.done())
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task], timeout=_PROMPTLY_S)
            if not task.cancelled():
                task.result()

    async def until(self, condition: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
        """Let time pass until the condition holds."""
        for _ in range(int(patience_s / _STEP_S)):
            if condition():
                return
            await self.advance(_STEP_S)
        assert condition(), f"not within {patience_s:g} s"


async def begins_with_the_whole_truth(subject: Subject) -> None:
    feed = RecordingFeed()
    async with subject.running(subject.make(), feed):
        first = feed.updates[0]
        assert isinstance(first, FullState)
        assert first.system.available
        assert first.states.keys() == {monitor.id for monitor in first.monitors}
        assert len(first.states) == len(first.monitors)
        assert all(state.available for state in first.states.values())


async def begins_so_again_after_each_start(subject: Subject) -> None:
    backend, feed = subject.make(), RecordingFeed()
    async with subject.running(backend, feed):
        pass
    first = len(feed.updates)
    async with subject.running(backend, feed):
        assert isinstance(feed.updates[first], FullState)


async def ends_soon_when_cancelled(subject: Subject) -> None:
    loop = asyncio.get_running_loop()
    async with subject.running(subject.make(), RecordingFeed()) as task:
        await subject.advance(_STEP_S)
        start = loop.time()
        task.cancel()
        await asyncio.wait([task], timeout=_PROMPTLY_S)
        assert task.cancelled(), f"still running {loop.time() - start:.1f} s after it was cancelled"


async def speaks_only_of_monitors_that_there_are(subject: Subject) -> None:
    feed = RecordingFeed()
    async with subject.running(subject.make(), feed):
        await subject.until(lambda: any(feed.events), subject.busy_s)
        known = set(feed.monitors)
        assert {update.monitor_id for update in feed.updates if isinstance(update, StateUpdate | Detection)} <= known
        assert {event.monitor_id for event in feed.events} <= known
        zones = {monitor.id: {zone.id for zone in monitor.zones} for monitor in feed.monitors.values()}
        for monitor_id, state in feed.states.items():
            assert state.zones.keys() <= zones[monitor_id]
            assert all(
                state.modes[mode] in values for mode, values in feed.monitors[monitor_id].modes.items() if mode in state.modes
            )


async def declares_what_its_monitors_declare(subject: Subject) -> None:
    feed = RecordingFeed()
    async with subject.running(subject.make(), feed):
        for monitor in feed.monitors.values():
            assert monitor.capabilities <= feed.system.capabilities
            assert bool(monitor.modes) is (Capability.MODES in monitor.capabilities)
        assert bool(feed.system.run_states) is (Capability.RUN_STATE in feed.system.capabilities)


async def knows_what_it_declares_to_know(subject: Subject) -> None:
    known: dict[Capability, Callable[[MonitorState], object]] = {
        Capability.ALARM_STATE: lambda state: state.alarm,
        Capability.ARM: lambda state: state.armed,
        Capability.DETECTION: lambda state: state.detection,
        Capability.SCORE: lambda state: state.score,
        Capability.FPS: lambda state: state.capture_fps,
        Capability.COUNTERS: lambda state: state.events_hour,
        Capability.ZONE_STATE: lambda state: state.zones or None,
        Capability.MODES: lambda state: state.modes or None,
    }
    feed = RecordingFeed()
    async with subject.running(subject.make(), feed):
        await subject.until(lambda: any(feed.events), subject.busy_s)
        for monitor_id, monitor in feed.monitors.items():
            for capability in monitor.capabilities & known.keys():
                assert known[capability](feed.states[monitor_id]) is not None, f"{monitor_id}: {capability}"
        if Capability.STORAGE in feed.system.capabilities:
            assert feed.system.storage
        if Capability.LOAD in feed.system.capabilities:
            assert feed.system.load is not None


async def tells_events_with_times_and_ends_in_order(subject: Subject) -> None:
    feed = RecordingFeed()
    async with subject.running(subject.make(), feed):
        await subject.until(lambda: any(event.end is not None for event in feed.events), 2 * subject.busy_s)
        for event in feed.events:
            assert event.start is not None
            assert event.start.utcoffset() is not None
            assert event.end is None or event.end >= event.start
            assert event.score is None or 0 <= event.score <= 1
        assert any(batch.cursor for batch in feed.batches)


async def executes_what_it_declares_or_says_why_not(subject: Subject) -> None:
    """A monitor may refuse what depends on its mode; a capability that no monitor ever lets happen is none."""
    feed = RecordingFeed()
    backend = subject.make()
    async with subject.running(backend, feed):
        declared: set[Capability] = set()
        executed: set[Capability] = set()
        reasons: list[str] = []
        for monitor_id, action in _actions(feed):
            try:
                declared.add(COMMANDS.row_of(action).needs)
                await asyncio.wait_for(backend.execute(VmsTarget(monitor_id=monitor_id), action), _PROMPTLY_S)
            except (CommandRejected, UnsupportedCommand) as refused:
                reasons.append(str(refused))
            else:
                await backend.refresh(VmsTarget(monitor_id=monitor_id))
                await subject.until(lambda target=monitor_id, done=action: _shows(feed, target, done))  # type: ignore[misc]  # bound now
                executed.add(COMMANDS.row_of(action).needs)
        assert all(reasons), "a refusal says why"
        assert executed == declared, f"always refused: {declared - executed}: {reasons}"
        assert executed >= feed.system.capabilities & {row.needs for row in COMMANDS.rows if row.target is not TargetKind.EVENT}


async def does_to_an_event_what_it_declares(subject: Subject) -> None:
    """Each effect shows in what is recorded when the event is refreshed; and that there is none, or no more."""
    backend, feed = subject.make(), RecordingFeed()
    async with subject.running(backend, feed):
        actions = [each for each in _EVENT_ACTIONS if COMMANDS.row_of(each).needs in feed.system.capabilities]
        if not actions:
            return
        await subject.until(lambda: any(event.clip_ready for event in feed.events), 2 * subject.busy_s)
        one = next(event for event in feed.events if event.clip_ready)
        for action in actions:
            await asyncio.wait_for(backend.execute(VmsTarget(event_id=one.id), action), _PROMPTLY_S)
            event = await _refreshed(backend, feed, one.id)
            effect = COMMANDS.row_of(action).effect
            assert effect is not None
            assert effect(action, None)(Seen(feed.system, event=event)), f"{action} does not show in {event}"
        missing = await _refreshed(backend, feed, "no such event")
        assert missing.deleted
        try:
            await asyncio.wait_for(backend.execute(VmsTarget(event_id="no such event"), actions[0]), _PROMPTLY_S)
        except CommandRejected:
            return
        raise AssertionError("it accepted a command on an event that does not exist")


async def _refreshed(backend: Backend, feed: RecordingFeed, event_id: str) -> Event:
    """Have the event refreshed, and return what was recorded of it."""
    told = len(feed.batches)
    await asyncio.wait_for(backend.refresh(VmsTarget(event_id=event_id)), _PROMPTLY_S)
    batches = [batch for batch in feed.batches[told:] if batch.refreshed]
    return [event for batch in batches for event in batch.events if event.id == event_id][-1]


async def tells_a_restart_that_has_happened(subject: Subject) -> None:
    """The camera goes and comes back, or what captures it has another name: a newer look at one that never went is no proof."""
    backend, feed = subject.make(), RecordingFeed()
    async with subject.running(backend, feed):
        for monitor_id in [each.id for each in feed.monitors.values() if Capability.RESTART in each.capabilities]:
            before, told = feed.states[monitor_id], len(feed.updates)
            await asyncio.wait_for(backend.execute(VmsTarget(monitor_id=monitor_id), Restart()), _PROMPTLY_S)

            await subject.until(partial(_has_restarted, feed, monitor_id, before, told))


async def refuses_a_monitor_that_is_not_there(subject: Subject) -> None:
    backend, feed = subject.make(), RecordingFeed()
    async with subject.running(backend, feed):
        try:
            await asyncio.wait_for(backend.execute(VmsTarget(monitor_id="no such monitor"), SetAlarm(on=True)), _PROMPTLY_S)
        except (CommandRejected, UnsupportedCommand):
            return
        raise AssertionError("it accepted a command for a monitor that does not exist")


async def delivers_the_pictures_that_it_declares(subject: Subject) -> None:
    backend, feed = subject.make(), RecordingFeed()
    async with subject.running(backend, feed):
        for monitor in feed.monitors.values():
            if Capability.LIVE_PICTURE in monitor.capabilities:
                assert (await backend.picture(LivePicture(monitor=monitor.id)))[:2] == b"\xff\xd8"
        await subject.until(lambda: any(event.snapshot_ready for event in feed.events), 2 * subject.busy_s)
        event = next(event for event in feed.events if event.snapshot_ready)
        if Capability.EVENT_PICTURE in feed.monitors[event.monitor_id].capabilities:
            assert (await backend.picture(EventPicture(event=EventRef("contract", 1, event.id))))[:2] == b"\xff\xd8"
        for missing in (LivePicture(monitor="no such monitor"), EventPicture(event=EventRef("contract", 1, "no such event"))):
            try:
                await backend.picture(missing)
            except MediaUnavailable:
                continue
            raise AssertionError(f"it has a picture of {missing}")


async def gives_what_it_has_recorded(subject: Subject) -> None:
    backend, feed = subject.make(), RecordingFeed()
    async with subject.running(backend, feed):
        archive: Archive | None = getattr(backend, "archive", None)
        assert (archive is not None) is (Capability.ARCHIVE in feed.system.capabilities)
        if archive is None:
            return
        await subject.until(lambda: any(event.clip_ready for event in feed.events), 2 * subject.busy_s)
        events = await _all_events(archive, EventQuery(since=min(event.start for event in feed.events if event.start)))
        starts = [event.start for event in events if event.start is not None]
        assert starts == sorted(starts, reverse=True), "what began last comes first"
        assert len({event.id for event in events}) == len(events), "none comes twice"
        told = {event.id for event in feed.events if event.end is not None}
        assert told <= {event.id for event in events}, "it has what it has told, by the same ids"
        one = next(event for event in feed.events if event.clip_ready)
        assert one.start
        query = EventQuery(since=one.start, until=one.start + timedelta(seconds=1), monitors=frozenset({one.monitor_id}))
        found = await _all_events(archive, query)
        assert one.id in {event.id for event in found}
        assert all(event.start and one.start <= event.start < one.start + timedelta(seconds=1) for event in found)
        assert {event.monitor_id for event in found} == {one.monitor_id}
        assert await _all_events(archive, replace(query, in_background=True)) == found
        if hasattr(archive, "event"):
            finding = cast("FindingArchive", archive)
            listed = next(event for event in found if event.id == one.id)
            assert await finding.event(one.id) == listed, "it is the same as in a list"
            for missing in ("", "no such event", "-1", f"0{one.id}", "9" * 400, "\ud83d"):
                there = await finding.event(missing)
                assert there is None or there.deleted, f"it has an event {missing!r}"
        if hasattr(archive, "extent"):
            extent = await cast("CountingArchive", archive).extent(query)
            assert (extent.events, extent.oldest and extent.oldest.id) == (len(found), found[-1].id)
        if hasattr(archive, "frame_times"):
            await _lists_pictures(cast("PicturedArchive", archive), events, feed.monitors)
        if Capability.LOGS in feed.system.capabilities:
            lines = await archive.logs(LogQuery(most=5))
            assert len(lines) <= 5
            assert [line.time for line in lines] == sorted(line.time for line in lines)
        await _delivers_media(archive, one, feed.monitors[one.monitor_id])


async def _lists_pictures(archive: PicturedArchive, events: list[Event], monitors: Mapping[str, Monitor]) -> None:
    """Name pictures that can be had, of an event that is recorded so, and of no other."""
    for event in events[:50]:
        ref = EventRef("contract", 1, event.id)
        try:
            frames = (await archive.frame_times(ref)).frames
        except MediaUnavailable:
            assert event.clip_ready or not event.is_over or Capability.EVENT_CLIP in monitors[event.monitor_id].capabilities
            continue
        assert not event.clip_ready
        assert all(0 <= before[1] <= after[1] for before, after in pairwise(frames))
        media = await archive.media(EventFrame(event=ref, frame=frames[-1][0]), None)
        assert (await media.read())[:2] == b"\xff\xd8"
        await media.close()
        return


async def _delivers_media(archive: Archive, event: Event, monitor: Monitor) -> None:
    ref = EventRef("contract", 1, event.id)
    start = event.start or datetime.min.replace(tzinfo=UTC)
    refs: list[MediaRef] = [EventFrame(event=ref), EventFrame(event=ref, frame=1), EventFrame(event=ref, frame=start)]
    refs += [EventClip(event=ref), RangeClip(monitor=monitor.id, start=start, end=start + timedelta(seconds=1))]
    refs += [LivePicture(monitor=monitor.id), LiveStream(monitor=monitor.id)]
    for each in refs:
        if MEDIA_NEEDS[type(each)] in monitor.capabilities:
            media = await archive.media(each, None)
            assert media.content_type
            assert 0 < len(await media.read()) <= MOST_PIECE_BYTES
            await media.close()
    for missing in (EventClip(event=EventRef("contract", 1, "no such event")), LiveStream(monitor="no such monitor")):
        try:
            await archive.media(missing, None)
        except MediaUnavailable:
            continue
        raise AssertionError(f"it has {missing}")


async def _all_events(archive: Archive, query: EventQuery) -> list[Event]:
    events: list[Event] = []
    after: str | None = None
    for _ in range(1_000):
        page = await archive.events(query, after)
        assert len(page.events) <= MOST_EVENTS
        events += page.events
        after = page.after
        if after is None:
            return events
    raise AssertionError("it has no last page")


async def checks_itself_in_words(subject: Subject) -> None:
    findings = await subject.make().check()
    assert findings
    for finding in findings:
        assert isinstance(finding, Finding)
        assert finding.text
        assert finding.hint or not finding.problem


Check = "Callable[[Subject], Awaitable[None]]"
CHECKS = (
    begins_with_the_whole_truth,
    begins_so_again_after_each_start,
    ends_soon_when_cancelled,
    speaks_only_of_monitors_that_there_are,
    declares_what_its_monitors_declare,
    knows_what_it_declares_to_know,
    tells_events_with_times_and_ends_in_order,
    executes_what_it_declares_or_says_why_not,
    does_to_an_event_what_it_declares,
    tells_a_restart_that_has_happened,
    refuses_a_monitor_that_is_not_there,
    delivers_the_pictures_that_it_declares,
    gives_what_it_has_recorded,
    checks_itself_in_words,
)


def _actions(feed: RecordingFeed) -> Iterator[tuple[str | None, Action]]:
    """Yield an action and its opposite for everything that is declared, so that the system ends as it began."""
    for monitor in list(feed.monitors.values()):
        actions: list[Action] = [SetAlarm(on=True, cause="Contract", text="a check"), SetAlarm(on=False)]
        if Capability.END_ALARM in monitor.capabilities:
            actions += [SetAlarm(on=True), EndAlarm()]
        actions += [SetMotionDetection(on=False), SetMotionDetection(on=True)]
        modes = dict(feed.states[monitor.id].modes)
        actions += [SetArmed(on=False), SetArmed(on=True, restore=modes)]
        actions += [SetMode(mode=mode, value=value) for mode, values in monitor.modes.items() for value in (*values, modes[mode])]
        settings = feed.states[monitor.id].settings
        actions += [
            SetSetting(setting=each.key, value=value)
            for each in SETTINGS
            if each.key in monitor.settings
            for value in (each.least, settings[each.key])
        ]
        actions += [Restart()]
        able = monitor.ptz or Ptz()
        actions += [MoveCamera(move=move) for move in able.moves]
        actions += [GoToPreset(preset=label, number=number) for label, number in able.labels.items()]
        for action in actions:
            if COMMANDS.row_of(action).needs in monitor.capabilities:
                yield monitor.id, action
    if Capability.RUN_STATE in feed.system.capabilities:
        now = feed.system.run_state
        for name in (*feed.system.run_states, *((now,) if now else ())):
            yield None, SetRunState(name=name)


def _has_restarted(feed: RecordingFeed, monitor_id: str, before: MonitorState, told: int) -> bool:
    """Say whether what was told since then shows a restart, from its beginning to its end."""
    updates = (each for each in feed.updates[told:] if isinstance(each, StateUpdate))
    seen = [each.state for each in updates if each.monitor_id == monitor_id]
    names = {state.capture for state in (before, *seen)} - {None}
    has_gone = any(state.connected is False for state in seen)
    return feed.states[monitor_id].connected is True and (len(names) > 1 if names else has_gone)


def _shows(feed: RecordingFeed, monitor_id: str | None, action: Action) -> bool:
    """Say whether the state shows the action's effect."""
    if isinstance(action, SetRunState):
        return feed.system.run_state == action.name
    state = feed.states[monitor_id or ""]
    match action:
        case SetAlarm(on=on):
            shown = (state.alarm is AlarmState.ALARM) is on and state.forced in {None, on}
        case EndAlarm():
            shown = state.alarm is not AlarmState.ALARM and state.forced is not True
        case SetMotionDetection(on=on):
            shown = state.detection is on
        case SetArmed(on=on):
            shown = state.armed is on
        case SetSetting(setting=setting, value=value):
            shown = state.settings.get(setting) == value
        case SetMode(mode=mode, value=value):
            shown = state.modes[mode] == value
        case Restart():
            shown = state.connected is True
        case MoveCamera() | GoToPreset():  # no state shows what a camera does
            shown = True
    return shown
