"""Cameras that ZoneMinder controls: what each can be told is learnt now and then, and handed on to ZoneMinder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.actions import api_of
from vms_bridge.backends.zoneminder.camera import Camera, orders_of, ptz_of
from vms_bridge.errors import BrokeOff, CommandRejected, TimedOut, TooLarge, VmsAuthFailed, VmsError, VmsProtocolError
from vms_bridge.zoneminder import EmptyAnswer, GatewayFailed
from vms_bridge.zoneminder.parse import mapping
from vms_bridge.zoneminder.ptz_control import ControlDoor
from vms_bridge.zoneminder.ptz_values import parse_control

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.backends.zoneminder.connection import Connection
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
    from vms_bridge.backends.zoneminder.system import SystemReader
    from vms_bridge.commands import GoToPreset, MoveCamera, SetPreset
    from vms_bridge.zoneminder import MonitorRow
    from vms_bridge.zoneminder.servers import Server

_AGAIN_S = 600.0
_MOST_AT_ONCE = 32
"""So many pages with names are read one after the other; the rest has its turn with the next reading."""


class Cameras:
    """Learns what the controllable cameras of one connection can be told."""

    def __init__(self, connection: Connection, system: SystemReader) -> None:
        self._door = ControlDoor(connection.api, connection.config.url)
        self._clock, self._system, self._known = connection.clock, system, connection.cache.cameras

    def of(self, row: MonitorRow) -> Camera | None:
        """Return what is known of a monitor's camera; None where it is not controllable, or its control type is not known."""
        known, control = self._known, self._known.types.get(row.control_id or "")
        if not row.controllable or control is None:
            known.cameras.pop(row.id, None)
            return None
        able, names = control[1], known.names.get(row.id, (0.0, {}))[1]
        camera = known.cameras.get(row.id)
        if camera is None or camera.able != able or camera.names != names:
            camera = known.cameras[row.id] = Camera(able=able, names=names, ptz=ptz_of(able, names))
        return camera

    def presets_changed(self, monitor_id: str) -> None:
        """Have the names of this monitor's presets read anew."""
        known = self._known.names.get(monitor_id)
        if known is not None:
            self._known.names[monitor_id] = (float("-inf"), known[1])

    async def read(self, found: Mapping[str, MonitorRow], servers: Mapping[str, Server]) -> None:
        """Read what is not known yet, or has been known for long. Raises VmsUnreachable."""
        moving = [row for row in found.values() if row.controllable and row.control_id is not None]
        known, now = self._known, self._clock.monotonic()
        for control_id in dict.fromkeys(row.control_id for row in moving if row.control_id is not None):
            if self._is_old(known.types.get(control_id), now):
                able = parse_control(mapping(await self._system.optional(f"controls/{control_id}")).get("control"))
                if able is not None:
                    known.types[control_id] = now, able
        self._forget(known.names.keys() - {row.id for row in moving})
        named = [row for row in moving if row.control_id in known.types and known.types[row.control_id][1].presets]
        old = sorted((row for row in named if self._is_old(known.names.get(row.id), now)), key=self._read_at)
        await self._read_names(old[:_MOST_AT_ONCE], servers, now)

    async def tell(self, ladder: MonitorLadder | None, action: MoveCamera | GoToPreset | SetPreset) -> None:
        """Hand it on to the camera's module; no clear answer is none to worry about. Raises CommandRejected or VmsError."""
        if ladder is None or ladder.camera is None:
            raise CommandRejected("ZoneMinder has no such camera any more", hint="was its monitor deleted, or Controllable?")
        for order in orders_of(ladder.camera, action):
            try:
                await self._door.send(ladder.row.id, order, at=api_of(ladder))
            except (TimedOut, GatewayFailed, EmptyAnswer, BrokeOff, TooLarge):
                continue  # whether the camera has moved shows in no case
            except (VmsAuthFailed, VmsProtocolError) as error:
                raise CommandRejected(str(error), hint=error.hint) from None

    async def _read_names(self, rows: Iterable[MonitorRow], servers: Mapping[str, Server], now: float) -> None:
        for row in rows:
            server = servers.get(row.server_id or "")
            trouble = self._system.trouble("the names of presets")
            try:
                names = await self._door.preset_names(row.id, at=None if server is None else server.api)
            except (VmsAuthFailed, VmsProtocolError) as error:
                trouble.report(f"can't be read for monitor {row.id}: {error}", hint=error.hint)
                names = {}
            except VmsError:
                return  # whether the system is lost shows elsewhere: it may be another server
            self._known.names[row.id] = now, names

    def _read_at(self, row: MonitorRow) -> float:
        return self._known.names.get(row.id, (float("-inf"), {}))[0]

    def _forget(self, monitor_ids: Iterable[str]) -> None:
        for number in monitor_ids:
            del self._known.names[number]

    @staticmethod
    def _is_old(known: tuple[float, object] | None, now: float) -> bool:
        return known is None or now - known[0] >= _AGAIN_S
