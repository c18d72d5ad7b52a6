"""Pictures: made small, fetched when they are ready, given up with a word."""

from __future__ import annotations

import asyncio
import io
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.fakes.backend import START, monitor
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub

from vms_bridge.demo.broker import BrokerLimits
from vms_bridge.errors import MediaUnavailable
from vms_bridge.mqtt import snapshots as module
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.dialect import Dialect
from vms_bridge.mqtt.notices import Notices
from vms_bridge.mqtt.snapshots import MAX_SOURCE_BYTES, SnapshotMemory, Snapshots, shrink
from vms_bridge.mqtt.topics import Topics
from vms_bridge.views import Changes, MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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


class Studio:
    """Snapshots over a broker."""

    def __init__(self, broker: FakeBroker) -> None:
        self.broker = broker
        self.hub = FakeHub()
        self.clock = FakeClock()
        self.memory = SnapshotMemory()
        self.snapshots = Snapshots(
            hub=self.hub,
            topics=TOPICS,
            config=MqttConfig(url=broker.url),
            client_id="bridge",
            clock=self.clock,
            notices=Notices(logging.getLogger("test"), self.clock),
            memory=self.memory,
            dialect=Dialect(),
        )

    def happen(self, number: int, *, ready: bool = True, late: bool = False) -> None:
        self.hub.record(number, type_=MessageType.MEDIA, snapshot_ready=ready, late=late)
        self.snapshots.note(Changes(last_events=frozenset({KEY})))

    async def until(self, condition: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.snapshots.run())
        try:
            async with asyncio.timeout(5):
                while not condition():
                    await self.clock.advance(0.05)
                    await asyncio.sleep(0.002)
        finally:
            task.cancel()
            await asyncio.wait({task})


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    async with FakeBroker() as broker:
        yield Studio(broker)


async def test_a_picture_that_comes_late_is_tried_again(studio: Studio) -> None:
    studio.happen(1)
    ready = picture(320, 240)

    def is_there() -> bool:
        if len(studio.hub.asked_pictures) == 2:
            studio.hub.pictures["1"] = ready
        return studio.broker.retained.get(TOPIC) == ready

    await studio.until(is_there)
    assert studio.memory.published == {KEY: ("zm-1", False)}


async def test_a_picture_that_never_comes_is_given_up(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    studio.happen(1)
    await studio.until(lambda: "no picture of the newest event of zm/1" in caplog.text)
    assert len(studio.hub.asked_pictures) == 3
    assert studio.broker.clients == frozenset(), "no picture, no connection"


async def test_what_is_known_is_not_fetched_again(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240), "2": picture(320, 200)}
    studio.happen(1)
    await studio.until(lambda: TOPIC in studio.broker.retained)
    studio.happen(1)
    studio.happen(2, ready=False)
    studio.hub.record(2, type_=MessageType.DELETED, snapshot_ready=True)
    studio.snapshots.note(Changes(last_events=frozenset({KEY})))
    studio.happen(2)
    await studio.until(lambda: studio.broker.retained[TOPIC] == studio.hub.pictures["2"])
    assert len(studio.hub.asked_pictures) == 2


async def test_after_a_start_only_recent_ones_unless_the_broker_has_none(studio: Studio) -> None:
    studio.hub.pictures = {"1": picture(320, 240)}
    studio.hub.record(1, start=studio.clock.now() - timedelta(hours=2), end=START)
    first = Changes(last_events=frozenset({KEY}))
    studio.snapshots.start(first, everything=False)
    task = asyncio.create_task(studio.snapshots.run())
    await studio.clock.advance(5)
    assert studio.hub.asked_pictures == []
    task.cancel()
    await asyncio.wait({task})
    studio.snapshots.start(first, everything=True)
    await studio.until(lambda: TOPIC in studio.broker.retained)


async def test_a_monitor_that_goes_needs_no_picture(studio: Studio) -> None:
    studio.happen(1)
    studio.snapshots.note(Changes(removed=frozenset({KEY})))
    studio.happen(1)
    studio.hub.remove_monitor("zm", "1")
    task = asyncio.create_task(studio.snapshots.run())
    await studio.clock.advance(1)
    assert studio.hub.asked_pictures == []
    task.cancel()
    await asyncio.wait({task})


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
    assert studio.memory.published.keys() == {("zm", "2")}


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


async def test_a_picture_that_is_too_large_for_the_broker(caplog: pytest.LogCaptureFixture) -> None:
    async with FakeBroker(limits=BrokerLimits(max_packet_bytes=2000)) as broker:
        studio = Studio(broker)
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
    assert module.SEND_BUFFER_BYTES == 128 * 1024
