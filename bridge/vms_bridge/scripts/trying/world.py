"""The made-up systems of a trial: those that the replay and the author's answers name, as a hub would show them.

It is that much of a hub as the services of scripts ask for, which are the bridge's own; of the hub itself the parts are real
that keep entities, take in messages and webhooks, and pass questions on.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vms_bridge.archive import EventFrame
from vms_bridge.commands import COMMANDS, Ack, AckResult, EndAlarm, SetAlarm, SetArmed
from vms_bridge.errors import MediaUnavailable
from vms_bridge.hub.messaging import HubMessaging
from vms_bridge.hub.own_entities import HubOwnEntities
from vms_bridge.hub.questions import Questions
from vms_bridge.hub.receivers import HubReceivers
from vms_bridge.model import AlarmState, Capability, DetectedObject, LivePicture, Monitor, MonitorState, SystemState, Zone
from vms_bridge.ptz import Preset, Ptz, PtzMove
from vms_bridge.scripts.services.notify import BY_HOME_ASSISTANT, BY_MQTT
from vms_bridge.scripts.trying.answers import SaidCommand, SaidMonitor
from vms_bridge.scripts.trying.events import Archive
from vms_bridge.scripts.trying.outside import Broker, published, told
from vms_bridge.scripts.trying.pictures import JPEG, Clip, MadeUp
from vms_bridge.views import BridgeState, MonitorView, SystemView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from vms_bridge.archive import ByteRange, ClipRange, EventClip, LogLine, LogQuery, MadeClip, MediaRef, OpenMedia
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Command
    from vms_bridge.index import IndexedEvent, Search, SearchPage
    from vms_bridge.model import Enrichment, EventRef, PictureRef
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
        self.own_entities = HubOwnEntities(_pass_over)
        self.messaging = HubMessaging(clock)
        self.receivers = HubReceivers({}, clock)
        self.broker = Broker(self.messaging)
        self.messaging.carry(self.broker)
        self._questions = Questions(clock)
        self.ask = self._questions.ask
        if answers.notify == "home_assistant":
            self._questions.answering(BY_HOME_ASSISTANT, told)
        elif answers.notify == "mqtt":
            self._questions.answering(BY_MQTT, published)
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
        """Open a picture or clip that is made up. Raises MediaUnavailable: there can be none of that."""
        if isinstance(ref, LivePicture):
            self._need_picture(system, ref.monitor)
        elif isinstance(ref, EventFrame) and (found := self._archive.get(ref.event)) and not found.event.snapshot_ready:
            raise MediaUnavailable(f"there is no picture of event {ref.event.format()}", hint="there may be one later")
        yield MadeUp.of(ref, byte_range)

    @asynccontextmanager
    async def clip(self, asked: ClipRange | EventClip) -> AsyncIterator[MadeClip]:
        """Have a clip that is made up, of whatever time."""
        yield Clip.of(asked)

    @asynccontextmanager
    async def frames(self, system: str, monitor: str, rate: float, *, width: int = 1_280) -> AsyncIterator[AsyncIterator[bytes]]:
        """Look at a monitor: the same picture again and again. Raises MediaUnavailable."""
        del width
        self._need_picture(system, monitor)

        async def pictures() -> AsyncIterator[bytes]:
            while True:
                await self._clock.sleep(1 / rate)
                yield JPEG

        yield pictures()

    async def look(self, picture: bytes, model: str | None = None) -> Sequence[DetectedObject]:
        """Find what the answers say, whatever the picture."""
        del picture, model
        return [DetectedObject(**each.model_dump()) for each in self._answers.objects]

    async def logs(self, system: str, query: LogQuery) -> Sequence[LogLine]:
        """Return nothing: what is made up logs nothing."""
        del system, query
        return ()

    def own_log(self, level: int, limit: int) -> Sequence[LogLine]:
        """Return nothing, neither."""
        del level, limit
        return ()

    def contribute(self, source: str) -> World:
        """Take what scripts add to events."""
        del source
        return self

    async def enrich(self, ref: EventRef, note: Enrichment) -> None:
        """Take it: it is written down with all else that the script does."""

    def close(self) -> None:
        """Take no more of that."""

    def _need_picture(self, system: str, monitor: str) -> None:
        view = self.monitor(system, monitor)
        if view is not None and not view.state.connected:
            raise MediaUnavailable(
                f"{system}/{monitor} gives no picture", hint='it is not connected: the answers, or a "monitor_state", say so'
            )

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


def _pass_over(_owner: str) -> None:
    """Nobody is shown the entities of a trial."""
