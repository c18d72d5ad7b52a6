"""Objects that are left behind, and objects that go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.detect.happenings import Happening, Phase
from vms_bridge.detect.left_objects import LeftObjects, LeftRules, is_near
from vms_bridge.detect.values import Found
from vms_bridge.model import EventKind

LEFT, REMOVED = EventKind.ABANDONED_OBJECT, EventKind.REMOVED_OBJECT
CASE = Found("suitcase", 0.5, (0.5, 0.8, 0.05, 0.05), zones=("hall",), track="7")
OWNER = Found("person", 0.5, (0.48, 0.6, 0.08, 0.25))
FAR = Found("person", 0.5, (0.05, 0.1, 0.08, 0.25))
WATCH = LeftRules(zone="hall", left_s=60, removed_s=10)


def seen(*stretches: tuple[int, list[Found]], rules: LeftRules = WATCH) -> list[tuple[float, EventKind, Phase]]:
    """Return what is told of stretches of so many seconds in which this is seen."""
    objects, second = LeftObjects(rules), 0
    told: list[Happening] = []
    for seconds, found in stretches:
        for _ in range(seconds):
            told += objects.update(second, found)
            second += 1
    return [(one.time_s, one.kind, one.phase) for one in told]


def test_an_object_is_left_when_it_lies_alone_for_long_enough() -> None:
    assert seen((20, []), (30, [OWNER, CASE]), (100, [CASE, FAR])) == [(109, LEFT, Phase.BEGAN)]
    assert seen((20, []), (30, [OWNER, CASE]), (50, [CASE]), (1, [CASE, OWNER]), (50, [CASE])) == []


def test_it_ends_when_the_object_is_gone() -> None:
    told = seen((20, []), (10, [OWNER, CASE]), (80, [CASE]), (5, [OWNER]), (30, []))
    assert told == [(89, LEFT, Phase.BEGAN), (125, LEFT, Phase.ENDED)]


def test_what_was_there_before_was_not_left_and_can_go() -> None:
    assert seen((200, [CASE])) == []
    assert seen((100, [CASE]), (5, [OWNER]), (30, [])) == [(115, REMOVED, Phase.MOMENT)]
    assert seen((100, [CASE]), (5, []), (100, [CASE])) == [], "it was missed for a moment"
    assert seen((10, [CASE]), (100, [])) == [], "it never stood there for long"


def test_who_stands_before_it_only_hides_it() -> None:
    assert seen((100, [CASE]), (300, [OWNER]), (20, [CASE])) == []


def test_only_what_is_asked_for_is_told() -> None:
    nothing = LeftRules(zone="hall")
    assert seen((20, []), (10, [OWNER, CASE]), (100, [CASE]), (100, []), rules=nothing) == []
    left = LeftRules(zone="hall", left_s=60)
    assert seen((100, [CASE]), (100, []), rules=left) == []
    other = LeftRules(zone="yard", left_s=60, removed_s=10)
    assert seen((20, []), (100, [CASE]), (100, []), rules=other) == []
    cat = Found("cat", 0.5, CASE.box, zones=("hall",))
    assert seen((20, []), (100, [cat])) == []


def test_what_moves_is_another_object_at_each_place() -> None:
    objects = LeftObjects(WATCH)
    told = [
        one
        for second in range(200)
        for one in objects.update(second, [Found("suitcase", 0.5, (second / 250, 0.8, 0.05, 0.05), zones=("hall",))])
    ]
    assert told == []


def test_an_end_ends_what_goes_on_and_takes_the_rest_for_old() -> None:
    objects = LeftObjects(LeftRules(zone="hall", left_s=5))
    objects.update(0, [])
    told = [one for second in range(10, 20) for one in objects.update(second, [CASE])]
    assert [one.key for one in told] == [one.key for one in objects.end(20)]
    assert objects.end(21) == []
    assert [one for second in range(30, 60) for one in objects.update(second, [CASE])] == []


def test_who_is_near() -> None:
    assert is_near(OWNER.box, CASE.box)
    assert not is_near(FAR.box, CASE.box)


@given(st.lists(st.sampled_from([[], [CASE], [OWNER], [CASE, OWNER], [CASE, FAR]]), max_size=80))
def test_what_begins_ends_before_it_begins_again(frames: list[list[Found]]) -> None:
    objects = LeftObjects(LeftRules(zone="hall", left_s=3, removed_s=2, stood_s=2))
    objects.update(-100, [])
    open_now: set[str] = set()
    for second, found in enumerate(frames):
        for one in objects.update(second, found):
            if one.phase is Phase.BEGAN:
                assert one.key not in open_now
                open_now.add(one.key)
            elif one.phase is Phase.ENDED:
                open_now.remove(one.key)
    assert {one.key for one in objects.end(100)} == open_now
