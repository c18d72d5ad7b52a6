"""The two kinds of live video: H.264 or H.265, by a child that hands it on as it is, and pictures one by one."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING

from vms_bridge.archive import LiveForm, LiveKind
from vms_bridge.errors import MediaUnavailable, VideoFailed
from vms_bridge.video.broadcast import Piece
from vms_bridge.video.child import WORKER, Child, need_video
from vms_bridge.video.jobs import Input, Reading, Remux
from vms_bridge.video.pictures import Splitter
from vms_bridge.video.wire import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from vms_bridge.archive import OpenMedia, VideoSource
    from vms_bridge.clock import Clock
    from vms_bridge.errors import BridgeError
    from vms_bridge.video.broadcast import Broadcast
    from vms_bridge.video.wire import Frame

VIDEO_FORMS = (LiveForm.MPEG_TS, LiveForm.MP4)
PICTURE_FORMS = (LiveForm.MJPEG,)
_READINGS = {LiveKind.RTSP: Reading.RTSP, LiveKind.HTTP: Reading.HTTP, LiveKind.FILES: Reading.FILES}
_PIECES = {
    Kind.TS_KEY: (LiveForm.MPEG_TS, True),
    Kind.TS: (LiveForm.MPEG_TS, False),
    Kind.MP4_KEY: (LiveForm.MP4, True),
    Kind.MP4: (LiveForm.MP4, False),
}


class VideoByChild:
    """The best of a monitor's sources that gives something: which there are is asked before each attempt."""

    def __init__(
        self, ladder: Callable[[], Awaitable[Sequence[VideoSource]]], clock: Clock, *, program: Sequence[str] = WORKER
    ) -> None:
        self._ladder, self._clock, self._program = ladder, clock, program

    async def read(self, to: Broadcast, since_s: float) -> None:
        """Read the first that gives something, to its end. Raises BridgeError."""
        need_video()
        sources = await self._ladder()
        if not sources:
            raise MediaUnavailable(
                "there is no video of this monitor that could be handed on, only pictures one by one",
                hint="look at live.mjpeg; docs/video.md says where H.264 comes from",
            )
        failures: list[BridgeError] = []
        for source in sources:
            before = to.pieces
            try:
                await self._read(source, to, since_s)
            except VideoFailed as error:
                if to.pieces > before:
                    raise
                failures.append(VideoFailed(f"{source.name}: {error}", hint=error.hint))
            else:
                return
        raise failures[0]

    async def _read(self, source: VideoSource, to: Broadcast, since_s: float) -> None:
        job = Remux(input=Input(reading=_READINGS[source.kind], urls=source.urls), since_s=since_s)
        child = await Child.start(job, self._clock, program=self._program)
        try:
            async with aclosing(child.frames()) as frames:
                async for frame in frames:
                    _pass_on(frame, to)
        finally:
            await child.close()


class Pictures:
    """Pictures one by one, as the VMS itself sends them."""

    def __init__(self, open_media: Callable[[], AbstractAsyncContextManager[OpenMedia]]) -> None:
        self._open = open_media

    async def read(self, to: Broadcast, since_s: float) -> None:
        """Read them. Raises BridgeError."""
        del since_s  # pictures have no times
        async with self._open() as media:
            splitter = Splitter(media.content_type)
            to.begin("jpeg")
            async for data in media.pieces():
                for picture in splitter.feed(data):
                    to.publish(LiveForm.MJPEG, Piece(picture, is_key=True))


def _pass_on(frame: Frame, to: Broadcast) -> None:
    if frame.kind in _PIECES:
        form, is_key = _PIECES[frame.kind]
        to.publish(form, Piece(frame.content, is_key))
    elif frame.kind is Kind.HELLO:
        to.begin(str(json.loads(frame.content)["kind"]))
    elif frame.kind is Kind.MP4_HEAD:
        to.head(LiveForm.MP4, frame.content)
