"""Zones of monitors: read, added, edited, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.zoneminder.changes import Change, columns_of, differing, form_of
from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.parse import as_id, as_text, parse_zones
from vms_bridge.zoneminder.refusals import NotThere, WrongValue
from vms_bridge.zoneminder.values import Zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.resources.monitors import MonitorRef, Monitors
    from vms_bridge.zoneminder.values import MonitorRow

    Points = Sequence[tuple[float, float]]

ZoneRef = Zone | int | str
"""A zone, or its id."""
KINDS = ("Active", "Inclusive", "Exclusive", "Preclusive", "Inactive", "Privacy")
_FEWEST, _MOST = 3, 200
_RED = 0xFF0000


class Zones:
    """The zones of all monitors, read once and kept; a change has them read anew.

    Where a corner is, is said in shares of the picture: 0 to 1 from the top left. By the API a zone is edited and deleted without
    a word to the monitor's daemon, which goes on with the old ones: `monitors.restart` has it read them.
    """

    def __init__(self, connection: Connection, monitors: Monitors) -> None:
        self._connection, self._monitors = connection, monitors
        self._all = Kept(self._read)

    async def list(self, monitor: MonitorRef | None = None, *, force_reload: bool = False) -> tuple[Zone, ...]:
        """Return the zones of a monitor, or of all, in ZoneMinder's order. Raises NotThere, VmsError."""
        found = await self._all.get(force_reload=force_reload)
        if monitor is not None:
            return found.get((await self._monitors.of(monitor)).id, ())
        return tuple(zone for zones in found.values() for zone in zones)

    async def find(
        self,
        id: int | str | None = None,  # noqa: A002 (pyzm's word)
        name: str | None = None,
        *,
        monitor: MonitorRef | None = None,
    ) -> Zone | None:
        """Return the zone with this id or this name, the first one if several monitors have it. Raises VmsError."""
        wanted = None if id is None else str(id)
        zones = await self.list(monitor)
        return next((one for one in zones if name in {None, one.name} and wanted in {None, one.id}), None)

    async def add(
        self,
        monitor: MonitorRef,
        name: str,
        points: Points,
        *,
        kind: str = "Active",
        raw: Mapping[str, object] | None = None,
    ) -> Zone:
        """Add a zone to a monitor, and return it. Raises WrongValue, NotDone, VmsError; it wants Monitors: Edit.

        `raw` sets further columns, such as MinAlarmPixels.
        """
        row = await self._monitors.of(monitor)
        version = await self._connection.version()
        percent = version.numbers >= (1, 37, 0)
        columns: dict[str, object] = {"MonitorId": row.id, "Name": name, "Type": _kind(kind), "AlarmRGB": _RED}
        columns |= _shape(points, row, percent=percent) | columns_of("Zone", raw or {})
        known = {zone.id for zone in await self.list(row, force_reload=True)}
        change = Change(self._connection, f"the zone {name!r} of monitor {row.id}")
        await change.send("POST", "zones", form_of("Zone", columns))
        added: list[Zone] = []

        async def missing() -> str:
            added[:] = [zone for zone in await self.list(row, force_reload=True) if zone.id not in known and zone.name == name]
            return "" if added else "there is no new zone of that name"

        await change.see(missing)
        return max(added, key=lambda zone: int(zone.id))

    async def edit(
        self,
        zone: ZoneRef,
        *,
        name: str | None = None,
        points: Points | None = None,
        kind: str | None = None,
        raw: Mapping[str, object] | None = None,
    ) -> Zone:
        """Change a zone, see that it is changed, and return it as it is now. Raises WrongValue, NotDone, VmsError."""
        number = _number(zone)
        before = await self._fresh(number)
        columns: dict[str, object] = {} if name is None else {"Name": name}
        columns |= {} if kind is None else {"Type": _kind(kind)}
        if points is not None:
            row = await self._monitors.of(before.monitor_id)
            columns |= _shape(points, row, percent=as_text(before.raw.get("Units")) == "Percent")
        wanted = differing(columns | columns_of("Zone", raw or {}), before.raw)
        if not wanted:
            return before
        change = Change(self._connection, f"zone {number}")
        await change.send("PUT", f"zones/{number}", form_of("Zone", wanted))
        seen = [before]

        async def missing() -> str:
            seen[0] = await self._fresh(number)
            return ", ".join(differing(wanted, seen[0].raw))

        await change.see(missing)
        return seen[0]

    async def delete(self, zone: ZoneRef) -> None:
        """Delete a zone, and see that it is gone. Raises NotThere, NotDone, VmsError."""
        number = _number(zone)
        change = Change(self._connection, f"zone {number}")
        await change.send("DELETE", f"zones/{number}")

        async def missing() -> str:
            return "it is still there" if _with_id(await self.list(force_reload=True), number) else ""

        await change.see(missing)

    async def _fresh(self, number: str) -> Zone:
        found = _with_id(await self.list(force_reload=True), number)
        if found is None:
            raise NotThere(f"ZoneMinder has no zone {number}, or does not show it")
        return found

    async def _read(self) -> Mapping[str, tuple[Zone, ...]]:
        monitors = {row.id: row for row in await self._monitors.list()}
        return parse_zones(await self._connection.client.get("zones"), monitors, keeps_raw=True)


def _with_id(zones: Iterable[Zone], number: str) -> Zone | None:
    return next((zone for zone in zones if zone.id == number), None)


def _number(zone: ZoneRef) -> str:
    number = zone.id if isinstance(zone, Zone) else as_id(zone)
    if number is None:
        raise WrongValue("a zone's id is a number", hint="`find(name=…)` has it by name")
    return number


def _kind(kind: str) -> str:
    word = kind.capitalize()
    if word not in KINDS:
        raise WrongValue(f"there is no kind of zone {kind!r}", hint=f"it is one of {', '.join(KINDS)}")
    return word


def _shape(points: Points, row: MonitorRow, *, percent: bool) -> dict[str, object]:
    """Return the columns that say where the corners are."""
    if not _FEWEST <= len(points) <= _MOST or not all(0 <= part <= 1 for point in points for part in point):
        raise WrongValue("a zone has at least three corners, each in shares of the picture", hint="0 to 1, from the top left")
    if not row.width or not row.height:
        raise WrongValue(f"monitor {row.id} does not say how large its picture is", hint="set its columns Width and Height")
    # Coordinates run to the last pixel, not to the edge behind it.
    wide, high = (100.0, 100.0) if percent else (row.width - 1.0, row.height - 1.0)
    corners = [(x * wide, y * high) for x, y in points]
    coords = " ".join(f"{x:.2f},{y:.2f}" if percent else f"{x:.0f},{y:.0f}" for x, y in corners)
    share = abs(sum(x * points[at - 1][1] - points[at - 1][0] * y for at, (x, y) in enumerate(points))) / 2
    area = round(share * row.width * row.height)
    return {"Units": "Percent" if percent else "Pixels", "NumCoords": len(points), "Coords": coords, "Area": area}
