from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.scripts.life.queue import Queue
from vms_bridge.scripts.values import Occurrence, Trigger

TRIGGER = Trigger(id=1, kind="event", handler="seen", line=3)


def occurrence(number: int, *, is_urgent: bool = False, data: bytes = b"") -> Occurrence:
    return Occurrence(kind="event", what={"number": number}, data=data, is_urgent=is_urgent)


def tick(number: int) -> Occurrence:
    return Occurrence(kind="every", what={"number": number})


def numbers(queue: Queue) -> list[int]:
    return [queue.take().occurrence.what["number"] for _ in range(len(queue))]


def test_what_waits_comes_in_order() -> None:
    queue = Queue()
    for number in range(10):
        assert queue.offer(TRIGGER, occurrence(number, is_urgent=number % 3 == 0)) == 0
    assert numbers(queue) == list(range(10))


def test_where_there_is_no_room_the_oldest_that_is_not_urgent_goes_and_is_counted() -> None:
    queue = Queue(most=3)
    for number, is_urgent in enumerate((True, False, True, False, True, True)):
        queue.offer(TRIGGER, occurrence(number, is_urgent=is_urgent))
    assert queue.dropped == 3
    assert numbers(queue) == [2, 4, 5]


def test_data_is_bounded_too_but_for_a_single_one() -> None:
    queue = Queue(most_bytes=10)
    queue.offer(TRIGGER, occurrence(1, data=bytes(11)))
    assert len(queue) == 1
    assert queue.offer(TRIGGER, occurrence(2, data=bytes(3))) == 1
    assert queue.offer(TRIGGER, occurrence(3, data=bytes(7))) == 0
    assert queue.offer(TRIGGER, occurrence(4, data=bytes(1))) == 1
    assert numbers(queue) == [3, 4]


def test_of_what_the_clock_calls_for_the_newest_waits_and_nothing_urgent_waits_for_it() -> None:
    queue = Queue(most=3)
    minute, hour = Trigger(id=2, kind="every", handler="each", line=5), Trigger(id=3, kind="cron", handler="hourly", line=7)
    queue.offer(TRIGGER, occurrence(1))
    for number in range(10, 500):
        assert queue.offer(minute, tick(number)) == 0
    queue.offer(TRIGGER, occurrence(2))
    queue.offer(TRIGGER, occurrence(3, is_urgent=True))
    queue.offer(hour, tick(4))
    assert (len(queue), queue.dropped) == (5, 0)
    assert numbers(queue) == [1, 2, 3, 499, 4]
    queue.offer(minute, tick(6))
    queue.offer(TRIGGER, occurrence(7))
    assert numbers(queue) == [6, 7]


def test_what_the_clock_calls_for_comes_in_its_turn_among_what_is_not_urgent() -> None:
    queue = Queue()
    for number in range(6):
        queue.offer(TRIGGER, tick(number) if number == 2 else occurrence(number))
    queue.offer(TRIGGER, tick(22))
    assert numbers(queue) == [0, 1, 22, 3, 4, 5]


class Model:
    """The same as one plain list: whether it is urgent, or due, and its number."""

    def __init__(self, most: int) -> None:
        self.most, self.waiting, self.dropped = most, list[tuple[str, int]](), 0

    def offer(self, kind: str, number: int) -> None:
        at = next((at for at, one in enumerate(self.waiting) if one[0] == kind == "due"), None)
        if at is not None:
            self.waiting[at] = (kind, number)
            return
        self.waiting.append((kind, number))
        others = [one for one in self.waiting if one[0] != "due"]
        if len(others) > self.most:
            self.waiting.remove(next((one for one in others if one[0] == "plain"), others[0]))
            self.dropped += 1

    def take(self) -> int:
        is_urgent = any(one[0] == "urgent" for one in self.waiting)
        found = next(one for one in self.waiting if not (is_urgent and one[0] == "due"))
        self.waiting.remove(found)
        return found[1]


@given(st.lists(st.sampled_from(["urgent", "plain", "due", "take"]), max_size=200), st.integers(1, 20))
def test_it_is_as_a_plain_list_would_be(steps: list[str], most: int) -> None:
    queue, model = Queue(most=most), Model(most)
    for number, step in enumerate(steps):
        if step == "take":
            if model.waiting:
                assert queue.take().occurrence.what["number"] == model.take()
            continue
        queue.offer(TRIGGER, tick(number) if step == "due" else occurrence(number, is_urgent=step == "urgent"))
        model.offer(step, number)
        assert (len(queue), queue.dropped) == (len(model.waiting), model.dropped)
    assert numbers(queue) == [model.take() for _ in range(len(model.waiting))]
