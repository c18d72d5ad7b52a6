"""What a run saw, and whether it passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.chaos.commands import Answers
from tests.chaos.lies.line import TRICKS
from tests.chaos.lies.tales import kinds

if TYPE_CHECKING:
    from tests.chaos.checker import Delivery

KINDS_PER_MIN, EVENTS_PER_MIN = 12, 40
MEMORY_MB, TREE_MB = 260, 600
_MOST_KINDS = (len(list(kinds())) + len(TRICKS)) // 2


@dataclass(slots=True)
class Result:
    """What a run saw."""

    seconds: float = 0
    told: dict[str, int] = field(default_factory=dict)
    """How often each lie was told."""
    ineffective: list[str] = field(default_factory=list)
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers)
    untrue: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    broken_off: str = ""
    longest_heal: float = 0
    longest_after: str = "nothing"
    memory_mb: float = 0
    tree_mb: float = 0

    @property
    def wrong(self) -> list[str]:
        """Why the run fails; empty if it passes."""
        wrong = [*self.crashes, *self.complaints, *self.untrue, *self.devices, *self.answers.faults]
        wrong += [f"{system}: {fault}" for system, delivery in self.deliveries.items() for fault in delivery.faults]
        if self.broken_off:
            wrong.append(f"the run was broken off, nothing is judged as a whole: {self.broken_off}")
        if self.memory_mb > MEMORY_MB or self.tree_mb > TREE_MB:
            wrong.append(f"the bridge has used {self.memory_mb:.0f} MB, {self.tree_mb:.0f} MB with its helpers")
        minutes = self.seconds / 60
        if len(self.told) < min(KINDS_PER_MIN * minutes, _MOST_KINDS):
            wrong.append(f"only {len(self.told)} kinds of lies were told in {self.seconds:.0f} s: the run says too little")
        if self._count("recorded") < EVENTS_PER_MIN * minutes:
            wrong.append(f"only {self._count('recorded')} events in {self.seconds:.0f} s: the run says too little")
        return wrong

    def _count(self, what: str) -> int:
        found = [getattr(delivery, what) for delivery in self.deliveries.values()]
        return sum(each if isinstance(each, int) else len(each) for each in found)

    def __str__(self) -> str:
        return "\n".join(
            f"{name:<28}{value}"
            for name, value in (
                ("seconds", f"{self.seconds:.0f}"),
                ("lies told", f"{sum(self.told.values())}, of {len(self.told)} kinds"),
                ("lies nobody heard", len(self.ineffective)),
                ("events recorded", self._count("recorded")),
                ("events announced", f"{self._count('announced')} (late: {self._count('late')})"),
                ("lost", self._count("lost")),
                ("out of order", self._count("disordered")),
                ("duplicates", f"{self._count('duplicates')} (not identical: {self._count('differing')})"),
                ("untrue messages", self._count("untrue")),
                ("untrue states", len(self.untrue)),
                ("devices taken away", len(self.devices)),
                ("commands", self.answers),
                ("wrong answers", len(self.answers.faults)),
                ("crashes", len(self.crashes)),
                ("complaints about the log", len(self.complaints)),
                ("longest heal", f"{self.longest_heal:.1f} s, after {self.longest_after}"),
                ("memory", f"{self.memory_mb:.0f} MB, with helpers {self.tree_mb:.0f} MB"),
            )
        )
