"""Cameras that pan, tilt and zoom, as far as ZoneMinder controls them.

What a camera's control type can't do is refused here, with a reason. What is not refused was handed on to the camera's module,
and no more: ZoneMinder does not know whether the camera has obeyed. What was begun in the mode `continuous` goes on until `stop`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vms_bridge.errors import CommandRejected, VmsAuthFailed, VmsProtocolError
from vms_bridge.zoneminder import ptz_orders as orders
from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.ptz_control import CONTROL_S, ControlDoor
from vms_bridge.zoneminder.ptz_orders import Focus, Iris, Order, Part, Zoom
from vms_bridge.zoneminder.ptz_values import LONGEST_LABEL, Capabilities, Direction, Preset, PtzMode

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import StrEnum

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.resources import Monitors
    from vms_bridge.zoneminder.resources.monitors import MonitorRef
    from vms_bridge.zoneminder.values import MonitorRow

_Word = TypeVar("_Word", bound="StrEnum")


class Ptz:
    """What can be asked of the cameras of one ZoneMinder. A monitor is its row or its id.

    Each method raises CommandRejected for what the camera's control type can't do, PermissionMissing where the user lacks
    ZoneMinder's permission Control, and VmsError for the rest. `amount` (0..1) is how fast it moves or, by steps, how far.
    """

    def __init__(self, connection: Connection, monitors: Monitors) -> None:
        self._door = ControlDoor(connection.client, connection.url)
        self._connection, self._monitors = connection, monitors
        self._known: dict[str, Kept[Capabilities]] = {}

    async def capabilities(self, monitor: MonitorRef, *, force_reload: bool = False) -> Capabilities:
        """Return what the monitor's camera can do, by its control type."""
        return await self._able(await self._monitors.of(monitor), force_reload=force_reload)

    async def presets(self, monitor: MonitorRef) -> tuple[Preset, ...]:
        """Return the places that the camera remembers, with their names where ZoneMinder shows them to this user."""
        row = await self._monitors.of(monitor)
        able = await self._able(row)
        if not able.presets:
            return ()
        return orders.listed(able, await self._names(row))

    async def move(
        self, monitor: MonitorRef, direction: Direction | str, *, mode: PtzMode | str | None = None, amount: float = 0.5
    ) -> None:
        """Turn the camera, in the first mode that it can where none is named."""
        wanted, how = _word(Direction, direction), _mode(mode)
        await self._do(monitor, lambda able: (orders.move(able, wanted, how, amount),))

    async def zoom(self, monitor: MonitorRef, to: Zoom | str, *, mode: PtzMode | str | None = None, amount: float = 0.5) -> None:
        """Zoom `in` or `out`."""
        wanted, how = _word(Zoom, to), _mode(mode)
        await self._do(monitor, lambda able: (orders.zoom(able, wanted, how, amount),))

    async def focus(
        self, monitor: MonitorRef, to: Focus | str, *, mode: PtzMode | str | None = None, amount: float = 0.5
    ) -> None:
        """Focus `near` or `far`, or leave it to the camera: `auto`, until `manual`."""
        wanted, how = _word(Focus, to), _mode(mode)
        await self._do(monitor, lambda able: (orders.focus(able, wanted, how, amount),))

    async def iris(self, monitor: MonitorRef, to: Iris | str, *, mode: PtzMode | str | None = None, amount: float = 0.5) -> None:
        """Have the iris `open` or `close`, or leave it to the camera: `auto`, until `manual`."""
        wanted, how = _word(Iris, to), _mode(mode)
        await self._do(monitor, lambda able: (orders.iris(able, wanted, how, amount),))

    async def stop(self, monitor: MonitorRef, part: Part | str | None = None) -> None:
        """End what goes on: a `move`, `zoom`, `focus` or `iris`; without a part what the camera can be stopped in first."""
        wanted = None if part is None else _word(Part, part)
        await self._do(monitor, lambda able: orders.stop(able, wanted))

    async def preset(self, monitor: MonitorRef, preset: int | str) -> None:
        """Send the camera to a preset, by its number or its name."""
        number = await self._number(monitor, preset)
        await self._do(monitor, lambda able: (orders.goto(able, number),))

    async def set_preset(self, monitor: MonitorRef, number: int, name: str | None = None) -> None:
        """Have the camera remember where it looks now; without a name it keeps that which it has, an empty one takes it away."""
        row = await self._monitors.of(monitor)
        able = await self._able(row)
        orders.save(able, number, name or "")  # refused before anything is read
        if name is None:
            name = (await self._names(row)).get(number, "")
        await self._send(row, (orders.save(able, number, name),))

    async def home(self, monitor: MonitorRef) -> None:
        """Send the camera home."""
        await self._do(monitor, lambda able: (orders.home(able),))

    async def point(self, monitor: MonitorRef, x: float, y: float) -> None:
        """Have the camera look at a point of its picture: 0..1 across, 0..1 down, from the top left."""
        row = await self._monitors.of(monitor)
        await self._send(row, (orders.point(await self._able(row), x, y, row.width, row.height),))

    async def wake(self, monitor: MonitorRef) -> None:
        """Wake the camera."""
        await self._do(monitor, lambda able: (orders.power(able, "wake"),))

    async def sleep(self, monitor: MonitorRef) -> None:
        """Have the camera sleep."""
        await self._do(monitor, lambda able: (orders.power(able, "sleep"),))

    async def reset(self, monitor: MonitorRef) -> None:
        """Reset the camera; some start anew for it."""
        await self._do(monitor, lambda able: (orders.power(able, "reset"),))

    async def reboot(self, monitor: MonitorRef) -> None:
        """Have the camera start anew."""
        await self._do(monitor, lambda able: (orders.power(able, "reboot"),))

    async def _number(self, monitor: MonitorRef, preset: int | str) -> int:
        if isinstance(preset, int) or preset.isdecimal():
            return int(preset)
        found = [each.number for each in await self.presets(monitor) if each.name == preset]
        if len(found) != 1:
            why = "more than one preset has" if found else "no preset has"
            raise CommandRejected(f"{why} the name {preset[:LONGEST_LABEL]!r}", hint="take its number")
        return found[0]

    async def _able(self, row: MonitorRow, *, force_reload: bool = False) -> Capabilities:
        if not row.controllable or row.control_id is None:
            raise CommandRejected(
                f"monitor {row.id} is not controllable",
                hint="switch Controllable on and choose a control type on the monitor's Control page in ZoneMinder",
            )
        control_id = row.control_id
        kept = self._known.setdefault(control_id, Kept(lambda: self._door.capabilities(control_id)))
        return await kept.get(force_reload=force_reload)

    async def _names(self, row: MonitorRow) -> dict[int, str]:
        try:
            return dict(await self._door.preset_names(row.id, at=await self._connection.server_api(row.server_id)))
        except (VmsAuthFailed, VmsProtocolError) as error:
            self._connection.log.info("the names of the presets of monitor %s can't be read: %s", row.id, error)
            return {}

    async def _do(self, monitor: MonitorRef, what: Callable[[Capabilities], tuple[Order, ...]]) -> None:
        row = await self._monitors.of(monitor)
        await self._send(row, what(await self._able(row)))

    async def _send(self, row: MonitorRow, wanted: tuple[Order, ...]) -> None:
        at = await self._connection.server_api(row.server_id)
        for order in wanted:
            await self._door.send(row.id, order, at=at, timeout_s=CONTROL_S)


def _mode(said: PtzMode | str | None) -> PtzMode | None:
    return None if said is None else _word(PtzMode, said)


def _word(kind: type[_Word], said: str) -> _Word:
    try:
        return kind(said)
    except ValueError:
        known = ", ".join(kind)
        raise CommandRejected(f"{str(said)[:64]!r} is none of what a camera can do here", hint=f"it is one of: {known}") from None
