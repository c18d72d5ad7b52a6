"""What the parts of one connection to a ZoneMinder share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.backends.zoneminder.pace import Allowance, Budget
    from vms_bridge.backends.zoneminder.system import SystemCache
    from vms_bridge.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Whom they ask, how much they may ask, and where they report; `cache` outlives the connection."""

    name: str
    config: ZoneMinderConfig
    api: Api
    clock: Clock
    feed: Feed
    cache: SystemCache
    pages: Allowance
    """For reading much, such as what was missed."""
    spare: Budget
    """For what is asked beyond the regular requests: far events and pictures."""
    statuses: Budget
    """For alarm states; the other half of the same."""
