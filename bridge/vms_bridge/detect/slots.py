"""One place for each camera's newest picture: who is slow looks at what is so now, at each camera as often as at any other."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Slots(Generic[_Key, _Value]):
    """A new value takes the place of the one that waits under its key, and its turn: the line is as long as there are keys."""

    def __init__(self) -> None:
        self._waiting: dict[_Key, _Value] = {}
        self._is_any = asyncio.Event()
        self.drops: Counter[_Key] = Counter()
        """How many had to make room for a newer one, by key."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: _Key) -> bool:
        return key in self._waiting

    def put(self, key: _Key, value: _Value) -> None:
        """Have this taken next for the key."""
        self.drops[key] += key in self._waiting
        self._waiting[key] = value
        self._is_any.set()

    def discard(self, key: _Key) -> None:
        """Forget what waits under the key, and how much has been dropped."""
        self._waiting.pop(key, None)
        self.drops.pop(key, None)

    async def take(self) -> tuple[_Key, _Value]:
        """Wait for the value of the key whose turn it is; the next of that key comes behind all others."""
        while not self._waiting:
            self._is_any.clear()
            await self._is_any.wait()
        key = next(iter(self._waiting))
        return key, self._waiting.pop(key)
