"""Channels, groups and live video: by each credential, while others change them, and when tokens change."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.vxg.support import served
from tests.bridge.zoneminder.support import QuickClock
from tests.fakes.vxg import FakeChannel, FakeVxg
from tests.fakes.vxg.minting import inner_of

from vms_bridge.errors import VmsError
from vms_bridge.vxg import (
    AccessMissing,
    CredentialMissing,
    CredentialRefused,
    GroupToken,
    HostRefused,
    NotDone,
    NotThere,
    TokenUnusable,
    Vxg,
    WrongValue,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GROUPS = "/api/v3/channel_groups/"


@pytest.mark.parametrize("by", ["group", "lkey", "both"])
async def test_all_channels_are_listed_by_each_credential(by: str) -> None:
    async with served(by=by) as (vxg, fake):
        fake.world.channels[102].status = "inactive"
        fake.world.channels[103].meta = {"place": "gate"}
        rows = await vxg.channels.list(include_meta=True)
        assert [(row.id, row.name, row.access) for row in rows] == [(n, f"Camera {n - 100}", "all") for n in (101, 102, 103)]
        assert rows[2].meta == {"place": "gate"}
        assert by == "lkey" or [row.online for row in rows] == [True, False, True]
        assert [row.id for row in await vxg.channels.list(meta=["place"])] == [103]
        assert [row.id for row in await vxg.channels.list(without_meta=["place"])] == [101, 102]
        assert (await vxg.channels.get(102)).id == 102
        with pytest.raises(NotThere):
            await vxg.channels.get(999)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (True, True),
        (False, False),
        ("on", True),
        ("off", False),
        ({"enabled": True}, True),
        ("by the moon", None),
        (None, None),
        (7, None),
    ],
)
async def test_whether_it_records_is_read_from_whatever_is_said(said: object, read: bool | None) -> None:  # noqa: FBT001
    async with served(channels=1) as (vxg, fake):
        fake.world.channels[101].recording = said
        (row,) = await vxg.channels.list()
        assert row.recording is read


async def test_the_token_of_a_channel_is_all_it_takes() -> None:
    async with served(by="channel") as (vxg, _):
        (row,) = await vxg.channels.list()
        assert (row.id, row.name, row.online) == (101, "Camera 1", True)
        assert (await vxg.live.urls(101)).protocols == ("rtsp", "rtmp", "hls", "webrtc")
        with pytest.raises(WrongValue, match="of channel 101"):
            await vxg.channels.get(102)
        with pytest.raises(CredentialMissing):
            await vxg.groups.list()


async def test_a_token_for_watching_watches_and_no_more() -> None:
    async with served(by="watch") as (vxg, fake):
        assert (await vxg.live.urls(101)).rtsp is not None
        with pytest.raises(AccessMissing, match="does not allow") as caught:
            await vxg.clips.create(101, fake.world.now(), fake.world.now() + timedelta(seconds=5))
        assert "all" in caught.value.hint


async def test_ten_thousand_channels_are_read_page_by_page() -> None:
    async with served(channels=1) as (vxg, fake):
        token = fake.world.channels[101].token
        fake.world.channels |= {number: FakeChannel(number, f"Camera {number}", token=token) for number in range(102, 10_101)}
        fake.group.channels = list(fake.world.channels)
        count = 0
        async for _ in vxg.channels.each():
            count += 1
        assert count == 10_000
        assert fake.count["GET /api/v5/channels/"] == 40


async def test_an_empty_group_has_no_channels() -> None:
    async with served() as (vxg, fake):
        fake.group.channels = []
        assert await vxg.channels.list() == ()
        with pytest.raises(NotThere):
            await vxg.live.urls(101)


async def test_a_group_that_was_deleted_refuses() -> None:
    async with served() as (vxg, fake):
        fake.world.groups.clear()
        with pytest.raises(CredentialRefused):
            await vxg.channels.list()


async def test_a_list_that_changes_while_it_is_read_is_read_again() -> None:
    async with served(channels=600) as (vxg, fake):
        removed = iter([fake.group.channels[3]])

        def meanwhile(_method: str, path: str) -> None:
            if path == "/api/v5/channels/" and fake.count["GET /api/v5/channels/"] == 2:
                for number in removed:
                    fake.group.channels.remove(number)

        fake.between = meanwhile
        rows = await vxg.channels.list()
        assert [row.id for row in rows] == sorted(fake.group.channels), "none has slipped through between two pages"
        assert fake.count["GET /api/v5/channels/"] == 6


async def test_a_row_that_comes_twice_is_one() -> None:
    async with served(channels=300) as (vxg, fake):
        added = iter([100])

        def meanwhile(_method: str, path: str) -> None:
            if path == "/api/v5/channels/" and fake.count["GET /api/v5/channels/"] == 2:
                for number in added:
                    fake.world.channels[number] = FakeChannel(number, "First", token="")
                    fake.group.channels.insert(0, number)

        fake.between = meanwhile
        found = [row.id async for row in vxg.channels.each()]
        assert len(found) == len(set(found)) == 300


async def test_strange_rows_do_not_hide_the_others() -> None:
    async with served() as (vxg, fake):
        fake.world.channels[101].name = None  # type: ignore[assignment]
        fake.world.channels[102].token = "no token"
        fake.world.channels[103].status = 5  # type: ignore[assignment]
        rows = await vxg.channels.list()
        assert [(row.name, row.token is not None, row.status) for row in rows] == [
            ("", True, "active"),
            ("Camera 2", False, "active"),
            ("Camera 3", True, "5"),
        ]
        with pytest.raises(VmsError, match="gives no token"):
            await vxg.live.urls(rows[1])


async def test_a_channels_token_that_was_renewed_is_looked_up_once() -> None:
    async with served() as (vxg, fake):
        row = (await vxg.channels.list())[0]
        fake.mint.revoke(fake.world.channels[101].token)
        fake.world.channels[101].token = fake.mint.of_channel(101)
        assert (await vxg.live.urls(row)).rtsp is not None
        before = fake.count["GET /api/v4/live/watch/"]
        assert (await vxg.live.urls(row)).rtsp is not None
        assert fake.count["GET /api/v4/live/watch/"] == before + 1, "the new one is known"
        fake.mint.revoke(fake.world.channels[101].token)
        with pytest.raises(CredentialRefused):
            await vxg.live.urls(row)


async def test_a_groups_token_that_moves_is_followed_where_it_may_lead() -> None:
    async with served() as (vxg, fake), FakeVxg(channels=2, clock=QuickClock()) as moved:
        with pytest.raises(HostRefused):
            vxg.use_token(moved.group_token())  # another port of the same machine is another service
        assert len(await vxg.channels.list()) == 3
        with pytest.raises(TokenUnusable):
            vxg.use_token("nonsense")
        fresh = fake.mint.of_group(fake.group.id)
        fake.mint.revoke(fake.group_token())
        with pytest.raises(CredentialRefused):
            await vxg.channels.list()
        vxg.use_token(fresh)
        assert len(await vxg.channels.list()) == 3
        assert isinstance(vxg.token, GroupToken)


async def test_an_old_token_is_good_still() -> None:
    async with FakeVxg(clock=(clock := QuickClock())) as fake:
        inner = inner_of(fake.world.channels[102].token)
        async with Vxg(fake.url, token=f"102;{inner}", clock=clock) as vxg:
            (row,) = await vxg.channels.list()
            assert row.name == "Camera 2"
            assert (await vxg.live.urls(row)).rtsp is not None


async def test_a_channel_whose_token_leads_elsewhere_is_told_and_its_token_shown_to_nobody() -> None:
    async with served() as (vxg, fake):
        fake.mint.host = "evil.example"
        fake.world.channels[102].token = fake.mint.of_channel(102)
        found = {each.channel.id: each async for each in vxg.live.urls_of_all()}
        assert isinstance(found[102].error, HostRefused)
        assert found[101].urls is not None
        assert not any(fake.world.channels[102].token in header for header in fake.headers_seen)


async def test_a_key_is_shown_to_the_configured_host_only() -> None:
    async with served(by="both") as (vxg, fake):
        await vxg.groups.list()
        await vxg.channels.list()
        shown = [header for header in fake.headers_seen if fake.lkey in header]
        assert shown
        assert all(header == f"LKey {fake.lkey}" for header in shown)
        assert not fake.media.refused


async def test_the_record_mode_is_set_and_seen() -> None:
    async with served() as (vxg, fake):
        assert (await vxg.channels.set_record_mode(101, "off")).record_mode == "off"
        assert fake.world.channels[101].rec_mode == "off"
        with pytest.raises(WrongValue, match="no record mode"):
            await vxg.channels.set_record_mode(101, "always")

        def stubborn(method: str, path: str) -> None:
            if method == "GET" and path == "/api/v2/cameras/101/":
                fake.world.channels[101].rec_mode = "on"

        fake.between = stubborn
        with pytest.raises(NotDone):
            await vxg.channels.set_record_mode(101, "off")


async def test_live_urls_of_all_tell_which_has_none() -> None:
    async with served() as (vxg, fake):
        fake.world.channels[102].status = "inactive"
        fake.world.channels[103].protocols = ("hls",)
        found = {each.channel.id: each async for each in vxg.live.urls_of_all()}
        assert {number: each.urls and each.urls.protocols for number, each in found.items()} == {
            101: ("rtsp", "rtmp", "hls", "webrtc"),
            102: None,
            103: ("hls",),
        }
        assert isinstance(found[102].error, NotThere)
        urls = found[101].urls
        assert urls is not None
        assert urls.expires is not None
        assert urls.hls_expires is not None
        assert (urls.hls_expires - urls.expires).total_seconds() == pytest.approx(55 * 60, abs=60)
        assert "ticket" not in repr(found)


async def test_the_life_of_a_group() -> None:
    async with served(by="lkey") as (vxg, fake):
        made = await vxg.groups.create("Engine", [101], meta={"ai_engine": "ours"})
        assert made.token is not None
        assert (made.channels, made.ai_targeted, made.meta) == ((101,), True, {"ai_engine": "ours"})
        assert {row.name for row in await vxg.groups.list()} == {"AI", "Engine"}
        assert [row.name for row in await vxg.groups.list(ai_targeted=True)] == ["Engine"]
        assert (await vxg.groups.add(made, 102, 103)).channels == (101, 102, 103)
        puts = fake.count["PUT /api/v3/channel_groups/N/"]
        assert (await vxg.groups.add(made, 102)).channels == (101, 102, 103), "it is in it already"
        assert fake.count["PUT /api/v3/channel_groups/N/"] == puts
        assert (await vxg.groups.remove(made, 101, 103)).channels == (102,)
        assert (await vxg.groups.rename(made, "Other")).name == "Other"
        async with Vxg(fake.url, token=made.token.packed.get_secret_value(), clock=fake.clock) as engine:
            assert [row.id for row in await engine.channels.list()] == [102]
            await vxg.groups.delete(made)
            with pytest.raises(CredentialRefused):
                await engine.channels.list()
        with pytest.raises(NotThere):
            await vxg.groups.get(made)


async def test_a_rotated_group_has_another_token_and_the_old_one_is_good_no_more() -> None:
    async with served(by="both") as (vxg, fake):
        old = await vxg.groups.get(fake.group.id)
        new = await vxg.groups.rotate(old)
        assert new.id != old.id
        assert (new.name, new.channels, new.access, new.ai_targeted) == (old.name, old.channels, old.access, old.ai_targeted)
        assert [row.id for row in await vxg.groups.list()] == [new.id]
        with pytest.raises(CredentialRefused):
            await vxg.channels.list()
        assert new.token is not None
        vxg.use_token(new.token.packed.get_secret_value())
        assert len(await vxg.channels.list()) == 3


async def test_a_group_of_all_channels_stays_one_when_it_is_rotated() -> None:
    async with served(by="both") as (vxg, fake):
        made = await vxg.groups.create("All", all_channels=True)
        new = await vxg.groups.rotate(made)
        assert new.has_all_channels
        fake.add_channel("Camera 4")
        assert new.token is not None
        vxg.use_token(new.token.packed.get_secret_value())
        assert len(await vxg.channels.list()) == 4


async def test_a_rotation_that_is_not_whole_leaves_the_old_group() -> None:
    async with served(by="both") as (vxg, fake):
        old = fake.group

        def clumsy(method: str, path: str) -> None:
            newest = max(fake.world.groups)
            if method == "GET" and path.startswith(GROUPS) and newest != old.id:
                fake.world.groups[newest].channels = [101]

        fake.between = clumsy
        with pytest.raises(NotDone, match="not whole"):
            await vxg.groups.rotate(old.id)
        assert list(fake.world.groups) == [old.id]
        assert len(await vxg.channels.list()) == 3


async def test_a_rotation_whose_end_fails_says_that_there_are_two() -> None:
    async with served(by="both") as (vxg, fake):
        old = fake.group
        fake.faults.add(f"{GROUPS}{old.id}/", "400", method="DELETE")
        with pytest.raises(NotDone, match=f"group {old.id} is there still beside group") as caught:
            await vxg.groups.rotate(old.id)
        assert str(max(fake.world.groups)) in str(caught.value)
        assert len(fake.world.groups) == 2


def rival(fake: FakeVxg, puts: int) -> Callable[[str, str], None]:
    """Another program that had read the old list, and puts it back after each of our changes, so many times."""
    before = list(fake.group.channels)
    left = [puts]

    def meanwhile(method: str, path: str) -> None:
        if method == "GET" and path.startswith(GROUPS) and fake.count["PUT /api/v3/channel_groups/N/"] and left[0]:
            left[0] -= 1
            fake.group.channels = list(before)

    return meanwhile


@pytest.mark.parametrize("puts", [1, 2, 3])
async def test_what_another_program_takes_back_is_added_again(puts: int) -> None:
    async with served(by="lkey") as (vxg, fake):
        fake.add_channel("Camera 4")
        fake.between = rival(fake, puts)
        assert 104 in (await vxg.groups.add(fake.group.id, 104)).channels
        assert 104 in fake.group.channels


async def test_a_group_that_another_program_never_lets_go_is_told() -> None:
    async with served(by="lkey") as (vxg, fake):
        fake.add_channel("Camera 4")
        fake.between = rival(fake, 1000)
        with pytest.raises(NotDone, match="changed back each time"):
            await vxg.groups.add(fake.group.id, 104)


async def test_many_who_add_at_the_same_time_lose_nothing() -> None:
    async with served(channels=12, by="lkey") as (vxg, fake):
        fake.group.channels = []
        async with Vxg(fake.url, lkey=fake.lkey, clock=fake.clock) as other:
            numbers = list(fake.world.channels)
            await asyncio.gather(
                *(vxg.groups.add(fake.group.id, number) for number in numbers[::2]),
                other.groups.add(fake.group.id, *numbers[1::2]),
            )
        assert sorted(fake.group.channels) == numbers


@pytest.mark.parametrize("wrong", ["", "a\nb", "x" * 300])
async def test_a_group_has_a_name(wrong: str) -> None:
    async with served(by="lkey") as (vxg, fake):
        with pytest.raises(WrongValue):
            await vxg.groups.create(wrong)
        with pytest.raises(WrongValue):
            await vxg.groups.create("x", access="none")
        asked: Any = "Camera 1"
        with pytest.raises(WrongValue, match="or its number"):
            await vxg.channels.get(asked)
        with pytest.raises(WrongValue):
            await vxg.groups.get(0)
        assert len(fake.world.groups) == 1
