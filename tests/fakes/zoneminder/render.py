"""The fake's answers, in each version's words."""

from __future__ import annotations

import html
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from tests.fakes.zoneminder import recorded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tests.fakes.zoneminder.personality import Personality
    from tests.fakes.zoneminder.world import FakeEvent, FakeLine, FakeMonitor, World

CAMERA_SECRET = "rtsp-camera-secret"
_CODES = {-4: "PNC", -3: "FAT", -2: "ERR", -1: "WAR", 0: "INF"}


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
    events = world.totals()[item.id]
    counters = {f"{span}Events": events for span in ("Total", "Hour", "Day", "Week", "Month", "Archived")}
    counters |= {"TotalEventDiskSpace": events * 1000}
    if p.modern_modes:
        return _modern_monitor(world, item, events)
    row: dict[str, Any] = {
        "Id": item.id, "Name": item.name, "ServerId": item.server_id, "StorageId": 1, "Type": item.type,
        "Function": item.function,
        "Enabled": item.enabled, "Path": f"rtsp://user:{CAMERA_SECRET}@camera/", "User": "user", "Pass": CAMERA_SECRET,
        "Width": item.width, "Height": item.height, "Colours": 4, "Orientation": "ROTATE_0", "Controllable": False,
        "VideoWriter": item.video_writer, "SectionLength": 600, "MaxFPS": None, "AlarmMaxFPS": None, "AnalysisFPSLimit": None,
    } | item.columns  # fmt: skip
    if p.counters_in_monitor:
        row |= counters
    elif not p.strings:
        row |= {"DecodingEnabled": item.decoding != "None", "SaveJPEGs": 3}
    status = {"MonitorId": item.id, "Status": item.status, "CaptureFPS": item.fps, "AnalysisFPS": item.fps}
    status |= {"CaptureBandwidth": 2000}
    if item.status is None:
        status = dict.fromkeys(status)
    found = {"Monitor": row, "Monitor_Status": status}
    if not p.counters_in_monitor:
        found["Event_Summary"] = {"MonitorId": item.id, **counters}
    return found


def _modern_monitor(world: World, item: FakeMonitor, events: int) -> dict[str, Any]:
    """Return all columns of 1.38; a monitor that has no row in another table has nulls for it."""
    # `Function` is still there, and says nothing.
    row = recorded.MONITOR | {
        "Id": item.id, "Name": item.name, "ServerId": item.server_id, "Type": item.type, "Enabled": int(item.enabled),
        "Path": f"rtsp://user:{CAMERA_SECRET}@camera/", "User": "user", "Pass": CAMERA_SECRET,
        "Width": item.width, "Height": item.height, "Deleted": item.deleted, "ZoneCount": len(item.zones),
        "MinSectionLength": item.min_section, "VideoWriter": item.video_writer,
        "Capturing": item.capturing, "Analysing": item.analysing, "Recording": item.recording, "Decoding": item.decoding,
    } | item.columns  # fmt: skip
    status = dict.fromkeys(recorded.STATUS)
    if item.status is not None:
        if item.id not in world.silent or item.written is None:
            item.written = world.now()
        now = _local(world, item.written)
        fps = item.fps if item.status == "Connected" else "0.00"
        status = {"MonitorId": item.id, "Status": item.status, "CaptureFPS": fps, "AnalysisFPS": fps}
        status |= {"CaptureBandwidth": 2000, "UpdatedOn": now}
    summary = dict.fromkeys(recorded.SUMMARY)
    if events:
        spans = ("Total", "Hour", "Day", "Week", "Month")
        summary |= {"MonitorId": item.id} | {f"{span}Events": events for span in spans}
        summary |= {f"{span}EventDiskSpace": events * 1000 for span in spans}
    others = {name: dict.fromkeys(columns) for name, columns in recorded.OTHERS.items()}
    return {"Monitor": row, **others, "Monitor_Status": status, "Event_Summary": summary}


def event(world: World, item: FakeEvent) -> dict[str, Any]:
    p = world.personality
    if p.modern_modes:
        return _modern_event(world, item)
    times = {"Start": _local(world, item.start), "End": None if item.end is None else _local(world, item.end)}
    row: dict[str, Any] = {
        "Id": item.id, "MonitorId": item.monitor_id, "Name": item.title,
        "Cause": item.cause, "Width": 640, "Height": 480, "Length": None if item.length is None else f"{item.length:.2f}",
        "Frames": item.frames, "AlarmFrames": item.alarm_frames, "TotScore": 100,
        "DefaultVideo": "" if item.is_jpegs else f"{item.id}-video.mp4",
        "AvgScore": 10, "MaxScore": item.max_score, "Archived": int(item.archived), "Locked": item.locked, "Notes": item.notes,
        "DiskSpace": None, "MaxScoreFrameId": 234,
    }  # fmt: skip
    folder = f"/events/{item.monitor_id}/{_local(world, item.start)[:10]}/{item.id}"
    row |= {"StorageId": 1, "SecondaryStorageId": 0, "Scheme": "Medium", "FileSystemPath": folder}
    if p.old_times:
        row |= {"StartTime": times["Start"], "EndTime": times["End"]}
    else:
        row |= {"StartDateTime": times["Start"], "EndDateTime": times["End"]}
        row |= {"StartTime": times["Start"], "EndTime": times["End"]}
    return {"Event": row}


def _modern_event(world: World, item: FakeEvent) -> dict[str, Any]:
    """Return all columns of 1.38, which computes an end for events that still run."""
    start, end = _local(world, item.start), None if item.end is None else _local(world, item.end)
    length = item.length or 0.0
    seconds = int(item.start.timestamp())
    if world.writes_start_in_utc:
        written = item.start.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        start, seconds = str(written), int(written.replace(tzinfo=world.zone).timestamp())
    computed = item.start + timedelta(seconds=length)
    row = recorded.EVENT | {
        "Id": item.id, "MonitorId": item.monitor_id, "Name": item.title,
        "Cause": item.cause, "Notes": item.notes, "Archived": int(item.archived), "Locked": item.locked,
        "StartDateTime": start, "EndDateTime": end, "Width": 640, "Height": 480,
        "Length": f"{length:.2f}", "Frames": item.frames, "AlarmFrames": item.alarm_frames, "MaxScore": item.max_score or 0,
        "DefaultVideo": "" if item.is_jpegs else f"{item.id}-video.h264.mp4" if item.end else "incomplete.h264.mp4",
        "MaxScoreFrameId": None if item.frames is None else 1, "DiskSpace": 1000 if item.end else None,
        "StartTimeSecs": seconds, "EndTimeSecs": f"{computed.timestamp() if item.end is None else int(item.end.timestamp()):.2f}",
        "StartTime": start, "EndTime": end or _local(world, computed),
        "FileSystemPath": f"/events/{item.monitor_id}/{start[:10]}/{item.id}",
    }  # fmt: skip
    return {"Event": row}


def tags(world: World, events: Sequence[FakeEvent]) -> list[dict[str, Any]]:
    """Return a row for each tag of each of these events, as a join has them."""
    return [
        {
            "Tag": {"Id": number, "Name": world.tags[number], "CreateDate": None, "CreatedBy": None, "LastAssignedDate": None},
            "Events_Tags": {"TagId": number, "EventId": event.id, "AssignedDate": None, "AssignedBy": None},
        }
        for event in events
        for number in sorted(event.tags)
    ]


def frames(world: World, item: FakeEvent) -> list[dict[str, Any]]:
    """Return the frames that have a row: the first ones, those of an alarm, and of the others one in so many (`Bulk`)."""
    if item.frames is None:
        return []
    times = item.frame_times or tuple(each * (item.length or 0.0) / max(1, item.frames) for each in range(item.frames))
    kept = [number for number in range(1, len(times) + 1) if number <= 3 or number % world.bulk_frames == 0]
    return [
        {
            "Id": item.id * 1_000 + number, "EventId": item.id, "FrameId": number,
            "Type": "Bulk" if number % world.bulk_frames == 0 else "Normal",
            "TimeStamp": _local(world, item.start + timedelta(seconds=times[number - 1])), "Delta": f"{times[number - 1]:.2f}",
            "Score": 0,
        }
        for number in kept
    ]  # fmt: skip


def _local(world: World, time: datetime) -> str:
    return time.astimezone(world.zone).strftime("%Y-%m-%d %H:%M:%S")


def log_line(number: int, item: FakeLine) -> dict[str, Any]:
    row = {
        "Id": number, "TimeKey": f"{item.time:.6f}", "Component": item.component, "ServerId": None, "Pid": 4711,
        "Level": item.level, "Code": _CODES.get(item.level, "DB1"), "Message": item.message, "File": "zm_monitor.cpp", "Line": 12,
    }  # fmt: skip
    return {"Log": row}


def zones(world: World) -> list[dict[str, Any]]:
    found = []
    for item in world.monitors.values():
        for number, name, kind in item.zone_rows():
            percent = world.personality.modern_modes
            corners = "0,0 100,0 100,100 0,100" if percent else "0,0 639,0 639,479 0,479"
            units = "Percent" if percent else "Pixels"
            row: dict[str, Any] = {
                "Id": number,
                "MonitorId": item.id,
                "Name": name,
                "Type": kind,
                "Units": units,
                "Coords": corners,
            }
            row |= {column: value for column, value in item.zone_columns.get(number, {}).items() if column != "MonitorId"}
            found.append({"Zone": recorded.ZONE | row if percent else row})
    return found


def group(world: World, number: int, name: str, members: Sequence[int]) -> dict[str, Any]:
    """Return a group with the rows of its monitors."""
    found = [world.monitors[member] for member in members if member in world.monitors]
    monitors = [monitor(world, item)["Monitor"] for item in found]
    return {"Group": {"Id": number, "Name": name, "ParentId": None}, "Monitor": monitors}


def user(number: int, name: str, permissions: frozenset[str], *, has_api: bool, monitors: str) -> dict[str, Any]:
    """Return a user's row, the hashed password too."""
    row: dict[str, Any] = {"Id": number, "Username": name, "Password": "$2y$10$hash-of-a-password", "Enabled": 1}
    row |= {"APIEnabled": int(has_api), "MonitorIds": monitors, "TokenMinExpiry": 0}
    for area in ("Stream", "Events", "Control", "Monitors", "Groups", "System"):
        held = {level for each in permissions for of, _, level in [each.partition(":")] if of == area.lower()}
        row[area] = "Edit" if "edit" in held else "View" if "view" in held else "None"
    return {"User": row}


def error(status: int, kind: str, message: str, url: str, code: str = "") -> dict[str, Any]:
    """Return Cake's error; what the database refuses has the database's `code`, and a name that says nothing."""
    name = "An Internal Error Has Occurred." if code else message
    exception = {"class": kind, "code": code or status, "message": message}
    return {"success": False, "data": {"name": name, "message": name, "url": html.escape(url), "exception": exception}}


def pagination(total: int, page: int, limit: int, shown: Sequence[object], *, descends: bool = False) -> dict[str, Any]:
    pages = -(-total // limit)
    direction = "desc" if descends else "asc"
    order = {"Event.Id": direction}
    return {
        "page": page, "current": len(shown), "count": total, "prevPage": page > 1, "nextPage": page < pages,
        "pageCount": pages, "order": order, "limit": limit,
        "options": {"limit": limit, "sort": "Id", "direction": direction, "order": order},
        "paramType": "querystring", "queryScope": None,
    }  # fmt: skip


def unlimited() -> dict[str, Any]:
    """Return what 1.38 says of the pages of a list without limit."""
    return {"prevPage": False, "nextPage": True, "paramType": "named", "pageCount": 1, "options": [], "page": 1}
