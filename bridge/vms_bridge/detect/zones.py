"""In which zones something is, and what that means for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.detect.geometry import contains, fault, shared
from vms_bridge.detect.labels import parse_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vms_bridge.detect.config_cameras import Mode, Where, ZoneSettings
    from vms_bridge.detect.geometry import Point
    from vms_bridge.detect.labels import Pattern
    from vms_bridge.detect.values import Box
    from vms_bridge.model import Zone

VMS_MODES: Mapping[str, Mode] = {"active": "include", "inclusive": "include", "exclusive": "include", "inactive": "exclude"}
"""What a zone of a VMS is to detection, by its kind; those of other kinds (`preclusive`, `privacy`) are for its motion alone."""
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRule:
    """A zone as the rules use it; `points` are corners in 0..1. No labels: it is about all."""

    name: str
    points: tuple[Point, ...] = field(repr=False)
    mode: Mode = "include"
    where: Where = "bottom"
    cover: float = 0.5
    labels: tuple[Pattern, ...] = ()
    min_score: float = 0.0

    def is_about(self, label: str, score: float) -> bool:
        """Say whether the zone takes things of this label and score."""
        return score >= self.min_score and (not self.labels or any(label in pattern for pattern in self.labels))

    def has(self, box: Box) -> bool:
        """Say whether a box is in the zone, as that is meant there; whether something is parked is a matter of how much is."""
        x, y, width, height = box
        where = "cover" if self.mode == "parked" else self.where
        if where == "bottom":
            return contains(self.points, (x + width / 2, min(y + height, 1.0)))
        if where == "center":
            return contains(self.points, (x + width / 2, y + height / 2))
        common = shared(self.points, box)
        return common > _TOLERANCE * width * height if where == "touch" else common >= self.cover * width * height - _TOLERANCE


@dataclass(frozen=True, slots=True)
class Placed:
    """Where something is: in which zones that count, whether it is kept for that, and whether it is parked."""

    zones: tuple[str, ...]
    is_kept: bool
    is_parked: bool


def placed(label: str, score: float, box: Box, zones: Sequence[ZoneRule]) -> Placed:
    """Return in which zones something is, all of them in their order.

    It is kept if a zone that includes has it, or there is none such, and no zone that excludes has it.
    """
    entered = [zone for zone in zones if zone.is_about(label, score) and zone.has(box)]
    modes = {zone.mode for zone in entered}
    is_included = "include" in modes or all(zone.mode != "include" for zone in zones)
    names = tuple(dict.fromkeys(zone.name for zone in entered if zone.mode != "exclude"))
    return Placed(zones=names, is_kept=is_included and "exclude" not in modes, is_parked="parked" in modes)


def configured(zones: Mapping[str, ZoneSettings]) -> tuple[ZoneRule, ...]:
    """Return the zones of the configuration."""
    return tuple(
        ZoneRule(
            name=name,
            points=zone.polygon,
            mode=zone.mode,
            where=zone.where,
            cover=zone.cover,
            labels=tuple(parse_pattern(text) for text in zone.labels),
            min_score=zone.min_score or 0.0,
        )
        for name, zone in zones.items()
    )


@dataclass(frozen=True, slots=True)
class Imported:
    """The zones of a VMS as detection uses them, and why it does not use others: pairs of a zone's name and the reason."""

    zones: tuple[ZoneRule, ...]
    left_out: tuple[tuple[str, str], ...] = ()


def imported(zones: Iterable[Zone], known: Iterable[str] = ()) -> Imported:
    """Return what the zones of a VMS are to detection; those that are `known` by name are not taken.

    Of ZoneMinder's types, active, inclusive and exclusive zones include what touches them, inactive ones exclude what stands in
    them; preclusive and privacy zones say nothing of objects.
    """
    taken = set(known)
    rules: list[ZoneRule] = []
    left_out: list[tuple[str, str]] = []
    for zone in zones:
        mode = VMS_MODES.get(zone.kind)
        wrong = fault(zone.points)
        if zone.name in taken:
            left_out.append((zone.name, "a zone of this name is there already"))
        elif mode is None:
            left_out.append((zone.name, f"zones of type {zone.kind} say nothing of objects"))
        elif wrong is not None:
            left_out.append((zone.name, wrong))
        else:
            taken.add(zone.name)
            where: Where = "touch" if mode == "include" else "bottom"  # a head before a sky that is left out is no reason
            rules.append(ZoneRule(name=zone.name, points=zone.points, mode=mode, where=where))
    return Imported(tuple(rules), tuple(left_out))
