"""Waiting for what can be seen, with a deadline and a sentence about what did not come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
WITHIN_S = 15.0


class Changes:
    """Wakes whoever waits for a condition each time that something has changed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Say that something has changed; on the event loop."""
        self._next.set()
        self._next = asyncio.Event()

    async def until(self, look: Callable[[], T | None], what: Callable[[], str], within: float = WITHIN_S) -> T:
        """Return the first true answer of `look`; after `within` seconds fail with the words of `what`."""
        try:
            async with asyncio.timeout(within):
                while not (value := look()):
                    await self._next.wait()
                return value
        except TimeoutError:
            raise AssertionError(f"not within {within:g} s: {what()}") from None
