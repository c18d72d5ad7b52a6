"""Detection in the demo: by a model that finds what the simulator draws, where the extra `detect` is installed."""

from __future__ import annotations

from pathlib import Path

from vms_bridge import detect
from vms_bridge.config import SinkConfig
from vms_bridge.detect.check import missing
from vms_bridge.detect.config import DetectionSettings
from vms_bridge.detect.kind import KIND

MODEL = Path(detect.__file__).parent / "demo_model/demo.xml"
"""For the demo only: it has never seen a photograph."""
_MOST_LIVE = 8
"""With more cameras than these only frames of events are looked at."""


def can_detect() -> bool:
    """Say whether what looks at pictures is installed."""
    return MODEL.exists() and missing() is None


def said(*, detects: bool) -> str:
    """Return the line by which the demo tells of it."""
    if detects:
        return "Detection:     a model for this demo finds persons, cars and dogs in the pictures; the cameras only see motion."
    return "Detection:     without it, the cameras say themselves what they see; pip install 'vms-bridge[detect]' brings it."


def section(cameras: int, *, others: str | None = None) -> SinkConfig:
    """Return the section by which the frames of events are looked at, and a live picture of each camera every second.

    Of `others`, a pattern, only the frames.
    """
    settings = {
        "runtime": {"device": "CPU", "threads": 1},
        "models": {"demo": {"file": str(MODEL)}},
        "profiles": {"default": {"stages": [{"min_score": 0.5}]}},
        "cameras": {"*": {"fps": 1 if cameras <= _MOST_LIVE else 0}, **({} if others is None else {others: {"fps": 0}})},
    }
    return SinkConfig(kind=KIND, settings=DetectionSettings.model_validate(settings))
