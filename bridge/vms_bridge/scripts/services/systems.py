"""Systems, and the bridge itself, as scripts see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import vms_bridge
from vms_bridge.entities.states import system_body
from vms_bridge.scripts.permissions import hears, sees
from vms_bridge.scripts.services import visible
from vms_bridge.scripts.services.monitors import Name
from vms_bridge.scripts.services.plain import plain
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView


class AskedSystem(Asked):
    """Which system."""

    system: Name


@dataclass(frozen=True, slots=True)
class Systems:
    """Answers what is asked of them."""

    hub: HubView
    clock: Clock

    async def state(self, asker: Asker, asked: AskedSystem, _data: bytes) -> Answered:
        """Return what is current about a system, and which of its monitors the script sees. Raises NotFound."""
        view = visible.system(self.hub, asker, asked.system)
        monitors = [key for key in view.monitors if sees(asker.permissions, (view.key, key))]
        return Answered({"state": plain(system_body(view)), "monitors": monitors})

    async def bridge(self, asker: Asker, _asked: Asked, _data: bytes) -> Answered:
        """Return how the bridge fares, with the systems that the script sees, and what is not as it should be with these."""
        seen = dict.fromkeys(view.system for view in visible.monitors(self.hub, asker))
        systems = [view for view in self.hub.systems.values() if view.key in seen]
        state = self.hub.state
        said = {
            "version": vms_bridge.__version__,
            "time": self.clock.now(),
            "problem": state.problem,
            "undelivered": state.undelivered,
            "given_up": state.given_up,
            "systems": [
                {
                    "key": view.key,
                    "name": view.name,
                    "kind": view.kind,
                    "available": view.state.available,
                    "detail": view.state.detail,
                    "monitors": sum(sees(asker.permissions, (view.key, key)) for key in view.monitors),
                }
                for view in systems
            ],
            "notices": [
                {
                    "id": notice.id,
                    "kind": str(notice.kind),
                    "system": notice.system,
                    "monitor": notice.monitor,
                    "since": notice.since,
                    "text": notice.text,
                    "hint": notice.hint,
                }
                for notice in self.hub.notices
                if hears(asker.permissions, (notice.system or "", notice.monitor or ""), self._monitors_of)
            ],
        }
        return Answered(plain(said))

    def _monitors_of(self, system: str) -> Collection[str]:
        view = self.hub.system(system)
        return () if view is None else view.monitors


def rows(hub: HubView, clock: Clock) -> Sequence[ServiceRow]:
    """Return what can be asked of systems and of the bridge."""
    systems = Systems(hub, clock)
    return (
        ServiceRow(what="system.state", asked=AskedSystem, do=systems.state, rate=20.0, burst=50.0),
        ServiceRow(what="bridge.state", asked=Asked, do=systems.bridge, rate=5.0, burst=20.0),
    )
