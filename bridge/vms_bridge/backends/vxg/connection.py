"""What the parts of one connection to a VXG Cloud VMS share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.vxg import Vxg

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.vxg.config import VxgConfig
    from vms_bridge.clock import Clock
    from vms_bridge.http import HttpClient
    from vms_bridge.vxg.transport import Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One connection: it lives as long as one call of `run`."""

    name: str
    vxg: Vxg
    feed: Feed
    clock: Clock
    config: VxgConfig


def client(config: VxgConfig, clock: Clock, *, through: Callable[[HttpClient], Transport] | None = None) -> Vxg:
    """Return what asks the configured VMS; open it by `async with`."""
    token = config.token.get_secret_value()
    return Vxg(config.url, token=token, allowed_hosts=config.allowed_hosts, clock=clock, through=through, **config.options)
