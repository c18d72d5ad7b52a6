"""A bridge as a user starts it, asked for clips by its API; and a long video to make them of."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import aiohttp
import av
import psutil
from PIL import Image
from tests.e2e.bridge import COMMAND
from tests.e2e.processes import Program

from benchmarks.lab.running import CannotMeasureError
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

_READY_WITHIN_S = 60.0
_FPS = 25
_CONFIGURATION = """\
instance: bench
data_dir: "{folder}/data"
http: {{port: 0}}
clips: {{megabytes: 1000, spool_megabytes: 10000}}
systems:
  zm: {{type: zoneminder, url: "{url}", username: admin, password: !env BENCH_ZM_PASSWORD, shared_memory: false}}
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one answer took: bytes, until the first of them and the last, and the processor of the bridge and its children."""

    size: int
    first_ms: float
    lasts_s: float
    processor_s: float


class ClipBridge:
    """The bridge, by its own socket."""

    def __init__(self, http: aiohttp.ClientSession, process: psutil.Process, event: int) -> None:
        self._http, self._process = http, process
        self.event_path = f"events/zm-{event}/clip"

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path, where: dict[str, Any], password: str) -> AsyncIterator[ClipBridge]:
        """Run one against that ZoneMinder, once its index has the events."""
        config = await asyncio.to_thread(_configuration, folder, where["url"])
        program = Program("vms-bridge", folder / "vms-bridge.log")
        await program.start(COMMAND, "run", "--config", config, environment={"BENCH_ZM_PASSWORD": password})
        try:
            connector = aiohttp.UnixConnector(path=str(api_socket(folder / "data")))
            async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(300)) as http:
                bridge = cls(http, psutil.Process(program.pid), where["event"])
                try:
                    async with asyncio.timeout(_READY_WITHIN_S):
                        while not await bridge._is_there():  # noqa: ASYNC110 - another program's state
                            await asyncio.sleep(0.2)
                except TimeoutError:
                    raise CannotMeasureError(f"the bridge did not come up:\n{program.tail()}") from None
                yield bridge
        finally:
            await program.stop()

    def range_path(self, since: datetime, until: datetime) -> str:
        """Return where a clip of that time is."""
        return f"monitors/zm/1/clip?since={since:%Y-%m-%dT%H:%M:%SZ}&until={until:%Y-%m-%dT%H:%M:%SZ}"

    async def ask(self, path: str) -> Asked:
        """Read a clip to its end."""
        spent, began, first_s, size = self._spent_s(), time.perf_counter(), 0.0, 0
        async with self._http.get(f"http://localhost/api/v1/media/{path}") as answer:
            if answer.status != 200:
                raise CannotMeasureError(f"{path}: {answer.status} {await answer.text()}")
            async for piece in answer.content.iter_chunked(256 * 1024):
                first_s = first_s or time.perf_counter() - began
                size += len(piece)
        return Asked(size, first_s * 1e3, time.perf_counter() - began, self._spent_s() - spent)

    async def viewers(self, path: str, count: int) -> float:
        """Have viewers that take nothing more than the first bytes, and return what each of them holds, in MB."""
        before = self._process.memory_info().rss
        async with AsyncExitStack() as stack:
            for _ in range(count):
                answer = await stack.enter_async_context(self._http.get(f"http://localhost/api/v1/media/{path}"))
                await answer.content.read(1)
            await asyncio.sleep(2)  # what the system sends on meanwhile
            return float(self._process.memory_info().rss - before) / 1e6 / count

    async def _is_there(self) -> bool:
        try:
            async with self._http.get("http://localhost/api/v1/index") as answer:
                (system,) = (await answer.json())["systems"]
                return bool(system["index"] and system["index"]["is_complete"])
        except (aiohttp.ClientConnectionError, KeyError, ValueError):
            return False

    def _spent_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)


def _configuration(folder: Path, url: str) -> Path:
    folder.mkdir(parents=True)
    config = folder / "vms-bridge.yaml"
    config.write_text(_CONFIGURATION.format(folder=folder, url=url))
    return config


def long_video(path: Path, megabytes: int, seconds: float) -> Path:
    """Make a video of that size and length: two seconds of noise, again and again."""
    per_frame = int(megabytes * 1e6 / (seconds * _FPS))
    side = max(64, int((per_frame * 1.2) ** 0.5) & ~15)
    packets: list[tuple[bytes, bool]] = []
    with av.open(str(path), "w", format="mp4") as container:
        options = {"preset": "ultrafast", "qp": "10", "bf": "0"}
        stream = container.add_stream("libx264", rate=_FPS, options=options, width=side, height=side)
        stream.pix_fmt, stream.gop_size = "yuv420p", 2 * _FPS
        for number in range(2 * _FPS):
            noise = Image.effect_noise((side, side), 100.0).convert("RGB")
            frame = av.VideoFrame.from_image(noise)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, _FPS)
            packets += [(bytes(packet), packet.is_keyframe) for packet in stream.encode(frame)]
        packets += [(bytes(packet), packet.is_keyframe) for packet in stream.encode(None)]
        for number in range(int(seconds * _FPS)):
            data, is_key = packets[number % len(packets)]
            packet = av.Packet(data)
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, _FPS), stream, is_key
            container.mux(packet)
    return path
