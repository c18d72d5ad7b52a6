"""What looks at pictures by the models of the configuration, without a bridge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vms_bridge.errors import BridgeError, ConfigError

if TYPE_CHECKING:
    from vms_bridge.detect.library import Detector

_SECTION = "detection"


class Outcome(NamedTuple):
    """What was found in one picture, monitor or event: in a few words, and as JSON; or why nothing could be."""

    name: str
    text: str = ""
    detail: Any = None
    error: str | None = None
    hint: str = ""


def detector_by(config: Path) -> Detector:
    """Return what looks by the models of this configuration, not at work yet. Raises ConfigError and DetectionFailed."""
    from vms_bridge.config import load  # noqa: PLC0415  # not for verbs that need no models
    from vms_bridge.detect.check import need_extra  # noqa: PLC0415
    from vms_bridge.detect.config import DetectionSettings  # noqa: PLC0415
    from vms_bridge.detect.library import Detector  # noqa: PLC0415

    configured = load(config)
    section = configured.sinks.get(_SECTION)
    if section is None or not isinstance(section.settings, DetectionSettings):
        raise ConfigError("there are no models to look by", hint="add detection: with models: to the configuration")
    need_extra()
    return Detector(section.settings, cache_dir=configured.data_dir)


async def looked_at(detector: Detector, name: str, every: int = 1) -> Outcome:
    """Look at a picture, or at each so many frames of a video, in a file."""
    from vms_bridge.detect.results import in_a_line, said  # noqa: PLC0415  # as above

    try:
        result = await detector.detect_stream(Path(name), {"frame_skip": every})
    except BridgeError as error:
        return Outcome(name, error=str(error), hint=error.hint)
    if result.best is None and result.troubles:
        trouble = result.troubles[0]
        return Outcome(name, error=f"{trouble.name}: {trouble.message}", hint=trouble.hint)
    best = result.best
    detail = {
        "best": None if best is None else best.frame,
        "frames": [said(one) for one in result.all],
        "looked": result.looked,
        "missing": [{"frame": frame, "reason": "it can't be had"} for frame in result.missing],
    }
    return Outcome(name, text=in_a_line(() if best is None else best.found), detail=detail)
