"""What a VXG Cloud VMS says of channels and events, as values of the model. Nothing here raises for odd input."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.model import Capability, EndReason, Event, EventKind, Monitor

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from vms_bridge.ptz import Ptz
    from vms_bridge.vxg import ChannelRow, EventRow

RECORDING = "recording"
"""The mode that says what a channel records."""
OWN_EVENT = "vms_bridge"
"""The name of events that are made here, where somebody forces an alarm."""
OWN_SOURCE = "vms_bridge"
"""Who documents that were written here say that they are of."""
_KINDS: Mapping[str, EventKind] = {
    "motion": EventKind.ALARM,
    OWN_EVENT: EventKind.FORCED,
    "sound": EventKind.INPUT,
    "net": EventKind.NETWORK,
    "wifi": EventKind.NETWORK,
    "facedetection": EventKind.ANALYTICS,
    "object_and_scene_detection": EventKind.ANALYTICS,
    "yolov4_detection": EventKind.ANALYTICS,
    "plate_recognition": EventKind.ANALYTICS,
    "vehicle_stopped_detection": EventKind.LOITERING,
    "suspected_loitering": EventKind.LOITERING,
}
_KINDS_BY_PART = (
    ("line", EventKind.LINE_CROSSING),
    ("loiter", EventKind.LOITERING),
    ("tamper", EventKind.TAMPER),
    ("field", EventKind.ZONE),
    ("detection", EventKind.ANALYTICS),
    ("recognition", EventKind.ANALYTICS),
)
_ALWAYS = frozenset(
    {
        *(Capability.ALARM_STATE, Capability.EVENTS, Capability.EVENT_PICTURE, Capability.EVENT_FRAME),
        *(Capability.LIVE_STREAM, Capability.LIVE_PICTURE),
    }
)
_WITH_ALL = frozenset({Capability.EVENT_CLIP, Capability.RANGE_CLIP, Capability.FORCE_ALARM})
_MOST_LABELS, _MOST_TAGS, _LONGEST = 32, 64, 64
ALL = "all"
"""The access by which everything may be asked and commanded; with another one live and recorded video are there only."""


def kind_of(name: str) -> EventKind:
    """Return what an event of this name is: the names are the cameras' and their makers', and new ones come."""
    known = _KINDS.get(name)
    if known is None:
        known = next((kind for part, kind in _KINDS_BY_PART if part in name.lower()), EventKind.EXTERNAL)
    return known


def name_of(row: ChannelRow) -> str:
    """Return what people call a channel."""
    return row.name or f"Channel {row.id}"


def monitor_of(row: ChannelRow, *, modes: Collection[str] = (), detects: bool | None = None, ptz: Ptz | None = None) -> Monitor:
    """Return a channel as a monitor: what has not been asked yet is not declared."""
    capabilities = set(_ALWAYS)
    if row.access == ALL:
        capabilities |= _WITH_ALL
        capabilities |= {Capability.MODES} if modes else set()
        capabilities |= {Capability.DETECTION} if detects is not None else set()
        capabilities |= {Capability.PTZ} if ptz is not None else set()
    return Monitor(
        id=str(row.id),
        name=name_of(row),
        model="VXG Cloud VMS",
        modes={RECORDING: tuple(modes)} if Capability.MODES in capabilities else {},
        capabilities=frozenset(capabilities),
        ptz=ptz if Capability.PTZ in capabilities else None,
    )


def labels_of(meta: Mapping[str, str]) -> tuple[str, ...]:
    """Return what was counted in an event, the most frequent first: a tag whose data is a number names what was seen so often."""
    counted = {}
    for tag, data in meta.items():
        if data.isascii() and data.isdigit() and 0 < len(data) <= 6 and int(data):
            counted[tag] = int(data)
    named = sorted(counted, key=lambda tag: (-counted[tag], tag))
    return tuple(tag[:_LONGEST] for tag in named[:_MOST_LABELS])


def event_of(row: EventRow, *, end: datetime, now: datetime) -> Event:
    """Return a row as an event, which is over from `end` on: the VMS tells no end."""
    event = Event(
        id=str(row.id),
        monitor_id=str(row.camera_id),
        start=row.time,
        kind=kind_of(row.name),
        cause=row.name[:_LONGEST],
        labels=labels_of(row.meta),
        tags=tuple(sorted(tag[:_LONGEST] for tag in row.meta)[:_MOST_TAGS]),
        snapshot_ready=row.thumb is not None,
    )
    return ended(event, end) if now >= end else event


def ended(event: Event, end: datetime) -> Event:
    """Return the event as one that was over then."""
    start = event.start or end
    end = max(start, end)
    return replace(event, end=end, end_reason=EndReason.UNKNOWN, duration_s=(end - start) / timedelta(seconds=1), clip_ready=True)
