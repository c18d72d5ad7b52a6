"""Which lie is told when: a function of the seed alone, so that every run can be repeated."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING

from tests.chaos.lies.line import TRICKS
from tests.chaos.lies.tales import TALES, Sort, kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEMS = ("old", "new")
"""One ZoneMinder of 1.36 by its API alone, one of 1.38 by shared memory too; each behind a liar of its own."""
POISON, RESTART = "poison", "restart"
_STEADY_S, _POISON_S, _TRICK_S = (2.0, 6.0), (15.0, 15.0), (3.0, 7.0)
_GATE_S, _BEGINNING_S = (2.0, 3.0), (9.0, 10.0)
"""A lost system is tried again within 5 s: what lasts longer than the first and those is met."""
_GATES = ("login", "version")
"""Who is refused there asks for nothing more."""
_LOSS_S = 0.8
_SPREAD_S = 1.5


@dataclass(frozen=True, slots=True)
class Untruth:
    """One lie: about what (a system, the `line` to the broker, the `bridge`), which, and when after the round's start."""

    where: str
    kind: str
    part: str
    at: float
    lasts: float

    def __str__(self) -> str:
        about = f" of {self.part}" if self.part else ""
        return f"{self.where}: {self.kind}{about} at {self.at:g} for {self.lasts:g} s"


@dataclass(frozen=True, slots=True)
class Round:
    """Lies that overlap; after them all that is said must come true."""

    number: int
    lies: tuple[Untruth, ...]


class _Deck:
    """Cards that are drawn in random order; each comes once before any comes again."""

    def __init__(self, cards: list[tuple[str, str]], random: Random) -> None:
        self._cards, self._random = cards, random
        self._left: deque[tuple[str, str]] = deque()

    def draw(self, taken: set[str]) -> tuple[str, str] | None:
        """Return the next card about another part than these."""
        if not self._left:
            shuffled = list(self._cards)
            self._random.shuffle(shuffled)
            self._left.extend(shuffled)
        for _ in range(len(self._left)):
            card = self._left.popleft()
            if card[1] not in taken and not (card[1] == "all" and taken):
                return card
            self._left.append(card)
        return None


def rounds(seed: int) -> Iterator[Round]:
    """Return the endless schedule of that seed; every kind comes once before any comes again."""
    random = Random(f"lies {seed}")  # noqa: S311 - it has to be repeatable
    unclean = {where: _Deck(_steady(unclean=True), random) for where in SYSTEMS}
    steady = {where: _Deck(_steady(unclean=False), random) for where in SYSTEMS}
    gates = {where: _Deck(_beginnings(at_gates=True), random) for where in SYSTEMS}
    beginnings = {where: _Deck(_beginnings(at_gates=False), random) for where in SYSTEMS}
    tricks = _Deck([(name, name) for name in TRICKS] + [(RESTART, RESTART)], random)
    number = 0
    while True:
        number += 1
        lies: list[Untruth] = []
        leader, other = SYSTEMS if number % 2 else SYSTEMS[::-1]
        if number % 3 == 0:
            trick, _ = tricks.draw(set()) or ("", "")
            where = "bridge" if trick == RESTART else "line"
            lies.append(Untruth(where, trick, "", 0, round(random.uniform(*_TRICK_S), 1)))
            lies += _draw(unclean[leader], leader, 1, _STEADY_S, random)
        elif number % 3 == 1:
            lies.append(Untruth(leader, "502", "all", 0, _LOSS_S))
            lies += _draw(gates[leader], leader, 1, _GATE_S, random, at_once=True)
            lies += _draw(beginnings[leader], leader, 3, _BEGINNING_S, random, at_once=True)
            lies += _draw(steady[other], other, 2, _STEADY_S, random)
        else:
            lies += _draw(steady[leader], leader, 3, _STEADY_S, random)
            lies += _draw(unclean[other], other, 2, _STEADY_S, random)
        yield Round(number, tuple(lies))


def _steady(*, unclean: bool) -> list[tuple[str, str]]:
    """Return what can be told in the middle of a connection: the truth in odd clothes, or all else."""
    cards = [(name, part) for name, part, tale in kinds() if part in tale.parts and (tale.sort is Sort.UNCLEAN) is unclean]
    return cards if unclean else [*cards, (POISON, "events")]


def _beginnings(*, at_gates: bool) -> list[tuple[str, str]]:
    return [(name, part) for name, part, tale in kinds() if part in tale.begins and (part in _GATES) is at_gates]


def _draw(
    deck: _Deck, where: str, count: int, lasts: tuple[float, float], random: Random, *, at_once: bool = False
) -> list[Untruth]:
    lies: list[Untruth] = []
    taken: set[str] = set()
    for _ in range(count):
        card = None if "all" in taken else deck.draw(taken)
        if card is None:
            break
        taken.add(card[1])
        low, high = _POISON_S if card[0] == POISON else lasts
        at = 0.0 if at_once else round(random.uniform(0, _SPREAD_S), 1)
        lies.append(Untruth(where, *card, at, round(random.uniform(low, high), 1)))
    return lies


def sort_of(untruth: Untruth) -> Sort:
    """Return what a listener can make of it."""
    return TALES[untruth.kind].sort if untruth.kind in TALES else Sort.BROKEN


def dump(schedule: list[Round]) -> str:
    """Return the schedule as lines of JSON, for `load`."""
    return "".join(json.dumps({"number": each.number, "lies": [asdict(lie) for lie in each.lies]}) + "\n" for each in schedule)


def load(text: str) -> list[Round]:
    """Return the schedule that `dump` wrote."""
    lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [Round(line["number"], tuple(Untruth(**lie) for lie in line["lies"])) for line in lines]
