"""What a word on the command line stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.cli.direct.finding import NotFoundThere

if TYPE_CHECKING:
    from vms_bridge.zoneminder import MonitorRow, Zone, ZoneMinder


async def the_monitor(zm: ZoneMinder, word: str) -> MonitorRow:
    """Return the monitor with this id or, where there is none, of this name. Raises NotFoundThere and VmsError."""
    found = await zm.monitors.find(id=word) if word.isdecimal() else None
    found = await zm.monitors.find(name=word) if found is None else found
    if found is None:
        names = ", ".join(f"{row.id} {row.name}" for row in (await zm.monitors.list())[:20])
        raise NotFoundThere(f"there is no monitor {word!r}", hint=f"there are: {names}" if names else "there are none at all")
    return found


async def the_monitors(zm: ZoneMinder, words: tuple[str, ...]) -> list[MonitorRow]:
    """Return the monitors with these ids or of these names. Raises NotFoundThere and VmsError."""
    return [await the_monitor(zm, word) for word in words]


async def the_zone(zm: ZoneMinder, word: str) -> Zone:
    """Return the zone with this id. Raises NotFoundThere and VmsError."""
    found = await zm.zones.find(id=word)
    if found is None:
        raise NotFoundThere(f"there is no zone {word!r}", hint="`zm zones list` has their ids")
    return found
