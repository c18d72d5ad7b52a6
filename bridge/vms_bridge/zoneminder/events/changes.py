"""Changes to events, each seen to be done: what ZoneMinder answers to an edit or a deletion says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.errors import BrokeOff, CommandRejected, TimedOut, TooLarge, VmsError
from vms_bridge.zoneminder.events.halving import may_be_a_row
from vms_bridge.zoneminder.refusals import GatewayFailed, NotDone, NotThere, ServerFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.values import EventRow

_IN_DOUBT = (TimedOut, BrokeOff, TooLarge, ServerFailed, GatewayFailed)
"""After these it may have been done all the same, or will be: PHP goes on when nobody waits any more."""
_AGAIN_S = (1.0, 2.0, 4.0, 8.0, 15.0)
_MOST_CHARACTERS = {"Name": 64, "Cause": 32, "Notes": 16_000}
_FIRST_PLANE = 0xFFFF


class Changes:
    """Edits and deletes events; `get` reads one. Raises NotDone where the reading shows that it was not done."""

    def __init__(self, connection: Connection, get: Callable[[int], Awaitable[EventRow]]) -> None:
        self._connection, self._get = connection, get

    async def edit(self, number: int, columns: Mapping[str, str]) -> EventRow:
        """Set these columns of the event, and return it as it is then. Raises NotDone, CommandRejected or VmsError."""
        for column, text in columns.items():
            most = _MOST_CHARACTERS.get(column)
            if most is not None and len(text) > most:
                raise CommandRejected(f"{column} of event {number} can't have {len(text)} characters", hint=f"{most} at most")
        form = {f"Event[{column}]": text for column, text in columns.items()}
        failure: VmsError | None = None
        try:
            await self._connection.client.change("POST", f"events/{number}", form)
        except _IN_DOUBT as error:
            failure = error
        row = await self._get(number)
        for pause in _AGAIN_S if isinstance(failure, TimedOut | GatewayFailed) else ():
            if not _missed(row, columns):
                break
            await self._connection.clock.sleep(pause)
            row = await self._get(number)
        if missed := _missed(row, columns):
            raise _not_done(number, missed, columns, failure)
        return row

    async def delete(self, number: int, *, even_archived: bool) -> None:
        """Delete the event, also one that can't be read. Raises NotDone, CommandRejected, NotThere or VmsError."""
        try:
            row = await self._get(number)
        except VmsError as error:
            if not may_be_a_row(error):
                raise
            row = None
        if row is not None and row.archived:
            if not even_archived:
                raise CommandRejected(
                    f"event {number} is archived, and ZoneMinder deletes no such event",
                    hint="take it out of the archive first, or have even archived ones deleted",
                )
            await self.edit(number, {"Archived": "0"})
        failure: VmsError | None = None
        try:
            await self._connection.client.change("DELETE", f"events/{number}")
        except NotThere:
            return
        except _IN_DOUBT as error:
            failure = error
        if not await self._is_there(number):
            return
        for pause in _AGAIN_S if failure is not None else ():
            await self._connection.clock.sleep(pause)
            if not await self._is_there(number):
                return
        said = "" if failure is None else f" ({failure})"
        raise NotDone(
            f"event {number} is still there{said}", hint="look at ZoneMinder's log: may it delete files in its storage area?"
        )

    async def _is_there(self, number: int) -> bool:
        try:
            await self._get(number)
        except NotThere:
            return False
        except VmsError as error:
            if not may_be_a_row(error):
                raise
        return True


def _missed(row: EventRow, columns: Mapping[str, str]) -> list[str]:
    """Return the columns that are not as they should be."""
    found = {"Notes": row.notes, "Name": row.name, "Cause": row.cause}
    found |= {"Archived": str(int(row.archived or False)), "Locked": str(int(row.locked or False))}
    return [column for column, text in columns.items() if _plain(found[column]) != _plain(text)]


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _not_done(number: int, missed: list[str], columns: Mapping[str, str], failure: VmsError | None) -> NotDone:
    said = "" if failure is None else f" ({failure})"
    hint = "while an event is recorded, ZoneMinder writes it anew: try again when it has ended"
    if any(ord(sign) > _FIRST_PLANE for column in missed for sign in columns[column]):
        hint = "its database may not take such characters (emoji): leave them out"
    return NotDone(f"event {number} has not taken its new {' and '.join(missed)}{said}", hint=hint)
