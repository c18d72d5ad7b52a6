"""Tags of events: ZoneMinder has them from 1.37.44 on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.errors import UnsupportedCommand, VmsProtocolError
from vms_bridge.zoneminder.client import JSON_LIMIT_BYTES
from vms_bridge.zoneminder.events.filters import MOST_NAMED, FilterRefused, whole_numbers
from vms_bridge.zoneminder.parse import as_id, as_int, as_text, mapping
from vms_bridge.zoneminder.refusals import NotDone, PermissionMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vms_bridge.zoneminder.connection import Connection

_SINCE = (1, 37, 44)
_MOST_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRow:
    """A tag, whether an event has it or not."""

    id: int
    name: str


class Tags:
    """The tags of one ZoneMinder; every method raises UnsupportedCommand where this version has none, or VmsError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self) -> tuple[TagRow, ...]:
        """Return all tags, in the order of their names."""
        await self._check_version()
        listed = _listed(await self._connection.client.get("tags"))
        found = {tag.id: tag for _, tag in listed}
        return tuple(sorted(found.values(), key=lambda tag: (tag.name.lower(), tag.id)))

    async def of(self, numbers: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Return the names of these events' tags, by event; those without any are left out."""
        await self._check_version()
        found: dict[int, list[str]] = {}
        for first in range(0, len(numbers), MOST_NAMED):
            part = ",".join(str(number) for number in numbers[first : first + MOST_NAMED])
            for event, tag in _listed(await self._connection.client.get(f"tags/index/Events.Id:{part}")):
                if event is not None:
                    found.setdefault(event, []).append(tag.name)
        return {event: tuple(sorted(set(names), key=str.lower)) for event, names in found.items()}

    async def ids(self, asked: str | int | Iterable[str | int]) -> tuple[int, ...]:
        """Return the ids of tags: numbers are ids, texts names. Raises FilterRefused for a name that there is not."""
        listed = [asked] if isinstance(asked, str | int) else [*asked]
        found = {whole_numbers(each, "a tag")[0] for each in listed if isinstance(each, int)}
        names = [each for each in listed if isinstance(each, str)]
        known = await self.list() if names else ()
        if not names:
            await self._check_version()
        for name in names:
            tag = _named(known, name)
            if tag is None:
                there = ", ".join(repr(each.name) for each in known[:20]) or "none"
                raise FilterRefused(f"there is no tag {name[:80]!r}", hint=f"there are: {there}")
            found.add(tag.id)
        return tuple(sorted(found))

    async def add(self, event: int, name: str) -> tuple[str, ...]:
        """Give an event the tag of that name, which is made if there is none. Raises NotDone or FilterRefused."""
        name = " ".join(name.split())
        if not name or len(name) > _MOST_CHARACTERS:
            raise FilterRefused(f"a tag's name has 1 to {_MOST_CHARACTERS} characters, not {len(name)}")
        before = (await self.of([event])).get(event, ())
        if name.lower() in {each.lower() for each in before}:
            return before
        tag = _named(await self.list(), name)
        if tag is None:
            await self._command({"request": "tags", "action": "createtag", "tname": name})
            tag = _named(await self.list(), name)
        if tag is None:
            raise NotDone(f"ZoneMinder has not made a tag {name!r}", hint="look at ZoneMinder's log")
        await self._command({"request": "event", "action": "addtag", "tid": str(tag.id), "id": str(event)})
        return await self._seen(event, tag, is_there=True)

    async def remove(self, event: int, name: str) -> tuple[str, ...]:
        """Take the tag of that name off an event; ZoneMinder deletes one that no event has any more. Raises NotDone."""
        before = (await self.of([event])).get(event, ())
        tag = _named(await self.list(), name)
        if tag is None or tag.name not in before:
            return before
        await self._command({"request": "event", "action": "removetag", "tid": str(tag.id), "id": str(event)})
        return await self._seen(event, tag, is_there=False)

    async def _seen(self, event: int, tag: TagRow, *, is_there: bool) -> tuple[str, ...]:
        after = (await self.of([event])).get(event, ())
        if (tag.name in after) != is_there:
            what = "has not got" if is_there else "still has"
            raise NotDone(
                f"event {event} {what} the tag {tag.name!r}", hint="the user needs the permission Events: View at least"
            )
        return after

    async def _command(self, query: dict[str, str]) -> None:
        """Ask the web page's own door: the API makes tags for those only who have a permission that nobody can be given."""
        url = f"{self._connection.url}/index.php"
        status, _, body = await self._connection.client.fetch(url, {"view": "request", **query}, JSON_LIMIT_BYTES)
        if status in {401, 403}:
            raise PermissionMissing("ZoneMinder does not let this user tag events", hint="it needs the permission Events: View")
        try:
            said = mapping(json.loads(body or b"{}"))
        except ValueError:
            said = {}
        if status >= 400 or as_text(said.get("result")) == "Error":
            why = self._connection.client.quoted(as_text(said.get("message"))) or f"HTTP {status}"
            raise VmsProtocolError(f"ZoneMinder did not {query['action']}: {why}", hint="look at ZoneMinder's log")

    async def _check_version(self) -> None:
        version = await self._connection.version()
        if version.numbers < _SINCE:
            raise UnsupportedCommand(
                f"ZoneMinder {version.zoneminder} has no tags", hint="they came with 1.37.44; notes can hold such words instead"
            )


def _named(tags: Iterable[TagRow], name: str) -> TagRow | None:
    """Return the tag of that name: the database takes no account of small and large letters."""
    return next((tag for tag in tags if tag.name.lower() == name.lower()), None)


def _listed(raw: object) -> list[tuple[int | None, TagRow]]:
    """Read tags, each with the event that has it where that was asked for."""
    listed = mapping(raw).get("tags")
    found = []
    for item in listed if isinstance(listed, list) else ():
        row = mapping(mapping(item).get("Tag"))
        number, name = as_id(row.get("Id")), as_text(row.get("Name"))
        if number is not None and name:
            event = as_int(mapping(mapping(item).get("Events_Tags")).get("EventId"))
            found.append((event, TagRow(id=int(number), name=name)))
    return found
