"""A backend whose behaviour each test writes down: what it emits, how it executes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vms_bridge.commands import (
    AddTag,
    DeleteEvent,
    EndAlarm,
    RemoveTag,
    Restart,
    SetAlarm,
    SetArchived,
    SetArmed,
    SetLocked,
    SetMode,
    SetMotionDetection,
    SetNote,
    SetRunState,
)
from vms_bridge.model import (
    AlarmState,
    Capability,
    Event,
    EventBatch,
    FullState,
    Monitor,
    MonitorState,
    StateUpdate,
    SystemState,
    SystemUpdate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.backends.base import Feed, Finding
    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.model import PictureRef

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVERYTHING = frozenset(Capability)


def monitor(number: int = 1, **changes: object) -> Monitor:
    plain = Monitor(
        id=str(number), name=f"Camera {number}", capabilities=EVERYTHING, modes={"function": ("None", "Monitor", "Modect")}
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test names fields by keyword


def state(**changes: object) -> MonitorState:
    plain = MonitorState(
        available=True,
        connected=True,
        capture="a run",
        alarm=AlarmState.IDLE,
        armed=True,
        detection=True,
        modes={"function": "Modect"},
        source="fake",
        observed=START,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test names fields by keyword


def system_state(**changes: object) -> SystemState:
    plain = SystemState(
        available=True, version="1.0", running=True, run_state="Home", run_states=("Home", "Away"), capabilities=EVERYTHING
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test names fields by keyword


def event(number: int = 1, monitor_id: str = "1", **changes: object) -> Event:
    plain = Event(id=str(number), monitor_id=monitor_id, start=START, cause="Motion")
    return replace(plain, **changes)  # type: ignore[arg-type]  # a test names fields by keyword


def snapshot(*monitors: Monitor, **states: MonitorState) -> FullState:
    shown = monitors or (monitor(),)
    return FullState(
        system=system_state(), monitors=shown, states={each.id: states.get(f"m{each.id}", state()) for each in shown}
    )


def marked(before: Event, action: Action) -> Event:
    """Return the event after this was done to it."""
    changes: dict[str, object] = {}
    match action:
        case DeleteEvent():
            return Event(id=before.id, monitor_id="", start=None, deleted=True)
        case SetArchived(on=on):
            changes = {"archived": on}
        case SetLocked(on=on):
            changes = {"locked": on}
        case AddTag(tag=tag):
            changes = {"tags": (*(before.tags or ()), tag)}
        case RemoveTag(tag=tag):
            changes = {"tags": tuple(each for each in before.tags or () if each != tag)}
        case SetNote(text=text):
            changes = {"notes": text}
    return replace(before, **changes)  # type: ignore[arg-type]  # fields by keyword


@dataclass(kw_only=True)
class ScriptedBackend:
    """Does at once what it is told, unless `obey` is False or `fault` is set."""

    url: str | None = "http://vms.example"
    first: FullState = field(default_factory=snapshot)
    obey: bool = True
    fault: BaseException | None = None
    hold: asyncio.Event | None = None
    actions: list[tuple[str | None, Action]] = field(default_factory=list)
    looks: int = 0
    on_refresh: Callable[[], None] | None = None
    feed: Feed | None = None
    system: SystemState = field(default_factory=system_state)
    states: dict[str, MonitorState] = field(default_factory=dict)
    kept: dict[str, Event] = field(default_factory=dict)
    """What it has of the events that commands are about; it tells of them only when it is asked to refresh one."""
    generation: int = 1

    async def run(self, feed: Feed) -> None:
        self.feed = feed
        self.states = dict(self.first.states)
        feed.emit(self.first)
        await asyncio.Event().wait()

    async def execute(self, target: VmsTarget, action: Action) -> None:
        self.actions.append((target.monitor_id or target.event_id, action))
        if self.hold:
            await self.hold.wait()
        if self.fault:
            raise self.fault
        if self.obey and target.event_id in self.kept:
            self.kept[target.event_id] = marked(self.kept[target.event_id], action)
        elif self.obey:
            self.take_effect(target.monitor_id, action)

    async def until_asked(self) -> None:
        """Wait until it is asked to do something."""
        while not self.actions:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)

    def take_effect(self, monitor_id: str | None, action: Action) -> None:
        assert self.feed
        if isinstance(action, SetRunState):
            self.system = replace(self.system, run_state=action.name)
            self.feed.emit(SystemUpdate(state=self.system))
            return
        if monitor_id is None:  # of events it tells nothing by itself
            return
        before = self.states[monitor_id]
        match action:
            case SetArmed(on=on):
                after = replace(before, armed=on, modes=action.restore or {"function": "Modect" if on else "Monitor"})
            case SetAlarm(on=on):
                after = replace(before, alarm=AlarmState.ALARM if on else AlarmState.ALERT)
            case EndAlarm():
                after = replace(before, alarm=AlarmState.ALERT)
            case SetMotionDetection(on=on):
                after = replace(before, detection=on)
            case SetMode(mode=mode, value=value):
                after = replace(before, modes={**before.modes, mode: value})
            case Restart():
                after = replace(before, capture=f"{before.capture} and another")
            case _:  # of what it does no state tells
                return
        self.states[monitor_id] = after
        self.feed.emit(StateUpdate(monitor_id=monitor_id, state=after))

    def show(self, **changes: object) -> None:
        """Show the first monitor with these changes."""
        assert self.feed
        self.states["1"] = replace(self.states["1"], **changes)  # type: ignore[arg-type]  # a test names fields by keyword
        self.feed.emit(StateUpdate(monitor_id="1", state=self.states["1"]))

    async def refresh(self, target: VmsTarget) -> None:
        self.looks += 1
        if self.on_refresh:
            self.on_refresh()
        if target.event_id is not None:
            assert self.feed
            gone = Event(id=target.event_id, monitor_id="", start=None, deleted=True)
            found = self.kept.get(target.event_id, gone)
            await self.feed.record(EventBatch(events=(found,), generation=self.generation, refreshed=True))

    async def picture(self, ref: PictureRef) -> bytes:
        return repr(ref).encode()

    async def check(self) -> Sequence[Finding]:
        return ()
