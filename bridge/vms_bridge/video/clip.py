"""Joins recordings to one clip, in the child: by copying what was encoded before, or by encoding it anew.

Copied packets keep their bytes; only their times change. A clip begins at the key frame before what is wanted, since nothing
can be shown without it. Files come from a VMS: nothing but the containers below is opened, so that none leads elsewhere.
"""

from __future__ import annotations

import errno
import json
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
from av.error import FFmpegError, InvalidDataError

from vms_bridge.video.clip_job import ClipAnswer, ClipJob, JoinedPart, read_pictures
from vms_bridge.video.wire import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from vms_bridge.video.clip_job import ClipSource
    from vms_bridge.video.wire import Output

_CONTAINERS = {"format_whitelist": "mov,matroska,avi,mpegts,mpeg", "protocol_whitelist": "file"}
_COPIED = {"h264": "avc1", "hevc": "hvc1"}
"""What is copied, and what it is called in an MP4 file: Apple plays H.265 by this name only."""
_ENCODER: Final = "libx264"
_ENCODING = {"preset": "veryfast", "crf": "23", "bf": "0"}
_KEY_FRAME_EACH = 50
_TICKS = 90_000
_LARGEST = 8_192
_ANOTHER_PACE = 0.2
"""A video whose length differs more than this from what its VMS says runs at another pace: then its time is stretched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a source is; `header` has what a decoder needs to know beforehand."""

    codec: str
    width: int
    height: int
    header: bytes = b""
    length_s: float = 0.0

    @property
    def fits(self) -> tuple[object, ...]:
        """What has to be the same for two to be joined by copying."""
        return self.codec, self.width, self.height, self.header

    def __str__(self) -> str:
        name = {"h264": "H.264", "hevc": "H.265", "mjpeg": "single pictures"}.get(self.codec, self.codec)
        return f"{name}, {self.width}x{self.height}"


class _TooLargeError(Exception):
    """The clip has grown over its limit."""


def run(job: Mapping[str, Any], output: Output) -> None:
    """Do a job, and say what became of it."""
    output.send(Kind.DONE, json.dumps(make(ClipJob.of(job)).said()).encode())


def make(job: ClipJob) -> ClipAnswer:
    """Make the clip. Raises nothing that a recording can bring about."""
    looks = [_look(source) for source in job.sources]
    there = [look for look in looks if look is not None]
    if not there:
        return ClipAnswer(refused="empty", detail="nothing of what was recorded can be read")
    first = there[0]
    is_copied = first.codec in _COPIED and all(look.fits == first.fits for look in there)
    is_pictures = all(look.codec == "mjpeg" and source.is_pictures for look, source in _pairs(looks, job))
    if not is_copied and not is_pictures and not job.encode:
        return _differs(looks, first)
    try:
        parts, duration_s = _copied(job, looks, first) if is_copied else _encoded(job, looks, first)
    except _TooLargeError:
        return ClipAnswer(refused="too_large")
    except (FFmpegError, OSError) as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            return ClipAnswer(refused="no_room", detail=str(error.strerror or ""))
        raise
    if not any(parts):
        return ClipAnswer(refused="empty", detail="the recordings have no pictures of that time")
    width, height = (first.width, first.height) if is_copied else _even(first)
    return ClipAnswer(
        parts=tuple(parts),
        duration_s=duration_s,
        codec=first.codec if is_copied else "h264",
        width=width,
        height=height,
        is_encoded=not is_copied,
    )


def _pairs(looks: list[Look | None], job: ClipJob) -> Iterator[tuple[Look, ClipSource]]:
    return ((look, source) for look, source in zip(looks, job.sources, strict=True) if look is not None)


def _differs(looks: list[Look | None], first: Look) -> ClipAnswer:
    for number, look in enumerate(looks):
        if look is None or look.fits == first.fits:
            continue
        detail = f"{first} first, then {look}" if str(look) != str(first) else f"{first}, then the same with other settings"
        return ClipAnswer(refused="differs", detail=detail, source=number)
    return ClipAnswer(refused="differs", detail=str(first), source=next(n for n, look in enumerate(looks) if look is not None))


def _look(source: ClipSource) -> Look | None:
    """Return what a source is, None where it can't be read."""
    try:
        if source.is_pictures:
            return _look_at_pictures(source)
        with _opened(source) as (media, video):
            context = video.codec_context
            length = video.duration * _tick(video) if video.duration else Fraction(media.duration or 0, 1_000_000)
            return Look(
                codec=context.name,
                width=context.width,
                height=context.height,
                header=bytes(context.extradata or b""),
                length_s=float(length),
            )
    except (FFmpegError, ValueError, IndexError):
        return None


def _look_at_pictures(source: ClipSource) -> Look | None:
    frame = next((frame for _, frame in _pictures(source)), None)
    return None if frame is None else Look(codec="mjpeg", width=frame.width, height=frame.height, length_s=source.lasts_s)


def _tick(video: VideoStream) -> Fraction:
    """Return the unit of a video's times, in seconds."""
    return Fraction(video.time_base or Fraction(1, _TICKS))


@contextmanager
def _opened(source: ClipSource) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a source and its video. Raises FFmpegError, or IndexError where it has none."""
    with av.open(source.path, "r", container_options=_CONTAINERS) as media:
        yield media, media.streams.video[0]


class _Target:
    """The clip that is written: `at` is how long it is so far, in seconds."""

    def __init__(self, container: OutputContainer, most_bytes: int) -> None:
        self._container, self._left = container, most_bytes
        self.at = Fraction(0)
        self._last: Fraction | None = None

    def mux(self, packet: Packet[VideoStream], stream: VideoStream) -> None:
        """Write a packet, later than those before it. Raises _TooLargeError."""
        self._left -= packet.size
        if self._left < 0:
            raise _TooLargeError
        tick = Fraction(packet.time_base)
        if packet.dts is not None and packet.pts is not None:
            if self._last is not None and packet.dts * tick <= self._last:
                packet.dts = int(self._last / tick) + 1
                packet.pts = max(packet.pts, packet.dts)
            self._last = packet.dts * tick
        packet.stream = stream
        self._container.mux(packet)


@contextmanager
def _target(job: ClipJob) -> Iterator[OutputContainer]:
    options = {
        "movflags": "+faststart",
        "fflags": "+bitexact",
    }  # the index first, and nothing that another making would not write
    container = av.open(job.target, "w", format="mp4", container_options=options)
    with closing(container):
        yield container


def _copied(job: ClipJob, looks: list[Look | None], first: Look) -> tuple[list[JoinedPart | None], float]:
    parts: list[JoinedPart | None] = []
    stream: VideoStream | None = None
    with _target(job) as container:
        target = _Target(container, job.most_bytes)
        for look, source in zip(looks, job.sources, strict=True):
            if look is None:
                parts.append(None)
                continue
            with _opened(source) as (media, video):
                if stream is None:
                    stream = container.add_stream_from_template(video, opaque=True)
                    stream.codec_context.codec_tag = _COPIED[first.codec]
                parts.append(_copy(source, look, media, video, (target, stream)))
    return parts, float(target.at)


def _copy(
    source: ClipSource, look: Look, media: InputContainer, video: VideoStream, out: tuple[_Target, VideoStream]
) -> JoinedPart | None:
    """Write what is wanted of a source behind what is there; None: there is nothing of it."""
    target, stream = out
    tick, pace, origin = _tick(video), _pace(source, look), video.start_time or 0
    begin, end = _window(source, pace)
    if begin > 0:
        media.seek(origin + int(begin / tick), stream=video, backward=True)
    usual = int(1 / (Fraction(video.average_rate or 25) * tick)) or 1
    last = None if end is None else origin + end / tick
    base = latest = None
    at = target.at
    for packet, pts, dts in _packets(media, video, last):
        base = pts if base is None else base
        behind = pts + (packet.duration or usual)
        latest = behind if latest is None else max(latest, behind)
        shift = int(at / tick) - base
        packet.pts, packet.dts = pts + shift, dts + shift
        target.mux(packet, stream)
    if base is None or latest is None:
        return None
    target.at = at + (latest - base) * tick
    return JoinedPart(start_s=float((base - origin) * tick / pace), end_s=float((latest - origin) * tick / pace), at_s=float(at))


def _packets(media: InputContainer, video: VideoStream, last: Fraction | None) -> Iterator[tuple[Packet[VideoStream], int, int]]:
    """Yield packets with both their times, from a key frame on and before that time; a file may break off."""
    has_begun = False
    packets = media.demux(video)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, InvalidDataError):
            return
        pts, dts = packet.pts if packet.pts is not None else packet.dts, packet.dts if packet.dts is not None else packet.pts
        if pts is None or dts is None or not (has_begun or packet.is_keyframe):
            continue
        if has_begun and last is not None and dts >= last:
            return
        has_begun = True
        yield packet, pts, dts


def _pace(source: ClipSource, look: Look) -> Fraction:
    """Return how many seconds of the video are a second of the event."""
    if source.is_pictures or look.length_s <= 0 or source.lasts_s <= 0:
        return Fraction(1)
    ratio = look.length_s / source.lasts_s
    return Fraction(1) if abs(ratio - 1) <= _ANOTHER_PACE else Fraction(ratio).limit_denominator(1_000_000)


def _window(source: ClipSource, pace: Fraction) -> tuple[Fraction, Fraction | None]:
    """Return what is wanted, in seconds of the video."""
    begin = Fraction(source.start_s).limit_denominator(1_000_000) * pace
    return begin, None if source.end_s is None else Fraction(source.end_s).limit_denominator(1_000_000) * pace


def _encoded(job: ClipJob, looks: list[Look | None], first: Look) -> tuple[list[JoinedPart | None], float]:
    parts: list[JoinedPart | None] = []
    width, height = _even(first)
    with _target(job) as container:
        stream = container.add_stream(
            _ENCODER, rate=30, options=_ENCODING, width=width, height=height, time_base=Fraction(1, _TICKS)
        )
        stream.pix_fmt, stream.gop_size, stream.thread_count = "yuv420p", _KEY_FRAME_EACH, 2
        target = _Target(container, job.most_bytes)
        encoding = _Encoding(target, stream, (width, height))
        for look, source in zip(looks, job.sources, strict=True):
            if look is None:
                parts.append(None)
                continue
            parts.append(encoding.part(_wanted(source, _pace(source, look)), _pace(source, look)))
        for packet in stream.encode(None):
            target.mux(packet, stream)
    return parts, float(target.at)


class _Encoding:
    """Pictures on their way into the clip, whatever they come from; each gets a time of its own, behind the one before."""

    def __init__(self, target: _Target, stream: VideoStream, size: tuple[int, int]) -> None:
        self._target, self._stream, self._size = target, stream, size
        self._last = -1

    def part(self, pictures: Iterator[tuple[Fraction, VideoFrame]], pace: Fraction) -> JoinedPart | None:
        """Encode the pictures of a source; None: there are none."""
        at, first, latest, step = self._target.at, None, Fraction(0), Fraction(1, 25)
        for time, frame in pictures:
            if first is None:
                first = time
            else:
                step = time - latest
            latest = time
            self._encode(frame, at + time - first)
        if first is None:
            return None
        self._target.at = at + latest - first + step
        return JoinedPart(start_s=float(first / pace), end_s=float((latest + step) / pace), at_s=float(at))

    def _encode(self, frame: VideoFrame, at: Fraction) -> None:
        width, height = self._size
        self._last = max(self._last + 1, int(at * _TICKS))
        picture = frame.reformat(width=width, height=height, format="yuv420p")
        picture.pts, picture.time_base = self._last, Fraction(1, _TICKS)
        picture.pict_type = 0  # the encoder chooses: a JPEG says that it is a key frame
        for packet in self._stream.encode(picture):
            self._target.mux(packet, self._stream)


def _wanted(source: ClipSource, pace: Fraction) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Yield the pictures that are wanted, with their times; the one before the beginning shows what was there then."""
    begin, end = _window(source, pace)
    before: tuple[Fraction, VideoFrame] | None = None
    for time, frame in _pictures(source) if source.is_pictures else _frames(source, begin):
        if end is not None and time >= end:
            break
        if time < begin:
            before = begin, frame
            continue
        if before is not None and time > begin:
            yield before
        before = None
        yield time, frame
    if before is not None:
        yield before


def _pictures(source: ClipSource) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Yield the pictures of a file of them, without those that can't be read."""
    with Path(source.path).open("rb") as file:
        for time_s, jpeg in read_pictures(file):
            decoder = av.CodecContext.create("mjpeg", "r")
            try:
                frames = decoder.decode(av.Packet(jpeg))
                frames = frames or decoder.decode(None)
            except FFmpegError:
                continue
            for frame in frames[:1]:
                if 2 <= frame.width <= _LARGEST and 2 <= frame.height <= _LARGEST:
                    yield Fraction(time_s).limit_denominator(1_000_000), frame


def _frames(source: ClipSource, begin: Fraction) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Yield the pictures of a video from the key frame before that time on, up to where it can be read."""
    with _opened(source) as (media, video):
        tick, origin = _tick(video), video.start_time or 0
        if begin > 0:
            media.seek(origin + int(begin / tick), stream=video, backward=True)
        try:
            for frame in media.decode(video):
                if frame.pts is not None:
                    yield (frame.pts - origin) * tick, frame
        except (FFmpegError, ValueError):
            return


def _even(look: Look) -> tuple[int, int]:
    """Return its size as the encoder takes it."""
    return look.width & ~1, look.height & ~1
