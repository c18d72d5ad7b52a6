"""What a run saw, and whether it passes."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.chaos.checker import Delivery
from tests.chaos.commands import Answers

EVENTS_PER_10_MIN, FAULTS_PER_10_MIN, COMMANDS_PER_10_MIN = 200, 30, 100


@dataclass(slots=True)
class Result:
    """What a run saw."""

    seconds: float = 0
    faults: int = 0
    ineffective: list[str] = field(default_factory=list)
    delivery: Delivery = field(default_factory=Delivery)
    answers: Answers = field(default_factory=Answers)
    untrue: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    broken_off: str = ""
    longest_heal: float = 0
    longest_after: str = "nothing"

    @property
    def wrong(self) -> list[str]:
        """Why the run fails; empty if it passes."""
        share = self.seconds / 600
        wrong = [*self.crashes, *self.complaints, *self.untrue, *self.delivery.faults, *self.answers.faults]
        if self.broken_off:
            wrong.append(f"the run was broken off, nothing is judged as a whole: {self.broken_off}")
        if self.delivery.recorded < EVENTS_PER_10_MIN * share:
            wrong.append(f"only {self.delivery.recorded} events in {self.seconds:.0f} s: the run says too little")
        if self.answers.answered < COMMANDS_PER_10_MIN * share:
            wrong.append(f"only {self.answers.answered} commands were answered in {self.seconds:.0f} s: the run says too little")
        if self.faults < FAULTS_PER_10_MIN * share:
            wrong.append(f"only {self.faults} effective faults in {self.seconds:.0f} s: the run says too little")
        return wrong

    def __str__(self) -> str:
        delivery = self.delivery
        return "\n".join(
            f"{name:<28}{value}"
            for name, value in (
                ("seconds", f"{self.seconds:.0f}"),
                ("faults, effective", self.faults),
                ("faults without effect", len(self.ineffective)),
                ("events recorded", delivery.recorded),
                ("events announced", f"{delivery.announced} (late: {delivery.late})"),
                ("lost", len(delivery.lost)),
                ("out of order", len(delivery.disordered)),
                ("duplicates", f"{delivery.duplicates} (not identical: {len(delivery.differing)})"),
                ("untrue messages", len(delivery.untrue)),
                ("untrue states", len(self.untrue)),
                ("commands", self.answers),
                ("wrong answers", len(self.answers.faults)),
                ("crashes", len(self.crashes)),
                ("errors in the log", len(self.complaints)),
                ("longest heal", f"{self.longest_heal:.1f} s, after {self.longest_after}"),
            )
        )
