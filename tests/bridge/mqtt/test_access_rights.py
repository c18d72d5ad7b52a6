"""The access list of docs/mqtt.md, in a real mosquitto: enough for everything that the bridge does, and no more."""

from __future__ import annotations

import asyncio
import io
import os
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.fakes.hub import FakeHub
from tests.fakes.identity import HOME, over

from vms_bridge.check import examine
from vms_bridge.clock import SystemClock
from vms_bridge.config import Config
from vms_bridge.demo.brokers import find_mosquitto, free_port
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.sink import MqttSink
from vms_bridge.mqtt.wire import Filter, Message
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DOC = Path(__file__).parents[3] / "docs" / "mqtt.md"
MOSQUITTO = find_mosquitto()
CLOCK = SystemClock()
ROOT = "vms_bridge/home"


class HastyClock(SystemClock):
    """Sleeps a tenth of the time, so that nobody waits for the jitter after a birth."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 10)


pytestmark = pytest.mark.skipif(
    MOSQUITTO is None and "VMS_BRIDGE_REQUIRE_REAL" not in os.environ, reason="mosquitto is not installed"
)


def access_list() -> str:
    found = re.search(r"```\n(user bridge\n.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "docs/mqtt.md has an access list"
    return found[1]


@asynccontextmanager
async def mosquitto(directory: Path, rights: str, more: str = "") -> AsyncIterator[int]:
    """Run mosquitto with this access list, and more options; the user's name is enough to log in."""
    assert MOSQUITTO is not None
    port = free_port(0)
    acl, conf = directory / "acl", directory / "conf"
    acl.write_text(rights)
    acl.chmod(0o600)
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nacl_file {acl}\npersistence false\nuser root\n{more}")
    process = await asyncio.create_subprocess_exec(MOSQUITTO, "-c", conf, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    try:
        async with asyncio.timeout(30):
            said = b""
            while not said.endswith(b" running\n"):
                said = await process.stderr.readline()
                assert said, "it has ended"
        yield port
    finally:
        process.terminate()
        await process.communicate()


class Client:
    """Hears whatever its user may hear."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.heard: dict[str, bytes] = {}
        self._news = asyncio.Event()
        link.listen(self._hear, lambda: None)

    @classmethod
    @asynccontextmanager
    async def of(cls, user: str, port: int) -> AsyncIterator[Client]:
        link = await Link.open(MqttConfig(url=f"mqtt://{user}@127.0.0.1:{port}"), client_id=user, clock=CLOCK)
        client = cls(link)
        await link.subscribe([Filter(topic="#", qos=1)])
        try:
            yield client
        finally:
            await link.close()

    async def until(self, *topics: str) -> None:
        async with asyncio.timeout(30):
            while not self.heard.keys() >= set(topics):
                self._news.clear()
                await self._news.wait()

    def _hear(self, message: Message) -> None:
        self.heard[message.topic] = message.payload
        self._news.set()


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 24)).save(out, "JPEG")
    return out.getvalue()


async def test_the_access_list_of_the_docs_is_enough(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hub = FakeHub()
    hub.pictures = {"1": jpeg()}
    state, config = f"{ROOT}/zm/1/state", "homeassistant/device/vms_bridge_home/zm-1/config"
    async with mosquitto(tmp_path, access_list()) as port, Client.of("homeassistant", port) as home:
        sink = MqttSink(
            config=MqttConfig(url=f"mqtt://bridge@127.0.0.1:{port}"),
            bridge=HOME,
            clock=HastyClock(),
        )
        serving = asyncio.create_task(sink.run(hub))
        await home.until(state, config, f"{ROOT}/info", f"{ROOT}/health")
        assert home.heard[f"{ROOT}/status"] == b"online"
        hub.record(1, type_=MessageType.MEDIA, snapshot_ready=True)
        await home.until(*(f"{ROOT}/{each}" for each in ("event", "zm/1/event", "zm/1/last_event", "zm/1/snapshot")))
        home.link.publish(f"{ROOT}/zm/1/set/armed", b"OFF")
        await home.until(f"{ROOT}/ack")
        assert b'"applied"' in home.heard[f"{ROOT}/ack"]
        async with Client.of("viewer", port) as viewer:
            await viewer.until(state)
            answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            viewer.link.publish(f"{ROOT}/zm/1/set/armed", b"ON", on_ack=answered.set_result)
            await answered
            assert all(topic.startswith(ROOT) for topic in viewer.heard)
        home.heard.clear()
        home.link.publish("homeassistant/status", b"online")
        await home.until(state, config)
        home.heard.clear()
        home.link.publish(f"{ROOT}/replay", b"PRESS")  # the button in Home Assistant
        await home.until(state, config)
        serving.cancel()
        await asyncio.wait({serving})
        await home.until(f"{ROOT}/status")
    assert [command.origin.door for command in hub.commands] == ["mqtt"], "the viewer's was not heard"
    assert "refused" not in caplog.text


@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        ("", None),
        ("topic readwrite vms_bridge/home/#\n", "vms_bridge/home/#"),
        ("topic readwrite homeassistant/device/vms_bridge_home/#\n", "homeassistant/device/vms_bridge_home/#"),
    ],
)
async def test_check_says_which_right_is_lacking(tmp_path: Path, lacking: str, named: str | None) -> None:
    rights = access_list()
    assert lacking in rights
    async with mosquitto(tmp_path, rights.replace(lacking, "", 1)) as port:
        url = f"mqtt://bridge@127.0.0.1:{port}"
        config = Config(instance="home", name="Home", data_dir=tmp_path, systems={}, sinks=over(MqttConfig(url=url)))
        found = await examine(config, CLOCK, limit_s=4)
    problems = [f"{finding.text}; {finding.hint}" for _, finding in found if finding.problem]
    assert [named in problem for problem in problems if named] == ([True] if named else [])
    assert bool(problems) == bool(named)
