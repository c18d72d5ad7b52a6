"""What a command is about, as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.commands import Seen, VmsTarget
from vms_bridge.errors import CommandRejected, system_gone
from vms_bridge.views import Subjects

if TYPE_CHECKING:
    from vms_bridge.commands import Target
    from vms_bridge.hub.watched_events import WatchedEvent
    from vms_bridge.views import HubView, MonitorView, SystemView


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTarget:
    """A command's target, looked up anew at each use since views are snapshots."""

    hub: HubView
    named: Target
    watched: WatchedEvent | None = None
    """The event that it is about, if that is to be seen."""

    @property
    def system(self) -> SystemView:
        """Raises CommandRejected where there is none any more."""
        system = self.hub.system(self.named.system)
        if system is None:
            raise system_gone(self.named.system)
        return system

    @property
    def monitor(self) -> MonitorView | None:
        """None for a command to the whole system, or on an event. Raises CommandRejected where there is none any more."""
        if self.named.monitor is None:
            return None
        monitor = self.hub.monitor(self.named.system, self.named.monitor)
        if monitor is None:
            raise self._gone()
        return monitor

    @property
    def seen(self) -> Seen:
        """That in which the effect of a command shows. Raises CommandRejected."""
        monitor = self.monitor
        return Seen(self.system.state, monitor.state if monitor else None, self.watched.event if self.watched else None)

    @property
    def in_vms(self) -> VmsTarget:
        """The same by the VMS's own ids. Raises CommandRejected."""
        monitor, event = self.monitor, self.named.event
        return VmsTarget(monitor_id=monitor.monitor.id if monitor else None, event_id=event.id if event else None)

    @property
    def subjects(self) -> Subjects:
        """Whose changes may show the effect of a command."""
        system, monitor = self.named.system, self.named.monitor
        return Subjects(systems=frozenset({system}), monitors=frozenset() if monitor is None else frozenset({(system, monitor)}))

    def _gone(self) -> CommandRejected:
        if self.hub.system(self.named.system) is None:
            return system_gone(self.named.system)
        return CommandRejected(
            f"system {self.named.system!r} has no monitor {self.named.monitor!r} any more",
            hint="the VMS or the configuration has changed meanwhile",
        )
