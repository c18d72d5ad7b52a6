"""Which zones the capture daemons go by, kept beyond a restart of the bridge: they may have been edited meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.zone_watch import Loaded
from vms_bridge.zoneminder import Zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.backends.base import Feed

_PARTS = 16
"""What may be kept under one key is bounded."""
_LONGEST = 60_000


class KeptZones:
    """Keeps ids and kinds, by monitor and by the start of its daemon."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._written: dict[int, str | None] = {}

    async def recall(self) -> dict[str, Loaded]:
        """Return what was kept last."""
        found: dict[str, Loaded] = {}
        for part in range(_PARTS):
            self._written[part] = await self._feed.kept(f"zones.{part}")
            found |= _from_text(self._written[part])
        return found

    async def keep(self, loaded: Mapping[str, Loaded]) -> None:
        """Keep what is another than before."""
        for part in range(_PARTS):
            mine = {number: each for number, each in loaded.items() if int(number) % _PARTS == part}
            text = _to_text(mine) if mine else None
            if text != self._written.get(part) and len(text or "") <= _LONGEST:
                self._written[part] = text
                await self._feed.keep(f"zones.{part}", text)


def _to_text(loaded: Mapping[str, Loaded]) -> str:
    rows = {number: [each.startup, *(f"{zone.id} {zone.kind}" for zone in each.zones)] for number, each in loaded.items()}
    return json.dumps(rows, separators=(",", ":"))


def _from_text(text: str | None) -> dict[str, Loaded]:
    """Read what was kept; nothing where it is not what `_to_text` writes."""
    try:
        return {number: _loaded(*each) for number, each in json.loads(text or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _loaded(startup: int, *zones: str) -> Loaded:
    pairs = (zone.split(" ", 1) for zone in zones)
    return Loaded(int(startup), tuple(Zone(id=number, name="", kind=kind) for number, kind in pairs), is_whole=False)
