"""Hands a live video on: the same pictures as MPEG-TS and as fragments of MP4, none of them made anew. PyAV: in children only."""

from __future__ import annotations

import json
from fractions import Fraction
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import av

from vms_bridge.video import nal
from vms_bridge.video.jobs import Reading, Remux, input_of, limits_of
from vms_bridge.video.reading import videos
from vms_bridge.video.wire import Kind, Output, Unsuitable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from av import Packet
    from av.container import OutputContainer
    from av.video.stream import VideoStream

TICKS = 90_000
"""Times are counted in these parts of a second, as in MPEG-TS."""
_TIME = Fraction(1, TICKS)
_CODECS = {"h264": "avc1", "hevc": "hvc1"}
"""What is handed on, and how it is called in MP4; Apple's players know no other name of the second."""
_LONGEST_GAP = 10 * TICKS
_USUAL = TICKS // 25
_TS_OPTIONS = {"mpegts_flags": "pat_pmt_at_frames", "flush_packets": "1"}
_MP4_OPTIONS = {
    "movflags": "empty_moov+default_base_moof+frag_every_frame",
    "flush_packets": "1",
    "video_track_timescale": str(TICKS),
}
_TS_PACKET = 188
_SDT = 0x11


def run(said: Mapping[str, Any], output: Output) -> None:
    """Do the job."""
    job = Remux(input=input_of(said["input"]), since_s=said["since_s"], limits=limits_of(said["limits"]))
    muxers: _Muxers | None = None
    times = _Times(round(job.since_s * TICKS))
    for video in videos(job.input):
        stream = video.stream
        if muxers is None or not muxers.fits(stream):
            muxers = _Muxers(stream, output)
        times.rebase()
        try:
            for packet in _beginning_with_a_key(video.packets(), stream.codec_context.name):
                times.set(packet)
                muxers.take(packet)
        except _Changed:
            continue
        if job.input.reading is not Reading.FILES:
            raise Unsuitable("the other side has ended the video")


class _Changed(Exception):
    """The codec's parameters are other ones: what follows has to be looked at anew."""


def _beginning_with_a_key(packets: Iterator[Packet[VideoStream]], codec: str) -> Iterator[Packet[VideoStream]]:
    """Yield from the first picture that needs no other on. Raises _Changed."""
    known: bytes | None = None
    for packet in packets:
        if packet.is_keyframe:
            parameters = nal.parameters(bytes(packet), codec)
            if known and parameters and parameters != known:
                raise _Changed
            known = parameters or known or b""
        if known is not None:
            yield packet


class _Times:
    """Makes times that only grow of what cameras say."""

    def __init__(self, since: int) -> None:
        self._last, self._step = since, 0
        self._offset: int | None = None

    def rebase(self) -> None:
        """Go on behind the last one, whatever the next one says."""
        self._offset = None

    def set(self, packet: Packet[VideoStream]) -> None:
        """Set a packet's times. One that has none, as the first that many a camera sends, comes behind the one before."""
        said = packet.pts if packet.dts is None else packet.dts
        if said is None:
            packet.time_base, packet.duration = _TIME, 0
            packet.dts = packet.pts = self._last = self._last + self._step
            self._step = self._step or _USUAL
            return
        decode, show = (round(each * packet.time_base * TICKS) for each in (said, said if packet.pts is None else packet.pts))
        if self._offset is None or not 0 <= decode + self._offset - self._last <= _LONGEST_GAP:
            self._offset = self._last + self._step - decode
        packet.time_base, packet.duration = _TIME, 0
        packet.dts = max(decode + self._offset, self._last + bool(self._step))
        packet.pts = max(show + self._offset, packet.dts)
        if packet.dts > self._last:
            self._step = packet.dts - self._last
        self._step = self._step or _USUAL
        self._last = packet.dts


class _Muxers:
    """What makes both streams of a video, as long as its codec and its parameters stay as they are."""

    def __init__(self, stream: VideoStream, output: Output) -> None:
        codec = stream.codec_context.name
        if codec not in _CODECS:
            raise Unsuitable(
                f"the video is {codec}, which can't be handed on as it is",
                hint="have the camera send H.264 or H.265, or look at its MJPEG",
            )
        self._kind, self._output = _kind_of(stream), output
        self._ts_parts, self._mp4_parts = _Parts(), _Parts()
        self._ts, self._ts_stream = _muxer(self._ts_parts, "mpegts", _TS_OPTIONS, stream)
        self._mp4, self._mp4_stream = _muxer(self._mp4_parts, "mp4", _MP4_OPTIONS, stream)
        self._mp4_stream.codec_context.codec_tag = _CODECS[codec]
        self._mp4.start_encoding()
        self._fragment_is_key = False
        width, height = stream.codec_context.width, stream.codec_context.height
        hello = {"kind": self._kind, "codec": codec, "width": width, "height": height}
        output.send(Kind.HELLO, json.dumps(hello).encode())
        output.send(Kind.MP4_HEAD, self._mp4_parts.take())

    def fits(self, stream: VideoStream) -> bool:
        """Say whether this is of the same kind."""
        return _kind_of(stream) == self._kind

    def take(self, packet: Packet[VideoStream]) -> None:
        """Send a packet on, both ways."""
        is_key, dts, pts = packet.is_keyframe, packet.dts, packet.pts
        packet.stream = self._ts_stream
        self._ts.mux_one(packet)
        if piece := _without_sdt(self._ts_parts.take()):
            self._output.send(Kind.TS_KEY if is_key else Kind.TS, piece)
        packet.stream, packet.time_base, packet.dts, packet.pts = self._mp4_stream, _TIME, dts, pts
        self._mp4.mux_one(packet)
        if piece := self._mp4_parts.take():  # how long a picture lasts is known by the next one: this is the one before
            self._output.send(Kind.MP4_KEY if self._fragment_is_key else Kind.MP4, piece)
        self._fragment_is_key = is_key


class _Parts:
    """A file that gives away what was written into it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _muxer(parts: _Parts, form: str, options: dict[str, str], template: VideoStream) -> tuple[OutputContainer, VideoStream]:
    container = av.open(parts, "w", format=form, container_options=options)
    return container, container.add_stream_from_template(template, opaque=True)


def _kind_of(stream: VideoStream) -> str:
    """Return a word that is the same for videos that can follow one another."""
    codec = stream.codec_context
    extra = blake2b(codec.extradata or b"", digest_size=8).hexdigest()
    return f"{codec.name} {codec.width}x{codec.height} {extra}"


def _without_sdt(data: bytes) -> bytes:
    """Leave out the table of services, which comes before all: some readers take what is first for the table of programmes."""
    starts = range(0, len(data), _TS_PACKET)
    if not any(_pid(data, start) == _SDT for start in starts):
        return data
    return b"".join(data[start : start + _TS_PACKET] for start in starts if _pid(data, start) != _SDT)


def _pid(data: bytes, start: int) -> int:
    return int.from_bytes(data[start + 1 : start + 3], "big") & 0x1FFF
