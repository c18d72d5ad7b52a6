"""The search for rows that can't be read, over lists of every shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.fakes.clock import FakeClock
from tests.fakes.memory import FeedMemory

from vms_bridge.backends.zoneminder.pace import Allowance
from vms_bridge.backends.zoneminder.unreadable import Unreadable
from vms_bridge.errors import VmsProtocolError
from vms_bridge.zoneminder import EventRow
from vms_bridge.zoneminder.events.halving import PAGE, Search

if TYPE_CHECKING:
    from vms_bridge.zoneminder.events.halving import Filters

pytestmark = pytest.mark.virtual_time


class Feed(FeedMemory):
    """Only the part that keeps texts is used."""


class Table:
    """Events as ZoneMinder's list shows them: an answer with a bad row in it fails."""

    def __repr__(self) -> str:
        return f"<{sorted(self.numbers)}, bad {sorted(self.bad)}>"

    def __init__(self, numbers: set[int], bad: set[int]) -> None:
        self.numbers, self.bad, self.asked = numbers, bad, 0
        clock = FakeClock()
        self.pace = Allowance(1.0, clock, burst=10_000.0)
        self.unreadable = Unreadable("zm", Feed(), clock)  # type: ignore[arg-type]  # the rest of a feed is not needed

    async def ask(
        self, filters: Filters, *, ascending: bool = True, limit: int = PAGE, page: int = 1, timeout_s: float | None = None
    ) -> list[EventRow]:
        del timeout_s
        self.asked += 1
        low = max((int(value) for name, value in filters if name == "Id >"), default=0)
        exact = {int(value) for name, value in filters if name == "Id"}
        high = min((int(value) for name, value in filters if name == "Id <"), default=10**9)
        monitors = {value for name, value in filters if name == "MonitorId"}
        listed = (n for n in self.numbers if low < n < high and (not exact or n in exact) and monitors <= {str(n % 3)})
        found = sorted(listed, reverse=not ascending)
        shown = found[(page - 1) * limit : page * limit]
        if self.bad & set(shown):
            raise VmsProtocolError("one of them is bad")
        return [EventRow(id=number, monitor_id="1", start=datetime(2026, 1, 1, tzinfo=UTC)) for number in shown]

    def search(self, scope: Filters = ()) -> Search:
        return Search(self.ask, self.unreadable, self.pace, reason=VmsProtocolError("the page failed"), scope=scope)


gaps = st.lists(st.sampled_from([1, 1, 1, 1, 2, 3, 40, 5_000]), min_size=2, max_size=60)


@st.composite
def tables(draw: st.DrawFn) -> tuple[set[int], set[int]]:
    numbers, at = [], 0
    for gap in draw(gaps):
        at += gap
        numbers.append(at)
    bad = draw(st.sets(st.sampled_from(numbers), max_size=min(len(numbers) - 1, 8)))
    assume(not {numbers[0], numbers[-1], numbers[-2]} <= bad)  # else nothing shows that it is not the list
    return set(numbers), bad


@settings(deadline=None)
@given(tables(), st.integers(0, 50), st.integers(0, 60))
async def test_everything_else_is_read_in_order_and_nothing_else_is_left_out(
    shape: tuple[set[int], set[int]], low: int, known: int
) -> None:
    table = Table(*shape)
    read: list[int] = []
    at = low
    for _ in range(60):
        page = await table.search().above(at, at + known)
        assert len(page.rows) <= 2 * PAGE
        read += [row.id for row in page.rows]
        at = max(at, page.read_to, *(row.id for row in page.rows))
        if not page.has_more:
            break
    assert read == sorted(n for n in table.numbers - table.bad if n > low)
    assert set(table.unreadable) <= table.bad


@settings(deadline=None)
@given(tables(), st.integers(0, 50), st.sampled_from([None, 7, 4_000, 10_000]), st.sampled_from([[], [("MonitorId", "1")]]))
async def test_everything_is_read_downwards_too_and_the_bad_are_named(
    shape: tuple[set[int], set[int]], low: int, high: int | None, scope: list[tuple[str, str]]
) -> None:
    table = Table(*shape)
    listed = {n for n in table.numbers if low < n < (high or 10**9) and (not scope or n % 3 == 1)}
    read: list[int] = []
    at: int | None = high
    for _ in range(30):
        page = await table.search(scope).below(at, low)
        read += [row.id for row in page.rows]
        at = page.read_to
        if not page.has_more:
            break
    assert read == sorted(listed - table.bad, reverse=True)
    assert set(table.unreadable) == listed & table.bad


@pytest.mark.parametrize("place", [2, 31, 57, 100])
async def test_downwards_one_row_of_a_hundred_is_found_in_some_twenty_requests(place: int) -> None:
    table = Table({1, *(1 + 1_000 * n for n in range(1, 100))}, {1 + 1_000 * (100 - place)} if place < 100 else {1})
    page = await table.search().below(None, 0)
    assert len(page.rows) == place - 1
    assert len(table.unreadable) == 1
    assert table.asked <= 45


@settings(deadline=None)
@given(tables())
async def test_the_newest_come_in_descending_order(shape: tuple[set[int], set[int]]) -> None:
    table = Table(*shape)
    rows = [row.id for row in await table.search().newest()]
    good = sorted(table.numbers - table.bad, reverse=True)
    top = good.index(rows[0])
    assert rows == good[top : top + len(rows)]
    assert not top or max(table.numbers) in table.bad
    assert set(table.unreadable) <= table.bad
    assert table.asked < 80


@settings(deadline=None)
@given(tables())
async def test_rows_that_are_asked_for_by_id_come_but_for_the_bad(shape: tuple[set[int], set[int]]) -> None:
    table = Table(*shape)
    wanted = sorted(table.numbers)[:PAGE]
    rows = {row.id for row in await table.search().these([*wanted, 99_999_999])}
    assert rows == set(wanted) - table.bad
    assert set(table.unreadable) == table.bad & set(wanted)


@pytest.mark.parametrize("place", [1, 31, 57, 100])
async def test_one_row_of_a_hundred_is_found_in_some_twenty_requests(place: int) -> None:
    table = Table(set(range(1, 101)), {place})
    page = await table.search().above(0, 0)
    assert len(page.rows) == 99
    assert set(table.unreadable) == {place}
    assert table.asked <= 25


async def test_a_new_row_at_the_end_is_found_in_a_few_requests() -> None:
    table = Table(set(range(1, 43)), {41})
    page = await table.search().above(30, 40)
    assert [row.id for row in page.rows] == [*range(31, 41), 42]
    assert table.asked <= 8


async def test_what_failed_for_a_moment_only_is_not_halved() -> None:
    table = Table(set(range(1, 200)), set())
    rows = await table.search().newest()
    assert [row.id for row in rows] == list(range(199, 99, -1))
    assert table.asked <= 3


async def test_where_every_row_fails_it_is_the_list() -> None:
    table = Table(set(range(1, 50)), set(range(1, 50)))
    for found in (table.search().above(10, 20), table.search().newest(), table.search().these([5, 6])):
        with pytest.raises(VmsProtocolError, match="the page failed"):
            await found
    assert len(table.unreadable) == 0
    assert table.asked < 20


async def test_at_most_a_thousand_are_remembered() -> None:
    table = Table(set(), set())
    for number in range(1, 1011):
        await table.unreadable.add(number, VmsProtocolError("bad"))
    assert (len(table.unreadable), min(table.unreadable)) == (1000, 11)
