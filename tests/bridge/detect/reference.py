"""The rules once more, written from the table in docs/detection.md without any of the product's code: slow, and plain."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from fractions import Fraction

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Thing:
    label: str
    score: float
    box: Box
    model: str = ""
    stage: str = "object"


@dataclass(frozen=True)
class Rule:
    pattern: str
    min_score: float | None = None
    min_size: float | None = None
    max_size: float | None = None
    ignore: bool | None = None


@dataclass(frozen=True)
class Zone:
    """A rectangle, for there counting is easy."""

    name: str
    box: Box
    mode: str = "include"
    where: str = "bottom"
    cover: float = 0.5
    labels: tuple[str, ...] = ()
    min_score: float = 0.0


@dataclass
class Rules:
    camera: list[Rule] = field(default_factory=list)
    stage: list[Rule] = field(default_factory=list)
    min_score: float = 0.5


def _names(pattern: str, label: str) -> tuple[int, int, int] | None:
    best: tuple[int, int, int] | None = None
    if pattern.startswith("re:"):
        return (2, 0, 0) if re.fullmatch(pattern[3:], label, re.IGNORECASE) else None
    for choice in pattern.split("|"):
        rank: tuple[int, int, int] | None = None
        if not set(choice) & set("*?["):
            rank = (0, 0, 0) if choice.lower() == label.lower() else None
        elif fnmatch.fnmatchcase(label.lower(), choice.lower()):
            rank = (3 if set(choice) == {"*"} else 1, choice.count("*"), -len(choice))
        if rank is not None and (best is None or rank < best):
            best = rank
    return best


def _value(rules: Rules, label: str, name: str) -> object:
    for level in (rules.camera, rules.stage):
        said = []
        for at, rule in enumerate(level):
            rank = _names(rule.pattern, label)
            if rank is not None and getattr(rule, name) is not None:
                said.append((rank, at, getattr(rule, name)))
        if said:
            return min(said)[2]
    return None


def _exact(box: Box) -> tuple[Fraction, Fraction, Fraction, Fraction]:
    """Return left, top, right and bottom."""
    x, y, width, height = (Fraction(value) for value in box)
    return x, y, x + width, y + height


def _shared(one: Box, other: Box) -> Fraction:
    left, top, right, bottom = _exact(one)
    left2, top2, right2, bottom2 = _exact(other)
    return max(min(right, right2) - max(left, left2), Fraction(0)) * max(min(bottom, bottom2) - max(top, top2), Fraction(0))


def _in_zone(zone: Zone, thing: Thing) -> bool:
    if zone.labels and all(_names(pattern, thing.label) is None for pattern in zone.labels):
        return False
    if thing.score < zone.min_score:
        return False
    left, top, right, bottom = _exact(thing.box)
    begin, begin_y, end, end_y = _exact(zone.box)
    area = (right - left) * (bottom - top)
    if zone.mode == "parked" or zone.where == "cover":
        return _shared(zone.box, thing.box) >= Fraction(zone.cover) * area
    if zone.where == "touch":
        return _shared(zone.box, thing.box) > 0
    point = ((left + right) / 2, bottom if zone.where == "bottom" else (top + bottom) / 2)
    return begin <= point[0] <= end and begin_y <= point[1] <= end_y


def counts(thing: Thing, rules: Rules, zones: list[Zone]) -> tuple[bool, list[str], bool]:
    """Return whether a thing counts, in which zones it is, and whether it is parked."""
    inside = [zone for zone in zones if _in_zone(zone, thing)]
    if not _passes(thing, rules):
        return False, [], False
    if any(zone.mode == "exclude" for zone in inside):
        return False, [], False
    if any(zone.mode == "include" for zone in zones) and not any(zone.mode == "include" for zone in inside):
        return False, [], False
    names: list[str] = []
    for zone in inside:
        if zone.name not in names:
            names.append(zone.name)
    return True, names, any(zone.mode == "parked" for zone in inside)


def _passes(thing: Thing, rules: Rules) -> bool:
    all_rules = [*rules.camera, *rules.stage]
    if rules.stage and all(_names(rule.pattern, thing.label) is None for rule in all_rules):
        return False
    if _value(rules, thing.label, "ignore") is True:
        return False
    least = _value(rules, thing.label, "min_score")
    if thing.score < (rules.min_score if least is None else least):  # type: ignore[operator]
        return False
    area = thing.box[2] * thing.box[3]
    smallest, largest = _value(rules, thing.label, "min_size"), _value(rules, thing.label, "max_size")
    return (smallest is None or area >= smallest) and (largest is None or area <= largest)  # type: ignore[operator]


def _total(things: list[Thing]) -> Fraction:
    return sum((Fraction(thing.score) for thing in things), Fraction(0))


def best_list(pick: str, lists: list[list[Thing]]) -> int | None:
    """Return which of the lists is picked, by its position."""
    if pick == "first":
        for at, things in enumerate(lists):
            if things:
                return at
        return None
    best: int | None = None
    for at, things in enumerate(lists):
        if best is None or _beats(pick, things, lists[best]):
            best = at
    return best


def _beats(pick: str, things: list[Thing], other: list[Thing]) -> bool:
    """Say whether a later list is better than an earlier one."""
    if pick == "most_unique":
        labels, others = {thing.label for thing in things}, {thing.label for thing in other}
        if len(labels) != len(others):
            return len(labels) > len(others)
    if pick == "most_models":
        stages, other_stages = {thing.stage for thing in things}, {thing.stage for thing in other}
        if len(stages) != len(other_stages):
            return len(stages) > len(other_stages)
    if len(things) != len(other):
        return len(things) > len(other)
    return _total(things) > _total(other)


def union(lists: list[list[Thing]]) -> list[tuple[Thing, set[str]]]:
    """Return all things once, each with its models."""
    left = [(at, thing) for at, things in enumerate(lists) for thing in things]
    kept: list[tuple[int, Thing, set[str]]] = []
    while left:
        top = max(thing.score for _, thing in left)
        at, thing = next(pair for pair in left if pair[1].score == top)
        left.remove((at, thing))
        for other, better, models in kept:
            if other == at or better.label.lower() != thing.label.lower():
                continue
            common = _shared(better.box, thing.box)
            together = (
                Fraction(better.box[2]) * Fraction(better.box[3]) + Fraction(thing.box[2]) * Fraction(thing.box[3]) - common
            )
            if together and common / together > Fraction(6, 10):
                models.add(thing.model)
                break
        else:
            kept.append((at, thing, {thing.model}))
    return [(thing, models) for _, thing, models in kept]
