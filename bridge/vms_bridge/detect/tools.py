"""What the parts of detection share, for as long as the sink runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.contributing import Contributor
    from vms_bridge.detect.cameras import Cameras
    from vms_bridge.detect.looking import Looks
    from vms_bridge.detect.pictures import Pictures
    from vms_bridge.detect.statistics import Statistics
    from vms_bridge.views import HubView


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The hub, how monitors are looked at and by what, and who is told what was found."""

    hub: HubView
    clock: Clock
    cameras: Cameras
    looks: Looks
    contributor: Contributor
    pictures: Pictures
    statistics: Statistics
