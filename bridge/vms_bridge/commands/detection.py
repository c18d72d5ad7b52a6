"""What can be asked of the part that looks at pictures: of a monitor, and of an event. No VMS is asked for any of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vms_bridge.commands.request import switch, word
from vms_bridge.commands.row import CommandRow
from vms_bridge.commands.values import Action, TargetKind
from vms_bridge.errors import CommandRejected
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.commands.request import Request

MOST_FRAMES = 100
_FRAME = re.compile("alarm|snapshot|first|[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetObjectDetection(Action):
    """Look at this monitor's pictures, or do not: the VMS's own detection is another thing."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDetectionProfile(Action):
    """Look at it by this profile of the configuration."""

    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDetectionThreshold(Action):
    """Count what has at least this score (0..1), where no label's rule says another."""

    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectNow(Action):
    """Look at what the monitor sees now, and answer what is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectEvent(Action):
    """Look at these frames of an event (none: those of the configuration), and answer what is in them."""

    frames: tuple[str, ...] = ()


def _threshold(request: Request) -> SetDetectionThreshold:
    try:
        score = float(word(request))
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise CommandRejected("that is no score", hint="send a number from 0 to 1, as 0.6")
    return SetDetectionThreshold(score=score)


def _frames(request: Request) -> DetectEvent:
    said = request.value if isinstance(request.value, str) else ""
    frames = tuple(each.strip() for each in said.split(",")) if said.strip() else ()
    if len(frames) > MOST_FRAMES or not all(_FRAME.fullmatch(frame) for frame in frames):
        hint = f"send up to {MOST_FRAMES} of alarm, snapshot, first and numbers, as alarm,21,41, or leave the value out"
        raise CommandRejected("these are no frames", hint=hint)
    return DetectEvent(frames=frames)


DETECTION: tuple[CommandRow[Any], ...] = (
    CommandRow(
        name="object_detection",
        action=SetObjectDetection,
        target=TargetKind.MONITOR,
        needs=Capability.OBJECT_DETECTION,
        timeout_s=10.0,
        parse=lambda request, _name: SetObjectDetection(on=switch(request)),
        value=lambda action: "ON" if action.on else "OFF",
        effect=None,
        payload="`ON`, `OFF`",
        meaning="have the bridge look for objects in this monitor's pictures, or not",
    ),
    CommandRow(
        name="detection_profile",
        action=SetDetectionProfile,
        target=TargetKind.MONITOR,
        needs=Capability.OBJECT_DETECTION,
        timeout_s=10.0,
        parse=lambda request, _name: SetDetectionProfile(profile=word(request)),
        value=lambda action: action.profile,
        effect=None,
        payload="a profile",
        meaning="look for objects by this profile of the configuration",
    ),
    CommandRow(
        name="detection_threshold",
        action=SetDetectionThreshold,
        target=TargetKind.MONITOR,
        needs=Capability.OBJECT_DETECTION,
        timeout_s=10.0,
        parse=lambda request, _name: _threshold(request),
        value=lambda action: f"{action.score:g}",
        effect=None,
        payload="0 to 1",
        meaning="count what has at least this score, where no label's rule says another",
    ),
    CommandRow(
        name="detect",
        action=DetectNow,
        target=TargetKind.MONITOR,
        needs=Capability.OBJECT_DETECTION,
        timeout_s=30.0,
        parse=lambda _request, _name: DetectNow(),
        value=lambda _action: "detected",
        effect=None,
        payload="anything but nothing",
        meaning="look for objects in what the monitor sees now; the answer's `detail` has them",
    ),
    CommandRow(
        name="detect",
        action=DetectEvent,
        target=TargetKind.EVENT,
        needs=Capability.OBJECT_DETECTION,
        timeout_s=60.0,
        is_long=True,
        parse=lambda request, _name: _frames(request),
        value=lambda action: ",".join(action.frames),
        effect=None,
        payload="JSON: `event`, `value` frames as `alarm,21`",
        meaning="look for objects in frames of the event; the answer's `detail` has them",
    ),
)
"""What can be asked of detection."""
