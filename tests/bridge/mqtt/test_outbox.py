"""The outbox: newest wins for state, order and nothing lost for the rest, never more than the link takes."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.fakes.pipe import FakePipe, Sent

from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.borrowed import MOST_BYTES, MOST_MESSAGES
from vms_bridge.mqtt.outbox import LENT_BYTES, TURN
from vms_bridge.mqtt.sizes import Sizes
from vms_bridge.mqtt.wire import Post


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
    async with asyncio.timeout(30):
        await pipe.outbox.room()
    for number in range(300):
        pipe.outbox.post(Post(topic="event", payload=str(number).encode()))
    waiting = asyncio.ensure_future(pipe.outbox.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    pipe.window = 1000
    pipe.outbox.kick()
    pipe.run()
    await asyncio.wait_for(waiting, 30)


def test_the_queue_is_bounded() -> None:
    pipe = FakePipe(window=0)
    post = Post(topic="event", payload=b"x")
    taken = sum(pipe.outbox.post(post) for _ in range(100_001))
    assert taken == 100_000


LARGE = bytes(LENT_BYTES)


def of(sent: list[Sent], topic: str) -> list[Sent]:
    return [each for each in sent if each.topic.startswith(topic)]


def test_an_alarm_goes_before_all_of_a_flooding_script_but_what_is_on_its_way() -> None:
    pipe = FakePipe()
    for number in range(100):
        pipe.outbox.post_for("flood", Post(topic=f"flood/{number}", payload=LARGE))
        pipe.outbox.put_for("flood", f"flood/state/{number}", LARGE)
    assert len(pipe.run()) == 1, "the broker has not acknowledged it: nothing follows, however fast the kernel takes it"
    pipe.is_ready = False  # a slow link, which still has some of it
    pipe.outbox.put("alarm", b"state")
    pipe.outbox.post(Post(topic="alarm", payload=b"event"))
    pipe.outbox.post(Post(topic="alarm", payload=b"late"), late=True)
    pipe.outbox.ensure("alarm/other", b"state")
    pipe.is_ready = True
    pipe.outbox.kick()
    assert [each.topic for each in pipe.run()] == ["alarm", "alarm", "alarm", "alarm/other"]


def test_of_borrowers_so_many_bytes_and_messages_are_on_their_way_and_the_window_is_ours() -> None:
    pipe = FakePipe()
    for number in range(64):
        pipe.outbox.post_for("script", Post(topic=f"small/{number}", payload=b"x"))
    assert len(pipe.run()) == 16
    pipe.ack()
    assert len(pipe.run()) == 1
    narrow = FakePipe(window=2)
    for number in range(3):
        narrow.outbox.post_for("script", Post(topic=f"small/{number}", payload=b"x"))
    narrow.run()
    narrow.outbox.post(Post(topic="event", payload=b"x"))
    assert [each.topic for each in narrow.run()] == ["event"]


def test_while_a_link_is_careful_one_borrowed_message_is_on_its_way_alone() -> None:
    sizes = Sizes()
    sizes.ended(1_000, 0.0)
    pipe = FakePipe(sizes=sizes)
    pipe.outbox.post(Post(topic="event", payload=b"x"))
    pipe.outbox.post_for("script", Post(topic="a", payload=b"x"))
    pipe.outbox.post_for("script", Post(topic="b", payload=b"x"))
    for topic in ("event", "a", "b"):
        assert [each.topic for each in pipe.run()] == [topic]
        pipe.ack()


def test_borrowers_take_turns() -> None:
    pipe = FakePipe()
    for number in range(60):
        pipe.outbox.post_for("flood", Post(topic="flood", payload=str(number).encode()))
    for name in ("calm", "quiet"):
        for number in range(2):
            pipe.outbox.post_for(name, Post(topic=name, payload=str(number).encode()))
    assert [each.topic for each in pipe.settle()][:6] == ["flood", "calm", "quiet"] * 2
    for topic in ("flood", "calm"):
        assert payloads(of(pipe.sent, topic)) == [str(number).encode() for number in range(60 if topic == "flood" else 2)]


def test_of_each_borrower_so_much_waits_and_another_has_room_all_the_same() -> None:
    pipe = FakePipe()
    pipe.is_ready = False
    assert sum(pipe.outbox.post_for("many", Post(topic="many", payload=b"x")) for _ in range(100)) == MOST_MESSAGES
    assert sum(pipe.outbox.post_for("large", Post(topic="large", payload=LARGE)) for _ in range(100)) == MOST_BYTES / len(LARGE)
    for number in range(1_000):
        pipe.outbox.post_for(f"script {number}", Post(topic="t", payload=LARGE))
    assert pipe.outbox.post_for("late", Post(topic="late", payload=LARGE))
    assert not pipe.outbox.post_for("late", Post(topic="late", payload=LARGE)), "all together have enough waiting"


async def test_room_for_a_borrower_is_waited_for() -> None:
    pipe = FakePipe()
    pipe.is_ready = False
    while pipe.outbox.post_for("script", Post(topic="a", payload=b"x")):
        pass
    waiting = asyncio.create_task(pipe.outbox.room_for("script"))
    await pipe.outbox.room_for("another")
    await asyncio.sleep(0)
    assert not waiting.done()
    pipe.is_ready = True
    pipe.outbox.kick()
    pipe.settle()
    await waiting


def test_what_is_taken_back_is_not_sent_and_what_is_on_its_way_can_not_be() -> None:
    pipe = FakePipe()
    first, second = (Post(topic=topic, payload=LARGE) for topic in ("first", "second"))
    for post in (first, second):
        pipe.outbox.post_for("script", post)
    pipe.run()
    assert [pipe.outbox.take_back("script", post) for post in (first, second, second)] == [False, True, False]
    assert of(pipe.settle(), "second") == []
    assert pipe.outbox.lengths["borrowed"] == 0


def test_a_borrowed_state_is_replaced_cleared_and_withdrawn() -> None:
    pipe = FakePipe()
    pipe.is_ready = False
    pipe.outbox.put_for("script", "a", b"1")
    pipe.outbox.put_for("script", "b", b"1")
    pipe.outbox.put_for("script", "a", b"2")
    pipe.outbox.put_for("script", "c", b"1")
    pipe.outbox.clear("b")
    pipe.outbox.clear("d")
    pipe.outbox.put_for("another", "d", b"new")
    pipe.outbox.withdraw("c")
    pipe.is_ready = True
    pipe.outbox.kick()
    assert [(each.topic, each.payload) for each in pipe.settle()] == [("b", b""), ("a", b"2"), ("d", b"new")]


def test_what_is_borrowed_is_no_reason_not_to_be_idle() -> None:
    pipe = FakePipe()
    pipe.outbox.post_for("script", Post(topic="a", payload=b"x"))
    pipe.run()
    assert pipe.outbox.is_idle
    pipe.outbox.post(Post(topic="event", payload=b"x"))
    pipe.run()
    assert not pipe.outbox.is_idle


def test_a_borrowed_message_that_is_too_large_is_told_and_holds_up_nobody() -> None:
    pipe = FakePipe(largest=10)
    codes: list[int] = []
    pipe.outbox.post_for("script", Post(topic="a", payload=b"x" * 11, on_done=codes.append))
    pipe.outbox.put_for("script", "state", b"x" * 11)
    pipe.outbox.post_for("script", Post(topic="b", payload=b"x"))
    assert [each.topic for each in pipe.settle()] == ["b"]
    assert codes == [reasons.PACKET_TOO_LARGE]
    assert pipe.dropped == ["a", "state"]


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
            if topic in {"s4", "s5"}:
                self.pipe.outbox.put_for(topic, topic, payload)
            else:
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

    @rule(topic=st.sampled_from(["s4", "s5"]), value=st.integers(0, 1000), size=st.sampled_from([0, LENT_BYTES]))
    def change_of_a_script(self, topic: str, value: int, size: int) -> None:
        self.states[topic] = str(value).encode().rjust(size)
        self.pipe.outbox.put_for(topic, topic, self.states[topic])

    @rule(topic=st.sampled_from(["s1", "s2", "s3"]), value=st.integers(0, 1000))
    def change(self, topic: str, value: int) -> None:
        self.states[topic] = str(value).encode()
        self.pipe.outbox.put(topic, self.states[topic])

    @rule(topic=st.sampled_from(["s1", "s2", "s3", "s4", "s5"]))
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
        lent = [each for each, _ in self.pipe.waiting if each.topic in {"s4", "s5"}]
        assert len(lent) <= 1 or sum(len(each.payload) for each in lent) <= LENT_BYTES
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
