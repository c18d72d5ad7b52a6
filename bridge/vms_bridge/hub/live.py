"""Live video: each source is read once, whoever looks at it, and only while somebody does."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from vms_bridge.archive import LiveForm, LiveStream
from vms_bridge.boundary import Boundary
from vms_bridge.errors import MediaBusy, MediaUnavailable
from vms_bridge.video.child import WORKER, can_read_video, need_video
from vms_bridge.video.decoder import decoding
from vms_bridge.video.sources import PICTURE_FORMS, VIDEO_FORMS, Pictures, VideoByChild
from vms_bridge.video.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from vms_bridge.archive import ByteRange, VideoPicture
    from vms_bridge.clock import Clock
    from vms_bridge.hub.archive import Archives
    from vms_bridge.video.upstream import Source

MOST_SOURCES = 32
"""How many are read at a time, by the whole bridge: each by a process, or a connection to its VMS."""
MOST_VIEWERS = 128
"""How many look at one of them."""
MOST_DECODERS = 16
_BOUNDARY = "frame"
_TYPES = {
    LiveForm.MPEG_TS: "video/mp2t",
    LiveForm.MP4: "video/mp4",
    LiveForm.MJPEG: f"multipart/x-mixed-replace; boundary={_BOUNDARY}",
}


class OpenLive:
    """A live video that somebody looks at, as `archive.OpenMedia`."""

    length: int | None = None
    part: ByteRange | None = None

    def __init__(self, form: LiveForm, pieces: AsyncGenerator[bytes, None]) -> None:
        self.form, self._pieces = form, pieces
        self.content_type = _TYPES[form]

    def bare(self) -> AsyncGenerator[bytes, None]:
        """Return it piece by piece; of MJPEG the pictures alone."""
        return self._pieces

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield it piece by piece, beginning with a picture that needs no other. Raises BridgeError."""
        async for piece in self._pieces:
            if self.form is not LiveForm.MJPEG:
                yield piece
                continue
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(piece)}\r\n\r\n"
            yield head.encode() + piece + b"\r\n"


class Live:
    """All live video. Raises MediaUnavailable, VideoFailed or VmsError for what can't be had."""

    def __init__(self, archives: Archives, clock: Clock, *, program: Sequence[str] = WORKER) -> None:
        self._archives, self._clock, self._program = archives, clock, program
        self._boundary = Boundary("the live video", clock)
        self._upstreams: dict[tuple[str, str, bool], Upstream] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._decoders = 0

    async def forms(self, system: str, monitor: str) -> Sequence[LiveForm]:
        """Return in which forms a monitor can be looked at, as far as can be told without reading its video."""
        self._archives.check_live(system, monitor)
        has_video = can_read_video() and bool(await self._archives.video_sources(system, monitor))
        return (*VIDEO_FORMS, *PICTURE_FORMS) if has_video else PICTURE_FORMS

    @asynccontextmanager
    async def open(self, system: str, ref: LiveStream, *, wants_newest: bool = False) -> AsyncIterator[OpenLive]:
        """Look at a monitor."""
        if ref.form not in _TYPES:
            raise MediaUnavailable(f"there is no live video in the form {ref.form}")
        self._archives.check_live(system, ref.monitor)
        upstream = self._upstream(system, ref)
        if upstream.broadcast.viewers >= MOST_VIEWERS:
            raise MediaBusy(f"{MOST_VIEWERS} look at that already", hint="try again later")
        async with upstream.viewing(ref.form, wants_newest=wants_newest) as pieces:
            yield OpenLive(ref.form, pieces)

    @asynccontextmanager
    async def frames(
        self, system: str, monitor: str, rate: float, *, width: int = 1_280
    ) -> AsyncIterator[AsyncIterator[VideoPicture | bytes]]:
        """Look at a monitor's pictures: those of a video decoded, JPEGs that come one by one as they are."""
        if await self._archives.video_sources(system, monitor):
            async with self._decoded(system, monitor, rate, width) as pictures:
                yield pictures
        else:
            ref = LiveStream(monitor=monitor, form=LiveForm.MJPEG)
            async with (
                self.open(system, ref, wants_newest=True) as live,
                aclosing(live.bare()) as every,
                aclosing(self._thinned(every, rate)) as pictures,
            ):
                yield pictures

    @asynccontextmanager
    async def _decoded(self, system: str, monitor: str, rate: float, width: int) -> AsyncIterator[AsyncIterator[VideoPicture]]:
        need_video()
        if self._decoders >= MOST_DECODERS:
            raise MediaBusy(f"{MOST_DECODERS} videos are decoded already", hint="try again later")
        self._decoders += 1
        try:
            ref = LiveStream(monitor=monitor, form=LiveForm.MPEG_TS)
            async with (
                self.open(system, ref) as live,
                decoding(live.bare(), live.form, self._clock, rate=rate, width=width, program=self._program) as pictures,
            ):
                yield pictures
        finally:
            self._decoders -= 1

    async def _thinned(self, pictures: AsyncIterator[bytes], rate: float) -> AsyncGenerator[bytes, None]:
        """Yield so many of them a second at most."""
        due = self._clock.monotonic()
        async for picture in pictures:
            if (now := self._clock.monotonic()) >= due:
                due = max(due + 1 / rate, now)
                yield picture

    def numbers(self, system: str) -> tuple[int, int]:
        """Return how many of the system's sources are read now, and how many look at them."""
        read = [upstream.broadcast.viewers for key, upstream in self._upstreams.items() if key[0] == system]
        return len(read), sum(read)

    def forget(self, system: str) -> None:
        """End what is read of a system: it is no more, or another one."""
        for key in [key for key in self._upstreams if key[0] == system]:
            task = asyncio.create_task(self._upstreams[key].close(), name=f"live {key[0]}/{key[1]}: end")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End all of it."""
        await asyncio.gather(*(upstream.close() for upstream in tuple(self._upstreams.values())))
        if self._ending:
            await asyncio.wait(self._ending)

    def _upstream(self, system: str, ref: LiveStream) -> Upstream:
        is_video = ref.form in VIDEO_FORMS
        key = (system, ref.monitor, is_video)
        found = self._upstreams.get(key)
        if found is not None:
            return found
        if len(self._upstreams) >= MOST_SOURCES:
            raise MediaBusy(f"{MOST_SOURCES} live videos are read already", hint="look at fewer at a time")
        source: Source = (
            VideoByChild(lambda: self._archives.video_sources(system, ref.monitor), self._clock, program=self._program)
            if is_video
            else Pictures(lambda: self._archives.media(system, LiveStream(monitor=ref.monitor), None))
        )
        made = Upstream(
            f"{system}/{ref.monitor}",
            source,
            VIDEO_FORMS if is_video else PICTURE_FORMS,
            self._clock,
            boundary=self._boundary,
            on_end=lambda: self._discard(key),
        )
        self._upstreams[key] = made
        return made

    def _discard(self, key: tuple[str, str, bool]) -> None:
        self._upstreams.pop(key, None)
