"""Makes one clip: fetches what its plan wants of each event, has the child join it, and says what is in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

from vms_bridge.archive import ClipContent, ClipGap, ClipPart, EventClip, EventFrame, GapReason
from vms_bridge.clips.plan import gaps_between
from vms_bridge.errors import ClipRefused, MediaBusy, MediaUnavailable, NoRoom
from vms_bridge.video.clip_job import MOST_PICTURE_BYTES, ClipJob, ClipSource, picture_record

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from vms_bridge.archive import ByteRange, FrameTimes, MediaRef, OpenMedia
    from vms_bridge.clips.plan import ClipPlan, PlannedPart
    from vms_bridge.clips.spool import Workplace
    from vms_bridge.model import EventRef
    from vms_bridge.video.clip_job import ClipAnswer, JoinedPart

MOST_PICTURES = 20_000
"""Of how many single pictures a clip is made at most."""
MOST_PARTS = 500
_WRITE_BYTES = 4 * 1024 * 1024
_AT_ONCE = 4
"""How many single pictures are asked for at a time."""
_OWN_BYTES = 4 * 1024 * 1024
"""By how much a clip may be larger than what it is made of: its index."""


class Join(Protocol):
    """Who joins: a child."""

    async def __call__(self, job: ClipJob, /) -> ClipAnswer:
        """Do it. Raises VideoFailed."""


class Recordings(Protocol):
    """Where what was recorded comes from: the hub's archives."""

    def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None) -> AbstractAsyncContextManager[OpenMedia]:
        """Open a picture or clip. Raises MediaUnavailable or VmsError, then and while it is read."""

    async def frame_times(self, event: EventRef) -> FrameTimes:
        """Return which pictures an event has, and when they were taken. Raises MediaUnavailable or VmsError."""


@dataclass(slots=True, kw_only=True)
class _Fetched:
    """What there is: sources with what each is a part of, and what could not be had, with the last reason."""

    sources: list[tuple[PlannedPart, ClipSource]] = field(default_factory=list)
    gaps: list[ClipGap] = field(default_factory=list)
    refusal: MediaUnavailable | None = None


async def make(
    plan: ClipPlan,
    place: Workplace,
    *,
    recordings: Recordings,
    join: Join,
    most_bytes: int,
) -> ClipContent:
    """Make it. Raises MediaUnavailable, VmsError, VideoFailed or OSError."""
    fetched = await _fetch(plan, place, recordings)
    if not fetched.sources:
        raise fetched.refusal or MediaUnavailable("nothing of what was recorded can be had")
    job = await _job(plan, place, fetched, most_bytes)
    answer = await join(job)
    if answer.refused:
        raise _refusal(answer, fetched, most_bytes)
    return _content(plan, fetched, answer, await place.settle())


async def _fetch(plan: ClipPlan, place: Workplace, recordings: Recordings) -> _Fetched:
    """Have in files what is wanted of each event; what the VMS has not, or no more, is left out."""
    fetched = _Fetched()
    for number, part in enumerate(plan.parts):
        path = place.folder / f"part-{number}"
        get = _fetch_video if part.has_video else _fetch_pictures
        try:
            await get(part, place, path, recordings)
        except (MediaBusy, ClipRefused, NoRoom):
            raise
        except MediaUnavailable as refusal:
            fetched.refusal = refusal
            fetched.gaps.append(ClipGap(start=part.start, end=part.end, reason=GapReason.UNAVAILABLE))
            continue
        source = ClipSource(
            path=str(path),
            start_s=part.start_s,
            end_s=None if part.is_to_its_end and part.has_video else part.end_s,
            lasts_s=part.lasts_s,
            is_pictures=not part.has_video,
        )
        fetched.sources.append((part, source))
    return fetched


async def _fetch_video(part: PlannedPart, place: Workplace, path: Path, recordings: Recordings) -> None:
    waiting = bytearray()
    async with recordings.media(part.ref.system, EventClip(event=part.ref), None) as opened:
        if not opened.content_type.lower().startswith("video/"):
            raise MediaUnavailable(f"event {part.ref.format()} has no clip, but {opened.content_type[:100]!r}")
        place.check_room(opened.length or 0)
        async for piece in opened.pieces():
            waiting += piece
            if len(waiting) >= _WRITE_BYTES:
                await place.append(path, waiting)
                waiting = bytearray()
    await place.append(path, waiting)


async def _fetch_pictures(part: PlannedPart, place: Workplace, path: Path, recordings: Recordings) -> None:
    wanted = _wanted(part, (await recordings.frame_times(part.ref)).frames)
    if len(wanted) > MOST_PICTURES:
        raise ClipRefused(f"event {part.ref.format()} has {len(wanted)} pictures of that time", hint="ask for a shorter time")
    waiting, has_any = bytearray(), False
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        for (_, time_s), jpeg in zip(some, await _pictures(part, [number for number, _ in some], recordings), strict=True):
            if jpeg:
                waiting += picture_record(time_s, jpeg)
                has_any = True
        if len(waiting) >= _WRITE_BYTES:
            await place.append(path, waiting)
            waiting = bytearray()
    if not has_any:
        raise MediaUnavailable(f"event {part.ref.format()} has no pictures of that time any more")
    await place.append(path, waiting)


def _wanted(part: PlannedPart, frames: tuple[tuple[int, float], ...]) -> list[tuple[int, float]]:
    """Return the pictures of the time that is wanted, and the one before it, which shows what was there at its beginning."""
    ordered = sorted(frames, key=lambda frame: frame[1])
    end = float("inf") if part.is_to_its_end else part.end_s
    within = [frame for frame in ordered if part.start_s <= frame[1] < end]
    before = [frame for frame in ordered if frame[1] < part.start_s][-1:]
    return within if within and within[0][1] == part.start_s else [*before, *within]


async def _pictures(part: PlannedPart, numbers: list[int], recordings: Recordings) -> list[bytes]:
    """Return these pictures, nothing for one that is not there. Raises VmsError and MediaBusy."""
    tasks = [asyncio.create_task(_picture(part, number, recordings), name=f"clips: picture {number}") for number in numbers]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _picture(part: PlannedPart, number: int, recordings: Recordings) -> bytes:
    jpeg = bytearray()
    try:
        async with recordings.media(part.ref.system, EventFrame(event=part.ref, frame=number), None) as opened:
            async for piece in opened.pieces():
                jpeg += piece
                if len(jpeg) > MOST_PICTURE_BYTES:
                    return b""
    except MediaBusy:
        raise
    except MediaUnavailable:
        return b""
    return bytes(jpeg)


async def _job(plan: ClipPlan, place: Workplace, fetched: _Fetched, most_bytes: int) -> ClipJob:
    """Return what the child is to do, once there is room for what it writes. Raises NoRoom."""
    is_copied = all(part.has_video for part, _ in fetched.sources) and not plan.encode
    size = min(most_bytes, place.room + _OWN_BYTES) if is_copied else most_bytes
    await place.reserve(size)
    return ClipJob(
        sources=tuple(source for _, source in fetched.sources), target=str(place.clip), most_bytes=size, encode=plan.encode
    )


def _refusal(answer: ClipAnswer, fetched: _Fetched, most_bytes: int) -> MediaUnavailable:
    match answer.refused:
        case "too_large":
            return ClipRefused(
                f"the clip would have more than {most_bytes // 1_000_000} MB",
                hint="ask for a shorter time, or raise `clips.megabytes`",
            )
        case "differs":
            begins = "" if answer.source is None else f" of {fetched.sources[answer.source][0].start:%Y-%m-%dT%H:%M:%SZ}"
            return ClipRefused(
                f"what was recorded in that time does not fit together: {answer.detail}"[:500],
                hint=f"ask for the time before and behind the change{begins} by itself, or for all with encode=true",
            )
        case "no_room":
            return NoRoom(f"the clip could not be written: {answer.detail}"[:500], hint="look at the bridge's disk")
        case _:
            return MediaUnavailable(f"no clip can be made: {answer.detail}"[:500])


def _content(plan: ClipPlan, fetched: _Fetched, answer: ClipAnswer, length: int) -> ClipContent:
    parts: list[ClipPart] = []
    gaps = [*plan.gaps, *fetched.gaps]
    for (planned, _), joined in zip(fetched.sources, answer.parts, strict=True):
        if joined is None:
            gaps.append(ClipGap(start=planned.start, end=planned.end, reason=GapReason.UNAVAILABLE))
            continue
        parts.append(_part(planned, joined))
    missing = gaps_between(plan, [(part.start, part.end) for part in parts], gaps)
    is_whole = not any(gap.reason is GapReason.UNAVAILABLE for gap in missing)
    version = blake2b(f"{plan.key} {parts} {missing} {answer} {length}".encode(), digest_size=12).hexdigest()
    return ClipContent(
        version=version,
        length=length,
        parts=tuple(parts),
        gaps=missing,
        duration_s=round(answer.duration_s, 3),
        codec=answer.codec,
        width=answer.width,
        height=answer.height,
        is_encoded=answer.is_encoded,
        is_settled=plan.is_settled and is_whole,
    )


def _part(planned: PlannedPart, joined: JoinedPart) -> ClipPart:
    return ClipPart(
        event=planned.ref,
        start=_later(planned.begins, joined.start_s),
        end=_later(planned.begins, joined.end_s),
        at_s=round(joined.at_s, 3),
    )


def _later(time: datetime, seconds: float) -> datetime:
    return time + timedelta(milliseconds=round(seconds * 1_000))
