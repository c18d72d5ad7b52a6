"""ZoneMinder 1.34 to 1.39, by its HTTP API and, on the same host, its shared memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.base import BackendKind
from vms_bridge.backends.zoneminder.config import ZoneMinderConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock


def _create(system: str, config: BaseModel, clock: Clock) -> Backend:
    # aiohttp takes a while to import; only who runs a ZoneMinder pays for it.
    from vms_bridge.backends.zoneminder.backend import ZoneMinder  # noqa: PLC0415 (see above)

    if not isinstance(config, ZoneMinderConfig):
        raise TypeError(f"a ZoneMinder wants a ZoneMinderConfig, not a {type(config).__name__}")
    return ZoneMinder(system, config, clock)


KIND = BackendKind(name="zoneminder", title="ZoneMinder", config=ZoneMinderConfig, create=_create)
