"""What ZoneMinder is asked to do with an event, as far as this user may, and how that is read again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.asking import asked
from vms_bridge.backends.zoneminder.event_tags import FIRST_VERSION as FIRST_WITH_TAGS
from vms_bridge.backends.zoneminder.event_tags import tags_of
from vms_bridge.backends.zoneminder.media import is_event_id
from vms_bridge.commands import AddTag, DeleteEvent, RemoveTag, SetArchived, SetLocked, SetNote
from vms_bridge.errors import CommandRejected, UnsupportedCommand, VmsAuthFailed, VmsError, VmsProtocolError
from vms_bridge.logs import Trouble
from vms_bridge.model import Capability, Event, EventBatch
from vms_bridge.zoneminder import NotThere, PermissionMissing

if TYPE_CHECKING:
    from vms_bridge.backends.zoneminder.connection import Connection
    from vms_bridge.backends.zoneminder.facts import Facts
    from vms_bridge.backends.zoneminder.sources.open_events import OpenEvents
    from vms_bridge.commands import Action
    from vms_bridge.zoneminder import EventRow

_LOG = logging.getLogger(__name__)
REFUSED_S = 290.0
"""For so long after a refusal nothing is offered that wants the permission Events: Edit."""
_EDITS = frozenset({Capability.EVENT_DELETE, Capability.EVENT_ARCHIVE, Capability.EVENT_LOCK, Capability.EVENT_NOTE})
_EDIT_S = 10.0
_DELETE_S = 25.0
"""PHP deletes an event's files before it answers."""


class EventCommands:
    """Does what is commanded of the events of one connection."""

    def __init__(self, connection: Connection, events: OpenEvents, facts: Facts) -> None:
        self._api, self._feed, self._clock, self._cache = connection.api, connection.feed, connection.clock, connection.cache
        self._events, self._facts = events, facts
        self._tags = tags_of(connection, facts)
        self._tag_trouble = Trouble(_LOG, f"{connection.name}: api/tags", connection.clock.monotonic)

    def offered(self) -> frozenset[Capability]:
        """Return what can be asked for, unless a refusal has said otherwise: no answer tells which permissions a user has."""
        if self._clock.monotonic() - self._cache.edits_refused < REFUSED_S:
            return frozenset()
        return _EDITS | {Capability.EVENT_TAGS} if self._has_tags else _EDITS

    async def perform(self, event_id: str, action: Action) -> None:
        """Have it done. Raises CommandRejected, UnsupportedCommand or VmsError."""
        row = await self._row(event_id)
        if row is None:
            raise CommandRejected(f"ZoneMinder has no event {event_id}", hint="was it deleted?")
        try:
            await self._do(row, action)
        except CommandRejected as error:
            if isinstance(error.__cause__, PermissionMissing):
                self._cache.edits_refused = self._clock.monotonic()
            raise

    async def refresh(self, event_id: str) -> None:
        """Read the event, and record how it is, or that it is gone. Raises VmsError."""
        row = await self._row(event_id)
        if row is None:
            event = Event(id=event_id, monitor_id="", start=None, deleted=True)
        else:
            if self._has_tags:
                await self._read_tags(row.id)
            event = self._events.as_reported(row)
        await self._feed.record(EventBatch(events=(event,), refreshed=True, generation=self._events.generation))

    async def _read_tags(self, event: int) -> None:
        """Read the event's tags; that they can't be read keeps nobody from archiving it. Raises VmsUnreachable."""
        try:
            found = await self._tags.of([event])
        except (VmsAuthFailed, VmsProtocolError) as error:
            self._tag_trouble.report(f"can't be read: {error}", hint=error.hint)
            return
        self._tag_trouble.over()
        self._events.tags.note(event, found.get(event, ()))

    async def _do(self, row: EventRow, action: Action) -> None:
        match action:
            case DeleteEvent():
                self._refuse_what_stays(row)
                await asked(self._api, lambda: self._api.change("DELETE", f"events/{row.id}", timeout_s=_DELETE_S))
            case SetArchived(on=on):
                await self._edit(row, "Archived", str(int(on)))  # not `archive`, which turns it into what it is not
            case SetLocked(on=on):
                await self._edit(row, "Locked", str(int(on)))
            case SetNote(text=text):
                self._refuse_while_it_runs(row, "ZoneMinder would overwrite its notes")
                await self._edit(row, "Notes", text)
            case AddTag(tag=tag) if self._has_tags:
                await asked(self._api, lambda: self._tags.add(row.id, tag))
            case RemoveTag(tag=tag) if self._has_tags:
                await asked(self._api, lambda: self._tags.remove(row.id, tag))
            case _:
                raise UnsupportedCommand(f"this ZoneMinder can't do that to an event: {type(action).__name__}")

    async def _edit(self, row: EventRow, column: str, value: str) -> None:
        form = {f"Event[{column}]": value}
        await asked(
            self._api, lambda: self._api.change("PUT", f"events/{row.id}", form, timeout_s=_EDIT_S), what=f"event {row.id}"
        )

    async def _row(self, event_id: str) -> EventRow | None:
        """Return the event's row, None where there is certainly none: a list has missed rows before. Raises VmsError."""
        if not is_event_id(event_id):
            return None
        number, rows = int(event_id), self._events.rows
        if number in rows.unreadable:
            raise VmsError(f"event {number} can't be read", hint="look at its notes in ZoneMinder")
        found = await rows.these([number])
        if found:
            return found[0]
        try:
            await self._api.get(f"events/{number}")
        except NotThere:
            return None
        raise VmsProtocolError(f"api/events does not list event {number}, which there is", hint="try again in a moment")

    def _refuse_what_stays(self, row: EventRow) -> None:
        """Refuse to delete what ZoneMinder keeps, or still writes to. Raises CommandRejected."""
        if row.archived:
            raise CommandRejected(f"event {row.id} is archived, and ZoneMinder deletes none that is", hint="set archived to OFF")
        if row.locked:
            raise CommandRejected(f"event {row.id} is locked", hint="set locked to OFF")
        self._refuse_while_it_runs(row, "its files would be left behind")

    def _refuse_while_it_runs(self, row: EventRow, why: str) -> None:
        if row.end is None and self._events.is_open(row.id):
            raise CommandRejected(f"event {row.id} still runs: {why}", hint="try again when it has ended")

    @property
    def _has_tags(self) -> bool:
        return self._facts.version >= FIRST_WITH_TAGS
