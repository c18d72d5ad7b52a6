"""How values are written in a query: as text, one way each, so that what is not meant is not taken for something else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})")


def _whole(value: object) -> object:
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("write a whole number, as 100")
    return value


def _number(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", value):
        raise ValueError("write a number, as 0.5")
    return value


def _time(value: object) -> object:
    # A `+` in a query is a space to whoever reads it: nobody means another thing here.
    text = re.sub(r" (?=[0-9]{2}:[0-9]{2}$)", "+", value) if isinstance(value, str) else value
    if isinstance(text, str) and not _TIME.fullmatch(text):
        raise ValueError("write a time with its zone, as 2026-11-20T11:00:00Z")
    return text


def _yes_or_no(value: object) -> object:
    if isinstance(value, str) and value not in {"true", "false"}:
        raise ValueError("write true or false")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("write a time of the years 1 to 9999") from None


WHOLE = BeforeValidator(_whole)
"""Behind the bounds of an int."""
NUMBER = BeforeValidator(_number)
"""Behind the bounds of a float."""
Time = Annotated[AwareDatetime, BeforeValidator(_time), AfterValidator(_in_utc)]
"""As RFC 3339 writes it; in UTC once it is read."""
YesOrNo = Annotated[bool, BeforeValidator(_yes_or_no)]
Word = Annotated[str, Field(min_length=1, max_length=256)]
Words = Annotated[tuple[Word, ...], Field(max_length=100)]
"""Several values of a filter: any of them."""
