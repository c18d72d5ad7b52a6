"""ZoneMinder's answers as values: pure, and total over any JSON.

Depending on PHP and the database driver every number may be a string, every boolean 0, "0" or false, every empty
object a list. A row without an id is dropped; whatever else is missing or odd becomes None.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from vms_bridge.zoneminder.event_times import event_times
from vms_bridge.zoneminder.modes import SETTINGS
from vms_bridge.zoneminder.values import AlarmState, EventRow, LogRow, MonitorRow, RunState, Storage, VersionInfo, Zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

TEXT_LIMIT = 4096
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,6}))?")
_ROW_LIMIT = 10_000
_LARGEST = 2**63
_DEFINITION_LIMIT = 1024 * 1024
_KINDS = ("active", "inclusive", "exclusive", "preclusive", "inactive", "privacy")


def as_int(value: object) -> int | None:
    """Read a whole number in any of ZoneMinder's spellings."""
    if type(value) is int and -_LARGEST <= value <= _LARGEST:
        return value
    number = as_float(value)
    return None if number is None or abs(number) > _LARGEST else int(number)


def as_float(value: object) -> float | None:
    """Read a number in any of ZoneMinder's spellings; never infinite, never NaN."""
    if not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_bool(value: object, *, default: bool = False) -> bool:
    """Read a yes or no in any of ZoneMinder's spellings."""
    if isinstance(value, bool):
        return value
    number = as_float(value)
    if number is not None:
        return number != 0
    if isinstance(value, str) and value.strip().lower() in {"true", "yes", "on"}:
        return True
    return False if isinstance(value, str) and value.strip().lower() in {"false", "no", "off"} else default


def as_text(value: object) -> str:
    """Read a text of bounded length, of whole characters; nothing, and what is none, is empty."""
    if type(value) is str and len(value) <= TEXT_LIMIT and value.isascii():
        return value
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    if isinstance(value, int):
        return str(as_int(value) or 0)
    return str(value)[:TEXT_LIMIT].encode("utf-8", "replace").decode()


def as_id(value: object) -> str | None:
    """Read a row's id: a positive whole number, given as text."""
    number = as_int(value)
    return None if number is None or number <= 0 or isinstance(value, bool) else str(number)


def mapping(raw: object) -> dict[str, Any]:
    """Return the JSON object, or an empty one: PHP renders an empty map as a list."""
    return raw if isinstance(raw, dict) else {}


def rows(raw: object, plural: str, single: str) -> list[dict[str, Any]]:
    """Return the rows of a list answer, unwrapped."""
    return [row for item in listed(raw, plural) if isinstance(row := mapping(item).get(single), dict)]


def parse_version(raw: object) -> tuple[int, int, int] | None:
    """Read `version` of a login or getVersion answer."""
    found = _VERSION.search(as_text(mapping(raw).get("version")))
    return None if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))


def parse_version_info(raw: object) -> VersionInfo | None:
    """Read the same in ZoneMinder's words."""
    numbers = parse_version(raw)
    if numbers is None:
        return None
    return VersionInfo(zoneminder=".".join(map(str, numbers)), api=as_text(mapping(raw).get("apiversion")))


def parse_time_zone(raw: object) -> ZoneInfo | None:
    """Read a getTimeZone answer; None for no or an unknown zone."""
    name = as_text(mapping(raw).get("tz")).strip()
    try:
        return ZoneInfo(name) if name and ".." not in name else None
    except (KeyError, OSError, ValueError):
        return None


def parse_monitors(raw: object, *, keeps_raw: bool = False) -> dict[str, MonitorRow]:
    """Read the monitor list; soft-deleted monitors are left out, repeated ones (one per group in old versions) merged."""
    found: dict[str, MonitorRow] = {}
    for item in listed_monitors(raw):
        row = parse_monitor(item, keeps_raw=keeps_raw)
        if row is not None:
            found.setdefault(row.id, row)
    return found


def listed_monitors(raw: object) -> Sequence[object]:
    """Return the items of the monitor list as they are."""
    return listed(raw, "monitors")


def listed(raw: object, plural: str) -> Sequence[object]:
    """Return the items of a list answer as they are."""
    items = mapping(raw).get(plural)
    if isinstance(items, dict):
        items = list(items.values())
    return items[:_ROW_LIMIT] if isinstance(items, list) else ()


def parse_monitor(raw: object, *, keeps_raw: bool = False) -> MonitorRow | None:
    """Read one monitor with its status and counters (`Monitor`, `Monitor_Status`, `Event_Summary`)."""
    item = mapping(raw)
    row = mapping(item.get("Monitor"))
    monitor_id = as_id(row.get("Id"))
    if monitor_id is None or as_bool(row.get("Deleted")):
        return None
    status = mapping(item.get("Monitor_Status"))
    # 1.34 keeps the counters in the monitor's own row.
    counters = mapping(item.get("Event_Summary")) or row
    width, height = _size(row)
    return MonitorRow(
        id=monitor_id,
        name=as_text(row.get("Name")) or f"Monitor {monitor_id}",
        type=as_text(row.get("Type")),
        width=width,
        height=height,
        colours=as_int(row.get("Colours")),
        server_id=as_id(row.get("ServerId")),
        function=as_text(row.get("Function")) or None,
        enabled=as_bool(row.get("Enabled"), default=True),
        capturing=as_text(row.get("Capturing")) or None,
        analysing=as_text(row.get("Analysing")) or None,
        recording=as_text(row.get("Recording")) or None,
        decoding=_decoding(row),
        status=as_text(status.get("Status")) or None,
        capture_fps=as_float(status.get("CaptureFPS")),
        analysis_fps=as_float(status.get("AnalysisFPS")),
        bandwidth_bytes=as_int(status.get("CaptureBandwidth")),
        updated=as_text(status.get("UpdatedOn")) or None if row.get("Capturing") else None,
        settings={key: max(0.0, as_float(row[column]) or 0.0) for key, column in SETTINGS.items() if column in row},
        min_section_s=max(0.0, _or_default(as_float(row.get("MinSectionLength")), 10.0)),
        writes_video=as_int(row.get("VideoWriter")) != 0,
        path=as_text(row.get("Path")) or None,
        camera_login=_login(row),
        rtsp_stream=(as_text(row.get("RTSPStreamName")) or None) if as_bool(row.get("RTSPServer")) else None,
        go2rtc=as_bool(row.get("Go2RTCEnabled")),
        controllable=as_bool(row.get("Controllable")),
        control_id=as_id(row.get("ControlId")),
        storage_id=as_id(row.get("StorageId")),
        raw=row if keeps_raw else {},
        events={
            "total": as_int(counters.get("TotalEvents")),
            "hour": as_int(counters.get("HourEvents")),
            "day": as_int(counters.get("DayEvents")),
            "week": as_int(counters.get("WeekEvents")),
            "month": as_int(counters.get("MonthEvents")),
            "disk": as_int(counters.get("TotalEventDiskSpace")),
        },
    )


def _login(row: Mapping[str, Any]) -> tuple[str, str] | None:
    user = as_text(row.get("User"))
    return (user, as_text(row.get("Pass"))) if user else None


def _decoding(row: Mapping[str, Any]) -> str:
    """Read what is decoded: before 1.37 all or nothing, before 1.36 all."""
    if "Decoding" in row:
        return as_text(row["Decoding"]) or "Always"
    return "Always" if as_bool(row.get("DecodingEnabled"), default=True) else "None"


def _or_default(value: float | None, default: float) -> float:
    return default if value is None else value


def _size(row: Mapping[str, Any]) -> tuple[int | None, int | None]:
    width, height = as_int(row.get("Width")) or None, as_int(row.get("Height")) or None
    turned = as_text(row.get("Orientation")) in {"ROTATE_90", "ROTATE_270", "90", "270"}
    return (height, width) if turned else (width, height)


def parse_zones(raw: object, monitors: Mapping[str, MonitorRow], *, keeps_raw: bool = False) -> dict[str, tuple[Zone, ...]]:
    """Read every monitor's zones of all kinds, in ZoneMinder's own order."""
    found: dict[str, list[Zone]] = {}
    for row in rows(raw, "zones", "Zone"):
        zone_id, monitor_id = as_id(row.get("Id")), as_id(row.get("MonitorId"))
        if zone_id is None or monitor_id is None:
            continue
        kind = as_text(row.get("Type")).lower() or "active"
        points = _points(row, monitors.get(monitor_id))
        zone = Zone(
            id=zone_id,
            name=as_text(row.get("Name")) or f"Zone {zone_id}",
            kind=kind,
            points=points,
            monitor_id=monitor_id,
            raw=row if keeps_raw else {},
        )
        found.setdefault(monitor_id, []).append(zone)
    return {monitor_id: tuple(in_order(zones)) for monitor_id, zones in found.items()}


def in_order(zones: Iterable[Zone]) -> list[Zone]:
    """Return a monitor's zones in ZoneMinder's own order: by kind, then by id (Zone::Load in src/zm_zone.cpp)."""
    place = {kind: number for number, kind in enumerate(_KINDS)}
    return sorted(zones, key=lambda zone: (place.get(zone.kind, len(place)), int(zone.id)))


def _points(row: Mapping[str, Any], monitor: MonitorRow | None) -> tuple[tuple[float, float], ...]:
    if as_text(row.get("Units")) == "Percent":
        wide, high = 100.0, 100.0
    elif monitor is not None and monitor.width and monitor.height:
        # Coordinates run to the last pixel, not to the edge behind it.
        wide, high = max(monitor.width - 1.0, 1.0), max(monitor.height - 1.0, 1.0)
    else:
        return ()
    corners = []
    for pair in as_text(row.get("Coords")).split():
        x, _, y = pair.partition(",")
        across, down = as_float(x), as_float(y)
        if across is None or down is None:
            return ()
        corners.append((_share(across, wide), _share(down, high)))
    return tuple(corners)


def _share(value: float, whole: float) -> float:
    return round(min(max(value / whole, 0.0), 1.0), 4)


def parse_states(raw: object, *, keeps_raw: bool = False) -> list[RunState]:
    """Read the run states."""
    named = ((as_text(row.get("Name")), row) for row in rows(raw, "states", "State"))
    return [
        RunState(
            name=name,
            is_active=as_bool(row.get("IsActive")),
            id=as_id(row.get("Id")) or "",
            definition=str(row.get("Definition") or "") if keeps_raw else "",
            modes=parse_definition(row.get("Definition")) if keeps_raw else {},
            raw=row if keeps_raw else {},
        )
        for name, row in named
        if name
    ]


def parse_definition(raw: object) -> dict[str, dict[str, str]]:
    """Read what a run state sets, by monitor: `id:Function:Enabled`, or `id:Capturing:Analysing:Recording` from 1.37 on."""
    found = {}
    for part in str(raw or "")[:_DEFINITION_LIMIT].split(","):
        number, *words = (word.strip() for word in part.split(":"))
        monitor_id = as_id(number)
        names = {2: ("function", "enabled"), 3: ("capturing", "analysing", "recording")}.get(len(words))
        if monitor_id is not None and names is not None:
            found[monitor_id] = {name: word for name, word in zip(names, words, strict=True) if word}
    return found


def parse_storage(raw: object, *, keeps_raw: bool = False) -> tuple[Storage, ...]:
    """Read the storage areas; newer versions report the disk's own numbers, older ones only what events use."""
    areas = []
    for row in rows(raw, "storage", "Storage"):
        storage_id = as_id(row.get("Id"))
        if storage_id is None:
            continue
        used, total = as_int(row.get("DiskUsedSpace")), as_int(row.get("DiskTotalSpace"))
        areas.append(
            Storage(
                id=storage_id,
                name=as_text(row.get("Name")) or f"Storage {storage_id}",
                used_bytes=as_int(row.get("DiskSpace")) if used is None else used,
                total_bytes=total,
                path=as_text(row.get("Path")),
                scheme=as_text(row.get("Scheme")) or "Medium",
                type=as_text(row.get("Type")) or "local",
                server_id=as_id(row.get("ServerId")),
                enabled=as_bool(row.get("Enabled"), default=True),
                raw=row if keeps_raw else {},
            )
        )
    return tuple(areas)


def parse_load(raw: object) -> float | None:
    """Read the one-minute load average."""
    load = mapping(raw).get("load")
    return as_float(load[0]) if isinstance(load, list) and load else None


def parse_loads(raw: object) -> tuple[float, float, float] | None:
    """Read the load averages over 1, 5 and 15 minutes."""
    load = mapping(raw).get("load")
    found = [as_float(each) for each in load] if isinstance(load, list) else []
    one, five, fifteen = (found + [None] * 3)[:3]
    return None if one is None or five is None or fifteen is None else (one, five, fifteen)


def parse_alarm_status(raw: object, version: tuple[int, int, int]) -> AlarmState | None:
    """Read an alarm status answer; None where the monitor does not run or the number has no meaning.

    1.36.16 to 1.36.25 counted from 1 (zoneminder#3595), all others from 0.
    """
    answer = mapping(raw)
    number = None if "code" in answer else as_int(answer.get("status"))
    if number is None or as_text(answer.get("status")) == "":
        return None
    return alarm_state(number - 1 if (1, 36, 16) <= version < (1, 36, 26) else number)


def alarm_state(number: int) -> AlarmState | None:
    """Read ZoneMinder's state number, counted from idle = 0; 4 is `tape`, quiet while recording."""
    states = (AlarmState.IDLE, AlarmState.PREALARM, AlarmState.ALARM, AlarmState.ALERT, AlarmState.IDLE)
    return states[number] if 0 <= number < len(states) else None


def parse_events(raw: object, zone: tzinfo, *, trusts_unix_times: bool = True, date: datetime | None = None) -> list[EventRow]:
    """Read a page of events, in the order given; `date` is when it was served."""
    given = rows(raw, "events", "Event")
    found = (parse_event(row, zone, trusts_unix_times=trusts_unix_times, date=date) for row in given)
    return [event for event in found if event is not None]


def parse_event(
    row: Mapping[str, Any],
    zone: tzinfo,
    *,
    trusts_unix_times: bool = True,
    date: datetime | None = None,
    more: Mapping[str, Any] | None = None,
) -> EventRow | None:
    """Read one event; without id, monitor or start it is none. Times are of that zone, unless the row itself says more.

    `more` are further fields, as they were read already.
    """
    event_id, monitor_id = as_id(row.get("Id")), as_id(row.get("MonitorId"))
    # 1.38 computes EndTime while the event still runs; EndDateTime is right wherever it exists.
    ended = row["EndDateTime"] if "EndDateTime" in row else row.get("EndTime")
    length_s = as_float(row.get("Length"))
    times = event_times(
        as_text(row.get("StartDateTime") or row.get("StartTime")),
        as_text(ended),
        zone,
        start_s=as_float(row.get("StartTimeSecs")),
        end_s=as_float(row.get("EndTimeSecs")),
        length_s=length_s,
        trusts_unix_times=trusts_unix_times,
    )
    if event_id is None or monitor_id is None or times is None:
        return None
    return EventRow(
        id=int(event_id),
        monitor_id=monitor_id,
        start=times.start,
        end=times.end,
        times=times,
        served_at=date,
        cause=as_text(row.get("Cause")),
        notes=as_text(row.get("Notes")).strip(),
        length_s=length_s,
        frames=as_int(row.get("Frames")),
        alarm_frames=as_int(row.get("AlarmFrames")),
        max_score=as_int(row.get("MaxScore")),
        video=as_text(row.get("DefaultVideo")),
        saves_jpegs=as_bool(row.get("SaveJPEGs"), default=True),
        archived=_flag(row, "Archived"),
        locked=_flag(row, "Locked"),
        **(more or {}),
    )


def _flag(row: Mapping[str, Any], column: str) -> bool | None:
    return None if row.get(column) is None else as_bool(row[column])


def parse_frames(raw: object) -> list[tuple[int, float]]:
    """Read an event's frames from its page: numbers, and seconds from its beginning. Not every frame has a row."""
    given = mapping(mapping(raw).get("event")).get("Frame")
    found = []
    for row in given if isinstance(given, list) else ():
        number, time_s = as_int(mapping(row).get("FrameId")), as_float(mapping(row).get("Delta"))
        if number is not None and number >= 1 and time_s is not None and time_s >= 0:
            found.append((number, time_s))
    return found


def parse_logs(raw: object) -> list[LogRow]:
    """Read a page of the log, in the order given; a line without an id or a time is left out."""
    found = []
    for row in rows(raw, "logs", "Log"):
        number, seconds = as_id(row.get("Id")), as_float(row.get("TimeKey"))
        time = None if seconds is None else _moment(seconds)
        if number is None or time is None:
            continue
        level, component = as_int(row.get("Level")), as_text(row.get("Component"))
        message = as_text(row.get("Message"))
        found.append(LogRow(id=int(number), time=time, level=level or 0, component=component, message=message))
    return found


def _moment(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def parse_count(raw: object) -> int | None:
    """Read how many rows the whole query has."""
    return as_int(mapping(mapping(raw).get("pagination")).get("count"))
