"""Retained messages that do not get through: logged once in a while with the remedy, and tried again after a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from vms_bridge.mqtt import reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.notices import Notices
    from vms_bridge.mqtt.topics import Topics

RETRY_S = 300.0
_PER_S = 50


class Refusals:
    """What one link could not publish; `repeat` publishes what is current on a topic."""

    def __init__(self, *, topics: Topics, notices: Notices, clock: Clock) -> None:
        self._topics = topics
        self._notices = notices
        self._clock = clock
        self._refused: dict[str, None] = {}

    def refused(self, topic: str, size: int, code: int) -> None:
        """Note that the broker has said no."""
        self._refused[topic] = None
        self._notices.warn(f"refused {self._topics.kind(topic)}", reasons.refused_message(topic, size, code))

    def dropped(self, topic: str, size: int) -> None:
        """Note that a message was not even sent: the broker has said that it takes none of this size."""
        self._notices.warn(
            f"dropped {self._topics.kind(topic)}",
            f"the broker takes no message of {size} bytes, as on {topic}: raise its limit for packets",
        )

    def lost(self, topic: str, size: int) -> None:
        """Note that the broker has acknowledged a message, and not kept it."""
        self._refused[topic] = None
        self._notices.warn(
            f"lost {self._topics.kind(topic)}",
            f"the broker has acknowledged a message of {size} bytes on {topic}, and thrown it away: raise its limit for messages"
            " (mosquitto: `message_size_limit`), or let the bridge's user write there",
        )

    async def run(self, repeat: Callable[[str], None]) -> NoReturn:
        """Try again now and then, until cancelled: the broker's limits and rights can be mended while we are connected."""
        while True:
            await self._clock.sleep(RETRY_S)
            refused, self._refused = self._refused, {}
            for topic in refused:
                repeat(topic)
                await self._clock.sleep(1 / _PER_S)
