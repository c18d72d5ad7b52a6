"""Tokens in the store: kept by their SHA-256, and read again after a restart."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.fakes.backend import START
from tests.fakes.clock import FakeClock
from tests.fakes.older_store import make_older

from vms_bridge.store import Store
from vms_bridge.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def opened(path: Path) -> Store:
    return await asyncio.to_thread(Store.open, path, FakeClock())


def token(text: str, **changes: object) -> Token:
    known = Token(id=text.split("_")[1], name="Kitchen", scope=Scope.CONTROL, created=START)
    return replace(known, **changes)  # type: ignore[arg-type]  # a test names fields by keyword


async def test_what_is_kept_is_read_again_and_the_text_is_nowhere(tmp_path: Path) -> None:
    texts = [new_token()[1] for _ in range(3)]
    later, latest = START + timedelta(seconds=1), START + timedelta(seconds=2)
    limited = token(texts[1], systems=frozenset({"zm"}), monitors=frozenset({("barn", "3")}), expires=later, scope=Scope.READ)
    tokens = [token(texts[0], created=latest), limited, token(texts[2], created=later)]
    store = await opened(tmp_path)
    for text, one in zip(texts, tokens, strict=True):
        await store.add_token(one, digest_of(text))
    used = replace(tokens[0], used=START)
    await store.update_tokens([used])
    assert await store.remove_token(tokens[2].id)
    assert not await store.remove_token(tokens[2].id)
    await store.close()

    store = await opened(tmp_path)
    assert await store.tokens() == [(limited, digest_of(texts[1])), (used, digest_of(texts[0]))]
    await store.close()
    written = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.iterdir()))
    assert not any(text.encode() in written or text.split("_", 2)[2].encode() in written for text in texts)


async def test_one_that_can_not_be_read_is_told_and_the_others_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (_, good), (_, bad) = new_token(), new_token()
    store = await opened(tmp_path)
    await store.add_token(token(good), digest_of(good))
    await store.add_token(token(bad), digest_of(bad))
    await store.close()
    with closing(sqlite3.connect(tmp_path / "vms-bridge.sqlite")) as file:
        file.execute("UPDATE tokens SET data = '{}' WHERE id = ?", (bad.split("_")[1],))
        file.commit()
    store = await opened(tmp_path)
    assert await store.tokens() == [(token(good), digest_of(good))]
    assert f"the token {bad.split('_')[1]} in the store can't be read" in caplog.text
    await store.close()


async def test_a_store_of_before_has_none(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.close()
    make_older(tmp_path / "vms-bridge.sqlite", 10)
    store = await opened(tmp_path)
    assert await store.tokens() == []
    await store.close()
