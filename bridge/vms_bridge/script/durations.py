"""How long something is, as authors write it: a number of seconds, or "30s", "5m", "1h30m", "2d"."""

from __future__ import annotations

import math
import re

Duration = float | str
"""Seconds, or a text such as "500ms", "30s", "5m", "1h30m", "2d"."""

MOST_S = 366 * 86_400.0
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h|d|w)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0}
_SHOWN = (("d", 86_400), ("h", 3600), ("m", 60))


def seconds(duration: Duration, name: str = "a duration", *, most_s: float = MOST_S) -> float:
    """Return how many seconds that is. Raises TypeError and ValueError, which call it by that name."""
    if isinstance(duration, bool) or not isinstance(duration, int | float | str):
        raise TypeError(f'{name} is a number of seconds, or a text such as "30s" or "1h30m", and not {duration!r}')
    found = _parsed(duration, name) if isinstance(duration, str) else float(duration)
    if not math.isfinite(found) or found < 0:
        raise ValueError(f"{name} can't be {duration!r}")
    if found > most_s:
        raise ValueError(f"{name} is at most {'a year' if most_s == MOST_S else written(most_s)}, and not {duration!r}")
    return found


def _parsed(text: str, name: str) -> float:
    written = text.strip().lower()[:100].replace(" ", "")
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", written):
        return float(written)
    parts = _PART.findall(written)
    units = [unit for _, unit in parts]
    if not parts or "".join(number + unit for number, unit in parts) != written or len(set(units)) != len(units):
        raise ValueError(f'{name} is a number of seconds, or a text such as "30s", "5m" or "1h30m", and not {text[:40]!r}')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def written(duration_s: float) -> str:
    """Return it as authors write it, to the millisecond: "1h30m", "2.5s", "0s"."""
    left_ms = round(duration_s * 1000)
    parts = []
    for unit, length in _SHOWN:
        number, left_ms = divmod(left_ms, length * 1000)
        if number:
            parts.append(f"{number}{unit}")
    if left_ms or not parts:
        parts.append(f"{left_ms / 1000:.3f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)
