"""The kinds of triggers there are: which filters each takes, how each filter is read, and what of time it may say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vms_bridge.keys import INSTANCE_PATTERN
from vms_bridge.messaging import filter_mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Read = "Callable[[Any], Any]"
MOST_PATTERNS = 50
LONGEST = 200
MOST_WILDCARDS, MOST_GLOB_CHARACTERS = 8, 500
"""Of one name with wildcards, and of all such names of a filter: to compile them takes time, some 3 ms for 1,000 characters."""
WILDCARDS = frozenset("*?[")
STEPS = ("new", "update", "end", "media", "deleted")
SUN = ("sunrise", "sunset", "dawn", "dusk")
MISSED = ("skip", "once")
MOST_EVERY_S, LEAST_EVERY_S = 7 * 86_400.0, 0.1
MOST_OFFSET_S = 12 * 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a trigger of a kind may say: `filters` read what is given, and raise ValueError; `needs` has to be given.

    `lasts`: what happens is so until it is undone, so that it can be waited for how long (`for_`).
    `comes`: it happens by itself, and as often as it likes, so `debounce` and `once_per` make sense.
    """

    filters: Mapping[str, Callable[[Any], Any]]
    needs: tuple[str, ...] = ()
    lasts: bool = False
    comes: bool = True


def hook_name(said: Any) -> str:  # noqa: ANN401 - whatever a worker says
    """Return the name of a webhook."""
    if not isinstance(said, str) or not INSTANCE_PATTERN.fullmatch(said):
        raise ValueError("it takes a name such as gate_1: small letters, digits and _, 32 at most, a letter first")
    return said


def patterns(said: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever a worker says
    """Return one text or several as several, each of a length that can be meant."""
    several = said if isinstance(said, list | tuple) else [said]
    if not several or len(several) > MOST_PATTERNS:
        raise ValueError(f"it takes 1 to {MOST_PATTERNS} texts")
    return tuple(text(one) for one in several)


def globs(said: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever a worker says
    """Return names that may have wildcards."""
    found = patterns(said)
    wild = [one for one in found if not WILDCARDS.isdisjoint(one)]
    if any(sum(map(one.count, WILDCARDS)) > MOST_WILDCARDS for one in wild):
        raise ValueError(f"a name has {MOST_WILDCARDS} wildcards at most")
    if sum(map(len, wild)) > MOST_GLOB_CHARACTERS:
        raise ValueError(f"names with wildcards have {MOST_GLOB_CHARACTERS} characters together at most")
    return found


def text(said: Any) -> str:  # noqa: ANN401 - whatever a worker says
    """Return a text of a length that can be meant."""
    if not isinstance(said, str) or not 1 <= len(said) <= LONGEST or not said.isprintable():
        raise ValueError(f"it takes a text of 1 to {LONGEST} printable characters, or a list of such")
    return said


def words(said: Any) -> frozenset[str]:  # noqa: ANN401 - whatever a worker says
    """Return texts that are compared without regard to capital letters."""
    return frozenset(one.casefold() for one in patterns(said))


def choices(*known: str) -> Callable[[Any], frozenset[str]]:
    """Return a reader of one or several of these words."""

    def read(said: Any) -> frozenset[str]:  # noqa: ANN401 - whatever a worker says
        found = words(said)
        if wrong := sorted(found - set(known)):
            raise ValueError(f"there is no {wrong[0]!r}, but {', '.join(known)}")
        return found

    return read


def choice(*known: str) -> Callable[[Any], str]:
    """Return a reader of one of these words."""

    def read(said: Any) -> str:  # noqa: ANN401 - whatever a worker says
        if text(said) not in known:
            raise ValueError(f"there is no {said!r}, but {', '.join(known)}")
        return str(said)

    return read


def flag(said: Any) -> bool:  # noqa: ANN401 - whatever a worker says
    """Return True or False."""
    if not isinstance(said, bool):
        raise ValueError("it takes True or False")  # noqa: TRY004 - as what all readers raise
    return said


def flags(said: Any) -> frozenset[bool]:  # noqa: ANN401 - whatever a worker says
    """Return one or both of True and False."""
    several = said if isinstance(said, list | tuple) else [said]
    if not 1 <= len(several) <= 2:
        raise ValueError("it takes True, False, or both")
    return frozenset(flag(one) for one in several)


def number(least: float, most: float, unit: str = "") -> Callable[[Any], float]:
    """Return a reader of numbers between these."""

    def read(said: Any) -> float:  # noqa: ANN401 - whatever a worker says
        is_number = isinstance(said, int | float) and not isinstance(said, bool)
        if not is_number or not math.isfinite(said) or not least <= said <= most:
            raise ValueError(f"it takes {least:g} to {most:g}{unit}")
        return float(said)

    return read


def values(said: Any) -> tuple[Any, ...]:  # noqa: ANN401 - JSON
    """Return values of a state to compare with: texts without regard to capital letters, numbers, True, False, None."""
    several = said if isinstance(said, list | tuple) else [said]
    if not several or len(several) > MOST_PATTERNS:
        raise ValueError(f"it takes 1 to {MOST_PATTERNS} values")
    for one in several:
        if not isinstance(one, str | int | float | None) or (isinstance(one, str) and len(one) > LONGEST):
            raise ValueError("it takes texts, numbers, True, False, None, or a list of such")
    return tuple(plain(one) for one in several)


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value as it is compared."""
    return value.casefold() if isinstance(value, str) else value


def topics(said: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever a worker says
    """Return filters of MQTT's topics."""
    found = patterns(said)
    for one in found:
        if (mistake := filter_mistake(one)) is not None:
            raise ValueError(mistake)
    return found


_WHERE: dict[str, Callable[[Any], Any]] = {"monitor": globs, "system": globs}
_SEEN: dict[str, Callable[[Any], Any]] = {"label": words, "zone": words, "min_score": number(0, 1)}
_PART = choice(*MISSED)
KINDS: Mapping[str, Kind] = {
    "event": Kind(
        filters={**_WHERE, **_SEEN, "kind": words, "step": choices(*STEPS), "late": flag},
        lasts=True,
    ),
    "alarm": Kind(filters={**_WHERE, "to": words, "from_": words}, lasts=True),
    "detection": Kind(filters={**_WHERE, **_SEEN, "source": words}, lasts=True),
    "monitor_state": Kind(filters={**_WHERE, "field": words, "to": values}, lasts=True),
    "system_state": Kind(filters={"system": globs, "field": words, "to": values}, lasts=True),
    "notice": Kind(filters={**_WHERE, "kind": words, "active": flags}, lasts=True),
    "mqtt": Kind(filters={"topic": topics}, needs=("topic",)),
    "webhook": Kind(filters={"name": hook_name}, needs=("name",)),
    "cron": Kind(filters={"expression": text, "tz": text, "missed": _PART}, needs=("expression",), comes=False),
    "every": Kind(filters={"seconds": number(LEAST_EVERY_S, MOST_EVERY_S, " s")}, needs=("seconds",), comes=False),
    "sun": Kind(
        filters={"event": choice(*SUN), "offset_s": number(-MOST_OFFSET_S, MOST_OFFSET_S, " s"), "missed": _PART},
        needs=("event",),
        comes=False,
    ),
    "startup": Kind(filters={}, comes=False),
    "shutdown": Kind(filters={}, comes=False),
    "setting": Kind(filters={"names": patterns}),
    "entity": Kind(filters={"key": patterns}),
}
"""Every kind of trigger."""
