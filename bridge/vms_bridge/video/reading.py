"""Opens a video for a child to read, by no other protocols than are meant. PyAV: in children only."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Protocol, cast

import av

from vms_bridge.video.jobs import Input, Reading
from vms_bridge.video.wire import Unsuitable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream

OPEN_S = 7.0
READ_S = 15.0
"""How long a camera may be silent."""
_FEED_BYTES = 64 * 1024
_PROTOCOLS = {Reading.RTSP: "rtsp,rtsps,rtp,srtp,tcp,tls,udp", Reading.HTTP: "http,https,tcp,tls", Reading.FILES: "file"}
_LIVE = {"fflags": "+discardcorrupt", "analyzeduration": "3000000", "probesize": "2000000", "fpsprobesize": "0"}
"""It is begun as soon as the codec is known: how many pictures come in a second would take seconds to find out."""


class Video(Protocol):
    """An opened video."""

    @property
    def stream(self) -> VideoStream:
        """Which stream of it is read."""

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """Yield its packets until it ends."""


class _Opened:
    def __init__(self, container: InputContainer) -> None:
        if not container.streams.video:
            raise Unsuitable("there is no video in it")
        self._container, self.stream = container, container.streams.video[0]

    def packets(self) -> Iterator[Packet[VideoStream]]:
        return (packet for packet in self._container.demux(self.stream) if packet.size)


class _Paced(_Opened):
    """A file that is read as fast as it plays, beginning now."""

    def packets(self) -> Iterator[Packet[VideoStream]]:
        began = time.monotonic()
        first: float | None = None
        for packet in super().packets():
            if packet.dts is None:
                continue
            at = float(packet.dts * packet.time_base)
            first = at if first is None else first
            time.sleep(max(0.0, began + at - first - time.monotonic()))
            yield packet


def videos(source: Input) -> Iterator[Video]:
    """Yield it, opened, as often as it is asked for; of files one after the other. Raises what PyAV does."""
    if source.reading is Reading.FED:
        with _fed(source) as video:
            yield video
        return
    is_once = source.reading is Reading.FILES and not source.is_repeated
    for url in source.urls if is_once else cycle(source.urls):
        with av.open(url, "r", options=_options(source.reading), format=source.format, timeout=(OPEN_S, READ_S)) as container:
            is_paced = source.reading is Reading.FILES and source.is_paced
            yield (_Paced if is_paced else _Opened)(container)


@contextmanager
def _fed(source: Input) -> Iterator[Video]:
    with av.open(_Feed(), "r", format=source.format, options=_LIVE, buffer_size=_FEED_BYTES) as container:
        yield _Opened(container)


class _Feed:
    """Standard input, which gives what is there and waits for no more."""

    def __init__(self) -> None:
        self._file = cast("BufferedReader", sys.stdin.buffer)

    def read(self, size: int) -> bytes:
        return self._file.read1(size)


def _options(reading: Reading) -> dict[str, str]:
    whitelist = {"protocol_whitelist": _PROTOCOLS[reading]}
    match reading:
        case Reading.RTSP:
            # One connection, which no firewall and no lost packet spoils.
            return whitelist | _LIVE | {"rtsp_transport": "tcp", "allowed_media_types": "video"}
        case Reading.HTTP:
            return whitelist | _LIVE
        case _:
            return whitelist
