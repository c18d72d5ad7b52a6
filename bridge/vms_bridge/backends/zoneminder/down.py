"""Which of a ZoneMinder's other servers can't be reached: asked again now and then, so that one does not hold up the others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vms_bridge.logs import Trouble

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.errors import VmsError
    from vms_bridge.zoneminder.servers import Server

_LOG = logging.getLogger(__name__)
_AGAIN_S = 15.0
_HINT = "check Hostname, Protocol, Port and PathToApi under Options > Servers, and whether that server is up"


class Down:
    """The servers of one connection that did not answer."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._clock = clock
        self._trouble = Trouble(_LOG, f"{name}: another server", clock.monotonic)
        self._since: dict[str, tuple[float, str]] = {}

    def note(self, server: Server, error: VmsError) -> str:
        """Note that this server does not answer, and return that in words."""
        self._trouble.report(f"{server.name}: {error}", hint=_HINT, code=server.name)
        problem = f"its server {server.name} can't be reached: {error}"
        self._since[server.api or ""] = self._clock.monotonic(), problem
        return problem

    def why(self, server: Server) -> str:
        """Return why this server is not to be asked now; empty where it is."""
        at, problem = self._since.get(server.api or "", (float("-inf"), ""))
        if self._clock.monotonic() - at < _AGAIN_S:
            return problem
        self._since.pop(server.api or "", None)
        return ""
