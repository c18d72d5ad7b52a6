"""What became of files: they were saved, were there already, or could not be had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from vms_bridge.cli.output import size
from vms_bridge.errors import OutputError

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


def outcome_said(outcome: Outcome, done: str) -> dict[str, Any]:
    """Return it for programs; `done` is what a file is that is new."""
    return {
        "result": "failed" if outcome.path is None else (done if outcome.is_new else "there"),
        "file": None if outcome.path is None else str(outcome.path),
        "bytes": outcome.bytes if outcome.path is not None else None,
        "error": None if outcome.error is None else {"text": str(outcome.error), "hint": outcome.error.hint},
    }


def make_folder(folder: Path) -> None:
    """Make a folder, unless it is there. Raises OutputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} can't be made: {error.strerror}", hint="say another folder by --to") from None


def size_there(path: Path) -> int | None:
    """Return how large a file is, None where there is none. Raises OutputError where that can't be known."""
    try:
        return path.stat().st_size if path.exists() else None
    except OSError as error:
        raise OutputError(f"{path.parent} can't be looked into: {error.strerror}", hint="say another folder by --to") from None


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
