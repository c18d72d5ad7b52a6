from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.backends.simulator.archive import (
    EventId,
    alarm_of,
    began,
    best_moment,
    parse_event_id,
    recorded_between,
    section_event,
    visit_event,
)
from vms_bridge.backends.simulator.places import PLACES, contains
from vms_bridge.backends.simulator.world import World
from vms_bridge.hub.lifecycle import steps
from vms_bridge.model import AlarmState, EndReason, Event, EventKind

EPOCH = 1_700_000_000.0


def world(seed: int = 1, pace: float = 1.0) -> World:
    return World(seed=seed, pace=pace, epoch=EPOCH)


@given(seed=st.integers(), camera=st.integers(1, 2_000), slot=st.integers(0, 10**7), pace=st.sampled_from([0.01, 0.5, 1.0, 20.0]))
@settings(max_examples=80, deadline=None)
def test_a_visit_follows_from_seed_camera_and_slot_and_stays_in_its_slot(seed: int, camera: int, slot: int, pace: float) -> None:
    one = world(seed, pace)
    visit = one.visit(camera, slot)
    assert visit == world(seed, pace).visit(camera, slot)
    if visit is None:
        return
    begin, end = one.slot_end(camera, slot - 1), one.slot_end(camera, slot)
    assert begin <= visit.start < visit.end < end
    assert one.slot_at(camera, (visit.start + visit.end) / 2) == slot
    if visit.alarm_start is not None and visit.alarm_end is not None:
        assert visit.start <= visit.alarm_start <= visit.best <= visit.alarm_end <= visit.end
        assert visit.alarm_end + 1.4 * visit.hold_s < end
    for step in range(0, 21, 4):
        for seen in one.sightings(visit, visit.start + (visit.end - visit.start) * step / 20):
            left, top, width, height = seen.box
            assert 0 <= left <= left + width <= 1.0001
            assert 0 <= top <= top + height <= 1.0001
            assert 0 < seen.score < 1


def test_another_seed_is_another_world() -> None:
    assert [world(1).visit(1, slot) for slot in range(10)] != [world(2).visit(1, slot) for slot in range(10)]


def test_nothing_happens_before_the_world_began() -> None:
    assert world().visit(1, -1) is None
    assert world().visit_at(1, EPOCH - 1_000) is None
    assert section_event(world(), 3, 0, EPOCH - 1, labelled=True) is None


def test_every_place_sees_alarms_and_visits_without_one() -> None:
    one = world()
    for camera in range(1, len(PLACES) + 1):
        visits = [one.visit(camera, slot) for slot in range(200)]
        assert any(visit is None for visit in visits)
        alarms = [visit for visit in visits if visit is not None and visit.alarm_start is not None]
        assert len(alarms) > 80
        assert len({visit.labels for visit in alarms}) > 1


def test_an_alarm_and_its_event_run_their_course() -> None:
    one = world()
    visits = (one.visit(1, slot) for slot in range(50))
    visit = next(
        visit for visit in visits if visit is not None and visit.alarm_start is not None and visit.best > visit.alarm_start
    )
    assert visit.alarm_start is not None
    assert visit.alarm_end is not None
    times = [visit.start - 1 + 0.05 * step for step in range(int((visit.over - visit.start) / 0.05))]
    alarms = list(dict.fromkeys(alarm_of(visit, time) for time in times))
    assert alarms in (
        [AlarmState.IDLE, AlarmState.PREALARM, AlarmState.ALARM, AlarmState.ALERT],
        [AlarmState.IDLE, AlarmState.ALARM, AlarmState.ALERT],
    )
    told: list[str] = []
    previous: Event | None = None
    for time in times:
        event = visit_event(one, visit, time)
        if event is not None and event != previous:
            told += steps(previous, event)
            previous = event
    assert [step for step in told if step != "update"] == ["new", "media", "end", "media"]
    assert told.count("update") <= len(visit.entered) - 1, "an update for each further zone at most"
    assert previous is not None
    assert previous.end_reason is EndReason.CLOSED
    assert previous.labels == visit.labels
    assert previous.score == max(actor.score for actor in visit.actors)
    assert previous.duration_s == pytest.approx(visit.alarm_end + visit.hold_s - visit.alarm_start, abs=0.01)
    event_id = parse_event_id(previous.id)
    assert event_id == EventId(camera=1, kind=EventKind.ALARM, number=visit.slot)
    assert best_moment(one, event_id, visit.over) == visit.best
    assert best_moment(one, event_id, visit.start) is None


def test_sections_follow_each_other_without_a_gap() -> None:
    one = world()
    sections = list(recorded_between(one, 3, EPOCH, EPOCH + 10 * one.section_s + 1, continuous=True))
    assert len(sections) == 10
    assert all(a.end == b.start for a, b in pairwise(sections))
    assert {section.kind for section in sections} == {EventKind.CONTINUOUS}
    assert any(section.labels for section in sections)
    for section in sections:
        event_id = parse_event_id(section.id)
        assert event_id is not None
        best = best_moment(one, event_id, EPOCH + 1e6)
        assert best is not None
        end = section.end.timestamp() if section.end else began(section)
        assert began(section) <= best <= end + one.slot_s


@pytest.mark.parametrize("text", ["", "1", "1-", "0-5", "1-x5", "1-5x", "1-s", "99999-1", "1-" + "9" * 40, "1-\u0663"])
def test_a_foreign_event_id_is_none_of_ours(text: str) -> None:
    assert parse_event_id(text) is None


@pytest.mark.parametrize("event_id", ["7-123", "7-s123", "7-f123"])
def test_an_event_id_survives(event_id: str) -> None:
    assert str(parse_event_id(event_id)) == event_id


def test_a_point_is_in_a_polygon_or_not() -> None:
    square = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    assert contains(square, (0.5, 0.5))
    assert not contains(square, (1.5, 0.5))
    assert not contains(square, (0.5, -0.1))
