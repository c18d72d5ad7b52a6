"""Looks at what authors hand over, before anything is sent: what is wrong fails in their own line."""

from __future__ import annotations

import difflib
import math
from datetime import datetime
from typing import TYPE_CHECKING

from vms_bridge.script.link import link
from vms_bridge.steps import with_all_digits

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_MOST = 100
_LONGEST_VALUE = 1_000


def check_text(value: object, name: str, longest: int = 1000) -> str:
    """Return the text. Raises TypeError and ValueError for anything else, or for nothing."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a text, and not {value!r}"[:300])
    if not value:
        raise ValueError(f"{name} is empty")
    if len(value) > longest:
        raise ValueError(f"{name} has at most {longest} characters, and not {len(value)}")
    return value


def check_texts(value: str | Sequence[str] | None, name: str, longest: int = 200, *, most: int = _MOST) -> str | list[str] | None:
    """Return the text, or the list of them. Raises TypeError and ValueError."""
    if value is None or isinstance(value, str):
        return None if value is None else check_text(value, name, longest)
    if not isinstance(value, list | tuple | set | frozenset):
        raise TypeError(f"{name} is a text or a list of texts, and not {value!r}"[:300])
    if not value or len(value) > most:
        raise ValueError(f"{name} has 1 to {most} texts, and not {len(value)}")
    return [check_text(each, name, longest) for each in value]


def check_names(
    value: str | Sequence[str] | None, name: str, known: Collection[str] | None = None, *, most: int = _MOST
) -> str | list[str] | None:
    """Return the word, or the list of them. Raises TypeError, and ValueError for one that is not known."""
    found = check_texts(value, name, 64, most=most)
    for each in [found] if isinstance(found, str) else found or []:
        if known is not None and each not in known:
            raise ValueError(f"{name} is one of {', '.join(sorted(known))}, and not {each!r}{suggestion(each, known)}")
    return found


def check_switch(value: object, name: str) -> bool:
    """Return whether it is on. Raises TypeError for anything but True and False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, and not {value!r}"[:300])
    return value


def check_number(value: float | None, name: str, least: float, most: float) -> float | None:
    """Return the number. Raises TypeError, and ValueError for one that is out of bounds."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number, and not {value!r}")
    if not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"{name} is between {with_all_digits(least)} and {with_all_digits(most)}, and not {value!r}")
    return value


def check_value(value: object) -> object:
    """Return the value of a command. Raises TypeError, and ValueError for a text that is too long."""
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(f"the value of a command is a text, a number, True, False or None, and not {value!r}"[:300])
    return check_text(value, "the value of a command", _LONGEST_VALUE) if isinstance(value, str) and value else value


def check_time(value: object, name: str) -> datetime:
    """Return the time; one without a time zone is in the configured one. Raises TypeError for anything else."""
    if not isinstance(value, datetime):
        raise TypeError(f"{name} is a datetime, such as now() - timedelta(hours=1), and not {value!r}"[:300])
    return value if value.tzinfo is not None else value.replace(tzinfo=link().now().tzinfo)


def suggestion(wrong: str, known: Collection[str]) -> str:
    """Return what to append to a message: what may have been meant."""
    near = difflib.get_close_matches(wrong, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
