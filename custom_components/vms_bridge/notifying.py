"""Messages of the bridge's scripts to people: Home Assistant tells them to the targets that are ticked in an entry's options.

What a script says is passed on as text. Of what it says beside it only what is on a list goes further: a notify action of
another integration may take files of this machine, and the app on a phone takes commands.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import ATTR_ENTITY_ID, ATTR_FRIENDLY_NAME, ATTR_SUPPORTED_FEATURES
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError

from .const import LOGGER
from .errors import BridgeError
from .notify_pictures import async_notify_pictures
from .options import notify_targets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

    from .client import BridgeClient
    from .models import JsonObject

KIND: Final = "notify"
NOTIFY: Final = "notify"
"""The domain of Home Assistant's entities and actions by which people are told."""
WITHIN_S: Final = 8.0
"""The bridge waits ten seconds."""
MOST_PICTURE_BYTES: Final = 2 * 1024 * 1024
MOST_UNDER_WAY: Final = 64
_SEND_MESSAGE = "send_message"
_NO_TARGETS = frozenset({_SEND_MESSAGE, NOTIFY, "persistent_notification"})
"""Actions of the domain that are for no one in particular."""
_HAS_TITLE = 1
_LONGEST = {"message": 4_000, "title": 250}
_MOST_TARGETS = 20
_PASSED_ON = frozenset(
    (
        *("alert_once", "channel", "color", "group", "importance", "ledColor", "notification_icon", "persistent", "priority"),
        *("sticky", "subtitle", "tag", "timeout", "ttl", "vibrationPattern", "visibility"),
    )
)
"""How a notification looks and behaves on a phone; nothing that names a file, an address or an action."""
_COMMANDS = ("command_", "clear_notification", "remove_channel", "request_location_update", "delete_alert", "update_", "tts")
"""Messages that the app on a phone takes for commands begin so."""


class NotTold(Exception):
    """Nobody was told anything, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What people are to be told."""

    message: str
    title: str | None = None
    targets: tuple[str, ...] | None = None
    data: dict[str, str | int | float | bool] = field(default_factory=dict)
    picture: bytes | None = None

    @classmethod
    def of(cls, content: object) -> Message:
        """Read what a bridge asks for. Raises NotTold with the reason."""
        if not isinstance(content, dict):
            raise NotTold("there is no message")
        message, title, targets = content.get("message"), content.get("title"), content.get("targets")
        if not isinstance(message, str) or not 0 < len(message) <= _LONGEST["message"]:
            raise NotTold("there is no message, or it is too long")
        if title is not None and (not isinstance(title, str) or len(title) > _LONGEST["title"]):
            raise NotTold("the title is no text, or too long")
        if message.strip().lower().startswith(_COMMANDS):
            raise NotTold("a phone would take this message for a command")
        is_list = isinstance(targets, list) and len(targets) <= _MOST_TARGETS and all(isinstance(each, str) for each in targets)
        if targets is not None and not is_list:
            raise NotTold("the targets are no list of names")
        said = content.get("data")
        data = {name: said[name] for name in _PASSED_ON & said.keys()} if isinstance(said, dict) else {}
        plain = {name: value for name, value in data.items() if isinstance(value, str | int | float | bool)}
        return cls(
            message=message,
            title=title or None,
            targets=None if targets is None else tuple(targets),
            data=plain,
            picture=_picture(content.get("picture")),
        )


class Notifier:
    """Answers one bridge's requests over the line that is open."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], client: BridgeClient) -> None:
        self._hass, self._entry, self._client = hass, entry, client
        self._answering: set[asyncio.Task[None]] = set()

    async def begin(self, *, may_command: bool) -> None:
        """Say to the bridge that people can be told here, where somebody has ticked how. Raises CannotConnect."""
        line = self._client.line
        if line is not None and may_command and notify_targets(self._entry):
            await line.say({"type": "claim", "kinds": [KIND]})

    @callback
    def take(self, request: JsonObject) -> None:
        """Begin to answer a request."""
        id_ = request.get("id")
        if isinstance(id_, str) and request.get("kind") == KIND and len(self._answering) < MOST_UNDER_WAY:
            answering = self._answer(id_, request.get("content"))
            task = self._entry.async_create_background_task(self._hass, answering, name="vms_bridge: tell people")
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, id_: str, content: object) -> None:
        try:
            said: JsonObject = {"content": await self._tell(Message.of(content))}
        except NotTold as error:
            said = {"error": str(error)[:1_000]}
        line = self._client.line
        if line is not None:
            with suppress(BridgeError):  # it is lost: nobody waits for the answer any more
                await line.say({"type": "answer", "id": id_, **said})

    async def _tell(self, message: Message) -> JsonObject:
        """Return who was told, and who could not be. Raises NotTold where nobody was."""
        ticked = notify_targets(self._entry)
        wanted = ticked if message.targets is None else tuple(dict.fromkeys(map(_whole, message.targets)))
        failed = {target: "it is not ticked in the options" for target in wanted if target not in ticked}
        chosen = [target for target in wanted if target in ticked]
        image = None if message.picture is None else async_notify_pictures(self._hass).add(message.picture)
        outcomes = await asyncio.gather(*(self._try(each, message, image) for each in chosen))
        failed |= {target: why for target, why in zip(chosen, outcomes, strict=True) if why is not None}
        told = [target for target in chosen if target not in failed]
        if not told:
            reasons = "; ".join(f"{target}: {why}" for target, why in failed.items())
            raise NotTold(f"nobody was told: {reasons or 'nobody is ticked in the options'}")
        return {"told": told, "failed": failed}

    async def _try(self, target: str, message: Message, image: str | None) -> str | None:
        """Tell one target; return why that did not come about, None where it did."""
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._call(target, message, image)
        except TimeoutError:
            return "it took too long"
        except LookupError:
            return "Home Assistant has it no more"
        except HomeAssistantError as error:
            return str(error)[:200] or type(error).__name__
        except Exception as error:  # noqa: BLE001  # the border to other integrations: the others are told all the same
            LOGGER.debug("%s could not be used", target, exc_info=True)
            return type(error).__name__
        return None

    async def _call(self, target: str, message: Message, image: str | None) -> None:
        """Use a notify action or entity. Raises LookupError where there is none, and whatever its integration does."""
        name, state = target.removeprefix(f"{NOTIFY}."), self._hass.states.get(target)
        titled = {} if message.title is None else {"title": message.title}
        if self._hass.services.has_service(NOTIFY, name) and name not in _NO_TARGETS:
            data = {**message.data, **({} if image is None else {"image": image})}
            said = {"message": message.message, **titled, **({"data": data} if data else {})}
            await self._hass.services.async_call(NOTIFY, name, said, blocking=True)
        elif state is not None:
            if not state.attributes.get(ATTR_SUPPORTED_FEATURES, 0) & _HAS_TITLE and message.title is not None:
                said = {"message": f"{message.title}: {message.message}"}
            else:
                said = {"message": message.message, **titled}
            await self._hass.services.async_call(NOTIFY, _SEND_MESSAGE, {ATTR_ENTITY_ID: target, **said}, blocking=True)
        else:
            raise LookupError(target)


@callback
def possible_targets(hass: HomeAssistant, kept: Iterable[str]) -> dict[str, str]:
    """Return all targets that can be ticked, those too that were and are no more, with names for people."""
    found = {f"{NOTIFY}.{name}": name for name in hass.services.async_services_for_domain(NOTIFY) if name not in _NO_TARGETS}
    for state in hass.states.async_all(NOTIFY):
        found.setdefault(state.entity_id, str(state.attributes.get(ATTR_FRIENDLY_NAME) or state.entity_id))
    return dict.fromkeys(kept, "") | found


def _whole(target: str) -> str:
    return target if target.startswith(f"{NOTIFY}.") else f"{NOTIFY}.{target}"


def _picture(said: object) -> bytes | None:
    """Return a picture that is sent along; None where there is none that can be shown."""
    if not isinstance(said, dict) or said.get("type") != "image/jpeg":
        return None
    text = said.get("base64")
    if not isinstance(text, str):
        return None
    try:
        jpeg = b64decode(text, validate=True)
    except ValueError:
        return None
    return jpeg if jpeg.startswith(b"\xff\xd8") and len(jpeg) <= MOST_PICTURE_BYTES else None
