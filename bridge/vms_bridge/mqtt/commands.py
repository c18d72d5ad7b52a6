"""The payloads of commands as they come in by MQTT."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from vms_bridge.commands.request import Request, RequestId
from vms_bridge.errors import CommandRejected

MAX_PAYLOAD_BYTES = 4096
_REASON_CHARACTERS = 200


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
    """Return the `request_id` of a payload that may be wrong otherwise, so that even its refusal can be matched."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return None
    try:
        return _Identity.model_validate_json(payload).request_id
    except ValidationError:
        return None


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}"[:_REASON_CHARACTERS] if where else first["msg"][:_REASON_CHARACTERS]
