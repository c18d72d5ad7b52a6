"""When the pictures of an event were taken: pure. ZoneMinder has a row for some of them; those between come evenly."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from vms_bridge.archive import MOST_FRAMES

if TYPE_CHECKING:
    from collections.abc import Iterable


def frame_times(known: Iterable[tuple[int, float]], count: int, length_s: float) -> tuple[tuple[int, float], ...]:
    """Return the numbers and times of so many pictures, by those that are known; where none are, they come evenly."""
    count = min(count, MOST_FRAMES)
    rows = [row for row in sorted(dict(known).items()) if 1 <= row[0] <= count]
    rows = _rising(rows) or [(1, 0.0)]
    if rows[0][0] > 1:
        rows.insert(0, (1, 0.0))
    if rows[-1][0] < count:
        last, time_s = rows[-1]
        each_s = max(length_s - time_s, 0.0) / (count - last) or (time_s / (last - 1) if last > 1 else 0.0)
        rows.append((count, time_s + each_s * (count - last)))
    found = [(rows[0][0], round(rows[0][1], 4))]
    for (first, start_s), (last, end_s) in pairwise(rows):
        each_s = (end_s - start_s) / (last - first)
        times = ((number, start_s + each_s * (number - first)) for number in range(first + 1, last + 1))
        found += [(number, round(min(time_s, end_s), 4)) for number, time_s in times]
    return tuple(found[:count])


def _rising(rows: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Leave out what was taken before the one with the number before it."""
    found: list[tuple[int, float]] = []
    for number, time_s in rows:
        if time_s >= (found[-1][1] if found else 0.0):
            found.append((number, time_s))
    return found
