"""When the pictures of an event were taken, by the rows that ZoneMinder has of some of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4

from vms_bridge.archive import MOST_FRAMES
from vms_bridge.backends.zoneminder.frames import frame_times
from vms_bridge.errors import MediaUnavailable, NoSuchEvent
from vms_bridge.model import EventRef
from vms_bridge.zoneminder.parse import parse_frames

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_those_between_two_rows_come_evenly() -> None:
    assert frame_times([(1, 0.0), (2, 0.2), (5, 0.8), (6, 2.0)], 8, 3.0) == (
        *((1, 0.0), (2, 0.2), (3, 0.4), (4, 0.6), (5, 0.8), (6, 2.0), (7, 2.5), (8, 3.0)),
    )


def test_without_rows_they_come_evenly_and_a_length_that_can_not_be_is_not_believed() -> None:
    assert frame_times([], 3, 1.0) == ((1, 0.0), (2, 0.5), (3, 1.0))
    assert frame_times([], 1, 9.0) == ((1, 0.0),)
    assert frame_times([(1, 0.0), (3, 4.0)], 5, 1.0)[-1] == (5, 8.0)
    assert frame_times([(3, 4.0), (4, 1.0)], 4, 6.0) == ((1, 0.0), (2, 2.0), (3, 4.0), (4, 6.0))
    assert len(frame_times([], 10**9, 10.0)) == MOST_FRAMES
    assert frame_times([(1, 1.115234375)], 2, 0.0) == ((1, 1.1152), (2, 1.1152))


@given(st.lists(st.tuples(st.integers(-5, 300), st.floats(0, 1e6)), max_size=30), st.integers(1, 300), st.floats(0, 1e6))
def test_every_one_has_a_time_and_none_is_before_the_one_before_it(
    known: list[tuple[int, float]], count: int, length_s: float
) -> None:
    found = frame_times(known, count, length_s)
    assert [number for number, _ in found] == list(range(1, count + 1))
    assert all(before[1] <= after[1] for before, after in pairwise(found))


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ROWS = st.lists(VALUES | st.dictionaries(st.sampled_from(["FrameId", "Delta", "Type"]), VALUES), max_size=3)
PAGES = VALUES | st.fixed_dictionaries({"event": VALUES | st.fixed_dictionaries({"Frame": VALUES | ROWS})})


@given(PAGES)
def test_whatever_is_answered_rows_are_numbers_and_times(raw: object) -> None:
    assert all(number >= 1 and time_s >= 0 for number, time_s in parse_frames(raw))


@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_pictures_of_an_event(personality: Personality, serve: Serve) -> None:
    world = World(personality)
    event = world.open_event(1, start=START)
    event.end, event.length, event.frames, event.is_jpegs = START + timedelta(seconds=20), 20.0, 101, True
    world.bulk_frames = 50
    event.frame_times = tuple(each * 0.1 if each < 50 else 5.0 + (each - 49) * 0.3 for each in range(101))
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        times = dict((await backend.archive.frame_times(EventRef("zm", 1, str(event.id)))).frames)
        assert sorted(times) == list(range(1, 102))
        assert times[2] == pytest.approx(0.1, abs=0.01)
        assert times[50] == pytest.approx(4.9, abs=0.02)
        assert times[75] == pytest.approx(12.5, abs=0.5)
        with pytest.raises(NoSuchEvent):
            await backend.archive.frame_times(EventRef("zm", 1, "99"))
        event.is_jpegs = False


async def test_what_has_none(serve: Serve) -> None:
    world = World()
    video, goes_on, empty = (world.open_event(1, start=START) for _ in range(3))
    video.end, video.frames = START + timedelta(seconds=20), 101
    empty.end, empty.frames, empty.is_jpegs = START + timedelta(seconds=20), 0, True
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        for event, said in ((video, "as a video"), (goes_on, "still recorded|never finished"), (empty, "no pictures")):
            with pytest.raises(MediaUnavailable, match=said):
                await backend.archive.frame_times(EventRef("zm", 1, str(event.id)))
