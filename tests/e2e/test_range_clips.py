"""Clips that the bridge makes of what a real ZoneMinder has recorded: over two events, and of single pictures."""

from __future__ import annotations

import asyncio
import json
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from shutil import which
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from tests.e2e.api import API, serving, until
from tests.e2e.bridge import grave_lines
from tests.e2e.conftest import need

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.bridge import Bridge
    from tests.e2e.zoneminder import ZoneMinder

_KEY_FRAME_S = 15.0
"""No further apart are the lab's key frames."""


@dataclass(frozen=True, slots=True)
class Lab:
    http: aiohttp.ClientSession
    zoneminder: ZoneMinder
    bridge: Bridge
    folder: Path

    async def get(self, path: str, **query: str) -> Any:
        async with self.http.get(f"{API}/{path}", params=query) as response:
            return response.status, response.headers, await response.read()

    async def json(self, path: str, **query: str) -> Any:
        status, _, body = await self.get(path, **query)
        assert status == 200, f"{path}: {status} {body[:500]!r}"
        return json.loads(body)

    async def alarm(self, monitor: int, seconds: float) -> Any:
        """Have an alarm, and return its event once it is over and settled."""
        before = {event["id"] for event in await self._events(monitor)}
        await self.zoneminder.zmu("-m", str(monitor), "-a")
        await asyncio.sleep(seconds)  # so long the clip is, at least
        await self.zoneminder.zmu("-m", str(monitor), "-c")

        async def ended() -> Any:
            found = [event for event in await self._events(monitor) if event["id"] not in before and event["end"]]
            return found[0] if found else None

        return await until(ended, 40)

    async def probed(self, clip: bytes) -> Any:
        file = self.folder / "clip.mp4"
        await asyncio.to_thread(file.write_bytes, clip)
        shown = ("-count_frames", "-show_entries", "stream=codec_name,width,height,nb_read_frames:format=duration", "-of", "json")
        run = [which("ffprobe") or "", "-v", "error", *shown, str(file)]
        done = await asyncio.to_thread(subprocess.run, run, capture_output=True, check=True)
        assert done.stderr == b"", done.stderr
        return json.loads(done.stdout)

    async def _events(self, monitor: int) -> list[Any]:
        events: list[Any] = (await self.json("events", monitor=f"zm/{monitor}", limit="20"))["events"]
        return events


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def lab(zoneminder: ZoneMinder, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    need(None if which("ffprobe") else "ffprobe is missing: apt-get install ffmpeg")
    folder = tmp_path_factory.mktemp("clips")
    async with serving(folder, zoneminder, aiohttp.ClientTimeout(60)) as (http, bridge):
        found = Lab(http, zoneminder, bridge, folder)

        async def is_there() -> bool:
            status, _, _ = await found.get("monitors/zm/1")
            return bool(status == 200)

        await until(is_there, 60)
        yield found


async def test_a_clip_across_two_events_is_what_ffprobe_sees(lab: Lab) -> None:
    first = await lab.alarm(1, 4)
    await asyncio.sleep(6)  # longer than what ZoneMinder records from before an alarm
    second = await lab.alarm(1, 4)
    start, end = datetime.fromisoformat(first["start"]), datetime.fromisoformat(second["end"])
    query = {"since": (start + timedelta(seconds=1)).isoformat(), "until": (end + timedelta(seconds=1)).isoformat()}
    content = await lab.json("media/monitors/zm/1/clip/content", **query)
    assert [part["event"] for part in content["parts"]] == [first["id"], second["id"]]
    assert (content["codec"], content["width"], content["height"], content["encoded"]) == ("h264", 320, 240, False)
    assert datetime.fromisoformat(content["start"]) <= start + timedelta(seconds=1)
    assert datetime.fromisoformat(content["start"]) >= start - timedelta(seconds=_KEY_FRAME_S)
    lasts = sum(
        (datetime.fromisoformat(part["end"]) - datetime.fromisoformat(part["start"])).total_seconds() for part in content["parts"]
    )
    assert content["duration"] == pytest.approx(lasts, abs=0.1)

    status, headers, whole = await lab.get("media/monitors/zm/1/clip", **query)
    assert (status, headers["Content-Type"], headers["Content-Length"]) == (200, "video/mp4", str(len(whole)))
    assert len(whole) == content["bytes"]
    assert headers["Clip-Start"][:19] == content["start"][:19]
    assert "not_recorded" in headers["Clip-Gaps"], "there were some seconds between the two"
    probed = await lab.probed(whole)
    (stream,) = probed["streams"]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 320, 240)
    assert float(probed["format"]["duration"]) == pytest.approx(content["duration"], abs=0.3)
    async with lab.http.get(f"{API}/media/monitors/zm/1/clip", params=query, headers={"Range": "bytes=100-199"}) as response:
        assert (response.status, await response.read()) == (206, whole[100:200])


async def test_of_single_pictures_a_clip_is_made(lab: Lab) -> None:
    as_it_was = await lab.zoneminder.monitor(2)
    await lab.zoneminder.edit(2, VideoWriter="0", SaveJPEGs="3")
    try:
        await lab.zoneminder.until_alarm(2, 1, within=60)
        event = await until(lambda: _pictures(lab), 120)
        row = (await lab.zoneminder.api("GET", f"events/{event['id'].partition('-')[2]}.json"))["event"]["Event"]
        status, headers, clip = await lab.get(f"media/events/{event['id']}/clip")
        assert (status, headers["Content-Type"]) == (200, "video/mp4"), clip[:500]
        probed = await lab.probed(clip)
        (stream,) = probed["streams"]
        assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 320, 240)
        assert int(stream["nb_read_frames"]) == pytest.approx(int(row["Frames"]), abs=2)
        assert float(probed["format"]["duration"]) == pytest.approx(float(row["Length"]), abs=1.0)
    finally:
        await lab.zoneminder.edit(2, VideoWriter=str(as_it_was["VideoWriter"]), SaveJPEGs=str(as_it_was["SaveJPEGs"]))
        await lab.zoneminder.until_alarm(2, 1, within=60)


async def _pictures(lab: Lab) -> Any:
    """Have an event of single pictures: the first alarm after the change may still be a video's."""
    event = await lab.alarm(2, 4)
    return None if event["clip_ready"] else event


async def test_times_of_which_there_is_none(lab: Lab) -> None:
    for since, until_, status, code in (
        ("2001-01-01T00:00:00Z", "2001-01-01T00:01:00Z", 404, b"media"),
        ("2101-01-01T00:00:00Z", "2101-01-01T00:01:00Z", 404, b"media"),
        ("2001-01-01T00:00:00Z", "2001-01-02T00:00:00Z", 422, b"clip"),
    ):
        found, _, body = await lab.get("media/monitors/zm/1/clip", since=since, until=until_)
        assert (found, b'"code":"' + code in body.replace(b" ", b"")) == (status, True), body


async def test_no_secret_was_told_and_nothing_went_wrong(lab: Lab) -> None:
    assert lab.bridge.program.is_running
    assert lab.zoneminder.password not in lab.bridge.log
    assert grave_lines(lab.bridge.log) == []
