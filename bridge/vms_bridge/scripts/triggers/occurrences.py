"""Occurrences, made of what the bridge says in public: the same whether it happens now or is replayed from a recording."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vms_bridge.entities import MONITOR, SYSTEM
from vms_bridge.script.happenings import told_of
from vms_bridge.scripts.values import SCHEDULED, Occurrence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vms_bridge.views import MonitorKey

GONE = "gone"
"""The kind by which it is said that a monitor, or a system, is no more; no trigger is of it."""
UNKNOWN = "unknown"
"""What filters call an alarm state that is not known."""
OVER = frozenset({"end", "deleted"})
"""The steps after which an event does not go on."""
MEASURED = frozenset(
    {row.field for row in MONITOR if row.dead_band is not None} | {row.field for row in SYSTEM if row.dead_band is not None}
)
"""The fields that are measurements: they change all the time, and only who names one hears of it."""
AVAILABLE = "available"
"""The field that says whether a state can be learnt; with it all others become unknown, or known."""
_UNTOLD = frozenset({"v", "time", "name", "kind"})
"""What is in a state and is no part of it."""
_OF_MONITORS = frozenset({"event", "alarm", "detection", "monitor_state", "notice", GONE})
_OF_SYSTEMS = frozenset({*_OF_MONITORS, "system_state"})
_PLAIN = frozenset({"detection", "monitor_state", "system_state", "mqtt", *SCHEDULED})
"""What may be dropped before others, where there is too much."""


def of(kind: str, what: Mapping[str, Any], *, data: bytes = b"", name: str = "", at_s: float = 0.0) -> Occurrence:
    """Return the occurrence that a handler gets as `what`; all else that is to be known of it follows from that."""
    monitor = _monitor(kind, what)
    subject = _subject(kind, what)
    return Occurrence(
        kind=kind,
        what=what,
        data=data,
        monitor=monitor,
        name=name or str(what.get("name") or what.get("monitor_name") or ""),
        subject=subject,
        at_s=at_s,
        is_urgent=what.get("step") not in {"update", "media"} if kind == "event" else kind not in _PLAIN,
    )


def event(message: Mapping[str, Any], *, name: str = "", is_late: bool = False, at_s: float = 0.0) -> Occurrence:
    """Return what a public event message (docs/mqtt.md) says, as `step` too; `is_late`: it is read long after it was said."""
    what = {**message, "step": message.get("type"), "late": bool(message.get("late")) or is_late}
    return of("event", what, name=name, at_s=at_s)


def alarm(transition: Mapping[str, Any], *, name: str, at_s: float = 0.0, **more: Any) -> Occurrence:  # noqa: ANN401 - JSON
    """Return a step of an alarm state: {system, monitor, before, now, time}, and `more` of what is known with it."""
    what = {key: transition.get(key) for key in ("system", "monitor", "before", "now", "time")} | {"name": name}
    what |= {key: more.get(key) for key in ("score", "cause", "event")} | {"lost": more.get("lost", 0)}
    return of("alarm", what, at_s=at_s)


def detection(
    seen: Mapping[str, Any],
    *,
    monitor: MonitorKey,
    name: str,
    zones: Mapping[str, str] | None = None,
    at_s: float = 0.0,
) -> Occurrence:
    """Return the objects in a frame: {time, source, objects}; `zones` are the names of the monitor's zones by their ids."""
    objects = [dict(one) for one in seen.get("objects") or ()]
    for one in objects:
        one["zones"] = [(zones or {}).get(zone, zone) for zone in one.get("zones") or ()]
    what = {
        "system": monitor[0],
        "monitor": monitor[1],
        "name": name,
        "source": seen.get("source") or "vms",
        "time": seen.get("time"),
        "objects": objects,
    }
    return of("detection", what, at_s=at_s)


def monitor_states(
    monitor: MonitorKey, name: str, before: Mapping[str, Any], now: Mapping[str, Any], *, at_s: float = 0.0
) -> Iterator[Occurrence]:
    """Yield what has changed between two states of a monitor (docs/mqtt.md), one field after the other."""
    about = {"system": monitor[0], "monitor": monitor[1], "name": name}
    for field in changed(before, now):
        yield of("monitor_state", {**about, **_change(field, before, now)}, at_s=at_s)


def system_states(
    system: str, name: str, before: Mapping[str, Any], now: Mapping[str, Any], *, at_s: float = 0.0
) -> Iterator[Occurrence]:
    """Yield what has changed between two states of a system, likewise."""
    about = {"system": system, "name": name}
    for field in changed(before, now):
        yield of("system_state", {**about, **_change(field, before, now)}, at_s=at_s)


def notice(said: Mapping[str, Any], *, is_active: bool, name: str = "", at_s: float = 0.0) -> Occurrence:
    """Return that there is a notice, or no more."""
    return of("notice", {**said, "active": is_active}, name=name, at_s=at_s)


def message(topic: str, payload: bytes, *, is_retained: bool = False, at_s: float = 0.0) -> Occurrence:
    """Return what somebody has published by MQTT. Text and JSON are made of it by the worker (`script.happenings`)."""
    return of("mqtt", {"topic": topic, "retain": is_retained}, data=payload, at_s=at_s)


def webhook(name: str, body: bytes, *, at_s: float = 0.0) -> Occurrence:
    """Return that somebody has called this webhook with this JSON, which the worker reads."""
    return of("webhook", {"name": name}, data=body, at_s=at_s)


def told(occurrence: Occurrence) -> dict[str, Any]:
    """Return all that a handler sees of it: for who reads it, and for recordings."""
    return dict(told_of(occurrence.kind, occurrence.what, occurrence.data))


def as_told(kind: str, what: Mapping[str, Any], data: bytes = b"") -> Occurrence:
    """Return the occurrence of which this is told; `data` are the bytes of a message that is no text."""
    what = dict(what)
    if kind == "mqtt":
        payload = what.pop("payload", None)
        what.pop("json", None)
        data = payload.encode("utf-8", "replace") if isinstance(payload, str) else data
        what.setdefault("retain", False)
    elif kind == "webhook":
        data = json.dumps(what.pop("body", None)).encode()
    return of(kind, what, data=data)


def setting(settings: Mapping[str, Any], names: Sequence[str]) -> Occurrence:
    """Return that these settings of the script were changed; `settings` are all."""
    return of("setting", {"settings": settings, "changed": list(names)})


def command(key: str, value: object, *, at_s: float = 0.0) -> Occurrence:
    """Return that somebody has commanded the script's own entity with this key."""
    return of("entity", {"key": key, "value": value}, at_s=at_s)


def gone(system: str, monitor: str | None = None) -> Occurrence:
    """Return that there is such a monitor, or system, no more."""
    return of(GONE, {"system": system, "monitor": monitor})


def system_of(occurrence: Occurrence) -> str | None:
    """Return the key of the system that this is about; None where it is about none."""
    if occurrence.monitor is not None:
        return occurrence.monitor[0]
    system = occurrence.what.get("system") if occurrence.kind in _OF_SYSTEMS else None
    return system if isinstance(system, str) else None


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return the fields of a state that are others now."""
    fields = [field for field in now if field not in _UNTOLD and (field not in before or before[field] != now[field])]
    return fields + [field for field in before if field not in now and field not in _UNTOLD]


def _change(field: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return what has become of a field; `follows`: it is another only because all is unknown now, or was."""
    is_loss = before.get(AVAILABLE) != now.get(AVAILABLE) and field not in {AVAILABLE, "detail"}
    change = {"field": field, "before": before.get(field), "now": now.get(field)}
    return {**change, "follows": AVAILABLE if is_loss else None, "state": now}


def _monitor(kind: str, what: Mapping[str, Any]) -> MonitorKey | None:
    system, monitor = (what.get("system"), what.get("monitor")) if kind in _OF_MONITORS else (None, None)
    return (system, monitor) if isinstance(system, str) and isinstance(monitor, str) else None


def _subject(kind: str, what: Mapping[str, Any]) -> str:
    """Return what it is about, in words by which two of its kind can be compared."""
    match kind:
        case "event" | "notice":
            return str(what.get("id"))
        case "mqtt":
            return str(what.get("topic"))
        case "webhook":
            return str(what.get("name"))
        case "entity":
            return str(what.get("key"))
    if kind == GONE:  # what the subjects of all that is about it begin with
        return f"{what.get('system', '')}/" + ("" if what.get("monitor") is None else f"{what['monitor']} ")
    part = what.get("source" if kind == "detection" else "field", "")
    return f"{what.get('system', '')}/{what.get('monitor', '')} {part}"
