"""What something must be like to count, by its label: rules of a camera go before those of its profile, specific ones first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.detect.labels import parse_pattern
from vms_bridge.detect.sizes import Area

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.detect.config_rules import LabelRule
    from vms_bridge.detect.labels import Pattern

MOST_LABELS = 4096
_WHOLE = Area(share=1.0)
_NONE = Area(share=0.0)


@dataclass(frozen=True, slots=True)
class Standard:
    """What things of one label must be like: their score, their area, their width divided by their height."""

    min_score: float
    least: Area = _NONE
    most: Area = _WHOLE
    min_ratio: float = 0.0
    max_ratio: float = float("inf")


class Standards:
    """The rules of one stage of one camera.

    Each value comes from the first rule that says it: those of the camera before those of the stage, of each the most specific
    first. A label that is ignored, or that none of the stage's rules or the camera's names though the stage has some, counts
    for nothing.
    """

    def __init__(self, stage: Mapping[str, LabelRule], camera: Mapping[str, LabelRule], *, min_score: float) -> None:
        self._levels = [[(parse_pattern(text), rule) for text, rule in level.items()] for level in (camera, stage)]
        self._takes_all = not stage
        self._min_score = min_score
        self._known: dict[str, Standard | None] = {}

    @property
    def takes_all(self) -> bool:
        """Whether all labels count that no rule leaves out."""
        return self._takes_all

    @property
    def least_score(self) -> float:
        """The least score that anything may have to count."""
        said = [rule.min_score for level in self._levels for _, rule in level if rule.min_score is not None]
        return min([self._min_score, *said])

    def of(self, label: str) -> Standard | None:
        """Return what things with this label must be like, None where they count for nothing."""
        if label not in self._known:
            if len(self._known) >= MOST_LABELS:  # a model has no more; what is foreign must not pile up
                self._known.clear()
            self._known[label] = self._worked_out(label)
        return self._known[label]

    def _worked_out(self, label: str) -> Standard | None:
        rules = [rule for level in self._levels for rule in _matching(level, label)]
        if not rules and not self._takes_all:
            return None
        if next((rule.ignore for rule in rules if rule.ignore is not None), False):
            return None
        min_score = next((rule.min_score for rule in rules if rule.min_score is not None), self._min_score)
        return Standard(
            min_score=min_score,
            least=next((rule.least for rule in rules if rule.least is not None), _NONE),
            most=next((rule.most for rule in rules if rule.most is not None), _WHOLE),
            min_ratio=next((rule.min_ratio for rule in rules if rule.min_ratio is not None), 0.0),
            max_ratio=next((rule.max_ratio for rule in rules if rule.max_ratio is not None), float("inf")),
        )


def _matching(level: Sequence[tuple[Pattern, LabelRule]], label: str) -> list[LabelRule]:
    """Return the rules that name the label, the most specific first, of equals the one that is written first."""
    found = [(how, at, rule) for at, (pattern, rule) in enumerate(level) if (how := pattern.precedence(label)) is not None]
    return [rule for _, _, rule in sorted(found, key=lambda one: one[:2])]
