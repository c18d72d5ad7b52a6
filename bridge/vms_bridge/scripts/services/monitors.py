"""Monitors, as scripts see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from vms_bridge.entities import part_key
from vms_bridge.entities.states import monitor_body
from vms_bridge.scripts.services import visible
from vms_bridge.scripts.services.plain import plain
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView, MonitorView

Name = Annotated[str, Field(min_length=1, max_length=visible.LONGEST_NAME)]


class AskedMonitor(Asked):
    """Which monitor."""

    monitor: Name


class Monitors:
    """Answers what is asked of them."""

    def __init__(self, hub: HubView) -> None:
        self._hub = hub

    async def list(self, asker: Asker, _asked: Asked, _data: bytes) -> Answered:
        """Return those that the script sees."""
        return Answered({"monitors": [described(view) for view in visible.monitors(self._hub, asker)]})

    async def state(self, asker: Asker, asked: AskedMonitor, _data: bytes) -> Answered:
        """Return what is current about one. Raises NotFound."""
        view = visible.monitor(self._hub, asker, asked.monitor)
        return Answered({"monitor": described(view), "state": plain(monitor_body(view))})


def described(view: MonitorView) -> dict[str, Any]:
    """Return what a monitor is."""
    monitor = view.monitor
    return {
        "system": view.system,
        "key": view.key,
        "name": monitor.name,
        "area": monitor.area,
        "model": monitor.model,
        "width": monitor.width,
        "height": monitor.height,
        "zones": [
            {"key": part_key(zone.id), "name": zone.name, "kind": zone.kind, "points": [list(point) for point in zone.points]}
            for zone in monitor.zones
        ],
        "modes": {mode: list(values) for mode, values in monitor.modes.items()},
        "settings": list(monitor.settings),
        "capabilities": sorted(monitor.capabilities),
        "moves": [] if monitor.ptz is None else [str(move) for move in monitor.ptz.moves],
        "presets": [] if monitor.ptz is None else list(monitor.ptz.labels),
    }


def rows(hub: HubView) -> Sequence[ServiceRow]:
    """Return what can be asked of monitors."""
    monitors = Monitors(hub)
    return (
        ServiceRow(what="monitors.list", asked=Asked, do=monitors.list, rate=5.0, burst=20.0),
        ServiceRow(what="monitor.state", asked=AskedMonitor, do=monitors.state, rate=50.0, burst=100.0),
    )
