"""What monitors see now, picture by picture, as fast as a script takes them: the newest wins.

A stream that nobody takes anything of for a while reads nothing; it begins again with the next picture that is asked for.
"""

from __future__ import annotations

import asyncio
import io
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

from PIL import Image
from pydantic import Field

from vms_bridge.archive import VideoPicture
from vms_bridge.errors import BodyTooLarge, BridgeError, MediaBusy, MediaUnavailable, NotFound
from vms_bridge.explaining import explained, is_defect
from vms_bridge.model import Capability
from vms_bridge.scripts.services import visible
from vms_bridge.scripts.services.getting import in_time
from vms_bridge.scripts.services.monitors import AskedMonitor
from vms_bridge.scripts.services.plain import plain
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.scripts.wire import MOST_BYTES
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
MOST_EACH, MOST_OF_ALL = 4, 16
"""How many streams one script has, and all together; each that is read may take a process that decodes."""
IDLE_S = 10.0
SWEEP_S = 2.0
PICTURE_S = 30.0
_QUALITY = 85


class AskedFrames(AskedMonitor):
    """Of which monitor, how many a second at most, and how wide those are that are decoded."""

    rate: Annotated[float, Field(ge=0.01, le=30, allow_inf_nan=False)] = 1.0
    width: Annotated[int, Field(ge=64, le=1_920)] = 1_280


class AskedStream(Asked):
    """Which stream."""

    stream: Annotated[str, Field(min_length=1, max_length=20)]


@dataclass(frozen=True, slots=True)
class _Frame:
    time: datetime
    picture: VideoPicture | bytes


class _Stream:
    """One script's look at one monitor: `start` starts a task that reads it."""

    def __init__(self, hub: HubView, clock: Clock, view: tuple[str, str], asked: AskedFrames) -> None:
        self._hub, self._clock, self._view, self._asked = hub, clock, view, asked
        self.name, self.every_s = "/".join(view), 1 / asked.rate
        self._newest: _Frame | None = None
        self._error: BridgeError | None = None
        self._fresh = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._wanted = 0
        """How many wait for a picture."""
        self._taken_s = clock.monotonic()
        self.is_closed = False

    async def next(self, start: Callable[[_Stream], asyncio.Task[None]]) -> _Frame:
        """Wait for a picture that was not taken yet. Raises what reading raises."""
        self._wanted += 1
        try:
            while not self.is_closed:
                if self._newest is not None:
                    frame, self._newest = self._newest, None
                    return frame
                if self._error is not None:
                    error, self._error = self._error, None
                    raise error.with_traceback(None)
                if self._reader is None:
                    self._reader = start(self)
                self._fresh.clear()
                await self._fresh.wait()
            raise NotFound("the stream was closed")
        finally:
            self._wanted -= 1
            self._taken_s = self._clock.monotonic()

    async def read(self) -> None:
        """Look until nobody does any more; an error is kept for who asks next."""
        try:
            async with self._hub.frames(*self._view, self._asked.rate, width=self._asked.width) as pictures:
                async for picture in pictures:
                    time = picture.time if isinstance(picture, VideoPicture) else self._clock.now()
                    self._newest = _Frame(time, picture)
                    self._fresh.set()
            self._error = MediaUnavailable(f"the live video of {self.name} has ended", hint="ask for it again")
        except Exception as error:
            if is_defect(error):
                _LOGGER.exception("the live video of %s could not be read for a reason that nobody has foreseen", self.name)
            self._error = explained(error)
        finally:
            self._reader = None
            self._fresh.set()

    def rest(self) -> None:
        """Read no more where nobody has taken anything for a while: the picture that is there is an old one then."""
        is_idle = not self._wanted and self._clock.monotonic() - self._taken_s >= IDLE_S
        if is_idle and self._reader is not None:
            self._reader.cancel()
            self._newest = None

    def close(self) -> None:
        """Read no more."""
        self.is_closed = True
        if self._reader is not None:
            self._reader.cancel()
        self._fresh.set()


class Frames:
    """All streams of all scripts; they are read for as long as it runs."""

    def __init__(self, hub: HubView, clock: Clock) -> None:
        self._hub, self._clock = hub, clock
        self._streams: dict[Asker, dict[str, _Stream]] = {}
        self._number = 0
        self._group: asyncio.TaskGroup | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self._streams.values()))

    async def run(self) -> None:
        """Have them read, until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                while True:
                    await self._clock.sleep(SWEEP_S)
                    for streams in self._streams.values():
                        for stream in streams.values():
                            stream.rest()
        finally:
            self._group = None

    async def open(self, asker: Asker, asked: AskedFrames, _data: bytes) -> Answered:
        """Return the name of a new stream. Raises NotFound, MediaUnavailable, MediaBusy."""
        view = visible.monitor(self._hub, asker, asked.monitor)
        if Capability.LIVE_STREAM not in view.monitor.capabilities:
            raise MediaUnavailable(f"there is no live video of {view.system}/{view.key}", hint="ask for snapshots")
        own = self._streams.get(asker, {})
        if len(own) >= MOST_EACH or self.count >= MOST_OF_ALL:
            raise MediaBusy(
                f"a script looks at {MOST_EACH} monitors at a time, and all scripts at {MOST_OF_ALL}",
                hint="leave the loop over frames that are not needed any more",
            )
        if asker not in self._streams:
            self._streams[asker] = own
            asker.at_end(partial(self._end, asker))
        self._number += 1
        name = f"s{self._number}"
        own[name] = _Stream(self._hub, self._clock, (view.system, view.key), asked)
        return Answered({"stream": name})

    async def next(self, asker: Asker, asked: AskedStream, _data: bytes) -> Answered:
        """Return the newest picture as a JPEG. Raises NotFound, and what looking at the monitor raises."""
        stream = self._streams.get(asker, {}).get(asked.stream)
        if stream is None:
            raise NotFound(f"there is no stream {asked.stream!r} any more", hint="open another one")
        async with in_time(self._clock, PICTURE_S + stream.every_s, f"the next picture of {stream.name}"):
            frame = await stream.next(self._start)
            picture = frame.picture
            if isinstance(picture, VideoPicture):
                jpeg = await in_thread("frames: encode", partial(encoded, picture))
            else:
                jpeg = picture
        if len(jpeg) > MOST_BYTES:
            raise BodyTooLarge(f"a picture of {stream.name} has {len(jpeg)} bytes", hint=f"more than {MOST_BYTES} can't be sent")
        size = (picture.width, picture.height) if isinstance(picture, VideoPicture) else (None, None)
        said = {"time": frame.time, "size": len(jpeg), "type": "image/jpeg", "width": size[0], "height": size[1]}
        return Answered(plain(said), jpeg)

    async def close(self, asker: Asker, asked: AskedStream, _data: bytes) -> Answered:
        """Look no more."""
        stream = self._streams.get(asker, {}).pop(asked.stream, None)
        if stream is not None:
            stream.close()
        return Answered()

    def _start(self, stream: _Stream) -> asyncio.Task[None]:
        if self._group is None:
            raise MediaUnavailable("no live video can be looked at yet, or no more")
        return self._group.create_task(stream.read(), name=f"frames of {stream.name} for a script")

    def _end(self, asker: Asker) -> None:
        for stream in self._streams.pop(asker, {}).values():
            stream.close()


def encoded(picture: VideoPicture) -> bytes:
    """Return a decoded picture as a JPEG. Blocking."""
    image = Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)
    into = io.BytesIO()
    image.save(into, "JPEG", quality=_QUALITY)
    return into.getvalue()


def rows(frames: Frames) -> Sequence[ServiceRow]:
    """Return how monitors can be looked at."""
    return (
        ServiceRow(what="frames.open", asked=AskedFrames, do=frames.open, rate=1.0, burst=10.0),
        ServiceRow(what="frames.next", asked=AskedStream, do=frames.next, rate=60.0, burst=120.0),
        ServiceRow(what="frames.close", asked=AskedStream, do=frames.close, rate=20.0, burst=100.0),
    )
