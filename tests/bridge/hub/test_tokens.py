"""The API's tokens at the hub: stored before anybody has one, gone at once when revoked, over in time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.hub.house import started
from tests.fakes.backend import START
from tests.fakes.clock import FakeClock, settle

from vms_bridge.errors import StoreError, TokenRefused
from vms_bridge.hub import Hub
from vms_bridge.hub.tokens import MOST_TOKENS
from vms_bridge.store import Store
from vms_bridge.tokens import Scope, digest_of
from vms_bridge.views import Subjects

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_token_is_found_by_its_text_alone_and_survives_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        token, text = await hub.tokens.create("Kitchen", Scope.CONTROL, systems=frozenset({"zm"}))
        assert hub.tokens.find(digest_of(text)) is not None
        assert hub.tokens.find(digest_of(text[:-1])) is None
        assert hub.tokens.key(token.id) == digest_of(text)
        assert hub.tokens.key("other") is None
    async with started(tmp_path, clock) as hub:
        found = hub.tokens.find(digest_of(text))
        assert found is not None
        assert (found.id, found.name, found.scope, found.systems) == (token.id, "Kitchen", Scope.CONTROL, frozenset({"zm"}))
        assert found.used == START
        assert [each.id for each in hub.tokens.all()] == [token.id]


async def test_a_revoked_one_is_good_for_nothing_and_who_listens_hears_of_it(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        subscription, everything = hub.subscribe(Subjects(tokens=True)), hub.subscribe()
        await everything.changes()
        token, text = await hub.tokens.create("Kitchen", Scope.READ)
        assert (await subscription.changes()).tokens
        assert (await everything.changes()).tokens
        assert await hub.tokens.revoke(token.id)
        assert (await subscription.changes()).tokens
        assert hub.tokens.find(digest_of(text)) is None
        assert not hub.tokens.holds(token.id)
        assert not await hub.tokens.revoke(token.id)
        subscription.close()
    async with started(tmp_path, clock) as hub:
        assert list(hub.tokens.all()) == []


async def test_its_time_is_over_and_who_listens_hears_of_it_then(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        token, text = await hub.tokens.create("Guest", Scope.READ, life=timedelta(seconds=20))
        running = asyncio.create_task(hub.tokens.run())
        subscription = hub.subscribe(Subjects(tokens=True))
        told = asyncio.create_task(subscription.changes())
        await clock.advance(19)
        assert hub.tokens.find(digest_of(text)) is not None
        assert not told.done()
        await clock.advance(1)
        await settle()
        assert told.done()
        assert hub.tokens.find(digest_of(text)) is None
        assert hub.tokens.key(token.id) is None
        assert [each.id for each in hub.tokens.all()] == [token.id]
        running.cancel()
        await asyncio.wait([running])


async def test_its_use_is_noted_once_an_hour(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        _, text = await hub.tokens.create("Kitchen", Scope.READ)
        running = asyncio.create_task(hub.tokens.run())
        for _ in range(3):
            hub.tokens.find(digest_of(text))
        await clock.advance(16)
        while (await hub._store.tokens())[0][0].used is None:  # noqa: ASYNC110 - the store's thread brings it about
            await asyncio.sleep(0.01)
        await clock.advance(3000)
        found = hub.tokens.find(digest_of(text))
        assert found is not None
        assert found.used == START
        await clock.advance(600)
        found = hub.tokens.find(digest_of(text))
        assert found is not None
        assert found.used == START + timedelta(seconds=3616)
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "x" * 65}, "needs a name"),
        ({"name": "a\nb"}, "needs a name"),
        ({"scope": Scope("root")}, "no scope 'root'"),
        ({"scope": Scope.ADMIN, "systems": frozenset({"zm"})}, "is so for everything"),
        ({"systems": frozenset({"zm"}), "monitors": frozenset({("zm", "1")})}, "to systems, or to monitors"),
        ({"systems": frozenset({"Z M"})}, "of this key"),
        ({"monitors": frozenset({("zm", "a/b")})}, "of this key"),
        ({"monitors": frozenset(("zm", str(number)) for number in range(1001))}, "1000 systems and monitors"),
        ({"scope": Scope.HOOK}, "is for one receiver"),
        ({"scope": Scope.HOOK, "receiver": ("zm", "event"), "systems": frozenset({"zm"})}, "is for one receiver"),
        ({"scope": Scope.HOOK, "receiver": ("zm", "../event")}, "of this name"),
        ({"scope": Scope.CONTROL, "receiver": ("zm", "event")}, "only a token of the scope hook"),
        ({"life": timedelta()}, "a second at least"),
        ({"life": timedelta(days=9999)}, "ten years"),
    ],
)
async def test_what_can_be_no_token_is_refused(tmp_path: Path, asked: dict[str, Any], said: str) -> None:
    async with started(tmp_path, FakeClock()) as hub:
        with pytest.raises(TokenRefused, match=said) as refused:
            await hub.tokens.create(**{"name": "Kitchen", "scope": Scope.READ} | asked)
        assert refused.value.hint
        assert list(hub.tokens.all()) == []


async def test_there_is_an_end_to_how_many(tmp_path: Path) -> None:
    async with started(tmp_path, FakeClock()) as hub:
        for number in range(MOST_TOKENS):
            await hub.tokens.create(f"n{number}", Scope.READ)
        with pytest.raises(TokenRefused, match="256 tokens already"):
            await hub.tokens.create("one more", Scope.READ)


async def test_a_store_that_fails_gives_no_token_and_keeps_none_alive(tmp_path: Path) -> None:
    async with started(tmp_path, FakeClock()) as hub:
        token, text = await hub.tokens.create("Kitchen", Scope.READ)
        await hub._store._run(hub._store._database.connection.execute, "DROP TABLE tokens")
        with pytest.raises(StoreError):
            await hub.tokens.create("Hall", Scope.READ)
        assert [each.id for each in hub.tokens.all()] == [token.id]
        with pytest.raises(StoreError):
            await hub.tokens.revoke(token.id)
        assert hub.tokens.find(digest_of(text)) is None


async def test_tokens_that_could_not_be_read_are_read_later(tmp_path: Path) -> None:
    clock = FakeClock()
    async with started(tmp_path, clock) as hub:
        _, text = await hub.tokens.create("Kitchen", Scope.READ)
    store = await asyncio.to_thread(Store.open, tmp_path, clock)
    await store._run(store._database.connection.execute, "ALTER TABLE tokens RENAME TO away")
    hub = Hub(store, clock)
    await hub.start()
    assert hub.tokens.find(digest_of(text)) is None
    await store._run(store._database.connection.execute, "ALTER TABLE away RENAME TO tokens")
    running = asyncio.create_task(hub.tokens.run())
    while hub.tokens.find(digest_of(text)) is None:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    await hub.close()
    await store.close()
