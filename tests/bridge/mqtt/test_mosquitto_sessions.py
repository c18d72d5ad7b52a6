"""Sessions of a real mosquitto: what waited comes whole and before our echo, however much it is."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.mqtt.house import until
from tests.bridge.mqtt.test_access_rights import mosquitto
from tests.bridge.mqtt.test_company import jpeg
from tests.fakes.hub import FakeHub
from tests.fakes.identity import HOME

from vms_bridge.clock import SystemClock
from vms_bridge.demo.brokers import find_mosquitto
from vms_bridge.mqtt.company import known, where
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.retained import RetainedReader
from vms_bridge.mqtt.sink import MqttSink
from vms_bridge.mqtt.topics import Topics
from vms_bridge.mqtt.wire import Filter, Message
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    find_mosquitto() is None and "VMS_BRIDGE_REQUIRE_REAL" not in os.environ, reason="mosquitto is not installed"
)
ROOT = "vms_bridge/home"
CLOCK = SystemClock()


class Watcher:
    """Another client of the broker: sends commands, reads the answers and all that is retained."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.answers: dict[str, str] = {}
        self.heard: dict[str, bytes] = {}
        self._news = asyncio.Event()
        link.listen(self._hear, lambda: None)

    @classmethod
    async def start(cls, url: str) -> Watcher:
        link = await Link.open(MqttConfig(url=url), client_id="watcher", clock=CLOCK)
        watcher = cls(link)
        await link.subscribe([Filter(topic="#", qos=1)])
        return watcher

    async def send(self, *request_ids: str) -> None:
        """Send a command for each, and wait until the broker has them."""
        for request_id in request_ids:
            done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            payload = json.dumps({"value": "ON", "request_id": request_id}).encode()
            assert self.link.publish(f"{ROOT}/zm/1/set/armed", payload, on_ack=done.set_result)
            self.link.flush()
            assert await done == 0

    async def until(self, condition: Callable[[], bool], *, within_s: float = 30.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def _hear(self, message: Message) -> None:
        self.heard[message.topic] = message.payload
        if message.topic == f"{ROOT}/ack":
            ack = json.loads(message.payload)
            self.answers[ack["request_id"]] = ack["result"]
        self._news.set()


def make(url: str, **config: Any) -> MqttSink:  # noqa: ANN401 - fields by keyword
    settings = MqttConfig(url=url, snapshots=False, **config)
    return MqttSink(config=settings, bridge=HOME, clock=CLOCK, jitter=lambda _low, high: high)


async def kill(sink: MqttSink, task: asyncio.Task[None], hub: FakeHub) -> FakeHub:
    """End it without a goodbye, and return what the next run finds."""
    after = FakeHub()
    after.memory, after.notes = dict(hub.memory), dict(hub.notes)
    assert sink._session
    sink._session._link.abort()
    task.cancel()
    await asyncio.wait({task})
    return after


@pytest.mark.parametrize(("count", "command_age", "result"), [(300, 10, "applied"), (300, 0, "refused"), (900, 0, "refused")])
async def test_all_that_waited_is_known_as_such(tmp_path: Path, count: int, command_age: float, result: str) -> None:
    hub = FakeHub()
    async with mosquitto(tmp_path, "topic readwrite #\n") as port:
        url = f"mqtt://127.0.0.1:{port}"
        watcher = await Watcher.start(url)
        sink = make(url)
        task = asyncio.create_task(sink.run(hub))
        await watcher.until(lambda: watcher.heard.get(f"{ROOT}/status") == b"online")
        await watcher.send("before")
        await watcher.until(lambda: watcher.answers == {"before": "applied"})
        hub = await kill(sink, task, hub)
        await watcher.until(lambda: watcher.heard[f"{ROOT}/status"] == b"offline")
        await watcher.send(*(str(number) for number in range(count)))
        hub.stores.clear()  # a slow disk: nothing is acknowledged, so that mosquitto sends twenty at first
        sink = make(url, command_age=command_age)
        task = asyncio.create_task(sink.run(hub))
        await watcher.until(lambda: watcher.heard[f"{ROOT}/status"] == b"online")
        await watcher.until(lambda: f"{ROOT}/sync" in watcher.heard)
        hub.stores.set()
        await watcher.until(lambda: len(watcher.answers) == count + 1)
        assert {watcher.answers[str(number)] for number in range(count)} == {result}
        ran = [command.request_id for command in hub.commands]
        assert ran == ([str(number) for number in range(count)] if result == "applied" else [])
        await watcher.send("after")
        await watcher.until(lambda: watcher.answers.get("after") == "applied")
        task.cancel()
        await asyncio.wait({task})
        await watcher.link.close()


async def test_what_is_retained_is_seen_over_a_session_that_goes_on(tmp_path: Path) -> None:
    """mosquitto keeps a subscription's first options: "no local" would hide what our own id has published."""
    hub = FakeHub(monitors=2)
    gone = "homeassistant/device/vms_bridge_home/zm-2/config"
    async with mosquitto(tmp_path, "topic readwrite #\n") as port:
        url = f"mqtt://127.0.0.1:{port}"
        watcher = await Watcher.start(url)
        sink = make(url)
        task = asyncio.create_task(sink.run(hub))
        await watcher.until(lambda: watcher.heard.get(f"{ROOT}/status") == b"online" and bool(watcher.heard.get(gone)))
        hub = await kill(sink, task, hub)
        await watcher.until(lambda: watcher.heard[f"{ROOT}/status"] == b"offline")
        assert set(hub.systems["zm"].monitors) == {"1"}
        task = asyncio.create_task(make(url).run(hub))
        await watcher.until(lambda: watcher.heard[gone] == b"")
        task.cancel()
        await asyncio.wait({task})
        await watcher.link.close()


async def test_one_connection_a_user_is_found_out(tmp_path: Path) -> None:
    hub = FakeHub()
    hub.pictures["1"] = jpeg(1)
    hub.record(1, type_=MessageType.MEDIA, snapshot_ready=True)
    async with mosquitto(tmp_path, "pattern readwrite #\n", "use_username_as_clientid true\n") as port:
        watcher = await Watcher.start(f"mqtt://watcher@127.0.0.1:{port}")
        config = MqttConfig(url=f"mqtt://bridge@127.0.0.1:{port}")
        sink = MqttSink(config=config, bridge=HOME, clock=CLOCK, jitter=lambda low, _high: low)
        task = asyncio.create_task(sink.run(hub))
        await until(lambda: known(hub.memory.get("connections"), where(config), CLOCK.now().date()) == 1, timeout_s=15)
        hub.pictures["2"] = jpeg(2)
        hub.record(2, type_=MessageType.MEDIA, snapshot_ready=True)
        await watcher.until(lambda: watcher.heard.get(f"{ROOT}/zm/1/snapshot") == jpeg(2))
        await watcher.until(lambda: watcher.heard[f"{ROOT}/status"] == b"online")
        task.cancel()
        await asyncio.wait({task})
        await watcher.link.close()


async def test_what_is_retained_is_shown_again_to_who_subscribes_again(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, "topic readwrite #\n") as port:
        url, topic, topics = f"mqtt://127.0.0.1:{port}", f"{ROOT}/zm/1/set/armed", Topics("home")
        watcher = await Watcher.start(url)
        link = await Link.open(MqttConfig(url=url), client_id="looks", clock=CLOCK)
        running, reader = asyncio.create_task(link.run()), RetainedReader(link, topics, CLOCK)
        live: list[Message] = []

        def hear(message: Message) -> None:
            if not reader.heard(message):
                live.append(message)

        link.listen(hear, lambda: None)
        filters = [Filter(topic=each, qos=1, own=False) for each in topics.command_filters]
        await link.subscribe(filters)
        assert await reader.shows_by_wildcard()
        assert await reader.read(filters) == {}
        assert watcher.link.publish(topic, b"ON", retain=True, on_ack=lambda _code: None)
        await watcher.until(lambda: watcher.heard.get(topic) == b"ON")
        found = await reader.read(filters)
        assert found is not None
        assert {each.topic: each.payload for each in found.values()} == {topic: b"ON"}
        assert [(each.topic, each.payload) for each in live] == [(topic, b"ON")]
        await watcher.until(lambda: watcher.heard.get(topics.marker) == b"")
        running.cancel()
        await asyncio.wait({running})
        await link.close()
        await watcher.link.close()
