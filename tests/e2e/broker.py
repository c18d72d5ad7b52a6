"""mosquitto on loopback, and an observer who reads everything on it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions
from tests.e2e.processes import Program, free_ports, listening
from tests.e2e.waiting import WITHIN_S, Changes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def mosquitto_path() -> str | None:
    """Return where mosquitto is, None if nowhere."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=SEARCH_PATH)


def mosquitto_version() -> str:
    """Return the version of the mosquitto that is installed."""
    said = subprocess.run([mosquitto_path() or "mosquitto", "-h"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\S+)", said)
    return found[1] if found else "unknown"


class Broker:
    """A mosquitto that keeps nothing over a restart, which is the harder case for its clients."""

    def __init__(self, folder: Path) -> None:
        self.port = free_ports(1)[0]
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self.program = Program("mosquitto", folder / "mosquitto.log")
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")

    async def start(self) -> None:
        """Start it and wait until it accepts clients."""
        await self.program.start(mosquitto_path() or "mosquitto", "-c", self._config)
        await listening(self.port)

    async def stop(self) -> None:
        """End it."""
        await self.program.stop()


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it arrived; `at` is monotonic, `retained` says that it stood there before."""

    topic: str
    payload: bytes
    retained: bool
    at: float

    @property
    def text(self) -> str:
        """The payload as text."""
        return self.payload.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The payload, parsed."""
        return json.loads(self.payload)


class Observer:
    """A client that reads all of `vms_bridge/#` and `homeassistant/#`, and can publish; it comes back by itself."""

    options = SubscribeOptions(qos=1)

    def __init__(self, port: int) -> None:
        self.messages: list[Message] = []
        self.latest: dict[str, Message] = {}
        self._changes = Changes()
        self._port, self._connected = port, False
        self._loop = asyncio.get_running_loop()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)

    async def start(self) -> None:
        """Connect, and wait until the subscription is live."""
        self._client.connect_async("127.0.0.1", self._port, keepalive=5)
        self._client.loop_start()
        await self.connected()

    def stop(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    async def connected(self) -> None:
        """Wait until it is connected and subscribed."""
        await self._changes.until(lambda: self._connected, lambda: "the observer's connection to mosquitto")

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1."""
        self._client.publish(topic, payload, qos=1, retain=retain)

    def since(self, mark: int) -> list[Message]:
        """Return what has come since `mark`, an earlier `len(messages)`."""
        return self.messages[mark:]

    async def message(
        self, topic: str, accept: Callable[[Message], bool], *, since: int = 0, within: float = WITHIN_S
    ) -> Message:
        """Wait for the first message on that topic, from `since` on, that is accepted."""

        def look() -> Message | None:
            return next((each for each in self.messages[since:] if each.topic == topic and accept(each)), None)

        def what() -> str:
            seen = [each.text[:300] for each in self.messages[since:] if each.topic == topic]
            return f"the message on {topic}; seen there: {seen[-3:]}"

        return await self._changes.until(look, what, within)

    async def state(self, topic: str, accept: Callable[[Any], bool], *, within: float = WITHIN_S) -> Any:
        """Wait until the newest JSON on that topic is accepted, and return it."""

        def look() -> Any:
            newest = self.latest.get(topic)
            return newest.json if newest and newest.payload and accept(newest.json) else None

        return await self._changes.until(look, lambda: f"{topic}; it says {self.latest.get(topic)}", within)

    async def gone(self, topic: str, *, within: float = WITHIN_S) -> None:
        """Wait until that topic is cleared."""

        def look() -> bool:
            newest = self.latest.get(topic)
            return newest is not None and not newest.payload

        await self._changes.until(look, lambda: f"{topic} is cleared; it says {self.latest.get(topic)}", within)

    def forget(self) -> None:
        """Drop the newest values, so that what is current must be told once more to be seen."""
        self.latest.clear()

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe([("vms_bridge/#", self.options), ("homeassistant/#", self.options)])

    def _on_subscribe(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._set_connected, True)

    def _on_disconnect(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._set_connected, False)

    def _set_connected(self, connected: bool) -> None:  # noqa: FBT001 - called by the loop, which passes no keywords
        self._connected = connected
        self._changes.tell()

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        arrived = Message(message.topic, bytes(message.payload), message.retain, time.monotonic())
        self._loop.call_soon_threadsafe(self._take, arrived)

    def _take(self, message: Message) -> None:
        self.messages.append(message)
        self.latest[message.topic] = message
        self._changes.tell()
