"""Pictures and videos of events: whole, or not there; of any size, and on from where they broke off."""

from __future__ import annotations

import asyncio
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from tests.bridge.zoneminder.support import library
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.media import ANNOTATED, JPEG, clip_of, frame_of
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4, Personality
from tests.fakes.zoneminder.server import VIEWER, User

from vms_bridge.errors import MediaUnavailable, NoRoom, OutputError
from vms_bridge.part_files import Part
from vms_bridge.zoneminder import EventRow, FilterRefused, NotThere
from vms_bridge.zoneminder.event_times import event_times
from vms_bridge.zoneminder.events.places import event_folder, relative_folder
from vms_bridge.zoneminder.values import Storage

if TYPE_CHECKING:
    from pathlib import Path

versions = pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda each: each.version)


def recorded(personality: Personality = V1_36_33, **fields: Any) -> World:  # noqa: ANN401 (of an event)
    world = World(personality, monitors=1)
    event = world.open_event(1, **fields)
    event.start -= timedelta(minutes=1)
    world.close_event(event.id)
    return world


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@versions
async def test_a_picture_comes_by_each_of_its_names(personality: Personality, tmp_path: Path) -> None:
    world = recorded(personality, is_annotated=True)
    async with library(world) as (zm, _):
        assert await zm.events.image(1) == JPEG
        assert await zm.events.image(1, "alarm") == JPEG
        assert await zm.events.image(1, "objdetect") == ANNOTATED
        assert await zm.events.image("1", 7) == frame_of(world.events[1], 7)
        assert await zm.events.save_image(1, tmp_path) == tmp_path / "1-snapshot.jpg"
        assert await zm.events.save_image(1, tmp_path / "a.jpg", 7) == tmp_path / "a.jpg"
        assert (tmp_path / "a.jpg").read_bytes() == frame_of(world.events[1], 7)
        assert names_in(tmp_path) == ["1-snapshot.jpg", "a.jpg"]


@versions
async def test_a_picture_that_there_is_not_is_said_to_be_missing(personality: Personality, tmp_path: Path) -> None:
    async with library(recorded(personality)) as (zm, _):
        with pytest.raises(MediaUnavailable, match="no picture objdetect_jpg") as raised:
            await zm.events.image(1, "objdetect")
        assert raised.value.hint == "no detection hook has left one"
        for event, fid in ((1, 9999), (77, "snapshot")):
            with pytest.raises(MediaUnavailable):
                await zm.events.save_image(event, tmp_path / "a.jpg", fid)
        for strange in ("best", 0, -1, "1&token=x", "٣"):
            with pytest.raises(FilterRefused, match="there is no picture"):
                await zm.events.image(1, strange)
        with pytest.raises(OutputError, match="can't be written"):
            await zm.events.save_image(1, tmp_path / "none" / "a.jpg")
        assert names_in(tmp_path) == []


async def test_a_picture_of_an_event_that_has_just_begun_is_asked_for_again() -> None:
    world = recorded()
    async with library(world) as (zm, fake):
        event = await zm.events.get(world.open_event(1, has_picture=False).id)
        with pytest.raises(MediaUnavailable):
            await zm.events.image(event)
        assert fake.pictures_asked == 3


async def test_who_may_not_see_events_is_told_so() -> None:
    async with library(recorded()) as (zm, fake):
        fake.users["admin"] = User("p&=+ä/%s#", VIEWER - {"events:view"})
        with pytest.raises(MediaUnavailable, match="no JPEG"):
            await zm.events.image(1)


async def test_addresses_have_a_token_in_them_and_lead_there() -> None:
    async with library(recorded()) as (zm, _):
        address = await zm.events.image_url(1, "alarm")
        assert address.startswith(f"{zm.url}/index.php?view=image&eid=1&fid=alarm&token=access-1")
        assert (await zm.events.video_url(1)).startswith(f"{zm.url}/index.php?view=view_video&eid=1&token=access-1")
        assert "access-1" not in repr(zm)


@versions
async def test_a_video_is_whole_under_its_name(personality: Personality, tmp_path: Path) -> None:
    world = recorded(personality)
    async with library(world) as (zm, _):
        told: list[tuple[int, int | None]] = []
        size = await zm.events.save_video(1, tmp_path / "clip.mp4", progress=lambda *said: told.append(said))
        whole = clip_of(world.events[1])
        assert (tmp_path / "clip.mp4").read_bytes() == whole
        assert (size, told[-1]) == (len(whole), (len(whole), len(whole)))
        event = await zm.events.get(1)
        await zm.events.save_video(event, str(tmp_path))
        assert names_in(tmp_path) == sorted([event.video, "clip.mp4"])


@pytest.mark.parametrize("left_over", [0, 1, 10, 100_000, 299_999, 300_000])
async def test_it_goes_on_from_where_another_program_ended(left_over: int, tmp_path: Path) -> None:
    world = recorded()
    async with library(world) as (zm, fake):
        whole = clip_of(world.events[1])
        (tmp_path / ".a.mp4.1.part").write_bytes(whole[:left_over])
        assert await zm.events.save_video(1, tmp_path / "a.mp4") == len(whole)
        assert (tmp_path / "a.mp4").read_bytes() == whole
        assert names_in(tmp_path) == ["a.mp4"]
        assert fake.clips_asked == 1


@pytest.mark.parametrize("left_over", [b"x" * 1000, b"x" * 400_000])
async def test_what_is_of_something_else_is_not_added_to(left_over: bytes, tmp_path: Path) -> None:
    world = recorded()
    async with library(world) as (zm, _):
        whole = clip_of(world.events[1])
        (tmp_path / ".a.mp4.1.part").write_bytes(left_over)
        (tmp_path / "a.mp4").write_bytes(b"an older one")
        await zm.events.save_video(1, tmp_path / "a.mp4")
        assert (tmp_path / "a.mp4").read_bytes() == whole
        (tmp_path / ".b.mp4.1.part").write_bytes(whole[:1000])
        await zm.events.save_video(1, tmp_path / "b.mp4", resume=False)
        assert (tmp_path / "b.mp4").read_bytes() == whole


async def test_what_breaks_off_is_asked_for_again_from_there(tmp_path: Path) -> None:
    world = recorded()
    async with library(world) as (zm, fake):
        whole = clip_of(world.events[1])
        fake.clip_cuts.extend([100_000, 0, 90_000, 0, 0])
        await zm.events.save_video(1, tmp_path / "a.mp4")
        assert (tmp_path / "a.mp4").read_bytes() == whole
        assert fake.clips_asked == 6
        fake.clip_cuts.append(100_000)
        taken = io.BytesIO()
        assert await zm.events.save_video(1, taken) == len(whole)
        assert taken.getvalue() == whole


async def test_two_who_write_the_same_do_not_mix(tmp_path: Path) -> None:
    world = recorded()
    async with library(world) as (zm, _):
        part = Part(tmp_path / "a.mp4", "1")
        await asyncio.to_thread(part.open, keep=True)
        await asyncio.to_thread(part.write, b"mine")
        with pytest.raises(OutputError, match="is being written already"):
            await zm.events.save_video(1, tmp_path / "a.mp4", resume=False)
        assert await asyncio.to_thread(part.tail) == b"mine"
        await asyncio.to_thread(part.close)
        await zm.events.save_video(1, tmp_path / "a.mp4")
        assert (tmp_path / "a.mp4").read_bytes() == clip_of(world.events[1])


async def test_it_gives_up_when_nothing_comes_any_more_and_keeps_what_has(tmp_path: Path) -> None:
    world = recorded()
    async with library(world) as (zm, fake):
        fake.clip_cuts.extend([100_000, *[0] * 20])
        with pytest.raises(MediaUnavailable, match=r"broke off") as raised:
            await zm.events.save_video(1, tmp_path / "a.mp4")
        assert "it goes on from there" in raised.value.hint
        assert fake.clips_asked == 5
        assert (tmp_path / ".a.mp4.1.part").stat().st_size >= 100_000
        assert not (tmp_path / "a.mp4").exists()
        fake.clip_cuts.clear()
        await zm.events.save_video(1, tmp_path / "a.mp4")
        assert (tmp_path / "a.mp4").read_bytes() == clip_of(world.events[1])


async def test_a_server_that_knows_no_ranges_starts_over_in_a_file_and_not_in_a_writer(tmp_path: Path) -> None:
    world = recorded()
    async with library(world) as (zm, fake):
        fake.clip_fault = "ignores-range"
        fake.clip_cuts.append(100_000)
        await zm.events.save_video(1, tmp_path / "a.mp4")
        assert (tmp_path / "a.mp4").read_bytes() == clip_of(world.events[1])
        fake.clip_cuts.append(100_000)
        with pytest.raises(MediaUnavailable, match="from its beginning on"):
            await zm.events.save_video(1, io.BytesIO())


@pytest.mark.parametrize("fault", ["another-part", "416", "packed"])
async def test_a_server_that_gives_something_else_is_not_believed(fault: str, tmp_path: Path) -> None:
    world = recorded()
    async with library(world) as (zm, fake):
        fake.clip_fault = fault
        (tmp_path / ".a.mp4.1.part").write_bytes(clip_of(world.events[1])[:100_000])
        with pytest.raises(MediaUnavailable):
            await zm.events.save_video(1, tmp_path / "a.mp4")
        assert not (tmp_path / "a.mp4").exists()


@versions
async def test_events_without_a_video_say_why(personality: Personality, tmp_path: Path) -> None:
    world = recorded(personality, is_jpegs=True)
    world.open_event(1)
    async with library(world) as (zm, _):
        with pytest.raises(MediaUnavailable, match="as single pictures"):
            await zm.events.save_video(1, tmp_path / "a.mp4")
        with pytest.raises(MediaUnavailable, match="is still recorded"):
            await zm.events.save_video(2, tmp_path / "a.mp4")
        with pytest.raises(NotThere):
            await zm.events.save_video(3, tmp_path / "a.mp4")
        assert names_in(tmp_path) == []


async def test_a_page_in_the_place_of_a_video_is_none(tmp_path: Path) -> None:
    async with library(recorded()) as (zm, fake):
        fake.fail("view_video", "html")
        with pytest.raises(MediaUnavailable, match="a web page"):
            await zm.events.save_video(1, tmp_path / "a.mp4")


async def test_a_writer_may_be_waited_for() -> None:
    world = recorded()

    class Slow:
        def __init__(self) -> None:
            self.taken = b""

        async def write(self, piece: bytes) -> None:
            await asyncio.sleep(0)
            self.taken += piece

    async with library(world) as (zm, _):
        slow = Slow()
        await zm.events.save_video(1, slow)
        assert slow.taken == clip_of(world.events[1])


async def test_what_is_on_another_servers_disk_is_fetched_from_there(tmp_path: Path) -> None:
    world = World(monitors=2)
    world.monitors[2].server_id = 7
    for number in (1, 2):
        world.close_event(world.open_event(number).id)
    async with library(world) as (zm, one), FakeZoneMinder(world, server_id=7, keeps_files_apart=True) as two:
        two.tokens, one.keeps_files_apart = one.tokens, True
        row = {"Protocol": "http", "PathToApi": "/zm/api", "Hostname": "127.0.0.1"}
        one.servers = [{**row, "Id": 1, "Name": "First", "Port": one.port}, {**row, "Id": 7, "Name": "Second", "Port": two.port}]
        assert await zm.events.image(1) == await zm.events.image(2) == JPEG
        assert await zm.events.save_video(2, tmp_path / "a.mp4") == len(clip_of(world.events[2]))
        assert (one.clips_asked, two.clips_asked, two.pictures_asked) == (1, 1, 1)
        two.keeps_files_apart, two.server_id = True, 9
        with pytest.raises(MediaUnavailable):
            await zm.events.image(2)


async def test_a_large_video_is_never_held_in_memory(tmp_path: Path) -> None:
    source = tmp_path / "large.mp4"
    with source.open("wb") as file:
        file.write(b"\0\0\0\x18ftypmp42")
        file.truncate(32 * 1024 * 1024)
    async with library(recorded(clip=source)) as (zm, _):
        tracemalloc.start()
        try:
            assert await zm.events.save_video(1, tmp_path / "a.mp4") == 32 * 1024 * 1024
            assert tracemalloc.get_traced_memory()[1] < 10 * 1024 * 1024
        finally:
            tracemalloc.stop()
        assert (tmp_path / "a.mp4").stat().st_size == 32 * 1024 * 1024


async def test_a_full_disk_is_said() -> None:
    class Full:
        def write(self, piece: bytes) -> None:
            raise NoRoom(f"no room for {len(piece)} bytes")

    async with library(recorded()) as (zm, _):
        with pytest.raises(NoRoom):
            await zm.events.save_video(1, Full())


AREAS = (
    Storage(id="1", name="Default", path="/var/events", scheme="Medium"),
    Storage(id="2", name="New", path="/mnt/x", scheme="Deep"),
)


@pytest.mark.parametrize(
    ("scheme", "area", "folder"),
    [
        ("Deep", "1", "/var/events/4/26/10/25/02/30/07"),
        ("Medium", "2", "/mnt/x/4/2026-10-25/17"),
        ("Shallow", "1", "/var/events/4/17"),
        ("", "1", "/var/events/4/2026-10-25/17"),
        ("", "2", "/mnt/x/4/26/10/25/02/30/07"),
    ],
)
def test_where_an_event_is_follows_from_its_area_and_scheme(scheme: str, area: str, folder: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    times = event_times("2026-10-25 02:30:07", "", berlin)
    assert times is not None
    row = EventRow(id=17, monitor_id="4", start=times.start, times=times, scheme=scheme, storage_id=area)
    assert str(event_folder(row, AREAS, berlin)) == folder
    bare = EventRow(id=17, monitor_id="4", start=datetime(2026, 10, 25, 1, 30, 7, tzinfo=UTC), scheme="Deep")
    assert str(relative_folder(bare, berlin)) == "4/26/10/25/02/30/07"
    with pytest.raises(MediaUnavailable, match="no storage area 9"):
        event_folder(EventRow(id=1, monitor_id="1", start=times.start, storage_id="9"), AREAS, UTC)


@versions
async def test_where_an_event_is_on_its_host(personality: Personality) -> None:
    world = recorded(personality)
    async with library(world) as (zm, _):
        path = await zm.events.path(1)
        assert path.is_absolute()
        assert str(path).endswith("/1")
