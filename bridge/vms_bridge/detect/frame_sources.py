"""Where frames come from, one after the other: of an event as its VMS has them, of a video, or a lone picture."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

from vms_bridge.detect.stream_options import MOST_FRAMES
from vms_bridge.errors import BridgeError, MediaUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from vms_bridge.clock import Clock
    from vms_bridge.detect.stream_options import StreamOptions
    from vms_bridge.detect.values import FrameId, Picture

Frame = tuple["FrameId", "Picture | BridgeError"]
"""A frame, and its picture, or why that can't be had."""


class GaveUp(MediaUnavailable):
    """So many frames in a row could not be had that no more were asked for."""


class EventPictures(Protocol):
    """The frames of one event, as its VMS has them."""

    async def picture(self, frame: int | str, *, width: int | None) -> Picture:
        """Return a frame, by its number (from 1) or a name: `alarm`, `snapshot`. Raises BridgeError, such as NoSuchEvent."""

    async def snapshot_number(self) -> int | None:
        """Return the number of the best frame, None where that is not known. Raises BridgeError."""

    async def count(self) -> int | None:
        """Return how many frames there are, None where that is not known or they become more. Raises BridgeError."""


async def event_frames(event: EventPictures, options: StreamOptions, clock: Clock) -> AsyncGenerator[Frame, None]:
    """Yield the frames of an event that the options ask for, each attempt and delay as they have it.

    After `contig_frames_before_error` frames in a row that can't be had it gives up: raises GaveUp.
    """
    if options.delay:
        await clock.sleep(options.delay)
    failures, had_snapshot = 0, False
    count = None if options.frame_set else await event.count()
    for at, wanted in enumerate(_wanted(options, count)):
        if at and options.delay_between_frames:
            await clock.sleep(options.delay_between_frames)
        if wanted == "snapshot":
            if had_snapshot and options.delay_between_snapshots:
                await clock.sleep(options.delay_between_snapshots)
            had_snapshot = True
        frame, picture = await _attempted(event, wanted, options, clock)
        yield frame, picture
        if not isinstance(picture, BridgeError):
            failures = 0
        elif (failures := failures + 1) >= options.contig_frames_before_error:
            raise GaveUp(f"{failures} frames in a row could not be had, the last because: {picture}")


def _wanted(options: StreamOptions, count: int | None) -> Iterator[int | str]:
    """Yield the frames of an event to ask for: those of the set, else from the first one on."""
    most = options.max_frames or MOST_FRAMES
    if options.frame_set:
        yield from options.frame_set[:most]
        return
    last = options.start_frame + most * options.frame_skip
    yield from range(options.start_frame, last if count is None else min(last, count + 1), options.frame_skip)


async def _attempted(event: EventPictures, wanted: int | str, options: StreamOptions, clock: Clock) -> Frame:
    error: BridgeError | None = None
    for attempt in range(options.max_attempts):
        if attempt and options.sleep_between_attempts:
            await clock.sleep(options.sleep_between_attempts)
        try:
            frame = wanted
            if wanted == "snapshot" and options.convert_snapshot_to_fid:
                frame = await event.snapshot_number() or wanted
            return frame, await event.picture(frame, width=options.resize)
        except BridgeError as failed:
            error = failed
    assert error is not None  # noqa: S101  # there is one attempt at least
    return wanted, error


async def video_frames(
    pictures: AsyncGenerator[Picture, None], options: StreamOptions, clock: Clock
) -> AsyncGenerator[Frame, None]:
    """Yield the frames of a video that the options ask for, numbered from 1. Raises what the video does.

    Raises MediaUnavailable where it is to have frames that only an event has.
    """
    if named := [frame for frame in options.frame_set if isinstance(frame, str)]:
        raise MediaUnavailable(
            f"a video has no frame {named[0]!r}", hint="ask for numbers, or for the event without download: true"
        )
    if options.delay:
        await clock.sleep(options.delay)
    numbers = {frame for frame in options.frame_set if isinstance(frame, int)}
    most = min(options.max_frames or MOST_FRAMES, len(numbers) or MOST_FRAMES)
    given = number = 0
    async with aclosing(pictures) as every:
        async for picture in every:
            number += 1
            if not _is_wanted(number, numbers, options):
                continue
            if given and options.delay_between_frames:
                await clock.sleep(options.delay_between_frames)
            yield number, picture
            given += 1
            if given >= most:
                return
    for missing in sorted(wanted for wanted in numbers if wanted > number):
        yield missing, MediaUnavailable(f"the video has no frame {missing}")


def _is_wanted(number: int, numbers: set[int], options: StreamOptions) -> bool:
    if numbers:
        return number in numbers
    return number >= options.start_frame and (number - options.start_frame) % options.frame_skip == 0


async def lone_picture(picture: Picture, options: StreamOptions, clock: Clock) -> AsyncGenerator[Frame, None]:
    """Yield the one picture."""
    if options.delay:
        await clock.sleep(options.delay)
    yield None, picture
