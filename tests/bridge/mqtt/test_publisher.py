"""States, discovery, replays and events over a link without a network: who speaks when, and how often."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.fakes.backend import EVERYTHING, START, monitor
from tests.fakes.clock import FakeClock, settle
from tests.fakes.hub import FakeHub
from tests.fakes.pipe import FakePipe

from vms_bridge.index import IndexProgress
from vms_bridge.model import AlarmState, Capability, DetectedObject, Detection
from vms_bridge.mqtt.events import REFUSED_RETRY_S, Confirmations, EventLanes
from vms_bridge.mqtt.homeassistant import discovery
from vms_bridge.mqtt.homeassistant.announcer import Announcer
from vms_bridge.mqtt.homeassistant.discovery import Offer
from vms_bridge.mqtt.notices import Notices, Reports
from vms_bridge.mqtt.own_entities import OwnEntityPublisher
from vms_bridge.mqtt.publisher import FORGET_S, Publisher
from vms_bridge.mqtt.replay import Replay
from vms_bridge.mqtt.rivalry import Rivalry
from vms_bridge.mqtt.topics import Subject, Topics
from vms_bridge.mqtt.wire import Post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from vms_bridge.hub.subscription import HubSubscription

TOPICS = Topics("home")
LOGGER = logging.getLogger("test")


@asynccontextmanager
async def running(*works: Coroutine[None, None, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    await settle()
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@dataclass
class Stage:
    """A publisher and an announcer that have said everything there was to say."""

    hub: FakeHub
    clock: FakeClock
    pipe: FakePipe
    publisher: Publisher
    announcer: Announcer
    subscription: HubSubscription
    again: list[str]

    @classmethod
    async def set(cls, *, monitors: int = 1, retained: dict[str, bytes] | None = None) -> Stage:
        hub, clock, pipe = FakeHub(monitors=monitors), FakeClock(), FakePipe()
        publisher = Publisher(hub=hub, topics=TOPICS, outbox=pipe.outbox, clock=clock, interval_s=10, retained={})
        announcer = Announcer(
            hub=hub,
            offer=Offer(topics=TOPICS),
            outbox=pipe.outbox,
            clock=clock,
            retained=retained or {},
            unwanted=set(),
            is_on=True,
        )
        stage = cls(hub, clock, pipe, publisher, announcer, hub.subscribe(), [])
        changes = await stage.subscription.changes()
        await announcer.start(changes)
        await publisher.start(changes)
        pipe.settle()
        return stage

    async def note(self) -> list[str]:
        """Let the changes be noted, and return the topics that were published."""
        changes = await self.subscription.changes()
        self.announcer.note(changes)
        await self.publisher.note(changes)
        return self.topics()

    def topics(self) -> list[str]:
        return [each.topic for each in self.pipe.run()]

    def settled(self) -> list[str]:
        return [each.topic for each in self.pipe.settle()]

    def replay(self) -> Replay:
        return Replay(
            hub=self.hub,
            clock=self.clock,
            announcer=self.announcer,
            publisher=self.publisher,
            own_entities=OwnEntityPublisher(
                hub=self.hub,
                topics=TOPICS,
                outbox=self.pipe.outbox,
                clock=self.clock,
                notices=Notices(LOGGER, self.clock),
                retained=(),
            ),
            again=lambda: self.again.append("online"),
            jitter=lambda low, high: (low + high) / 2,
        )


STATE = TOPICS.monitor_state("zm", "1")
CONFIG = TOPICS.monitor_discovery("zm", "1")


async def test_objects_before_a_camera_that_is_taken_away_have_gone() -> None:
    stage = await Stage.set()
    stage.hub.remove_monitor("zm", "1")
    stage.hub.detect(Detection(monitor_id="1", time=START, event_id="7"))
    changes = await stage.subscription.changes()
    await stage.publisher.note(changes)
    sent = {each.topic: json.loads(each.payload) for each in stage.pipe.run() if each.payload}
    assert sent[TOPICS.detection("zm", "1")]["objects"] == []
    stage.hub.detect(Detection(monitor_id="1", time=START, objects=(DetectedObject(label="cat"),)))
    assert TOPICS.detection("zm", "1") not in await stage.note()


async def test_alarms_at_once_measurements_once_in_ten_seconds() -> None:
    stage = await Stage.set()
    async with running(stage.publisher.run()):
        stage.hub.set_state(capture_fps=20.0)
        assert await stage.note() == []
        stage.hub.set_state(alarm=AlarmState.ALARM)
        assert await stage.note() == [STATE]
        await stage.clock.advance(10)
        assert stage.topics() == [], "the alarm took the measurement along"
        for fps in (1.0, 9.0, 17.0):
            stage.hub.set_state(capture_fps=fps)
            await stage.note()
        await stage.clock.advance(10)
        assert stage.topics() == [STATE]
        assert json.loads(stage.pipe.retained()[STATE])["capture_fps"] == 17.0


async def test_how_far_the_index_is_is_published_now_and_then() -> None:
    stage, topic = await Stage.set(), TOPICS.system_state("zm")
    async with running(stage.publisher.run()):
        for events in (10, 20, 30):
            stage.hub.set_progress(IndexProgress(events=events, expected=100))
            assert await stage.note() == []
        await stage.clock.advance(10)
        assert stage.topics() == [topic]
        assert json.loads(stage.pipe.retained()[topic])["index_progress"] == 30
        stage.hub.set_progress(IndexProgress(events=30, expected=99, detail="nobody is there"))
        assert await stage.note() == []
        await stage.clock.advance(20)
        assert stage.topics() == [], "it is 30 % all the same"


async def test_the_time_of_an_observation_is_no_news() -> None:
    stage = await Stage.set()
    stage.hub.set_state(observed=stage.clock.now())
    assert await stage.note() == []


async def test_a_systems_state_tells_how_many_monitors_it_has() -> None:
    stage = await Stage.set()
    stage.hub.add_monitor("zm", monitor(2))
    assert TOPICS.system_state("zm") in await stage.note()
    assert json.loads(stage.pipe.retained()[TOPICS.system_state("zm")])["monitors"] == 2
    stage.hub.remove_monitor("zm", "2")
    await stage.note()
    assert json.loads(stage.pipe.retained()[TOPICS.system_state("zm")])["monitors"] == 1


async def test_what_is_gone_is_not_published_later() -> None:
    stage = await Stage.set()
    async with running(stage.publisher.run(), stage.announcer.run()):
        stage.hub.set_state(capture_fps=20.0)
        stage.hub.set_system(load=9.0)
        await stage.note()
        stage.hub.remove_system("zm")
        await stage.note()
        await stage.clock.advance(15)
        stage.pipe.run()
        assert list(stage.pipe.retained()) == [TOPICS.bridge_discovery]


@pytest.mark.parametrize("what", ["monitor", "system"])
async def test_what_is_gone_loses_its_discovery_well_before_its_topics(what: str) -> None:
    """A template of Home Assistant that still listens can't read an empty message."""
    stage = await Stage.set()
    async with running(stage.publisher.run(), stage.announcer.run()):
        if what == "monitor":
            state, config = STATE, CONFIG
            stage.hub.remove_monitor("zm", "1")
        else:
            state, config = TOPICS.system_state("zm"), TOPICS.system_discovery("zm")
            stage.hub.remove_system("zm")
        await stage.note()
        await stage.clock.advance(FORGET_S - 2)
        stage.pipe.run()
        assert config not in stage.pipe.retained()
        assert state in stage.pipe.retained()
        await stage.clock.advance(3)
        stage.pipe.run()
        assert state not in stage.pipe.retained()


async def test_what_comes_back_at_once_keeps_its_topics() -> None:
    stage = await Stage.set()
    picture, last_event = TOPICS.snapshot("zm", "1"), TOPICS.last_event("zm", "1")
    async with running(stage.publisher.run()):
        for has_event in (False, True):
            stage.hub.remove_monitor("zm", "1")
            await stage.note()
            stage.hub.add_monitor("zm", monitor(1))
            if has_event:
                stage.hub.record(1)
            await stage.note()
            await stage.clock.advance(FORGET_S + 1)
            assert STATE in stage.pipe.retained()
            cleared = [each.topic for each in stage.pipe.run() if not each.payload]
            assert cleared == ([] if has_event else [picture, last_event]), "it came back without its past"
        stage.hub.remove_system("zm")
        await stage.note()
        stage.hub.add_system("zm")
        await stage.note()
        await stage.clock.advance(FORGET_S + 1)
        stage.pipe.run()
        assert TOPICS.system_state("zm") in stage.pipe.retained()


async def test_changes_of_a_device_are_gathered_and_kept_apart() -> None:
    stage = await Stage.set()
    async with running(stage.announcer.run()):
        for name in ("A", "B", "C"):
            stage.hub.add_monitor("zm", monitor(1, name=name))
            await stage.note()
        await stage.clock.advance(1.5)
        assert CONFIG not in stage.topics(), "two payloads for a device are two seconds apart"
        await stage.clock.advance(1)
        assert stage.topics().count(CONFIG) == 1
        assert b'"C"' in stage.pipe.retained()[CONFIG]
        stage.hub.add_monitor("zm", monitor(1, name="C"))
        await stage.note()
        await stage.clock.advance(5)
        assert stage.topics() == [], "nothing has changed"


async def test_entities_go_in_two_steps() -> None:
    stage = await Stage.set()
    full = discovery.components(stage.pipe.retained()[CONFIG])
    async with running(stage.announcer.run()):
        stage.hub.add_monitor("zm", monitor(1, capabilities=EVERYTHING - {Capability.FORCE_ALARM}))
        await stage.note()
        await stage.clock.advance(2.5)
        (first,) = [each.payload for each in stage.pipe.run() if each.topic == CONFIG]
        gone = discovery.gone(stage.pipe.retained()[CONFIG], b"{}") & (full.keys() - {"armed"})
        assert discovery.components(first) == full, "first each component that goes is left with its platform only"
        assert gone
        await stage.clock.advance(4)
        assert stage.topics() == [], "the broker has not acknowledged it yet"
        stage.pipe.ack()
        await stage.clock.advance(1.9)
        assert stage.topics() == [], "Home Assistant takes a moment after the broker"
        await stage.clock.advance(1.1)
        (second,) = [each.payload for each in stage.pipe.run() if each.topic == CONFIG]
        assert discovery.components(second).keys() < full.keys()
        await stage.clock.advance(10)
        assert stage.topics() == []


async def test_a_slow_broker_hears_both_steps() -> None:
    stage = await Stage.set()
    async with running(stage.announcer.run()):
        stage.pipe.is_ready = False
        stage.announcer.repeat(Subject("zm", "1"))
        stage.hub.add_monitor("zm", monitor(1, capabilities=EVERYTHING - {Capability.FORCE_ALARM}))
        await stage.note()
        await stage.clock.advance(20)
        stage.pipe.is_ready = True
        stage.pipe.outbox.kick()
        (first,) = [each for each in stage.pipe.run() if each.topic == CONFIG]
        assert (first.qos, first.retain) == (1, True)
        assert json.loads(first.payload)["cmps"]["force_alarm"] == {"p": "switch"}
        stage.pipe.ack()
        await stage.clock.advance(4)
        assert "force_alarm" not in discovery.components(stage.pipe.run()[-1].payload)


async def test_a_full_queue_puts_the_removal_off() -> None:
    stage = await Stage.set()
    stage.pipe.window = 0
    while stage.pipe.outbox.post(Post(topic="event", payload=b"x")):
        pass
    async with running(stage.announcer.run()):
        stage.hub.add_monitor("zm", monitor(1, capabilities=EVERYTHING - {Capability.FORCE_ALARM}))
        await stage.note()
        await stage.clock.advance(5)
        stage.pipe.window = 200_000
        stage.pipe.outbox.kick()
        stage.pipe.run()
        await stage.clock.advance(5)
        assert [each.qos for each in stage.pipe.run() if each.topic == CONFIG] == [1]


async def test_a_change_keeps_its_distance_from_a_repetition_too() -> None:
    stage = await Stage.set()
    async with running(stage.announcer.run()):
        await stage.clock.advance(10)
        stage.announcer.repeat(Subject("zm", "1"))
        stage.hub.add_monitor("zm", monitor(1, name="Renamed"))
        assert CONFIG in await stage.note()
        await stage.clock.advance(1.9)
        assert stage.topics() == [], "two payloads for a device are two seconds apart"
        await stage.clock.advance(1.1)
        assert stage.topics() == [CONFIG]


async def test_a_replay_is_paced_and_comes_to_its_end() -> None:
    stage = await Stage.set(monitors=100)
    replay = stage.replay()
    async with running(replay.run()):
        replay.ask(jitter=True)
        await stage.clock.advance(2.9)
        assert (stage.settled(), stage.again) == ([], [])
        await stage.clock.advance(0.2)
        assert 0 < len(stage.settled()) <= 40
        assert stage.again == ["online"]
        for _ in range(8):  # somebody asks again and again
            replay.ask(jitter=False)
            await stage.clock.advance(0.1)
        assert stage.again == ["online"]
        stage.settled()
        await stage.clock.advance(0.2)
        assert TOPICS.monitor_discovery("zm", "100") in stage.settled()
        await stage.clock.advance(2.0)
        assert stage.again == ["online", "online"], "one more for all who have asked"
        assert TOPICS.monitor_discovery("zm", "100") in stage.settled()
        replay.ask(jitter=True)
        await stage.clock.advance(2.9)
        replay.ask(jitter=True)
        await stage.clock.advance(10)
        assert stage.again == ["online"] * 3, "who asks while it waits is served with the others"


async def test_a_replay_sends_what_is_true_now() -> None:
    stage = await Stage.set()
    replay = stage.replay()
    stage.hub.set_state(capture_fps=11.0)
    async with running(replay.run()):
        replay.ask(jitter=False)
        await stage.clock.advance(1)
    stage.pipe.run()
    assert json.loads(stage.pipe.retained()[STATE])["capture_fps"] == 11.0


async def test_the_announcer_repeats_what_it_knows_only() -> None:
    stage = await Stage.set()
    stage.announcer.repeat(Subject("zm", "77"))
    stage.announcer.emptied(CONFIG)
    stage.announcer.emptied(CONFIG)
    stage.announcer.repeat(Subject("zm", "1"))
    assert stage.topics() == []


async def test_a_deletion_by_the_user_withdraws_a_payload_that_waits() -> None:
    stage = await Stage.set()
    stage.pipe.is_ready = False
    stage.announcer.repeat(Subject("zm", "1"))
    stage.announcer.emptied(CONFIG)
    stage.pipe.is_ready = True
    stage.pipe.outbox.kick()
    assert stage.topics() == []


async def test_a_deletion_by_the_user_is_told_from_the_echo_of_an_earlier_one() -> None:
    """By MQTT 3.1.1 our own clearing comes back, once."""
    stage = await Stage.set()
    async with running(stage.announcer.run()):
        stage.hub.remove_monitor("zm", "1")
        await stage.note()
        await stage.clock.advance(3)
        assert stage.topics() == [CONFIG]
        stage.hub.add_monitor("zm", monitor(1))
        await stage.note()
        await stage.clock.advance(3)
        stage.announcer.emptied(CONFIG, may_be_echo=True)
        stage.announcer.repeat(Subject("zm", "1"))
        assert CONFIG in stage.topics(), "that was the echo"
        stage.announcer.emptied(CONFIG, may_be_echo=True)
        stage.topics()
        stage.announcer.repeat(Subject("zm", "1"))
        assert stage.topics() == []


@dataclass
class Lanes:
    hub: FakeHub
    clock: FakeClock
    pipe: FakePipe
    lanes: EventLanes
    confirmations: Confirmations
    notices: Notices

    @classmethod
    def over(cls, hub: FakeHub, *, window: int = 100) -> Lanes:
        clock, pipe, confirmations = FakeClock(), FakePipe(window=window), Confirmations()
        notices = Notices(LOGGER, clock)
        lanes = EventLanes(
            hub=hub, topics=TOPICS, outbox=pipe.outbox, confirmations=confirmations, clock=clock,
            reports=Reports(notices, pipe.counters), expiry_s=60,
        )  # fmt: skip
        return cls(hub, clock, pipe, lanes, confirmations, notices)

    def works(self) -> tuple[Coroutine[None, None, None], Coroutine[None, None, None]]:
        return self.lanes.run(), self.confirmations.run(self.hub, self.clock, self.notices)

    async def answer(self, code: int = 0) -> None:
        self.pipe.run()
        while self.pipe.waiting:
            self.pipe.ack(code)
            self.pipe.run()
        await settle()


async def test_refused_events_are_passed_over_and_tried_again() -> None:
    stage = Lanes.over(FakeHub())
    stage.hub.record(1)
    stage.hub.record(2)
    async with running(*stage.works()):
        await stage.answer(0x97)
        assert stage.hub.delivered_positions == set()
        assert stage.pipe.counters.events_refused == 2
        stage.hub.record(3)
        stage.lanes.wake()
        await settle()
        await stage.answer()
        assert stage.hub.delivered_positions == {3}
        await stage.clock.advance(REFUSED_RETRY_S)
        await stage.answer()
        assert stage.hub.delivered_positions == {1, 2, 3}
        await stage.clock.advance(REFUSED_RETRY_S)
        await stage.answer()
    assert len([each for each in stage.pipe.sent if each.topic == TOPICS.event]) == 5


async def test_confirmations_come_in_batches() -> None:
    stage = Lanes.over(FakeHub())
    for number in range(20):
        stage.hub.record(number)
    async with running(*stage.works()):
        await stage.answer()
    assert [len(batch) for batch in stage.hub.confirmed] == [20]


async def test_a_confirmation_that_fails_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    stage = Lanes.over(FakeHub())
    stage.hub.record(1)
    async with running(*stage.works()):
        stage.pipe.run()
        stage.hub.store_fails = True
        await stage.answer()
        assert 1 in stage.confirmations
        stage.hub.store_fails = False
        stage.lanes.wake()
        await stage.clock.advance(5)
        assert stage.hub.delivered_positions == {1}
    assert len([each for each in stage.pipe.sent if each.topic == TOPICS.event]) == 1
    assert "make room" in caplog.text


async def test_a_long_backlog_waits_in_the_store() -> None:
    stage = Lanes.over(FakeHub(), window=0)
    for number in range(2000):
        stage.hub.record(number)
    async with running(*stage.works()):
        await settle(200)
        assert stage.hub.reads < 10


@pytest.mark.parametrize("late", [False, True])
async def test_events_wait_where_the_queue_is_full(*, late: bool) -> None:
    stage = Lanes.over(FakeHub(), window=0)
    while stage.pipe.outbox.post(Post(topic="other", payload=b"x"), late=not late):
        pass
    stage.hub.record(1, late=late)
    async with running(*stage.works()):
        await settle()
        stage.pipe.window = 200_000
        stage.pipe.outbox.kick()
        await stage.answer()
        await stage.answer()
        assert stage.hub.delivered_positions == {1}


async def test_late_events_are_paced() -> None:
    stage = Lanes.over(FakeHub())
    for number in range(200):
        stage.hub.record(number, late=True)
    async with running(*stage.works()):
        await stage.clock.advance(1.0)
        await stage.answer()
        assert 40 <= len(stage.hub.delivered_positions) <= 70


class Bridge:
    """One of two bridges of one name that hear each other."""

    def __init__(self, bridge_id: str, *, established: bool) -> None:
        self.info = json.dumps({"bridge_id": bridge_id}).encode()
        self.answers = 0
        self.rivalry = Rivalry(
            instance="home", bridge_id=bridge_id, clock=FakeClock(), is_established=lambda: established, answer=self._answer
        )

    def _answer(self) -> None:
        self.answers += 1


def argue(first: Bridge, second: Bridge) -> list[bool]:
    """Let both hear each other until neither answers any more."""
    first.rivalry.heard(second.info)
    while first.answers or second.answers:
        if first.answers:
            first.answers -= 1
            second.rivalry.heard(first.info)
        if second.answers:
            second.answers -= 1
            first.rivalry.heard(second.info)
    return [first.rivalry.is_lost, second.rivalry.is_lost]


@pytest.mark.parametrize(("old", "new"), [("a", "b"), ("b", "a")])
def test_the_newcomer_gives_way(old: str, new: str) -> None:
    assert argue(Bridge(old, established=True), Bridge(new, established=False)) == [False, True]


def test_of_two_newcomers_one_stays() -> None:
    assert argue(Bridge("a", established=False), Bridge("b", established=False)) == [False, True]
    assert argue(Bridge("b", established=False), Bridge("a", established=False)) == [True, False]


def test_two_that_are_established_do_not_quarrel_for_ever() -> None:
    assert argue(Bridge("a", established=True), Bridge("b", established=True)) == [False, False]


@pytest.mark.parametrize("info", [b"", b"nonsense", b"[]", b'{"bridge_id": 1}', b"[" * 100_000, b"\xff"])
def test_nonsense_is_no_rival(info: bytes) -> None:
    one = Bridge("b", established=False)
    one.rivalry.heard(info)
    assert not one.rivalry.is_lost
    assert not one.answers


async def test_notices_are_seldom_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    notices = Notices(LOGGER, clock)
    for _ in range(5):
        notices.warn("a", "trouble")
    await clock.advance(61)
    notices.warn("a", "trouble")
    assert [record.message for record in caplog.records] == ["trouble", "trouble (4 more like this)"]
    for number in range(300):
        notices.warn(str(number), "other")
        notices.warn("a", "in between")
    notices.warn("299", "held back")
    assert "held back" not in caplog.text
    assert "in between" not in caplog.text, "what comes up again and again is not forgotten over what does not"


async def test_one_cause_is_one_warning_however_many_topics_it_hits(caplog: pytest.LogCaptureFixture) -> None:
    stage = Lanes.over(FakeHub(monitors=50))
    for number in range(1, 51):
        stage.hub.record(number, str(number))
    async with running(*stage.works()):
        await stage.answer(0x87)
        await stage.clock.advance(REFUSED_RETRY_S)
        await stage.answer(0x87)
    said = [record.message for record in caplog.records]
    assert len(said) == 4, "the monitors' topics and the common one, twice"
    assert "vms_bridge/home/zm/1/event" in said[0]
    assert sum("(49 more like this)" in each for each in said) == 2
