"""What is thought of a link: a slow one lives, a dead one is noticed, and so is a broker that forgets to answer."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.mqtt.lifeline import FORGOTTEN_S, OVERTAKEN_S, PING_S, SILENCE_S, Lifeline, Transit

LONG_S = 300


def tick(line: Lifeline, now: float, *, arrived: int | None = 0, waiting: int = 0, is_written: bool = True) -> bool:
    """Do what the driver does each second; say whether it pinged."""
    line.check(now, None if arrived is None else Transit(arrived, waiting), is_written=is_written)
    if not line.wants_ping(now):
        return False
    line.pinged(now)
    return True


def test_a_broker_that_answers_its_pings_lives() -> None:
    line = Lifeline(0)
    for now in range(1, LONG_S):
        if tick(line, now, arrived=now):
            line.heard(now)
            line.ponged(now)
        assert line.silence_s(now) is None
        assert line.forgotten(now) == 0


def test_it_is_pinged_as_often_as_it_wants_to_hear_of_us() -> None:
    for wanted, every_s in ((60, PING_S), (0, PING_S), (4, 2)):
        line = Lifeline(0)
        line.keep_within(wanted)
        pings = 0
        for now in range(1, 41):
            if tick(line, now, arrived=now):
                pings += 1
                line.heard(now)
                line.ponged(now)
        assert pings == 40 / every_s


def test_one_that_got_the_ping_and_says_nothing_does_not() -> None:
    for arrived in (0, None):
        line, now = Lifeline(0), 0.0
        while line.silence_s(now) is None:
            now += 1
            tick(line, now, arrived=arrived)
            assert now <= SILENCE_S + 1
        assert now > SILENCE_S


def test_where_nothing_moves_the_link_is_dead() -> None:
    line, now = Lifeline(0), 0.0
    while line.silence_s(now) is None:
        now += 1
        tick(line, now, waiting=1000)
        assert now <= SILENCE_S + 1


def test_where_it_is_not_even_written_too() -> None:
    line, now = Lifeline(0), 0.0
    while line.silence_s(now) is None:
        now += 1
        tick(line, now, waiting=1000, is_written=False)
        assert now <= SILENCE_S + 1


def test_a_slow_link_that_moves_lives_until_the_ping_is_there() -> None:
    line = Lifeline(0)
    for now in range(1, LONG_S):  # the ping waits behind 300 KB, of which 1 KB a second arrives
        tick(line, now, arrived=1000 * now, waiting=1000 * (LONG_S - now))
        assert line.silence_s(now) is None
    tick(line, LONG_S, arrived=1000 * LONG_S)
    assert line.silence_s(LONG_S) is None
    for more in range(int(SILENCE_S)):
        tick(line, LONG_S + more, arrived=1000 * LONG_S)
    assert line.silence_s(LONG_S + SILENCE_S), "it has had the ping for a while"


def test_what_is_sent_after_a_ping_that_came_through_proves_no_life() -> None:
    line, now = Lifeline(0), 0.0
    while line.silence_s(now) is None:
        now += 1
        tick(line, now, arrived=int(10 * now))  # the kernel of a frozen broker goes on taking what comes
        assert now <= SILENCE_S + 1


def test_who_slept_blames_nobody() -> None:
    line = Lifeline(0)
    line.asked(1, 0, is_ordered=True)
    line.asked(2, 0, is_ordered=True)
    line.answered(2, 1)
    assert tick(line, PING_S)
    line.woke(3600)
    assert line.silence_s(3600) is None
    assert line.forgotten(3600) == 0
    assert line.forgotten(3600 + OVERTAKEN_S) == 1


def test_an_overtaken_answer_is_lost() -> None:
    line = Lifeline(0)
    for number in (1, 2, 3):
        line.asked(number, 0, is_ordered=True)
    line.answered(2, 1)
    assert line.forgotten(1 + OVERTAKEN_S - 0.1) == 0
    assert line.forgotten(1 + OVERTAKEN_S) == 1, "the first; the third may still come"
    line.answered(1, 1 + OVERTAKEN_S)
    assert line.forgotten(1 + OVERTAKEN_S) == 0, "it was but late"


def test_answers_to_subscriptions_come_when_they_like() -> None:
    line = Lifeline(0)
    line.asked(1, 0, is_ordered=False)
    line.asked(2, 0, is_ordered=True)
    line.asked(3, 0, is_ordered=False)
    line.answered(2, 1)
    line.answered(3, 1)
    assert line.forgotten(60) == 0


def test_an_answer_is_lost_long_after_a_later_ping_came_back() -> None:
    line = Lifeline(0)
    assert tick(line, PING_S)
    line.asked(1, PING_S, is_ordered=True)
    line.heard(5)
    line.ponged(5)  # of a ping that was sent before: it proves nothing
    assert line.forgotten(5 + 2 * FORGOTTEN_S) == 0
    assert tick(line, 50)
    line.ponged(51)
    assert line.forgotten(51 + FORGOTTEN_S - 0.1) == 0
    assert line.forgotten(51 + FORGOTTEN_S) == 1


def test_as_long_as_anything_is_answered_the_rest_may_come() -> None:
    line = Lifeline(0)
    for number in range(100):
        line.asked(number, 0, is_ordered=True)
    assert tick(line, PING_S)
    line.ponged(5)
    for number in range(50):
        line.answered(number, 5 + 10 * number)
        assert line.forgotten(5 + 10 * number + 10) == 0
    assert line.forgotten(5 + 490 + FORGOTTEN_S) == 50


def test_a_lost_answer_to_a_ping_is_no_reason_to_wait_for_ever() -> None:
    line, now = Lifeline(0), 0.0
    line.asked(1, 0, is_ordered=True)
    pings = 0
    while not line.forgotten(now):
        now += 1
        line.heard(now)  # somebody else's messages go on coming
        if tick(line, now):
            pings += 1
            if pings > 3:
                line.ponged(now)
        assert now < 60


def test_not_even_if_all_of_them_are_lost() -> None:
    line, now = Lifeline(0), 0.0
    line.asked(1, 0, is_ordered=True)
    while not line.forgotten(now):
        now += 1
        line.heard(now)
        tick(line, now)
        assert now <= 600


def test_an_answer_to_what_nobody_asked_is_nothing() -> None:
    line = Lifeline(0)
    line.answered(7, 1)
    line.ponged(1)
    assert line.forgotten(1000) == 0
    assert line.silence_s(1) is None


@dataclass
class World:
    """A link of so many bytes a second and a broker behind it that answers in order, and forgets some answers."""

    per_s: int
    forgets: set[int]
    line: Lifeline = field(default_factory=lambda: Lifeline(0))
    now: float = 0.0
    queue: deque[tuple[str, int, int]] = field(default_factory=deque)
    arrived: int = 0
    partly: int = 0

    def send(self, what: str, number: int, size: int) -> None:
        self.queue.append((what, number, size))

    def second(self) -> None:
        self.now += 1
        line, now = self.line, self.now
        budget = self.per_s
        while budget and self.queue:
            what, number, size = self.queue[0]
            taken = min(budget, size - self.partly)
            budget -= taken
            self.arrived += taken
            self.partly += taken
            if self.partly < size:
                break
            self.partly = 0
            self.queue.popleft()
            if what == "ping":
                line.heard(now)
                line.ponged(now)
            elif what == "question" and number not in self.forgets:
                line.heard(now)
                line.answered(number, now)
        waiting = sum(size for _, _, size in self.queue) - self.partly
        if tick(line, now, arrived=self.arrived, waiting=waiting):
            self.send("ping", 0, 2)


things = st.lists(st.tuples(st.sampled_from(["question", "telling"]), st.integers(50, 200_000)), max_size=30)


@given(per_s=st.integers(500, 100_000), pauses=st.lists(st.integers(0, 20), min_size=30, max_size=30), sent=things)
def test_no_link_that_moves_is_ever_ended(per_s: int, pauses: list[int], sent: list[tuple[str, int]]) -> None:
    world = World(per_s, set())
    for number, (what, size) in enumerate(sent):
        if what == "question":
            world.line.asked(number, world.now, is_ordered=True)
        world.send(what, number, min(size, 20 * per_s))
        for _ in range(pauses[number]):
            world.second()
            assert world.line.silence_s(world.now) is None
            assert world.line.forgotten(world.now) == 0
    while world.queue:
        world.second()
        assert world.line.silence_s(world.now) is None
        assert world.line.forgotten(world.now) == 0


@given(
    per_s=st.integers(500, 100_000),
    sizes=st.lists(st.integers(50, 50_000), min_size=1, max_size=30),
    forgotten=st.sets(st.integers(0, 29), min_size=1),
)
def test_each_answer_that_never_comes_is_noticed(per_s: int, sizes: list[int], forgotten: set[int]) -> None:
    world = World(per_s, forgotten)
    for number, size in enumerate(sizes):
        world.line.asked(number, world.now, is_ordered=True)
        world.send("question", number, min(size, 20 * per_s))
    expected = len(forgotten & set(range(len(sizes))))
    through_s = sum(size for _, _, size in world.queue) / per_s
    while world.line.forgotten(world.now) < expected:
        world.second()
        assert world.now <= through_s + 2 * PING_S + FORGOTTEN_S + 5
    assert world.line.forgotten(world.now) == expected
