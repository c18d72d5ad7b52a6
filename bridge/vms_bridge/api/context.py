"""What handlers of requests have: the hub, and what there is once for the whole API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from vms_bridge.api.access import caller_of as caller_of  # noqa: PLC0414 - to be had here, with the context
from vms_bridge.api.access import query_of as query_of  # noqa: PLC0414 - the same
from vms_bridge.api.visits import visit_of as visit_of  # noqa: PLC0414 - the same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.api.certificates import Certificates
    from vms_bridge.api.config import HttpConfig
    from vms_bridge.api.connections import Connections
    from vms_bridge.api.limits import Rates
    from vms_bridge.api.measured import Traffic
    from vms_bridge.api.pairing import Pairing
    from vms_bridge.clock import Clock
    from vms_bridge.sinks import BridgeIdentity
    from vms_bridge.views import HubView


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One per running API."""

    hub: HubView
    config: HttpConfig
    bridge: BridgeIdentity
    clock: Clock
    certificates: Certificates
    pairing: Pairing
    rates: Rates
    connections: Connections
    traffic: Traffic
    addresses: Sequence[tuple[str, int]]
    """Where it listens now."""


CONTEXT: web.AppKey[Context] = web.AppKey("CONTEXT", Context)


def context_of(request: web.Request) -> Context:
    """Return the context of the API that serves the request."""
    return request.app[CONTEXT]
