"""Where an event's files are on ZoneMinder's host: by its storage area and the way in which folders are named there. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from vms_bridge.errors import MediaUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from vms_bridge.zoneminder.values import EventRow, Storage


def event_folder(row: EventRow, areas: Iterable[Storage], zone: tzinfo) -> PurePosixPath:
    """Return the event's folder, as ZoneMinder says it or as it follows from its storage area.

    Raises MediaUnavailable where neither is known: the user may see no storage areas.
    """
    if row.fspath:
        return PurePosixPath(row.fspath)
    area = next((each for each in areas if each.id == row.storage_id), None)
    if area is None or not area.path:
        raise MediaUnavailable(
            f"where event {row.id} is kept is not known: there is no storage area {row.storage_id or 'for it'} that can be seen",
            hint="storage areas need the permission System: View",
        )
    return PurePosixPath(area.path) / relative_folder(row, zone, scheme=row.scheme or area.scheme)


def relative_folder(row: EventRow, zone: tzinfo, *, scheme: str = "") -> PurePosixPath:
    """Return the event's folder below that of its storage area; `zone` is ZoneMinder's."""
    scheme = scheme or row.scheme or "Medium"
    local = row.start.astimezone(zone)
    if row.times is not None and row.times.local_start is not None:
        local = row.times.local_start  # as it is written, whatever the zone is taken for
    monitor = PurePosixPath(row.monitor_id)
    if scheme == "Deep":
        return monitor / f"{local:%y/%m/%d/%H/%M/%S}"
    if scheme == "Medium":
        return monitor / f"{local:%Y-%m-%d}" / str(row.id)
    return monitor / str(row.id)
