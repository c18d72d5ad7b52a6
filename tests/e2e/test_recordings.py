"""What a real ZoneMinder has recorded, by the bridge's API: searched, looked at, played, and gone when it is gone there."""

from __future__ import annotations

import asyncio
import io
import json
import random
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from shutil import which
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image
from tests.e2e.api import API, serving, until
from tests.e2e.bridge import grave_lines
from tests.e2e.conftest import need

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from tests.e2e.bridge import Bridge
    from tests.e2e.zoneminder import ZoneMinder

_EVENTS, _DAYS = 600, 25
_HISTORY = """
    INSERT INTO Events (Id, MonitorId, StorageId, Name, Cause, Notes, StartDateTime, EndDateTime, Width, Height, Length, Frames,
        AlarmFrames, MaxScore, DefaultVideo, SaveJPEGs, StateId)
    SELECT seq, 1 + seq MOD 3, 1, CONCAT('Event-', seq), 'Motion', IF(seq MOD 7, 'Motion: All', 'detected:person:91%Motion: All'),
        NOW() - INTERVAL (602 - seq) HOUR, NOW() - INTERVAL (602 - seq) HOUR + INTERVAL 20 SECOND,
        320, 240, 20, 100, 40, 30, '', 1, 1
    FROM seq_1_to_600"""
"""Events of before the lab was started, an hour apart, recorded as single pictures that are no more."""
_INDEXED_WITHIN_S = 150.0
_PURGED_WITHIN_S = 240.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """The bridge's API, by its socket, and the ZoneMinder behind it."""

    http: aiohttp.ClientSession
    zoneminder: ZoneMinder
    bridge: Bridge

    async def get(self, path: str, **query: Any) -> Any:
        """Return the JSON at a path below /api/v1."""
        async with self.http.get(f"{API}/{path}", params=_given(query)) as response:
            assert response.status == 200, f"{path}: {response.status} {await response.text()}"
            return await response.json()

    async def bytes(self, path: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of a picture or clip."""
        async with self.http.get(f"{API}/media/{path}", headers=headers) as response:
            return response.status, response.headers, await response.read()

    async def ids(self, **filters: Any) -> set[int]:
        """Return the ids of all events that a search finds."""
        found: set[int] = set()
        after = None
        while True:
            page = await self.get("events", limit=500, after=after, **filters)
            found |= {int(event["id"].partition("-")[2]) for event in page["events"]}
            after = page["next"]
            if after is None:
                return found

    async def ended_event(self, monitor: int) -> str:
        """Have an alarm, and return its event when it has ended."""
        newest = max((int(event["Id"]) for event in await self._events(monitor)), default=0)
        await self.zoneminder.zmu("-m", str(monitor), "-a")
        await asyncio.sleep(3)  # so long the clip is, at least
        await self.zoneminder.zmu("-m", str(monitor), "-c")
        return str(await until(lambda: self._ended(monitor, newest), within=30))

    async def _events(self, monitor: int) -> list[dict[str, Any]]:
        path = f"events/index/MonitorId:{monitor}/Id%20%3E:100000.json"
        return [row["Event"] for row in (await self.zoneminder.api("GET", path))["events"]]

    async def _ended(self, monitor: int, after: int) -> str | None:
        page = await self.get("events", monitor=f"zm/{monitor}", limit=1)
        event = next(iter(page["events"]), None)
        is_new = event is not None and int(event["id"].partition("-")[2]) > after
        return event["id"] if event is not None and is_new and event["clip_ready"] else None


def _probed(clip: Path) -> bytes:
    shown = ("-show_entries", "stream=codec_name,width,height:format=duration", "-of", "json")
    return subprocess.run([which("ffprobe") or "", "-v", "error", *shown, clip], capture_output=True, check=True).stdout


def _given(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    several = [(name, one) for name, value in query.items() for one in (value if isinstance(value, list) else [value])]
    return [(name, str(one)) for name, one in several if one is not None]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def recorded(zoneminder: ZoneMinder, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Recorded]:
    """A bridge with an API and a ZoneMinder that has recorded for weeks."""
    await zoneminder.sql(_HISTORY)
    folder = tmp_path_factory.mktemp("recordings")
    async with serving(folder, zoneminder, aiohttp.ClientTimeout(30)) as (http, bridge):
        found = Recorded(http, zoneminder, bridge)

        async def is_indexed() -> bool:
            try:
                (system,) = (await found.get("index"))["systems"]
            except AssertionError:
                return False
            return bool(system["index"] and system["index"]["is_complete"])

        await until(is_indexed, _INDEXED_WITHIN_S)
        yield found
    await zoneminder.sql("DELETE FROM Events WHERE Id <= 100000")


async def test_all_that_was_recorded_is_found(recorded: Recorded) -> None:
    counted = {int(row[0]) for row in await recorded.zoneminder.sql("SELECT Id FROM Events WHERE Id <= 100000")}
    assert len(counted) == _EVENTS
    assert {number for number in await recorded.ids() if number <= 100_000} == counted
    assert {number for number in await recorded.ids(label="person") if number <= 100_000} == set(range(7, _EVENTS + 1, 7))


@pytest.mark.parametrize("seed", range(10))
async def test_a_search_finds_what_the_database_does(seed: int, recorded: Recorded) -> None:
    chance = random.Random(seed)  # noqa: S311 - filters, not secrets
    now = datetime.now(UTC)
    times = sorted(now - timedelta(days=chance.uniform(-1, _DAYS + 1)) for _ in range(2))
    since, until = (time if chance.random() < 0.8 else None for time in times)
    monitors = chance.sample([1, 2, 3], chance.randint(1, 3))
    conditions = [f"MonitorId IN ({','.join(map(str, monitors))})", "Id <= 100000"]
    conditions += [f"UNIX_TIMESTAMP(StartDateTime) >= {since.timestamp():.6f}"] if since else []
    conditions += [f"UNIX_TIMESTAMP(StartDateTime) < {until.timestamp():.6f}"] if until else []
    rows = await recorded.zoneminder.sql(f"SELECT Id FROM Events WHERE {' AND '.join(conditions)}")  # noqa: S608 - its own numbers
    found = await recorded.ids(
        monitor=[f"zm/{monitor}" for monitor in monitors],
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
    )
    assert {number for number in found if number <= 100_000} == {int(row[0]) for row in rows}


async def test_an_event_has_pictures_and_a_clip_that_plays(recorded: Recorded, tmp_path: Path) -> None:
    need(None if which("ffprobe") else "ffprobe is missing: apt-get install ffmpeg")
    event = await recorded.ended_event(1)
    start = datetime.fromisoformat((await recorded.get(f"events/{event}"))["start"])
    for picture in (
        "",
        "?frame=first",
        "?frame=alarm",
        "?number=3",
        f"?time={(start + timedelta(seconds=1)):%Y-%m-%dT%H:%M:%SZ}",
    ):
        status, headers, body = await recorded.bytes(f"events/{event}/picture{picture}")
        assert (status, headers["Content-Type"]) == (200, "image/jpeg"), (picture, body[:300])
        assert Image.open(io.BytesIO(body)).size == (320, 240)
    status, _, body = await recorded.bytes(f"events/{event}/picture?frame=annotated")
    assert status == 404, body
    status, headers, whole = await recorded.bytes(f"events/{event}/clip")
    assert (status, headers["Content-Type"], headers["Content-Length"]) == (200, "video/mp4", str(len(whole)))
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(whole)
    probed = json.loads(await asyncio.to_thread(_probed, clip))
    assert [(each["codec_name"], each["width"], each["height"]) for each in probed["streams"]] == [("h264", 320, 240)]
    assert 2 < float(probed["format"]["duration"]) < 60
    end = len(whole) - 1
    for asked, first, last in (
        ("bytes=0-", 0, end),
        ("bytes=0-0", 0, 0),
        ("bytes=0-1", 0, 1),
        ("bytes=1000-1999", 1000, 1999),
        (f"bytes=1000-{end + 1000}", 1000, end),
        ("bytes=-500", end - 499, end),
        (f"bytes={end}-", end, end),
    ):
        status, headers, part = await recorded.bytes(f"events/{event}/clip", Range=asked)
        assert (status, headers.get("Content-Range")) == (206, f"bytes {first}-{last}/{len(whole)}"), asked
        assert part == whole[first : last + 1], asked
    status, headers, _ = await recorded.bytes(f"events/{event}/clip", Range=f"bytes={end + 1}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(whole)}")


async def test_a_clip_is_not_there_while_it_is_recorded(recorded: Recorded) -> None:
    (event,) = (await recorded.get("events", monitor="zm/3", is_open="true", limit=1))["events"]
    status, _, body = await recorded.bytes(f"events/{event['id']}/clip")
    assert (status, b"still recorded" in body) == (404, True), body


async def test_what_was_recorded_as_pictures_has_no_clip(recorded: Recorded) -> None:
    status, _, body = await recorded.bytes("events/zm-500/clip")
    assert (status, b"single pictures" in body) == (404, True), body


async def test_what_a_camera_sees_now(recorded: Recorded) -> None:
    status, headers, body = await recorded.bytes("monitors/zm/2/picture")
    assert (status, headers["Content-Type"]) == (200, "image/jpeg"), body
    assert Image.open(io.BytesIO(body)).size == (320, 240)


async def test_its_log_can_be_read(recorded: Recorded) -> None:
    lines = (await recorded.get("logs", system="zm", limit=20))["lines"]
    assert lines
    assert all(line["component"] and line["message"] for line in lines)


async def test_an_event_is_archived_noted_and_deleted(recorded: Recorded) -> None:
    """ZoneMinder's database shows what the bridge says, and the search no longer finds what is gone."""
    number, id_ = 240, "zm-240"

    async def given(command: str, value: str | None = None) -> str:
        asked = {"event": id_, "command": command} | ({} if value is None else {"value": value})
        async with recorded.http.post(f"{API}/commands", json=asked) as response:
            answer = await response.json()
        return str(answer["result"]) if answer["error"] is None else f"{answer['result']}: {answer['error']['hint']}"

    async def row() -> list[list[str]]:
        return await recorded.zoneminder.sql(f"SELECT Archived, Locked, Notes FROM Events WHERE Id = {number}")  # noqa: S608

    assert await given("archived", "ON") == "applied"
    assert await given("archived", "ON") == "unchanged"
    assert await given("note", "A parcel: seen by the post") == "applied"
    assert await row() == [["1", "0", "A parcel: seen by the post"]]
    found = await recorded.get(f"events/{id_}")
    assert (found["archived"], found["locked"], found["notes"]) == (True, False, "A parcel: seen by the post")
    assert "is archived" in await given("delete")
    assert await row()
    assert await given("archived", "OFF") == "applied"
    assert await given("locked", "ON") == "applied"
    assert "is locked" in await given("delete")
    assert await given("locked", "OFF") == "applied"
    assert await given("delete") == "applied"
    assert not await row()
    assert number not in await recorded.ids(until=(datetime.now(UTC) - timedelta(days=10)).isoformat())
    async with recorded.http.post(f"{API}/commands", json={"event": id_, "command": "delete"}) as response:
        assert response.status == 404


async def test_a_setting_is_set_in_zoneminder(recorded: Recorded) -> None:
    """A limit that ZoneMinder has as null is 0, and 0 is none to it as well: pictures go on coming."""

    async def given(value: str) -> str:
        asked = {"system": "zm", "monitor": "2", "command": "analysis_max_fps", "value": value}
        async with recorded.http.post(f"{API}/commands", json=asked) as response:
            return str((await response.json())["result"])

    async def limit() -> list[list[str]]:
        return await recorded.zoneminder.sql("SELECT AnalysisFPSLimit FROM Monitors WHERE Id = 2")

    assert await given("0") == "unchanged"
    assert await given("4") == "applied"
    assert await limit() == [["4.00"]]
    assert await given("0") == "applied"
    assert await limit() == [["0.00"]]

    async def delivers() -> bool:
        state = (await recorded.get("monitors/zm/2"))["state"]
        return bool(state["connected"] and (state["capture_fps"] or 0) > 0)

    await until(delivers, 30)


async def test_what_zoneminder_purges_is_gone_from_the_index(recorded: Recorded) -> None:
    await recorded.zoneminder.sql("DELETE FROM Events WHERE Id <= 250")
    # Who asks for a picture of one of them finds out first, and it is gone before that is answered.
    status, _, _ = await recorded.bytes("events/zm-225/picture")
    assert status == 404
    assert 225 not in await recorded.ids()

    async def is_gone(numbers: range) -> bool:
        return not await recorded.ids(until=(datetime.now(UTC) - timedelta(days=10)).isoformat()) & set(numbers)

    await until(lambda: is_gone(range(1, 251)), _PURGED_WITHIN_S)
    assert {number for number in await recorded.ids() if number <= 100_000} == set(range(251, _EVENTS + 1))


async def test_no_secret_was_told_and_nothing_went_wrong(recorded: Recorded) -> None:
    assert recorded.bridge.program.is_running
    assert recorded.zoneminder.password not in recorded.bridge.log
    assert grave_lines(recorded.bridge.log) == []
