"""What a client may say: one JSON object a frame, of one of these types. What is not listed here is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from vms_bridge.api.models.commands import CommandBody
from vms_bridge.api.websocket.closing import CloseCode, Closing

MOST_BYTES = 64 * 1024
"""How long a frame of a client may be."""
MOST_BYTES_BEFORE = 4 * 1024
"""How long one may be of whom nobody knows yet."""
BEGINNING = "beginning"
"""In place of a cursor: before all event messages that are kept."""
_REASON_CHARACTERS = 100

Key = Annotated[str, Field(min_length=1, max_length=64)]
Hex = Annotated[str, Field(pattern="^([0-9a-f]{2})+$", max_length=256)]
Nonce = Annotated[str, Field(pattern="^([0-9a-f]{2}){16,64}$")]
Word = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}$")]
Id = Annotated[str, Field(min_length=1, max_length=128)]


class Said(BaseModel):
    """What every message has in common."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Authenticate(Said):
    """The first message: which protocol the client speaks and, where the hello asks for a token, which one it has."""

    type: Literal["authenticate"]
    protocol: int
    token_id: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The part of the token between its two _; left out where the hello asks for no token."
    )
    nonce: Nonce | None = Field(default=None, description="At least 16 random bytes in hex, for the bridge to prove itself by.")


class SealedToken(Said):
    """The second one, after the bridge's proof was found to be right: the token, so that only who has its hash can read it."""

    type: Literal["token"]
    sealed: Hex = Field(description="The token's text, XOR HMAC-SHA512 over both nonces, in hex.")


class MonitorName(Said):
    """Which monitor."""

    system: Key
    monitor: Key


class Subscribe(Said):
    """Ask for all that is current, and then for what changes; said again, everything begins anew."""

    type: Literal["subscribe"]
    systems: Annotated[tuple[Key, ...], Field(max_length=1_000)] | None = Field(
        default=None, description="These systems and all their monitors. Without systems and monitors: everything."
    )
    monitors: Annotated[tuple[MonitorName, ...], Field(max_length=1_000)] | None = Field(
        default=None, description="These monitors, beside those systems."
    )
    events: bool = Field(default=True, description="Event messages too.")
    after: Annotated[str, Field(max_length=128)] | None = Field(
        default=None,
        description='The cursor behind which event messages are wanted; "beginning": all that are kept; left out: only new ones.',
    )
    detections: bool = Field(default=False, description="Detections too.")
    transitions: bool = Field(default=False, description="Each step of an alarm state too, where states tell the newest only.")


class GiveCommand(CommandBody):
    """Ask for a command, in the words of POST commands."""

    type: Literal["command"]
    id: Id = Field(description="Given back in each `ack` about it.")


class Claim(Said):
    """Say that this client answers requests of these kinds, in place of what it has said before."""

    type: Literal["claim"]
    kinds: Annotated[tuple[Word, ...], Field(max_length=16)]


class AnswerRequest(Said):
    """The answer to a request: `content`, or an `error` for people."""

    type: Literal["answer"]
    id: Id
    content: dict[str, JsonValue] | None = None
    error: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None


_Message = TypeVar("_Message")
Later: TypeAlias = Subscribe | GiveCommand | Claim | AnswerRequest

_FIRST: TypeAdapter[Authenticate] = TypeAdapter(Authenticate)
_SECOND: TypeAdapter[SealedToken] = TypeAdapter(SealedToken)
_LATER: TypeAdapter[Later] = TypeAdapter(Annotated[Later, Field(discriminator="type")])
ANY: TypeAdapter[Any] = TypeAdapter(
    Annotated[Authenticate | SealedToken | Subscribe | GiveCommand | Claim | AnswerRequest, Field(discriminator="type")]
)
"""For the JSON Schema."""


class Misunderstood(Exception):
    """A message of a client who is known can't be understood; `id` is the message's own, where it has one."""

    def __init__(self, reason: str, id_: str | None) -> None:
        super().__init__(reason)
        self.reason, self.id = reason, id_


class _Identity(BaseModel):
    """The one field that is worth reading in a message that is wrong."""

    id: Id | None = None


def read_first(text: str) -> Authenticate:
    """Return what the first message says. Raises Closing."""
    return _read(_FIRST, text)


def read_token(text: str) -> SealedToken:
    """Return what the second message says. Raises Closing."""
    return _read(_SECOND, text)


def read(text: str) -> Later:
    """Return what a message says of a client who is known. Raises Closing for what is no JSON, else Misunderstood."""
    try:
        return _LATER.validate_json(text)
    except ValidationError as error:
        reason, is_json = _explained(error)
        if not is_json:
            raise Closing(CloseCode.INVALID, reason) from None
        raise Misunderstood(reason, _id_in(text)) from None


def _read(adapter: TypeAdapter[_Message], text: str) -> _Message:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise Closing(CloseCode.INVALID, _explained(error)[0]) from None


def _id_in(text: str) -> str | None:
    try:
        return _Identity.model_validate_json(text).id
    except ValidationError:
        return None


def _explained(error: ValidationError) -> tuple[str, bool]:
    """Return what is wrong, and whether it is JSON all the same."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    reason = f"{where}: {first['msg']}" if where else first["msg"]
    return reason[:_REASON_CHARACTERS], first["type"] != "json_invalid"
