"""Zones: entered and left with some inertia, and one who stays too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.detect.dwelling import Dwelling, DwellRules
from vms_bridge.detect.happenings import Happening, Phase
from vms_bridge.detect.values import Found
from vms_bridge.model import EventKind

BEGAN, ENDED = Phase.BEGAN, Phase.ENDED


def person(track: str | None = "1", *zones: str, label: str = "person") -> Found:
    return Found(label, 0.5, (0.1, 0.1, 0.1, 0.2), zones=zones, track=track)


def seen(rules: DwellRules, frames: str) -> list[tuple[int, EventKind, Phase]]:
    """Return what is told of frames: `i`: it is in the zone, `o`: it is out of it, a blank: it is not seen."""
    dwelling = Dwelling(rules)
    told: list[tuple[int, EventKind, Phase]] = []
    for second, frame in enumerate(frames):
        found = {"i": [person("1", "porch")], "o": [person()], " ": []}[frame]
        told += [(second, one.kind, one.phase) for one in dwelling.update(second, found)]
    return told


def test_it_is_entered_and_left_after_some_frames() -> None:
    rules = DwellRules(zone="porch")
    assert seen(rules, "oiiiooo") == [(3, EventKind.ZONE, BEGAN), (6, EventKind.ZONE, ENDED)]
    assert seen(rules, "oiioiioo") == []
    assert seen(rules, "iiioiooiii") == [(2, EventKind.ZONE, BEGAN)]
    assert seen(rules, "ii i") == [(3, EventKind.ZONE, BEGAN)], "who is missed for a moment was there"
    assert seen(rules, "iii       ") == [(2, EventKind.ZONE, BEGAN), (8, EventKind.ZONE, ENDED)]


def test_the_zone_is_occupied_until_the_last_one_leaves() -> None:
    dwelling = Dwelling(DwellRules(zone="porch", inertia=1))
    [began] = dwelling.update(0, [person("1", "porch"), person("2", "porch", label="dog")])
    assert (began.place, began.key, began.label) == ("porch", "zone:porch", "dog")
    assert dwelling.update(1, [person("1"), person("2", "porch")]) == []
    [ended] = dwelling.update(2, [person("2")])
    assert (ended.key, ended.phase) == (began.key, ENDED)


def test_who_stays_too_long_loiters_each_by_himself() -> None:
    dwelling = Dwelling(DwellRules(zone="porch", tells_presence=False, loitering_s=10, inertia=1))
    told: list[Happening] = []
    for second in range(30):
        found = [person("1", "porch")] if second < 20 else [person("1")]
        found += [person("2", "porch")] if second >= 5 else []
        told += dwelling.update(second, found)
    assert [(one.time_s, one.key, one.phase) for one in told] == [
        (10, "loitering:porch:1", BEGAN),
        (15, "loitering:porch:2", BEGAN),
        (20, "loitering:porch:1", ENDED),
    ]
    assert [(one.key, one.phase) for one in dwelling.end(30)] == [("loitering:porch:2", ENDED)]
    assert dwelling.end(31) == []


def test_who_comes_back_begins_anew() -> None:
    rules = DwellRules(zone="porch", tells_presence=False, loitering_s=4, inertia=1)
    assert seen(rules, "iiiiooiiii") == []
    assert seen(rules, "iiiiiooiiiii") == [
        (4, EventKind.LOITERING, BEGAN),
        (5, EventKind.LOITERING, ENDED),
        (11, EventKind.LOITERING, BEGAN),
    ]


def test_other_zones_and_what_has_no_track_don_t_count() -> None:
    dwelling = Dwelling(DwellRules(zone="porch", inertia=1))
    assert dwelling.update(0, [person("1", "street"), person(None, "porch")]) == []


@given(st.text("io ", max_size=60), st.integers(1, 4))
def test_beginnings_and_ends_take_turns(frames: str, inertia: int) -> None:
    rules = DwellRules(zone="porch", loitering_s=5, inertia=inertia)
    told = seen(rules, frames)
    for kind in (EventKind.ZONE, EventKind.LOITERING):
        phases = [phase for _, of, phase in told if of is kind]
        assert phases == [BEGAN if not place % 2 else ENDED for place in range(len(phases))]
