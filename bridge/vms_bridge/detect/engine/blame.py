"""Which model it was that ended the worker, found out from what the worker was at; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

MOST_CRASHES = 3
"""After so many within `REMEMBERED_S` a model is set aside."""
REMEMBERED_S = 3_600.0
CLEARED_AFTER = 20
"""After so many answers a model is no longer suspected."""


class Blame:
    """Counts crashes by model.

    Where only one model was at work, it was that. Where several were, all are suspected, and `is_careful` from then on: as
    long as it is, one picture at a time is looked at, so that the next crash names one. A suspect whose answers come is cleared.
    """

    def __init__(self) -> None:
        self._crashes: dict[str, list[float]] = {}
        self._suspects: dict[str, int] = {}
        """With how many more answers each is cleared."""
        self.aside: frozenset[str] = frozenset()
        """The models that are not loaded any more."""

    @property
    def is_careful(self) -> bool:
        """Whether pictures are to be looked at one by one."""
        return bool(self._suspects)

    def crashed(self, at_work: Collection[str], now_s: float) -> str | None:
        """Note that the worker has ended while these models were at work; returns the one that is set aside for it."""
        involved = [model for model in at_work if model not in self.aside]
        if len(involved) != 1:
            self._suspects |= dict.fromkeys(involved, CLEARED_AFTER)
            return None
        (model,) = involved
        times = [time for time in self._crashes.get(model, []) if now_s - time < REMEMBERED_S]
        self._crashes[model] = [*times, now_s]
        if len(self._crashes[model]) < MOST_CRASHES:
            return None
        self.aside |= {model}
        self._suspects.pop(model, None)
        return model

    def answered(self, model: str) -> None:
        """Note that a model has looked at a picture, and the worker still lives."""
        left = self._suspects.get(model)
        if left is None:
            return
        if left > 1:
            self._suspects[model] = left - 1
        else:
            del self._suspects[model]

    def crashes(self, model: str) -> int:
        """Return how many crashes count against a model."""
        return len(self._crashes.get(model, []))
