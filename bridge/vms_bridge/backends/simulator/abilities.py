"""What a simulated camera can do, by how it is made."""

from __future__ import annotations

from vms_bridge.model import Capability

_COMMON = frozenset(
    {
        Capability.ALARM_STATE,
        Capability.FORCE_ALARM,
        Capability.END_ALARM,
        Capability.DETECTION,
        Capability.SCORE,
        Capability.FPS,
        Capability.COUNTERS,
        Capability.EVENTS,
        Capability.EVENT_PICTURE,
        Capability.EVENT_FRAME,
        Capability.EVENT_CLIP,
        Capability.RANGE_CLIP,
        Capability.LIVE_PICTURE,
        Capability.LIVE_STREAM,
        Capability.DETECTIONS,
        Capability.ZONE_STATE,
    }
)
_WITH_MODES = _COMMON | {Capability.ARM, Capability.MODES, Capability.RESTART}


def abilities(*, has_modes: bool, moves: bool, writes_video: bool, names_visitors: bool) -> frozenset[Capability]:
    """Return what a camera of this kind can do."""
    able = _WITH_MODES if has_modes else _COMMON
    lacks = (set() if writes_video else {Capability.EVENT_CLIP}) | (set() if names_visitors else {Capability.DETECTIONS})
    return (able | {Capability.PTZ} if moves else able) - lacks
