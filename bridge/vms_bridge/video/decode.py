"""Decodes what the bridge feeds, and gives some of the pictures. PyAV: in children only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from vms_bridge.video.jobs import Decode, input_of, limits_of
from vms_bridge.video.reading import videos
from vms_bridge.video.wire import PICTURE, Kind, Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av import VideoFrame


def run(said: Mapping[str, Any], output: Output) -> None:
    """Do the job."""
    job = Decode(input=input_of(said["input"]), rate=said["rate"], width=said["width"], limits=limits_of(said["limits"]))
    due = time.monotonic()
    for video in videos(job.input):
        video.stream.codec_context.thread_count = 1  # the machine is for others too
        for packet in video.packets():
            for frame in packet.decode():
                if (now := time.monotonic()) >= due:
                    due = max(due + 1 / job.rate, now)
                    output.send(Kind.PICTURE, _pixels(frame, job.width))


def _pixels(frame: VideoFrame, most: int) -> bytes:
    width = min(frame.width, most)
    height = max(1, round(frame.height * width / frame.width))
    shown = frame.reformat(width=width, height=height, format="rgb24")
    plane = shown.planes[0]
    rows, step, row = memoryview(plane), plane.line_size, width * 3
    pixels = rows[: row * height] if step == row else b"".join(rows[step * y : step * y + row] for y in range(height))
    return PICTURE.pack(width, height, time.time()) + pixels
