"""What is outside of a trial's bridge: servers, the MQTT broker, Home Assistant. They are made up; what a script may is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from vms_bridge.errors import BridgeError, NotFound
from vms_bridge.scripts.permissions import require_flag, require_publish, require_secret, require_url
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.scripts.triggers.occurrences import message
from vms_bridge.scripts.trying.answers import SaidHttp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.trying.answers import Answers
    from vms_bridge.scripts.values import Occurrence

RESERVED = ("vms_bridge/#", "homeassistant/#", "$SYS/#")
"""The topics that no script publishes to: those of a bridge with the usual configuration."""
_MOST_BYTES = 4 * 1024 * 1024


class ServerGone(BridgeError):
    """The made-up server does not answer: the author wants it so."""

    code = "unavailable"


class _Open(Asked):
    """Words that the worker's own side of the API has checked: what the made-up outside does not look at is passed over."""

    model_config = ConfigDict(extra="allow", frozen=True)


class AskedHttp(_Open):
    """A request to a server."""

    method: str = "GET"
    url: str
    headers: dict[str, Any] = Field(default_factory=dict)


class AskedMqtt(_Open):
    """A message to publish."""

    topic: str


class AskedEntity(_Open):
    """What an entity of the script's is, or shows."""

    key: str = ""
    entity: dict[str, Any] = Field(default_factory=dict)


class Outside:
    """All of it."""

    def __init__(self, answers: Answers, happened: Callable[[Occurrence], None]) -> None:
        self._answers, self._happened = answers, happened
        self._entities: set[str] = set()

    async def request(self, asker: Asker, asked: AskedHttp, _data: bytes) -> Answered:
        """Answer a request as the author says. Raises PermissionMissing, ServerGone."""
        require_url(asker.permissions, asked.url)
        for said in asked.headers.values():
            if isinstance(said, dict) and "secret" in said:
                require_secret(asker.permissions, str(said["secret"]))
        row = next((each for each in self._answers.http if each.fits(asked.method, asked.url)), SaidHttp())
        if row.error is not None:
            raise ServerGone(f"{asked.url[:300]} does not answer: {row.error}")
        headers = {"content-type": "text/plain" if row.text is not None else "application/json", **row.headers}
        return Answered({"status": row.status, "headers": headers}, row.body)

    async def publish(self, asker: Asker, asked: AskedMqtt, data: bytes) -> Answered:
        """Take a message; who listens to that topic hears it, the script itself too. Raises PermissionMissing."""
        require_publish(asker.permissions, asked.topic, RESERVED)
        self._happened(message(asked.topic, data))
        return Answered()

    async def notify(self, asker: Asker, _asked: _Open, _data: bytes) -> Answered:
        """Take something to be shown to people. Raises PermissionMissing, ServerGone."""
        require_flag(asker.permissions, "notify")
        if self._answers.notify == "nobody":
            raise ServerGone("nobody is there to notify people", hint='"notify" in the answers says so')
        return Answered({"by": self._answers.notify})

    def declared(self, entities: Sequence[Any]) -> None:
        """Take note of what the script has declared at its top level."""
        self._entities |= {str(entity.get("key")) for entity in entities}

    async def declare(self, asker: Asker, asked: AskedEntity, _data: bytes) -> Answered:
        """Take a new entity. Raises PermissionMissing."""
        require_flag(asker.permissions, "entities")
        self._entities.add(str(asked.entity.get("key", asked.key)))
        return Answered()

    async def show(self, asker: Asker, asked: AskedEntity, _data: bytes) -> Answered:
        """Take what an entity shows. Raises PermissionMissing, NotFound."""
        require_flag(asker.permissions, "entities")
        if asked.key not in self._entities:
            raise NotFound(
                f"the script has no entity {asked.key!r}", hint=f"it has {', '.join(sorted(self._entities)) or 'none'}"
            )
        return Answered()

    async def withdraw(self, asker: Asker, asked: AskedEntity, _data: bytes) -> Answered:
        """Take an entity away. Raises PermissionMissing, NotFound."""
        answer = await self.show(asker, asked, b"")
        self._entities.discard(asked.key)
        return answer


def rows(outside: Outside) -> Sequence[ServiceRow]:
    """Return what can be asked of it."""
    return (
        ServiceRow(what="http.request", asked=AskedHttp, do=outside.request, rate=10, burst=20, most_bytes=_MOST_BYTES),
        ServiceRow(what="mqtt.publish", asked=AskedMqtt, do=outside.publish, rate=20, burst=40, most_bytes=_MOST_BYTES),
        ServiceRow(what="notify.send", asked=_Open, do=outside.notify, rate=1, burst=10),
        ServiceRow(what="entity.declare", asked=AskedEntity, do=outside.declare),
        ServiceRow(what="entity.state", asked=AskedEntity, do=outside.show),
        ServiceRow(what="entity.withdraw", asked=AskedEntity, do=outside.withdraw),
    )
