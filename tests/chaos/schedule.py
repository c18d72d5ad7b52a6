"""Which fault comes when: a function of the seed alone, so that every run can be repeated."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# kind: (part, weight, shortest, longest). Two faults of one part never meet in a round.
KINDS = {
    "bridge-kill": ("bridge", 4, 0.2, 6),
    "bridge-stop": ("bridge", 2, 2, 12),
    "bridge-end": ("bridge", 1, 0.2, 3),
    "broker-kill": ("broker", 3, 0.2, 6),
    "broker-stop": ("broker", 1, 2, 10),
    "database-kill": ("database", 3, 0.2, 5),
    "database-stop": ("database", 2, 2, 8),
    "web-kill": ("web", 2, 0.2, 5),
    "web-stop": ("web", 2, 2, 12),
    "capture-kill": ("capture", 2, 0, 0),
    "capture-stop": ("capture", 1, 1, 6),
    "web-reset": ("to web", 2, 0, 3),
    "web-black-hole": ("to web", 2, 2, 13),
    "web-half-open": ("to web", 1, 5, 12),
    "web-delay": ("to web", 2, 6, 14),
    "web-trickle": ("to web", 1, 4, 12),
    "web-401": ("to web", 2, 1, 8),
    "web-token": ("to web", 2, 0, 0),
    "web-certificate": ("to web", 2, 2, 6),
    "broker-reset": ("to broker", 3, 0, 2),
    "broker-black-hole": ("to broker", 2, 2, 12),
    "broker-half-open": ("to broker", 1, 5, 12),
    "broker-delay": ("to broker", 2, 6, 12),
    "broker-trickle": ("to broker", 1, 4, 10),
    "disk-full": ("disk", 3, 2, 8),
    "clock-jump": ("clock", 2, 1, 10),
}
CLOCK_JUMPS_S = (-7200, -3600, -90, 90, 3600, 7200)
CAMERAS = (1, 2, 3)
_AT_ONCE = (1, 1, 2, 2, 3)
_SPREAD_S = 3.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: how long after the round's start it begins, how long it lasts, and its one parameter."""

    kind: str
    at: float
    lasts: float
    value: int = 0

    @property
    def part(self) -> str:
        """What it hits."""
        return KINDS[self.kind][0]

    @property
    def ends(self) -> float:
        """When it is undone, in seconds after the round's start."""
        return self.at + self.lasts

    def __str__(self) -> str:
        value = f"({self.value})" if self.value else ""
        return f"{self.kind}{value} at {self.at:g} for {self.lasts:g} s"


@dataclass(frozen=True, slots=True)
class Round:
    """Faults that overlap; after them all that is said must come true."""

    number: int
    faults: tuple[Fault, ...]


def rounds(seed: int) -> Iterator[Round]:
    """Return the endless schedule of that seed; in every stretch of 26 rounds each kind leads once."""
    random = Random(seed)  # noqa: S311 - it has to be repeatable
    number = 0
    while True:
        leaders = list(KINDS)
        random.shuffle(leaders)
        for leader in leaders:
            number += 1
            kinds = [leader]
            for _ in range(random.choice(_AT_ONCE) - 1):
                taken = {KINDS[kind][0] for kind in kinds}
                free = [kind for kind in KINDS if KINDS[kind][0] not in taken]
                kinds += random.choices(free, [KINDS[kind][1] for kind in free])
            yield Round(number, tuple(_fault(kind, random, first=kind == leader) for kind in kinds))


def _fault(kind: str, random: Random, *, first: bool) -> Fault:
    _, _, shortest, longest = KINDS[kind]
    at = 0.0 if first else round(random.uniform(0, _SPREAD_S), 1)
    lasts = round(random.uniform(shortest, longest), 1)
    value = 0
    if kind.startswith("capture"):
        value = random.choice(CAMERAS)
    elif kind == "clock-jump":
        value = random.choice(CLOCK_JUMPS_S)
    return Fault(kind, at, lasts, value)


def dump(schedule: list[Round]) -> str:
    """Return the schedule as lines of JSON, for `load`."""
    return "".join(
        json.dumps({"number": each.number, "faults": [asdict(fault) for fault in each.faults]}) + "\n" for each in schedule
    )


def load(text: str) -> list[Round]:
    """Return the schedule that `dump` wrote."""
    lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [Round(line["number"], tuple(Fault(**fault) for fault in line["faults"])) for line in lines]
