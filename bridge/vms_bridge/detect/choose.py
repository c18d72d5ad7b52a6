"""Which findings count where several models looked at the same picture: after each list has been filtered."""

from __future__ import annotations

from dataclasses import replace
from math import fsum
from typing import TYPE_CHECKING

from vms_bridge.detect.geometry import overlap
from vms_bridge.detect.labels import parse_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.config_rules import VariantPick
    from vms_bridge.detect.labels import Pattern
    from vms_bridge.detect.values import Found

SAME_OVERLAP = 0.6
"""Above which overlap two findings of different models are the same thing."""


class Groups:
    """Labels that are taken for each other; each other label is a group of its own."""

    def __init__(self, same: Sequence[Sequence[str]] = ()) -> None:
        self._groups: list[list[Pattern]] = [[parse_pattern(text) for text in group] for group in same]

    def of(self, label: str) -> int | str:
        """Return the same for all labels of a group: the first that has it."""
        name = label.strip()
        return next((at for at, group in enumerate(self._groups) if any(name in pattern for pattern in group)), name.casefold())


def pick_variant(pick: VariantPick, lists: Sequence[Sequence[Found]], groups: Groups | None = None) -> tuple[Found, ...]:
    """Return what counts of the filtered lists of several models, which are in the order of the models.

    `first`: the first list with anything in it. `most`: the longest; of equally long ones that with the larger sum of scores,
    then the earlier. `most_unique`: the one with most different labels, of equals as `most`. `union`: all, the same thing once
    with its best score, the best first, and the names of all models that found it.
    """
    if pick == "union":
        return _union(lists, groups or Groups())
    if pick == "first":
        return tuple(next((found for found in lists if found), ()))
    if not lists:
        return ()
    best = weight if pick == "most" else variety
    return tuple(lists[max(range(len(lists)), key=lambda at: best(lists[at]))])


def weight(found: Sequence[Found]) -> tuple[float, ...]:
    """Return by what `most` compares lists. The sum is exact, so that the order of a list is no matter."""
    return len(found), fsum(one.score for one in found)


def variety(found: Sequence[Found]) -> tuple[float, ...]:
    """Return by what `most_unique` compares lists: how many different labels there are, and then as `most`."""
    return len({one.label for one in found}), *weight(found)


def _union(lists: Sequence[Sequence[Found]], groups: Groups) -> tuple[Found, ...]:
    ranked = sorted(
        ((at, groups.of(one.label), one) for at, found in enumerate(lists) for one in found), key=lambda each: -each[2].score
    )
    kept: list[tuple[int, int | str, Found, dict[str, None]]] = []
    for at, group, one in ranked:
        for other, others_group, better, sources in kept:
            # What one model has told apart is two things to it, however close they are.
            if at != other and group == others_group and overlap(one.box, better.box) > SAME_OVERLAP:
                sources[one.model] = None
                break
        else:
            kept.append((at, group, one, {one.model: None}))
    return tuple(replace(one, model="+".join(name for name in sources if name)) for _, _, one, sources in kept)
