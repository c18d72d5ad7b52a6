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
        self._reads = 0

    async def get(self, *, force_reload: bool = False) -> _T:
        """Return it, as it was read last or, forced, as it is now. Raises what reading raises; then the old one stays."""
        reads = self._reads
        if self._held is not None and not force_reload:
            return self._held[0]
        async with self._turn:
            # Who has waited here for another one's reading wants no older answer than that, unless it began before.
            if self._held is None or (force_reload and self._reads == reads):
                value = await self._read()
                self._held, self._reads = (value,), self._reads + 1
            return self._held[0]

    def forget(self) -> None:
        """Have it read anew the next time."""
        self._held = None
