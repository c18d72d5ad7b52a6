"""The outbox: newest wins for state, order and nothing lost for the rest, never more than the link takes."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.fakes.pipe import FakePipe, Sent

from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.outbox import TURN, Post


def payloads(sent: list[Sent]) -> list[bytes]:
    return [each.payload for each in sent]


def test_the_newest_state_wins_and_keeps_its_place() -> None:
    pipe = FakePipe()
    pipe.is_ready = False
    pipe.outbox.put("a", b"1")
    pipe.outbox.put("b", b"1")
    pipe.outbox.put("a", b"2")
    assert pipe.run() == []
    pipe.is_ready = True
    pipe.outbox.kick()
    assert [(each.topic, each.payload, each.retain, each.qos) for each in pipe.run()] == [
        ("a", b"2", True, 0),
        ("b", b"1", True, 0),
    ]
    assert pipe.flushes == 1
    assert pipe.counters.states_overtaken == 1


def test_a_turn_publishes_no_more_than_its_share_and_both_kinds() -> None:
    pipe = FakePipe()
    for number in range(200):
        pipe.outbox.put(f"state/{number}", b"x")
        pipe.outbox.post(Post(topic="event", payload=str(number).encode()))
    assert pipe.turn() == TURN
    assert {each.qos for each in pipe.sent} == {0, 1}


def test_the_window_bounds_what_is_unacknowledged() -> None:
    pipe = FakePipe(window=1)
    for number in range(3):
        pipe.outbox.post(Post(topic="event", payload=str(number).encode()))
    pipe.outbox.put("state", b"x")
    assert payloads(pipe.run()) == [b"0", b"x"], "a full window holds back QoS 1 only"
    pipe.ack()
    assert payloads(pipe.run()) == [b"1"]
    pipe.ack()
    assert payloads(pipe.run()) == [b"2"]


def test_late_messages_go_last() -> None:
    pipe = FakePipe()
    pipe.outbox.post(Post(topic="event", payload=b"late"), late=True)
    pipe.outbox.post(Post(topic="event", payload=b"live"))
    assert payloads(pipe.run()) == [b"live", b"late"]


def test_nothing_follows_the_close() -> None:
    pipe = FakePipe(window=1)
    pipe.outbox.post(Post(topic="event", payload=b"on its way"))
    pipe.run()
    pipe.outbox.post(Post(topic="status", payload=b"online"))
    pipe.outbox.put("state", b"x")
    pipe.outbox.close()
    pipe.outbox.put("state", b"y")
    pipe.ack()
    assert pipe.run() == []


def test_what_is_put_again_is_not_cleared() -> None:
    pipe = FakePipe(window=1)
    pipe.outbox.post(Post(topic="event", payload=b"in the way"))
    pipe.run()
    pipe.outbox.put("state", b"old")
    pipe.outbox.clear("state")
    pipe.outbox.clear("state")
    pipe.outbox.put("state", b"new")
    pipe.ack()
    pipe.run()
    assert pipe.retained() == {"state": b"new"}


def test_a_clear_forgets_what_waits() -> None:
    pipe = FakePipe()
    pipe.outbox.put("state", b"old")
    pipe.outbox.clear("state")
    assert [(each.payload, each.retain, each.qos) for each in pipe.run()] == [(b"", True, 1)]


def test_what_is_too_large_is_told_and_does_not_stop_the_rest() -> None:
    pipe = FakePipe(largest=10)
    codes: list[int] = []
    pipe.outbox.put("state", b"x" * 11)
    pipe.outbox.post(Post(topic="event", payload=b"x" * 11, on_done=codes.append))
    pipe.outbox.post(Post(topic="event", payload=b"fits"))
    assert payloads(pipe.run()) == [b"fits"]
    assert pipe.dropped == ["event", "state"]
    assert codes == [reasons.PACKET_TOO_LARGE]


def test_a_lost_link_takes_nothing_and_complains_of_nothing() -> None:
    pipe = FakePipe()
    codes: list[int] = []
    pipe.outbox.post(Post(topic="event", payload=b"x", on_done=codes.append))
    pipe.outbox.put("state", b"x")
    pipe.is_open = False
    assert pipe.run() == []
    assert (pipe.dropped, codes) == ([], [])


async def test_room_is_waited_for() -> None:
    pipe = FakePipe(window=0)
    async with asyncio.timeout(1):
        await pipe.outbox.room()
    for number in range(300):
        pipe.outbox.post(Post(topic="event", payload=str(number).encode()))
    waiting = asyncio.ensure_future(pipe.outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    pipe.window = 1000
    pipe.outbox.kick()
    pipe.run()
    await asyncio.wait_for(waiting, 1)


def test_the_queue_is_bounded() -> None:
    pipe = FakePipe(window=0)
    post = Post(topic="event", payload=b"x")
    taken = sum(pipe.outbox.post(post) for _ in range(100_001))
    assert taken == 100_000


class Deliveries(RuleBasedStateMachine):
    """Events in a store, states by topic, a link that blocks, acknowledges late and breaks at any time."""

    @initialize(window=st.integers(1, 5))
    def connect(self, window: int) -> None:
        self.window = window
        self.stored: dict[int, tuple[str, bytes]] = {}
        self.confirmed: set[int] = set()
        self.states: dict[str, bytes] = {}
        self.broker: dict[str, bytes] = {}
        self.arrived: dict[str, list[int]] = defaultdict(list)
        self.reconnect()

    @rule()
    def reconnect(self) -> None:
        """Lose the link with all that is in it; a new one starts with everything current, as a session does."""
        self.pipe = FakePipe(window=self.window)
        self.seen = 0
        self.arrived.clear()
        for topic, payload in self.states.items():
            self.pipe.outbox.put(topic, payload)
        for position in sorted(self.stored.keys() - self.confirmed):
            self.send(position)

    def send(self, position: int) -> None:
        monitor, payload = self.stored[position]
        self.pipe.outbox.post(Post(topic=monitor, payload=payload, on_done=lambda _code: self.confirmed.add(position)))

    @rule(monitor=st.sampled_from("ab"))
    def happen(self, monitor: str) -> None:
        position = len(self.stored) + 1
        self.stored[position] = (f"event/{monitor}", str(position).encode())
        self.send(position)

    @rule(topic=st.sampled_from(["s1", "s2", "s3"]), value=st.integers(0, 1000))
    def change(self, topic: str, value: int) -> None:
        self.states[topic] = str(value).encode()
        self.pipe.outbox.put(topic, self.states[topic])

    @rule(topic=st.sampled_from(["s1", "s2", "s3"]))
    def remove(self, topic: str) -> None:
        if self.states.pop(topic, None) is not None:
            self.pipe.outbox.clear(topic)

    @rule()
    def block(self) -> None:
        self.pipe.is_ready = False

    @rule()
    def unblock(self) -> None:
        self.pipe.is_ready = True
        self.pipe.outbox.kick()

    @rule()
    def turn(self) -> None:
        self.pipe.turn()

    @precondition(lambda self: self.pipe.waiting)
    @rule()
    def acknowledge(self) -> None:
        self.pipe.ack()

    @invariant()
    def events_keep_their_order(self) -> None:
        new, self.seen = self.pipe.sent[self.seen :], len(self.pipe.sent)
        for each in new:
            if each.topic.startswith("event/"):
                self.arrived[each.topic].append(int(each.payload))
        assert self.pipe.unacknowledged <= self.window
        for positions in self.arrived.values():
            assert positions == sorted(positions)

    def teardown(self) -> None:
        """Let everything calm down: the broker then knows every event and exactly the newest states."""
        if not hasattr(self, "pipe"):
            return
        self.unblock()
        while self.pipe.soon or self.pipe.waiting:
            self.pipe.run()
            while self.pipe.waiting:
                self.pipe.ack()
        assert self.confirmed == self.stored.keys()
        assert self.pipe.retained() == self.states


Deliveries.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDeliveries = Deliveries.TestCase
