"""What a broker can't do, tried on an open connection: large messages, retained ones, a second connection of the user."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.errors import BrokerError
from vms_bridge.findings import Finding
from vms_bridge.mqtt.company import KEY, known, where
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.wire import Filter

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.mqtt.wire import Message
    from vms_bridge.sinks import Trial

_DEVICE_BYTES = 16 * 1024
"""A monitor with all there is has 11 KB, and 250 bytes more for each zone."""
_PICTURE_BYTES = 256 * 1024
_EXPIRY_S = 60
_TWO = 2


class BrokerTrial:
    """Tries what the bridge needs beyond rights; `heard` is to be given what comes in below the instance's topics.

    Everything is retained for a moment, since a broker may bear what it does not keep; nothing is left behind.
    """

    def __init__(self, link: Link, config: MqttConfig, topics: Topics, clock: Clock, *, answer_s: float) -> None:
        self._link, self._config, self._clock, self._answer_s = link, config, clock, answer_s
        self._root = f"{topics.root}/check"
        self._came: list[Message] = []
        self._news = asyncio.Event()

    def heard(self, message: Message) -> None:
        """Note what came."""
        if message.topic.startswith(self._root):
            self._came.append(message)
            self._news.set()

    async def findings(self, client_id: str) -> list[Finding]:
        """Return what the broker can't; nothing where it can all."""
        found = await self._sizes() + await self._retained()
        return found + await self._second(client_id) if self._link.is_open else found

    async def _sizes(self) -> list[Finding]:
        tries = [(_DEVICE_BYTES, "no camera may appear in Home Assistant")] if self._config.discovery else []
        tries += [(_PICTURE_BYTES, "large pictures are not shown")] if self._config.snapshots else []
        for size, consequence in tries:
            if not await self._passes(f"{self._root}/size", bytes(size)):
                hint = "raise its limit for messages or packets (mosquitto: `message_size_limit`, `max_packet_size`)"
                text = f"the broker takes no message of {size} bytes: {consequence}"
                return [Finding(text=text, problem=True, hint=hint)]
        return []

    async def _retained(self) -> list[Finding]:
        topic = f"{self._root}/retained"
        if not await self._passes(topic, b"here", clear=False):
            return []
        is_flagged = any(each.retained for each in self._came if each.topic == topic)
        by_wildcard = await self._is_shown(topic, f"{self._root}/+")
        is_kept = by_wildcard or await self._is_shown(topic, topic)
        await self._clear(topic)
        if not is_kept:
            text = "the broker does not keep retained messages: nobody who comes later learns the state of anything"
            return [Finding(text=text, problem=True, hint="allow retained messages in the broker")]
        found = []
        if not is_flagged:
            text = "this broker does not distinguish a retained command from one that was just given: the bridge checks each"
            found.append(Finding(text=text, hint="that takes a moment; a broker with MQTT 5 spares it"))
        if not by_wildcard:
            text = (
                "this broker shows nothing retained to subscriptions with wildcards: only what this bridge remembers is cleared"
            )
            hint = "what a bridge with another data_dir has left has to be cleared by hand; mosquitto shows it"
            found.append(Finding(text=text, hint=hint))
        return found

    async def _second(self, client_id: str) -> list[Finding]:
        """Open a second connection beside the first, and see whether both stay up."""
        hint = "pictures go over the one connection; mosquitto: turn `use_username_as_clientid` off"
        try:
            other = await Link.open(self._config, client_id=f"{client_id}_media", clock=self._clock)
        except BrokerError as error:
            return [Finding(text=f"the broker admits no second connection: {error}", hint="pictures go over the first one")]
        is_up = await self._passes(f"{self._root}/second", b"here") and self._link.is_open
        await other.close()
        if is_up:
            return []
        return [Finding(text="the broker takes a second connection of this user for the first one come anew", hint=hint)]

    async def _passes(self, topic: str, payload: bytes, *, clear: bool = True) -> bool:
        """Publish it, retained, and say whether it comes back; by MQTT 3.1.1 nothing else shows it."""
        self._came.clear()
        refused: list[int] = []

        def acknowledged(code: int) -> None:
            if code >= 0x80:
                refused.append(code)
                self._news.set()

        if not self._link.publish(topic, payload, retain=True, on_ack=acknowledged, expiry_s=_EXPIRY_S):
            return False
        self._link.flush()

        def is_back() -> bool:
            return any(each.topic == topic and each.payload == payload for each in self._came)

        came = await self._until(lambda: bool(refused) or is_back() or not self._link.is_open)
        if clear and self._link.is_open:
            await self._clear(topic)
        return came and not refused and self._link.is_open

    async def _is_shown(self, topic: str, topic_filter: str) -> bool:
        self._came.clear()
        if await self._link.subscribe([Filter(topic=topic_filter)]):
            return False
        echo = f"{self._root}/echo"  # what is retained comes before it
        self._link.publish(echo, b"")
        self._link.flush()
        await self._until(lambda: any(each.topic == echo for each in self._came))
        return any(each.topic == topic and each.retained for each in self._came)

    async def _clear(self, topic: str) -> None:
        codes: list[int] = []

        def acknowledged(code: int) -> None:
            codes.append(code)
            self._news.set()

        if self._link.publish(topic, b"", retain=True, on_ack=acknowledged):
            self._link.flush()
            await self._until(lambda: bool(codes))

    async def _until(self, condition: Callable[[], bool]) -> bool:
        try:
            async with self._clock.timeout(self._answer_s):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True


def may_be_thrown_out(config: MqttConfig, trial: Trial) -> bool:
    """Say whether a bridge is at work here that a connection of the same user may throw off the broker. Blocking."""
    if config.user is None or not trial.is_at_work():
        return False
    return known(trial.kept(KEY), where(config), trial.clock.now().date()) != _TWO
