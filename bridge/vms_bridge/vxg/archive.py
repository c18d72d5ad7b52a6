"""Recorded video: when there is some, and its pieces."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.downloads import Handed, download, filed, within
from vms_bridge.errors import MediaUnavailable
from vms_bridge.part_files import Part
from vms_bridge.vxg import rows
from vms_bridge.vxg.fields import lasting_s, moment, whole, written
from vms_bridge.vxg.media import GivenVideo
from vms_bridge.vxg.paging import listed, meta_of
from vms_bridge.vxg.refusals import WrongValue
from vms_bridge.vxg.session import channel_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import date, datetime

    from vms_bridge.downloads import Progress, Stream, Target
    from vms_bridge.vxg.media import Media
    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow, Recording, Span

_SLICES = 3
_RECORDS = "/api/v4/storage/records/"
_PAGE = 100


class Archive:
    """What is recorded of channels."""

    def __init__(self, session: Session, media: Media) -> None:
        self._session, self._media = session, media

    async def each(self, channel: ChannelRow | int, start: datetime, end: datetime) -> AsyncIterator[Recording]:
        """Yield the pieces that are recorded within this time, each once, in their order; the first and last may reach beyond it.

        Each has an address that expires; they are read as they are wanted, so that those of a long time are good, too. Raises
        WrongValue or VmsError.
        """
        if lasting_s(start, end) <= 0:
            raise WrongValue("the time ends before it begins")
        last: datetime | None = None
        since = start
        while True:
            query = [("start", written(since)), ("end", written(end)), ("order_by", "time"), ("limit", str(_PAGE))]
            answer = await self._session.ask_of(channel, "GET", _RECORDS, query=query)
            expires = moment(meta_of(answer).get("expire"))
            found = [rows.recording(raw, channel_id(channel), expires) for raw in listed(answer, _RECORDS)]
            fresh = sorted((each for each in found if each is not None and (last is None or each.start > last)), key=_start)
            for piece in fresh:
                if last is None or piece.start > last:
                    last = piece.start
                    yield piece
            total = whole(meta_of(answer).get("total_count"))
            if not fresh or last is None or (total is not None and total <= len(found)):
                return
            since = max(since, last + timedelta(microseconds=1))

    async def timeline(self, channel: ChannelRow | int, start: datetime, end: datetime) -> tuple[Span, ...]:
        """Return when there is recorded video. Raises VmsError."""
        query = [("start", written(start)), ("end", written(end)), ("slices", str(_SLICES)), ("limit", "1000")]
        return rows.timeline(await self._session.ask_of(channel, "GET", "/api/v2/storage/timeline/{id}/", query=query), _SLICES)

    async def days(self, channel: ChannelRow | int) -> tuple[date, ...]:
        """Return the days, in UTC, of which there is recorded video. Raises VmsError."""
        query = [("camid", str(channel_id(channel)))]
        return rows.days(await self._session.ask_of(channel, "GET", "/api/v2/storage/activity/", query=query))

    async def open(self, recording: Recording, part: tuple[int, int | None] = (0, None)) -> Stream:
        """Open a piece, or its bytes from this one to that (None: the end); whoever gets the stream closes it.

        Raises MediaExpired, NoSuchPart or MediaUnavailable.
        """
        return await self._media.open(recording.url, _what(recording), part, expires=recording.expires)

    async def save(
        self,
        channel: ChannelRow | int,
        recording: Recording,
        target: Target,
        progress: Progress | None = None,
        *,
        resume: bool = False,
    ) -> int:
        """Write a piece's MP4 into a file, a folder or a writer, and return how many bytes it has.

        Raises MediaUnavailable, OutputError, NoRoom or VmsError.
        """
        given = GivenVideo(self._media, _what(recording), _Address(self, channel, recording).find)
        if not isinstance(target, str | PathLike):
            return await download(given, Handed(target), self._session.clock, progress)
        name = f"{recording.camera_id}-{recording.start:%Y%m%dT%H%M%S.%fZ}"
        path = await asyncio.to_thread(within, Path(target), f"{name}.mp4")
        async with filed(Part(path, name), keep=resume) as taken:
            return await download(given, taken, self._session.clock, progress)


class _Address:
    """The address of a piece, which is read anew when it is good no more."""

    def __init__(self, archive: Archive, channel: ChannelRow | int, recording: Recording) -> None:
        self._archive, self._channel, self._recording = archive, channel, recording

    async def find(self, again: bool) -> str:  # noqa: FBT001 (it is called by position)
        """Return it. Raises MediaUnavailable or VmsError."""
        if again:
            begins = self._recording.start
            async for piece in self._archive.each(self._channel, begins, begins + timedelta(seconds=1)):
                if piece.start == begins:
                    self._recording = piece
                    return piece.url
            raise MediaUnavailable(f"there is no {_what(self._recording)} any more", hint="it was deleted meanwhile")
        return self._recording.url


def _what(recording: Recording) -> str:
    return f"recording of channel {recording.camera_id} of {recording.start:%Y-%m-%d %H:%M:%S}"


def _start(recording: Recording) -> datetime:
    return recording.start
