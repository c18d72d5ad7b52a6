"""The types of what handlers get, as the authors' API promises them: held where somebody has written by hand what happens."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from vms_bridge.foreign import mistakes_in
from vms_bridge.model import AlarmState, EndReason, EventKind
from vms_bridge.script.happenings import Alarm, Detection, Event, Happening, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = Annotated[str, Field(min_length=1, max_length=200)]
_CONFIG = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True)


class _Object(BaseModel):
    """An object in a frame."""

    model_config = _CONFIG

    label: str | None = None
    score: float | None = None
    zones: list[str] | None = None


_NARROWER: Mapping[tuple[type[Happening], str], Any] = {
    (Alarm, "before"): Annotated[AlarmState, Field(strict=False)],
    (Alarm, "now"): Annotated[AlarmState, Field(strict=False)],
    (Event, "kind"): Annotated[EventKind, Field(strict=False)],
    (Event, "end_reason"): Annotated[EndReason, Field(strict=False)],
    (Detection, "objects"): list[_Object],
}
"""What is less than its type allows."""


def check(kind: str, what: Mapping[str, Any]) -> None:
    """Raise ValueError for a word that is of another type than handlers are promised; what is not said is as good as null."""
    try:
        _model(kind).model_validate(what)
    except ValidationError as error:
        raise ValueError("; ".join(f"what.{where}: {why}" for where, why in mistakes_in(error))) from None


@cache
def _model(kind: str) -> type[BaseModel]:
    promised = kind_of(kind)
    words = {name: _NARROWER.get((promised, name), _in_json(hint)) for name, hint in get_type_hints(promised).items()}
    words |= dict.fromkeys(("system", "monitor"), _KEY)
    fields: dict[str, Any] = {f"word_{name}": (of | None, Field(default=None, alias=name)) for name, of in words.items()}
    return create_model(promised.__name__, __config__=_CONFIG, **fields)


def _in_json(hint: Any) -> Any:  # noqa: ANN401 - a type
    """Return how JSON says a value of this type."""
    return Annotated[str, AfterValidator(_check_time)] if datetime in {hint, *get_args(hint)} else hint


def _check_time(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("the time has no zone: write it as in 2026-11-20T22:00:00Z")
    return text
