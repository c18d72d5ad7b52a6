"""The alarms that are forced here, which the VMS knows as events only: they go on, over restarts too, until they are ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.backends.base import Feed

_KEY = "forced"
_MOST_KEPT = 1_000
"""As many as find room in what is kept for a system; more are good until the connection ends."""


class Forced:
    """The channels whose alarm is forced, each with the event that was made for it."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._events: dict[int, int] = {}

    def __contains__(self, channel: object) -> bool:
        return channel in self._events

    def __iter__(self) -> Iterator[int]:
        return iter(self._events)

    async def recall(self) -> None:
        """Go on with what was forced before a restart, or another connection."""
        self._events = {**_parsed(await self._feed.kept(_KEY)), **self._events}

    def event_of(self, channel: int) -> int | None:
        """Return the event by which a channel's alarm is forced; None: it is not."""
        return self._events.get(channel)

    async def begin(self, channel: int, event: int) -> None:
        """Have a channel's alarm go on with this event."""
        self._events[channel] = event
        await self._save()

    async def end(self, channel: int) -> None:
        """Have it be forced no more."""
        if self._events.pop(channel, None) is not None:
            await self._save()

    async def _save(self) -> None:
        kept = list(self._events.items())[-_MOST_KEPT:]
        await self._feed.keep(_KEY, json.dumps(kept, separators=(",", ":")) if kept else None)


def _parsed(text: str | None) -> dict[int, int]:
    """Return what was kept; what can't be read is nothing."""
    try:
        return {int(channel): int(event) for channel, event in ([] if text is None else json.loads(text))}
    except (ValueError, TypeError, RecursionError):
        return {}
