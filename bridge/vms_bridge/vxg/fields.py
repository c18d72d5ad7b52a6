"""Fields of VXG's answers as values: pure, and total over any JSON. What is missing or odd is None, or empty."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from vms_bridge.vxg.refusals import WrongValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_CHARACTERS = 16_384
_LARGEST = 2**63 - 1
_MOST_KEYS = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS = (1970, 9000)
_TRUE, _FALSE = {"true", "on", "yes", "1"}, {"false", "off", "no", "0"}
_COMPACT = "%Y%m%dT%H%M%S.%f"


def mapping(raw: object) -> dict[str, Any]:
    """Return the JSON object, or an empty one."""
    return raw if isinstance(raw, dict) else {}


def objects(raw: object) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list."""
    for each in raw if isinstance(raw, list) else ():
        if isinstance(each, dict):
            yield each


def text(raw: object) -> str:
    """Read a text of bounded length, of whole characters; a number is one, too."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return ""
    if isinstance(raw, int):
        return str(raw) if abs(raw) <= _LARGEST else ""
    return str(raw)[:MOST_CHARACTERS].encode("utf-8", "replace").decode()


def whole(raw: object) -> int | None:
    """Read a whole number, which may be given as text."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw if abs(raw) <= _LARGEST else None
    if isinstance(raw, str):
        digits = raw.strip()
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else None
    return int(raw) if isinstance(raw, float) and raw.is_integer() and abs(raw) <= _LARGEST else None


def number(raw: object) -> float | None:
    """Read a number, which may be given as text; never infinite, never NaN."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return None
    try:
        found = float(raw[:64] if isinstance(raw, str) else raw)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def flag(raw: object) -> bool | None:
    """Read a yes or no, which may be a word; None where it is neither."""
    if isinstance(raw, bool):
        return raw
    word = text(raw).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def moment(raw: object) -> datetime | None:
    """Read a time: ISO in UTC, with or without a zone; packed as cameras write it; or seconds since 1970."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        try:
            return _sound(_EPOCH + timedelta(seconds=raw))
        except (OverflowError, ValueError):
            return None
    if not isinstance(raw, str) or not 8 <= len(raw) <= 64:
        return None
    try:
        found = datetime.fromisoformat(raw.strip())
    except ValueError:
        try:
            found = datetime.strptime(raw.strip(), _COMPACT)  # noqa: DTZ007 (UTC is added below)
        except ValueError:
            return None
    try:
        return _sound(found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))
    except (OverflowError, ValueError):
        return None


def _sound(when: datetime) -> datetime | None:
    """Return a time with which can be reckoned; None for one at the end of all times."""
    return when if _YEARS[0] <= when.year < _YEARS[1] else None


def day(raw: object) -> date | None:
    """Read a day, such as 2026-11-20."""
    try:
        return date.fromisoformat(raw) if isinstance(raw, str) and len(raw) == 10 else None
    except ValueError:
        return None


def tags(raw: object) -> Mapping[str, str]:
    """Read a flat object of texts; what is no text in it is written as one."""
    found: dict[str, str] = {}
    for key, value in mapping(raw).items():
        if len(found) >= _MOST_KEYS:
            break
        if value is None or isinstance(value, str | int | float):
            found[text(key)] = str(value).lower() if isinstance(value, bool) else text(value)
    return found


def wholes(raw: object) -> tuple[int, ...]:
    """Read a list of whole numbers."""
    return tuple(found for each in (raw if isinstance(raw, list) else ()) if (found := whole(each)) is not None)


def written(when: datetime) -> str:
    """Return a time as VXG takes it: UTC to the microsecond, without a zone. Raises WrongValue for one without a zone."""
    if when.tzinfo is None:
        raise WrongValue("a time needs a zone", hint="such as datetime.now(UTC)")
    try:
        return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    except OverflowError:
        raise WrongValue("there is no such time in UTC") from None


def lasting_s(start: datetime, end: datetime) -> float:
    """Return how long a time is. Raises WrongValue where one of the two has no zone."""
    if start.tzinfo is None or end.tzinfo is None:
        raise WrongValue("a time needs a zone", hint="such as datetime.now(UTC)")
    return (end - start).total_seconds()
