"""`notify.send`: a message to people, as a request that Home Assistant carries out, or else an event over MQTT.

Home Assistant's component answers it for the targets that somebody has ticked in its options. Where nobody answers, or it can't
be done, the sink mqtt publishes the message for whoever wants to act on it. The answer says which of the two it was.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import Field

from vms_bridge.errors import BodyInvalid, NobodyAnswers, RequestUnanswered, in_words
from vms_bridge.messaging import MessageRefused, MessagingUnavailable
from vms_bridge.scripts.permissions import require_flag
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from vms_bridge.errors import BridgeError
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView

BY_HOME_ASSISTANT, BY_MQTT = "notify", "mqtt_notification"
"""The kinds of questions (see `HubView.ask`) that are answered by who can tell people."""
MOST_PICTURE_BYTES = 1024 * 1024
MOST_DATA_BYTES = 8 * 1024
_WITHIN_S = 10.0
_Target = Annotated[str, Field(min_length=1, max_length=128)]


class Picture(Protocol):
    """A picture of a script's, behind a handle."""

    @property
    def type(self) -> str:
        """Its media type."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    async def read(self, offset: int, size: int) -> bytes:
        """Return a part of it."""


class Pictures(Protocol):
    """Opens media by their handles."""

    def open(self, asker: Asker, media: str, /) -> AbstractAsyncContextManager[Picture]:
        """Have it read. Raises BridgeError."""


class Notification(Asked):
    """What people are to be told. Without `targets` it is for all that are ticked; `data` goes to them as it is."""

    message: str = Field(min_length=1, max_length=4_000)
    title: str | None = Field(default=None, max_length=250)
    targets: tuple[_Target, ...] | None = Field(default=None, max_length=20)
    media: str | None = Field(default=None, max_length=64)
    data: dict[str, Any] = Field(default_factory=dict, max_length=50)


class NotifyService:
    """Has people told for scripts."""

    def __init__(self, hub: HubView, pictures: Pictures | None = None) -> None:
        self._hub, self._pictures = hub, pictures

    def rows(self) -> Sequence[ServiceRow]:
        """Return what scripts may ask for: people are not to be flooded."""
        return (ServiceRow(what="notify.send", asked=Notification, do=self._send, rate=0.2, burst=10.0),)

    async def _send(self, asker: Asker, asked: Notification, _data: bytes) -> Answered:
        require_flag(asker.permissions, "notify")
        _bound(asked.data)
        said: dict[str, Any] = {
            "script": asker.name,
            "title": asked.title,
            "message": asked.message,
            "targets": None if asked.targets is None else list(asked.targets),
            "data": asked.data,
        }
        picture = None if asked.media is None else await self._picture(asker, asked.media)
        try:
            answer = await self._hub.ask(BY_HOME_ASSISTANT, {**said, "picture": picture}, within_s=_WITHIN_S)
            return Answered({"by": "home_assistant", **_told(answer)})
        except (NobodyAnswers, RequestUnanswered) as error:
            why = error
        try:
            await self._hub.ask(BY_MQTT, said, within_s=_WITHIN_S)
        except (NobodyAnswers, RequestUnanswered, MessageRefused, MessagingUnavailable) as error:
            raise _nobody(why, error) from None
        return Answered({"by": "mqtt", "targets": [], "detail": f"not by Home Assistant: {why}"})

    async def _picture(self, asker: Asker, media: str) -> Mapping[str, str]:
        if self._pictures is None:
            raise BodyInvalid("no pictures can be sent here")
        async with self._pictures.open(asker, media) as picture:
            if picture.type != "image/jpeg":
                raise BodyInvalid(f"a notification takes a JPEG, and not {picture.type}", hint="send a snapshot")
            if picture.size > MOST_PICTURE_BYTES:
                raise BodyInvalid(f"a notification's picture has {MOST_PICTURE_BYTES} bytes at most", hint="send a snapshot")
            content = await picture.read(0, picture.size)
        return {"type": "image/jpeg", "base64": b64encode(content).decode()}


def _bound(data: Mapping[str, Any]) -> None:
    try:
        size = len(json.dumps(data, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError):
        raise BodyInvalid("the data of a notification is nothing that JSON can say") from None
    if size > MOST_DATA_BYTES:
        raise BodyInvalid(f"the data of a notification has {MOST_DATA_BYTES} bytes at most, and not {size}")


def _told(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a client says of whom it has told, as far as it makes sense: it may be an older or a newer one."""
    told, failed = answer.get("told"), answer.get("failed")
    targets = [str(each)[:128] for each in told[:50]] if isinstance(told, list) else []
    reasons = list(failed.items())[:50] if isinstance(failed, dict) else []
    detail = "; ".join(f"{str(target)[:128]}: {str(reason)[:200]}" for target, reason in reasons)
    return {"targets": targets, "detail": detail}


def _nobody(by_home_assistant: BridgeError, by_mqtt: BridgeError) -> MessagingUnavailable:
    hint = "tick targets in the options of Home Assistant's component VMS Bridge, or have a broker: docs/home-assistant.md"
    return MessagingUnavailable(
        f"nobody was told: Home Assistant: {in_words(by_home_assistant)}; MQTT: {in_words(by_mqtt)}", hint=hint
    )
