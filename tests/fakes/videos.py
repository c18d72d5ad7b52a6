"""Small videos as VMSs record them, and what is in a clip, by a reader that is not ours."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from av.video.stream import VideoStream

FPS = 10


def video(
    path: Path,
    seconds: float = 3.0,
    *,
    size: tuple[int, int] = (160, 120),
    key_each: int = FPS,
    codec: str = "libx264",
    format_: str = "mp4",
    b_frames: int = 0,
) -> Path:
    """Record one; each picture is as bright as it is late."""
    options = {"preset": "ultrafast", "bf": str(b_frames)} if codec.startswith("libx26") else {}
    if codec == "libx265":
        options["x265-params"] = "log-level=none:pools=none"
    with av.open(str(path), "w", format=format_) as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=FPS, options=options, width=size[0], height=size[1]))
        stream.pix_fmt, stream.gop_size, stream.thread_count = "yuv420p", key_each, 1
        for number in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, (number * 5 % 256, 80, 120)))  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def jpeg(size: tuple[int, int] = (160, 120), shade: int = 0) -> bytes:
    """Return a picture."""
    file = io.BytesIO()
    Image.new("RGB", size, (shade, 80, 120)).save(file, "JPEG")
    return file.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a player sees of a clip: when its pictures come, in seconds, and whether each can be shown."""

    codec: str
    size: tuple[int, int]
    times: tuple[float, ...]
    begins_with_key: bool

    @property
    def lasts_s(self) -> float:
        return self.times[-1] - self.times[0]


def seen(path: Path) -> Seen:
    """Decode all of a clip."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert all(not frame.is_corrupt for frame in frames)
        return Seen(
            codec=stream.codec_context.name,
            size=(stream.width, stream.height),
            times=tuple(round(float(frame.time), 3) for frame in frames),
            begins_with_key=bool(frames[0].key_frame),
        )
