"""The index comes to what the VMS has, whatever was purged, missed or ended while nobody was told, for a few requests."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.hub.indexed import IndexedHouse, in_virtual_time, indexed_house
from tests.fakes.archive import FAULTS

from vms_bridge.archive import EventClip
from vms_bridge.errors import MediaUnavailable
from vms_bridge.model import EventPicture, EventRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.model import PictureRef

pytestmark = pytest.mark.timeout(90)  # hours of virtual time, on a machine that has other work
_MINUTE = 60.0
SILENT: list[dict[str, bool]] = [{"counts": False, "tells_totals": False}, {"counts": False}, {"tells_totals": False}]


def test_a_purge_of_a_thousand_is_seen_by_a_few_requests(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=2_000, page=100) as house:
            await house.until(house.is_complete)
            await house.clock.sleep(_MINUTE)
            house.vms.lists = house.vms.extents = 0
            house.vms.purge(range(1, 1_001))
            await house.settles(within_s=6 * _MINUTE)
            assert house.vms.extents <= 8
            assert house.vms.lists <= 1

    in_virtual_time(scenario)


@pytest.mark.parametrize(
    "gone", [range(1_000, 1_001), range(500, 900), [3, 700, 1_500, 1_999], range(1, 2_001)], ids=["one", "many", "some", "all"]
)
def test_what_was_purged_anywhere_goes(tmp_path: Path, gone: Iterable[int]) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=2_000, page=100) as house:
            await house.until(house.is_complete)
            await house.clock.sleep(_MINUTE)
            house.vms.lists = house.vms.extents = 0
            house.vms.purge(gone)
            await house.settles(within_s=10 * _MINUTE)
            assert house.vms.extents + house.vms.lists <= 60

    in_virtual_time(scenario)


def test_what_was_missed_comes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=1_000, page=100) as house:
            await house.until(house.is_complete)
            await house.stop()
            for number in range(300):
                house.vms.record("1", ago_s=-60.0 * number)
            await house.start()
            house.vms.lists = house.vms.extents = 0
            await house.settles(within_s=15 * _MINUTE)
            assert house.vms.extents + house.vms.lists <= 30

    in_virtual_time(scenario)


def test_a_loss_is_believed_when_it_shows_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=500) as house:
            await house.until(house.is_complete)
            recorded, house.vms.recorded = house.vms.recorded, {}
            while house.vms.extents == 0 or not house.vms.extents % 2:  # a database that is just being restored
                house.vms.tell_totals()
                await house.clock.sleep(1.0)
            house.vms.recorded = recorded
            await house.clock.sleep(_MINUTE)
            assert await house.is_true()

    in_virtual_time(scenario)


def test_what_was_taken_for_gone_and_is_there_again_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=100) as house:
            await house.until(house.is_complete)
            for _ in range(20):
                await house.vms.tell(house.vms.record())
            recorded, house.vms.recorded = house.vms.recorded, {}
            await house.settles(within_s=10 * _MINUTE)
            house.vms.recorded = recorded
            await house.settles(within_s=20 * _MINUTE)

    in_virtual_time(scenario)


def test_a_total_that_is_wrong_for_good_is_asked_about_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=300, totals_off=7) as house:
            await house.until(house.is_complete)
            house.vms.extents = 0
            await house.clock.sleep(3_600.0)
            assert house.vms.extents <= 5
            house.vms.purge(range(100, 120))
            await house.settles(within_s=20 * _MINUTE)

    in_virtual_time(scenario)


def test_totals_that_lag_behind_cost_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=100) as house:
            await house.until(house.is_complete)
            await house.clock.sleep(_MINUTE)
            house.vms.extents = 0
            for _ in range(60):
                house.vms.tell_totals()
                await house.vms.tell(house.vms.record())
                await house.clock.sleep(20.0)
            assert house.vms.extents <= 4
            assert await house.is_true()

    in_virtual_time(scenario)


@pytest.mark.parametrize(
    "changes", [{"counts": False, "tells_totals": False}, {"counts": False}, {"tells_totals": False}], ids=str
)
def test_a_vms_that_tells_no_numbers_is_read_again_and_again(tmp_path: Path, changes: dict[str, bool]) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=250, **changes) as house:
            await house.until(house.is_complete)
            house.vms.purge([1, 2, 3, 77, 200, 201, 250])
            house.vms.record("2", ago_s=7_777.0)
            await house.settles(within_s=12 * 3_600.0)
            asked = house.vms.lists
            await house.clock.sleep(600.0)
            assert house.vms.lists - asked <= 13 * 10  # ten pages of the fake's make one of a comparison

    in_virtual_time(scenario)


def test_reading_again_goes_on_after_a_restart_where_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=1_000, page=100) as house:
            await house.until(house.is_complete)
            house.vms.purge([10])  # of the oldest: ten pages back; and another one that nobody told of
            house.vms.record("2", ago_s=3_333.0)
            for _ in range(6):
                await house.clock.sleep(45 * _MINUTE)  # four pages or so
                await house.restart()
            assert await house.is_true()

    in_virtual_time(scenario)


def test_what_numbers_can_not_tell_is_found_all_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=250) as house:
            await house.until(house.is_complete)
            house.vms.purge([100])  # one of monitor 2, and another one of it that nobody told of
            house.vms.record("2", ago_s=3_333.0)
            await house.settles(within_s=3 * 3_600.0)

    in_virtual_time(scenario)


def test_an_event_that_was_open_when_it_was_listed_comes_to_its_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=30) as house:
            left = house.vms.record(is_open=True, ago_s=3_600.0)
            old = house.vms.record(is_open=True, ago_s=40 * 86_400.0)  # such that nobody ever ends
            await house.until(house.is_complete)
            house.vms.lists = 0
            await house.clock.sleep(2 * 3_600.0)
            assert house.vms.lists <= 12 * 4 + 3  # four pages of the fake each ten minutes, and the open one each hour
            house.vms.end(left.id)
            house.vms.end(old.id)
            await house.until(lambda: _is_over(house, left.id), within_s=2 * 3_600.0)

    async def _is_over(house: IndexedHouse, event_id: str) -> bool:
        return (await house.indexed())[int(event_id)]

    in_virtual_time(scenario)


def test_a_picture_that_is_not_there_takes_a_purged_event_out_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=30) as house:
            await house.until(house.is_complete)
            house.vms.purge([7, 8])

            async def none(ref: PictureRef) -> bytes:
                raise MediaUnavailable(f"there is no {ref}")

            house.vms.picture = none  # type: ignore[method-assign]  # the fake's own
            for number in (7, 9, 7, 1_000):
                with pytest.raises(MediaUnavailable):
                    await house.hub.picture("zm", EventPicture(event=EventRef("zm", 1, str(number))))
            await house.clock.sleep(12.0)
            assert 7 not in await house.indexed()
            assert 9 in await house.indexed()
            with pytest.raises(MediaUnavailable):
                async with house.hub.media("zm", EventClip(event=EventRef("zm", 1, "8"))):
                    pass
            await house.clock.sleep(12.0)
            assert await house.is_true()

    in_virtual_time(scenario)


def test_what_its_vms_says_to_be_gone_is_gone_before_who_asked_is_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=30, knows_gone=True) as house:

            async def asked(number: int, generation: int = 1) -> None:
                with pytest.raises(MediaUnavailable):
                    async with house.hub.media("zm", EventClip(event=EventRef("zm", generation, str(number)))):
                        pass

            await house.until(house.is_complete)
            followed = house.vms.record(is_open=True)
            await house.vms.tell(followed)
            house.vms.purge([7, int(followed.id)])
            house.vms.lists = 0
            await asked(8)
            await asked(7, generation=2)
            assert 7 in await house.indexed(), "nobody has said that of this one"
            await asked(7)
            assert await house.indexed() == house.recorded() | {int(followed.id): False}
            await asked(int(followed.id))
            assert int(followed.id) in await house.indexed(), "of what is followed its backend will say so"
            assert house.vms.lists <= 1, "of the one that has no clip, perhaps"

    in_virtual_time(scenario)


def test_pictures_that_are_not_there_yet_have_nothing_looked_at(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=30) as house:
            await house.until(house.is_complete)
            house.vms.lists = 0
            opened = house.vms.record(is_open=True)
            await house.vms.tell(opened)
            house.hub._indexing.doubt(EventRef("zm", 1, opened.id))
            house.hub._indexing.doubt(EventRef("zm", 2, "7"))
            house.hub._indexing.doubt(EventRef("nowhere", 1, "7"))
            for number in range(200):
                house.hub._indexing.doubt(EventRef("elsewhere", 1, str(number)))
            await house.clock.sleep(20.0)
            assert house.vms.lists == 0

    in_virtual_time(scenario)


def test_events_that_begin_together_are_told_apart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, counts=False) as house:
            for _ in range(250):
                house.vms.record("1", ago_s=600.0)
            await house.until(house.is_complete)
            house.vms.purge(range(1, 250, 2))
            await house.settles(within_s=3_600.0)

    in_virtual_time(scenario)


STEPS: dict[str, Callable[[IndexedHouse, int], object]] = {
    "miss": lambda house, number: house.vms.record(str(1 + number % 2)),
    "miss an old one": lambda house, number: house.vms.record(str(1 + number % 2), ago_s=86_400.0 * (number % 5)),
    "purge old": lambda house, number: house.vms.purge(sorted(house.vms.recorded)[: number % 30]),
    "purge one": lambda house, number: house.vms.purge(sorted(house.vms.recorded)[number % 7 :][:1]),
    "fault": lambda house, number: house.vms.faults.append(FAULTS[number % len(FAULTS)]),
}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*STEPS, "tell", "open", "end", "wait", "kill", "stop", "restore", "rebuild", "reload"]),
            st.integers(0, 60),
        ),
        max_size=25,
    ),
    st.sampled_from([{}, *SILENT]),
)
def test_whatever_happens_the_index_comes_to_what_the_vms_has(steps: list[tuple[str, int]], changes: dict[str, bool]) -> None:
    async def scenario(folder: Path) -> None:
        async with indexed_house(folder, events=60, **changes) as house:
            for step, number in steps:
                await play(house, step, number)
            if not house.is_running:
                await house.start()
            house.vms.faults.clear()
            await house.until(house.is_complete)
            await house.settles(within_s=3 * 86_400.0)

    with tempfile.TemporaryDirectory() as folder:
        in_virtual_time(lambda: scenario(Path(folder)))


async def play(house: IndexedHouse, step: str, number: int) -> None:
    vms = house.vms
    if step in STEPS:
        STEPS[step](house, number)
    elif step == "stop":
        await house.stop()
    elif step == "kill" or not house.is_running:
        await house.restart()
    elif step == "wait":
        await house.clock.sleep(number * 2.0)
    elif step == "reload":
        await house.add()
    elif step == "rebuild":
        await house.hub.rebuild_index("zm" if number % 2 else None)
    elif step == "restore":
        vms.restore(number)
        await vms.tell()
    elif step == "end":
        for one in [one for one in vms.recorded.values() if not one.is_over]:
            await vms.tell(vms.end(one.id))
    else:
        await vms.tell(vms.record(str(1 + number % 2), is_open=step == "open"), late=number % 3 == 0)
