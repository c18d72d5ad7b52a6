"""Clips of any length: tasks of VXG's, which are waited for, and videos, which are read on from where they broke off."""

from __future__ import annotations

import asyncio
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.downloads import Handed, download, filed, within
from vms_bridge.errors import TimedOut, VmsProtocolError
from vms_bridge.part_files import Part
from vms_bridge.vxg import rows
from vms_bridge.vxg.fields import lasting_s, mapping, written
from vms_bridge.vxg.media import GivenVideo
from vms_bridge.vxg.paging import listed
from vms_bridge.vxg.refusals import ClipEmpty, ClipFailed, MediaExpired, NotThere, WrongValue
from vms_bridge.vxg.session import channel_id, id_of
from vms_bridge.vxg.values import Clip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from vms_bridge.downloads import Progress, Stream, Target
    from vms_bridge.vxg.media import Media
    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow

_PATH, _RECORDS = "/api/v2/storage/clips/", "/api/v4/storage/records/"
_V4 = "/api/v4/clips/"
_POLLS_S = (1.0, 1.0, 1.0, 2.0, 3.0)
_LONGEST_POLL_S = 5.0
_PATIENCE_S = 120.0
MOST_SECONDS = 24 * 3600.0


class Clips:
    """The clips of channels."""

    def __init__(self, session: Session, media: Media) -> None:
        self._session, self._media = session, media

    async def create(
        self,
        channel: ChannelRow | int,
        start: datetime,
        end: datetime,
        *,
        title: str = "",
        wait_for_data: bool = True,
        delete_at: datetime | None = None,
    ) -> Clip:
        """Have a clip of this time be made, and return the task. Raises WrongValue or VmsError.

        `wait_for_data`: it may end in the future, or in what is still recorded. `delete_at`: VXG deletes it then.
        """
        seconds = lasting_s(start, end)
        if not 0 < seconds <= MOST_SECONDS:
            raise WrongValue(f"a clip of {seconds:g} s can't be meant", hint="up to a day; the end is later than the beginning")
        body: dict[str, object] = {
            "camid": channel_id(channel),
            "start": written(start),
            "end": written(end),
            "title": title[:200],
            "wait_for_data": wait_for_data,
        }
        if delete_at is not None:
            body["delete_at"] = written(delete_at)
        found = rows.clip(mapping(await self._session.ask_of(channel, "POST", _PATH, body=body)), channel_id(channel))
        if found is None:
            raise VmsProtocolError("VXG does not say which clip is made")
        return found

    async def get(self, channel: ChannelRow | int, clip: Clip | int) -> Clip:
        """Return a clip as it is now. Raises NotThere or VmsError."""
        number = _number(clip)
        answer = await self._session.ask_of(channel, "GET", _PATH, query=[("ids", str(number)), ("limit", "20")])
        found = [row for raw in listed(answer, _PATH) if (row := rows.clip(raw, channel_id(channel))) is not None]
        for row in found:
            if row.id == number:
                return row
        raise NotThere(f"there is no clip {number} of channel {channel_id(channel)}", hint="it may have been deleted meanwhile")

    async def each(
        self, channel: ChannelRow | int | None = None, *, newest_first: bool = True, limit: int | None = None
    ) -> AsyncIterator[Clip]:
        """Yield the clips of a channel, or of all of the group. Raises VmsError."""
        credential = self._session.for_all if channel is None else await self._session.channel_token(channel)
        whose = None if channel is None else channel_id(channel)
        query = [("order_by", "-created" if newest_first else "created")]
        async for raw in self._session.pages(credential, _PATH, query, limit=limit):
            found = rows.clip(raw, whose)
            if found is not None and whose in {None, found.camera_id}:
                yield found

    async def wait(
        self,
        channel: ChannelRow | int,
        clip: Clip,
        *,
        patience_s: float | None = None,
        progress: Callable[[Clip], None] | None = None,
    ) -> Clip:
        """Return the clip when its video is there; `progress` gets it each time it is looked at.

        Raises ClipEmpty where nothing is recorded in its time, ClipFailed, TimedOut, NotThere or VmsError.
        """
        clock = self._session.clock
        if patience_s is None:
            patience_s = await self._patience_s(clip)
        ends_at = clock.monotonic() + patience_s
        pauses = iter(_POLLS_S)
        while True:
            if progress is not None:
                progress(clip)
            if clip.is_done:
                return clip
            if clip.has_failed:
                raise await self._failure(channel, clip)
            if clock.monotonic() >= ends_at:
                raise TimedOut(f"clip {clip.id} is not made yet", hint="VXG goes on making it: wait for it once more")
            await clock.sleep(next(pauses, _LONGEST_POLL_S))
            clip = await self.get(channel, clip)

    async def make(
        self,
        channel: ChannelRow | int,
        start: datetime,
        end: datetime,
        *,
        title: str = "",
        wait_for_data: bool = True,
        delete_at: datetime | None = None,
        progress: Callable[[Clip], None] | None = None,
    ) -> Clip:
        """Have a clip be made, and return it when its video is there. Raises as `create` and `wait` do."""
        clip = await self.create(channel, start, end, title=title, wait_for_data=wait_for_data, delete_at=delete_at)
        return await self.wait(channel, clip, progress=progress)

    async def save(
        self,
        channel: ChannelRow | int,
        clip: Clip,
        target: Target,
        progress: Progress | None = None,
        *,
        resume: bool = False,
    ) -> int:
        """Write the clip's MP4 into a file, a folder or a writer, and return how many bytes it has.

        What breaks off is asked for from there on, by a new address where one has expired; `resume` goes on with what an
        earlier call has left. Raises MediaUnavailable, OutputError, NoRoom or VmsError.
        """
        given = GivenVideo(self._media, f"clip {clip.id}", _Address(self, channel, clip).find)
        if not isinstance(target, str | PathLike):
            return await download(given, Handed(target), self._session.clock, progress)
        path = await asyncio.to_thread(within, Path(target), f"{clip.camera_id}-clip-{clip.id}.mp4")
        async with filed(Part(path, f"{clip.id}"), keep=resume) as taken:
            return await download(given, taken, self._session.clock, progress)

    async def open(self, channel: ChannelRow | int, clip: Clip, part: tuple[int, int | None] = (0, None)) -> Stream:
        """Open the clip's MP4, or its bytes from this one to that (None: the end); whoever gets the stream closes it.

        Its address is read anew where it has expired. Raises NoSuchPart, ClipFailed, MediaUnavailable or VmsError.
        """
        address = _Address(self, channel, clip)
        try:
            return await self._media.open(await address.find(False), f"clip {clip.id}", part)
        except MediaExpired:
            return await self._media.open(await address.find(True), f"clip {clip.id}", part)

    async def delete(self, channel: ChannelRow | int, clip: Clip | int) -> None:
        """Delete it. Raises VmsError."""
        await self._session.ask_of(channel, "DELETE", f"{_V4}{_number(clip)}/")

    async def _patience_s(self, clip: Clip) -> float:
        """Return how long such a clip may take: as long as it is, and what is still to come of it."""
        if clip.start is None or clip.end is None:
            return _PATIENCE_S
        to_come_s = max(0.0, (clip.end - await self._session.now()).total_seconds())
        return to_come_s + (clip.end - clip.start).total_seconds() + _PATIENCE_S

    async def _failure(self, channel: ChannelRow | int, clip: Clip) -> ClipFailed:
        """Return why there is no clip: VXG says `error` for all, so it is asked what is recorded."""
        if clip.start is not None and clip.end is not None:
            from_there = [("start", written(clip.start)), ("end", written(clip.end)), ("limit", "1")]
            answer = await self._session.ask_of(channel, "GET", _RECORDS, query=from_there)
            if not listed(answer, _RECORDS):
                hint = "archive.timeline says what there is; when it records is the channel's record mode"
                return ClipEmpty(f"nothing is recorded of channel {clip.camera_id} in the time of clip {clip.id}", hint=hint)
        return ClipFailed(f"VXG could not make clip {clip.id}", hint="try again, or a shorter one")


class _Address:
    """The address of a clip's video, which is read anew when it is good no more."""

    def __init__(self, clips: Clips, channel: ChannelRow | int, clip: Clip) -> None:
        self._clips, self._channel, self._clip = clips, channel, clip

    async def find(self, again: bool) -> str:  # noqa: FBT001 (it is called by position)
        """Return it. Raises ClipFailed or VmsError."""
        if again or self._clip.url is None:
            self._clip = await self._clips.get(self._channel, self._clip)
        if self._clip.url is None:
            raise ClipFailed(f"clip {self._clip.id} has no video", hint="wait for it first")
        return self._clip.url


def _number(clip: object) -> int:
    return id_of(clip, Clip, "a clip")
