"""What counts, and what is chosen of it: held against a slow reference that was written from the table in the docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.detect import reference
from tests.bridge.detect.calm import CALM

from vms_bridge.archive import FrameKind
from vms_bridge.detect.choose import pick_variant
from vms_bridge.detect.config import LabelRule
from vms_bridge.detect.filters import filtered, within_picture
from vms_bridge.detect.frames import frame_of, is_decided, pick_frame
from vms_bridge.detect.labels import parse_pattern
from vms_bridge.detect.standards import Standards
from vms_bridge.detect.values import Found, Looked
from vms_bridge.detect.zones import ZoneRule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.config_rules import FramePick, VariantPick

# All numbers are eighths, sixteenths and the like: sums and products of them are exact, so that ties are ties.
_GRID = 16
_LABELS = ["car", "carrot", "truck", "dog", "wild dog", "🐕", "a/b"]
_PATTERNS = ["car", "car|truck", "*dog", "d*", "*", "re:car.*", "re:[a-z/]+", "🐕", "Truck", "c?r"]
_SCORES = st.integers(0, 8).map(lambda eighths: eighths / 8)


@st.composite
def _boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    left, top = draw(st.integers(0, _GRID - 1)), draw(st.integers(0, _GRID - 1))
    width, height = draw(st.integers(1, _GRID - left)), draw(st.integers(1, _GRID - top))
    return left / _GRID, top / _GRID, width / _GRID, height / _GRID


_THINGS = st.builds(reference.Thing, st.sampled_from(_LABELS), _SCORES, _boxes())
_EIGHTHS = st.none() | _SCORES
_RULES = st.builds(
    reference.Rule, st.sampled_from(_PATTERNS), _EIGHTHS, _EIGHTHS, _EIGHTHS, st.sampled_from([None, None, False, True])
)
_UNIQUE_RULES = st.lists(_RULES, max_size=4, unique_by=lambda rule: rule.pattern)
_ZONES = st.builds(
    reference.Zone,
    st.sampled_from(["porch", "street", "bay"]),
    _boxes(),
    st.sampled_from(["include", "exclude", "parked"]),
    st.sampled_from(["bottom", "center", "touch", "cover"]),
    st.sampled_from([0.25, 0.5, 1.0]),
    st.lists(st.sampled_from(_PATTERNS), max_size=2).map(tuple),
    st.sampled_from([0.0, 0.5, 0.75]),
)


def _found(thing: reference.Thing) -> Found:
    return Found(thing.label, thing.score, thing.box, model=thing.model, stage=thing.stage)


def _rules(rules: Sequence[reference.Rule]) -> dict[str, LabelRule]:
    def size(share: float | None) -> str | None:
        return None if share is None else f"{share * 100}%"

    return {
        rule.pattern: LabelRule(
            min_score=rule.min_score, min_size=size(rule.min_size), max_size=size(rule.max_size), ignore=rule.ignore
        )
        for rule in rules
    }


def _zone(zone: reference.Zone) -> ZoneRule:
    x, y, width, height = zone.box
    return ZoneRule(
        name=zone.name,
        points=((x, y), (x + width, y), (x + width, y + height), (x, y + height)),
        mode=zone.mode,  # type: ignore[arg-type]
        where=zone.where,  # type: ignore[arg-type]
        cover=zone.cover,
        labels=tuple(parse_pattern(text) for text in zone.labels),
        min_score=zone.min_score,
    )


@CALM
@given(st.lists(_THINGS, max_size=6), _UNIQUE_RULES, _UNIQUE_RULES, st.lists(_ZONES, max_size=3), _SCORES)
def test_what_counts_is_what_the_table_says(
    things: list[reference.Thing],
    camera: list[reference.Rule],
    stage: list[reference.Rule],
    zones: list[reference.Zone],
    min_score: float,
) -> None:
    standards = Standards(_rules(stage), _rules(camera), min_score=min_score)
    ours = filtered([_found(thing) for thing in things], (1600, 1600), standards, [_zone(zone) for zone in zones])
    expected = []
    for thing in things:
        is_kept, names, is_parked = reference.counts(thing, reference.Rules(camera, stage, min_score), zones)
        if is_kept:
            expected.append((thing.label, thing.score, thing.box, tuple(names), is_parked))
    assert [(one.label, one.score, one.box, one.zones, one.is_known) for one in ours] == expected
    assert all(one.score >= standards.least_score for one in ours)


_LISTS = st.lists(st.lists(_THINGS, max_size=4), max_size=4)


@CALM
@given(_LISTS, st.sampled_from(["first", "most", "most_unique"]))
def test_the_list_that_is_picked_is_the_one_of_the_table(lists: list[list[reference.Thing]], pick: VariantPick) -> None:
    at = reference.best_list(pick, lists)
    ours = [[_found(thing) for thing in things] for things in lists]
    assert pick_variant(pick, ours) == (() if at is None else tuple(ours[at]))


@CALM
@given(_LISTS)
def test_a_union_has_each_thing_once(lists: list[list[reference.Thing]]) -> None:
    named = [
        [reference.Thing(thing.label, thing.score, thing.box, model=f"m{at}") for thing in things]
        for at, things in enumerate(lists)
    ]
    ours = pick_variant("union", [[_found(thing) for thing in things] for things in named])
    expected = [(thing.label, thing.score, thing.box, models) for thing, models in reference.union(named)]
    assert [(one.label, one.score, one.box, set(one.model.split("+"))) for one in ours] == expected


@CALM
@given(
    st.lists(st.lists(st.tuples(_THINGS, st.booleans(), st.sampled_from(["object", "face"])), max_size=4), max_size=5),
    st.sampled_from(["first", "first_new", "most", "most_unique", "most_models"]),
)
def test_the_frame_that_is_picked_is_the_one_of_the_table(
    frames: list[list[tuple[reference.Thing, bool, str]]], pick: FramePick
) -> None:
    looked = [
        Looked(
            at,
            tuple(
                Found(thing.label, thing.score, thing.box, stage=stage, is_known=is_known) for thing, is_known, stage in things
            ),
            100,
            100,
        )
        for at, things in enumerate(frames)
    ]
    lists = [[one for one in frame.found if not one.is_known] for frame in looked]
    if not any(lists):
        lists = [list(frame.found) for frame in looked]
    things = [[reference.Thing(one.label, one.score, one.box, stage=one.stage) for one in found] for found in lists]
    candidates = [at for at, found in enumerate(things) if found]
    ranked = "first" if pick == "first_new" else pick
    at = reference.best_list(ranked, [things[at] for at in candidates])
    expected = None if at is None else looked[candidates[at]]
    assert pick_frame(pick, looked) == expected


@CALM
@given(
    st.lists(st.lists(st.tuples(_THINGS, st.booleans()), max_size=3), min_size=1, max_size=4),
    st.sampled_from(["first", "first_new", "most", "most_unique", "most_models"]),
)
def test_what_is_decided_stays_so(frames: list[list[tuple[reference.Thing, bool]]], pick: FramePick) -> None:
    looked = [
        Looked(at, tuple(Found(thing.label, thing.score, thing.box, is_known=is_known) for thing, is_known in things), 9, 9)
        for at, things in enumerate(frames)
    ]
    for at in range(1, len(looked) + 1):
        best = pick_frame(pick, looked[:at])
        if best is not None and is_decided(pick, best):
            assert pick_frame(pick, looked) == best


def test_a_box_that_the_picture_does_not_hold_is_cut_off_or_dropped() -> None:
    assert within_picture((0.1, 0.1, 0.5, 0.5)) == (0.1, 0.1, 0.5, 0.5)
    assert within_picture((-0.5, 0.5, 1.0, 1.0)) == (0.0, 0.5, 0.5, 0.5)
    for broken in ((float("nan"), 0, 1, 1), (0, 0, 0, 1), (0, 0, 1, -1), (2, 0, 1, 1), (0, 0, float("inf"), 1)):
        assert within_picture(broken) is None


def test_a_score_that_is_no_number_counts_for_nothing() -> None:
    nothing = Standards({}, {}, min_score=0.0)
    assert filtered([Found("car", float("nan"), (0, 0, 1, 1)), Found("car", float("inf"), (0, 0, 1, 1))], (9, 9), nothing) == ()


def test_shapes_are_those_of_pixels() -> None:
    tall = Standards({"person": LabelRule(max_ratio=0.8)}, {}, min_score=0.0)
    square_on_a_square = Found("person", 0.9, (0, 0, 0.5, 0.5))
    assert filtered([square_on_a_square], (100, 100), tall) == ()
    assert filtered([square_on_a_square], (100, 200), tall) == (square_on_a_square,)
    pixels = Standards({"person": LabelRule(min_size="900px")}, {}, min_score=0.0)
    assert filtered([square_on_a_square], (60, 60), pixels) == (square_on_a_square,)
    assert filtered([square_on_a_square], (59, 60), pixels) == ()


def test_each_value_comes_from_the_most_specific_rule_that_says_it_and_a_cameras_goes_first() -> None:
    standards = Standards(
        {"*": LabelRule(min_score=0.3, max_size="50%"), "car": LabelRule(min_score=0.6)},
        {"c*": LabelRule(min_score=0.8), "dog": LabelRule(ignore=True)},
        min_score=0.5,
    )
    car, cat, bird = (standards.of(label) for label in ("car", "cat", "bird"))
    assert (car and car.min_score, cat and cat.min_score, bird and bird.min_score) == (0.8, 0.8, 0.3)
    assert car
    assert car.most.share == pytest.approx(0.5)
    assert standards.of("dog") is None
    assert standards.least_score == 0.3


def test_a_stage_with_rules_takes_what_they_name_and_a_camera_adds_to_it() -> None:
    standards = Standards({"car": LabelRule()}, {"dog": LabelRule(min_score=0.2)}, min_score=0.5)
    assert standards.of("car")
    assert standards.of("dog")
    assert standards.of("carrot") is None
    assert Standards({}, {"car": LabelRule(ignore=True)}, min_score=0.5).of("dog")


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("alarm", ("alarm", FrameKind.ALARM)),
        ("snapshot", ("snapshot", FrameKind.BEST)),
        ("first", ("first", FrameKind.FIRST)),
        ("21", (21, 21)),
        ("0", (0, 0)),
    ],
)
def test_a_frame_is_named_as_people_and_as_its_vms_do(name: str, frame: tuple[object, object]) -> None:
    assert frame_of(name) == frame
