"""The made-up systems of a trial: those that the replay and the author's answers name, as a hub would show them.

It is that much of a hub as those services ask for that look at systems and give them commands; they are the bridge's own.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vms_bridge.commands import COMMANDS, Ack, AckResult, EndAlarm, SetAlarm, SetArmed
from vms_bridge.model import AlarmState, Capability, Monitor, MonitorState, SystemState, Zone
from vms_bridge.ptz import Preset, Ptz, PtzMove
from vms_bridge.scripts.trying.answers import SaidCommand, SaidMonitor
from vms_bridge.scripts.trying.events import Archive
from vms_bridge.scripts.trying.pictures import JPEG, MadeUp
from vms_bridge.views import BridgeState, MonitorView, SystemView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from vms_bridge.archive import ByteRange, LogLine, LogQuery, MediaRef, OpenMedia
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Command
    from vms_bridge.index import IndexedEvent, Search, SearchPage
    from vms_bridge.model import EventRef, PictureRef
    from vms_bridge.scripts.trying.answers import Answers
    from vms_bridge.scripts.values import Occurrence

_CAPABILITIES = frozenset(value for value in vars(Capability).values() if isinstance(value, Capability))
_MOVES = tuple(value for value in vars(PtzMove).values() if isinstance(value, PtzMove))
_STATE = ("available", "connected", "armed", "detection", "is_recording", "forced", "score", "cause")
"""What of a monitor's state an occurrence may change, by names that are the same inside and outside."""
_DONE = {AckResult.APPLIED, AckResult.ACCEPTED, AckResult.UNCHANGED}


class World:
    """Systems, monitors and events; commands are done as the answers say, and change what can be seen."""

    def __init__(self, answers: Answers, clock: Clock) -> None:
        self._answers, self._clock = answers, clock
        self._monitors: dict[str, dict[str, MonitorView]] = {}
        self._archive = Archive()
        self.command_table = COMMANDS
        self.state = BridgeState()
        self.notices = ()
        for said in answers.monitors:
            self._add(said)
        for event in answers.events:
            self._archive.record(event)

    @property
    def systems(self) -> Mapping[str, SystemView]:
        """All of them, as they are now."""
        state = SystemState(
            available=True,
            running=True,
            run_state="Home",
            run_states=("Away", "Home", "Night"),
            capabilities=_CAPABILITIES,
            observed=self._clock.now(),
        )
        return {
            key: SystemView(key=key, kind="trial", name=key, url=None, state=state, monitors=dict(monitors))
            for key, monitors in self._monitors.items()
        }

    def system(self, key: str) -> SystemView | None:
        """Return one by its key."""
        return self.systems.get(key)

    def monitor(self, system: str, key: str) -> MonitorView | None:
        """Return a monitor by its keys."""
        return self._monitors.get(system, {}).get(key)

    def take(self, occurrence: Occurrence) -> None:
        """Let it have happened: a monitor that it names is there, its state and its events are as it says."""
        if occurrence.monitor is None:
            return
        system, key = occurrence.monitor
        what = occurrence.what
        if self.monitor(system, key) is None:
            name = occurrence.name or str(what.get("name") or what.get("monitor_name") or key)
            self._add(SaidMonitor(system=system, key=key, name=name))
        view = self._monitors[system][key]
        if occurrence.kind == "alarm" and isinstance(what.get("now"), str):
            self._set(view, alarm=AlarmState(what["now"]))
        elif occurrence.kind == "monitor_state" and what.get("field") in _STATE:
            self._set(view, **{str(what["field"]): what.get("now")})
        elif occurrence.kind == "event":
            self._archive.take({**what, "monitor": key})

    async def submit(self, command: Command, progress: Callable[[Ack], None] | None = None) -> Ack:
        """Do it as the answers say: by default at once, as it was asked for."""
        del progress
        action, target = command.action, command.target
        row = self.command_table.row_of(action)
        view = self.monitor(target.system, target.monitor or "")
        said = next((each for each in self._answers.commands if each.fits(command.name, str(target))), SaidCommand())
        result, code, hint = AckResult(said.result), said.code, said.hint
        system = self.system(target.system)
        reason = None if system is None else row.refusal(action, system.state, None if view is None else view.monitor)
        if view is not None and row.needs not in view.monitor.capabilities:
            reason = "it can't do this"
        if reason is not None:
            result, code, hint = AckResult.REFUSED, "unsupported", reason
        if result in _DONE and view is not None:
            self._obey(view, action)
        applied = row.value(action) if result in _DONE else None
        return Ack.of(command, result, self._clock.now(), applied=applied, code=code, hint=hint, detail=said.detail)

    async def search(self, query: Search, after: str | None = None, limit: int = 100) -> SearchPage:
        """Return the events that are meant, the newest first."""
        return self._archive.find(query, after, limit)

    async def indexed(self, ref: EventRef) -> IndexedEvent | None:
        """Return one event."""
        return self._archive.get(ref)

    async def picture(self, system: str, ref: PictureRef) -> bytes:
        """Return a picture: the same of everything."""
        del system, ref
        return JPEG

    @asynccontextmanager
    async def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None = None) -> AsyncIterator[OpenMedia]:
        """Open a picture or clip that is made up."""
        del system
        yield MadeUp.of(ref, byte_range)

    async def logs(self, system: str, query: LogQuery) -> Sequence[LogLine]:
        """Return nothing: what is made up logs nothing."""
        del system, query
        return ()

    def _add(self, said: SaidMonitor) -> None:
        presets = tuple(Preset(number=number, name=name) for number, name in enumerate(said.presets, 1))
        monitor = Monitor(
            id=said.key,
            name=said.name or said.key,
            width=1920,
            height=1080,
            area=said.area,
            zones=tuple(Zone(id=zone.key, name=zone.name) for zone in said.zones),
            modes=said.modes,
            capabilities=_CAPABILITIES if presets else _CAPABILITIES - {Capability.PTZ},
            ptz=Ptz(moves=_MOVES, presets=presets) if presets else None,
        )
        state = MonitorState(
            available=True,
            connected=said.connected,
            alarm=AlarmState.IDLE,
            armed=said.armed,
            detection=True,
            is_recording=False,
            modes={mode: values[-1] for mode, values in said.modes.items() if values},
            observed=self._clock.now(),
        )
        view = MonitorView(system=said.system, key=said.key, monitor=monitor, state=state)
        self._monitors.setdefault(said.system, {})[said.key] = view

    def _obey(self, view: MonitorView, action: object) -> None:
        match action:
            case SetAlarm(on=on) if on:
                self._set(view, alarm=AlarmState.ALARM, forced=True)
            case SetAlarm() | EndAlarm():
                self._set(view, alarm=AlarmState.IDLE, forced=False)
            case SetArmed(on=on):
                self._set(view, armed=on)
            case _:
                pass

    def _set(self, view: MonitorView, **fields: Any) -> None:  # noqa: ANN401 - whatever the state has
        state = replace(view.state, observed=self._clock.now(), **fields)
        self._monitors[view.system][view.key] = replace(view, state=state)
