"""Sets of events: written and read again they are the same, and numbers are found by their bits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.store.index.bits import SLOTS, bits_of, changed, free_slot, members
from vms_bridge.store.index.postings import PART_BITS, SLOT_BITS, BitSets, Postings, first_block
from vms_bridge.store.index.rows import FIRST, LIVING, SPAN
from vms_bridge.store.index.slices import Slices, between, chosen, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOT = st.integers(0, SLOTS - 1) | st.integers(0, 60)
NUMBERS = st.lists(st.integers(0, 63), max_size=40)
SIX_BITS = Slices(0, 6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.lists(SLOT, max_size=60), st.booleans()), max_size=8))
def test_a_set_is_what_was_changed_in_it(steps: list[tuple[list[int], bool]]) -> None:
    data, plain = b"", set[int]()
    for slots, is_in in steps:
        data = changed(data, dict.fromkeys(slots, is_in))
        plain = plain | set(slots) if is_in else plain - set(slots)
        assert members(bits_of(data)) == sorted(plain)
        assert len(data) <= max(2 * len(plain), SLOTS // 8)
        assert bool(data) is bool(plain)
        assert free_slot(bits_of(data)) == min(set(range(100)) - plain)


@pytest.mark.parametrize("data", [b"\xff", b"\xff\xff\xff", b"\xff" * 64, b"\xff" * 65, b"\xff" * 5_000])
def test_what_is_no_set_harms_nobody(data: bytes) -> None:
    bits_of(data)
    changed(data, {0: True})


def sliced(numbers: list[int]) -> tuple[int, list[int]]:
    """Return the set of all these numbers' places, and that of each bit."""
    slices = [sum(1 << place for place, number in enumerate(numbers) if number >> bit & 1) for bit in range(SIX_BITS.width)]
    return (1 << len(numbers)) - 1, slices


@settings(max_examples=100, deadline=None)
@given(NUMBERS, st.integers(0, 63), st.integers(0, 63))
def test_a_range_of_numbers_is_found_by_their_bits(numbers: list[int], least: int, most: int) -> None:
    every, slices = sliced(numbers)
    found = members(between(every, slices, least, most)) if least <= most else []
    assert found == [place for place, number in enumerate(numbers) if least <= number <= most]


@settings(max_examples=100, deadline=None)
@given(NUMBERS, st.sets(st.integers(0, 40), max_size=30), st.sets(st.integers(0, 40), max_size=10))
def test_some_of_all_numbers_are_found_by_their_bits(numbers: list[int], wanted: set[int], others: set[int]) -> None:
    """Numbers that nobody knew of are found only where they are below those that are known, and then there are none."""
    known = wanted | others
    numbers = [number for number in numbers if number in known or number > max(known, default=0)]
    every, slices = sliced(numbers)
    plan = plan_of(list(wanted), list(known), SIX_BITS.width)
    assert members(chosen(plan, every, slices)) == [place for place, number in enumerate(numbers) if number in wanted]


def test_numbers_are_told_by_their_bits() -> None:
    assert Slices(100, 4).of(5) == [100, 102]
    assert Slices(100, 4).of(99) == Slices(100, 4).of(15)
    assert Slices(100, 4).of(-1) == []


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE postings (place INTEGER PRIMARY KEY, bits BLOB NOT NULL)")
        yield connection


def test_a_span_has_as_many_blocks_as_it_takes(file: sqlite3.Connection) -> None:
    postings, key = Postings(file), 3 * SPAN + 1
    slots = [postings.take_slot(key) for _ in range(SLOTS + 2)]
    assert len(set(slots)) == SLOTS + 2
    assert {slot >> SLOT_BITS for slot in slots} == {first_block(3), first_block(3) + 1}
    postings.change(slots[-1], [300], is_in=True)
    postings.end()
    sets = BitSets(file, first_block(3), first_block(4))
    assert sets.any_of([300, 301], sets.living()) == {first_block(3) + 1: 1 << 1}
    assert postings.take_slot(key) == first_block(3) + 1 << SLOT_BITS | 2
    assert postings.take_slot(FIRST - 1) == 0
    postings.end()
    assert BitSets(file, 0, 1 << 62).spans() == [0, 3]
    assert BitSets(file, 1, 3 << PART_BITS).spans() == []


def test_a_slot_that_is_free_is_taken_again(file: sqlite3.Connection) -> None:
    postings, key = Postings(file), SPAN
    first, second = postings.take_slot(key), postings.take_slot(key)
    for slot in (first, second):
        postings.change(slot, [300], is_in=True)
    postings.end()
    postings.change(first, [300], is_in=False)
    postings.free(first)
    assert postings.take_slot(key) == first, "within the same transaction too"
    postings.change(first, [301], is_in=True)
    postings.end()
    assert (postings.has(300), postings.has(301), postings.has(302)) == (True, True, False)
    sets = BitSets(file, first_block(1), first_block(2))
    assert sets.any_of([300], sets.living()) == {first_block(1): 1 << 1}
    for slot, token in ((first, 301), (second, 300)):
        postings.change(slot, [token], is_in=False)
        postings.free(slot)
    postings.end()
    assert file.execute("SELECT count(*) FROM postings").fetchone() == (0,)
    assert not postings.has(LIVING)
