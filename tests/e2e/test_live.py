"""Live video of a real ZoneMinder: H.264 of an RTSP camera as it is, MJPEG of another, and no zms left behind."""

from __future__ import annotations

import asyncio
import json
import subprocess
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from tests.e2e.api import API, serving, until
from tests.e2e.bridge import grave_lines
from tests.e2e.conftest import need
from tests.e2e.processes import Program, free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.e2e.bridge import Bridge
    from tests.e2e.zoneminder import ZoneMinder

CAMERA = Path(__file__).parent / "lab" / "rtsp_camera"
USER, PASSWORD = "cam", "p@ss word-of-the-camera"
_WITHIN_S = 60.0
_GONE_WITHIN_S = 40.0


def what_is_missing() -> str | None:
    """Say why there can be no RTSP camera here; None if there can."""
    try:
        found = subprocess.run([CAMERA, "installed"], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"rtsp_camera: {error}"
    return None if found.returncode == 0 else found.stderr.strip()


@dataclass(frozen=True, slots=True)
class Live:
    """A bridge's API, by its socket."""

    http: aiohttp.ClientSession
    bridge: Bridge

    @asynccontextmanager
    async def look(self, monitor: int, form: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Look at a monitor."""
        async with self.http.get(f"{API}/media/monitors/zm/{monitor}/live.{form}") as response:
            yield response

    async def begun(self, monitor: int, form: str, size: int) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and the first bytes."""
        async with self.look(monitor, form) as response:
            body = b""
            async for piece in response.content.iter_any():
                body += piece
                if len(body) >= size:
                    break
            return response.status, response.headers, body


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def camera(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """An RTSP camera; where it is, with its login."""
    need(what_is_missing())
    (port,) = free_ports(1)
    program = Program("rtsp_camera", tmp_path_factory.mktemp("camera") / "log")
    await program.start(CAMERA, str(port), USER, PASSWORD)
    try:
        async with asyncio.timeout(20):
            while "ready" not in program.tail():
                assert program.is_running, program.tail()
                await asyncio.sleep(0.05)
        yield f"rtsp://{USER}:{quote(PASSWORD)}@127.0.0.1:{port}/live"
    finally:
        await program.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def gate(zoneminder: ZoneMinder, camera: str) -> AsyncIterator[int]:
    """A monitor of that camera."""
    fields = {
        "Name": "Gate", "Type": "Ffmpeg", "Function": "Monitor", "Enabled": "1", "Path": camera, "Method": "rtpRtsp",
        "Width": "320", "Height": "240", "Colours": "4", "StorageId": "1", "SaveJPEGs": "0",
        "VideoWriter": "2", "ImageBufferCount": "10", "MaxImageBufferCount": "100", "ServerId": "0",
    }  # fmt: skip
    await zoneminder.api("POST", "monitors.json", {f"Monitor[{name}]": value for name, value in fields.items()})
    number = max(await zoneminder.monitors())
    try:
        async with asyncio.timeout(_WITHIN_S):
            while not await _captures(zoneminder, number):  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.5)
        yield number
    finally:
        await zoneminder.api("DELETE", f"monitors/{number}.json")


async def _captures(zoneminder: ZoneMinder, number: int) -> bool:
    status = "SELECT COUNT(*) FROM Monitor_Status WHERE Status='Connected' AND CaptureFPS > 0 AND MonitorId"
    return await zoneminder.sql(f"{status} = {number}") == [["1"]]


@asynccontextmanager
async def looking(folder: Path, zoneminder: ZoneMinder, *, opens_cameras: bool) -> AsyncIterator[Live]:
    """Run a bridge until its monitors are there."""
    timeout = aiohttp.ClientTimeout(total=None, sock_read=_WITHIN_S)
    option = {"camera_streams": "yes" if opens_cameras else "no"}
    async with serving(folder, zoneminder, timeout, **option) as (http, bridge):
        await until(partial(_has_monitors, http), _WITHIN_S)
        yield Live(http, bridge)


async def _has_monitors(http: aiohttp.ClientSession) -> bool:
    async with http.get(f"{API}/systems/zm") as response:
        return response.status == 200 and bool((await response.json())["state"]["available"])


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def live(zoneminder: ZoneMinder, gate: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    """A bridge that may open cameras."""
    del gate
    async with looking(tmp_path_factory.mktemp("live"), zoneminder, opens_cameras=True) as live:
        yield live


def probed(video: bytes, form: str) -> list[tuple[str, int, int]]:
    """Return what ffprobe finds in it."""
    shown_of_it = ("-show_entries", "stream=codec_name,width,height", "-of", "json")
    command = [which("ffprobe") or "", "-v", "error", "-f", form, *shown_of_it, "-"]
    shown: dict[str, Any] = json.loads(subprocess.run(command, input=video, capture_output=True, check=True).stdout)
    return [(stream["codec_name"], stream["width"], stream["height"]) for stream in shown["streams"]]


def running_zms() -> list[int]:
    """Return the processes of ZoneMinder's that send live pictures."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and (process / "comm").read_text().strip() in {"nph-zms", "zms"}:
                found.append(int(process.name))
        except OSError:
            continue  # it has just ended
    return found


async def until_none_is_left() -> None:
    async with asyncio.timeout(_GONE_WITHIN_S):
        while await asyncio.to_thread(running_zms):  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(("form", "kind", "container"), [("ts", "video/mp2t", "mpegts"), ("mp4", "video/mp4", "mp4")])
async def test_an_rtsp_camera_comes_as_it_is(live: Live, gate: int, form: str, kind: str, container: str) -> None:
    need(None if which("ffprobe") else "ffprobe is missing: apt-get install ffmpeg")
    status, headers, body = await live.begun(gate, form, 60_000)
    assert (status, headers["Content-Type"]) == (200, kind), body[:300]
    if form == "ts":
        assert body[0] == 0x47
        assert [int.from_bytes(body[start + 1 : start + 3], "big") & 0x1FFF for start in (0, 188)] == [0, 0x1000]
    assert await asyncio.to_thread(probed, body, container) == [("h264", 320, 240)]


async def test_many_look_and_the_camera_is_asked_once(live: Live, gate: int) -> None:
    answers = await asyncio.gather(*(live.begun(gate, form, 20_000) for form in ("ts", "mp4") * 5))
    assert {status for status, _, _ in answers} == {200}


async def test_another_monitor_has_pictures_from_zms_and_none_is_left(live: Live) -> None:
    status, headers, body = await live.begun(1, "mjpeg", 60_000)
    assert (status, headers["Content-Type"]) == (200, "multipart/x-mixed-replace; boundary=frame"), body[:300]
    assert body.count(b"\xff\xd8\xff") >= 2
    await until_none_is_left()


async def test_five_look_at_one_zms_and_none_is_left(live: Live) -> None:
    async def look() -> int:
        status, _, _ = await live.begun(2, "mjpeg", 100_000)
        return status

    looking = [asyncio.create_task(look()) for _ in range(5)]
    most = 0
    while not all(task.done() for task in looking):
        most = max(most, len(await asyncio.to_thread(running_zms)))
        await asyncio.sleep(0.05)
    assert {task.result() for task in looking} == {200}
    assert most <= 1
    await until_none_is_left()


async def test_who_may_not_open_cameras_has_pictures_only(zoneminder: ZoneMinder, gate: int, tmp_path: Path) -> None:
    async with looking(tmp_path, zoneminder, opens_cameras=False) as live:
        status, _, body = await live.begun(gate, "ts", 1)
        assert (status, b"only pictures" in body) == (404, True), body
        status, _, _ = await live.begun(gate, "mjpeg", 10_000)
        assert status == 200
    await until_none_is_left()


async def test_no_secret_was_told_and_nothing_went_wrong(live: Live, zoneminder: ZoneMinder) -> None:
    assert live.bridge.program.is_running
    for secret in (zoneminder.password, PASSWORD, "word-of-the-camera"):
        assert secret not in live.bridge.log
    assert grave_lines(live.bridge.log) == []
