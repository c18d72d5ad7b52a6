"""What is outside of a trial's bridge: servers, the MQTT broker, people. What they say is made up, what a script may is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.http_addresses import refusal
from vms_bridge.messaging import Heard, MessageRefused, matches
from vms_bridge.scripts.services.http_client import MOST_ANSWER_BYTES, HttpFailed, HttpRefused, HttpTooLarge, Reply
from vms_bridge.scripts.trying.answers import SaidHttp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.messaging import Messaging
    from vms_bridge.scripts.services.http_client import Question
    from vms_bridge.scripts.trying.answers import Answers

_MOST_RETAINED = 1_000


class Servers:
    """Implements `services.http.Client`: answers as the author says."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def ask(self, question: Question) -> Reply:
        """Return the answer of the first row that fits. Raises HttpRefused, HttpFailed, HttpTooLarge."""
        url = question.url
        if url.address is not None and (why := refusal(url.address, is_named=question.is_local_named)):
            raise HttpRefused(f"{url.host} {why}", hint="a script may go there where its header names this very address")
        row = next((each for each in self._answers.http if each.fits(question.method, str(url))), SaidHttp())
        if row.error is not None:
            raise HttpFailed(f"{url.host} does not answer: {row.error}", hint='"http" in the answers says so')
        if len(row.body) > MOST_ANSWER_BYTES:
            raise HttpTooLarge(f"the answer of {url.host} has more than {MOST_ANSWER_BYTES} bytes")
        headers = {"content-type": "text/plain" if row.text is not None else "application/json"}
        headers |= {name.lower(): value for name, value in row.headers.items()}
        return Reply(row.status, headers, row.body, headers.get("location"))


class Broker:
    """Implements `messaging.Carrier`: what the script publishes it hears itself, if it listens there."""

    reserved: tuple[str, ...] = ()

    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging
        self._retained: dict[str, bytes] = {}

    async def publish(self, topic: str, payload: bytes, *, retain: bool, sender: str) -> None:
        """Take a message. Raises MessageRefused."""
        del sender
        if retain:
            self._retained.pop(topic, None)
            if payload:
                self._retained[topic] = payload
            if len(self._retained) > _MOST_RETAINED:
                raise MessageRefused(f"the made-up broker retains {_MOST_RETAINED} messages at most")
        self.says(topic, payload)

    def says(self, topic: str, payload: bytes, *, is_retained: bool = False) -> None:
        """Have whoever listens there hear this."""
        self._messaging.heard(Heard(topic=topic, payload=payload, is_retained=is_retained))

    def want(self, filters: Iterable[str], *, again: str | None = None) -> None:
        """Bring what is retained there to who begins to listen: all else is heard as it comes."""
        del filters
        for topic, payload in list(self._retained.items()):
            if again is not None and matches(again, topic):
                self.says(topic, payload, is_retained=True)


async def told(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Tell people: all of them can be told."""
    return {"told": said.get("targets") or ["everybody"], "failed": {}}


async def published(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Publish what people are to be told."""
    del said
    return {}
