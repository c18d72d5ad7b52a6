"""Zones: what being in one means, and what becomes of those that a VMS has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.detect.calm import CALM, GARBAGE

from vms_bridge.detect.labels import parse_pattern
from vms_bridge.detect.zones import ZoneRule, imported, placed
from vms_bridge.model import Zone

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
RIGHT = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


@pytest.mark.parametrize(
    ("where", "box", "is_in"),
    [
        ("bottom", (0.3, 0.5, 0.3, 0.5), True),
        ("bottom", (0.4, 0.5, 0.3, 0.5), False),
        ("center", (0.2, 0.0, 0.4, 0.4), True),
        ("touch", (0.49, 0.0, 0.5, 0.5), True),
        ("touch", (0.5, 0.0, 0.5, 0.5), False),
        ("cover", (0.4, 0.0, 0.2, 0.2), True),
        ("cover", (0.41, 0.0, 0.2, 0.2), False),
    ],
)
def test_which_part_has_to_be_in_it(where: str, box: tuple[float, float, float, float], *, is_in: bool) -> None:
    assert ZoneRule(name="left", points=LEFT, where=where).has(box) is is_in  # type: ignore[arg-type]


def test_all_zones_are_reported_whatever_their_order() -> None:
    """pyzm 0.3 stopped at the first polygon that a box touched."""
    zones = [
        ZoneRule(name="cars", points=LEFT, where="touch", labels=(parse_pattern("car"),)),
        ZoneRule(name="dogs", points=LEFT, where="touch", labels=(parse_pattern("dog"),)),
        ZoneRule(name="all", points=LEFT, where="touch"),
    ]
    for order in (zones, zones[::-1]):
        place = placed("dog", 0.9, (0.1, 0.1, 0.2, 0.2), order)
        assert place.is_kept
        assert set(place.zones) == {"dogs", "all"}


def test_what_no_zone_includes_is_dropped_and_an_excluding_one_wins() -> None:
    include = ZoneRule(name="left", points=LEFT)
    exclude = ZoneRule(name="out", points=LEFT, mode="exclude", labels=(parse_pattern("car"),))
    inside, outside = (0.1, 0.1, 0.1, 0.1), (0.8, 0.1, 0.1, 0.1)
    assert not placed("dog", 0.9, outside, [include]).is_kept
    assert placed("dog", 0.9, outside, [exclude]).is_kept
    assert not placed("car", 0.9, inside, [include, exclude]).is_kept
    assert placed("dog", 0.9, inside, [include, exclude]).zones == ("left",)


def test_what_is_parked_is_known_whatever_its_box_does() -> None:
    """As pyzm's issue 37 asks: no jitter of the box makes a parked car new."""
    bay = ZoneRule(name="bay", points=RIGHT, mode="parked", cover=0.85, labels=(parse_pattern("car"),))
    for jitter in range(20):
        place = placed("car", 0.9, (0.55 + jitter / 100, 0.2 + jitter / 60, 0.2, 0.2), [bay])
        assert (place.is_kept, place.is_parked, place.zones) == (True, True, ("bay",))
    assert not placed("car", 0.9, (0.45, 0.2, 0.2, 0.2), [bay]).is_parked
    assert not placed("dog", 0.9, (0.6, 0.2, 0.2, 0.2), [bay]).is_parked


def test_a_zones_own_score_is_its_own() -> None:
    zone = ZoneRule(name="left", points=LEFT, min_score=0.8)
    assert not placed("dog", 0.79, (0.1, 0.1, 0.1, 0.1), [zone]).is_kept
    assert placed("dog", 0.8, (0.1, 0.1, 0.1, 0.1), [zone]).is_kept


def test_the_zones_of_a_vms_are_used_by_their_type_or_left_out_with_the_reason() -> None:
    point = (0.2, 0.2)
    found = imported(
        [
            Zone(id="1", name="All", kind="active", points=LEFT),
            Zone(id="2", name="Sky", kind="inactive", points=RIGHT),
            Zone(id="3", name="Wind", kind="preclusive", points=LEFT),
            Zone(id="4", name="Mask", kind="active", points=(point, point, point)),
            Zone(id="5", name="Bow", kind="inclusive", points=((0, 0), (1, 1), (1, 0), (0, 0.9))),
            Zone(id="6", name="porch", kind="exclusive", points=LEFT),
            Zone(id="7", name="Empty", kind="active"),
        ],
        known={"porch"},
    )
    assert [(zone.name, zone.mode, zone.where) for zone in found.zones] == [
        ("All", "include", "touch"),
        ("Sky", "exclude", "bottom"),
    ]
    reasons = dict(found.left_out)
    assert reasons.keys() == {"Wind", "Mask", "Bow", "porch", "Empty"}
    assert "three different corners" in reasons["Mask"]
    assert "cross" in reasons["Bow"]
    assert "preclusive" in reasons["Wind"]


@CALM
@given(
    st.lists(st.tuples(st.floats(), st.floats()), max_size=6),
    st.text(GARBAGE, max_size=8),
    st.sampled_from(["active", "?", "inactive"]),
)
def test_no_zone_of_a_vms_breaks_the_rules(points: list[tuple[float, float]], name: str, kind: str) -> None:
    found = imported([Zone(id="1", name=name, kind=kind, points=tuple(points))])
    assert len(found.zones) + len(found.left_out) == 1
    placed("car", 0.9, (0.1, 0.1, 0.2, 0.2), found.zones)
