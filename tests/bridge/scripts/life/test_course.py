from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vms_bridge.scripting import ScriptStatus
from vms_bridge.scripts.life.course import (
    LONGEST_WAIT_S,
    MOST_CRASHES,
    WITHIN_S,
    Course,
    GiveUp,
    Start,
    Wait,
)


def ready(course: Course, version: str, now_s: float = 0.0) -> None:
    assert course.step(now_s) == Start(version)
    course.began(version)
    course.ready(version, now_s)


def state(course: Course) -> ScriptStatus:
    return course.state


def test_nothing_runs_until_it_is_wanted() -> None:
    course = Course()
    assert state(course) is ScriptStatus.WAITING
    assert course.step(0.0) == Wait()
    course.want("one")
    assert state(course) is ScriptStatus.STARTING
    ready(course, "one")
    assert state(course) is ScriptStatus.READY
    assert course.step(0.0) == Wait()
    course.end()
    assert state(course) is ScriptStatus.STOPPED
    assert course.step(0.0) == Wait()
    course.want("one")
    assert course.step(0.0) == Start("one")


def test_a_crash_is_followed_by_waits_that_double_and_a_fifth_within_ten_minutes_ends_that() -> None:
    course = Course()
    course.want("one")
    now_s, waits = 0.0, []
    for _ in range(MOST_CRASHES - 1):
        ready(course, "one", now_s)
        course.ended("one", "it was killed", now_s)
        assert state(course) is ScriptStatus.RESTARTING
        step = course.step(now_s)
        assert isinstance(step, Wait)
        assert step.seconds is not None
        waits.append(step.seconds)
        now_s += step.seconds
    assert waits == [1, 2, 4, 8]
    ready(course, "one", now_s)
    course.ended("one", "it was killed", now_s)
    assert state(course) is ScriptStatus.QUARANTINED
    assert course.quarantine == "it has crashed 5 times in 10 minutes, at last: it was killed"
    assert course.step(now_s + 1e9) == Wait()
    course.want("one")
    assert state(course) is ScriptStatus.QUARANTINED
    course.release()
    ready(course, "one", now_s)
    course.ended("one", "it was killed", now_s)
    assert state(course) is ScriptStatus.RESTARTING


def test_crashes_far_apart_are_no_row() -> None:
    course = Course()
    course.want("one")
    now_s = 0.0
    for _ in range(20):
        ready(course, "one", now_s)
        now_s += WITHIN_S / (MOST_CRASHES - 1) + 1
        course.ended("one", "again", now_s)
        step = course.step(now_s)
        assert step == Wait(1.0)
        now_s += 1.0
    assert course.crashes == 20


@pytest.mark.parametrize("change", ["quarantined", "broken"])
def test_another_version_begins_anew(change: str) -> None:
    course = Course()
    course.want("one")
    for number in range(MOST_CRASHES if change == "quarantined" else 1):
        course.began("one")
        course.ended("one", "x", float(number)) if change == "quarantined" else course.broke("one")
    assert course.state.value == change
    course.want("two")
    assert course.step(5.0) == Start("two")


def test_the_version_before_stays_at_work_until_the_new_one_is_ready() -> None:
    course = Course()
    course.want("one")
    ready(course, "one")
    course.want("two")
    assert course.step(0.0) == Start("two")
    course.began("two")
    assert (course.at_work, course.state) == ("one", ScriptStatus.STARTING)
    course.broke("two")
    assert (course.at_work, course.state) == ("one", ScriptStatus.BROKEN)
    assert course.step(1e9) == Wait()
    course.want("three")
    course.began("three")
    course.ended("three", "it never came to an end", 0.0)
    assert (course.at_work, course.state) == ("one", ScriptStatus.BROKEN)
    course.want("one")
    assert (course.state, course.step(0.0)) == (ScriptStatus.READY, Wait())


def test_a_start_that_nobody_wants_any_more_is_given_up() -> None:
    course = Course()
    course.want("one")
    course.began("one")
    course.want("two")
    assert course.step(0.0) == GiveUp("one")
    course.gave_up()
    assert course.step(0.0) == Start("two")
    course.began("two")
    course.end()
    assert course.step(0.0) == Wait()


class Life(RuleBasedStateMachine):
    """Whatever happens, in whatever order, as far as it can."""

    def __init__(self) -> None:
        super().__init__()
        self.course = Course()
        self.now_s = 1000.0
        self.workers: set[str] = set()
        """The versions of which there is a worker: at most one is at work, and one starts."""
        self.ends: list[float] = []

    @rule(version=st.sampled_from("abc"))
    def wants(self, version: str) -> None:
        self.course.want(version)

    @rule()
    def is_over(self) -> None:
        self.course.end()
        assert self.course.step(self.now_s) == Wait()

    @rule()
    def releases(self) -> None:
        self.course.release()
        self.ends.clear()

    @rule(seconds=st.floats(0, 1000))
    def waits(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def steps(self) -> None:
        step = self.course.step(self.now_s)
        match step:
            case Start(version):
                assert version == self.course.wanted
                assert not self.course.quarantine
                assert version != self.course.broken
                self.course.began(version)
            case GiveUp(version):
                assert version == self.course.starting
                self.course.gave_up()
            case Wait(seconds):
                assert seconds is None or 0 < seconds <= LONGEST_WAIT_S

    @precondition(lambda self: self.course.starting is not None)
    @rule()
    def gets_ready(self) -> None:
        version = self.course.starting
        assert version is not None
        self.course.ready(version, self.now_s)
        assert self.course.at_work == version

    @precondition(lambda self: self.course.starting is not None)
    @rule()
    def breaks(self) -> None:
        before = self.course.at_work
        self.course.broke(self.course.starting or "")
        assert self.course.at_work == before

    @precondition(lambda self: self.course.starting is not None)
    @rule()
    def dies_while_it_starts(self) -> None:
        before = self.course.at_work
        self.course.ended(self.course.starting or "", "x", self.now_s)
        assert self.course.at_work == before

    @precondition(lambda self: self.course.at_work is not None)
    @rule()
    def dies(self) -> None:
        starting = self.course.starting
        if starting == self.course.at_work:
            return
        self.course.ended(self.course.at_work or "", "x", self.now_s)
        assert (self.course.at_work, self.course.starting) == (None, starting)

    @invariant()
    def what_is_said_is_so(self) -> None:
        course = self.course
        if course.wanted is None:
            assert course.state in {ScriptStatus.WAITING, ScriptStatus.STOPPED}
        if course.state is ScriptStatus.READY:
            assert course.at_work == course.wanted
        if course.state is ScriptStatus.STARTING:
            assert not course.quarantine
            assert course.broken != course.wanted

    @invariant()
    def it_comes_to_rest(self) -> None:
        """Whoever does each step, and lets time pass where it is to wait, comes to a version at work, or to why there is none."""
        course = self.course
        if course.state is ScriptStatus.RESTARTING:
            step = course.step(self.now_s)
            later = course.step(self.now_s + (step.seconds or 0.0)) if isinstance(step, Wait) else step
            assert later == Start(course.wanted or "")


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
