"""Which events a clip of a time is made of, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.backend import START, event

from vms_bridge.archive import ClipGap, GapReason
from vms_bridge.clips.plan import ClipPlan, Recorded, gaps_between, plan
from vms_bridge.model import EndReason, EventRef

NOW = START + timedelta(hours=1)


def recorded(number: int, start_s: float, end_s: float | None, *, deleted: bool = False) -> Recorded:
    told = event(
        number,
        start=START + timedelta(seconds=start_s),
        end=None if end_s is None else START + timedelta(seconds=end_s),
        clip_ready=end_s is not None,
        deleted=deleted,
    )
    return Recorded(ref=EventRef("zm", 1, str(number)), event=told)


def planned(*events: Recorded, since_s: float = 0.0, until_s: float = 60.0, encode: bool = False) -> ClipPlan:
    since, until = START + timedelta(seconds=since_s), START + timedelta(seconds=until_s)
    return plan("zm", events, since, until, now=NOW, encode=encode)


def seconds(made: ClipPlan) -> list[tuple[str, float, float]]:
    return [(part.ref.id, part.start_s, part.end_s) for part in made.parts]


def test_of_each_event_what_is_in_that_time_is_wanted() -> None:
    made = planned(recorded(3, 50, 90), recorded(1, -20, 10), recorded(2, 20, 30), recorded(4, 70, 80), recorded(5, -60, -30))
    assert seconds(made) == [("1", 20.0, 30.0), ("2", 0.0, 10.0), ("3", 0.0, 10.0)]
    assert [part.is_to_its_end for part in made.parts] == [True, True, False]
    assert made.is_settled
    assert made.gaps == ()


def test_where_two_overlap_the_first_gives_what_both_have() -> None:
    made = planned(recorded(1, 0, 30), recorded(2, 10, 20), recorded(3, 25, 50))
    assert seconds(made) == [("1", 0.0, 30.0), ("3", 5.0, 25.0)]


def test_what_begins_within_a_second_of_the_end_before_it_is_taken_from_its_beginning() -> None:
    assert seconds(planned(recorded(1, 0, 30.4), recorded(2, 30, 50)))[1] == ("2", 0.0, 20.0)


def test_what_goes_on_is_a_gap_and_nothing_is_settled() -> None:
    made = planned(recorded(1, 0, 30), recorded(2, 30, None))
    assert seconds(made) == [("1", 0.0, 30.0)]
    (gap,) = made.gaps
    assert (gap.start, gap.end, gap.reason) == (START + timedelta(seconds=30), made.until, GapReason.STILL_RECORDED)
    assert not made.is_settled


def test_an_event_of_single_pictures_and_one_without_times() -> None:
    told = recorded(1, 0, 30)
    pictures = replace(told, event=replace(told.event, clip_ready=False))
    made = planned(pictures, replace(told, event=replace(told.event, start=None)), recorded(3, 10, 20, deleted=True))
    assert [part.has_video for part in made.parts] == [False]
    abandoned = replace(told, event=replace(told.event, end=None, end_reason=EndReason.ABANDONED, duration_s=12.0))
    assert seconds(planned(abandoned)) == [("1", 0.0, 12.0)]


def test_the_key_is_that_of_what_is_wanted() -> None:
    one = planned(recorded(1, 0, 30))
    assert one.key == planned(recorded(1, 0, 30), recorded(9, 90, 99)).key
    others = [
        planned(recorded(1, 0, 31)),
        planned(recorded(1, 0, 30), until_s=61),
        planned(recorded(1, 0, 30), encode=True),
        planned(recorded(2, 0, 30)),
        planned(recorded(1, 0, 30), recorded(2, 40, None)),
    ]
    assert len({one.key, *(each.key for each in others)}) == 6


def test_the_key_of_a_time_that_is_still_to_come_stays_while_nothing_new_is_there() -> None:
    events = [recorded(1, 3_500, 3_550), recorded(2, 3_570, None)]
    since, until = START + timedelta(seconds=3_500), START + timedelta(seconds=3_700)
    made = [plan("zm", events, since, until, now=NOW + timedelta(seconds=late)) for late in (0, 20)]
    assert [one.until for one in made] == [NOW, NOW + timedelta(seconds=20)]
    assert made[0].key == made[1].key
    assert plan("zm", [recorded(1, 3_500, 3_550), recorded(2, 3_570, 3_601)], since, until, now=NOW).key != made[0].key


def test_gaps_are_what_was_not_recorded_and_what_could_not_be_had() -> None:
    made = planned(recorded(1, 5, 20), recorded(2, 20.5, 30), recorded(3, 40, 50))
    known = ClipGap(start=START + timedelta(seconds=40), end=START + timedelta(seconds=50), reason=GapReason.UNAVAILABLE)
    found = gaps_between(made, [(part.start, part.end) for part in made.parts[:2]], [known])
    told = [((gap.start - START).total_seconds(), (gap.end - START).total_seconds(), str(gap.reason)) for gap in found]
    assert told == [
        (0.0, 5.0, "not_recorded"),
        (30.0, 40.0, "not_recorded"),
        (40.0, 50.0, "unavailable"),
        (50.0, 60.0, "not_recorded"),
    ]


spans = st.tuples(st.integers(-100, 200), st.integers(0, 80), st.booleans())


@given(st.lists(spans, max_size=12))
def test_whatever_was_recorded_parts_follow_each_other_and_with_the_gaps_they_are_all_of_it(
    found: list[tuple[int, int, bool]],
) -> None:
    events = [
        recorded(number, start, None if goes_on else start + length) for number, (start, length, goes_on) in enumerate(found, 1)
    ]
    made = planned(*events)
    times = [(part.start, part.end) for part in made.parts]
    assert all(made.since <= start < end <= made.until for start, end in times)
    assert all(before[1] - after[0] <= timedelta(0) for before, after in pairwise(times))
    gaps = gaps_between(made, times, made.gaps)
    covered = sum(((end - start).total_seconds() for start, end in times), 0.0)
    missing = sum(((gap.end - gap.start).total_seconds() for gap in gaps), 0.0)
    assert covered + missing == 60.0
