"""Shared memory for pictures."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from vms_bridge.detect.engine.slots import Slots
from vms_bridge.detect.engine.wire import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

BYTES = 1024 * 1024


@pytest.fixture
def slots() -> Iterator[Slots]:
    made = Slots.make(slots=3, slot_bytes=BYTES)
    yield made
    made.close()


def test_both_sides_see_the_same(slots: Slots) -> None:
    other = Slots(os.dup(slots.file), slots=3, slot_bytes=BYTES)
    assert slots.write(1, b"a picture") == 9
    view = other.view(1, 9)
    assert bytes(view) == b"a picture"
    view.release()
    other.mark(1, Stage.INFERRING)
    assert [slots.stage(number) for number in range(3)] == [Stage.IDLE, Stage.INFERRING, Stage.IDLE]
    other.write(1, b"another")
    assert slots.read(1, 7) == b"another"
    other.close()


def test_slots_do_not_touch_each_other(slots: Slots) -> None:
    for number in range(3):
        slots.write(number, bytes([number + 1]) * BYTES)
    assert [set(slots.read(number, BYTES)) for number in range(3)] == [{1}, {2}, {3}]


def test_what_does_not_fit_is_refused(slots: Slots) -> None:
    with pytest.raises(ValueError, match="larger"):
        slots.write(0, bytes(BYTES + 1))
    for size in (-1, BYTES + 1):
        with pytest.raises(ValueError, match="so many"):
            slots.read(0, size)
    for number in (-1, 3):
        with pytest.raises(ValueError, match="no such slot"):
            slots.read(number, 1)


def test_the_memory_can_not_be_taken_away_by_who_has_it(slots: Slots) -> None:
    for size in (0, 10 * BYTES):
        with pytest.raises(PermissionError):
            os.ftruncate(slots.file, size)
    with pytest.raises(PermissionError):
        fcntl.fcntl(slots.file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)


@pytest.mark.parametrize(("size", "is_given_back"), [(3 * BYTES, False), (5 * BYTES, True)])
def test_a_large_picture_leaves_no_memory_behind(size: int, *, is_given_back: bool) -> None:
    slots = Slots.make(slots=2, slot_bytes=size)
    slots.write(0, b"x" * size)
    slots.write(1, b"y" * size)
    slots.mark(0, Stage.INFERRING)
    before = os.fstat(slots.file).st_blocks * 512
    slots.clear(0, size)
    after = os.fstat(slots.file).st_blocks * 512
    assert after == (before - size if is_given_back else before)
    assert slots.stage(0) is Stage.IDLE
    assert slots.read(1, 10) == b"y" * 10
    slots.close()


def test_a_stage_that_makes_no_sense_is_none(slots: Slots) -> None:
    slots._memory[0] = 200
    assert slots.stage(0) is Stage.IDLE
