"""Events that are looked at: what is found comes out with them, frames that come late are waited for, nothing is done twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.detect.lab import ONE, Lab, settings
from tests.fakes.backend import event, monitor, snapshot

from vms_bridge.archive import EventFrame, FrameKind
from vms_bridge.model import AlarmState, EventPicture
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

ALARM, BEST = ("1", FrameKind.ALARM), ("1", FrameKind.BEST)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path).open() as one:
        yield one


async def test_an_event_comes_out_with_what_is_in_its_frames_and_the_picture_shows_it(lab: Lab) -> None:
    lab.vms.frames[ALARM] = b"person .9 .4 .3 .1 .4, car .7"
    async with lab.detecting():
        begun = await lab.begin()
        await lab.until_labels("person", "car")
        told = (await lab.messages())[-1]
        assert (told.type, told.label, told.score) == (MessageType.UPDATE, "person", 0.9)
        assert lab.counts() == {"car": 1, "person": 1}
        drawn = b"drawn: car 70% | person 90%"
        await lab.until(lambda: lab.engine.annotated)
        assert await lab.hub.picture("zm", EventPicture(event=lab.ref(1))) == drawn
        async with lab.hub.media("zm", EventFrame(event=lab.ref(1), frame=FrameKind.ANNOTATED)) as media:
            assert b"".join([piece async for piece in media.pieces()]) == drawn
        await lab.record(replace(begun, end=lab.clock.now(), labels=(), max_score=40))
        await lab.until(lambda: not lab.counts())
        assert await lab.labels() == ("person", "car"), "what the VMS says of its end wipes nothing"


async def test_frames_that_come_later_are_asked_for_again_and_not_for_ever(lab: Lab) -> None:
    async with lab.detecting():
        begun = await lab.begin()
        await lab.until(lambda: lab.vms.asked.count(ALARM) >= 3)
        lab.vms.frames[ALARM] = b"dog .8"
        await lab.until_labels("dog")
        await lab.record(replace(begun, end=lab.clock.now()))
        await lab.pass_time(70)
        count = len(lab.vms.asked)
        await lab.pass_time(60)
        assert len(lab.vms.asked) == count, "its snapshot never came"


async def test_better_frames_update_what_was_found_and_nothing_found_wipes_nothing(lab: Lab) -> None:
    lab.vms.frames |= {ALARM: b"dog .6", BEST: b"nothing"}
    async with lab.detecting():
        begun = await lab.begin()
        await lab.until_labels("dog")
        await lab.until(lambda: lab.vms.asked.count(BEST) >= 3)
        assert (await lab.labels(), len(lab.engine.inferred)) == (("dog",), 2), "the same picture is looked at once"
        lab.vms.frames[BEST] = b"person .9, dog .7"
        await lab.until_labels("person", "dog")
        lab.vms.frames[BEST] = b"nothing more"[:7]
        asked = lab.vms.asked.count(BEST)
        await lab.record(replace(begun, end=lab.clock.now()))
        await lab.until(lambda: lab.vms.asked.count(BEST) > asked)
        await lab.pass_time(2)
        assert (await lab.labels(), lab.vms.asked.count(BEST)) == (("person", "dog"), asked + 1)


async def test_an_alarm_within_an_event_has_its_best_frame_looked_at_soon(lab: Lab) -> None:
    lab.vms.frames |= {ALARM: b"nothing", BEST: b"nothing"}
    async with lab.detecting():
        await lab.begin()
        await lab.pass_time(45)
        lab.vms.frames[BEST] = b"dog .9"
        lab.vms.show(alarm=AlarmState.ALARM)
        await lab.pass_time(2)
        assert await lab.labels() == ("dog",)


async def test_nothing_is_looked_at_twice_after_a_restart_and_what_was_under_way_goes_on(lab: Lab) -> None:
    lab.vms.frames |= {ALARM: b"person .9", BEST: b"person .9"}
    async with lab.detecting():
        begun = await lab.begin(1)
        await lab.begin(2)
        await lab.record(replace(begun, end=lab.clock.now()))
        await lab.until_labels("person")
        await lab.until(lambda: ("2", FrameKind.ALARM) in lab.vms.asked)
        await lab.pass_time(3)
    lab.vms.frames |= {("2", FrameKind.ALARM): b"car .9"}
    asked = lab.vms.asked.count(ALARM)
    async with lab.detecting():
        await lab.until_labels("car", number=2)
        await lab.pass_time(5)
        assert lab.vms.asked.count(ALARM) == asked == 1


async def test_what_was_missed_is_caught_up_on_but_nothing_old(lab: Lab) -> None:
    lab.vms.frames |= {(name, FrameKind.ALARM): b"person .9" for name in ("1", "2", "3")}
    async with lab.detecting():
        await lab.begin(1)
        await lab.until_labels("person")
    old = lab.clock.now() - timedelta(minutes=11)
    await lab.record(event(2, start=old), event(3, start=lab.clock.now() - timedelta(minutes=2)), late=True)
    async with lab.detecting():
        await lab.until_labels("person", number=3)
        await lab.pass_time(5)
        assert not any(name == "2" for name, _ in lab.vms.asked)


async def test_history_from_before_the_first_start_is_nobodys_wish(lab: Lab) -> None:
    lab.vms.frames[ALARM] = b"person .9"
    await lab.begin(1)
    async with lab.detecting():
        await lab.pass_time(5)
        assert not lab.vms.asked


async def test_a_deleted_event_and_one_that_the_vms_has_not_are_let_go(lab: Lab) -> None:
    lab.vms.gone.add("2")
    async with lab.detecting():
        begun = await lab.begin(1)
        await lab.begin(2)
        await lab.until(lambda: ALARM in lab.vms.asked and ("2", FrameKind.ALARM) in lab.vms.asked)
        await lab.record(replace(begun, deleted=True))
        await lab.pass_time(5)
        count = len(lab.vms.asked)
        await lab.pass_time(30)
        assert len(lab.vms.asked) == count


async def test_a_picture_that_is_none_is_given_up_and_the_camera_is_not(lab: Lab) -> None:
    lab.vms.frames |= {ALARM: b"broken", BEST: b"dog .9"}
    async with lab.detecting():
        await lab.begin()
        await lab.until_labels("dog")
        await lab.pass_time(60)
        assert lab.vms.asked.count(ALARM) == 4


async def test_an_engine_that_is_gone_looks_later(lab: Lab) -> None:
    lab.vms.frames[ALARM] = b"person .9"
    lab.engine.is_gone = True
    async with lab.detecting():
        await lab.begin()
        await lab.until(lambda: lab.vms.asked.count(ALARM) >= 2)
        assert await lab.labels() == ()
        lab.engine.is_gone = False
        await lab.until_labels("person")


async def test_monitors_that_are_not_configured_or_off_are_left_alone(lab: Lab) -> None:
    lab.vms.frames |= {(name, FrameKind.ALARM): b"person .9" for name in ("1", "2", "3")}
    lab.feed.emit(snapshot(*(monitor(number) for number in (1, 2, 3))))
    chosen = settings(cameras={"zm/1": {}, "zm/2": {"detection": False}})
    async with lab.detecting(chosen):
        for number in (1, 2, 3):
            await lab.begin(number, str(number))
        await lab.until_labels("person")
        await lab.pass_time(5)
        assert {name for name, _ in lab.vms.asked} == {"1"}
        assert (lab.view("2").offer.settings["object_detection"], lab.view("3").offer.settings) == (False, {})


async def test_the_first_frame_ends_the_search_where_it_is_to(lab: Lab) -> None:
    frames = {"take": ["3", "alarm", "snapshot", "7"], "pick": "first"}
    lab.vms.frames |= {("1", 3): b"nothing", ALARM: b"dog .9", BEST: b"person .9"}
    async with lab.detecting(settings(profiles={"default": {"frames": frames}})):
        await lab.begin()
        await lab.until_labels("dog")
        await lab.pass_time(30)
        assert ("1", 7) not in lab.vms.asked[3:]
        assert await lab.labels() == ("dog",)


async def test_zones_and_known_things_are_told_as_the_rules_have_them(lab: Lab) -> None:
    zones = {"porch": {"points": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}, "street": {"points": [[0.5, 0], [1, 0], [1, 1]]}}
    lab.vms.frames[ALARM] = b"person .9 .1 .3 .1 .4, car .8 .2 .1 .1 .1"
    async with lab.detecting(settings(cameras={"*": {"zones": zones}})):
        await lab.begin()
        await lab.until_labels("person", "car")
        assert (await lab.messages())[-1].zones == ("porch",)
        objects = lab.view().objects
        assert objects is not None
        assert objects.zones == {"porch": {"car": 1, "person": 1}}


async def test_many_events_at_a_time_are_bounded_and_none_is_lost_in_the_queue(lab: Lab) -> None:
    lab.vms.frames |= {(str(number), FrameKind.ALARM): b"dog .9" for number in range(1, 41)}
    async with lab.detecting():
        for number in range(1, 41):
            await lab.begin(number, str(1 + number % 2))
        await lab.until(lambda: len(lab.engine.inferred) == 40)
        for number in (1, 20, 40):
            await lab.until_labels("dog", number=number)
    assert ONE == ("zm", "1")
