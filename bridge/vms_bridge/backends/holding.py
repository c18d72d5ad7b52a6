"""What is on for a while after it was seen last: for a VMS that says that something happens, and never that it is over.

It is not in the ladder of sources: it makes an end for what no source tells the end of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_Key = TypeVar("_Key")


class Holding(Generic[_Key]):
    """Keys, each with the time until which it is held; `over` lets those go whose time has come."""

    def __init__(self) -> None:
        self._until: dict[_Key, datetime] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._until

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._until)

    def __len__(self) -> int:
        return len(self._until)

    def hold(self, key: _Key, until: datetime) -> None:
        """Hold it until then, or for longer where it is held for longer already."""
        before = self._until.get(key)
        self._until[key] = until if before is None else max(before, until)

    def let_go(self, key: _Key) -> None:
        """Hold it no more."""
        self._until.pop(key, None)

    def until(self, key: _Key) -> datetime | None:
        """Return until when it is held; None: it is not."""
        return self._until.get(key)

    def over(self, now: datetime) -> list[_Key]:
        """Let go of those whose time has come, and return them, the first that was over first."""
        ended = sorted((until, number, key) for number, (key, until) in enumerate(self._until.items()) if until <= now)
        for _, _, key in ended:
            del self._until[key]
        return [key for _, _, key in ended]

    @property
    def next_over(self) -> datetime | None:
        """When the next one is over; None where none is held."""
        return min(self._until.values(), default=None)
