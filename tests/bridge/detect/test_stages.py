"""How one picture is looked at: which models run, what is told of those that fail, and what is judged of what they find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.bridge.detect.engine import ToldEngine, thing

from vms_bridge.detect.config import CameraSettings, DetectionSettings
from vms_bridge.detect.labels import parse_pattern
from vms_bridge.detect.past import Past
from vms_bridge.detect.stages import Judge, Stage, judge, look
from vms_bridge.detect.standards import Standards
from vms_bridge.errors import EngineGone, ModelRefused, PictureRefused

PICTURE = b"picture"
MODELS = {"street": {"file": "/models/street.xml"}, "spare": {"file": "/models/spare.xml"}}


def _judge(*, camera: object = None, **profile: object) -> Judge:
    settings = DetectionSettings.model_validate({"models": MODELS, "profiles": {"default": profile}})
    return judge(settings, CameraSettings.model_validate(camera or {}))


def _stage(**said: object) -> dict[str, Any]:
    return {"stages": [said]}


async def test_first_stops_at_the_first_list_with_anything_left_in_it() -> None:
    engine = ToldEngine({"street": [thing("car")], "spare": [thing("dog")]})
    looked = await look(engine, PICTURE, _judge(), frame=21)
    assert [(one.label, one.model, one.stage) for one in looked.found] == [("car", "street", "object")]
    assert (looked.frame, looked.width, looked.height, looked.troubles, looked.picture) == (21, 1280, 720, (), PICTURE)
    assert [model for model, _, _ in engine.asked] == ["street"]


async def test_what_is_filtered_out_does_not_keep_the_next_model_from_its_turn() -> None:
    """In pyzm 2 a box outside of every zone did: zones came after the choice."""
    porch = {"points": [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]}
    engine = ToldEngine({"street": [thing("car", x=0.7)], "spare": [thing("dog")]})
    looked = await look(engine, PICTURE, _judge(camera={"zones": {"porch": porch}}))
    assert [(one.label, one.zones) for one in looked.found] == [("dog", ("porch",))]


@pytest.mark.parametrize("error", [ModelRefused("it is broken", hint="mend it"), EngineGone("it has ended", hint="wait")])
async def test_a_model_that_fails_is_told_of_and_the_next_one_runs(error: ModelRefused | EngineGone) -> None:
    looked = await look(ToldEngine({"street": error, "spare": [thing("dog")]}), PICTURE, _judge())
    assert [one.label for one in looked.found] == ["dog"]
    assert [(trouble.name, trouble.message, trouble.hint) for trouble in looked.troubles] == [("street", str(error), error.hint)]


async def test_that_all_failed_is_not_that_nothing_was_found() -> None:
    refused = ModelRefused("it is broken")
    looked = await look(ToldEngine({"street": refused, "spare": refused}), PICTURE, _judge())
    assert looked.found == ()
    assert [trouble.name for trouble in looked.troubles] == ["street", "spare"]


async def test_a_picture_that_is_none_is_shown_to_no_second_model() -> None:
    engine = ToldEngine({"street": PictureRefused("it is broken"), "spare": [thing("dog")]})
    looked = await look(engine, PICTURE, _judge())
    assert (len(engine.asked), len(looked.troubles), looked.found) == (1, 1, ())


@pytest.mark.parametrize(
    ("pick", "labels"),
    [("most", ["car", "car"]), ("most_unique", ["dog", "cat"]), ("union", ["dog", "cat", "car", "car"])],
)
async def test_the_others_run_all_and_choose(pick: str, labels: list[str]) -> None:
    engine = ToldEngine(
        {
            "street": [thing("car", 0.8), thing("car", 0.7, x=0.6)],
            "spare": [thing("dog", 0.6), thing("cat", 0.55), thing("fly", 0.1)],
        }
    )
    looked = await look(engine, PICTURE, _judge(**_stage(pick=pick)))
    assert sorted(one.label for one in looked.found) == sorted(labels)
    assert [model for model, _, _ in engine.asked] == ["street", "spare"]


async def test_models_are_asked_for_no_more_than_may_count() -> None:
    engine = ToldEngine({})
    await look(engine, PICTURE, _judge(**_stage(use=["spare"], labels={"car": {"min_score": 0.4}, "dog": {}}, min_score=0.6)))
    assert engine.asked == [("spare", PICTURE, 0.4)]


async def test_a_later_stage_runs_after_what_has_survived_the_filters() -> None:
    by = _judge(**_stage(use=["street"]))
    plates = Stage(
        name="plate",
        models=("spare",),
        pick="first",
        standards=Standards({}, {}, min_score=0.5),
        after=(parse_pattern("car|truck"),),
    )
    by = replace(by, stages=(*by.stages, plates))
    passing = ToldEngine({"street": [thing("car")], "spare": [thing("plate")]})
    looked = await look(passing, PICTURE, by)
    assert [(one.label, one.stage) for one in looked.found] == [("car", "object"), ("plate", "plate")]
    too_weak = ToldEngine({"street": [thing("car", 0.4), thing("carrot")], "spare": [thing("plate")]})
    assert [one.label for one in (await look(too_weak, PICTURE, by)).found] == ["carrot"]
    assert len(too_weak.asked) == 1


async def test_what_was_there_is_known_where_that_is_wanted() -> None:
    engine = ToldEngine({"street": [thing("truck"), thing("car", x=0.6)]})
    wanted = _judge(past={"suppress": True, "same": [["car", "truck"]], "overlap": 0.9})
    past = wanted.past.after([thing("car")], 0)
    assert [one.is_known for one in (await look(engine, PICTURE, wanted, past=past, now_s=1)).found] == [True, False]
    assert [one.is_known for one in (await look(engine, PICTURE, _judge(), past=past, now_s=1)).found] == [False, False]
    assert [one.is_known for one in (await look(engine, PICTURE, wanted, past=Past(), now_s=1)).found] == [False, False]


async def test_a_parked_thing_is_known_without_any_past() -> None:
    bay = {"points": [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]], "mode": "parked", "labels": ["car"], "cover": 0.85}
    looked = await look(ToldEngine({"street": [thing("car"), thing("dog")]}), PICTURE, _judge(camera={"zones": {"bay": bay}}))
    assert [(one.label, one.is_known) for one in looked.found] == [("car", True), ("dog", False)]
    assert [one.label for one in looked.new] == ["dog"]
