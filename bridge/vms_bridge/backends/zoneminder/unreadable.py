"""The events whose rows ZoneMinder can't write as JSON: left out, remembered in the store, and tried again now and then."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from vms_bridge.logs import Trouble
from vms_bridge.zoneminder.parse import as_int, mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.backends.base import Feed
    from vms_bridge.clock import Clock
    from vms_bridge.errors import VmsError

_LOG = logging.getLogger(__name__)
_KEY = "unreadable_events"
_MOST = 1000
_AGAIN_S = 600.0
_FIRST_S = 60.0
"""After a start the first of them is tried this soon: it may have been mended meanwhile."""


class Unreadable:
    """Their ids, of one generation; without a feed they are remembered while the connection lasts."""

    def __init__(self, name: str, feed: Feed | None, clock: Clock) -> None:
        self._name, self._feed, self._clock = name, feed, clock
        self._trouble = Trouble(_LOG, f"{name}: events", clock.monotonic)
        self._tried: dict[int, float] = {}
        self._generation = 1

    def __contains__(self, number: object) -> bool:
        return number in self._tried

    def __iter__(self) -> Iterator[int]:
        return iter(self._tried)

    def __len__(self) -> int:
        return len(self._tried)

    def above(self, low: int) -> int | None:
        """Return the lowest of them above `low`, if there is one."""
        return min((number for number in self._tried if number > low), default=None)

    async def recall(self, generation: int) -> None:
        """Take up what was remembered of this generation, and forget others."""
        self._generation = generation
        try:
            kept = mapping(json.loads((await self._feed.kept(_KEY) if self._feed else None) or "{}"))
        except ValueError:
            kept = {}
        numbers = kept.get("ids") if as_int(kept.get("generation")) == generation else None
        at = self._clock.monotonic() - _AGAIN_S + _FIRST_S
        read = [as_int(number) for number in numbers[:_MOST]] if isinstance(numbers, list) else []
        self._tried = {number: at for number in read if number is not None and number > 0}

    async def forget_all(self, generation: int) -> None:
        """Begin with none: the ids start anew."""
        self._generation = generation
        self._tried.clear()
        await self._keep()

    async def add(self, number: int, error: VmsError) -> None:
        """Leave this one out from now on, and say so."""
        self._tried[number] = self._clock.monotonic()
        for lowest in sorted(self._tried)[:-_MOST]:
            del self._tried[lowest]
        self._trouble.report(
            f"event {number} can't be read and is left out, all others are reported ({error})",
            hint="look at its cause and notes in ZoneMinder, or delete it; it is tried again every ten minutes",
            code=str(number),
        )
        await self._keep()

    async def forget(self, number: int, *, is_readable: bool) -> None:
        """Note that this one can be read now, or is gone."""
        self._tried.pop(number, None)
        _LOG.info("%s: event %d %s", self._name, number, "can be read now, and is reported" if is_readable else "is gone")
        if not self._tried:
            self._trouble.over()
        await self._keep()

    def due(self) -> int | None:
        """Return the one that is to be tried again now, if there is one; it is taken as tried."""
        number = min(self._tried, key=self._tried.__getitem__, default=None)
        now = self._clock.monotonic()
        if number is None or now - self._tried[number] < _AGAIN_S:
            return None
        self._tried[number] = now
        return number

    async def _keep(self) -> None:
        text = json.dumps({"generation": self._generation, "ids": list(self._tried)}) if self._tried else None
        if self._feed is not None:
            await self._feed.keep(_KEY, text)
