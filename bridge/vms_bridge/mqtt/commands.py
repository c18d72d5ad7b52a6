"""Commands as they come in by MQTT: from topic and payload to what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vms_bridge.commands import (
    Action,
    Restart,
    SetAlarm,
    SetArmed,
    SetDetection,
    SetMode,
    SetRunState,
)
from vms_bridge.errors import CommandRejected, UnsupportedCommand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.mqtt.topics import CommandTarget


MAX_PAYLOAD_BYTES = 4096
_REASON_CHARACTERS = 200


RequestId = Annotated[str, Field(min_length=1, max_length=128)]


class Request(BaseModel):
    """A command's payload in JSON; the plain text `ON` is the same as `{"value": "ON"}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: Annotated[str, Field(max_length=128)] | bool | None = None
    on: bool | None = None
    request_id: RequestId | None = None
    cause: Annotated[str, Field(max_length=64)] | None = None
    text: Annotated[str, Field(max_length=256)] | None = None
    score: Annotated[int, Field(ge=0, le=255)] | None = None
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False, strict=False)] | None = None


class _Identity(BaseModel):
    """The one field that is worth reading in a payload that is wrong."""

    request_id: RequestId | None = None


def parse_request(payload: bytes) -> Request:
    """Read plain text or a JSON object. Raises CommandRejected, with a hint, for anything else."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise CommandRejected("the payload is too large", hint=f"a command has at most {MAX_PAYLOAD_BYTES} bytes")
    try:
        text = payload.decode().strip()
        if text.startswith("{"):
            return Request.model_validate_json(text)
        return Request(value=text)
    except UnicodeDecodeError:
        raise CommandRejected("the payload is not UTF-8", hint="send text, as ON, or JSON") from None
    except ValidationError as error:
        raise CommandRejected("the payload can't be understood", hint=_explain(error)) from None


def request_id_of(payload: bytes) -> str | None:
    """Return the `request_id` of a payload that may be wrong otherwise, so that even its refusal can be told apart."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return None
    try:
        return _Identity.model_validate_json(payload).request_id
    except ValidationError:
        return None


def to_action(target: CommandTarget, request: Request, modes: Mapping[str, Sequence[str]]) -> Action:
    """Return what is asked for; `modes` are those that the monitor has. Raises CommandRejected or UnsupportedCommand."""
    if target.command != "alarm" and (request.cause, request.text, request.score, request.seconds) != (None,) * 4:
        raise CommandRejected("cause, text, score and seconds belong to alarm", hint="leave them out")
    if target.monitor is None:
        if target.command != "run_state":
            raise UnsupportedCommand(f"a system has no command {target.command!r}", hint="a system takes run_state")
        return SetRunState(name=_word(request))
    if target.command in _SIMPLE:
        return _SIMPLE[target.command](request)
    mode = target.command
    if mode == "mode" and "mode" not in modes and len(modes) == 1:
        mode = next(iter(modes))
    if mode in modes or mode in _MODES:
        return SetMode(mode=mode, value=_word(request))
    known = ", ".join([*_SIMPLE, "mode", *(each for each in modes if each != "mode")])
    raise UnsupportedCommand(f"a monitor has no command {target.command[:64]!r}", hint=f"it takes {known}")


def _alarm(request: Request) -> SetAlarm:
    details = {
        name: value
        for name, value in (
            ("cause", request.cause),
            ("text", request.text),
            ("score", request.score),
            ("seconds", request.seconds),
        )
        if value is not None
    }
    on = bool(details) if request.on is None and request.value is None and details else _switch(request)
    return SetAlarm(on=on, **details)  # type: ignore[arg-type]  # each came from the field of its name


def _switch(request: Request) -> bool:
    for asked in (request.on, request.value):
        if isinstance(asked, bool):
            return asked
        if isinstance(asked, str) and asked.upper() in {"ON", "OFF"}:
            return asked.upper() == "ON"
    raise CommandRejected("neither ON nor OFF", hint='send ON, OFF, or JSON as {"value": "ON"}')


def _word(request: Request) -> str:
    if not isinstance(request.value, str) or not request.value or not request.value.isprintable():
        raise CommandRejected("the value is missing", hint='send the value as plain text, or JSON as {"value": "..."}')
    return request.value


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}"[:_REASON_CHARACTERS] if where else first["msg"][:_REASON_CHARACTERS]


_SIMPLE: Mapping[str, Callable[[Request], Action]] = {
    "armed": lambda request: SetArmed(on=_switch(request)),
    "alarm": _alarm,
    "detection": lambda request: SetDetection(on=_switch(request)),
    "restart": lambda _request: Restart(),
}
_MODES = frozenset({"mode", "function", "capturing", "analysing", "recording"})
"""Modes by which a monitor is asked for even where it has none, so that the hub explains why not."""
