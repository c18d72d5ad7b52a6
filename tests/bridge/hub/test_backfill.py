"""The index is filled with what a VMS has recorded: newest first, in the background, and after any fault or kill to its end."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.hub.indexed import in_virtual_time, indexed_house
from tests.fakes.archive import FAULTS
from tests.fakes.backend import START, snapshot, system_state

from vms_bridge.archive import RecordedPage
from vms_bridge.errors import BackendDefect
from vms_bridge.hub.index_keeper import PAUSE_S, SETTLE_S
from vms_bridge.hub.listing import Circle
from vms_bridge.hub.system_index import Mark
from vms_bridge.model import Capability, EventRef, SystemLost

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(90)  # hours of virtual time, on a machine that has other work


def test_it_is_filled_newest_first_and_no_faster_than_a_page_a_second(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=95) as house:
            await house.clock.sleep(SETTLE_S + 3.5 * PAUSE_S)
            some = sorted(await house.indexed())
            assert some == list(range(96 - len(some), 96))
            assert 20 <= len(some) <= 40
            await house.until(house.is_complete)
            assert await house.is_true()
            assert house.progress
            assert (house.progress.events, house.progress.expected, house.progress.detail) == (95, 95, None)
            assert house.progress.oldest == house.vms.recorded[1].start
            assert house.vms.lists <= 11

    in_virtual_time(scenario)


def test_a_system_with_nothing_recorded_is_complete_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path) as house:
            await house.until(house.is_complete, within_s=60)
            assert house.progress
            assert (house.progress.events, house.progress.oldest) == (0, None)

    in_virtual_time(scenario)


def test_it_goes_on_after_a_kill_where_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=200) as house:
            for _ in range(5):
                await house.clock.sleep(SETTLE_S + 4 * PAUSE_S)
                await house.restart()
            before = house.vms.lists
            assert before > 10
            await house.until(house.is_complete)
            assert await house.is_true()
            assert house.vms.lists <= 20 + 6  # at most one page again for each kill
            await house.restart()
            await house.until(house.is_complete, within_s=60)
            assert house.vms.lists <= 20 + 6

    in_virtual_time(scenario)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_archive_that_misbehaves_is_read_to_its_end_all_the_same(tmp_path: Path, fault: str) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=60) as house:
            house.vms.faults = deque(["", "", *[fault] * 4, "", fault])
            await house.until(house.is_complete)
            assert await house.is_true()

    in_virtual_time(scenario)


def test_what_it_suffers_from_is_told_and_tried_less_and_less_often(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=60) as house:
            house.vms.faults = deque(["fails"] * 1_000)
            await house.clock.sleep(1_800)
            assert house.detail == "nobody is there"
            assert house.vms.lists < 30
            assert sum("filling the search index" in line for line in caplog.messages) < 10
            house.vms.faults.clear()
            await house.until(house.is_complete, within_s=900)
            assert not house.detail
            assert await house.is_true()

    in_virtual_time(scenario)


def test_it_waits_for_a_system_that_is_lost_in_the_middle(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=100) as house:
            await house.clock.sleep(SETTLE_S + 2 * PAUSE_S)
            house.feed.emit(SystemLost(detail="gone"))
            await house.clock.sleep(10)
            lists = house.vms.lists
            await house.clock.sleep(3_600)
            assert house.vms.lists == lists
            assert not house.detail
            house.feed.emit(house.vms.first)
            await house.until(house.is_complete, within_s=120)
            assert await house.is_true()

    in_virtual_time(scenario)


def test_without_an_archive_nothing_is_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=10) as house:
            capabilities = system_state().capabilities - {Capability.ARCHIVE}
            house.feed.emit(replace(snapshot(), system=system_state(capabilities=capabilities)))
            await house.clock.sleep(600)
            assert house.vms.lists == 0
            assert house.progress is None

    in_virtual_time(scenario)


def test_where_the_index_is_off_nothing_is_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=10, most=0) as house:
            house.hub._indexing.doubt(EventRef("zm", 1, "7"))
            await house.clock.sleep(600)
            assert house.vms.lists == 0
            assert house.progress is None

    in_virtual_time(scenario)


def test_what_happens_meanwhile_is_in_it_as_it_was_told_last(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=50) as house:
            opened = house.vms.record(is_open=True)
            await house.vms.tell(opened)

            def end_while_it_is_listed() -> None:
                house.vms.recorded[int(opened.id)] = replace(opened, notes="as it was listed")

            house.vms.on_list = end_while_it_is_listed
            await house.clock.sleep(SETTLE_S)
            await house.vms.tell(replace(opened, end=house.clock.now(), notes="as it was told"))
            deleted = house.vms.record()
            await house.vms.tell(deleted)
            await house.vms.tell(replace(deleted, deleted=True))
            await house.until(house.is_complete)
            found = {one.id: one for one in await house.events()}
            assert found[opened.id].notes == "as it was told"
            assert deleted.id not in found

    in_virtual_time(scenario)


def test_a_reload_takes_over_where_the_filling_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=100) as house:
            await house.clock.sleep(SETTLE_S + 3 * PAUSE_S)
            await house.add()
            await house.until(house.is_complete, within_s=120)
            assert await house.is_true()
            assert house.vms.lists <= 12
            house.hub.remove_system("zm")
            house.vms.lists = 0
            await house.clock.sleep(600)
            assert house.vms.lists == 0
            assert not [task for task in asyncio.all_tasks() if task.get_name() == "index: keeper"]

    in_virtual_time(scenario)


def test_ids_that_begin_anew_have_all_filled_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=80) as house:
            await house.clock.sleep(SETTLE_S + 3 * PAUSE_S)
            house.vms.restore(45)
            await house.vms.tell()
            await house.settles(within_s=300)
            await house.until(house.is_complete)
            assert house.progress
            assert house.progress.events == 45
            house.vms.restore(30)  # once more, with all of it in the index
            await house.vms.tell()
            await house.settles(within_s=300)

    in_virtual_time(scenario)


def test_a_time_zone_that_was_another_has_all_times_read_once_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=40) as house:
            house.vms.first = replace(house.vms.first, system=system_state(time_zone="Europe/Madrid"))
            house.feed.emit(house.vms.first)
            await house.until(house.is_complete)
            wrong = {number: one.start for number, one in house.vms.recorded.items()}
            for number, one in house.vms.recorded.items():
                house.vms.recorded[number] = replace(one, start=(one.start or START) - timedelta(hours=1))
            house.vms.first = replace(house.vms.first, system=system_state(time_zone="Europe/Moscow"))
            house.feed.emit(house.vms.first)
            await house.clock.sleep(70)
            await house.until(house.is_complete)
            found = {int(one.id): one.start for one in await house.events()}
            assert found == {number: (start or START) - timedelta(hours=1) for number, start in wrong.items()}

    in_virtual_time(scenario)


def test_it_is_forgotten_and_filled_anew_on_request(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=40) as house:
            for system in ("zm", None):
                await house.until(house.is_complete)
                house.vms.lists = 0
                await house.hub.rebuild_index(system)
                assert not await house.is_complete()
                await house.until(house.is_complete, within_s=60)
                assert await house.is_true()
                assert house.vms.lists == 4

    in_virtual_time(scenario)


def test_a_page_that_was_asked_for_before_it_was_begun_anew_is_not_stored_behind_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=60) as house:
            await house.clock.sleep(SETTLE_S + 1.5 * PAUSE_S)
            tasks: list[asyncio.Task[None]] = []

            def begin_anew() -> None:
                if not tasks:
                    tasks.append(asyncio.create_task(house.hub.rebuild_index("zm")))

            house.vms.on_list = begin_anew
            await house.until(house.is_complete)
            assert tasks[0].done()
            assert await house.is_true()
            assert not [record for record in caplog.records if record.levelno >= logging.WARNING], "somebody has asked for it"

    in_virtual_time(scenario)


def test_it_ends_where_the_index_is_full(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with indexed_house(tmp_path, events=300, most=55) as house:
            await house.until(house.is_complete)
            assert house.vms.lists <= 8
            await house.clock.sleep(1_200)  # what does not fit is not asked for again and again
            assert sorted(await house.indexed()) == list(range(246, 301))
            assert house.vms.extents <= 1
            house.vms.purge(range(290, 301))
            await house.clock.sleep(1_200)
            assert set(await house.indexed()) <= set(house.vms.recorded)

    in_virtual_time(scenario)


@pytest.mark.parametrize("text", [None, "", "no json", "[]", '{"oldest": 7}', '{"until": "yesterday"}', '{"after": null}'])
def test_a_mark_that_can_not_be_read_is_the_beginning(text: str | None) -> None:
    assert Mark.read(text, is_complete=False) == Mark()


def test_a_mark_is_read_as_it_was_written() -> None:
    again = Mark(zone="UTC", read_again=START, is_complete=True)
    for mark in (Mark(), Mark(after="7", oldest=START, zone="UTC"), Mark(until=START, is_complete=True), again):
        assert Mark.read(mark.written(), is_complete=mark.is_complete) == mark


def test_pages_without_an_end_are_a_defect() -> None:
    def follow(circle: Circle) -> None:
        for number in range(2_000):
            circle.check(RecordedPage(events=(), after=str(number)))

    with pytest.raises(BackendDefect, match="without an end"):
        follow(Circle())
