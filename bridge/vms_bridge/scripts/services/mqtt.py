"""`mqtt.publish`: what a script publishes, on the topics that its header names and nobody has reserved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from vms_bridge.messaging import MOST_PUBLISHED_BYTES, MOST_TOPIC_CHARACTERS
from vms_bridge.scripts.permissions import require_publish
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.messaging import Messaging
    from vms_bridge.scripts.services.table import Asker


class Publish(Asked):
    """What is published; the payload is behind. It goes with QoS 1 whatever is asked for, so that its answer says something."""

    topic: str = Field(max_length=MOST_TOPIC_CHARACTERS)
    retain: bool = False
    qos: Literal[0, 1] = 1


class MqttService:
    """Publishes for scripts."""

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging

    def rows(self) -> Sequence[ServiceRow]:
        """Return what scripts may ask for."""
        return (
            ServiceRow(
                what="mqtt.publish", asked=Publish, do=self._publish, rate=20.0, burst=60.0, most_bytes=MOST_PUBLISHED_BYTES
            ),
        )

    async def _publish(self, asker: Asker, asked: Publish, data: bytes) -> Answered:
        reserved = (f"{root}/#" for root in self._messaging.reserved)
        require_publish(asker.permissions, asked.topic, reserved)
        await self._messaging.publish(asked.topic, data, retain=asked.retain, sender=asker.name)
        return Answered()
