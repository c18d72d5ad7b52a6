"""Waiting for messages that say a certain thing, with the moment of their arrival."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, and when it arrived in monotonic ns."""

    topic: str
    payload: bytes
    at: int


class Arrivals:
    """Takes what a `wire.Client` receives."""

    def __init__(self) -> None:
        self._all: list[Arrival] = []
        self._news = asyncio.Event()

    def take(self, topic: str, payload: bytes, at: int) -> None:
        """Keep a message; give this to the client."""
        if len(self._all) >= _MOST:
            del self._all[: _MOST // 2]
        self._all.append(Arrival(topic, payload, at))
        self._news.set()

    async def first(
        self, topic: str, accept: Callable[[bytes], bool], *, since: int = 0, within_s: float = 5.0
    ) -> Arrival | None:
        """Return the first message on that topic since then that is accepted, None if none comes in time."""
        seen = 0
        try:
            async with asyncio.timeout(within_s):
                while True:
                    self._news.clear()
                    for arrival in self._all[seen:]:
                        if arrival.at >= since and arrival.topic == topic and accept(arrival.payload):
                            return arrival
                    seen = len(self._all)
                    await self._news.wait()
        except TimeoutError:
            return None

    def forget(self) -> None:
        """Drop what has come so far."""
        self._all.clear()
