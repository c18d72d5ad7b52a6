"""Messages: to MQTT, and to people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vms_bridge.script.asked import ask, given, nothing
from vms_bridge.script.checks import check_text, check_texts
from vms_bridge.script.media import Media
from vms_bridge.script.plain import plain_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.script.asked import Asked


class Mqtt:
    """The MQTT broker: `mqtt.publish("home/gate/set", "OPEN")`. Hearing messages is `@on.mqtt("home/door/+")`."""

    __slots__ = ()

    def publish(self, topic: str, payload: object = "", *, retain: bool = False, qos: int = 1) -> Asked[None]:
        """Publish a text, bytes, or anything else as JSON. Needs the topic in `permissions(mqtt=[...])`.

        `await` it to be sure that the broker has it.
        """
        check_text(topic, "topic", 512)
        if "+" in topic or "#" in topic:
            raise ValueError(f"a message is published to one topic, without + and #, and not to {topic!r}")
        if qos not in {0, 1}:
            raise ValueError(f"qos is 0 or 1, and not {qos!r}")
        return ask("mqtt.publish", {"topic": topic, "retain": bool(retain), "qos": int(qos)}, nothing, _payload(payload))


mqtt = Mqtt()


class Told:
    """Who carried a notification out: `by` is "home_assistant", or "mqtt" where nothing else did; `targets`, `detail`."""

    __slots__ = ("by", "detail", "targets")

    def __init__(self, words: Mapping[str, Any], _data: bytes) -> None:
        self.by: str = str(words.get("by") or "")
        self.targets: list[str] = list(words.get("targets") or ())
        self.detail: str | None = words.get("detail")

    def __repr__(self) -> str:
        return f"<told by {self.by}>"


def notify(
    message: str,
    *,
    title: str = "",
    targets: str | Sequence[str] | None = None,
    media: Media | None = None,
    data: Mapping[str, object] | None = None,
) -> Asked[Told]:
    """Notify people, through Home Assistant, with a picture if you like. Needs `permissions(notify=True)`.

    `targets` are such as the component's options allow; without, all of these. The answer says who carried it out.
    """
    check_text(message, "message", 4000)
    if media is not None and not isinstance(media, Media):
        raise TypeError(f"media is a picture or clip, as of snapshot(), and not {media!r}"[:300])
    found = check_texts(targets, "targets", 128, most=20)
    words = given(
        title=check_text(title, "title", 250) if title else None,
        targets=[found] if isinstance(found, str) else found,
        media=None if media is None else media.plain(),
        data=None if data is None else plain_words(data, "data"),
    )
    return ask("notify.send", {"message": message, **words}, Told).holding(media)


def _payload(payload: object) -> bytes:
    if isinstance(payload, bytes | bytearray | memoryview):
        return bytes(payload)
    if isinstance(payload, str):
        return payload.encode()
    return json.dumps(plain_words(payload, "payload"), ensure_ascii=False).encode()
