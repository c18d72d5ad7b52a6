"""What happens in a trial, in its order: what occurred, what was called, what the script did, logged, and failed at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from vms_bridge.errors import BridgeError
from vms_bridge.scripts.trying.times import in_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.clock import Clock

MOST_ENTRIES = 200_000
_DIGITS = 3


class EntryKind(StrEnum):
    """What an entry tells of; as a key of its JSON it holds what that was."""

    HAPPENED = "happened"
    CALLED = "called"
    DID = "did"
    LOG = "log"
    FAILED = "failed"


class TrialTooLong(BridgeError):
    """More happens in a trial than anybody can read."""

    code = "too_long"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing: when, in seconds since the trial began and by the wall clock; what; and all that belongs to it."""

    at_s: float
    time: str
    kind: EntryKind
    what: str
    words: Mapping[str, Any]

    def said(self) -> dict[str, Any]:
        """Return it as JSON. Expectations are written in the same."""
        return {"at_s": self.at_s, "time": self.time, self.kind.value: self.what, **self.words}


class Transcript:
    """The entries of one trial."""

    def __init__(self, clock: Clock, told: Callable[[Entry], None] | None = None) -> None:
        """`told` hears each entry as it comes."""
        self._clock, self._began_s, self._told = clock, clock.monotonic(), told
        self.entries: list[Entry] = []

    def add(self, kind: EntryKind, what: str, words: Mapping[str, Any]) -> None:
        """Take note of it now. Raises TrialTooLong."""
        if len(self.entries) >= MOST_ENTRIES:
            hint = "does the script set itself going, again and again? A shorter --for may show it"
            raise TrialTooLong(f"more than {MOST_ENTRIES:,} things have happened in this trial", hint=hint)
        at_s = round(self._clock.monotonic() - self._began_s, _DIGITS)
        entry = Entry(at_s, in_utc(self._clock.now()), kind, what, words)
        self.entries.append(entry)
        if self._told is not None:
            self._told(entry)

    @property
    def failures(self) -> int:
        """How often a handler, or what it asked for without waiting, has failed."""
        return sum(entry.kind == EntryKind.FAILED for entry in self.entries)


def in_json(value: object) -> str:
    """Return a value in a line."""
    return json.dumps(value, ensure_ascii=False, default=str)
