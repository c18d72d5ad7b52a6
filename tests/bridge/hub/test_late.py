"""An event of which something was told late: what follows of it never overtakes that, whatever happens in between."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.hub.house import HubHouse
from tests.fakes.backend import START, event
from tests.fakes.older_store import make_older

from vms_bridge.model import EndReason, Event, EventBatch

if TYPE_CHECKING:
    from pathlib import Path


Step = Literal["live", "late", "reload", "remove", "restart", "wait"]
BEGUN = event(7)
GIVEN_UP = event(7, end=START, end_reason=EndReason.ABANDONED)
TRUE_END = event(7, end=START + timedelta(seconds=5))


class House(HubHouse):
    """What a test does to events."""

    async def go_through(self, step: Step) -> None:
        match step:
            case "reload":
                await self.add()
            case "remove":
                self.hub.remove_system("zm")
                await self.add()
            case "restart":
                await self.stop()
                await self.start()
            case "wait":  # until it is no longer followed
                await self.clock.advance(300)

    async def record(self, *events: Event, late: bool = False) -> None:
        await self.feed.record(EventBatch(events=events, late=late, generation=self.feed.resume.generation))

    async def told(self, *, late: bool) -> list[tuple[str, str]]:
        messages = await self.hub.undelivered("mqtt", late=late, after=0, limit=1000)
        return [(message.event.id, json.loads(message.payload)["type"]) for message in messages]


@pytest.mark.parametrize("step", ["reload", "remove", "restart", "wait"])
@pytest.mark.parametrize("begins", [BEGUN, GIVEN_UP], ids=["open", "over"])
async def test_it_stays_late_after(tmp_path: Path, step: Step, begins: Event) -> None:
    async with House(tmp_path).open() as house:
        await house.record(begins, late=True)
        await house.go_through(step)
        await house.record(TRUE_END, event(8))
        assert ("7", "new") in await house.told(late=True)
        assert (await house.told(late=True))[-1][0] == "7"
        assert await house.told(late=False) == [("8", "new")]


async def test_another_generation_has_events_of_its_own(tmp_path: Path) -> None:
    async with House(tmp_path).open() as house:
        await house.record(BEGUN, late=True)
        await house.feed.record(EventBatch(events=(BEGUN,), generation=2))
        assert await house.told(late=False) == [("7", "new")]
        await house.go_through("restart")
        await house.record(TRUE_END)
        assert await house.told(late=False) == [("7", "new"), ("7", "end")]


async def test_as_many_as_there_are_stay_late(tmp_path: Path) -> None:
    """A VMS that was away for a week: no number of events makes the first of them forgotten."""
    async with House(tmp_path).open() as house:
        many = [event(number) for number in range(1, 12_001)]
        for first in range(0, len(many), 1000):
            await house.record(*many[first : first + 1000], late=True)
        await house.go_through("restart")
        await house.record(*(replace(each, end=START) for each in (many[0], many[-1])))
        assert await house.told(late=False) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["live", "late", "reload", "remove", "restart", "wait"]), min_size=2, max_size=8))
async def test_once_late_always_late(tmp_path_factory: pytest.TempPathFactory, script: list[Step]) -> None:
    async with House(tmp_path_factory.mktemp("store")).open() as house:
        is_late, wanted = False, []
        for number, step in enumerate(script):
            await house.go_through(step)
            if step in {"live", "late"}:
                is_late = is_late or step == "late"
                wanted.append(is_late)
                await house.record(replace(BEGUN, cause=f"cause {number}"), late=step == "late")
        lanes = {True: await house.told(late=True), False: await house.told(late=False)}
        assert [len(lanes[False]), len(lanes[True])] == [wanted.count(False), wanted.count(True)]
        assert sum(lane.count(("7", "new")) for lane in lanes.values()) <= 1


async def test_a_store_of_an_earlier_version_knows_it_too(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.open():
        await house.record(BEGUN, late=True)
        await house.record(event(8))
    make_older(tmp_path / "vms-bridge.sqlite", 4)
    async with house.open():
        await house.record(TRUE_END, event(8, end=START))
        assert await house.told(late=True) == [("7", "new"), ("7", "end")]
        assert await house.told(late=False) == [("8", "new"), ("8", "end")]


async def test_a_message_of_an_earlier_version_is_of_the_generation_that_it_names(tmp_path: Path) -> None:
    house = House(tmp_path)
    async with house.open():
        await house.record(BEGUN)
        await house.feed.record(EventBatch(events=(BEGUN, event(9)), generation=2))
    make_older(tmp_path / "vms-bridge.sqlite", 6)
    async with house.open():
        messages = await house.hub.undelivered("mqtt", late=False, after=0, limit=10)
        assert [message.event.format() for message in messages] == ["zm-7", "zm-2.7", "zm-2.9"]
        assert [json.loads(message.payload)["id"] for message in messages] == ["zm-7", "zm-2.7", "zm-2.9"]
