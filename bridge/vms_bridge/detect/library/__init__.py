"""Detection for people's own scripts, without a bridge: pictures, videos and events of a ZoneMinder.

from vms_bridge.detect.library import detect_stream

result = detect_stream("/videos/yard.mp4", {"models": {"street": {"file": "/models/street.xml"}}}, {"frame_skip": 25})
"""

from __future__ import annotations

from vms_bridge.detect.library.detector import Detector, as_pyzm, detect_stream
from vms_bridge.detect.library.zoneminder import ZoneMinderEvent
from vms_bridge.detect.stream_options import StreamOptions

__all__ = ["Detector", "StreamOptions", "ZoneMinderEvent", "as_pyzm", "detect_stream"]
