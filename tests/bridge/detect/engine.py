"""Models that find what a test says, and fail when it says so: what `stages` and `sequence` see of the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.detect.values import Found, Inferred
from vms_bridge.errors import DetectionFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.detect.values import Picture

Answer = tuple[Found, ...] | DetectionFailed


@dataclass
class ToldEngine:
    """By model and picture, what is found; by model alone, what it finds in each."""

    answers: Mapping[str | tuple[str, bytes], Answer | Sequence[Found]]
    size: tuple[int, int] = (1280, 720)
    asked: list[tuple[str, bytes, float]] = field(default_factory=list)

    async def infer(self, model: str, picture: Picture, *, least_score: float) -> Inferred:
        """Answer as told."""
        assert isinstance(picture, bytes)
        self.asked.append((model, picture, least_score))
        answer = self.answers.get((model, picture), self.answers.get(model, ()))
        if isinstance(answer, DetectionFailed):
            raise answer
        return Inferred(tuple(answer), *self.size)


def thing(label: str, score: float = 0.9, x: float = 0.1) -> Found:
    """Return something that was found."""
    return Found(label, score, (x, 0.1, 0.2, 0.2))
