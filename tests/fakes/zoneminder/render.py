"""The fake's answers, in each version's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tests.fakes.zoneminder.personality import Personality
    from tests.fakes.zoneminder.world import FakeEvent, FakeMonitor, World

CAMERA_SECRET = "rtsp-camera-secret"


def spelt(value: Any, personality: Personality) -> Any:  # noqa: ANN401 (JSON)
    """Return the JSON value as this version's PHP spells it."""
    if isinstance(value, dict):
        return {key: spelt(item, personality) for key, item in value.items()}
    if isinstance(value, list):
        return [spelt(item, personality) for item in value]
    if isinstance(value, bool):
        return value if personality.booleans else str(int(value)) if personality.strings else int(value)
    if isinstance(value, (int, float)) and personality.strings:
        return str(value)
    return value


def monitor(world: World, item: FakeMonitor) -> dict[str, Any]:
    p = world.personality
    events = sum(event.monitor_id == item.id for event in world.events.values()) if len(world.events) < 1000 else 0
    counters = {f"{span}Events": events for span in ("Total", "Hour", "Day", "Week", "Month", "Archived")}
    counters |= {"TotalEventDiskSpace": events * 1000}
    row: dict[str, Any] = {
        "Id": item.id, "Name": item.name, "ServerId": item.server_id, "StorageId": 1, "Type": item.type,
        "Function": item.function,
        "Enabled": item.enabled, "Path": f"rtsp://user:{CAMERA_SECRET}@camera/", "User": "user", "Pass": CAMERA_SECRET,
        "Width": item.width, "Height": item.height, "Colours": 4, "Orientation": "ROTATE_0", "Controllable": False,
    }  # fmt: skip
    if p.modern_modes:
        row |= {"Capturing": item.capturing, "Analysing": item.analysing, "Recording": item.recording, "Deleted": item.deleted}
    if p.counters_in_monitor:
        row |= counters
    status = {"MonitorId": item.id, "Status": item.status, "CaptureFPS": item.fps, "AnalysisFPS": item.fps}
    status |= {"CaptureBandwidth": 2000}
    if item.status is None:
        status = dict.fromkeys(status)
    found = {"Monitor": row, "Monitor_Status": status}
    if not p.counters_in_monitor:
        found["Event_Summary"] = {"MonitorId": item.id, **counters}
    return found


def event(world: World, item: FakeEvent) -> dict[str, Any]:
    p = world.personality
    times = {"Start": _local(world, item.start), "End": None if item.end is None else _local(world, item.end)}
    row: dict[str, Any] = {
        "Id": item.id, "MonitorId": item.monitor_id, "Name": f"Event-{item.id}" if item.end else "New Event",
        "Cause": item.cause, "Width": 640, "Height": 480, "Length": None if item.length is None else f"{item.length:.2f}",
        "Frames": item.frames, "AlarmFrames": item.alarm_frames, "DefaultVideo": f"{item.id}-video.mp4", "TotScore": 100,
        "AvgScore": 10, "MaxScore": item.max_score, "Archived": 0, "Notes": item.notes, "DiskSpace": None, "MaxScoreFrameId": 234,
    }  # fmt: skip
    if p.old_times:
        row |= {"StartTime": times["Start"], "EndTime": times["End"]}
    else:
        row |= {"StartDateTime": times["Start"], "EndDateTime": times["End"]}
        # 1.38 computes an end for events that still run.
        guess = _local(world, world.now()) if p.modern_modes else None
        row |= {"StartTime": times["Start"], "EndTime": times["End"] or guess}
    return {"Event": row}


def _local(world: World, time: datetime) -> str:
    return time.astimezone(world.zone).strftime("%Y-%m-%d %H:%M:%S")


def zones(world: World) -> list[dict[str, Any]]:
    found = []
    for item in world.monitors.values():
        for number, name, kind in item.zone_rows():
            percent = world.personality.modern_modes
            corners = "0,0 100,0 100,100 0,100" if percent else "0,0 639,0 639,479 0,479"
            units = "Percent" if percent else "Pixels"
            row = {"Id": number, "MonitorId": item.id, "Name": name, "Type": kind, "Units": units, "Coords": corners}
            found.append({"Zone": row})
    return found


def error(status: int, kind: str, message: str, url: str) -> dict[str, Any]:
    exception = {"class": kind, "code": status, "message": message}
    return {"success": False, "data": {"name": message, "message": message, "url": url, "exception": exception}}


def pagination(total: int, page: int, limit: int, shown: Sequence[object]) -> dict[str, Any]:
    pages = -(-total // limit)
    return {
        "page": page, "current": len(shown), "count": total, "prevPage": page > 1, "nextPage": page < pages,
        "pageCount": pages, "limit": limit,
    }  # fmt: skip
