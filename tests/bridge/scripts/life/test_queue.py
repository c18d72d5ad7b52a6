from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.scripts.life.queue import Queue
from vms_bridge.scripts.values import Occurrence, Trigger

TRIGGER = Trigger(id=1, kind="event", handler="seen", line=3)


def occurrence(number: int, *, is_urgent: bool = False, data: bytes = b"") -> Occurrence:
    return Occurrence(kind="event", what={"number": number}, data=data, is_urgent=is_urgent)


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


@given(st.lists(st.one_of(st.booleans(), st.none()), max_size=200), st.integers(1, 20))
def test_it_is_as_a_plain_list_would_be(steps: list[bool | None], most: int) -> None:
    """True: an urgent one comes, False: another one, None: the first is taken."""
    queue, model = Queue(most=most), deque[tuple[int, bool]]()
    dropped = 0
    for number, step in enumerate(steps):
        if step is None:
            if model:
                assert queue.take().occurrence.what["number"] == model.popleft()[0]
            continue
        queue.offer(TRIGGER, occurrence(number, is_urgent=step))
        model.append((number, step))
        if len(model) > most:
            model.remove(next((one for one in model if not one[1]), model[0]))
            dropped += 1
    assert queue.dropped == dropped
    assert numbers(queue) == [number for number, _ in model]
