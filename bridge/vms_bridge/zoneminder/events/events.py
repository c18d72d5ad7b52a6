"""A ZoneMinder's events, as `zm.events`."""

from __future__ import annotations

import asyncio
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Protocol, Unpack

from vms_bridge.errors import MediaUnavailable, VmsAuthFailed, VmsProtocolError
from vms_bridge.spoken_times import Listener
from vms_bridge.zoneminder.events.asked_media import MediaLate
from vms_bridge.zoneminder.events.bulk import (
    MAY_BE_RECORDED,
    PARALLEL,
    BulkOutcome,
    Deleting,
    Downloading,
    What,
    each_of,
    made_folder,
)
from vms_bridge.zoneminder.events.changes import Changes
from vms_bridge.zoneminder.events.filters import FilterRefused, Filters, Wanted, bounds, raw_filters, whole_numbers
from vms_bridge.zoneminder.events.frames import FrameRow, parse_frame_rows
from vms_bridge.zoneminder.events.pictures import Pictures, save_picture
from vms_bridge.zoneminder.events.places import event_folder
from vms_bridge.zoneminder.events.query import EventQuery, Reading
from vms_bridge.zoneminder.events.rows import EventRows
from vms_bridge.zoneminder.events.tags import TagRow, Tags
from vms_bridge.zoneminder.events.times import period, zone_named
from vms_bridge.zoneminder.events.videos import Videos
from vms_bridge.zoneminder.refusals import NotThere
from vms_bridge.zoneminder.values import EventRow, MonitorRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike
    from pathlib import Path, PurePosixPath

    from vms_bridge.downloads import Progress, Target
    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.events.bulk import Chosen
    from vms_bridge.zoneminder.values import Storage

    EventId = EventRow | int | str

    class KnownMonitors(Protocol):
        """The monitors, as far as events need them."""

        async def list(self) -> tuple[MonitorRow, ...]:
            """Return all of them. Raises VmsError."""

    class KnownAreas(Protocol):
        """The storage areas, as far as events need them."""

        async def list(self) -> tuple[Storage, ...]:
            """Return all of them. Raises VmsError."""


class Events:
    """Finds events, reads what belongs to them, and changes them; every change is seen to be done before it returns."""

    def __init__(self, connection: Connection, monitors: KnownMonitors, areas: KnownAreas) -> None:
        self._connection, self._monitors, self._areas = connection, monitors, areas
        self._tags = Tags(connection)
        self._changes = Changes(connection, self.get)
        self._pictures, self._videos = Pictures(connection), Videos(connection)

    def __call__(self, **filters: Unpack[Filters]) -> EventQuery:
        """Return a question for the events that these filters choose, the newest first; it is asked when it is read.

        Raises FilterRefused for what makes no sense; some of it shows only when the question is asked.
        """
        if unknown := filters.keys() - Filters.__annotations__.keys():
            raise TypeError(f"there is no filter {', '.join(sorted(unknown))}: there are {', '.join(Filters.__annotations__)}")
        limit = filters.get("limit")
        if limit is not None and limit < 0:
            raise FilterRefused(f"{limit} events can't be listed")
        newest_first = filters.get("newest_first", True)
        return EventQuery(partial(self._prepared, filters), limit=limit, newest_first=newest_first)

    async def get(self, event: EventId, *, with_tags: bool = False) -> EventRow:
        """Return the event as it is now. Raises NotThere or VmsError."""
        number = number_of(event)
        row = await self(event_id=number, with_tags=with_tags).first()
        if row is None:
            raise NotThere(
                f"ZoneMinder has no event {number}", hint="it may have been deleted, or be of a monitor that you may not see"
            )
        return row

    async def frames(self, event: EventId) -> tuple[FrameRow, ...]:
        """Return the frames of which ZoneMinder keeps a row: not every frame has one. Raises NotThere or VmsError.

        By the page of the event, which takes the longer the more there are: until 1.37 no other way gives those of one event.
        """
        zone = await self._connection.time_zone() or UTC
        answer = await self._connection.client.get(f"events/{number_of(event)}", {"noframes": "false"})
        return parse_frame_rows(answer, zone)

    async def edit(
        self,
        event: EventId,
        *,
        notes: str | None = None,
        name: str | None = None,
        cause: str | None = None,
        archived: bool | None = None,
        locked: bool | None = None,
    ) -> EventRow:
        """Change what is given, and return the event as it is then. Raises NotDone, CommandRejected, NotThere or VmsError.

        While an event is recorded ZoneMinder writes its notes anew whenever a zone joins in.
        """
        wanted = {"Notes": notes, "Name": name, "Cause": cause}
        columns = {column: text for column, text in wanted.items() if text is not None}
        switches = {"Archived": archived, "Locked": locked}
        columns |= {column: str(int(on)) for column, on in switches.items() if on is not None}
        return await self._changes.edit(number_of(event), columns)

    async def note(self, event: EventId, text: str) -> EventRow:
        """Set the event's notes. Raises as `edit` does."""
        return await self.edit(event, notes=text)

    async def rename(self, event: EventId, name: str) -> EventRow:
        """Set the event's name. Raises as `edit` does."""
        return await self.edit(event, name=name)

    async def archive(self, event: EventId, *, on: bool = True) -> EventRow:
        """Put the event into the archive, which no filter of ZoneMinder's deletes, or take it out. Raises as `edit` does."""
        return await self.edit(event, archived=on)

    async def lock(self, event: EventId, *, on: bool = True) -> EventRow:
        """Lock the event or unlock it. Raises as `edit` does."""
        return await self.edit(event, locked=on)

    async def delete(self, event: EventId, *, even_archived: bool = False) -> None:
        """Delete the event with its files, and see that it is gone. Raises NotDone, CommandRejected, NotThere or VmsError.

        ZoneMinder deletes no archived event: `even_archived` takes it out of the archive first.
        """
        await self._changes.delete(number_of(event), even_archived=even_archived)

    async def tags(self) -> tuple[TagRow, ...]:
        """Return the tags that there are. Raises UnsupportedCommand before 1.37.44, or VmsError."""
        return await self._tags.list()

    async def tags_of(self, event: EventId) -> tuple[str, ...]:
        """Return the event's tags by name. Raises UnsupportedCommand before 1.37.44, or VmsError."""
        number = number_of(event)
        return (await self._tags.of([number])).get(number, ())

    async def tag(self, event: EventId, name: str) -> tuple[str, ...]:
        """Give the event this tag, which is made if there is none, and return all it has. Raises NotDone or as `tags` does."""
        return await self._tags.add(number_of(event), name)

    async def untag(self, event: EventId, name: str) -> tuple[str, ...]:
        """Take this tag off the event, and return what it has left. Raises NotDone or as `tags` does."""
        return await self._tags.remove(number_of(event), name)

    async def image(self, event: EventId, fid: str | int = "snapshot") -> bytes:
        """Return a picture of the event, a JPEG: frame number `fid`, `snapshot` (the best so far), `alarm` or `objdetect`.

        Raises FilterRefused, MediaUnavailable or VmsError.
        """
        number, is_open = number_of(event), isinstance(event, EventRow) and event.end is None
        try:
            return await self._pictures.fetch(number, fid, is_open=is_open)
        except MediaLate:
            raise
        except MediaUnavailable:
            page = await self._elsewhere(event)
            if page is None:
                raise
        return await self._pictures.fetch(number, fid, at=page, is_open=is_open)

    async def save_image(self, event: EventId, path: str | PathLike[str], fid: str | int = "snapshot") -> Path:
        """Write such a picture to a file, or into a folder, and return where it is. Raises OutputError and as `image` does."""
        return await save_picture(path, f"{number_of(event)}-{fid}.jpg", await self.image(event, fid))

    async def save_video(self, event: EventId, target: Target, *, progress: Progress | None = None, resume: bool = True) -> int:
        """Write the event's video to a file, into a folder or to a writer, and return its length in bytes.

        It is read on from where it broke off, and with `resume` also where an earlier call has: until it is whole, it lies beside
        its place with a name that ends in `.part`. It is never held in memory. Raises MediaUnavailable, OutputError, NoRoom or
        VmsError.
        """
        row = event if isinstance(event, EventRow) and event.end is not None else await self.get(event)
        return await self._videos.save(row, target, progress, elsewhere=self._elsewhere, resume=resume)

    async def image_url(self, event: EventId, fid: str | int = "snapshot") -> str:
        """Return the address of a picture of the event. It contains a token.

        Whoever has it may do all that this user may, until the token ends some hours later: write it into no log.
        """
        return await self._pictures.picture_url(number_of(event), fid)

    async def video_url(self, event: EventId) -> str:
        """Return the address of the event's video. It contains a token, as that of `image_url` does."""
        return await self._pictures.video_url(number_of(event))

    async def path(self, event: EventId) -> PurePosixPath:
        """Return the event's folder on ZoneMinder's host. Raises MediaUnavailable where it is not known, NotThere or VmsError."""
        row = event if isinstance(event, EventRow) and event.scheme else await self.get(event)
        areas = () if row.fspath else await self._areas.list()
        return event_folder(row, areas, await self._connection.time_zone() or UTC)

    async def delete_many(
        self,
        events: Chosen,
        *,
        dry_run: bool = False,
        parallel: int = PARALLEL,
        even_archived: bool = False,
        progress: Callable[[BulkOutcome], None] | None = None,
    ) -> BulkOutcome:
        """Delete these events, so many at a time, and return what has become of them; a dry run deletes none.

        Archived ones are skipped unless they are meant, too, and those that are still recorded. `progress` is called after each.
        Raises VmsUnreachable and VmsAuthFailed, FilterRefused for a question that makes no sense; what else goes wrong with one
        event is in the outcome.
        """
        delete = partial(self.delete, even_archived=even_archived)
        recent = self._connection.clock.now() - MAY_BE_RECORDED
        doing = Deleting(delete=delete, even_archived=even_archived, recent=recent, dry_run=dry_run)
        return await each_of(events, doing, parallel=parallel, progress=progress)

    async def download_many(
        self,
        events: Chosen,
        folder: str | PathLike[str],
        *,
        what: What = "video",
        dry_run: bool = False,
        parallel: int = PARALLEL,
        progress: Callable[[BulkOutcome], None] | None = None,
    ) -> BulkOutcome:
        """Fetch the videos or pictures of these events into a folder, as `event-17.mp4` or `event-17-snapshot.jpg`.

        What is there already is skipped, and what was begun is gone on with: an interrupted call is simply made again. Raises as
        `delete_many` does, and NoRoom.
        """
        place = await made_folder(folder, dry_run=dry_run)
        doing = Downloading(folder=place, what=what, video=self.save_video, picture=self.save_image, dry_run=dry_run)
        return await each_of(events, doing, parallel=parallel, progress=progress)

    async def _elsewhere(self, event: EventId) -> str | None:
        """Return the page of the server that the event's monitor runs on, where that is not the portal's own."""
        try:
            row = event if isinstance(event, EventRow) else await self.get(event)
            known = {monitor.id: monitor.server_id for monitor in await self._monitors.list()}
            api = await self._connection.server_api(known.get(row.monitor_id))
        except (VmsAuthFailed, VmsProtocolError):
            return None  # then what the portal has said is what there is to say
        return None if api is None else f"{api.removesuffix('/api')}/index.php"

    async def _prepared(self, filters: Filters) -> Reading:
        """Find out what a question means by now. Raises FilterRefused or VmsError."""
        zone = await self._connection.time_zone()
        # A zone's rules are read from a file.
        spoken = await asyncio.to_thread(zone_named, filters["tz"]) if "tz" in filters else zone
        since, until, during = filters.get("since"), filters.get("until"), filters.get("during")
        if spoken is None and (since is not None or until is not None or during is not None):
            raise FilterRefused("ZoneMinder does not say in which time zone it is", hint="say it by tz, such as America/New_York")
        listener = Listener(now=self._connection.clock.now(), zone=spoken or UTC, is_strict=True)
        first, last = period(since, until, during, listener)
        wanted = Wanted(
            events=frozenset(whole_numbers(filters["event_id"], "an event")) if "event_id" in filters else None,
            monitors=await self._monitor_ids(filters["monitor"]) if "monitor" in filters else None,
            since=first,
            until=last,
            alarm_frames=bounds(filters.get("min_alarm_frames"), filters.get("max_alarm_frames"), "frames of an alarm"),
            score=bounds(filters.get("min_score"), filters.get("max_score"), "as its score"),
            length_s=bounds(filters.get("min_length_s"), filters.get("max_length_s"), "seconds"),
            object_only=filters.get("object_only", False),
            label=filters.get("label"),
            notes=filters.get("notes"),
            cause=filters.get("cause"),
            name=filters.get("name"),
            archived=filters.get("archived"),
            tags=await self._tags.ids(filters["tag"]) if "tag" in filters else None,
            raw=raw_filters(filters.get("raw", ())),
        )
        tags_of = self._tags.of if filters.get("with_tags", False) else None
        written_in = zone or spoken or UTC
        rows = EventRows(self._connection.client, lambda: written_in, is_whole=True)
        return Reading(connection=self._connection, rows=rows, zone=written_in, wanted=wanted, tags_of=tags_of)

    async def _monitor_ids(self, asked: MonitorRow | int | str | Iterable[MonitorRow | int | str]) -> tuple[str, ...]:
        listed = [asked] if isinstance(asked, MonitorRow | int | str) else list(asked)
        found: dict[str, None] = {}
        for each in listed:
            match each:
                case MonitorRow():
                    found[each.id] = None
                case str():
                    found |= dict.fromkeys(await self._named(each))
                case _:
                    found[str(whole_numbers(each, "a monitor")[0])] = None
        return tuple(found)

    async def _named(self, name: str) -> list[str]:
        """Return the ids of the monitors of that name: nothing keeps two from having the same. Raises FilterRefused."""
        rows = await self._monitors.list()
        found = [row.id for row in rows if row.name == name] or [row.id for row in rows if row.name.lower() == name.lower()]
        if not found and name.isascii() and name.isdecimal():
            found = [row.id for row in rows if row.id == name]
        if not found:
            known = ", ".join(repr(row.name) for row in rows[:20]) or "none"
            raise FilterRefused(f"there is no monitor {name[:80]!r}", hint=f"there are: {known}")
        return found


def number_of(event: EventId) -> int:
    """Return the event's id. Raises FilterRefused for what is none."""
    return event.id if isinstance(event, EventRow) else whole_numbers(event, "an event")[0]
