"""VXG Cloud VMS, by the token of a group of its channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.base import BackendKind
from vms_bridge.backends.vxg.config import VxgConfig

if TYPE_CHECKING:
    from pydantic import BaseModel

    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock


def _create(system: str, config: BaseModel, clock: Clock) -> Backend:
    # aiohttp takes a while to import; only who runs this kind of VMS pays for it.
    from vms_bridge.backends.vxg.backend import VxgBackend  # noqa: PLC0415 (see above)

    if not isinstance(config, VxgConfig):
        raise TypeError(f"a VXG Cloud VMS wants a VxgConfig, not a {type(config).__name__}")
    return VxgBackend(system, config, clock)


KIND = BackendKind(name="vxg", title="VXG Cloud VMS", config=VxgConfig, create=_create)
