"""Pictures: made small, fetched when they are ready, given up with a word."""

from __future__ import annotations

import asyncio
import io
import logging
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from tests.fakes.backend import START, monitor
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub

from vms_bridge.demo.broker import BrokerLimits
from vms_bridge.errors import MediaUnavailable
from vms_bridge.mqtt.carrier import SEND_BUFFER_BYTES, Route
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.counters import Counters
from vms_bridge.mqtt.dialect import Dialect
from vms_bridge.mqtt.notices import Notices, Reports
from vms_bridge.mqtt.pictures import MAX_SOURCE_BYTES, PictureMemory, PicturePublisher, Shown, shrink
from vms_bridge.mqtt.topics import Topics
from vms_bridge.views import Changes, MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from vms_bridge.model import PictureRef

TOPICS = Topics("home")
TOPIC = TOPICS.snapshot("zm", "1")
KEY = ("zm", "1")


def picture(width: int, height: int, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 64).convert("RGB").save(out, kind)
    return out.getvalue()


def size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
        return opened.size


def test_pictures_are_made_small() -> None:
    assert size(shrink(picture(2560, 1440))) == (1280, 720)
    assert size(shrink(picture(600, 2400))) == (320, 1280)
    assert size(shrink(picture(640, 480, "PNG"))) == (640, 480)
    small = picture(320, 240)
    assert shrink(small) is small


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"\xff\xd8\xff\xe0" * 100, picture(2000, 1000)[:5000], b"x" * (MAX_SOURCE_BYTES + 1)]
)
def test_what_is_no_picture(data: bytes) -> None:
    with pytest.raises(MediaUnavailable):
        shrink(data)


def test_a_bomb_is_not_opened() -> None:
    out = io.BytesIO()
    Image.new("1", (11_000, 11_000)).save(out, "PNG")
    with pytest.raises(MediaUnavailable, match="too many"):
        shrink(out.getvalue())


@pytest.mark.parametrize(("mode", "side"), [("CMYK", 7000), ("RGB", 6000)])
def test_a_picture_that_would_take_hundreds_of_megabytes_is_not_decoded(mode: str, side: int) -> None:
    out = io.BytesIO()
    Image.new(mode, (side, side)).save(out, "JPEG", progressive=True)
    with pytest.raises(MediaUnavailable, match="more than 128 MB to decode"):
        shrink(out.getvalue())


def test_the_pictures_of_large_cameras_are_no_trouble() -> None:
    out = io.BytesIO()
    Image.new("RGB", (4000, 3000)).save(out, "JPEG", progressive=True)
    assert size(shrink(out.getvalue())) == (1280, 960)


class Hanging(FakeHub):
    """A hub with systems that do not answer for a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.hung: dict[str, asyncio.Event] = {}
        """Answers once this is set."""

    async def picture(self, system: str, ref: PictureRef) -> bytes:
        if system in self.hung:
            await self.hung[system].wait()
        return await super().picture(system, ref)


class Studio:
    """A picture publisher over a broker."""

    def __init__(self, broker: FakeBroker) -> None:
        self.broker = broker
        self.hub = Hanging()
        self.clock = FakeClock()
        self.memory = PictureMemory()
        self.counters = Counters()
        self._task: asyncio.Task[None] | None = None

    async def session(self, *, everything: bool = False) -> None:
        """Serve as over a new link of the sink."""
        await self.end()
        self.snapshots = PicturePublisher(
            hub=self.hub,
            topics=TOPICS,
            clock=self.clock,
            reports=Reports(Notices(logging.getLogger("test"), self.clock), self.counters),
            memory=self.memory,
            route=Route(config=MqttConfig(url=self.broker.url), client_id="bridge_media", dialect=Dialect()),
        )
        keys = ((key, name) for key, system in self.hub.systems.items() for name in system.monitors)
        known = frozenset(key for key in keys if (view := self.hub.monitor(*key)) and view.last_event)
        self.snapshots.start(Changes(systems=frozenset(self.hub.systems), last_events=known), everything=everything)
        self._task = asyncio.create_task(self.snapshots.run())

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def happen(self, number: int, *, ready: bool = True, type_: MessageType = MessageType.MEDIA, **changes: Any) -> None:  # noqa: ANN401 - fields by keyword
        self.hub.record(number, type_=type_, snapshot_ready=ready, **changes)
        self.snapshots.note(Changes(last_events=frozenset({KEY})))

    def set_available(self, *, available: bool) -> None:
        self.hub.set_system(available=available)
        self.snapshots.note(Changes(systems=frozenset({"zm"})))

    async def serve(self, seconds: float) -> None:
        """Let a while pass in which whatever there is to do is done."""
        over = self.clock.monotonic() + seconds
        await self.until(lambda: self.clock.monotonic() >= over)

    async def wait(self, seconds: int) -> None:
        """Let a longer while pass, in which not much is to be done."""
        for _ in range(seconds):
            await self.clock.advance(1)
            await asyncio.sleep(0.002)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await self.clock.advance(0.05)
                await asyncio.sleep(0.002)


@asynccontextmanager
async def studio_at(broker: FakeBroker) -> AsyncIterator[Studio]:
    """A bridge that has just started."""
    one = Studio(broker)
    await one.session()
    yield one
    await one.end()


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    async with FakeBroker() as broker, studio_at(broker) as one:
        yield one


async def test_a_picture_that_comes_late_is_tried_again(studio: Studio) -> None:
    studio.happen(1)
    ready = picture(320, 240)

    def is_there() -> bool:
        if len(studio.hub.asked_pictures) == 2:
            studio.hub.pictures["1"] = ready
        return studio.broker.retained.get(TOPIC) == ready

    await studio.until(is_there)
    await studio.serve(0.5)
    assert studio.memory.shown == {KEY: Shown(event="zm-1", is_over=False)}


async def test_a_picture_that_never_comes_is_given_up(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    studio.happen(1)
    await studio.until(lambda: "no picture of the newest event of zm/1" in caplog.text)
    assert studio.counters.pictures_failed == 1
    assert len(studio.hub.asked_pictures) == 3
    assert studio.broker.clients == frozenset(), "no picture, no connection"


async def test_a_picture_that_can_not_be_had_for_a_while_is_asked_for_later_and_less_and_less_often(studio: Studio) -> None:
    studio.happen(1, end=studio.clock.now())
    await studio.wait(200)
    asked = len(studio.hub.asked_pictures)
    assert 9 <= asked <= 3 * 6, "at first, and after 5, 10, 20, 40 and 80 s"
    assert studio.counters.pictures_failed == 1
    studio.happen(2, end=studio.clock.now())
    await studio.until(lambda: studio.counters.pictures_failed == 2)
    studio.hub.pictures["2"] = picture(320, 240)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    studio.hub.pictures.clear()
    studio.happen(3, end=hours_ago(studio, 0.98))
    await studio.until(lambda: studio.counters.pictures_failed == 3)
    await studio.wait(200)
    asked = len(studio.hub.asked_pictures)
    await studio.wait(400)
    assert len(studio.hub.asked_pictures) == asked, "it is not recent any more"


async def test_a_picture_that_the_broker_may_still_have_is_not_taken_away_before_the_last_attempt(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    studio.hub.pictures.clear()
    await studio.session()
    await studio.until(lambda: len(studio.hub.asked_pictures) == 3)
    await studio.serve(1)
    assert TOPIC in studio.broker.retained
    await studio.until(lambda: TOPIC not in studio.broker.retained)
    studio.hub.pictures["1"] = picture(320, 200)
    await studio.until(lambda: studio.broker.retained.get(TOPIC) == studio.hub.pictures["1"])


async def test_what_is_known_is_not_fetched_again(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240), "2": picture(320, 200)}
    studio.happen(1)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    studio.happen(1)
    studio.happen(2, ready=False)
    studio.happen(2)
    await studio.until(lambda: studio.broker.retained[TOPIC] == studio.hub.pictures["2"])
    assert len(studio.hub.asked_pictures) == 2


def hours_ago(studio: Studio, hours: float) -> datetime:
    return studio.clock.now() - timedelta(hours=hours)


async def test_after_a_start_only_recent_ones_unless_the_broker_has_none(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.hub.record(1, start=hours_ago(studio, 2), end=hours_ago(studio, 1.5))
    studio.memory = PictureMemory()
    await studio.session()
    await studio.serve(5)
    assert studio.hub.asked_pictures == []
    await studio.session(everything=True)
    await studio.until(lambda: TOPIC in studio.broker.retained)


async def test_an_event_that_ended_a_short_while_ago_is_recent_however_long_it_was(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.hub.record(1, start=hours_ago(studio, 5), end=hours_ago(studio, 0.5))
    await studio.session()
    await studio.until(lambda: TOPIC in studio.broker.retained)


@pytest.mark.parametrize("shown_before", [True, False])
async def test_what_happened_while_the_broker_was_away_is_shown_however_long_ago(studio: Studio, *, shown_before: bool) -> None:
    studio.hub.pictures = {"1": picture(320, 240), "2": picture(320, 200)}
    if shown_before:
        studio.happen(1)
        await studio.until(lambda: TOPIC in studio.broker.retained)
    studio.hub.record(2, start=studio.clock.now(), end=studio.clock.now() + timedelta(minutes=1))
    await studio.clock.advance(3 * 3600)
    await studio.session()
    await studio.until(lambda: studio.broker.retained.get(TOPIC) == studio.hub.pictures["2"])


async def test_a_broker_that_came_back_with_an_old_picture_gets_the_new_one(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1, start=hours_ago(studio, 0.5), end=hours_ago(studio, 0.4))
    await studio.until(lambda: TOPIC in studio.broker.retained)
    studio.broker.publish(TOPIC, b"saved before", retain=True)
    await studio.session()
    await studio.until(lambda: studio.broker.retained[TOPIC] == studio.hub.pictures["1"])
    await studio.end()
    studio.memory.shown[KEY] = Shown(event="zm-1", is_over=True)
    await studio.clock.advance(3600)
    await studio.session()
    await studio.serve(5)
    assert len(studio.hub.asked_pictures) == 2, "by now the broker has saved it"


async def test_a_picture_that_left_shortly_before_a_loss_is_sent_again(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1)
    lost = False

    def is_there_again() -> bool:
        nonlocal lost
        if TOPIC in studio.broker.retained and not lost:
            lost = True
            studio.broker.core.drop("bridge_media")
            studio.broker.publish(TOPIC, b"older", retain=True)
        return lost and studio.broker.retained[TOPIC] == studio.hub.pictures["1"]

    await studio.until(is_there_again)


async def test_what_was_not_to_be_had_is_fetched_when_the_system_is_back(studio: Studio) -> None:
    studio.happen(1)
    await studio.until(lambda: studio.counters.pictures_failed == 1)
    assert len(studio.hub.asked_pictures) == 3
    studio.set_available(available=False)
    await studio.session()
    await studio.serve(10)
    assert len(studio.hub.asked_pictures) == 3, "nobody asks a system that is away"
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.set_available(available=True)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    await studio.serve(1)
    studio.set_available(available=False)
    studio.set_available(available=True)
    await studio.serve(5)
    assert len(studio.hub.asked_pictures) == 4


async def test_a_system_that_hangs_holds_up_nobody_else(studio: Studio) -> None:
    studio.hub.hung["attic"] = asyncio.Event()
    studio.hub.add_system("attic")
    for number in range(1, 51):
        studio.hub.add_monitor("attic", monitor(number))
        studio.hub.record(number, str(number), system="attic", type_=MessageType.MEDIA, snapshot_ready=True)
    await studio.session()
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    assert len(studio.hub.asked_pictures) == 1


async def test_pictures_are_paced(studio: Studio) -> None:
    for number in range(1, 31):
        studio.hub.add_monitor("zm", monitor(number))
        studio.hub.pictures[str(number)] = picture(32, 24)
        studio.hub.record(number, str(number), type_=MessageType.MEDIA, snapshot_ready=True)
    await studio.session()
    began = studio.clock.monotonic()
    await studio.until(lambda: len(studio.broker.retained) == 30)
    assert studio.clock.monotonic() - began >= 2.9


async def test_a_replay_brings_the_pictures_too(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.hub.add_monitor("zm", monitor(2))
    studio.happen(1, end=hours_ago(studio, 30), start=hours_ago(studio, 31))
    await studio.until(lambda: studio.memory.shown.get(KEY) == Shown(event="zm-1", is_over=True))
    studio.broker.publish(TOPIC, b"", retain=True)
    studio.snapshots.repeat()
    await studio.until(lambda: TOPIC in studio.broker.retained)


async def test_a_deleted_event_leaves_no_picture(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    studio.happen(1, type_=MessageType.DELETED)
    await studio.until(lambda: TOPIC not in studio.broker.retained)
    assert len(studio.hub.asked_pictures) == 1


async def test_an_event_that_is_deleted_while_its_picture_is_fetched_leaves_none(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    heard = studio.broker.listen(TOPIC)
    studio.hub.hung["zm"] = asyncio.Event()
    studio.happen(1)
    await studio.serve(0.5)
    studio.happen(1, type_=MessageType.DELETED)
    studio.hub.hung["zm"].set()
    await studio.until(lambda: studio.memory.shown[KEY] == Shown(event="zm-1", is_over=False, is_deleted=True))
    assert len(studio.hub.asked_pictures) == 1
    assert (await heard.get()).payload == b""


async def test_no_picture_of_the_event_before_stays_beside_one_whose_own_is_not_ready(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240), "2": picture(320, 200)}
    studio.happen(1)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    studio.happen(2, ready=False, type_=MessageType.NEW)
    await studio.until(lambda: TOPIC not in studio.broker.retained)
    assert studio.memory.shown == {KEY: Shown(event="zm-2", is_over=False, is_empty=True)}
    studio.happen(2, ready=False, type_=MessageType.UPDATE)
    await studio.serve(1)
    studio.happen(2)
    await studio.until(lambda: studio.broker.retained.get(TOPIC) == studio.hub.pictures["2"])
    assert len(studio.hub.asked_pictures) == 2


async def test_a_picture_that_is_still_on_its_way_gives_way_to_none(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.hub.hung["zm"] = asyncio.Event()
    studio.happen(1)
    await studio.serve(0.5)
    studio.happen(2, ready=False, type_=MessageType.NEW)
    studio.hub.hung["zm"].set()
    await studio.until(lambda: len(studio.hub.asked_pictures) == 1)
    await studio.serve(2)
    assert TOPIC not in studio.broker.retained


async def test_a_picture_that_can_not_be_had_leaves_none_of_the_event_before(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    studio.happen(2)
    await studio.until(lambda: TOPIC not in studio.broker.retained)
    studio.hub.pictures["2"] = picture(320, 200)
    await studio.until(lambda: studio.broker.retained.get(TOPIC) == studio.hub.pictures["2"])


async def test_a_picture_that_was_taken_earlier_is_better_than_none(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    del studio.hub.pictures["1"]
    studio.happen(1, end=studio.clock.now())
    await studio.until(lambda: len(studio.hub.asked_pictures) == 4)
    await studio.serve(5)
    assert TOPIC in studio.broker.retained


@pytest.mark.parametrize("ready", [True, False])
async def test_a_broker_that_kept_the_picture_before_does_not_keep_it_beside_none(studio: Studio, *, ready: bool) -> None:
    studio.hub.record(2, snapshot_ready=ready, type_=MessageType.NEW)
    studio.broker.publish(TOPIC, b"of the event before", retain=True)
    await studio.session()
    await studio.until(lambda: TOPIC not in studio.broker.retained)


async def test_a_monitor_that_goes_needs_no_picture(studio: Studio) -> None:
    studio.happen(1)
    studio.snapshots.note(Changes(removed=frozenset({KEY})))
    studio.happen(1)
    studio.hub.remove_monitor("zm", "1")
    await studio.serve(1)
    assert studio.hub.asked_pictures == []


async def test_a_monitor_that_goes_while_its_picture_is_fetched_leaves_none(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240), "2": picture(320, 200)}
    studio.hub.add_monitor("zm", monitor(2))
    studio.happen(1)

    def is_second() -> bool:
        if studio.hub.asked_pictures and studio.hub.monitor("zm", "1") is not None:
            studio.hub.remove_monitor("zm", "1")
            studio.snapshots.note(Changes(removed=frozenset({KEY})))
            studio.hub.record(2, "2", type_=MessageType.MEDIA, snapshot_ready=True)
            studio.snapshots.note(Changes(last_events=frozenset({("zm", "2")})))
        return TOPICS.snapshot("zm", "2") in studio.broker.retained

    await studio.until(is_second)
    assert TOPIC not in studio.broker.retained
    assert studio.memory.shown.keys() == {("zm", "2")}


async def test_a_picture_is_cleared_behind_itself(studio: Studio) -> None:
    """The clearing on the main connection may overtake a picture that is still on its way."""
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1)
    removed = False

    def is_cleared() -> bool:
        nonlocal removed
        if TOPIC in studio.broker.retained and not removed:
            removed = True
            studio.hub.remove_monitor("zm", "1")
            studio.snapshots.note(Changes(removed=frozenset({KEY})))
        return removed and TOPIC not in studio.broker.retained

    await studio.until(is_cleared)


async def test_a_broker_that_refuses_the_second_connection(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    studio.broker.faults.refuse = 0x97
    studio.broker.faults.refuse_times = 2
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    assert caplog.text.count("no second connection for pictures") == 1


async def test_a_broken_connection_is_made_again(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240), "2": picture(320, 200)}
    studio.happen(1)
    broken = False

    def is_second() -> bool:
        nonlocal broken
        if TOPIC in studio.broker.retained and not broken:
            broken = True
            studio.broker.core.drop("bridge_media")
            studio.happen(2)
        return studio.broker.retained.get(TOPIC) == studio.hub.pictures["2"]

    await studio.until(is_second)


async def test_a_broker_that_cuts_whatever_brings_a_picture_is_not_stormed(studio: Studio) -> None:
    studio.broker.faults.drop_after = 1
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.happen(1)
    await studio.serve(20)
    assert 3 <= len(studio.broker.seen.connects) <= 6
    studio.broker.faults.drop_after = None
    await studio.until(lambda: TOPIC in studio.broker.retained)


async def test_a_picture_that_is_too_large_for_the_broker(caplog: pytest.LogCaptureFixture) -> None:
    async with FakeBroker(limits=BrokerLimits(max_packet_bytes=2000)) as broker, studio_at(broker) as studio:
        studio.hub.pictures = {"1": picture(320, 240)}
        studio.happen(1)
        await studio.until(lambda: "raise its packet limit" in caplog.text)
        assert broker.clients <= {"bridge_media"}


async def test_a_stalled_connection_is_waited_for(studio: Studio) -> None:
    studio.broker.faults.stall = True
    big = picture(1270, 1270)
    studio.hub.pictures = {str(number): big for number in range(1, 100)}
    studio.happen(1)
    asked = 0

    def is_full() -> bool:
        nonlocal asked
        count = len(studio.hub.asked_pictures)
        if count > asked:
            asked = count
            studio.happen(count + 1)
            return False
        return count > 1 and studio.clock.now() > START + timedelta(seconds=5)

    await studio.until(is_full)
    assert SEND_BUFFER_BYTES == 128 * 1024
