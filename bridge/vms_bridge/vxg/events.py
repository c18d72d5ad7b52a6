"""Events: of a channel or of all of a group in one request, with their tags, kinds and boxes; and followed without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack
from urllib.parse import quote

from vms_bridge.errors import VmsProtocolError
from vms_bridge.vxg import rows
from vms_bridge.vxg.boxes import MOST_CHARACTERS, boxes_in_file, boxes_in_meta
from vms_bridge.vxg.fields import mapping, written
from vms_bridge.vxg.paging import listed
from vms_bridge.vxg.refusals import Refused, WrongValue
from vms_bridge.vxg.session import channel_id, id_of
from vms_bridge.vxg.values import EventRow
from vms_bridge.vxg.watching import EventWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from vms_bridge.vxg.boxes import Box
    from vms_bridge.vxg.media import Media
    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow, EventType

_PATH = "/api/v2/storage/events/"
_TYPES = "/api/v2/cameras/{id}/event_processing/events/"
_LONGEST_TAG = 128


class Filters(TypedDict, total=False):
    """Which events are meant; what is left out chooses nothing."""

    start: datetime
    end: datetime
    names: Sequence[str]
    """Of these kinds, such as `motion`."""
    meta: Sequence[str]
    """That have these tags."""
    without_meta: Sequence[str]
    """That have none of these tags."""
    newest_first: bool
    limit: int


class Events:
    """The events."""

    def __init__(self, session: Session, media: Media) -> None:
        self._session, self._media = session, media

    async def each(self, channel: ChannelRow | int | None = None, **filters: Unpack[Filters]) -> AsyncIterator[EventRow]:
        """Yield the events that these filters choose, in the order of their times. Raises VmsError.

        Without a channel: those of all of the group, in one request for each page.
        """
        start, end, limit = filters.get("start"), filters.get("end"), filters.get("limit")
        query = [] if end is None else [("end", written(end))]
        lists = (("events", filters.get("names")), ("meta", filters.get("meta")), ("meta_not", filters.get("without_meta")))
        query += [(name, ",".join(map(_tag, each))) for name, each in lists if each]
        query += [("include_meta", "true"), ("include_filemeta_download", "true")]
        credential = self._session.for_all if channel is None else await self._session.channel_token(channel)
        whose = None if channel is None else channel_id(channel)
        if filters.get("newest_first"):
            since = [] if start is None else [("start", written(start))]
            found_rows = self._session.pages(credential, _PATH, [*query, *since, ("order_by", "-time")], limit=limit)
        else:
            found_rows = self._session.pages_by_time(credential, _PATH, query, start=start, limit=limit)
        async for raw in found_rows:
            found = rows.event(raw if whose is None else {"camid": whose, **raw})
            if found is not None and whose in {None, found.camera_id}:
                yield found

    async def list(self, channel: ChannelRow | int | None = None, **filters: Unpack[Filters]) -> tuple[EventRow, ...]:
        """Return them all at once. Raises VmsError."""
        return tuple([row async for row in self.each(channel, **filters)])

    async def get(self, event: EventRow | int) -> EventRow:
        """Return an event as it is now. Raises NotThere or VmsError."""
        query = [("include_meta", "true"), ("include_filemeta_download", "true")]
        raw = await self._session.ask(self._session.for_all, "GET", f"{_PATH}{_number(event)}/", query=query)
        return _read(raw)

    async def create(
        self, channel: ChannelRow | int, name: str, time: datetime | None = None, meta: Mapping[str, str] | None = None
    ) -> EventRow:
        """Have an event be recorded, now by VXG's clock if no time is given. Raises WrongValue, Refused or VmsError.

        Its name is to be a kind that the camera has: `add_type` adds one.
        """
        when = await self._session.now() if time is None else time
        body: dict[str, object] = {"camid": channel_id(channel), "name": _tag(name), "time": written(when)}
        if meta:
            body["meta"] = {_tag(tag): data for tag, data in meta.items()}
        raw = mapping(await self._session.ask_of(channel, "POST", _PATH, body=body))
        return _read({**body, **raw})

    async def set_tag(self, event: EventRow | int, tag: str, data: str = "") -> None:
        """Give an event a tag, or another text to one that it has. Raises WrongValue or VmsError."""
        path = f"{_PATH}{_number(event)}/meta/"
        credential = self._session.for_all
        try:
            await self._session.ask(credential, "POST", path, body={"tag": _tag(tag), "data": data})
        except Refused as error:
            if error.status not in {400, 409}:
                raise
            # It is there already, with this text or another one.
            await self._session.ask(credential, "PUT", f"{path}{quote(tag, safe='')}/", body={"data": data})

    async def remove_tag(self, event: EventRow | int, tag: str) -> None:
        """Take a tag from an event. Raises NotThere or VmsError."""
        path = f"{_PATH}{_number(event)}/meta/{quote(_tag(tag), safe='')}/"
        await self._session.ask(self._session.for_all, "DELETE", path)

    async def boxes(self, event: EventRow) -> tuple[Box, ...]:
        """Return what an AI has found in it, and where; nothing where it says nothing. Raises MediaUnavailable or VmsError."""
        if event.file_url is not None:
            raw = await self._media.fetch(event.file_url, f"file of event {event.id}", MOST_CHARACTERS)
            size = (None, None) if event.thumb is None else (event.thumb.width, event.thumb.height)
            if found := boxes_in_file(raw, *size):
                return found
        return boxes_in_meta(event.meta)

    async def types(self, channel: ChannelRow | int) -> tuple[EventType, ...]:
        """Return the kinds of events that a camera may have. Raises VmsError."""
        answer = await self._session.ask_of(channel, "GET", _TYPES, query=[("limit", "1000")])
        found = (rows.event_type(raw) for raw in listed(answer, _TYPES))
        return tuple(each for each in found if each is not None)

    async def add_type(self, channel: ChannelRow | int, name: str, *, notify: bool = False) -> EventType:
        """Have a camera have events of a kind of one's own; one that is there already is no matter. Raises VmsError."""
        for known in await self.types(channel):
            if known.name == name:
                return known
        raw = mapping(await self._session.ask_of(channel, "POST", _TYPES, body={"name": _tag(name), "notify": notify}))
        found = rows.event_type({"name": name, "notify": notify, "custom": True, **raw})
        if found is None:
            raise VmsProtocolError("VXG answered something else than a kind of events")
        return found

    async def trigger(self, channel: ChannelRow | int, name: str, meta: Mapping[str, str] | None = None) -> None:
        """Have the camera itself raise an event, if it can. Raises Refused or VmsError."""
        body: dict[str, object] = {"time": written(await self._session.now())}
        if meta:
            body["meta"] = dict(meta)
        await self._session.ask_of(channel, "POST", f"{_TYPES}{quote(_tag(name), safe='')}/trigger/", body=body)

    def watch(self, since: datetime, *, channel: ChannelRow | int | None = None, names: Sequence[str] = ()) -> EventWatch:
        """Return what follows events from this time on, of a channel or of all of the group."""

        def read(start: datetime) -> AsyncIterator[EventRow]:
            return self.each(channel, start=start, names=names)

        return EventWatch(read, self._session.now, since)


def _number(event: object) -> int:
    return id_of(event, EventRow, "an event")


def _tag(name: str) -> str:
    if not name or len(name) > _LONGEST_TAG or not name.isprintable() or "," in name:
        raise WrongValue("a name of events or tags is a short text without commas", hint=f"up to {_LONGEST_TAG} characters")
    return name


def _read(raw: object) -> EventRow:
    found = rows.event(mapping(raw))
    if found is None:
        raise VmsProtocolError("VXG answered something else than an event")
    return found
