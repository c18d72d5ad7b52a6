"""What has changed about monitors and systems, field by field: only for those that a script looks at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vms_bridge.entities.states import encode, monitor_body, system_body
from vms_bridge.entities.urgency import Shown, Urgency, system_urgency, urgency
from vms_bridge.scripts.triggers.occurrences import MEASURED, monitor_states, system_states

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.scripts.triggers.dispatch import Dispatcher
    from vms_bridge.scripts.values import Occurrence
    from vms_bridge.views import MonitorKey, MonitorView, SystemView


class States:
    """Knows each monitor and system as it was before, and hands what has changed to the dispatcher."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._monitors: dict[MonitorKey, MonitorView] = {}
        self._systems: dict[str, SystemView] = {}

    def monitor(self, key: MonitorKey, view: MonitorView | None, at_s: float) -> None:
        """Take a monitor as it is now."""
        before = self._monitors.get(key)
        if view is None or view is before:
            return
        self._monitors[key] = view
        name = view.monitor.name
        if before is None or not self._dispatcher.wants_of("monitor_state", key, name):
            return
        is_now = urgency(Shown.of(before), Shown.of(view)) is Urgency.NOW or before.monitor != view.monitor
        if is_now or not MEASURED.isdisjoint(self._dispatcher.fields):
            then, now = _json(monitor_body(before)), _json(monitor_body(view))
            self._take(monitor_states(key, name, then, now, at_s=at_s))

    def system(self, key: str, view: SystemView | None, at_s: float) -> None:
        """Take a system as it is now."""
        before = self._systems.get(key)
        if view is None:
            return
        self._systems[key] = view
        if before is None or before.state == view.state or not self._dispatcher.wants("system_state"):
            return
        is_now = system_urgency(before.state, view.state) is Urgency.NOW
        if is_now or not MEASURED.isdisjoint(self._dispatcher.fields):
            then, now = _json(system_body(before)), _json(system_body(view))
            self._take(system_states(key, view.name, then, now, at_s=at_s))

    def forget(self, key: MonitorKey) -> None:
        """Let go of a monitor that is no more."""
        self._monitors.pop(key, None)

    def forget_system(self, system: str) -> None:
        """Let go of a system that is no more."""
        self._systems.pop(system, None)

    def _take(self, several: Iterable[Occurrence]) -> None:
        """Hand them on, but for what only who names it would hear of, and nobody does."""
        for one in several:
            field = one.what["field"]
            if field in self._dispatcher.fields or not (field in MEASURED or one.what["follows"]):
                self._dispatcher.take(one)


def _json(body: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(encode(body))
    return said
