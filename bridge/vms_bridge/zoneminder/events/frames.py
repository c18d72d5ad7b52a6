"""The frames of an event, as far as ZoneMinder keeps a row of them. Pure and total."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from vms_bridge.zoneminder.parse import as_float, as_int, as_text, mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRow:
    """One frame: an ordinary one, one of an alarm, or one that stands for many (`Bulk`)."""

    number: int
    """From 1; what a picture is asked for by."""
    kind: str = "Normal"
    time: datetime | None = None
    """When it was taken, in UTC, to the second."""
    delta_s: float | None = None
    """How long after the event's beginning."""
    score: int = 0


def parse_frame_rows(raw: object, zone: tzinfo) -> tuple[FrameRow, ...]:
    """Read the frames from an event's page, in the order of their numbers; its times are of that zone."""
    listed = mapping(mapping(raw).get("event")).get("Frame")
    found = []
    for each in listed if isinstance(listed, list) else ():
        row = mapping(each)
        number = as_int(row.get("FrameId"))
        if number is None or number < 1:
            continue
        kind, delta_s = as_text(row.get("Type")) or "Normal", as_float(row.get("Delta"))
        time = _moment(as_text(row.get("TimeStamp")), zone)
        found.append(FrameRow(number=number, kind=kind, time=time, delta_s=delta_s, score=as_int(row.get("Score")) or 0))
    return tuple(sorted(found, key=lambda row: row.number))


def _moment(text: str, zone: tzinfo) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
