"""Systems, monitors and events as the bridge tells them: JSON, with everything in it that the schemas want."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.component.fakes.schemas import JsonObject

MONITOR_ROWS: dict[str, tuple[str, ...]] = {
    "motion": ("alarm_state",),
    "alarm": ("alarm_state",),
    "connectivity": (),
    "is_recording": ("events",),
    "armed": ("arm",),
    "force_alarm": ("force_alarm",),
    "end_alarm": ("end_alarm",),
    "detection": ("detection",),
    "function": ("modes",),
    "capturing": ("modes",),
    "analysing": ("modes",),
    "recording": ("modes",),
    "restart": ("restart",),
    "event": ("events",),
    "picture": ("event_picture",),
    "camera": ("event_picture",),
    "last_event": ("events",),
    "last_event_cause": ("events",),
    "last_event_label": ("events",),
    "last_event_duration": ("events",),
    "score": ("score",),
    "cause": ("alarm_state",),
    "event_id": ("events",),
    "capture_fps": ("fps",),
    "analysis_fps": ("fps",),
    "bandwidth": ("fps",),
    "events_hour": ("counters",),
    "events_day": ("counters",),
    "events_week": ("counters",),
    "events_month": ("counters",),
    "events_total": ("counters",),
    "disk_used": ("counters",),
    "last_detection": (),
    "source": ("alarm_state",),
    "source_reason": ("alarm_state",),
    "lag": ("alarm_state",),
    "max_fps": ("settings",),
    "alarm_max_fps": ("settings",),
    "analysis_max_fps": ("settings",),
    "section_length": ("settings",),
    "object_detection": ("object_detection",),
    "detection_profile": ("object_detection",),
    "detection_threshold": ("object_detection",),
    "detection_rate": ("object_detection",),
    "detection_time": ("object_detection",),
    "detection_age": ("object_detection",),
    "detection_drops": ("object_detection",),
    "detection_share": ("object_detection",),
    "preset": ("ptz",),
    **dict.fromkeys(
        (
            *("ptz_up", "ptz_down", "ptz_left", "ptz_right", "ptz_up_left", "ptz_up_right", "ptz_down_left", "ptz_down_right"),
            *("ptz_zoom_in", "ptz_zoom_out", "ptz_stop", "ptz_home"),
            *("ptz_focus_near", "ptz_focus_far", "ptz_focus_auto", "ptz_iris_open", "ptz_iris_close", "ptz_iris_auto"),
            *("ptz_wake", "ptz_sleep"),
        ),
        ("ptz",),
    ),
}
"""The catalogue's rows of monitors, and which capabilities each needs; `tests/bridge/test_fake_bridge.py` holds it."""
SYSTEM_ROWS: dict[str, tuple[str, ...]] = {
    "connectivity": (),
    "problem": (),
    "running": (),
    "run_state": ("run_state",),
    "version": (),
    "monitors": (),
    "load": ("load",),
    "source": (),
    "lag": (),
    "index_progress": ("archive",),
}
MODES = ("function", "capturing", "analysing", "recording")
CAPABILITIES = (
    "alarm_state",
    "force_alarm",
    "end_alarm",
    "arm",
    "detection",
    "modes",
    "restart",
    "ptz",
    "score",
    "fps",
    "counters",
    "events",
    "event_picture",
    "live_picture",
    "live_stream",
    "event_frame",
    "event_clip",
    "event_delete",
    "event_archive",
    "event_lock",
    "event_tags",
    "event_note",
    "range_clip",
    "archive",
    "logs",
    "detections",
    "object_detection",
    "zone_state",
    "run_state",
    "storage",
    "servers",
    "load",
    "settings",
)
COMMANDS = {
    "armed": ("arm", "control"),
    "alarm": ("force_alarm", "control"),
    "end_alarm": ("end_alarm", "control"),
    "detection": ("detection", "control"),
    "object_detection": ("object_detection", "control"),
    "detection_profile": ("object_detection", "control"),
    "detection_threshold": ("object_detection", "control"),
    "detect": ("object_detection", "control"),
    "restart": ("restart", "admin"),
    "max_fps": ("settings", "control"),
    "alarm_max_fps": ("settings", "control"),
    "analysis_max_fps": ("settings", "control"),
    "section_length": ("settings", "control"),
    "ptz": ("ptz", "control"),
    "preset": ("ptz", "control"),
    "set_preset": ("ptz", "admin"),
}
"""What a monitor is told, but for its modes: what it must be capable of, and the level."""
EVENT_COMMANDS = {
    "delete": ("event_delete", "admin"),
    "archived": ("event_archive", "control"),
    "locked": ("event_lock", "control"),
    "tag": ("event_tags", "control"),
    "untag": ("event_tags", "control"),
    "note": ("event_note", "control"),
    "detect": ("object_detection", "control"),
}


def written(time: datetime) -> str:
    """Return a time as the bridge writes it: in UTC, with a `Z`."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read(time: str) -> datetime:
    """Return the time that is written so."""
    return datetime.fromisoformat(time)


def system(
    key: str, name: str, kind: str, capabilities: Iterable[str] | None, entities: Iterable[str] | None, fields: Mapping[str, Any]
) -> JsonObject:
    """Return a system, without its monitors; `fields` are those of its state."""
    able = sorted(CAPABILITIES if capabilities is None else capabilities)
    state: JsonObject = {
        "v": 1,
        "name": name or key,
        "kind": kind,
        "available": True,
        "problem": False,
        "running": True,
        "run_state": "default",
        "version": "1.36.33",
        "monitors": 0,
        "load": 0.42,
        "source": "api",
        "lag": 2.0,
        "index_progress": 100,
        "run_states": ["default", "home"],
        "storage": {"0": {"name": "Default", "total": 100_000_000_000, "used": 10_000_000_000, "percent": 10.0}},
        "servers": {
            "1": {"name": "East", "running": True, "load": 1.5, "cpu": 12.5, "memory_percent": 25.0, "memory_free": 6_000_000_000}
        },
        "time_zone": "Europe/Berlin",
        "detail": None,
        "time": written(datetime.now(UTC)),
        **fields,
    }
    index = {"is_complete": True, "events": 0, "expected": 0, "oldest": None, "detail": None}
    offered = [key for key, needed in SYSTEM_ROWS.items() if set(needed) <= set(able)]
    return {
        "key": key,
        "name": name or key,
        "kind": kind,
        "capabilities": able,
        "entities": list(offered if entities is None else entities),
        "index": index,
        "state": state,
    }


def monitor(
    system: str,
    key: str,
    name: str,
    *,
    zones: Mapping[str, str],
    modes: Mapping[str, Sequence[str]],
    capabilities: Iterable[str] | None,
    entities: Iterable[str] | None,
    **described: Any,
) -> JsonObject:
    """Return what describes a monitor: the item `monitor`."""
    able = sorted(CAPABILITIES if capabilities is None else capabilities)
    return {
        "system": system,
        "key": key,
        "name": name or key,
        "area": None,
        "model": "",
        "width": 1920,
        "height": 1080,
        **described,
        "zones": [
            {"key": zone, "name": named, "kind": "active", "points": [[0.0, 0.5], [1.0, 0.5], [1.0, 1.0]]}
            for zone, named in zones.items()
        ],
        "watched": [],
        "modes": {mode: list(values) for mode, values in modes.items()},
        "ptz": None,
        "capabilities": able,
        "entities": rows_of(able, modes) if entities is None else list(entities),
    }


def rows_of(capabilities: Iterable[str], modes: Mapping[str, object]) -> list[str]:
    """Return the catalogue's rows that a monitor of these capabilities and modes has, where nothing is looked for."""
    able, others = set(capabilities), MONITOR_ROWS.keys() - {*MODES, "last_detection"}
    rows = [key for key, needed in MONITOR_ROWS.items() if set(needed) <= able and (key in others or modes.get(key))]
    return rows + [f"mode_{mode}" for mode in modes if mode not in MODES and "modes" in able]


def monitor_state(zones: Iterable[str], modes: Mapping[str, Sequence[str]], fields: Mapping[str, Any]) -> JsonObject:
    """Return a quiet monitor's state."""
    return {
        "v": 1,
        "available": True,
        "motion": False,
        "alarm": "idle",
        "connected": True,
        "is_recording": False,
        "armed": True,
        "forced": False,
        "detection": True,
        "function": None,
        "capturing": None,
        "analysing": None,
        "recording": None,
        **{mode if mode in MODES else f"mode_{mode}": values[-1] for mode, values in modes.items() if values},
        "score": 0,
        "cause": None,
        "event_id": None,
        "capture_fps": 14.99,
        "analysis_fps": 5.0,
        "bandwidth": 123_456,
        "events_hour": 1,
        "events_day": 2,
        "events_week": 3,
        "events_month": 4,
        "events_total": 5,
        "disk_used": 10_000_000_000,
        "last_detection": None,
        "source": "shared_memory",
        "source_reason": None,
        "lag": 0.05,
        "max_fps": 5.0,
        "alarm_max_fps": 0.0,
        "analysis_max_fps": 2.5,
        "section_length": 600.0,
        "object_detection": None,
        "detection_profile": None,
        "detection_threshold": None,
        "detection_rate": None,
        "detection_time": None,
        "detection_age": None,
        "detection_drops": None,
        "detection_share": None,
        "preset": None,
        "zones": dict.fromkeys(zones, False),
        "objects": {},
        "detected": [],
        "detection_profiles": [],
        "presets": [],
        "detail": None,
        "time": written(datetime.now(UTC)),
        **fields,
    }


def event(epoch: str, monitor: JsonObject, event_id: str, start: datetime, fields: Mapping[str, Any]) -> JsonObject:
    """Return an event message of a monitor."""
    labels = list(fields.get("labels", filter(None, [fields.get("label")])))
    message: JsonObject = {
        "v": 1,
        "epoch": epoch,
        "seq": 0,
        "id": event_id,
        "type": "new",
        "kind": "alarm",
        "late": False,
        "system": monitor["system"],
        "monitor": monitor["key"],
        "monitor_name": monitor["name"],
        "label": labels[0] if labels else None,
        "labels": labels,
        "score": 0.91 if labels else None,
        "zones": [],
        "cause": "Motion",
        "start": written(start),
        "end": None,
        "duration": None,
        "end_reason": None,
        "alarm_frames": None,
        "max_score": None,
        "snapshot_ready": False,
        "clip_ready": False,
        "archived": False,
        "locked": False,
        "tags": [],
        "plates": [],
        "faces": [],
        "text": None,
        "direction": None,
        "snapshot_url": None,
        "clip_url": None,
        "media_id": None,
    }
    return changed(message, fields)


def changed(message: JsonObject, fields: Mapping[str, Any]) -> JsonObject:
    """Return an event message with these fields; `end` says how long it was, and a duration when it ended."""
    known = {name: written(value) if isinstance(value, datetime) else value for name, value in fields.items() if name != "notes"}
    said = {**message, **known}
    if "label" in known and "labels" not in known:
        said["labels"] = [known["label"]] if known["label"] else []
    if "labels" in known and "label" not in known:
        said["label"] = known["labels"][0] if known["labels"] else None
    if said["end"] is not None and said["duration"] is None:
        said["duration"] = (read(said["end"]) - read(said["start"])).total_seconds()
    if said["end"] is not None and said["end_reason"] is None:
        said["end_reason"] = "closed"
    return said


def indexed(message: JsonObject, notes: str = "") -> JsonObject:
    """Return the event as the index has it."""
    left_out = {"v", "epoch", "seq", "type", "late", "snapshot_url", "clip_url", "media_id"}
    return {**{name: value for name, value in message.items() if name not in left_out}, "notes": notes}
