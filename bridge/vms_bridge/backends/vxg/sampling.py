"""Keeps how fast a channel made pictures before the bridge had it make more: put back at the end, and after a kill too.

How fast a channel makes pictures is a setting of the customer's, which others share.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsError
from vms_bridge.vxg import NotThere, Sampling

if TYPE_CHECKING:
    from vms_bridge.backends.vxg.connection import Connection

_LOGGER = logging.getLogger(__name__)
_KEY = "samplings"
_MOST = 64
"""How many channels are sampled at a time: what is kept has to find room in a short text."""


class KeptSamplings:
    """Implements `vxg.Keep` by what the bridge keeps for the system."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._feed = connection, connection.feed
        self._now: dict[int, Sampling] = {}

    @property
    def has_room(self) -> bool:
        """Whether one more channel may be sampled."""
        return len(self._now) < _MOST

    async def began(self, sampling: Sampling) -> None:
        """Keep what is to be put back."""
        self._now[sampling.channel_id] = sampling
        await self._save()

    async def ended(self, sampling: Sampling) -> None:
        """Forget it: it was put back."""
        self._now.pop(sampling.channel_id, None)
        await self._save()

    async def restore(self) -> None:
        """Put back what a bridge that was killed has left; what can't be put back now is tried again at the next start."""
        for sampling in _parsed(await self._feed.kept(_KEY)):
            self._now[sampling.channel_id] = sampling
            try:
                await self._connection.vxg.images.restore(sampling)
            except NotThere:  # the channel is gone, and its rate with it
                self._now.pop(sampling.channel_id)
            except VmsError as error:
                _LOGGER.warning(
                    "%s: how often channel %d makes pictures can't be put back: %s",
                    self._connection.name,
                    sampling.channel_id,
                    error,
                )
            else:
                self._now.pop(sampling.channel_id)
        await self._save()

    async def _save(self) -> None:
        said = json.dumps([asdict(each) for each in self._now.values()], separators=(",", ":")) if self._now else None
        await self._feed.keep(_KEY, said)


def _parsed(text: str | None) -> list[Sampling]:
    """Return what was kept; what can't be read is nothing."""
    try:
        said = [] if text is None else json.loads(text)
        found = [Sampling(int(each["channel_id"]), _rate(each["before_s"]), float(each["ours_s"])) for each in said]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    return found[:_MOST]


def _rate(said: object) -> float | None:
    return float(said) if isinstance(said, int | float) else None
