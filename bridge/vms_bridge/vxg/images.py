"""Pictures, on demand and at any rate: live, and from the archive."""

from __future__ import annotations

import math
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.errors import BridgeError, BrokeOff, MediaUnavailable, TimedOut, VmsProtocolError, VmsUnreachable
from vms_bridge.vxg import rows
from vms_bridge.vxg.fields import lasting_s, mapping, text, whole, written
from vms_bridge.vxg.refusals import ServerFailed, WrongValue
from vms_bridge.vxg.session import channel_id
from vms_bridge.vxg.values import GENERATED_FROM_LIVE, GENERATED_FROM_RECORDS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.vxg.media import Media
    from vms_bridge.vxg.sampling import Keep, Pace, Sampling
    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow, Image

_TASKS = "/api/v4/images/generation/tasks/"
_LATEST_POLL_S, _SOONEST_POLL_S = 5.0, 0.5
_LATE_S = 10.0
"""So much later than one of another channel a picture may be listed."""
_PATIENCE_S = 120.0
_TASK_POLL_S = (1.0, 2.0, 5.0)
_TASK_PATIENCE_S = 120.0
_DONE, _FAILED = {"done", "finished", "completed", "success"}, {"error", "failed"}
_PERIODS_S = (0.04, 86_400.0)
_PASSES = (VmsUnreachable, BrokeOff, ServerFailed)
"""An outage, which is waited out as pictures are that do not come."""


class Images:
    """The pictures of channels."""

    def __init__(self, session: Session, media: Media, pace: Pace) -> None:
        self._session, self._media, self._pace = session, media, pace

    async def each(
        self,
        channel: ChannelRow | int | None = None,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        origin: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[Image]:
        """Yield what there is of a channel, or of all of the group, in the order of their times. Raises VmsError.

        `origin` says how it came to be: `generated_from_live`, `generated_from_records` or `recording_thumbnail`.
        """
        query = [(name, written(when)) for name, when in (("start", start), ("end", end)) if when is not None]
        query += [("order_by", "-time" if newest_first else "time")] + ([("origin", origin)] if origin else [])
        whose = None if channel is None else channel_id(channel)
        if channel is None:
            credential, path = self._session.for_all, "/api/v2/storage/thumbnails/"
        else:
            credential, path = await self._session.channel_token(channel), "/api/v4/storage/images/"
        async for raw in self._session.pages(credential, path, query, limit=limit):
            found = rows.image(raw, whose)
            if found is not None:
                yield found

    async def fetch(self, image: Image) -> bytes:
        """Return a picture's JPEG. Raises MediaExpired where its address is good no more, or MediaUnavailable."""
        return await self._media.jpeg(image.url, f"picture of channel {image.camera_id}", expires=image.expires)

    async def period(self, channel: ChannelRow | int) -> float | None:
        """Return how often pictures are made of live video, in seconds; None where none are. Raises VmsError."""
        return await self._pace.read(channel)

    async def set_period(self, channel: ChannelRow | int, period_s: float | None) -> None:
        """Have pictures be made so often, or not at all: for everybody who looks at this channel. Raises WrongValue or VmsError.

        `sample` is the polite way: it leaves the setting as it was found.
        """
        await self._pace.put(channel, None if period_s is None else _checked(period_s))

    async def sample(
        self,
        channel: ChannelRow | int,
        every_s: float,
        *,
        keep: Keep | None = None,
        limit: int | None = None,
        patience_s: float | None = _PATIENCE_S,
    ) -> AsyncGenerator[Image, None]:
        """Yield pictures of now, one for each `every_s`, until nobody wants more.

        An outage is waited out. Raises MediaUnavailable where none has come for so long (`patience_s`, or four times what is
        wanted; None: waits for ever), or what VXG failed by then; WrongValue or VmsError.

        The rate is a setting of the channel that all share: it is read first, raised where it does not suffice, never lowered,
        and put back at the end, unless somebody has changed it meanwhile. `keep` is told before and after, so that it can be
        put back after the program was killed (`restore`). The first picture may take half a minute.
        """
        _checked(every_s)
        number_of = channel_id(channel)
        async with self._pace.raised(number_of, every_s, keep):
            wanted = _Thinned(await self._session.now(), every_s)
            waits = _Patience(self._session.clock, patience_s, every_s)
            while limit is None or wanted.count < limit:
                outage: BridgeError | None = None
                try:
                    async for image in self.each(number_of, start=wanted.last, origin=GENERATED_FROM_LIVE):
                        if wanted.takes(image):
                            waits.begin()
                            yield image
                            if wanted.count == limit:
                                return
                except _PASSES as error:
                    outage = error
                if (silent := waits.error(number_of)) is not None:
                    raise outage or silent
                await self._session.clock.sleep(_poll_s(every_s))

    async def sample_all(
        self,
        channels: Iterable[ChannelRow | int],
        every_s: float,
        *,
        keep: Keep | None = None,
        limit: int | None = None,
        patience_s: float | None = _PATIENCE_S,
        refused: Callable[[int, BridgeError], None] | None = None,
    ) -> AsyncGenerator[Image, None]:
        """Yield pictures of now of many channels, one for each `every_s` of each, by one request for all of them.

        Their rates are raised and put back as `sample` does; `limit` is of each. `refused` is told whose rate could not be
        raised, or of whom none has come for so long, and why, and the others go on; without it that is raised. Raises WrongValue
        or VmsError.
        """
        _checked(every_s)
        began = await self._session.now()
        wanted = {channel_id(each): _Thinned(began, every_s) for each in channels}

        def drop(number_of: int, error: BridgeError) -> None:
            if refused is None:
                raise error
            del wanted[number_of]
            refused(number_of, error)

        async with self._pace.all_raised(list(wanted), every_s, keep) as not_raised:
            for number_of, error in not_raised.items():
                drop(number_of, error)
            waits = {number_of: _Patience(self._session.clock, patience_s, every_s) for number_of in wanted}
            async with aclosing(self._polled(wanted, waits, every_s, limit=limit, drop=drop)) as images:
                async for image in images:
                    yield image

    async def _polled(
        self,
        wanted: dict[int, _Thinned],
        waits: Mapping[int, _Patience],
        every_s: float,
        *,
        limit: int | None,
        drop: Callable[[int, BridgeError], None],
    ) -> AsyncGenerator[Image, None]:
        began = newest = max((each.last for each in wanted.values()), default=await self._session.now())
        while wanted:
            since = max(began, newest - timedelta(seconds=max(_LATE_S, 2 * every_s)))
            outage: BridgeError | None = None
            try:
                async for image in self.each(start=since, origin=GENERATED_FROM_LIVE):
                    thinned = wanted.get(image.camera_id)
                    if thinned is not None and thinned.takes(image):
                        newest = max(newest, thinned.last)
                        waits[image.camera_id].begin()
                        if thinned.count == limit:
                            del wanted[image.camera_id]
                        yield image
            except _PASSES as error:
                outage = error
            for number_of in list(wanted):
                if (silent := waits[number_of].error(number_of)) is not None:
                    drop(number_of, outage or silent)
            await self._session.clock.sleep(_poll_s(every_s) if wanted else 0.0)

    async def restore(self, sampling: Sampling) -> bool:
        """Put a rate back that a program was killed with; False where somebody has changed it since. Raises VmsError."""
        return await self._pace.restore(sampling)

    async def extract(
        self,
        channel: ChannelRow | int,
        start: datetime,
        end: datetime,
        every_s: float,
        *,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        """Have pictures be made of recorded video, and wait until they are there.

        `progress` gets the task's status. Raises MediaUnavailable where nothing is recorded, TimedOut, WrongValue or VmsError.
        """
        seconds = lasting_s(start, end)
        if seconds <= 0:
            raise WrongValue("the time ends before it begins")
        body = {"start": written(start), "end": written(end), "period": _checked(every_s)}
        task = whole(mapping(await self._session.ask_of(channel, "POST", _TASKS, body=body)).get("id"))
        if task is None:
            raise VmsProtocolError("VXG does not say which task makes the pictures")
        clock = self._session.clock
        ends_at = clock.monotonic() + seconds + _TASK_PATIENCE_S
        pauses = iter(_TASK_POLL_S)
        while True:
            status = text(mapping(await self._session.ask_of(channel, "GET", f"{_TASKS}{task}/")).get("status")).lower()
            if progress is not None:
                progress(status)
            if status in _DONE:
                return
            if status in _FAILED:
                hint = "is there recorded video? archive.timeline says"
                raise MediaUnavailable(f"no pictures can be made of channel {channel_id(channel)} in this time", hint=hint)
            if clock.monotonic() >= ends_at:
                raise TimedOut("the pictures are not made yet", hint="they may be there later: look by images.each")
            await clock.sleep(next(pauses, _TASK_POLL_S[-1]))

    async def sample_archive(
        self, channel: ChannelRow | int, start: datetime, end: datetime, every_s: float
    ) -> AsyncGenerator[Image, None]:
        """Have pictures be made of recorded video, and yield them. Raises as `extract` does."""
        await self.extract(channel, start, end, every_s)
        last: datetime | None = None
        async for image in self.each(channel, start=start, end=end, origin=GENERATED_FROM_RECORDS):
            if last is not None and image.time is not None and image.time < last + timedelta(seconds=every_s * 0.9):
                continue  # made for somebody who wanted more of them
            last = image.time or last
            yield image


class _Thinned:
    """Which pictures of a channel are taken: one for each so many seconds, and none of before the last one."""

    def __init__(self, began: datetime, every_s: float) -> None:
        self.last = began
        # A tenth of slack: pictures that come once a second are not taken exactly a second apart.
        self._apart = timedelta(seconds=every_s * 0.9)
        self.count = 0

    def takes(self, image: Image) -> bool:
        """Say whether it is taken, and note that it was."""
        if image.time is None or image.time < (self.last + self._apart if self.count else self.last):
            return False
        self.last, self.count = image.time, self.count + 1
        return True


class _Patience:
    """How long is waited for the next picture."""

    def __init__(self, clock: Clock, patience_s: float | None, every_s: float) -> None:
        self._clock = clock
        self._longest_s = math.inf if patience_s is None else max(patience_s, 4 * every_s)
        self._since = clock.monotonic()

    def begin(self) -> None:
        """Wait anew."""
        self._since = self._clock.monotonic()

    def error(self, channel: int) -> MediaUnavailable | None:
        """Return what to raise where it has been too long."""
        if self._clock.monotonic() - self._since <= self._longest_s:
            return None
        hint = "is the camera online, and has somebody else set how often pictures are made? images.period says"
        return MediaUnavailable(f"no picture of channel {channel} has come for {self._longest_s:.0f} s", hint=hint)


def _poll_s(every_s: float) -> float:
    """Return how long to wait before there may be another picture."""
    return min(_LATEST_POLL_S, max(_SOONEST_POLL_S, every_s / 2))


def _checked(period_s: float) -> float:
    if not _PERIODS_S[0] <= period_s <= _PERIODS_S[1]:
        raise WrongValue(f"pictures can't be made each {period_s:g} s", hint="from 0.04 s to a day")
    return period_s
