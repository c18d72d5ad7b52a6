"""Runs commands on the events that the bridge itself tells: no VMS knows these, so none is asked, and none need be there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from vms_bridge.commands import Ack, AckResult
from vms_bridge.commands.event import DeleteEvent
from vms_bridge.errors import BackendDefect, BridgeError, CommandRejected, UnsupportedCommand
from vms_bridge.hub.failures import failure
from vms_bridge.hub.requests import Requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.commands import Command, CommandRow, CommandTable
    from vms_bridge.hub.own_events import OwnEvents
    from vms_bridge.index import IndexedEvent
    from vms_bridge.model import EventRef

_LOGGER = logging.getLogger(__name__)


class Events(Protocol):
    """Where events are found: the hub's index."""

    async def one(self, ref: EventRef) -> IndexedEvent | None:
        """Return an event of a monitor that is shown. Raises SearchRefused or StoreError."""


class OwnCommands:
    """Runs each request once. All that can be done to such an event is to delete it."""

    def __init__(self, clock: Clock, table: CommandTable, events: Events, own_events: OwnEvents) -> None:
        self._clock, self._table, self._events, self._own_events = clock, table, events, own_events
        self._requests = Requests(clock, self._answer)

    async def submit(self, command: Command) -> Ack:
        """Run a command on such an event."""
        try:
            return await self._requests.submit(command, None)
        except CommandRejected as error:
            return failure(command, error, self._clock.now())

    async def close(self) -> None:
        """Abandon what is under way."""
        await self._requests.close()

    async def _answer(self, command: Command, _progress: Callable[[Ack], None] | None) -> Ack:
        try:
            row = await self._run(command)
        except BridgeError as error:
            return failure(command, error, self._clock.now())
        except Exception as error:
            _LOGGER.exception("command %s failed in an unforeseen way", command.name)
            return failure(command, BackendDefect(type(error).__name__), self._clock.now())
        return Ack.of(command, AckResult.APPLIED, self._clock.now(), applied=row.value(command.action))

    async def _run(self, command: Command) -> CommandRow[Any]:
        """Do it, and return its row. Raises BridgeError."""
        if command.refusal is not None:
            raise command.refusal
        row = self._table.row_of(command.action)
        command.require(row.level)
        ref = command.target.event
        if not isinstance(command.action, DeleteEvent) or ref is None:
            raise UnsupportedCommand(
                f"the bridge itself tells of event {command.target}, which can't be given the command {command.name!r}",
                hint="it can be deleted; tags, notes and the like are for events of a VMS",
            )
        found = await self._events.one(ref)
        if found is None:
            raise CommandRejected(f"system {ref.system!r} has no event {ref.format()!r}", hint="was it deleted long ago?")
        await self._own_events.delete(found)
        return row
