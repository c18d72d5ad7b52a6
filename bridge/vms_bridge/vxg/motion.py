"""Where cameras look for motion."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.vxg import rows
from vms_bridge.vxg.paging import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow, MotionRegion

_PATH = "/api/v2/cameras/{id}/motion_detection/regions/"


class Motion:
    """The regions in which motion is looked for."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def regions(self, channel: ChannelRow | int) -> tuple[MotionRegion, ...]:
        """Return them. Raises VmsError."""
        answer = await self._session.ask_of(channel, "GET", _PATH)
        return tuple(rows.motion_region(raw) for raw in listed(answer, _PATH))

    async def set_regions(self, channel: ChannelRow | int, regions: Sequence[MotionRegion]) -> None:
        """Put these in the place of those that there are. Raises VmsError."""
        await self._session.ask_of(channel, "PUT", _PATH, body={"objects": [_written(each) for each in regions]})

    async def is_enabled(self, channel: ChannelRow | int) -> bool | None:
        """Say whether motion is looked for anywhere; None where there are no regions. Raises VmsError."""
        found = await self.regions(channel)
        return any(each.enabled for each in found) if found else None

    async def set_enabled(self, channel: ChannelRow | int, *, on: bool) -> None:
        """Have motion be looked for in all regions, or in none. Raises VmsError."""
        found = await self.regions(channel)
        if any(each.enabled is not on for each in found):
            await self.set_regions(channel, [replace(each, enabled=on) for each in found])


def _written(region: MotionRegion) -> dict[str, object]:
    said: dict[str, object] = {"enabled": region.enabled}
    named = (("id", region.id), ("name", region.name or None), ("sensitivity", region.sensitivity), ("map", region.map or None))
    return said | {name: value for name, value in named if value is not None}
