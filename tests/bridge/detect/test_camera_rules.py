"""All rules of a camera together, as they are configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vms_bridge.detect.camera_rules import GAP_S, CameraRules
from vms_bridge.detect.config_cameras import CameraSettings
from vms_bridge.detect.happenings import Direction, Phase
from vms_bridge.detect.values import Found
from vms_bridge.model import EventKind

if TYPE_CHECKING:
    from vms_bridge.detect.happenings import Happening

CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]]
SAID: dict[str, Any] = {
    "fps": 2,
    "lines": {"gate": {"points": [[0, 0.5], [1, 0.5]], "labels": ["person|dog"], "direction": "in"}},
    "zones": {
        "yard": {"points": CORNERS, "events": True, "loitering": "10s"},
        "hall": {"points": CORNERS, "left": "5s", "left_labels": ["suit*"]},
        "street": {"points": CORNERS, "mode": "exclude"},
    },
}


def at(y: float, label: str = "person", *zones: str) -> Found:
    return Found(label, 0.5, (0.4, y - 0.2, 0.1, 0.2), zones=zones)


def phases(told: list[Happening]) -> list[tuple[EventKind, Phase, str]]:
    return [(one.kind, one.phase, one.place) for one in told]


def test_every_rule_that_is_configured_is_watched() -> None:
    rules = CameraRules(CameraSettings.model_validate(SAID), prefix="a")
    assert rules.has_rules
    told: list[Happening] = []
    for step in range(30):
        found = [at(0.3 + step * 0.02, "person", "yard"), Found("suitcase", 0.5, (0.9, 0.0, 0.05, 0.05), zones=("hall",))]
        tracked, happened = rules.frame(step * 0.5, found if step >= 12 else found[:1])
        assert all(one.track is not None and one.track.startswith("a") for one in tracked)
        told += happened
    assert phases(told) == [
        (EventKind.ZONE, Phase.BEGAN, "yard"),
        (EventKind.LINE_CROSSING, Phase.MOMENT, "gate"),
        (EventKind.LOITERING, Phase.BEGAN, "yard"),
        (EventKind.ABANDONED_OBJECT, Phase.BEGAN, "hall"),
    ]
    assert told[1].direction is Direction.IN
    assert phases(rules.end()) == [
        (EventKind.LOITERING, Phase.ENDED, "yard"),
        (EventKind.ZONE, Phase.ENDED, "yard"),
        (EventKind.ABANDONED_OBJECT, Phase.ENDED, "hall"),
    ]
    assert rules.end() == []


def test_labels_and_directions_that_are_not_asked_for_are_not_told() -> None:
    rules = CameraRules(CameraSettings.model_validate(SAID))
    for second, (car, person) in enumerate([(0.3, 0.9), (0.4, 0.7), (0.6, 0.4), (0.7, 0.2)]):
        assert rules.frame(second, [at(car, "car"), at(person, "person")])[1] == []


def test_while_nothing_moves_time_goes_on_for_what_is_there() -> None:
    rules = CameraRules(CameraSettings.model_validate(SAID))
    tracked, _ = rules.frame(0, [at(0.3, "person", "yard")])
    told: list[Happening] = []
    for second in range(1, 20):
        again, happened = rules.still(second)
        assert again == tracked
        told += happened
    assert phases(told) == [(EventKind.ZONE, Phase.BEGAN, "yard"), (EventKind.LOITERING, Phase.BEGAN, "yard")]


def test_a_gap_ends_what_went_on_and_all_begins_anew() -> None:
    rules = CameraRules(CameraSettings.model_validate(SAID))
    for second in range(4):
        tracked, _ = rules.frame(second, [at(0.3, "person", "yard")])
    later, told = rules.frame(4 + GAP_S, [at(0.7, "person", "yard")])
    assert [(one.kind, one.phase, one.time_s) for one in told] == [(EventKind.ZONE, Phase.ENDED, 3)]
    assert later[0].track != tracked[0].track


def test_a_frame_that_comes_after_a_newer_one_says_nothing() -> None:
    rules = CameraRules(CameraSettings.model_validate(SAID))
    rules.frame(2, [at(0.4)])
    assert rules.frame(1, [at(0.7)]) == ((at(0.7),), [])
    assert rules.frame(3, [at(0.45)])[1] == []


@pytest.mark.parametrize("is_wanted", [True, False])
def test_zones_of_the_vms_are_rules_where_that_is_wanted(*, is_wanted: bool) -> None:
    settings = CameraSettings(fps=2, vms_zones=True, vms_zone_events=is_wanted)
    rules = CameraRules(settings, ("Drive", "Yard"))
    assert rules.has_rules is is_wanted
    told = [happening for second in range(4) for happening in rules.frame(second, [at(0.5, "person", "Drive")])[1]]
    assert phases(told) == ([(EventKind.ZONE, Phase.BEGAN, "Drive")] if is_wanted else [])


def test_a_camera_without_rules_gives_tracks_only() -> None:
    rules = CameraRules(CameraSettings())
    assert not rules.has_rules
    tracked, told = rules.frame(1, [at(0.3)])
    assert (tracked[0].track, told) == ("1", [])
    assert rules.end() == []
