"""Makes what backends report the current state, and notifies subscribers: the only place where that changes."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.hub import door
from vms_bridge.hub.followed_events import FollowedEvents
from vms_bridge.hub.presence import is_ended
from vms_bridge.hub.text import PROSE_CHARACTERS, shown
from vms_bridge.machines import Server
from vms_bridge.model import (
    Detection,
    FullState,
    Monitor,
    MonitorState,
    StateUpdate,
    SystemLost,
    SystemState,
    SystemUpdate,
)
from vms_bridge.objects import Seen
from vms_bridge.views import Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.hub.batch_plan import BatchPlan
    from vms_bridge.hub.fan_out import FanOut
    from vms_bridge.hub.presence import Presence
    from vms_bridge.hub.system import System
    from vms_bridge.model import Update
    from vms_bridge.objects import ObjectCounts, Pace, Watched
    from vms_bridge.views import MonitorKey

_LOGGER = logging.getLogger(__name__)


class Updates:
    """Changes what systems are known to be; `on_described` gets the system whose descriptions are to be saved.

    `completed` adds to a monitor's state what is known of it here.
    """

    def __init__(
        self,
        clock: Clock,
        fan_out: FanOut,
        presence: Presence,
        *,
        completed: Callable[[MonitorKey, MonitorState], MonitorState],
        on_described: Callable[[System], None],
    ) -> None:
        self._clock, self._fan_out, self._presence = clock, fan_out, presence
        self._completed, self._on_described = completed, on_described
        self.messages: Counter[tuple[str, str, str]] = Counter()
        """How many event messages were stored, by system, type, and whether they are late."""
        self.losses: Counter[str] = Counter()
        """How often each system was lost."""

    def apply(self, system: System, update: Update) -> None:
        """Make an update the current state and notify subscribers. Raises BackendDefect, and changes nothing then."""
        match update:
            case StateUpdate():
                self._apply_state(system, update.monitor_id, update.state)
            case Detection():
                self._apply_detection(system, update)
            case SystemUpdate():
                self._apply_system(system, system.admit_system(update.state))
            case FullState():
                state_of = system.admit_system(update.system)
                monitors = system.admit(update.monitors)
                states = {number: system.admit_state(number, state) for number, state in update.states.items()}
                self._apply_monitors(system, monitors)
                for monitor_id, state in states.items():
                    self._take_state(system, monitor_id, state)
                self._apply_system(system, state_of)
            case SystemLost(detail=str(), code=str() | None):
                self._apply_loss(system, shown(update.detail, PROSE_CHARACTERS), update.code)
            case _:
                raise door.refused(update, "update")

    def show_state(self, system: System, key: str, state: MonitorState) -> None:
        """Have this be the monitor's state."""
        monitor = system.key, key
        view, state = system.monitors[key], self._completed(monitor, state)
        if view.state == state:
            return
        system.show_monitor(key, replace(view, state=state))
        if view.state.alarm != state.alarm and self._fan_out.wants_transitions:
            time = state.observed or self._clock.now()
            self._fan_out.transition(Transition(monitor=monitor, before=view.state.alarm, now=state.alarm, time=time))
        self._fan_out.state(monitor)  # last: who asks for each step has his turn first
        if is_ended(view.state, state):
            self._presence.end((monitor,))

    def show_objects(self, system: System, key: str, objects: ObjectCounts | None) -> None:
        """Have these be the objects that the monitor shows."""
        view = system.monitors[key]
        if view.objects != objects:
            before = {} if view.objects is None else view.objects.labels
            new = (
                () if objects is None else tuple(label for label, count in objects.labels.items() if count > before.get(label, 0))
            )
            seen = Seen(time=self._clock.now(), labels=new) if new else view.seen
            system.show_monitor(key, replace(view, objects=objects, seen=seen))
            self._fan_out.state((system.key, key))

    def show_watched(self, system: System, key: str) -> Iterable[Watched]:
        """Have it shown what is looked for at the monitor now; return what is no more, and had a picture."""
        view, watched = system.monitors.get(key), system.watched_of(key)
        if view is None or view.watched == watched:
            return ()
        pictures = {each: since for each, since in view.pictures.items() if each in watched}
        system.show_monitor(key, replace(view, watched=watched, pictures=pictures))
        self.described(system, key)
        return view.pictures.keys() - pictures.keys()

    def show_pace(self, system: System, key: str, pace: Pace | None) -> None:
        """Have it shown how the monitor was looked at."""
        view = system.monitors.get(key)
        if view is not None and view.pace != pace:
            system.show_monitor(key, replace(view, pace=pace))
            self._fan_out.state((system.key, key))

    def described(self, system: System, key: str) -> None:
        """Announce that what a monitor is has changed."""
        self._fan_out.monitors(system, changed=(key,))

    def show_picture(self, system: System, key: str, watched: Watched, since: datetime | None) -> None:
        """Have it shown that there is a picture of something since then; None: there is none any more."""
        view = system.monitors.get(key)
        if view is None or view.pictures.get(watched) == since:
            return
        others = {each: of_it for each, of_it in view.pictures.items() if each != watched}
        system.show_monitor(key, replace(view, pictures=others if since is None else {**others, watched: since}))
        self._fan_out.state((system.key, key))

    def begin_generation(self, system: System, generation: int) -> None:
        """Take the ids that the VMS gives from now on for others than the same ones before."""
        system.generation, system.events = generation, FollowedEvents(self._clock.monotonic)
        for key, view in system.monitors.items():
            system.show_monitor(key, replace(view, generation=generation))
            if view.state.event_id is not None:
                self._fan_out.state((system.key, key))

    def adopt(self, system: System, plan: BatchPlan) -> None:
        """Make what was stored the current truth."""
        commit, last_events = plan.commit, plan.last_events
        system.cursor = commit.cursor or system.cursor
        for message in commit.messages:
            system.seqs[message.monitor] = message.seq
            self.messages[system.key, message.type, "true" if message.late else "false"] += 1
        late = {message.event_id for message in commit.messages if message.late}
        system.followed(commit.generation).add(commit.events, late=late, enrichments=plan.enrichments)
        system.last_events.update(last_events)
        for key, newest in last_events.items():
            if key in system.monitors:
                system.show_monitor(key, replace(system.monitors[key], last_event=newest))
                self._fan_out.last_event((system.key, key))
        if commit.messages:
            self._fan_out.messages()

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
            system.hide_monitor(key)
        changed = [key for key, monitor in shown.items() if key not in system.monitors or system.monitors[key].monitor != monitor]
        new = set(changed) - system.monitors.keys()
        for key in changed:
            system.show_monitor(key, system.view_of(key, shown[key]))
        system.keys = {monitor.id: key for key, monitor in shown.items()}
        names = system.names | {monitor.id: monitor.name for monitor in monitors}
        if gone or changed or names != system.names:
            system.names = names
            self._on_described(system)
        self._fan_out.monitors(system, gone=gone, changed=changed, new=new)
        self._presence.forget((system.key, key) for key in gone)

    def _apply_state(self, system: System, monitor_id: str, state: MonitorState) -> None:
        key = system.keys.get(monitor_id)
        if key is not None and system.monitors[key].state != state:
            self._take_state(system, monitor_id, system.admit_state(monitor_id, state))

    def _take_state(self, system: System, monitor_id: str, state: MonitorState) -> None:
        """Make a state that was admitted the current one."""
        key = system.keys.get(monitor_id)
        if key is None:
            return
        if not state.available:
            state = MonitorState(detail=state.detail, source=state.source, observed=state.observed)
        self.show_state(system, key, state)

    def _apply_detection(self, system: System, detection: Detection) -> None:
        detection = door.DETECTIONS.admit(detection)
        key = system.keys.get(detection.monitor_id)
        if key is not None:
            self._presence.saw((system.key, key), detection)

    def _apply_loss(self, system: System, detail: str, code: str | None) -> None:
        """Make everything about the system unknown: a stale "clear" is worse than none. What it can do is kept."""
        now = self._clock.now()
        known = system.state
        lost = SystemState(
            detail=detail,
            code=None if code is None else shown(code),
            observed=now,
            version=known.version,
            run_states=known.run_states,
            capabilities=known.capabilities,
        )
        storage = tuple(replace(each, used_bytes=None) for each in known.storage)
        servers = tuple(Server(id=each.id, name=each.name) for each in known.servers)
        self._apply_system(system, replace(lost, storage=storage, servers=servers))
        for monitor_id in system.keys:
            self._apply_state(system, monitor_id, MonitorState(detail=detail, observed=now))

    def _apply_system(self, system: System, state: SystemState) -> None:
        if system.state == state:
            return
        if state.available and not system.state.available:
            version = "" if state.version is None else f", version {state.version}"
            _LOGGER.info("system %s is there%s, monitors: %d", system.key, version, len(system.monitors))
        self.losses[system.key] += system.state.available and not state.available
        system.show(state)
        self._fan_out.system(system.key)
