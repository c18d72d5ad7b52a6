"""Pictures: of now, at any rate, and from the archive; and the setting that is left as it was found."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from tests.bridge.vxg.support import served
from tests.fakes.zoneminder.media import JPEG

from vms_bridge.errors import BridgeError, MediaUnavailable, TimedOut, VmsUnreachable
from vms_bridge.vxg import (
    GENERATED_FROM_RECORDS,
    AccessMissing,
    GatewayFailed,
    Image,
    MediaExpired,
    Refused,
    Sampling,
    ServerFailed,
    Vxg,
    WrongValue,
)
from vms_bridge.vxg.lanes import AT_ONCE

if TYPE_CHECKING:
    from datetime import datetime

    from tests.fakes.vxg import FakeVxg

PERIOD = "/api/v4/images/generation/live/"


class Kept:
    """Remembers what is to be put back."""

    def __init__(self) -> None:
        self.kept: list[Sampling] = []
        self.told: list[str] = []

    async def began(self, sampling: Sampling) -> None:
        self.told.append("began")
        self.kept = [*(each for each in self.kept if each.channel_id != sampling.channel_id), sampling]

    async def ended(self, sampling: Sampling) -> None:
        self.told.append("ended")
        self.kept = [each for each in self.kept if each.channel_id != sampling.channel_id]


async def sampled(vxg: Vxg, every_s: float, count: int, keep: Kept | None = None) -> list[Image]:
    return [image async for image in vxg.images.sample(101, every_s, keep=keep, limit=count)]


async def test_the_picture_of_now() -> None:
    async with served() as (vxg, fake):
        image = await vxg.live.image(101)
        assert await vxg.images.fetch(image) == JPEG + b"101"
        await vxg.live.refresh(101)
        assert await vxg.images.fetch(await vxg.live.image(101)) == JPEG + b"101+", "a fresh one"
        assert not fake.media.refused, "no credential is shown to the store"
        assert "Signature" not in repr(image)


@pytest.mark.parametrize("every_s", [0.5, 1.0, 10.0])
async def test_pictures_come_at_the_rate_that_is_asked_for(every_s: float) -> None:
    async with served() as (vxg, fake):
        keep = Kept()
        images = await sampled(vxg, every_s, 6, keep)
        times = [image.time for image in images if image.time is not None]
        assert len(set(times)) == 6
        assert all(later - earlier >= timedelta(seconds=every_s * 0.9) for earlier, later in pairwise(times))
        assert await vxg.images.fetch(images[-1])
        assert fake.world.channels[101].image_period is None, "it is as it was"
        assert keep.told == ["began", "ended"]
        assert keep.kept == []


async def test_what_somebody_else_wants_more_often_stays() -> None:
    async with served() as (vxg, fake):
        fake.world.set_period(fake.world.channels[101], 0.5)
        keep = Kept()
        images = await sampled(vxg, 2.0, 3, keep)
        times = [image.time for image in images if image.time is not None]
        assert all(later - earlier >= timedelta(seconds=1.8) for earlier, later in pairwise(times)), "fewer are taken"
        assert fake.world.channels[101].image_period == 0.5
        assert fake.count["PUT /api/v4/images/generation/live/"] == 0
        assert keep.told == []


async def test_a_rate_that_does_not_suffice_is_raised_and_put_back() -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        fake.world.set_period(channel, 60.0)
        keep = Kept()
        seen: list[float | None] = []
        async for _ in vxg.images.sample(101, 1.0, keep=keep, limit=2):
            seen.append(channel.image_period)
            assert keep.kept == [Sampling(101, 60.0, 1.0)]
        assert seen == [1.0, 1.0]
        assert channel.image_period == 60.0


async def test_what_somebody_has_set_meanwhile_stays() -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        async for _ in vxg.images.sample(101, 1.0, limit=1):
            fake.world.set_period(channel, 7.0)
        assert channel.image_period == 7.0


async def test_pictures_that_do_not_come_any_more_are_not_waited_for_without_end() -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        images = vxg.images.sample(101, 10.0)
        await anext(images)
        fake.world.set_period(channel, None)
        before = vxg.images._session.clock.monotonic()
        with pytest.raises(MediaUnavailable, match="no picture of channel 101 has come for 120 s"):
            await anext(images)
        assert vxg.images._session.clock.monotonic() - before > 119
        assert channel.image_period is None, "somebody has turned it off, and has the last word"
        images = vxg.images.sample(101, 10.0, patience_s=None)
        fake.world.images_delay_s = 200.0
        assert (await anext(images)).camera_id == 101
        await images.aclose()


async def test_many_channels_are_sampled_by_one_request() -> None:
    async with served(channels=20) as (vxg, fake):
        fake.world.set_period(fake.world.channels[105], 45.0)
        fake.world.channels[120].token = fake.world.channels[120].watch_token
        refused: list[tuple[int, str]] = []
        rows = await vxg.channels.list()
        images = vxg.images.sample_all(rows, 2.0, refused=lambda number, error: refused.append((number, error.code)))
        times: dict[int, list[datetime]] = {}
        while sum(map(len, times.values())) < 19 * 4:
            image = await anext(images)
            assert image.time is not None
            times.setdefault(image.camera_id, []).append(image.time)
        await images.aclose()
        assert sorted(times) == list(range(101, 120))
        assert all(later - earlier >= timedelta(seconds=1.8) for each in times.values() for earlier, later in pairwise(each))
        assert all(len(each) >= 3 for each in times.values())
        assert refused == [(120, "auth")]
        assert {channel.image_period for channel in fake.world.channels.values()} == {None, 45.0}
        assert fake.count["GET /api/v2/storage/thumbnails/"] < 25
        assert fake.count["GET /api/v4/storage/images/"] == 0
        with pytest.raises(AccessMissing):
            await anext(vxg.images.sample_all(rows, 2.0))
        assert fake.world.channels[101].image_period is None


async def test_the_rates_of_many_channels_are_raised_and_put_back_at_the_same_time() -> None:
    async with served(channels=30) as (vxg, fake):
        rows = await vxg.channels.list()
        images = vxg.images.sample_all(rows, 1.0)
        fake.hold = asyncio.Event()
        first = asyncio.ensure_future(anext(images))
        await fake.asked_at_once(AT_ONCE)
        fake.hold.set()
        await first
        fake.faults.add(PERIOD, "400", times=1, method="PUT")
        fake.hold = asyncio.Event()
        end = asyncio.ensure_future(images.aclose())
        await fake.asked_at_once(AT_ONCE)
        fake.hold.set()
        with pytest.raises(Refused):
            await end
        assert sorted(str(each.image_period) for each in fake.world.channels.values()) == ["1.0", *["None"] * 29]


async def test_many_channels_have_a_limit_each_and_none_is_waited_for_without_an_end() -> None:
    async with served(channels=4) as (vxg, fake):
        fake.between = lambda *_: setattr(fake.world.channels[104], "images_from", None)  # it is offline
        refused: list[tuple[int, str]] = []
        images = vxg.images.sample_all(
            (101, 102, 103, 104), 1.0, limit=2, refused=lambda number, error: refused.append((number, error.code))
        )
        found = [image.camera_id async for image in images]
        assert sorted(found) == [101, 101, 102, 102, 103, 103]
        assert refused == [(104, MediaUnavailable("").code)]
        assert {channel.image_period for channel in fake.world.channels.values()} == {None}
        with pytest.raises(MediaUnavailable):
            await anext(vxg.images.sample_all([104], 1.0))


async def test_two_who_sample_one_channel_leave_it_as_it_was() -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        fake.world.set_period(channel, 30.0)
        keep = Kept()
        slow = vxg.images.sample(101, 5.0, keep=keep)
        await anext(slow)
        fast = vxg.images.sample(101, 1.0, keep=keep)
        await anext(fast)
        assert channel.image_period == 1.0
        await fast.aclose()
        assert channel.image_period == 5.0, "as often as the other one wants"
        assert keep.kept == [Sampling(101, 30.0, 5.0)], "whoever restores after a kill finds this rate"
        await slow.aclose()
        assert channel.image_period == 30.0
        assert keep.kept == []


async def test_whoever_wants_fewer_than_there_were_leaves_as_many_as_there_were() -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        fake.world.set_period(channel, 8.0)
        keep = Kept()
        fast, slow = vxg.images.sample(101, 5.0, keep=keep), vxg.images.sample(101, 10.0, keep=keep)
        await anext(fast)
        await anext(slow)
        await fast.aclose()
        assert channel.image_period == 8.0
        assert keep.kept == []
        await slow.aclose()
        assert channel.image_period == 8.0


async def test_a_program_that_was_killed_puts_it_back_later() -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        fake.world.set_period(channel, 60.0)
        keep = Kept()
        left = vxg.images.sample(101, 1.0, keep=keep)
        await anext(left)
        (sampling,) = keep.kept
        async with Vxg(fake.url, token=fake.group_token(), clock=fake.clock) as again:
            assert await again.images.restore(sampling)
            assert channel.image_period == 60.0
            assert not await again.images.restore(sampling), "it is not ours any more"
            fake.world.set_period(channel, 3.0)
            assert not await again.images.restore(sampling)
            assert channel.image_period == 3.0
        with pytest.raises(WrongValue, match="sampled now"):
            await vxg.images.restore(sampling)
        await left.aclose()
        assert channel.image_period == 3.0


async def test_whoever_is_cancelled_puts_it_back() -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        began = asyncio.Event()

        async def look() -> None:
            async for _ in vxg.images.sample(101, 1.0):
                began.set()

        task = asyncio.create_task(look())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert channel.image_period is None


@pytest.mark.parametrize("kind", ["cut", "502"])
async def test_a_rate_that_may_have_been_raised_is_put_back(kind: str) -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        fake.world.set_period(channel, 30.0)
        fake.faults.add(PERIOD, kind, times=3, method="PUT")
        keep = Kept()
        with pytest.raises(BridgeError):
            await sampled(vxg, 1.0, 1, keep)
        assert channel.image_period == 30.0
        assert keep.kept == []


async def test_whoever_is_cancelled_while_the_rate_is_raised_has_it_put_back() -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        fake.world.set_period(channel, 30.0)
        task = asyncio.create_task(sampled(vxg, 1.0, 1))

        def meanwhile(method: str, _path: str) -> None:
            if method == "PUT" and channel.image_period == 30.0:
                task.cancel()

        fake.between = meanwhile
        with pytest.raises(asyncio.CancelledError):
            await task
        assert channel.image_period == 30.0


async def test_an_iterator_that_nobody_closes_leaves_the_rate_as_it_was() -> None:
    async with served() as (_, fake):
        channel = fake.world.channels[101]
        fake.world.set_period(channel, 30.0)
        keep = Kept()
        async with Vxg(fake.url, token=fake.group_token(), clock=fake.clock) as engine:
            images = engine.images.sample(101, 1.0, keep=keep)
            await anext(images)
            assert channel.image_period == 1.0
        assert channel.image_period == 30.0
        assert keep.kept == []
        await images.aclose()


async def test_what_could_not_be_put_back_is_by_the_next_one_who_samples() -> None:
    async with served() as (vxg, fake):
        channel = fake.world.channels[101]
        fake.world.set_period(channel, 30.0)
        keep = Kept()
        images = vxg.images.sample(101, 1.0, keep=keep)
        await anext(images)
        fake.faults.add(PERIOD, "502")
        with pytest.raises(GatewayFailed):
            await images.aclose()
        assert keep.kept == [Sampling(101, 30.0, 1.0)], "it is still to be put back"
        fake.faults.heal()
        await sampled(vxg, 1.0, 1, keep)
        assert channel.image_period == 30.0
        assert keep.kept == []


async def test_two_who_keep_each_for_themselves_are_both_told_the_end() -> None:
    async with served() as (vxg, fake):
        one, other = Kept(), Kept()
        slow, fast = vxg.images.sample(101, 5.0, keep=one), vxg.images.sample(101, 1.0, keep=other)
        await anext(slow)
        await anext(fast)
        await slow.aclose()
        await fast.aclose()
        assert fake.world.channels[101].image_period is None
        assert (one.kept, other.kept) == ([], [])


@pytest.mark.parametrize("is_group", [False, True])
@pytest.mark.parametrize("kind", ["502", "close", "500-html"])
async def test_an_outage_is_waited_out(kind: str, is_group: bool) -> None:  # noqa: FBT001
    async with served() as (vxg, fake):
        images = vxg.images.sample_all([101], 1.0) if is_group else vxg.images.sample(101, 1.0)
        path = "/api/v2/storage/thumbnails/" if is_group else "/api/v4/storage/images/"
        await anext(images)
        fake.faults.add(path, kind, times=20)
        assert (await anext(images)).camera_id == 101
        fake.faults.add(path, kind)
        with pytest.raises((VmsUnreachable, ServerFailed)):
            async for _ in images:  # what is listed already comes first
                pass
        assert fake.world.channels[101].image_period is None


async def test_pictures_of_the_archive() -> None:
    async with served() as (vxg, fake):
        start = fake.world.now() - timedelta(minutes=10)
        fake.world.record(101, start, 60)
        told: list[str] = []
        images = [image async for image in vxg.images.sample_archive(101, start, start + timedelta(seconds=60), 5.0)]
        assert len(images) == 12
        assert {image.origin for image in images} == {GENERATED_FROM_RECORDS}
        await vxg.images.extract(101, start, start + timedelta(seconds=30), 10.0, progress=told.append)
        assert told[-1] == "done"
        assert "pending" in told
        before = start - timedelta(hours=1)
        with pytest.raises(MediaUnavailable, match="no pictures can be made"):
            await vxg.images.extract(101, before, before + timedelta(seconds=30), 10.0)
        fake.world.task_delay_s = 1e6
        with pytest.raises(TimedOut):
            await vxg.images.extract(101, start, start + timedelta(seconds=30), 10.0)


async def test_the_whole_group_in_one_list() -> None:
    async with served() as (vxg, fake):
        start = fake.world.now() - timedelta(minutes=10)
        for number in fake.world.channels:
            fake.world.record(number, start, 10)
            await vxg.images.extract(number, start, start + timedelta(seconds=10), 5.0)
        before = len(fake.requests)
        found = [image async for image in vxg.images.each(start=start, newest_first=True)]
        assert len(found) == 6
        assert {image.camera_id for image in found} == {101, 102, 103}
        assert len(fake.requests) == before + 1
        assert len([image async for image in vxg.images.each(101, start=start, limit=1)]) == 1


@pytest.mark.parametrize("every_s", [0.0, -1.0, 0.001, 1e9])
async def test_a_rate_can_be_meant(every_s: float) -> None:
    async with served() as (vxg, fake):
        with pytest.raises(WrongValue):
            await anext(vxg.images.sample(101, every_s))
        with pytest.raises(WrongValue):
            await vxg.images.set_period(101, every_s)
        assert fake.world.channels[101].image_period is None
        await vxg.images.set_period(101, 3.0)
        assert await vxg.images.period(101) == 3.0
        await vxg.images.set_period(101, None)
        assert await vxg.images.period(101) is None


async def expire(fake: FakeVxg) -> None:
    await fake.clock.sleep(fake.media.life_s + 1)


async def test_an_address_that_has_expired_is_not_asked() -> None:
    async with served() as (vxg, fake):
        image = await vxg.live.image(101)
        await expire(fake)
        before = len(fake.media.requests)
        with pytest.raises(MediaExpired):
            await vxg.images.fetch(image)
        assert len(fake.media.requests) == before
        unknown = Image(url=image.url, camera_id=101)
        with pytest.raises(MediaExpired, match="HTTP 403"):
            await vxg.images.fetch(unknown)
