"""What `vms-bridge check` says of detection, and what it counts while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest
from tests.bridge.detect.lab import Lab, settings
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.identity import HOME

from vms_bridge.archive import FrameKind
from vms_bridge.detect.check import check
from vms_bridge.detect.kind import KIND
from vms_bridge.detect.sink import Detection
from vms_bridge.errors import DetectionFailed
from vms_bridge.sinks import Trial, load_sink_kind

if TYPE_CHECKING:
    from pathlib import Path


def trial() -> Trial:
    return Trial(bridge=HOME, clock=FakeClock(), limit_s=5.0, is_at_work=lambda: False, kept=lambda _: None)


async def test_each_model_is_loaded_and_what_is_wrong_is_named() -> None:
    engine = FakeEngine(FakeClock())
    [found] = await check(lambda: engine, trial())
    assert (found.problem, found.text) == (False, "model street: yolo, 320x320, 3 labels, on CPU as f32, loaded in 0.1 s")
    engine.fails.add("street")
    [found] = await check(lambda: engine, trial())
    assert (found.problem, found.text, found.hint) == (True, "model street: can't be read", "bring another")
    engine.is_gone = True
    [found] = await check(lambda: engine, trial())
    assert (found.problem, found.text) == (True, "no model can be run: the process has ended")


async def test_models_that_take_too_long_are_said_to() -> None:
    class Slow(FakeEngine):
        async def ready(self) -> None:
            await self._clock.sleep(1_000)

    clock = FakeClock()
    slow = Trial(bridge=HOME, clock=clock, limit_s=0.0, is_at_work=lambda: False, kept=lambda _: None)
    [found] = await check(lambda: Slow(clock), slow)
    assert (found.problem, "not loaded within 0 s" in found.text) == (True, True)


def test_it_is_one_of_the_sinks() -> None:
    assert load_sink_kind("detection") is KIND
    assert (KIND.name, KIND.is_durable) == ("detect", False)


async def test_without_what_runs_models_it_says_so_and_offers_nothing(tmp_path: Path) -> None:
    def missing() -> NoReturn:
        raise DetectionFailed("detection needs openvino, which is not installed", hint="pip install it")

    async with Lab(tmp_path).open() as lab:
        sink = Detection(settings(), lab.clock, engine=missing, folder=None)
        with pytest.raises(DetectionFailed, match="openvino"):
            await sink.run(lab.hub)
        assert not lab.view().offer.settings
        lab.hub.contribute("detector").close()  # its name is free


async def test_it_counts_what_it_does(tmp_path: Path) -> None:
    async with Lab(tmp_path).open() as lab:
        lab.vms.frames["1", FrameKind.ALARM] = b"dog .9"
        async with lab.detecting():
            await lab.begin()
            await lab.until_labels("dog")
            said = {(each.metric.name, *each.labels): each.value for each in lab.hub.measures.read()}
    assert said["vms_bridge_sink_connected", "detect"] == 1
    assert said["vms_bridge_detection_queue_length", "event"] == 1
    assert said["vms_bridge_detection_inferences_total",] not in {0, None}
