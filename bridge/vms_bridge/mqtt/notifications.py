"""Messages of scripts to people, as events over MQTT: for whoever wants to tell somebody where Home Assistant does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vms_bridge.entities.states import encode
from vms_bridge.errors import BridgeError, RequestUnanswered, in_words
from vms_bridge.mqtt.bodies import NotificationBody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.for_others import ForOthers
    from vms_bridge.mqtt.topics import Topics

KIND = "mqtt_notification"
"""The kind of questions that are answered here."""


class _Asked(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    script: str = Field(max_length=64)
    message: str = Field(max_length=4_000)
    title: str | None = Field(default=None, max_length=250)
    targets: tuple[str, ...] | None = Field(default=None, max_length=20)
    data: dict[str, Any] = Field(default_factory=dict)


class Notifications:
    """Publishes over the sink's link, and answers once the broker has it."""

    def __init__(self, for_others: ForOthers, topics: Topics, clock: Clock) -> None:
        self._for_others, self._topics, self._clock = for_others, topics, clock

    async def answer(self, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Publish this message. Raises RequestUnanswered where it can't be."""
        try:
            asked = _Asked.model_validate(content)
            body = NotificationBody(time=self._clock.now(), **dict(asked))
            await self._for_others.publish(self._topics.notification, encode(body), retain=False, sender=asked.script)
        except ValidationError:
            raise RequestUnanswered("this is no message to people") from None
        except BridgeError as error:
            raise RequestUnanswered(in_words(error)) from None
        return {}
