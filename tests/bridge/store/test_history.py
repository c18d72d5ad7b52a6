"""The history of event messages: whoever follows it by a cursor gets each message once and in order, or is told of a gap."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.store.test_store import commit, damage, filled, full, is_in_memory, opened, put
from tests.fakes.clock import FakeClock
from tests.fakes.older_store import make_older

from vms_bridge.history import Cursor, Gap, GapReason
from vms_bridge.store import StaleEpoch
from vms_bridge.store.epochs import Epochs

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.store import Store

DAY_S = 86_400
WEEK = timedelta(days=7)


@dataclass
class Follower:
    """One who follows, and remembers nothing but its cursor."""

    after: Cursor | None = None
    heard: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    async def follow(self, store: Store, limit: int = 4) -> list[str]:
        """Read up to the end; return what has come."""
        came: list[str] = []
        while True:
            page = await store.history(self.after, limit=limit)
            if page.gap is not None:
                self.gaps.append(page.gap)
            assert all(cursor.position == message.position for cursor, message in page.messages)
            assert len(page.messages) <= limit
            came += [message.payload.decode().removeprefix("message ") for _, message in page.messages]
            self.after = Cursor.parse(str(page.after))
            if not page.messages:
                self.heard += came
                return came


async def record(store: Store, *numbers: int, sinks: tuple[str, ...] = ("mqtt",), late: bool = False) -> None:
    for number in numbers:
        try:
            await put(store, commit(number, late=late), list(sinks))
        except StaleEpoch:
            await put(store, commit(number, late=late), list(sinks))


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), st.integers(0, 10**18 - 1))
def test_a_cursor_is_read_as_it_was_written(epoch: str, position: int) -> None:
    cursor = Cursor(epoch, position)
    assert Cursor.parse(str(cursor)) == cursor


@given(st.text() | st.from_regex(r"\A[a-z:]{0,3}:[0-9 +-]{0,22}\Z"))
def test_any_other_text_is_no_cursor(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except ValueError:
        return
    assert str(cursor) == text


@pytest.mark.parametrize("text", ["", ":", "e", "e:", ":1", "e:01", "e:-1", "e:1 ", "e:1\n", "e e:1", "e:" + "9" * 19, "e:१"])
def test_what_looks_like_a_cursor_and_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        Cursor.parse(text)


async def test_a_follower_gets_all_that_is_kept_in_the_order_in_which_it_was_stored(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    follower = Follower()
    assert await follower.follow(store) == []
    await record(store, 1, 2)
    await record(store, 3, late=True)
    await record(store, 4, 5, 6)
    assert await follower.follow(store) == ["1", "2", "3", "4", "5", "6"]
    await store.delivered("mqtt", [1, 2, 3])  # is nothing to it
    await store.close()

    store = await opened(tmp_path)
    assert await follower.follow(store) == []
    await record(store, 7, sinks=())
    assert await follower.follow(store) == ["7"]
    assert await Follower().follow(store) == ["1", "2", "3", "4", "5", "6", "7"]
    assert follower.gaps == []
    page = await store.history(None, limit=10_000)
    assert [message.late for _, message in page.messages] == [False, False, True, False, False, False, False]
    await store.close()


async def test_a_page_has_a_thousand_messages_at_most(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await put(store, commit(*range(1, 1_501)), [])
    assert len((await store.history(None, limit=10**9)).messages) == 1_000
    assert len(await Follower().follow(store, limit=10**9)) == 1_500
    await store.close()


async def test_a_cursor_older_than_what_is_kept_gets_one_gap_and_what_follows_it(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    slow, quick = Follower(), Follower()
    await record(store, 1, 2)
    await slow.follow(store)
    await record(store, 3, 4, 5)
    await quick.follow(store)
    await store.delivered("mqtt", [1, 2, 3, 5])
    await clock.advance(8 * DAY_S)
    await record(store, 6)
    await store.prune(["mqtt"], keep=WEEK, most=100)
    await record(store, 7)
    assert await slow.follow(store) == ["6", "7"]
    assert slow.gaps == [Gap(reason=GapReason.EXPIRED, goes_on=Cursor(store.epoch, 5))]
    assert await quick.follow(store) == ["6", "7"]
    assert await Follower().follow(store) == ["6", "7"]
    assert quick.gaps == []
    await store.close()


async def test_nothing_is_kept_longer_for_a_follower_nor_told_in_pieces_for_the_sake_of_a_sink(tmp_path: Path) -> None:
    """What a durable sink has yet to deliver is kept beyond the bound; the history goes on from where it is whole again."""
    store = await opened(tmp_path)
    follower = Follower()
    await record(store, 1)
    await follower.follow(store)
    await record(store, *range(2, 11))
    await store.delivered("mqtt", [1, 2, 4, 5, 6, 7, 8, 9, 10])
    await store.prune(["mqtt"], keep=WEEK, most=4)
    assert [m.event.id for m in await store.undelivered("mqtt", late=False, after=0, limit=9)] == ["3"]
    assert await follower.follow(store) == ["7", "8", "9", "10"]
    assert follower.gaps == [Gap(reason=GapReason.EXPIRED, goes_on=Cursor(store.epoch, 6))]
    assert await Follower().follow(store) == ["7", "8", "9", "10"]
    await store.close()


async def test_a_cursor_of_an_unknown_epoch_or_further_on_gets_one_gap(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await record(store, 1, 2, 3)
    stranger = Follower(Cursor("another", 2))
    assert await stranger.follow(store) == ["1", "2", "3"]
    assert stranger.gaps == [Gap(reason=GapReason.UNKNOWN, goes_on=Cursor(store.epoch, 0))]
    ahead = Follower(Cursor(store.epoch, 17))  # as from before a backup was restored
    assert await ahead.follow(store) == []
    assert ahead.gaps == [Gap(reason=GapReason.UNKNOWN, goes_on=Cursor(store.epoch, 3))]
    await record(store, 4)
    assert await ahead.follow(store) == ["4"]
    assert (len(stranger.gaps), len(ahead.gaps)) == (1, 1)
    await store.close()


async def test_a_follower_goes_on_through_a_full_disk_and_the_way_back_without_a_gap(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    follower, slow = Follower(), Follower()
    await record(store, 1, 2, 3)
    for each in (follower, slow):
        await each.follow(store)
    before = store.epoch
    await full(store)
    await record(store, *range(4, 300))
    assert is_in_memory(store)
    assert store.epoch != before
    assert await follower.follow(store) == [str(number) for number in range(4, 300)]
    assert follower.after == Cursor(store.epoch, 299)
    await full(store, is_full=False)
    await clock.advance(60)
    await record(store, 300)
    assert not is_in_memory(store)
    await store.close()

    store = await opened(tmp_path, clock)
    await record(store, 301)
    assert await follower.follow(store) == ["300", "301"]
    assert await slow.follow(store) == [str(number) for number in range(4, 302)]
    assert follower.gaps == slow.gaps == []
    await store.close()


async def test_what_only_memory_knew_and_a_kill_lost_is_a_gap_for_who_has_followed_that_far(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    far, near = Follower(), Follower()
    await record(store, 1, 2, 3)
    await near.follow(store)
    await full(store)
    await record(store, *range(4, 300))
    await far.follow(store)
    reader = Follower()
    page = await store.history(None, limit=2)  # of before: such a cursor holds good whatever becomes of memory
    reader.after = page.after
    await store.close()  # no room: as after a kill

    store = await opened(tmp_path)
    await full(store, is_full=False)
    await record(store, 900)
    rest = await near.follow(store)
    assert rest == [*(str(number) for number in range(4, 3 + len(rest))), "900"], "what the disk took before it was full"
    assert len(rest) < 290
    assert await reader.follow(store) == ["3", *rest]
    assert await far.follow(store) == ["1", "2", "3", *rest]
    assert near.gaps == reader.gaps == []
    assert far.gaps == [Gap(reason=GapReason.UNKNOWN, goes_on=Cursor(store.epoch, 0))]
    await store.close()


@pytest.mark.parametrize("while_running", [False, True])
async def test_damage_is_a_gap_for_everybody(*, while_running: bool, tmp_path: Path) -> None:
    store = await filled(tmp_path)
    follower = Follower()
    await follower.follow(store, limit=1_000)
    if not while_running:
        await store.close()
    damage(tmp_path)
    if not while_running:
        store = await opened(tmp_path)
    await store.undelivered("mqtt", late=False, after=0, limit=10_000)  # meets the damage
    await record(store, 6_001)
    assert (await follower.follow(store, limit=1_000))[-1] == "6001"
    assert [gap.reason for gap in follower.gaps] == [GapReason.UNKNOWN]
    await record(store, 6_002)
    assert await follower.follow(store) == ["6002"]
    await store.close()


async def test_a_disk_that_fails_again_and_again_leaves_no_heap_of_epochs(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    follower = Follower()
    for number in range(1, 6):
        await record(store, number)
        await follower.follow(store)
        for _ in range(3):
            await asyncio.to_thread(store._events.begin_epoch)
    await record(store, 6)
    epochs = await asyncio.to_thread(store._events._epochs)
    assert [before for _, before in epochs.began] == [0, 1, 2, 3, 4, 5]
    assert await follower.follow(store) == ["6"]
    await store.delivered("mqtt", range(1, 7))
    await store.prune(["mqtt"], keep=WEEK, most=2)
    epochs = await asyncio.to_thread(store._events._epochs)
    assert [before for _, before in epochs.began] == [4, 5]
    assert await follower.follow(store) == []
    assert follower.gaps == []
    await store.close()


async def test_the_end_of_the_history_is_behind_the_newest_message_whatever_was_forgotten(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    assert str(await store.history_end()) == f"{store.epoch}:0"
    await record(store, 1, 2)
    end = await store.history_end()
    assert str(end) == f"{store.epoch}:2"
    await record(store, 3)
    assert await Follower(end).follow(store) == ["3"]
    await clock.advance(8 * DAY_S)
    await store.prune(("mqtt",), keep=WEEK, most=10)
    assert (await store.history_end()).position == 3
    await store.close()


async def test_a_store_of_before_begins_its_history_with_what_it_still_has(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await record(store, 1, 2, 3)
    await store.close()
    with closing(sqlite3.connect(tmp_path / "vms-bridge.sqlite")) as connection:
        connection.executescript("DELETE FROM messages WHERE position = 1")
    make_older(tmp_path / "vms-bridge.sqlite", 6)

    store = await opened(tmp_path)
    follower = Follower()
    assert await follower.follow(store) == ["2", "3"]
    assert str(follower.after) == f"{store.epoch}:3"
    old = Follower(Cursor(store.epoch, 0))
    await old.follow(store)
    assert old.gaps == [Gap(reason=GapReason.EXPIRED, goes_on=Cursor(store.epoch, 1))]
    await store.close()


async def test_two_durable_sinks_neither_halve_what_is_kept_nor_count_twice(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    both = ("mqtt", "other")

    async def waits(sink: str) -> list[str]:
        return [message.event.id for message in await store.undelivered(sink, late=False, after=0, limit=99)]

    await record(store, *range(1, 11), sinks=both)
    await clock.advance(11)
    ten_seconds = timedelta(seconds=10)
    assert await store.waiting(longer_than=ten_seconds) == 10
    assert await store.prune(both, keep=WEEK, most=10) == 0
    assert await waits("mqtt") == await waits("other") == [str(number) for number in range(1, 11)]

    await store.delivered("mqtt", range(1, 10))
    assert await store.waiting(longer_than=ten_seconds) == 10, "one waits for both, nine for the other"
    await store.delivered("other", [10])
    assert await store.waiting(longer_than=ten_seconds) == 10
    await store.delivered("mqtt", [10])
    assert await store.waiting(longer_than=ten_seconds) == 9

    await record(store, *range(11, 16), sinks=both)
    assert await store.prune(both, keep=WEEK, most=10) == 4, "of fourteen that wait, in one outbox or in two"
    assert await waits("other") == ["5", "6", "7", "8", "9", "11", "12", "13", "14", "15"]
    assert await waits("mqtt") == ["11", "12", "13", "14", "15"]
    await clock.advance(8 * DAY_S)
    assert await store.prune(both, keep=WEEK, most=10) == 10
    assert await store.waiting(longer_than=timedelta()) == 0
    await store.close()


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=6),
    st.integers(0, 30),
    st.integers(-1, 6),
    st.integers(0, 40),
)
def test_a_cursor_leads_to_what_follows_it_or_to_a_gap(grown: list[int], forgotten: int, which: int, position: int) -> None:
    began, newest = [], 0
    for number, count in enumerate(grown):
        began.append((f"e{number}", newest))
        newest += count
    forgotten = min(forgotten, newest)
    epochs = Epochs(began=began, newest=newest, forgotten=forgotten)
    place, gap = epochs.place(Cursor(f"e{which}", position))
    assert forgotten <= place <= newest
    if gap is None:
        assert place == position, "nothing is passed over, nothing comes twice"
    else:
        assert gap.goes_on.position == place
        assert epochs.place(gap.goes_on) == (place, None), "one gap and no more"
    assert epochs.place(epochs.cursor(place)) == (place, None)
