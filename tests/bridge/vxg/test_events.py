"""Events: of all of the group in one request, followed without loss though they come late, tagged, and with boxes."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.vxg.support import served
from tests.fakes.clock import FakeClock

from vms_bridge.errors import VmsError
from vms_bridge.vxg import (
    Box,
    EventRow,
    EventWatch,
    GatewayFailed,
    MediaExpired,
    NotThere,
    Refused,
    ServerFailed,
    Vxg,
    WrongValue,
)
from vms_bridge.vxg.watching import MOST_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from tests.fakes.vxg import FakeVxg

EVENTS = "/api/v2/storage/events/"


async def test_all_of_the_group_in_one_request() -> None:
    async with served() as (vxg, fake):
        for number in (101, 102, 103):
            fake.world.happen(
                number, "motion" if number < 103 else "sound", ago_s=number, meta={"person": "1"} if number == 101 else {}
            )
        before = len(fake.requests)
        rows = await vxg.events.list()
        assert [row.camera_id for row in rows] == [103, 102, 101]
        assert len(fake.requests) == before + 1
        assert [row.camera_id for row in await vxg.events.list(newest_first=True)] == [101, 102, 103]
        assert [row.camera_id for row in await vxg.events.list(102)] == [102]
        assert [row.camera_id for row in await vxg.events.list(names=["sound"])] == [103]
        assert [row.camera_id for row in await vxg.events.list(meta=["person"])] == [101]
        assert [row.camera_id for row in await vxg.events.list(without_meta=["person"])] == [103, 102]
        assert len(await vxg.events.list(start=rows[1].time)) == 2
        assert len(await vxg.events.list(end=rows[1].time)) == 1
        assert len(await vxg.events.list(limit=1)) == 1
        assert (await vxg.events.get(rows[2])).meta == {"person": "1"}
        assert rows[0].thumb is not None
        assert await vxg.images.fetch(rows[0].thumb)
        with pytest.raises(NotThere):
            await vxg.events.get(4711)


@pytest.mark.parametrize("wrong", ["", "a,b", "x" * 200, "a\nb"])
async def test_a_name_that_can_not_be_one_is_not_asked_for(wrong: str) -> None:
    async with served() as (vxg, fake):
        before = len(fake.requests)
        with pytest.raises(WrongValue):
            await vxg.events.list(names=[wrong])
        with pytest.raises(WrongValue):
            await vxg.events.create(101, wrong, fake.world.now())
        assert len(fake.requests) == before


async def test_an_event_of_ones_own_kind() -> None:
    async with served() as (vxg, fake):
        with pytest.raises(Refused, match="not enabled") as caught:
            await vxg.events.create(101, "bridge_alarm")
        assert caught.value.status == 400
        assert (await vxg.events.add_type(101, "bridge_alarm")).is_custom
        assert (await vxg.events.add_type(101, "bridge_alarm")).name == "bridge_alarm", "it is there already"
        before = fake.world.now() - timedelta(seconds=60)
        made = await vxg.events.create(101, "bridge_alarm", meta={"by": "us"})
        assert before < made.time < fake.world.now() + timedelta(seconds=60)
        assert (await vxg.events.get(made)).meta == {"by": "us"}
        assert {each.name for each in await vxg.events.types(101) if each.can_be_triggered} == {"motion"}
        await vxg.events.trigger(101, "motion", {"why": "test"})
        with pytest.raises(Refused, match="can't be triggered"):
            await vxg.events.trigger(101, "sound")
        assert [row.name for row in await vxg.events.list(101)] == ["bridge_alarm", "motion"]


async def test_tags_are_set_changed_and_removed() -> None:
    async with served() as (vxg, fake):
        event = fake.world.happen(101)
        await vxg.events.set_tag(event.id, "a/b ü", "1")
        await vxg.events.set_tag(event.id, "a/b ü", "2")
        assert (await vxg.events.get(event.id)).meta == {"a/b ü": "2"}
        await vxg.events.remove_tag(event.id, "a/b ü")
        assert (await vxg.events.get(event.id)).meta == {}
        with pytest.raises(NotThere):
            await vxg.events.remove_tag(event.id, "a/b ü")


async def test_boxes_are_read_from_the_file_else_from_the_tags() -> None:
    async with served() as (vxg, fake):
        item = {"ObjectClassName": "car", "coordinates": {"left": 0, "top": 0, "right": 640, "bottom": 360}}
        fake.world.happen(101, "yolov4_detection", file=json.dumps({"data": {"bounding-boxes": [item]}}).encode())
        said = {"bounding_boxes": "{'van': [640, 360, 0, 0]}", "frame_resolution": "{'width': 1280, 'height': 720}"}
        fake.world.happen(102, "motion", meta=said, file=b"no JSON")
        fake.world.happen(103)
        boxes = {row.camera_id: await vxg.events.boxes(row) for row in await vxg.events.list()}
        assert boxes == {101: (Box("car", 0, 0, 0.5, 0.5),), 102: (Box("van", 0, 0, 0.5, 0.5),), 103: ()}
        assert not fake.media.refused
        old = (await vxg.events.list(101))[0]
        await fake.clock.sleep(fake.media.life_s + 1)
        with pytest.raises(MediaExpired):
            await vxg.events.boxes(old)


async def told(watch: EventWatch, fake: FakeVxg, seconds: float, every_s: float = 5.0) -> tuple[list[int], list[int]]:
    """Look again and again, and return which were new and which had changed."""
    new: list[int] = []
    changed: list[int] = []
    for _ in range(int(seconds / every_s)):
        changes = await watch.poll()
        new += [row.id for row in changes.new]
        changed += [row.id for row in changes.changed]
        await fake.clock.sleep(every_s)
    return new, changed


async def test_what_is_listed_late_is_told_once_and_what_comes_later_still_is_a_change() -> None:
    async with served() as (vxg, fake):
        watch = vxg.events.watch(await vxg.now())
        prompt = fake.world.happen(101, thumb_s=None)
        late = fake.world.happen(102, late_s=20, thumb_s=10, meta_s=20, meta={"person": "1"})
        new, changed = await told(watch, fake, 120)
        assert new == [prompt.id, late.id]
        assert changed == [late.id, late.id], "its picture, and its tags"
        assert await told(watch, fake, 300) == ([], [])


async def test_a_late_one_is_seen_beside_newer_ones() -> None:
    async with served() as (vxg, fake):
        watch = vxg.events.watch(await vxg.now())
        late = fake.world.happen(101, late_s=18)
        await fake.clock.sleep(10)
        newer = fake.world.happen(102)
        assert [row.id for row in (await watch.poll()).new] == [newer.id]
        await fake.clock.sleep(10)
        assert [row.id for row in (await watch.poll()).new] == [late.id]


async def test_a_camera_whose_clock_is_ahead_hides_nobody() -> None:
    async with served() as (vxg, fake):
        watch = vxg.events.watch(await vxg.now())
        ahead = fake.world.happen(101, ago_s=-3600)
        fake.world.events[ahead.id].listed_at = fake.world.now()
        fake.world.events[ahead.id].thumb_at = None
        await watch.poll()
        later = fake.world.happen(102)
        assert [row.id for row in (await watch.poll()).new] == [later.id]


async def test_after_a_restart_it_goes_on_at_the_mark() -> None:
    async with served() as (vxg, fake):
        watch = vxg.events.watch(await vxg.now())
        first = fake.world.happen(101)
        await watch.poll()
        mark = watch.mark
        await fake.clock.sleep(3600)
        second = fake.world.happen(102)
        async with Vxg(fake.url, token=fake.group_token(), clock=fake.clock) as again:
            found = (await again.events.watch(mark).poll()).new
        assert [row.id for row in found] == [first.id, second.id], "nothing is lost; the first is known by its id"


async def test_what_fails_is_not_taken_for_told() -> None:
    async with served() as (vxg, fake):
        watch = vxg.events.watch(await vxg.now())
        event = fake.world.happen(101)
        for kind, error in (("502", GatewayFailed), ("500-html", ServerFailed)):
            fake.faults.add(EVENTS, kind)
            with pytest.raises(error):
                await watch.poll()
            fake.faults.heal()
        assert [row.id for row in (await watch.poll()).new] == [event.id]


async def test_a_clock_that_is_an_hour_off_loses_nothing() -> None:
    for ahead_s in (3600.0, -3600.0):
        async with served() as (vxg, fake):
            fake.world.clock_ahead_s = ahead_s
            await vxg.clock_skew_s(force_reload=True)
            watch = vxg.events.watch(await vxg.now())
            event = fake.world.happen(101, late_s=5)
            assert (await told(watch, fake, 30))[0] == [event.id]


async def test_many_at_once_come_in_parts() -> None:
    async with served() as (vxg, fake):
        since = await vxg.now()
        count = MOST_AT_ONCE + 10
        for number in range(count):
            fake.world.happen(101, ago_s=-number / 1000, thumb_s=None)
        await fake.clock.sleep(10)
        watch = vxg.events.watch(since - timedelta(seconds=1))
        first = await watch.poll()
        assert (len(first.new), first.is_all) == (MOST_AT_ONCE, False)
        second = await watch.poll()
        assert (len(second.new), second.is_all) == (10, True)
        assert len({row.id for row in (*first.new, *second.new)}) == count


async def test_what_was_read_is_told_while_more_is_read() -> None:
    async with served() as (vxg, fake):
        fake.most_rows = 10
        ids = [fake.world.happen(101, ago_s=-number / 1000, thumb_s=None).id for number in range(25)]
        await fake.clock.sleep(10)
        watch = vxg.events.watch(await vxg.now() - timedelta(seconds=30))
        before = len(fake.requests)
        async with aclosing(watch.batches(4)) as batches:
            first, second = await anext(batches), await anext(batches)
        assert len(fake.requests) == before + 1, "of three pages"
        assert [row.id for row in (*first.new, *second.new)] == ids[:8]
        parts = [changes async for changes in watch.batches(4)]
        assert [row.id for changes in parts for row in changes.new] == ids[8:]
        assert [changes.is_all for changes in parts] == [False] * 4 + [True]
        fake.world.events[ids[0]].meta = {"person": "1"}
        (last,) = [changes async for changes in watch.batches(4)]
        assert ([row.id for row in last.changed], last.new, last.is_all) == ([ids[0]], (), True)


happenings = st.tuples(st.floats(0, 300), st.floats(0, 55), st.floats(0, 55), st.booleans())


@settings(max_examples=40)
@given(st.lists(happenings, max_size=12, unique_by=lambda each: each[0]), st.floats(1, 30))
def test_whatever_comes_in_time_is_told_exactly_once(happened: list[tuple[float, float, float, bool]], every_s: float) -> None:
    """Each event happens, is listed and gets its tags some time after; looked at each so often, for ten minutes."""
    asyncio.run(_follow(happened, every_s))


async def _follow(happened: list[tuple[float, float, float, bool]], every_s: float) -> None:
    clock = FakeClock()
    began = clock.now()

    async def listed(start: datetime) -> AsyncIterator[EventRow]:
        elapsed = (clock.now() - began).total_seconds()
        for number, (at, late, more, has_tags) in sorted(enumerate(happened, 1), key=lambda each: each[1][0]):
            time = began + timedelta(seconds=at)
            if elapsed >= at + late and time >= start:
                meta = {"tag": "1"} if has_tags and elapsed >= at + late + more else {}
                yield EventRow(id=number, camera_id=1, name="motion", time=time, meta=meta)

    async def now() -> datetime:
        return clock.now()

    watch = EventWatch(listed, now, began)
    new: list[int] = []
    for _ in range(int(600 / every_s)):
        new += [row.id for row in (await watch.poll()).new]
        clock.freeze(every_s)
    assert sorted(new) == list(range(1, len(happened) + 1))


async def test_what_goes_while_pages_are_read_makes_no_other_slip_through() -> None:
    async with served(channels=1) as (vxg, fake):
        fake.most_rows = 5
        for number in range(60):
            fake.world.happen(101, ago_s=100.0 - number // 4)
        start = min(each.time for each in fake.world.events.values())

        def forget_the_oldest(method: str, path: str) -> None:
            if (method, path) == ("GET", EVENTS):
                del fake.world.events[min(fake.world.events)]

        fake.between = forget_the_oldest
        read = [row.id for row in await vxg.events.list(start=start)]
        assert len(read) == len(set(read))
        assert fake.world.events.keys() <= set(read)


async def test_more_events_of_one_time_than_a_page_has_are_all_read() -> None:
    async with served(channels=1) as (vxg, fake):
        fake.most_rows = 5
        made = {fake.world.happen(101, ago_s=ago_s).id for ago_s in (9.0, 5.0, 1.0)}
        at = fake.world.events[max(made)].time
        for _ in range(17):
            row = fake.world.happen(101)
            row.time, row.listed_at = at, at
            made.add(row.id)
        assert {row.id for row in await vxg.events.list()} == made
        assert len(await vxg.events.list(limit=12)) == 12
        assert await vxg.events.list(limit=0) == await vxg.events.list(limit=0, newest_first=True) == ()
        assert len(await vxg.events.list(limit=12, newest_first=True)) == 12


@pytest.mark.parametrize("kind", ["500-html", "garbage", "empty"])
async def test_a_clock_that_can_not_be_asked_is_not_taken_for_ours(kind: str) -> None:
    async with served() as (vxg, fake):
        fake.world.clock_ahead_s = 3_600.0
        fake.faults.add("/api/v2/server/time/", kind)
        with pytest.raises(VmsError):
            await vxg.clock_skew_s(force_reload=True)
        fake.faults.heal()
        assert abs(await vxg.clock_skew_s(force_reload=True) - 3_600) < 5
