"""What is asked of detection by commands: answers with what is there, and choices that are kept over restarts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.detect.lab import ONE, Lab, settings

from vms_bridge.archive import FrameKind
from vms_bridge.commands import (
    AckResult,
    Command,
    DetectEvent,
    DetectNow,
    Level,
    Origin,
    SetDetectionProfile,
    SetDetectionThreshold,
    SetObjectDetection,
    Target,
)
from vms_bridge.detect.cameras import MOST_CHOSEN, ON, Cameras
from vms_bridge.detect.progress import Progress
from vms_bridge.model import EventRef
from vms_bridge.objects import Watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.commands import Ack, Action

FIRST = Target(system="zm", monitor="1")


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with Lab(tmp_path).open() as one:
        yield one


async def ask(lab: Lab, action: Action, target: Target = FIRST) -> Ack:
    command = Command(target=target, action=action, name="x", origin=Origin(door="test"), level=Level.CONTROL)
    asking = asyncio.create_task(lab.hub.submit(command))
    await lab.until(asking.done)
    return asking.result()


async def test_what_a_monitor_sees_now_is_answered(lab: Lab) -> None:
    lab.vms.live["1"] = b"person .91 .1 .2 .3 .4, dog .6"
    async with lab.detecting():
        ack = await ask(lab, DetectNow())
        assert (ack.result, ack.applied) == (AckResult.APPLIED, "person 91%, dog 60%")
        assert ack.detail is not None
        assert ack.detail["objects"][0] == {
            "label": "person",
            "score": 0.91,
            "box": [0.1, 0.2, 0.3, 0.4],
            "zones": [],
            "model": "street",
            "known": False,
        }
        assert (ack.detail["width"], ack.detail["troubles"]) == (640, [])
        dark = await ask(lab, DetectNow(), Target(system="zm", monitor="2"))
        assert (dark.result, dark.hint) == (AckResult.FAILED, "the camera is dark")
        lab.engine.is_gone = True
        gone = await ask(lab, DetectNow())
        assert (gone.result, gone.code) == (AckResult.FAILED, "engine_gone")


async def test_frames_of_an_event_are_answered_with_those_that_are_missing(lab: Lab) -> None:
    lab.vms.frames |= {("1", FrameKind.ALARM): b"nothing", ("1", 21): b"car .8, dog .7", ("1", 41): b"broken"}
    async with lab.detecting(settings(cameras={"*": {"events": False}})):
        await lab.begin()
        await lab.until(lambda: lab.view().last_event)
        ack = await ask(lab, DetectEvent(frames=("alarm", "21", "41", "61")), of(lab.ref(1)))
        assert (ack.result, ack.applied) == (AckResult.APPLIED, "car 80%, dog 70%")
        assert ack.detail is not None
        assert (ack.detail["best"], [each["frame"] for each in ack.detail["frames"]]) == (21, ["alarm", 21])
        assert [each["frame"] for each in ack.detail["missing"]] == [41, 61]
        refused = await ask(lab, DetectEvent(), of(lab.ref(9)))
        assert refused.result is AckResult.REFUSED


def of(event: EventRef) -> Target:
    return Target(system=event.system, event=event)


async def test_what_is_chosen_is_in_force_at_once_and_kept(lab: Lab) -> None:
    lab.vms.live["1"] = b"person .7"
    async with lab.detecting():
        assert lab.view().offer.settings == {
            "object_detection": True,
            "detection_profile": "default",
            "detection_threshold": 0.5,
        }
        assert lab.view().offer.choices == {"detection_profile": ("default", "night")}
        assert (await ask(lab, SetDetectionThreshold(score=0.75))).applied == "0.75"
        assert (await ask(lab, SetDetectionThreshold(score=0.75))).result is AckResult.UNCHANGED
        assert (await ask(lab, DetectNow())).applied == "nothing"
        assert (await ask(lab, SetDetectionProfile(profile="night"))).result is AckResult.APPLIED
        assert (await ask(lab, SetObjectDetection(on=False))).applied == "OFF"
        bad = await ask(lab, SetDetectionProfile(profile="day"))
        assert (bad.result, bad.hint) == (AckResult.REFUSED, "there is no profile 'day': one of: default, night")
    assert not lab.view().offer.settings
    async with lab.detecting():
        assert lab.view().offer.settings == {
            "object_detection": False,
            "detection_profile": "night",
            "detection_threshold": 0.75,
        }
        assert lab.view("2").offer.settings["object_detection"] is True


async def test_what_is_looked_for_is_said(lab: Lab) -> None:
    zones = {
        "porch": {"points": [[0, 0], [1, 0], [1, 1]], "labels": ["dog"]},
        "off": {"points": [[0, 0], [1, 0], [1, 1]], "mode": "exclude"},
    }
    chosen = settings(cameras={"zm/1": {"zones": zones, "labels": {"car": {"ignore": True}}}})
    async with lab.detecting(chosen):
        await lab.until(lambda: lab.view().watched)
        assert set(lab.view().watched) == {Watched("dog"), Watched("person"), Watched("dog", "porch")}
        assert not lab.view("2").watched
        await ask(lab, SetObjectDetection(on=False))
        await lab.until(lambda: not lab.view().watched)


async def test_what_is_looked_for_comes_back_with_its_model(lab: Lab) -> None:
    async with lab.detecting():
        await lab.until(lambda: lab.view().watched)
        lab.engine.fails = {"street"}
        for is_on in (False, True):
            await ask(lab, SetObjectDetection(on=is_on))
        await lab.until(lambda: lab.view().offer.settings[ON] and not lab.view().watched)
        lab.engine.fails = set()
        await lab.until(lambda: lab.view().watched)


def test_choices_that_can_not_be_read_are_none(tmp_path: Path) -> None:
    del tmp_path
    for text in ("", "{}", "[1]", '[["zm"]]', "null", "[", '[["zm","1",true,"x",NaN]]', "{" * 100):
        cameras = Cameras(settings(), text)
        cameras.choose(ONE, is_on=False)
        assert str(Cameras(settings(), str(cameras))) == str(cameras)


@pytest.mark.parametrize("text", ["[1]", "null", "[", '{"done": {"a": 1}}', '{"done": 7}', '{"cursor": "x"}', '{"cursor": 7}'])
def test_progress_that_can_not_be_read_is_none(text: str) -> None:
    progress = Progress(text)
    assert (progress.after, progress.is_done(EventRef("zm", 1, "a"))) == (None, False)


def test_choices_are_bounded() -> None:
    cameras = Cameras(settings())
    for number in range(MOST_CHOSEN + 50):
        cameras.choose(("system_of_a_long_name_indeed_32", f"monitor_{number:055}"), profile="a_long_profile_name")
    assert len(str(cameras)) < 65_536
