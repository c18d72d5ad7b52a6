"""What a row amounts to as an event, and what of it is new: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.notes import event_kind, motion_zones
from vms_bridge.model import EndReason, Event, EventKind
from vms_bridge.zoneminder.detected import detected_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.zoneminder import EventRow


def event_of(row: EventRow, zone_names: Mapping[str, str], *, snapshot_ready: bool, tags: tuple[str, ...] | None = None) -> Event:
    """Return the event that this row describes; the names are those that it uses for zones, with what these are called.

    Its `tags` are not in its row.
    """
    labels, score = detected_labels(row.notes)
    ran = row.length_s
    if ran is None and row.end is not None:
        ran = (row.end - row.start).total_seconds()
    return Event(
        id=str(row.id),
        monitor_id=row.monitor_id,
        start=row.start,
        kind=event_kind(row.cause),
        cause=row.cause,
        notes=row.notes,
        end=row.end,
        end_reason=None if row.end is None else EndReason.CLOSED,
        duration_s=ran,
        alarm_frames=row.alarm_frames,
        max_score=row.max_score,
        labels=labels,
        score=score,
        zones=tuple(zone_names.get(name, name) for name in motion_zones(row.notes, zone_names, cause=row.cause)),
        snapshot_ready=snapshot_ready,
        clip_ready=has_clip(row),
        archived=row.archived,
        locked=row.locked,
        tags=tags,
    )


def has_clip(row: EventRow) -> bool:
    """Say whether the event's video is whole: from 1.37 on it has another name until then."""
    return row.end is not None and bool(row.video) and not row.video.startswith("incomplete")


def has_media(row: EventRow) -> bool:
    """Say whether the event is over, and recorded as something that ZoneMinder takes a picture from."""
    return row.end is not None and (has_clip(row) or row.saves_jpegs)


def abandoned(event: Event) -> Event:
    """Return the event as one that nobody will end any more."""
    end = None if event.start is None else event.start + timedelta(seconds=event.duration_s or 0.0)
    return replace(event, end=end, end_reason=EndReason.ABANDONED)


def untimed(event: Event) -> Event:
    """Return the event as it is reported while nobody knows what ZoneMinder's times mean."""
    return replace(event, start=None, end=None)


def merged(before: Event, fresh: Event) -> Event:
    """Take the fresh event, but keep labels and zones, for ZoneMinder overwrites notes, and tags where they were not read."""
    return replace(
        fresh,
        labels=fresh.labels or before.labels,
        score=fresh.score if fresh.labels else before.score,
        zones=fresh.zones or before.zones,
        snapshot_ready=before.snapshot_ready or fresh.snapshot_ready,
        tags=before.tags if fresh.tags is None else fresh.tags,
    )


def is_news(before: Event, after: Event) -> bool:
    """Say whether more has changed than lengths and counts, which grow all the time."""
    if (after.max_score or 0) > (before.max_score or 0):
        return True
    same = replace(after, duration_s=before.duration_s, alarm_frames=before.alarm_frames, max_score=before.max_score)
    return same != before


def open_alarm(events: Iterable[Event]) -> bool:
    """Say whether one of these open events was made by an alarm."""
    return any(event.kind is not EventKind.CONTINUOUS for event in events)
