"""What goes into a download for a report of a fault: what is listed here, and nothing else.

There is no token, no address, no name that people have given, and no text of a bridge or a VMS, which may have any of these in
it: cameras and systems go by their keys.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_URL
from homeassistant.helpers import entity_registry as er

from . import options
from .client import Address
from .const import CONF_BRIDGE_ID, CONF_FINGERPRINT, TESTED_BRIDGE
from .devices import target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.device_registry import AnyDeviceEntry

    from .coordinator import MonitorData, SystemData, VmsBridgeConfigEntry, VmsBridgeCoordinator

_HEALTH = ("undelivered", "given_up")
_SYSTEM_STATE = ("available", "problem", "running", "version", "monitors", "load", "source", "lag", "index_progress", "time_zone")
_MONITOR_STATE = (
    "available",
    "motion",
    "alarm",
    "connected",
    "is_recording",
    "armed",
    "forced",
    "detection",
    "function",
    "capturing",
    "analysing",
    "recording",
    "capture_fps",
    "analysis_fps",
    "bandwidth",
    "events_total",
    "source",
    "lag",
    "time",
)
_EVENT = ("type", "kind", "late", "end_reason", "alarm_frames", "snapshot_ready", "clip_ready")
_NOTICE = ("kind", "system", "monitor", "since")
_LONGEST = 64


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: VmsBridgeConfigEntry) -> dict[str, Any]:
    """Return what is told of an entry; less where it is not loaded."""
    found: dict[str, Any] = {"entry": _entry(entry), "entities": _entities(hass, entry)}
    if (coordinator := _coordinator(entry)) is not None:
        found |= {
            "bridge": _bridge(coordinator),
            "systems": [_system(data) for data in coordinator.systems.values()],
            "monitors": [_monitor(data) for data in coordinator.monitors.values()],
        }
    return found


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: VmsBridgeConfigEntry, device: AnyDeviceEntry
) -> dict[str, Any]:
    """Return what is told of one device: the bridge, a system, a camera, or a zone's camera."""
    found: dict[str, Any] = {"entry": _entry(entry), "entities": _entities(hass, entry, device)}
    coordinator, about = _coordinator(entry), target_of(entry.data[CONF_BRIDGE_ID], device)
    if coordinator is None or about is None:
        return found
    target, zone = about
    found["bridge"] = _bridge(coordinator)
    system, monitor = coordinator.system(target), coordinator.monitor(target)
    if system is not None:
        found["system"] = _system(system)
    if monitor is not None:
        found["monitor"] = _monitor(monitor)
    if zone is not None:
        found["zone"] = zone
    return found


def _coordinator(entry: VmsBridgeConfigEntry) -> VmsBridgeCoordinator | None:
    return entry.runtime_data if entry.state is ConfigEntryState.LOADED else None


def _entry(entry: VmsBridgeConfigEntry) -> dict[str, Any]:
    address = Address(entry.data[CONF_URL])
    return {
        "version": f"{entry.version}.{entry.minor_version}",
        "source": entry.source,
        "state": entry.state.value,
        "is_encrypted": address.is_encrypted,
        "is_certificate_pinned": entry.data[CONF_FINGERPRINT] is not None,
        "port": address.base.port,
        "options": {"prefers_mjpeg": options.prefers_mjpeg(entry), "notify_old_s": options.notify_old_s(entry)},
    }


def _bridge(coordinator: VmsBridgeCoordinator) -> dict[str, Any]:
    info = coordinator.info
    claims = coordinator.health.get("claims")
    return {
        "version": coordinator.version,
        "tested_version": TESTED_BRIDGE,
        "protocols": None if info is None else [info.lowest_protocol, info.highest_protocol],
        "scope": coordinator.scope,
        "is_connected": coordinator.is_connected,
        "connects": coordinator.connects,
        "lost_at": None if coordinator.lost_at is None else coordinator.lost_at.isoformat(),
        "has_problem": coordinator.health.get("problem") is not None,
        "claims": len(claims) if isinstance(claims, list) else None,
        "notices": [_listed(notice, _NOTICE) for notice in coordinator.notices],
        **_listed(coordinator.health, _HEALTH),
    }


def _system(data: SystemData) -> dict[str, Any]:
    return {
        "key": data.shape.key,
        "kind": data.shape.kind[:_LONGEST],
        "capabilities": sorted(data.shape.capabilities),
        "entities": list(data.shape.entities),
        "storages": len(data.parts("storage")),
        "servers": len(data.parts("server")),
        "state": _listed(data.state, _SYSTEM_STATE),
    }


def _monitor(data: MonitorData) -> dict[str, Any]:
    shape = data.shape
    return {
        "system": shape.system,
        "key": shape.key,
        "size": [shape.width, shape.height],
        "zones": len(shape.zones),
        "modes": {mode: len(values) for mode, values in shape.modes.items()},
        "capabilities": sorted(shape.capabilities),
        "entities": list(shape.entities),
        "knows_objects": data.objects is not None,
        "state": None if data.state is None else _listed(data.state, _MONITOR_STATE),
        "last_event": None if data.last_event is None else _listed(data.last_event, _EVENT),
    }


def _entities(hass: HomeAssistant, entry: VmsBridgeConfigEntry, device: AnyDeviceEntry | None = None) -> dict[str, Any]:
    """Return how many there are, by what they are, without their names."""
    all_of_them = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    found = [each for each in all_of_them if device is None or each.device_id == device.id]
    return {
        "enabled": dict(sorted(Counter(each.domain for each in found if each.disabled_by is None).items())),
        "disabled": dict(sorted(Counter(each.domain for each in found if each.disabled_by is not None).items())),
    }


def _listed(said: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of these names, where there are any and they are such as they are to be."""
    return {name: _short(said[name]) for name in names if name in said}


def _short(value: object) -> object:
    if isinstance(value, str):
        return value[:_LONGEST]
    return value if value is None or isinstance(value, bool | int | float) else "?"
