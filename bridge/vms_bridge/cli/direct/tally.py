"""How many files were saved, were there already, or could not be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vms_bridge.cli.output import size

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.errors import BridgeError


class Outcome(Protocol):
    """What became of one file."""

    @property
    def path(self) -> Path | None:
        """Where it is; None where it could not be had."""

    @property
    def error(self) -> BridgeError | None:
        """What went wrong with it."""

    @property
    def bytes(self) -> int:
        """How large it is."""

    @property
    def is_new(self) -> bool:
        """Whether it is there since now."""


class Tally:
    """Counts them; `done` is what those are that are new: downloaded, say."""

    def __init__(self, done: str) -> None:
        self._word = done
        self.done = self.bytes = self.there = self.failed = 0

    def count(self, outcome: Outcome) -> None:
        """Count one more."""
        self.failed += outcome.error is not None
        self.done += outcome.is_new
        self.bytes += outcome.bytes if outcome.is_new else 0
        self.there += outcome.path is not None and not outcome.is_new

    @property
    def all(self) -> int:
        """How many there were."""
        return self.done + self.there + self.failed

    @property
    def text(self) -> str:
        """Say it in a line."""
        parts = [f"{self.done} {self._word} ({size(self.bytes)})"]
        parts += [f"{self.there} there already"] if self.there else []
        parts += [f"{self.failed} failed"] if self.failed else []
        return ", ".join(parts) + "."
