"""What the hub holds of one system: its monitors under their public keys, and how far its events have been reported."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from vms_bridge.hub import door
from vms_bridge.hub.labels import Labels
from vms_bridge.hub.offers import Offers
from vms_bridge.hub.text import without
from vms_bridge.keys import MonitorRule
from vms_bridge.model import OWN, Capability, MonitorState, SystemState
from vms_bridge.views import MonitorView, SystemView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vms_bridge.backends.guard import Guard
    from vms_bridge.hub.followed_events import FollowedEvents
    from vms_bridge.index import IndexProgress
    from vms_bridge.keys import MonitorRules
    from vms_bridge.model import Event, EventBatch, EventRef, Monitor
    from vms_bridge.objects import Watched
    from vms_bridge.views import EventMessage


def _no_links(_ref: EventRef, _event: Event) -> tuple[None, None]:
    return None, None


@dataclass(slots=True, kw_only=True)
class System:
    """One system; only the hub changes it."""

    key: str
    kind: str
    name: str
    rules: MonitorRules
    backend: Guard
    state: SystemState = field(default_factory=SystemState)
    monitors: dict[str, MonitorView] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """The key of each monitor that the VMS has and the configuration shows, by its id."""
    names: dict[str, str] = field(default_factory=dict)
    """The VMS's name of each monitor that was ever met, by its id: events outlive their monitors."""
    last_events: dict[str, EventMessage] = field(default_factory=dict)
    """By key, also of monitors that have gone: the newest event's message."""
    seqs: dict[str, int] = field(default_factory=dict)
    remembered_modes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    cursor: str | None = None
    generation: int = 1
    events: FollowedEvents
    own_events: FollowedEvents
    """Those that the bridge itself tells, which no VMS knows."""
    recording: asyncio.Lock = field(default_factory=asyncio.Lock)
    unsaved: bool = False
    index: IndexProgress | None = None
    """How far the index has got with it; None where there is none."""
    index_trouble: str | None = None
    """Why the index is not filled or held to it just now, for people."""
    watched: dict[str, dict[str, tuple[Watched, ...]]] = field(default_factory=dict)
    """What each contributor looks for, by the monitor's key: also at those that are not there yet."""
    labels: Labels = field(default_factory=Labels)
    """How its modes and run states are shown."""
    strike: Callable[[str], str] = str
    """Takes secrets out of what it says in sentences."""
    links: Callable[[EventRef, Event], tuple[str | None, str | None]] = _no_links
    """What messages of its events are given as links to picture and clip."""
    offers: Offers = field(default_factory=Offers)
    """What contributors offer for its monitors."""
    own: dict[str, frozenset[Capability]] = field(default_factory=dict)
    """What each monitor can do by itself, by its key."""
    _admitted: dict[int, tuple[object, Monitor]] = field(default_factory=dict)
    """What was reported last of monitors, and what was made of each: thousands are not examined again while they are the same."""
    _view: SystemView | None = None
    _is_shared: bool = False
    """Whether a view that was handed out has these monitors."""

    def admit(self, monitors: Iterable[object]) -> list[Monitor]:
        """Return the monitors that a backend reports. Raises BackendDefect for what is none."""
        admitted: dict[int, tuple[object, Monitor]] = {}
        for monitor in monitors:
            known = self._admitted.get(id(monitor))
            is_known = known is not None and known[0] is monitor
            admitted[id(monitor)] = (
                known if known is not None and is_known else (monitor, self._labelled(door.MONITORS.admit(monitor)))
            )
        self._admitted = admitted
        return [monitor for _, monitor in admitted.values()]

    def admit_state(self, monitor_id: str, state: MonitorState) -> MonitorState:
        """Return the state that a backend reports. Raises BackendDefect for what is none."""
        key = self.keys.get(monitor_id)
        known = self.monitors[key].state if key is not None else MonitorState()
        admitted = door.STATES.admit_next(state, known)
        if admitted.modes != known.modes and (modes := self.labels.values_of(admitted.modes)) is not admitted.modes:
            admitted = replace(admitted, modes=modes)
        if (admitted.detail, admitted.source_reason, admitted.cause) == (known.detail, known.source_reason, known.cause):
            return admitted
        return without(admitted, self.strike, "detail", "source_reason", "cause")

    def admit_system(self, state: object) -> SystemState:
        """Return the state of the system itself. Raises BackendDefect for what is none."""
        admitted = without(door.SYSTEMS.admit(state), self.strike, "detail")
        run_states = self.labels.all_of(admitted.run_states)
        run_state = None if admitted.run_state is None else self.labels.of(admitted.run_state)
        if (run_states, run_state) == (admitted.run_states, admitted.run_state):
            return admitted
        return replace(admitted, run_states=run_states, run_state=run_state)

    def admit_events(self, batch: object) -> EventBatch:
        """Return the events that a backend reports. Raises BackendDefect for what are none."""
        admitted = door.admit_batch(batch)
        events = tuple(without(event, self.strike, "cause", "notes") for event in admitted.events)
        return admitted if events == admitted.events else replace(admitted, events=events)

    def followed(self, generation: int) -> FollowedEvents:
        """Return the events that are followed of the VMS's ids now or, for `OWN`, of those that the bridge itself tells."""
        return self.own_events if generation == OWN else self.events

    def calls_so(self, event: EventRef) -> bool:
        """Say whether it is one of this system's, and of the generation of ids that the VMS gives now."""
        return (event.system, event.generation) == (self.key, self.generation)

    def _labelled(self, monitor: Monitor) -> Monitor:
        modes = {mode: self.labels.all_of(choices) for mode, choices in monitor.modes.items()}
        return monitor if modes == monitor.modes else replace(monitor, modes=modes)

    def view(self) -> SystemView:
        """Return the system as sinks see it: always the same until something changes, and then another one."""
        if self._view is None:
            self._is_shared = True
            self._view = SystemView(
                key=self.key,
                kind=self.kind,
                name=self.name,
                url=self.backend.url,
                state=self.state,
                monitors=MappingProxyType(self.monitors),
                index=self.index if Capability.ARCHIVE in self.state.capabilities else None,
            )
        return self._view

    def show(self, state: SystemState) -> None:
        """Have this state of the system itself shown from now on."""
        self.state, self._view = state, None

    def show_index(self, progress: IndexProgress) -> None:
        """Have this shown of the index from now on."""
        self.index, self._view = progress, None

    def show_monitor(self, key: str, view: MonitorView) -> None:
        """Have this shown of the monitor from now on."""
        if self._view is not None or self._is_shared:
            self._leave_views()
        self.monitors[key] = view

    def hide_monitor(self, key: str) -> None:
        """Have this monitor not shown any more."""
        self._leave_views()
        del self.monitors[key]

    def _leave_views(self) -> None:
        """Leave the monitors as they are to who holds a view of them, and go on with a copy: one for each view, at most."""
        if self._is_shared:
            self.monitors, self._is_shared = dict(self.monitors), False
        self._view = None

    def view_of(self, key: str, monitor: Monitor) -> MonitorView:
        """Return the monitor as sinks see it, with what is known of it by its key."""
        known = self.monitors.get(key)
        if known is not None:
            return replace(known, monitor=monitor)
        return MonitorView(
            system=self.key,
            key=key,
            monitor=monitor,
            state=MonitorState(),
            last_event=self.last_events.get(key),
            generation=self.generation,
            watched=self.watched_of(key),
            offer=self.offers.of(key),
        )

    def show_offer(self, key: str) -> None:
        """Have what is offered for this monitor shown, as it is now."""
        view, offer = self.monitors[key], self.offers.of(key)
        able = self.own.get(key, frozenset()) | offer.capabilities
        self.show_monitor(key, replace(view, monitor=replace(view.monitor, capabilities=able), offer=offer))

    def watched_of(self, key: str) -> tuple[Watched, ...]:
        """Return all that is looked for at a monitor, each once."""
        return tuple(sorted({each for watched in self.watched.get(key, {}).values() for each in watched}))

    def described(self, monitor: Monitor) -> tuple[str, Monitor] | None:
        """Return the monitor with its key and what the configuration says of it; None where it is not shown."""
        if not self.rules.shows(monitor.id, monitor.name):
            return None
        rule, key = self.rules.monitors.get(monitor.id, MonitorRule()), self.rules.key_of(monitor.id)
        self.own[key] = monitor.capabilities
        able = monitor.capabilities | self.offers.of(key).capabilities
        return key, replace(monitor, name=rule.name or monitor.name, area=rule.area or monitor.area, capabilities=able)

    def by_themselves(self) -> dict[str, Monitor]:
        """Return the monitors by key, without what contributors offer for them."""
        return {
            key: replace(view.monitor, capabilities=self.own.get(key, view.monitor.capabilities))
            for key, view in self.monitors.items()
        }

    def remembered(self, monitor: Monitor) -> tuple[str, Monitor] | None:
        """Return the same for a monitor as the store has it, with what an earlier configuration said of it."""
        return self.described(replace(monitor, name=self.names.get(monitor.id, monitor.name), area=None))

    def key_of(self, monitor_id: str) -> str | None:
        """Return the key of a monitor, also of one that has gone or was never met; None where it is not shown."""
        if not self.rules.shows(monitor_id, self.names.get(monitor_id, monitor_id)):
            return None
        key = self.rules.key_of(monitor_id)
        holder = self.monitors.get(key)
        return key if holder is None or holder.monitor.id == monitor_id else None

    def id_of(self, key: str) -> str | None:
        """Return the VMS's id of the monitor with this key, also of one that has gone; None where none was ever met."""
        shown = self.monitors.get(key)
        if shown is not None:
            return shown.monitor.id
        return next((monitor_id for monitor_id in self.names if self.key_of(monitor_id) == key), None)

    def name_of(self, monitor_id: str) -> str:
        """Return the name of a monitor for people, also of one that is hidden or has gone."""
        return self.rules.monitors.get(monitor_id, MonitorRule()).name or self.names.get(monitor_id, monitor_id)
