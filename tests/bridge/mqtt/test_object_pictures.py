"""The best pictures of what is looked for: each goes once, all again over a new link, and none stays on the broker."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.mqtt.house import ROOT, House, until
from tests.fakes.backend import START
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock, settle
from tests.fakes.hub import FakeHub
from tests.fakes.pipe import FakePipe

from vms_bridge.mqtt.object_pictures import ObjectPictures
from vms_bridge.mqtt.topics import Topics
from vms_bridge.mqtt.wire import Post
from vms_bridge.objects import Watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DOG, PERSON = Watched("dog"), Watched("person")


class Gallery:
    """A bridge with pictures, and what came of them."""

    def __init__(self, broker: FakeBroker, clock: FakeClock) -> None:
        self.broker = broker
        self.house = House(broker, clock, snapshots=True)
        self._heard = broker.listen(f"{ROOT}/+/+/object/+")
        self._came: list[tuple[str, bytes]] = []

    @property
    def came(self) -> list[tuple[str, bytes]]:
        """Return topic (its last two levels but one) and picture of all that came."""
        for message in self._heard.drain():
            *_, monitor, _, part = message.topic.split("/")
            self._came.append((f"{monitor}/{part}", bytes(message.payload)))
        return self._came

    async def until_came(self, *wanted: tuple[str, bytes]) -> None:
        await until(lambda: sorted(self.came) == sorted(wanted), self.house.clock)


@pytest.fixture
async def gallery() -> AsyncIterator[Gallery]:
    clock = FakeClock()
    async with FakeBroker(clock=clock) as broker:
        one = Gallery(broker, clock)
        yield one
        await one.house.stop()


async def test_each_goes_when_there_is_another_one(gallery: Gallery) -> None:
    hub = gallery.house.hub
    hub.show_picture(PERSON, b"p1", START)
    await gallery.house.start()
    await gallery.until_came(("1/person", b"p1"))
    hub.set_state(score=3)
    hub.show_picture(DOG, b"d1", START, key="2")
    await gallery.until_came(("1/person", b"p1"), ("2/dog", b"d1"))
    hub.show_picture(PERSON, b"p2", START + timedelta(seconds=1))
    await gallery.until_came(("1/person", b"p1"), ("2/dog", b"d1"), ("1/person", b"p2"))
    assert not [topic for topic in gallery.broker.retained if "/object/" in topic]


async def test_all_go_again_when_home_assistant_comes_up_and_over_a_new_link(gallery: Gallery) -> None:
    gallery.house.hub.show_picture(PERSON, b"p1", START)
    await gallery.house.start()
    await gallery.until_came(("1/person", b"p1"))
    gallery.broker.publish("homeassistant/status", "online")
    await gallery.until_came(*[("1/person", b"p1")] * 2)
    await gallery.house.lose()
    await gallery.house.at_work()
    await gallery.until_came(*[("1/person", b"p1")] * 3)


async def test_one_that_has_gone_meanwhile_is_left_out(gallery: Gallery) -> None:
    hub = gallery.house.hub
    hub.show_picture(DOG, b"d1", START)
    hub.show_picture(PERSON, b"p1", START)
    del hub.object_pictures[("zm", "1"), DOG]
    await gallery.house.start()
    await gallery.until_came(("1/person", b"p1"))


async def test_a_large_one_goes_behind_an_alarm_and_what_is_caught_up_on() -> None:
    hub, pipe = FakeHub(monitors=1), FakePipe()
    pictures = ObjectPictures(hub=hub, topics=Topics("home"), outbox=pipe.outbox)
    hub.show_picture(PERSON, bytes(200_000), START)
    subscription = hub.subscribe()
    pictures.note(await subscription.changes())
    running = asyncio.create_task(pictures.run())
    await settle()
    pipe.outbox.put("alarm", b"ON")
    pipe.outbox.post(Post(topic="event", payload=b"late"), late=True)
    assert [each.topic.split("/")[-1] for each in pipe.run()] == ["event", "alarm", "person"]
    running.cancel()
    subscription.close()
