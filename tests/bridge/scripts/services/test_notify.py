"""People are told by Home Assistant, else by an event over MQTT, else by nobody; and the script learns which it was."""

from __future__ import annotations

from base64 import b64decode
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.services.lab import Worker
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub

from vms_bridge.errors import BodyInvalid, NotFound, RequestUnanswered, TooManyRequests
from vms_bridge.messaging import MessagingUnavailable
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services.notify import MOST_PICTURE_BYTES, NotifyService
from vms_bridge.scripts.services.table import Services
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from vms_bridge.scripts.services.table import Asker

MAY = Permissions(notify=True)


class Medium:
    """A picture, or what is none."""

    def __init__(self, type_: str, content: bytes) -> None:
        self.type, self.content, self.size = type_, content, len(content)

    async def read(self, offset: int, size: int) -> bytes:
        return self.content[offset : offset + size]


class Media:
    """Three handles."""

    def __init__(self) -> None:
        self._there = {
            "snap": Medium("image/jpeg", b"\xff\xd8 a picture"),
            "large": Medium("image/jpeg", b"x" * (MOST_PICTURE_BYTES + 1)),
            "clip": Medium("video/mp4", b"x"),
        }

    @asynccontextmanager
    async def open(self, asker: Asker, media: str, /) -> AsyncIterator[Medium]:
        del asker
        if media not in self._there:
            raise NotFound("there is no such media")
        yield self._there[media]


class Lab:
    """A hub in which tests say who answers."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.hub = FakeHub(clock=self.clock)
        self.services = Services(NotifyService(self.hub, Media()).rows(), self.clock)
        self.asked: dict[str, list[Mapping[str, Any]]] = {}

    def answers(self, kind: str, answer: Mapping[str, Any] | RequestUnanswered) -> None:
        async def give(content: Mapping[str, Any]) -> Mapping[str, Any]:
            self.asked.setdefault(kind, []).append(content)
            if isinstance(answer, RequestUnanswered):
                raise answer
            return answer

        self.hub.answering(kind, give)

    async def send(self, permissions: Permissions = MAY, **words: Any) -> Mapping[str, Any]:  # noqa: ANN401 - JSON
        return (await self.services.answer(Worker("gate", permissions), "notify.send", {"message": "x", **words})).words


async def test_home_assistant_tells_people_and_says_whom() -> None:
    lab = Lab()
    lab.answers("notify", {"told": ["notify.phone"], "failed": {"notify.tv": "it is off"}})
    lab.answers("mqtt_notification", {})
    answer = await lab.send(message="Somebody is there", title="Gate", targets=["notify.phone"], media="snap", data={"a": 1})
    assert answer == {"by": "home_assistant", "targets": ["notify.phone"], "detail": "notify.tv: it is off"}
    (said,) = lab.asked["notify"]
    picture = said["picture"]
    assert b64decode(picture["base64"]) == b"\xff\xd8 a picture"
    assert {**said, "picture": None} == {
        "script": "gate",
        "title": "Gate",
        "message": "Somebody is there",
        "targets": ["notify.phone"],
        "data": {"a": 1},
        "picture": None,
    }
    assert "mqtt_notification" not in lab.asked


@pytest.mark.parametrize("is_there", [True, False])
async def test_where_home_assistant_can_not_mqtt_says_it(*, is_there: bool) -> None:
    lab = Lab()
    if is_there:
        lab.answers("notify", RequestUnanswered("no target is ticked"))
    lab.answers("mqtt_notification", {})
    answer = await lab.send(message="Somebody is there")
    assert answer["by"] == "mqtt"
    assert ("no target is ticked" if is_there else "nobody is there") in answer["detail"]
    (said,) = lab.asked["mqtt_notification"]
    assert (said["message"], said["script"]) == ("Somebody is there", "gate")
    assert "picture" not in said


async def test_where_nobody_can_that_is_said_with_both_reasons() -> None:
    lab = Lab()
    lab.answers("mqtt_notification", RequestUnanswered("the broker is away"))
    with pytest.raises(MessagingUnavailable, match=r"nobody is there.*the broker is away") as caught:
        await lab.send()
    assert caught.value.code == "unavailable"
    assert "tick" in caught.value.hint


@pytest.mark.parametrize("answer", [{}, {"told": "all"}, {"told": [1, None], "failed": ["x"]}, {"failed": {"a": {"b": 1}}}])
async def test_an_answer_without_sense_is_none_of_the_scripts_trouble(answer: dict[str, Any]) -> None:
    lab = Lab()
    lab.answers("notify", answer)
    told = await lab.send()
    assert told["by"] == "home_assistant"
    assert all(isinstance(each, str) for each in told["targets"])


async def test_without_the_permission_nobody_is_told() -> None:
    lab = Lab()
    lab.answers("notify", {})
    with pytest.raises(PermissionMissing):
        await lab.send(Permissions())
    assert not lab.asked


@pytest.mark.parametrize(
    "words",
    [
        {"message": ""},
        {"message": "x" * 5_000},
        {"title": "x" * 300},
        {"targets": ["x"] * 30},
        {"targets": [""]},
        {"targets": "notify.phone"},
        {"data": {"x": "y" * 9_000}},
        {"data": {"x": float("inf")}},
        {"media": "clip"},
        {"media": "large"},
        {"priority": "high"},
    ],
)
async def test_what_is_no_message_is_refused(words: dict[str, Any]) -> None:
    lab = Lab()
    lab.answers("notify", {})
    with pytest.raises(BodyInvalid):
        await lab.send(**words)
    assert not lab.asked


async def test_a_handle_that_is_not_the_scripts() -> None:
    with pytest.raises(NotFound):
        await Lab().send(media="other")


async def test_people_are_not_flooded() -> None:
    lab = Lab()
    lab.answers("notify", {})
    for _ in range(10):
        await lab.send()
    with pytest.raises(TooManyRequests):
        await lab.send()
