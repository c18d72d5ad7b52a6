"""Pictures of channels into files, as they come: whole or not at all, and never twice."""

from __future__ import annotations

import asyncio
import signal
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from vms_bridge.cli.direct.tally import make_folder, outcome_said, size_there
from vms_bridge.errors import BridgeError, DetectionFailed, MediaUnavailable, NoRoom, OutputError, TimedOut
from vms_bridge.part_files import replaced
from vms_bridge.vxg import NotThere

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from vms_bridge.cli.detect.models import Outcome as Look
    from vms_bridge.clock import Clock
    from vms_bridge.vxg import ChannelRow, Image, Keep, Vxg

    Looks = Callable[[str], Awaitable[Look]]

_POLL_S = 1.0
_FEW = 4
"""So many channels are asked each for itself; of more, all of the group by one request."""
_AT_ONCE = 8
_ENDS_ALL = (OutputError, NoRoom)
"""After these no other picture has a better chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one picture: it is in a file, since now or since before (`is_new`), or it could not be had."""

    channel: ChannelRow
    time: datetime | None = None
    path: Path | None = None
    bytes: int = 0
    is_new: bool = False
    look: Look | None = None
    """What was found in it, where somebody looks."""
    error: BridgeError | None = None

    def said(self) -> dict[str, Any]:
        """Return it for programs."""
        at = None if self.time is None else self.time.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return {
            "channel": self.channel.id,
            "name": self.channel.name,
            "time": at,
            **outcome_said(self, "saved"),
            **({} if self.look is None else {"found": self.look.text, "detail": self.look.detail}),
        }


class Saver:
    """Saves pictures in a folder, those of each channel in one of its own, by their times; `told` gets what becomes of each.

    Where somebody `looks`, each new one is shown to it.
    """

    def __init__(self, vxg: Vxg, folder: Path, told: Callable[[Outcome], None], clock: Clock, looks: Looks | None = None) -> None:
        self._vxg, self._folder, self._told, self._clock, self._looks = vxg, folder, told, clock, looks

    async def sample(
        self, rows: Sequence[ChannelRow], every_s: float, keep: Keep, *, limit: int | None, for_s: float | None
    ) -> None:
        """Save what channels show, so many of each, or for so long, or until SIGTERM; rates are put back at the end.

        A channel of which nothing comes is told, and the others go on. Raises OutputError or NoRoom.
        """
        over = asyncio.Event()
        ends = asyncio.create_task(over.wait(), name="the end of sampling")
        works = [asyncio.create_task(work, name="sampling") for work in self._works(rows, every_s, keep, limit)]
        done = asyncio.gather(*works)
        with _on_sigterm(over.set):
            try:
                waited: set[asyncio.Future[Any]] = {ends, done}
                await asyncio.wait(waited, timeout=for_s, return_when=asyncio.FIRST_COMPLETED)
                if done.done():
                    await done
            finally:
                for task in (ends, *works):
                    task.cancel()
                await asyncio.gather(ends, *works, done, return_exceptions=True)

    def _works(
        self, rows: Sequence[ChannelRow], every_s: float, keep: Keep, limit: int | None
    ) -> list[Coroutine[Any, Any, None]]:
        images = self._vxg.images
        if len(rows) <= _FEW:
            return [self._all(row, images.sample(row, every_s, keep=keep, limit=limit)) for row in rows]
        known = {row.id: row for row in rows}

        def refused(number: int, error: BridgeError) -> None:
            self._told(Outcome(channel=known[number], error=error))

        return [self._group(known, images.sample_all(rows, every_s, keep=keep, limit=limit, refused=refused))]

    async def extract(self, row: ChannelRow, start: datetime, end: datetime, every_s: float) -> None:
        """Save pictures of what was recorded of a channel; what can't be had is told. Raises OutputError or NoRoom."""
        await self._all(row, self._vxg.images.sample_archive(row, start, end, every_s))

    async def now(self, row: ChannelRow, path: Path | None, *, refresh_s: float | None) -> None:
        """Save the newest picture of a channel, made anew within `refresh_s`, in a file. Raises OutputError or NoRoom."""
        try:
            image = await self._newest(row, refresh_s)
            await self._save(row, image, path or self._folder / f"channel-{row.id}.jpg", is_again=True)
        except _ENDS_ALL:
            raise
        except BridgeError as error:
            self._told(Outcome(channel=row, error=error))

    async def _newest(self, row: ChannelRow, refresh_s: float | None) -> Image:
        live = self._vxg.live
        if refresh_s is None:
            return await live.image(row)
        before = await self._seen_now(row)
        await live.refresh(row)
        for _ in range(round(refresh_s / _POLL_S)):
            if (now := await self._seen_now(row)) is not None and now != before:
                return await live.image(row)
            await self._clock.sleep(_POLL_S)
        raise TimedOut(f"channel {row.id} has no newer picture after {refresh_s:g} s", hint="is the camera online?")

    async def _seen_now(self, row: ChannelRow) -> bytes | None:
        """Return the newest picture, None where there is none yet; nothing else of VXG's says whether it is another one."""
        try:
            return await self._vxg.images.fetch(await self._vxg.live.image(row))
        except (MediaUnavailable, NotThere):
            return None

    async def _all(self, row: ChannelRow, images: AsyncGenerator[Image, None]) -> None:
        try:
            async with aclosing(images):
                async for image in images:
                    await self._one(row, image)
        except _ENDS_ALL:
            raise
        except BridgeError as error:
            self._told(Outcome(channel=row, error=error))

    async def _group(self, known: Mapping[int, ChannelRow], images: AsyncGenerator[Image, None]) -> None:
        """Save pictures of many channels, some at a time. Raises BridgeError."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            async with aclosing(images):
                async for image in images:
                    under_way.add(asyncio.create_task(self._one(known[image.camera_id], image), name="picture"))
                    await _wait(under_way, _AT_ONCE - 1)
            await _wait(under_way, 0)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _one(self, row: ChannelRow, image: Image) -> None:
        name = f"{image.id}" if image.time is None else image.time.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3] + "Z"
        try:
            await self._save(row, image, self._folder / str(row.id) / f"{name}.jpg")
        except _ENDS_ALL:
            raise
        except BridgeError as error:
            self._told(Outcome(channel=row, time=image.time, error=error))

    async def _save(self, row: ChannelRow, image: Image, path: Path, *, is_again: bool = False) -> None:
        size = None if is_again else await asyncio.to_thread(size_there, path)
        if size is None:
            jpeg = await self._vxg.images.fetch(image)
            await asyncio.to_thread(_write, path, jpeg)
            look = None if self._looks is None else await self._looks(str(path))
            error = None if look is None or look.error is None else DetectionFailed(look.error, hint=look.hint)
            size, is_new = len(jpeg), True
        else:
            look, error, is_new = None, None, False
        self._told(Outcome(channel=row, time=image.time, path=path, bytes=size, is_new=is_new, look=look, error=error))


async def _wait(tasks: set[asyncio.Task[None]], most: int) -> None:
    """Wait until no more than so many are under way. Raises what one of them raises."""
    while len(tasks) > most:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        tasks -= done
        for task in done:
            task.result()


def _write(path: Path, jpeg: bytes) -> None:
    """Write it whole, in a folder that is made. Raises OutputError or NoRoom."""
    make_folder(path.parent)
    with replaced(path) as file:
        file.write(jpeg)


@contextmanager
def _on_sigterm(end: Callable[[], None]) -> Iterator[None]:
    """Have SIGTERM end it in order, too, where this is the program's own thread."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGTERM, end)
    except (ValueError, RuntimeError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
