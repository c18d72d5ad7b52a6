"""Places in the history of event messages: what the store still has of all that was published (`views.HistoryPage`).

Any sink may follow it: it remembers the cursor of the last message that it has dealt with, and asks for what comes after.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MOST_IN_A_PAGE = 1_000
_CURSOR = re.compile(r"([A-Za-z0-9_-]{1,64}):(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the history: behind the message with this position, as the store counted in this epoch."""

    epoch: str
    position: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.position}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Return the cursor that `str` made this text of. Raises ValueError for any other text."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise ValueError(f"not a cursor: {text[:100]!r}")
        return cls(epoch=found[1], position=int(found[2]))


class GapReason(StrEnum):
    """Why what follows a cursor can't be given without a gap."""

    EXPIRED = "expired"
    """Messages behind it are no longer kept."""
    UNKNOWN = "unknown"
    """It is not of this history: of an epoch that the store does not know, or further on than anything that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Messages may be missing between a cursor and `goes_on`, from where the history goes on."""

    reason: GapReason
    goes_on: Cursor
