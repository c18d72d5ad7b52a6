"""Every picture of a video, decoded by a child of its own: a fault of the decoder ends that, and not the script."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from vms_bridge.detect.values import Pixels
from vms_bridge.video.child import WORKER, Child, need_video
from vms_bridge.video.jobs import Decode, Input, Reading
from vms_bridge.video.wire import PICTURE, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.detect.values import Picture

WIDEST = 3840
_ALL = 1e9
"""Pictures a second: none is passed over."""


def of_file(path: Path) -> Input:
    """Return a file, by its whole path, to read once, as fast as that goes."""
    return Input(reading=Reading.FILES, urls=(str(path),), is_paced=False, is_repeated=False)


def of_camera(url: str) -> Input:
    """Return a live video by RTSP."""
    return Input(reading=Reading.RTSP, urls=(url,))


async def pictures(
    source: Input, clock: Clock, *, width: int | None = None, program: Sequence[str] = WORKER
) -> AsyncGenerator[Picture, None]:
    """Yield its pictures, no wider than that, until it ends. Raises VideoFailed, and MediaUnavailable without PyAV."""
    need_video()
    child = await Child.start(Decode(input=source, rate=_ALL, width=width or WIDEST), clock, program=program)
    try:
        async with aclosing(child.frames()) as frames:
            async for frame in frames:
                if frame.kind is Kind.PICTURE:
                    across, down, _ = PICTURE.unpack_from(frame.content)
                    yield Pixels(across, down, frame.content[PICTURE.size :])
    finally:
        await child.close()
