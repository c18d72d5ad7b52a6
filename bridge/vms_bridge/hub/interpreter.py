"""A backend as commands speak to it: of choices by their labels, of events by what names them for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.errors import CommandRejected

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from vms_bridge.commands import Action, CommandRow, Target, VmsTarget
    from vms_bridge.contributing import Perform
    from vms_bridge.hub.performers import Performers
    from vms_bridge.hub.system import System
    from vms_bridge.hub.watched_events import WatchedEvent, WatchedEvents
    from vms_bridge.model import EventRef


class Interpreter:
    """Speaks to one system's backend."""

    def __init__(self, system: System, watched: WatchedEvents, performers: Performers | None) -> None:
        self._system, self._watched, self._performers = system, watched, performers

    def performer(self, row: CommandRow[Any], target: Target) -> Perform | None:
        """Return the contributor that carries out such a command to this target; None: it is for the VMS."""
        source = self._system.offers.who(row.needs, target.monitor)
        return None if source is None or self._performers is None else self._performers.of(source)

    async def execute(self, row: CommandRow[Any], target: VmsTarget, action: Action) -> None:
        """Have the VMS do this. Raises BridgeError."""
        await self._system.backend.execute(target, row.named(action, self._system.labels.choice))

    async def refresh(self, target: VmsTarget) -> None:
        """Have it refresh now. Raises BridgeError."""
        await self._system.backend.refresh(target)

    def check_event(self, event: EventRef) -> None:
        """Make sure that the VMS still calls this event so. Raises CommandRejected."""
        if not self._system.calls_so(event):
            raise CommandRejected(
                f"system {self._system.key!r} has no event {event.format()!r} any more",
                hint="its event ids have started anew, as after a restored database",
            )

    def watch(self, event: EventRef) -> AbstractContextManager[WatchedEvent]:
        """Hear what the backend records of the event from now on."""
        return self._watched.watch(event)

    def check_shown(self, ref: EventRef, watched: WatchedEvent) -> None:
        """Make sure that there is such an event, and that it is of a monitor that is shown. Raises CommandRejected."""
        monitor_id = watched.event.monitor_id if watched.event is not None else ""  # of what never was nobody knows one
        if not monitor_id or self._system.key_of(monitor_id) is None:
            raise CommandRejected(f"system {self._system.key!r} has no event {ref.format()!r}", hint="was it deleted long ago?")
