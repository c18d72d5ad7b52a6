"""Links at the hub: keys that live as long as they should and no longer, uses that are counted once, links in messages."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.hub.house import HubHouse, started
from tests.fakes.backend import START, event
from tests.fakes.clock import FakeClock

from vms_bridge.errors import LinkKeyRefused, StoreError
from vms_bridge.hub.links import MOST_KEYS, MOST_USED
from vms_bridge.links import KeyPurpose, MessageLinks, Terms, Uses
from vms_bridge.model import EndReason, EventBatch, EventRef
from vms_bridge.store.links import KeptLinks, LinkFile, Used
from vms_bridge.store.privacy import LINKS_NAME, STORE_NAME, flaws

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.hub import Hub

TARGET = "/api/v1/media/events/zm-1/picture"
WANTED = MessageLinks(url="https://h", picture="/p/{event}", clip="/c/{event}")


async def once(hub: Hub, most: int = 1, **terms: object) -> Terms:
    """Return the terms of a new link with so many uses."""
    made, _ = await hub.links.sign(TARGET, uses=most, **terms)  # type: ignore[arg-type]  # by name
    return made


async def test_a_link_is_known_again_after_a_restart_and_no_other_is(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        terms, signature = await hub.links.sign(TARGET, token="t" * 10)
        assert hub.links.read(signature, TARGET) == terms == Terms(key=hub.links.all()[0].id, token="t" * 10)
        assert await hub.links.sign(TARGET, token="t" * 10) == (terms, signature), "the same at each call"
    async with started(tmp_path) as hub:
        assert hub.links.read(signature, TARGET) == terms
        assert hub.links.read(signature, f"{TARGET}?frame=alarm") is None
        assert hub.links.read(signature[:-1], TARGET) is None
        assert hub.links.read(f"{signature[:-1]}{'A' if signature[-1] != 'A' else 'Q'}", TARGET) is None
        assert hub.links.read("", TARGET) is None


async def test_a_link_of_another_instance_is_none(tmp_path: Path) -> None:
    async with started(tmp_path / "one") as hub:
        _, signature = await hub.links.sign(TARGET)
    async with started(tmp_path / "other") as hub:
        await hub.links.sign(TARGET)
        assert hub.links.read(signature, TARGET) is None
    shutil.copy(tmp_path / "one" / LINKS_NAME, tmp_path / "other" / LINKS_NAME)
    async with started(tmp_path / "other") as hub:
        assert hub.links.all(), "it has the other's keys now"
        assert hub.links.read(signature, TARGET) is None, "and is another bridge all the same"


async def test_time_ends_a_link(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        _, signature = await hub.links.sign(TARGET, until=clock.now() + timedelta(seconds=60))
        await clock.advance(59)
        assert hub.links.read(signature, TARGET) is not None
        await clock.advance(1)
        assert hub.links.read(signature, TARGET) is None


async def test_a_revoked_key_takes_its_links_along_and_leaves_the_others(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        named = await hub.links.create_key("Neighbours")
        terms, by_name = await hub.links.sign(TARGET, key=named.id)
        assert terms.key == named.id
        _, usual = await hub.links.sign(TARGET)
        assert [key.purpose for key in hub.links.all()] == [KeyPurpose.NAMED, KeyPurpose.LINKS]
        assert await hub.links.revoke_key(named.id)
        assert not await hub.links.revoke_key(named.id)
        assert hub.links.key(named.id) is None
        assert hub.links.read(by_name, TARGET) is None
        with pytest.raises(LinkKeyRefused, match="no such key"):
            await hub.links.sign(TARGET, key=named.id)
    async with started(tmp_path) as hub:
        assert hub.links.read(by_name, TARGET) is None
        assert hub.links.read(usual, TARGET) is not None
        assert await hub.links.revoke_key(hub.links.all()[0].id)
        assert hub.links.read(usual, TARGET) is None
        _, again = await hub.links.sign(TARGET)
        assert again != usual, "there is a new key"


async def test_a_restored_database_brings_no_key_back_and_takes_none_away(tmp_path: Path) -> None:
    async with started(tmp_path / "data") as hub:
        old = await hub.links.create_key("Old")
        _, by_old = await hub.links.sign(TARGET, key=old.id)
    shutil.copytree(tmp_path / "data", tmp_path / "backup")
    async with started(tmp_path / "data") as hub:
        await hub.links.revoke_key(old.id)
        _, of_today = await hub.links.sign(TARGET)
    for file in (tmp_path / "backup").glob(f"{STORE_NAME}*"):
        shutil.copy(file, tmp_path / "data")
    async with started(tmp_path / "data") as hub:
        assert hub.links.read(by_old, TARGET) is None
        assert hub.links.read(of_today, TARGET) is not None


async def test_a_restored_file_of_keys_brings_none_back_that_the_database_knows_as_revoked(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        old = await hub.links.create_key("Old")
        _, by_old = await hub.links.sign(TARGET, key=old.id)
        shutil.copy(tmp_path / LINKS_NAME, tmp_path / "backup")
        await hub.links.revoke_key(old.id)
    shutil.copy(tmp_path / "backup", tmp_path / LINKS_NAME)
    async with started(tmp_path) as hub:
        assert hub.links.read(by_old, TARGET) is None
        assert list(hub.links.all()) == []


async def test_the_file_is_for_its_owner_only_and_has_no_secret_in_its_repr(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        await hub.links.create_key("Neighbours")
    assert (tmp_path / LINKS_NAME).stat().st_mode & 0o777 == 0o600
    kept = await asyncio.to_thread(LinkFile(tmp_path / LINKS_NAME).read)
    assert kept.keys[0].secret not in repr(kept)
    (tmp_path / LINKS_NAME).chmod(0o644)
    assert any(LINKS_NAME in flaw.text for flaw in await asyncio.to_thread(flaws, tmp_path))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"keys": [{"secret": "short"}]}', b"\xff" * 100])
async def test_a_damaged_file_is_put_aside_and_its_links_are_good_for_nothing(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with started(tmp_path) as hub:
        _, signature = await hub.links.sign(TARGET)
    (tmp_path / LINKS_NAME).write_bytes(content)
    async with started(tmp_path) as hub:
        assert hub.links.read(signature, TARGET) is None
        _, new = await hub.links.sign(TARGET)
        assert hub.links.read(new, TARGET) is not None
    assert "is damaged" in caplog.text
    assert (tmp_path / f"{LINKS_NAME}.damaged").read_bytes() == content


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    newer = b'{"version": 2, "keys": [], "used": {}}'
    (tmp_path / LINKS_NAME).write_bytes(newer)
    async with started(tmp_path) as hub:
        with pytest.raises(StoreError, match="another version"):
            await hub.links.sign(TARGET)
        with pytest.raises(StoreError):
            await hub.links.create_key("x")
    assert (tmp_path / LINKS_NAME).read_bytes() == newer
    assert "another version" in caplog.text


async def test_a_link_in_the_file_system_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("{}")
    (tmp_path / LINKS_NAME).symlink_to(tmp_path / "elsewhere")
    async with started(tmp_path) as hub:
        with pytest.raises(StoreError, match="can't be read"):
            await hub.links.sign(TARGET)
    assert (tmp_path / "elsewhere").read_text() == "{}"


async def test_what_could_not_be_read_is_read_later(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        _, signature = await hub.links.sign(TARGET)
    kept = (tmp_path / LINKS_NAME).rename(tmp_path / "away")
    (tmp_path / LINKS_NAME).mkdir()
    async with started(tmp_path, clock) as hub:
        assert hub.links.read(signature, TARGET) is None
        (tmp_path / LINKS_NAME).rmdir()
        kept.rename(tmp_path / LINKS_NAME)
        running = asyncio.create_task(hub.links.run())
        while hub.links.read(signature, TARGET) is None:  # noqa: ASYNC110 - the store's thread brings it about
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])


async def test_a_disk_that_fails_makes_no_key_and_counts_no_use(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        terms = await once(hub)
        (tmp_path / f"{LINKS_NAME}.new").mkdir()  # so that it can't be written
        with pytest.raises(StoreError, match="can't be written"):
            await hub.links.create_key("x")
        with pytest.raises(StoreError):
            await hub.links.use(terms)
        assert hub.links.has_use(terms)
        assert [key.purpose for key in hub.links.all()] == [KeyPurpose.LINKS]
        with pytest.raises(StoreError):
            await hub.links.revoke_key(terms.key)
        assert list(hub.links.all()) == [], "it is good for nothing all the same"
        (tmp_path / f"{LINKS_NAME}.new").rmdir()
        assert await hub.links.revoke_key(terms.key), "who tries again is told that it is done"
        assert not await hub.links.revoke_key(terms.key)
    async with started(tmp_path) as hub:
        assert list(hub.links.all()) == [], "nor after a restart"


async def test_there_is_an_end_to_how_many_keys(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        for number in range(MOST_KEYS):
            await hub.links.create_key(f"k{number}")
        with pytest.raises(LinkKeyRefused, match="64 keys already"):
            await hub.links.create_key("one more")
        await hub.links.sign(TARGET)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\u202e"])
async def test_a_key_needs_a_name(tmp_path: Path, name: str) -> None:
    async with started(tmp_path) as hub:
        with pytest.raises(LinkKeyRefused, match="needs a name"):
            await hub.links.create_key(name)


async def test_a_use_is_ten_minutes_from_when_it_is_opened(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        terms = await once(hub, 2)
        for _ in range(2):
            assert hub.links.has_use(terms)
            assert all(await asyncio.gather(*(hub.links.use(terms) for _ in range(5))))
            await clock.advance(599)
            assert await hub.links.use(terms), "the same use"
            await clock.advance(1)
        assert not hub.links.has_use(terms)
        assert not await hub.links.use(terms)
        assert await hub.links.use(await once(hub)), "another link to the same has uses of its own"


async def test_uses_survive_a_restart_and_a_restored_database(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path / "data", clock) as hub:
        terms = await once(hub)
    shutil.copytree(tmp_path / "data", tmp_path / "backup")
    async with started(tmp_path / "data", clock) as hub:
        assert await hub.links.use(terms)
    for file in (tmp_path / "backup").glob(f"{STORE_NAME}*"):
        shutil.copy(file, tmp_path / "data")
    async with started(tmp_path / "data", clock) as hub:
        assert await hub.links.use(terms), "it lasts"
        await clock.advance(600)
        assert not await hub.links.use(terms)


async def test_a_clock_that_is_set_back_makes_no_use_longer(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        terms = await once(hub)
        assert await hub.links.use(terms)
        clock.set_by(-3600)
        assert not await hub.links.use(terms)


async def test_uses_are_forgotten_when_the_link_is_over_and_there_is_an_end_to_how_many(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        until = clock.now() + timedelta(hours=1)
        used = Used(count=1, since=clock.now(), until=until)
        await hub._store.keep_links(KeptLinks(used={f"{number:010}": used for number in range(MOST_USED)}))
    async with started(tmp_path, clock) as hub:
        terms = await once(hub, until=until + timedelta(days=3))
        with pytest.raises(StoreError, match="1000 links"):
            await hub.links.use(terms)
        await clock.advance(25 * 3600)
        assert await hub.links.use(terms)
        assert terms.uses is not None
        assert list((await hub._store.links()).used) == [terms.uses.id]


async def test_a_link_without_a_number_of_uses_has_always_one(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        terms, _ = await hub.links.sign(TARGET)
        assert hub.links.has_use(terms)
        assert await hub.links.use(terms)
        assert not (await hub._store.links()).used


async def test_terms_name_the_links_of_messages_only_by_their_key(tmp_path: Path) -> None:
    async with started(tmp_path) as hub:
        await hub.links.give(WANTED)
        [key] = hub.links.all()
        assert key.purpose is KeyPurpose.MESSAGES
        with pytest.raises(LinkKeyRefused):
            await hub.links.sign(TARGET, key=key.id)


class TestMessages:
    """Links in event messages."""

    @pytest.fixture
    async def house(self, tmp_path: Path) -> AsyncIterator[HubHouse]:
        async with HubHouse(tmp_path).open() as house:
            yield house

    @staticmethod
    async def told(house: HubHouse) -> list[dict[str, object]]:
        found = await house.hub.undelivered("mqtt", late=False, after=0, limit=100)
        return [json.loads(message.payload) for message in found]

    async def test_none_where_none_are_wanted(self, house: HubHouse) -> None:
        await house.feed.record(EventBatch(events=(event(1, snapshot_ready=True, clip_ready=True),)))
        assert {(message["snapshot_url"], message["clip_url"]) for message in await self.told(house)} == {(None, None)}

    @pytest.mark.parametrize("has_clips", [True, False])
    async def test_as_soon_as_there_is_something_to_be_seen(self, house: HubHouse, has_clips: bool) -> None:  # noqa: FBT001 - the case
        await house.hub.links.give(WANTED if has_clips else replace(WANTED, clip=None))
        await house.feed.record(EventBatch(events=(event(1),)))
        seen = event(1, snapshot_ready=True)
        await house.feed.record(EventBatch(events=(seen,)))
        over = replace(seen, end=START + timedelta(seconds=9), end_reason=EndReason.CLOSED, clip_ready=True)
        await house.feed.record(EventBatch(events=(over,)))
        first, *_, last = await self.told(house)
        assert (first["snapshot_url"], first["clip_url"]) == (None, None)
        picture, clip = str(last["snapshot_url"]), last["clip_url"]
        address, _, signature = picture.partition("?auth=")
        assert address == "https://h/p/zm-1"
        assert house.hub.links.read(signature, "/p/zm-1") == Terms(key=house.hub.links.all()[0].id)
        assert (clip is not None) is has_clips
        assert str(clip).startswith("https://h/c/zm-1?auth=") is has_clips

    async def test_not_of_what_is_deleted_and_by_a_new_key_when_the_old_one_is_revoked(self, house: HubHouse) -> None:
        await house.hub.links.give(WANTED)
        [old] = house.hub.links.all()
        await house.feed.record(EventBatch(events=(event(1, snapshot_ready=True),)))
        assert await house.hub.links.revoke_key(old.id)
        await house.feed.record(EventBatch(events=(event(2, snapshot_ready=True),)))
        await house.feed.record(EventBatch(events=(event(2, snapshot_ready=True, deleted=True),)))
        links = [str(message["snapshot_url"]) for message in await self.told(house)]
        assert f"auth=1.{old.id}." in links[0]
        [new] = house.hub.links.all()
        assert f"auth=1.{new.id}." in links[1]
        assert links[-1] == "None"

    async def test_what_is_told_of_an_event_says_since_when(self, house: HubHouse) -> None:
        ref = EventRef("zm", 1, "1")
        assert await house.hub.since_told(ref) is None
        await house.feed.record(EventBatch(events=(event(1),)))
        await house.clock.advance(60)
        assert await house.hub.since_told(ref) == timedelta(seconds=60)


def test_uses_have_ids_of_their_own() -> None:
    assert Uses.of(1) != Uses.of(1)
