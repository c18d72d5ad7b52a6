"""What goes wrong with the index: it is made anew, or tried again, and what the store keeps is not concerned."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from tests.bridge.store.index.told import found, opened, search, shown, tell
from tests.fakes.backend import event

from vms_bridge.errors import SearchBusy, SearchRefused, StoreError
from vms_bridge.index import BucketSize, IndexMark, Search
from vms_bridge.model import Enrichment
from vms_bridge.store.index.file import IndexFile
from vms_bridge.store.index.reader import Readers

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.store import Store


async def tend(store: Store) -> None:
    while await store.tend_index():
        pass


async def told_before(path: Path, *numbers: int) -> None:
    store = await opened(path)
    await tell(store, *(event(number, notes=f"word{number}") for number in numbers))
    await found(store)
    await store.add_to_index("zm", 1, [], mark="half", is_complete=False)
    await store.close()


async def test_what_a_kill_kept_from_the_index_is_taken_in_at_the_next_start(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1))
    await tell(store, added=(("1", "detector", Enrichment(plates=("AB 1",))),))
    await store.close()  # nothing has asked the index yet: it has taken in nothing
    store = await opened(tmp_path)
    assert await found(store, plates=frozenset({"AB 1"})) == ["1"]
    await store.close()


@pytest.mark.parametrize("content", [b"no database", b"\0" * 8192, b""])
async def test_a_file_that_is_none_is_made_anew(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    await told_before(tmp_path, 1, 2)
    (tmp_path / "index.sqlite").write_bytes(content)
    store = await opened(tmp_path)
    await tell(store, event(3))
    assert "3" in await found(store)
    await tend(store)
    assert sorted(await found(store)) == ["1", "2", "3"]
    assert await store.index_mark("zm") == IndexMark(generation=1), "all of before is to be read again"
    if content:
        assert [record.levelno for record in caplog.records if "index.sqlite" in record.message] == [logging.ERROR]
        assert "made anew" in (store.index.detail or "")
    await store.close()


def damage(path: Path) -> None:
    """Overwrite all pages but the first."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


@pytest.mark.parametrize("asks_first", [False, True])
async def test_a_damaged_file_is_made_anew_while_the_bridge_runs(tmp_path: Path, asks_first: bool) -> None:  # noqa: FBT001 - a case
    await told_before(tmp_path, *range(1, 200))
    damage(tmp_path / "index.sqlite")
    store = await opened(tmp_path)
    for _ in range(3):  # whoever meets the damage has it mended, and is told
        try:
            if asks_first:
                await found(store)
            await tell(store, event(500, notes="after"))
            await tend(store)
            await store.index_counts("zm", 1)
        except StoreError:
            continue
    assert await found(store, words="after") == ["500"]
    assert len(await found(store)) == 100
    assert await store.index_counts("zm", 1) == {"camera_1": 200}
    assert await store.events("zm", 1, ["500"]) == {"500": ("camera_1", event(500, notes="after"))}
    await store.close()


async def test_a_newer_versions_file_is_put_aside(tmp_path: Path) -> None:
    await told_before(tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as file:
        file.execute("PRAGMA user_version = 99")
    store = await opened(tmp_path)
    await store.index.freshen()
    await tend(store)
    assert await found(store) == ["1"]
    assert (tmp_path / "index.sqlite.aside").exists()
    await store.close()


async def test_an_older_versions_file_is_made_anew(tmp_path: Path) -> None:
    await told_before(tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as file:
        file.execute("PRAGMA user_version = 1")
    store = await opened(tmp_path)
    await store.index.freshen()
    await tend(store)
    assert await found(store) == ["1"]
    assert not (tmp_path / "index.sqlite.aside").exists()
    assert store.index.detail is None
    await store.close()


async def test_a_full_disk_is_said_and_what_was_told_meanwhile_is_found_afterwards(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1))
    assert await found(store) == ["1"]
    writer = store.index._file.writer()
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(2, 80):
        await tell(store, event(number, notes="x" * 3_000))
    with pytest.raises(StoreError, match="full"):
        await store.index.follow()
    assert "full" in (store.index.detail or "")
    assert "1" in await found(store), "what is there is still found"
    writer.execute("PRAGMA max_page_count = 100000")
    assert len(await found(store)) == 79
    assert store.index.detail is None
    await store.close()


async def test_where_no_file_can_be_made_searches_say_so_and_events_go_on(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").mkdir()
    store = await opened(tmp_path)
    await tell(store, event(1))
    with pytest.raises(StoreError, match="index"):
        await found(store)
    assert "index" in (store.index.detail or "")
    (tmp_path / "index.sqlite").rmdir()
    assert await found(store) == ["1"]
    await store.close()


async def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").symlink_to(tmp_path / "elsewhere")
    store = await opened(tmp_path)
    with pytest.raises(StoreError, match="is a link"):
        await found(store)
    assert not (tmp_path / "elsewhere").exists()
    await store.close()


async def test_an_index_that_is_off_is_deleted_and_begins_with_what_the_store_has(tmp_path: Path) -> None:
    await told_before(tmp_path, 1)
    store = await opened(tmp_path, indexed=0)
    assert not (tmp_path / "index.sqlite").exists()
    await tell(store, event(2))
    with pytest.raises(SearchRefused, match="off"):
        await store.clear_index(None)
    await store.close()
    store = await opened(tmp_path)
    await store.index.freshen()
    await tend(store)
    assert sorted(await found(store)) == ["1", "2"]
    await store.close()


async def test_a_search_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, *(event(number) for number in range(1, 1_500)))
    await found(store)
    store.index._readers._limit_s = 0.0
    with pytest.raises(SearchRefused, match="was ended"):
        await search(store, limit=1_000, words="motion")
    store.index._readers._limit_s = 5.0
    assert len(await found(store)) == 100
    await store.close()


async def test_too_many_searches_are_refused(tmp_path: Path) -> None:
    file = IndexFile(tmp_path / "index.sqlite")
    await asyncio.to_thread(file.writer)
    readers, gate = Readers(file), threading.Event()
    asked = [asyncio.create_task(readers.run(lambda _: gate.wait(30))) for _ in range(50)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert [type(each.exception()) for each in asked if each.done()] == [SearchBusy] * (50 - 32)
    gate.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert answers.count(True) == 32
    assert await readers.run(lambda _: "free again") == "free again"
    await asyncio.to_thread(readers.close)
    file.close()


@pytest.mark.parametrize("after", ["", "1", "1.x", "2.5", "1.01", "1.99999999999999999999", "1.5 ", "zm"])
async def test_a_cursor_that_is_none_is_refused(tmp_path: Path, after: str) -> None:
    store = await opened(tmp_path)
    with pytest.raises(SearchRefused, match="no cursor"):
        await search(store, after)
    await store.close()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"words": "..."}, "no word"),
        ({"words": "a " * 300}, "too many"),
        ({"words": " ".join(f"w{number}" for number in range(17))}, "too many"),
        ({"words": "word*"}, "more than 200"),
        ({"least_score": float("nan")}, "no number"),
        ({"since": datetime(2026, 1, 1)}, "no time zone"),  # noqa: DTZ001 - that is the mistake
        ({"labels": frozenset(map(str, range(201)))}, "too many"),
    ],
)
async def test_what_makes_no_sense_is_refused(tmp_path: Path, query: dict[str, object], says: str) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1, notes=" ".join(f"word{number}" for number in range(201))))
    with pytest.raises(SearchRefused, match=says):
        await found(store, **query)
    await store.close()


async def test_what_no_text_can_be_is_not_found(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1))
    assert await found(store, labels=frozenset({"\ud83d"})) == []
    assert await found(store, words="motion\ud83d") == ["1"]
    await store.close()


async def test_a_timeline_that_is_too_long_is_refused(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await tell(store, event(1), event(2, start=event().start.replace(year=2001)))  # type: ignore[union-attr]  # it has one
    with pytest.raises(SearchRefused, match="too long"):
        await store.index.timeline(Search(), await shown(store), BucketSize.HOUR, ZoneInfo("Europe/Berlin"))
    await store.close()
