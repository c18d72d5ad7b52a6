"""Videos of events: how ZoneMinder is asked for them; how they are read is `downloads`."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.downloads import BrokenOff, Filed, Handed, download, filed, no_such_part, within
from vms_bridge.errors import BrokeOff, MediaUnavailable, NoSuchPart, Redirected, VmsProtocolError
from vms_bridge.part_files import Part
from vms_bridge.zoneminder.events.asked_media import MediaLate, check_stream, clip_query, explained

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from vms_bridge.downloads import Progress, Target
    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.transport import Stream
    from vms_bridge.zoneminder.values import EventRow

    Elsewhere = Callable[[EventRow], Awaitable[str | None]]

_BEGIN_S = 30.0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The video of one event, by one page."""

    connection: Connection
    row: EventRow
    page: str
    giver: str = "ZoneMinder"

    @property
    def what(self) -> str:
        return f"video of event {self.row.id}"

    async def open(self, first: int) -> Stream:
        what = self.what
        part = (first, None) if first else None
        try:
            with explained(what), _no_such_part(first, what):
                stream = await self.connection.client.open(self.page, clip_query(str(self.row.id)), part=part, timeout_s=_BEGIN_S)
        except MediaLate as error:
            raise (BrokenOff(str(error), hint=error.hint) if first else error) from None
        if stream.status == 416:
            stream.close()
            raise no_such_part(stream, what, first)
        try:
            check_stream(stream, what)
        except BaseException:
            stream.close()
            raise
        return stream


class Videos:
    """Fetches them over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def save(self, row: EventRow, target: Target, progress: Progress | None, *, elsewhere: Elsewhere, resume: bool) -> int:
        """Write the event's video, and return how many bytes it has. Raises MediaUnavailable, OutputError, NoRoom or VmsError.

        `elsewhere` returns the page of the server that has it, where the portal has not; None where there is no other.
        """
        _check_has_video(row)
        if not isinstance(target, str | PathLike):
            return await self._from_anywhere(row, Handed(target), progress, elsewhere)
        part = Part(await asyncio.to_thread(within, Path(target), video_name(row)), f"{row.id}")
        async with filed(part, keep=resume) as taken:
            return await self._from_anywhere(row, taken, progress, elsewhere)

    async def _from_anywhere(self, row: EventRow, taken: Handed | Filed, progress: Progress | None, elsewhere: Elsewhere) -> int:
        had = taken.size
        try:
            return await self._collect(row, f"{self._connection.url}/index.php", taken, progress)
        except MediaUnavailable:
            page = await elsewhere(row) if taken.size in {had, 0} else None
            if page is None:
                raise
        return await self._collect(row, page, taken, progress)

    async def _collect(self, row: EventRow, page: str, taken: Handed | Filed, progress: Progress | None) -> int:
        return await download(_Wanted(self._connection, row, page), taken, self._connection.clock, progress)


@contextmanager
def _no_such_part(first: int, what: str) -> Iterator[None]:
    """Have an answer that is no proper HTTP say that there is no such part: PHP counts bytes behind the end as less than none."""
    try:
        yield
    except (Redirected, BrokeOff):
        raise
    except VmsProtocolError as error:
        if not first:
            raise
        raise NoSuchPart(f"the {what} has no bytes from {first} on: {error}", length=-1) from None


def video_name(row: EventRow) -> str:
    """Return the name of the event's video as a file: ZoneMinder's own, without any folder."""
    name = row.video.replace("\\", "/").rpartition("/")[2]
    return name if name not in {"", ".", ".."} and name.isprintable() else f"{row.id}-video.mp4"


def _check_has_video(row: EventRow) -> None:
    if row.end is None:
        raise MediaUnavailable(f"event {row.id} is still recorded", hint="its video is there when it has ended")
    if not row.video:
        hint = "its pictures can be had one by one"
        raise MediaUnavailable(f"event {row.id} was recorded as single pictures, not as a video", hint=hint)
