"""What is read once and kept, until somebody wants it anew."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_T = TypeVar("_T")


class Kept(Generic[_T]):
    """One answer that changes rarely; several who want it at the same time have it read once."""

    def __init__(self, read: Callable[[], Awaitable[_T]]) -> None:
        self._read = read
        self._turn = asyncio.Lock()
        self._held: tuple[_T] | None = None
        self._begun = self._held_by = self._void = 0
        """How many readings have begun, by which of them the held one is, and up to which they count no more."""

    async def get(self, *, force_reload: bool = False) -> _T:
        """Return it, as it was read last or, forced, as it is now. Raises what reading raises; then the old one stays."""
        if self._held is not None and not force_reload:
            return self._held[0]
        begun = self._begun
        async with self._turn:
            # Who has waited here for another's reading takes that, if it began after it was asked for.
            if self._held is not None and (not force_reload or self._held_by > begun):
                return self._held[0]
            self._begun = number = self._begun + 1
            value = await self._read()
            if number > self._void:
                self._held, self._held_by = (value,), number
            return value

    def forget(self) -> None:
        """Have it read anew the next time; what is being read now may be older than that already."""
        self._held, self._void = None, self._begun
