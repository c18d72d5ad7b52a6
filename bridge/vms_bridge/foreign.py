"""JSON from outside, read by a pydantic model: what is wrong with it is said by field and reason, never by what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from vms_bridge.errors import BodyInvalid, RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

_Model = TypeVar("_Model", bound=BaseModel)
MOST_MISTAKES = 20
LONGEST = 200


def read_json(raw: bytes, model: type[_Model]) -> _Model:
    """Return what a body says. Raises RequestInvalid for what is no JSON, and BodyInvalid for other JSON than is asked for."""
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        mistakes = mistakes_in(error)
        is_json = all(each["type"] != "json_invalid" for each in error.errors(include_url=False, include_input=False))
        kind = BodyInvalid if is_json else RequestInvalid
        raise kind("the body can't be understood", mistakes=mistakes) from None


def mistakes_in(error: ValidationError) -> Sequence[tuple[str, str]]:
    """Return the fields that are wrong, and why, in the words of pydantic; never what was sent."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return [(".".join(str(part) for part in one["loc"])[:LONGEST], _reason(one["msg"])) for one in found[:MOST_MISTAKES]]


def _reason(said: str) -> str:
    return said.removeprefix("Value error, ")[:LONGEST]
