"""Pictures of a live video, decoded by a child: who is slow gets the newest one."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vms_bridge.archive import LiveForm, VideoPicture
from vms_bridge.errors import BridgeError, VideoFailed
from vms_bridge.video.child import WORKER, Child
from vms_bridge.video.jobs import Decode, Input, Reading
from vms_bridge.video.wire import PICTURE, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from vms_bridge.clock import Clock

FORMATS = {LiveForm.MPEG_TS: "mpegts", LiveForm.MJPEG: "mjpeg"}
"""What FFmpeg calls the forms that can be decoded; of the second the pictures alone, one behind the other."""
SLOWEST, FASTEST = 0.01, 30.0
NARROWEST, WIDEST = 16, 3_840


@asynccontextmanager
async def decoding(
    pieces: AsyncIterator[bytes], form: LiveForm, clock: Clock, *, rate: float, width: int, program: Sequence[str] = WORKER
) -> AsyncIterator[AsyncIterator[VideoPicture]]:
    """Decode these pieces: yields pictures. Raises VideoFailed, and what the pieces do."""
    job = Decode(
        input=Input(reading=Reading.FED, format=FORMATS[form]),
        rate=min(max(rate, SLOWEST), FASTEST),
        width=min(max(width, NARROWEST), WIDEST),
    )
    child = await Child.start(job, clock, program=program)
    newest = _Newest()
    tasks = [
        asyncio.create_task(_feed(pieces, child, newest), name=f"decoder {child.pid}: feed"),
        asyncio.create_task(_read(child, newest), name=f"decoder {child.pid}: read"),
    ]
    try:
        yield newest.pictures()
    finally:
        for task in tasks:
            task.cancel()
        try:
            await asyncio.wait(tasks)
        finally:
            await child.close()


class _Newest:
    """The newest picture, or why there is none any more."""

    def __init__(self) -> None:
        self._picture: VideoPicture | None = None
        self._error: BridgeError | None = None
        self._woken = asyncio.Event()

    def put(self, picture: VideoPicture) -> None:
        self._picture = picture
        self._woken.set()

    def fail(self, error: BridgeError) -> None:
        self._error = self._error or error
        self._woken.set()

    async def pictures(self) -> AsyncIterator[VideoPicture]:
        while True:
            await self._woken.wait()
            self._woken.clear()
            picture, self._picture = self._picture, None
            if picture is not None:
                yield picture
            if self._error is not None:
                raise self._error


async def _feed(pieces: AsyncIterator[bytes], child: Child, newest: _Newest) -> None:
    try:
        async for piece in pieces:
            await child.feed(piece)
    except BridgeError as error:
        newest.fail(error)
    else:
        child.end_of_feed()


async def _read(child: Child, newest: _Newest) -> None:
    try:
        async with aclosing(child.frames()) as frames:
            async for frame in frames:
                if frame.kind is Kind.PICTURE:
                    newest.put(_picture(frame.content))
    except BridgeError as error:
        newest.fail(error)
    else:
        newest.fail(VideoFailed("the video has ended"))


def _picture(content: bytes) -> VideoPicture:
    width, height, time = PICTURE.unpack_from(content)
    return VideoPicture(width=width, height=height, time=datetime.fromtimestamp(time, UTC), pixels=content[PICTURE.size :])
