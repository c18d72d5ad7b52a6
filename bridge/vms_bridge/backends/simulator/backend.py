"""The simulator as a backend: how the contract of `backends/base.py` is kept, in the order in which it is written there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.backends.base import Finding
from vms_bridge.backends.simulator.archive import began, best_moment, event_at, parse_event_id
from vms_bridge.backends.simulator.camera import Camera
from vms_bridge.backends.simulator.marks import Marks
from vms_bridge.backends.simulator.modes import RUN_STATES
from vms_bridge.backends.simulator.recorder import Recorder
from vms_bridge.backends.simulator.trigger import Triggered
from vms_bridge.backends.simulator.world import World
from vms_bridge.commands import (
    EndAlarm,
    GoToPreset,
    MoveCamera,
    Restart,
    SetAlarm,
    SetArmed,
    SetMode,
    SetMotionDetection,
    SetPreset,
    SetRunState,
)
from vms_bridge.errors import CommandRejected, MediaUnavailable, UnsupportedCommand, VmsUnreachable
from vms_bridge.model import (
    Capability,
    Event,
    EventBatch,
    EventKind,
    EventPicture,
    FullState,
    Monitor,
    StateUpdate,
    Storage,
    SystemState,
    SystemUpdate,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.simulator.config import SimulatorConfig
    from vms_bridge.backends.simulator.drawing import Painter
    from vms_bridge.backends.simulator.trigger import Trigger
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.model import Enrichment, EventRef, PictureRef, Resume

_CURSOR_S = 10.0
_OVERLAP_S = 5.0
_BATCH = 500
_MOST_MISSED = 10_000
_DISK_BYTES = 500_000_000_000
_OWN = {
    *(Capability.RUN_STATE, Capability.STORAGE, Capability.LOAD, Capability.ARCHIVE, Capability.LOGS),
    *(Capability.EVENT_DELETE, Capability.EVENT_ARCHIVE, Capability.EVENT_LOCK, Capability.EVENT_TAGS, Capability.EVENT_NOTE),
}
"""What the system can do beside what its cameras can."""


class Simulator:
    """One simulated system. It keeps its cameras' modes while the process lives, whatever becomes of `run`."""

    def __init__(self, system: str, config: SimulatorConfig, clock: Clock) -> None:
        self._system = system
        self._config = config
        self._clock = clock
        self._world = World(seed=config.seed, pace=config.pace, epoch=config.epoch.timestamp())
        videos = config.cameras - config.pictures_only
        self._cameras = {
            str(number): Camera(
                number,
                self._world,
                config.width,
                writes_video=number <= videos,
                names_visitors=config.names_visitors,
            )
            for number in range(1, config.cameras + 1)
        }
        self._painter: Painter | None = None
        self._marks = Marks()
        self._marked: dict[str, None] = {}
        """The events that were marked since they were told last."""
        self.archive = Recorder(self._world, self._cameras, clock, self._draw, self._marks)
        self._triggered = Triggered(self._trigger)
        self._run_state = RUN_STATES[0]
        self._feed: Feed | None = None

    @property
    def url(self) -> str | None:
        """There is no page to look at."""
        return None

    async def run(self, feed: Feed) -> None:
        """Show the world until cancelled. A simulated VMS is never lost, so this raises nothing."""
        # A real backend would make its session here: one for each call of `run`, thrown away at its end.
        now = self._now()
        resume = feed.resume
        ended = self._resume_cameras(resume, now)
        # First the whole truth. Without it the hub would not know the monitors that events and states belong to.
        feed.emit(
            FullState(
                system=self._system_state(),
                monitors=tuple(camera.monitor for camera in self._cameras.values()),
                states={monitor_id: camera.state(now) for monitor_id, camera in self._cameras.items()},
            )
        )
        self._feed = feed
        # What scripts may call; it is gone with the end of this run.
        feed.open_receiver(self._triggered.receiver)
        try:
            # What happened while the bridge was not watching is reported late, in batches: `record` returns when one is stored.
            # The cursor stays behind until all is reported, so that nothing is lost if this is interrupted.
            missed = [*map(self._marks.on, ended + await self._missed(_parse_cursor(resume.cursor), now))]
            for first in range(0, len(missed), _BATCH):
                await feed.record(EventBatch(events=tuple(missed[first : first + _BATCH]), late=True))
            await self._follow(feed)
        finally:
            self._feed = None  # `execute` may be called between two runs, and must not emit into the old feed

    async def execute(self, target: VmsTarget, action: Action) -> None:
        """Do it; nothing is confirmed here, the hub judges by what is emitted."""
        now = self._now()
        if isinstance(action, SetRunState):
            self._set_run_state(action.name, now)
            return
        if target.event_id is not None:
            self._mark(target.event_id, action, now)
            return
        camera = self._camera(target.monitor_id)
        self._tell(camera, action, now)
        self._emit_state(camera)

    def _tell(self, camera: Camera, action: Action, now: float) -> None:
        """Have a camera do it. Raises CommandRejected or UnsupportedCommand."""
        match action:
            case SetAlarm(on=True):
                self._triggered.forget(camera.monitor.id)
                camera.force(action, now)
            case SetAlarm():
                self._triggered.forget(camera.monitor.id)
                camera.end_forced_alarm(now)
            case EndAlarm():
                self._triggered.forget(camera.monitor.id)
                camera.end_alarm(now)
            case SetMotionDetection(on=on):
                camera.set_detection(on=on, time=now)
            case SetArmed(on=on):
                camera.set_modes(camera.armed_modes(action.restore) if on else camera.unarmed_modes, now)
            case SetMode(mode=mode, value=value):
                self._set_mode(camera, mode, value, now)
            case Restart():
                camera.restart(now)
            case MoveCamera() | GoToPreset() | SetPreset() if camera.head is not None:
                camera.head.obey(action)
            case _:
                raise UnsupportedCommand(f"a simulated camera can't do this: {type(action).__name__}")

    async def refresh(self, target: VmsTarget) -> None:
        """Emit what is seen now; a VMS that is polled would be asked here."""
        if target.event_id is not None:
            await self._refresh_event(target.event_id)
            return
        is_system = target.monitor_id is None
        for camera in self._cameras.values() if is_system else [self._camera(target.monitor_id)]:
            self._emit_state(camera)
        if is_system and self._feed is not None:
            self._feed.emit(SystemUpdate(state=self._system_state()))

    async def annotate(self, event: EventRef, enrichment: Enrichment) -> None:
        """Note at an event what others have found out about it."""
        found = self._there(event.id, self._now())
        self._marks.annotate(found, enrichment)
        self._marked[found.id] = None

    async def picture(self, ref: PictureRef) -> bytes:
        """Draw it in a thread, since that takes longer than the event loop may be held up."""
        if isinstance(ref, EventPicture):
            event_id = parse_event_id(ref.event.id)
            time = best_moment(self._world, event_id, self._now()) if event_id is not None else None
            camera = self._cameras.get(str(event_id.camera)) if event_id is not None else None
            if time is None or camera is None or self._marks.is_deleted(ref.event.id):
                raise MediaUnavailable(f"system {self._system} has no picture of an event {ref.event.id!r}")
        else:
            camera = self._cameras.get(ref.monitor)
            time = self._now()
            if camera is None:
                raise MediaUnavailable(f"system {self._system} has no monitor {ref.monitor!r}")
        return await asyncio.to_thread(self._draw, camera.monitor, time)

    async def check(self) -> Sequence[Finding]:
        """Say what `vms-bridge check` is to show; a real backend would connect, log in and look around."""
        findings = [Finding(text=f"a simulated world with {len(self._cameras)} cameras, seed {self._config.seed}")]
        if self._config.epoch > self._clock.now():
            findings.append(
                Finding(
                    text=f"the world begins at {self._config.epoch:%Y-%m-%d %H:%M}, which is still to come",
                    problem=True,
                    hint="set epoch to a time in the past, or leave it out",
                )
            )
        return findings

    def _draw(self, monitor: Monitor, time: float) -> bytes:
        if self._painter is None:
            # loading Pillow takes a tenth of a second, which is this thread's and not the event loop's to wait for
            from vms_bridge.backends.simulator.drawing import Painter  # noqa: PLC0415

            self._painter = Painter(self._config.width)
        number = int(monitor.id)
        sightings = self._world.sightings(self._world.visit_at(number, time), time)
        is_marked = self._config.names_visitors  # who does not know what it sees can't draw a box around it either
        return self._painter.picture(monitor.name, self._world.place(number), sightings, time, is_marked=is_marked)

    async def _follow(self, feed: Feed) -> None:
        stored = self._now()
        while True:
            now = self._now()
            for monitor_id in self._triggered.over(now):
                self._cameras[monitor_id].end_forced_alarm(now)
            events: list[Event] = []
            for monitor_id, camera in self._cameras.items():
                changes = camera.changes(now)
                if changes.state is not None:
                    feed.emit(StateUpdate(monitor_id=monitor_id, state=changes.state))
                if changes.detection is not None:
                    feed.emit(changes.detection)
                events += map(self._marks.on, changes.events)
            if events or now - stored >= _CURSOR_S:
                # The cursor says up to where everything is reported. It moves on without events too, else the next
                # catch-up would begin long ago.
                await feed.record(EventBatch(events=tuple(events), cursor=f"{now:.3f}"))
                feed.emit(SystemUpdate(state=self._system_state()))
                stored = now
            if self._marked:
                # Those that the bridge has told of; of others, which may be years old, it tells nothing.
                marked, self._marked = self._marked, {}
                await feed.record(EventBatch(events=tuple(self._event(each, now) for each in marked), refreshed=True))
            await self._clock.sleep(self._config.tick)

    def _resume_cameras(self, resume: Resume, now: float) -> list[Event]:
        """Hand each camera its events that were open; return those that have ended since."""
        by_camera: dict[str, list[Event]] = {}
        for event in resume.open_events:
            by_camera.setdefault(event.monitor_id, []).append(event)
        ended: list[Event] = []
        for monitor_id, camera in self._cameras.items():
            ended += camera.resume(by_camera.get(monitor_id, ()), now)
            if resume.cursor is None:
                camera.begin(now)
        return ended

    async def _missed(self, cursor: float | None, now: float) -> list[Event]:
        """Work out what began and ended since the cursor, the oldest first."""
        if cursor is None:  # the first contact: what happened before it is not reported
            return []
        window_s = min(self._config.catch_up, _MOST_MISSED / len(self._cameras) * self._world.slot_s)
        since = max(cursor - _OVERLAP_S, now - window_s, self._world.epoch)
        missed: list[Event] = []
        for camera in self._cameras.values():
            missed += camera.missed(since, now)
            await asyncio.sleep(0)  # work of seconds, with thousands of cameras: others have their turn in between
        return sorted(missed, key=lambda event: event.end.timestamp() if event.end else began(event))

    def _trigger(self, trigger: Trigger) -> float:
        """Begin an alarm, and return when that was. Raises CommandRejected."""
        now, camera = self._now(), self._camera(trigger.monitor)
        if camera.is_forced and not self._triggered.has(trigger.monitor):
            raise CommandRejected(f"an alarm of {camera.monitor.name} is forced already", hint="end that one before")
        camera.force(trigger.alarm, now)
        self._emit_state(camera)
        return now

    def _set_run_state(self, name: str, now: float) -> None:
        if name not in RUN_STATES:
            raise CommandRejected(f"there is no run state {name!r}", hint=f"there are {', '.join(RUN_STATES)}")
        self._run_state = name
        for camera in self._cameras.values():
            camera.set_run_state(name, now)
            self._emit_state(camera)
        if self._feed is not None:
            self._feed.emit(SystemUpdate(state=self._system_state()))

    def _set_mode(self, camera: Camera, mode: str, value: str, now: float) -> None:
        if value not in camera.monitor.modes.get(mode, ()):
            raise CommandRejected(f"{camera.monitor.name} has no mode {mode!r} with the value {value!r}")
        camera.set_modes({**camera.modes, mode: value}, now)

    def _mark(self, event_id: str, action: Action, now: float) -> None:
        self._marks.change(self._there(event_id, now), action)
        self._marked[event_id] = None

    def _there(self, event_id: str, now: float) -> Event:
        event = self._event(event_id, now)
        if not event.monitor_id:
            raise CommandRejected(f"system {self._system} has no event {event_id!r}")
        return event

    async def _refresh_event(self, event_id: str) -> None:
        if self._feed is None:
            raise VmsUnreachable(f"system {self._system} does not run now", system=self._system)
        await self._feed.record(EventBatch(events=(self._event(event_id, self._now()),), refreshed=True))

    def _event(self, event_id: str, now: float) -> Event:
        """Return the event as it stands now; what there never was is told like what is deleted. Raises CommandRejected."""
        parsed = parse_event_id(event_id)
        if parsed is not None and parsed.kind is EventKind.FORCED:
            raise CommandRejected(f"event {event_id!r} is of a forced alarm, which leaves no recording behind")
        camera = None if parsed is None else self._cameras.get(str(parsed.camera))
        event = None if parsed is None or camera is None else event_at(self._world, parsed, now)
        if event is None or camera is None:
            return Event(id=event_id, monitor_id="", start=None, deleted=True)
        return self._marks.on(camera.told(event))

    def _camera(self, monitor_id: str | None) -> Camera:
        camera = self._cameras.get(monitor_id or "")
        if camera is None:
            raise CommandRejected(f"system {self._system} has no monitor {monitor_id!r}")
        return camera

    def _emit_state(self, camera: Camera) -> None:
        if self._feed is not None:
            self._feed.emit(StateUpdate(monitor_id=camera.monitor.id, state=camera.state(self._now())))

    def _system_state(self) -> SystemState:
        used = sum(camera.disk_bytes for camera in self._cameras.values())
        return SystemState(
            available=True,
            version="simulated",
            time_zone="UTC",
            running=True,
            run_state=self._run_state,
            run_states=RUN_STATES,
            load=round(0.05 * len(self._cameras), 2),
            storage=(Storage(id="1", name="Simulated disk", used_bytes=used, total_bytes=_DISK_BYTES),),
            source="simulation",
            lag_s=0.0,
            # a system's commands are its own and those of its monitors: it declares the union of both
            capabilities=frozenset().union(
                *(camera.monitor.capabilities for camera in self._cameras.values()),
                _OWN,
            ),
            observed=self._clock.now(),
        )

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _parse_cursor(cursor: str | None) -> float | None:
    try:
        return float(cursor) if cursor is not None else None
    except ValueError:  # of another kind of system that had this key before
        return None
