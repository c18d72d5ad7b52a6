"""What is current about a monitor or a system as JSON: the rows' values by their fields, flat, and quick to build."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError

from vms_bridge.entities import (
    MONITOR,
    OBJECT,
    SERVER,
    STORAGE,
    SYSTEM,
    ZONE,
    Source,
    ZonePart,
    object_parts,
    other_modes,
    part_key,
)
from vms_bridge.entities.detection import profiles
from vms_bridge.views import MESSAGE_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.views import MonitorView, SystemView

_MONITOR_FIELDS = {row.field: row.read for row in MONITOR if row.source is Source.STATE and row.read is not None}
_SYSTEM_FIELDS = {row.field: row.read for row in SYSTEM if row.read is not None}
_OBJECT_FIELDS = {row.field: row.read for row in OBJECT if row.read is not None}
_STORAGE_FIELDS = {row.field: row.read for row in STORAGE if row.read is not None}
_STORAGE_LASTING = {row.field for row in STORAGE if row.lasts}
_SERVER_FIELDS = {row.field: row.read for row in SERVER if row.read is not None}
_READ_ZONE = next(row.read for row in ZONE if row.read is not None)
_NO_MONITOR_VALUES: Mapping[str, None] = dict.fromkeys(_MONITOR_FIELDS)
_NO_SYSTEM_VALUES: Mapping[str, None] = dict.fromkeys(row.field for row in SYSTEM if not row.lasts)

_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def monitor_state(view: MonitorView) -> bytes:
    """Return everything current about a monitor as JSON."""
    return encode(monitor_body(view))


def system_state(view: SystemView) -> bytes:
    """Return everything current about a system as JSON."""
    return encode(system_body(view))


def monitor_body(view: MonitorView) -> dict[str, Any]:
    """Return what is in a monitor's state; live values are None while it is not available."""
    state = view.state
    message: dict[str, Any] = {"v": MESSAGE_VERSION, "available": state.available}
    if state.available:
        for field, read in _MONITOR_FIELDS.items():
            message[field] = read(view)
        for row in other_modes(view.monitor):
            message[row.field] = state.modes.get(row.mode or "")
        message["zones"] = {part_key(zone.id): _READ_ZONE(ZonePart(view, zone)) for zone in view.monitor.zones}
    else:
        message.update(_NO_MONITOR_VALUES)
        message.update(dict.fromkeys(row.field for row in other_modes(view.monitor)))
        message["zones"] = {part_key(zone.id): None for zone in view.monitor.zones}
    message["objects"] = {
        key: {
            "label": part.watched.label,
            "zone": part.watched.zone or None,
            **{field: read(part) if state.available else None for field, read in _OBJECT_FIELDS.items()},
        }
        for key, part in object_parts(view).items()
    }
    message["detected"] = () if view.seen is None or not state.available else view.seen.labels
    message["detection_profiles"] = profiles(view)
    message["presets"] = () if view.monitor.ptz is None else tuple(view.monitor.ptz.labels)
    message["detail"] = state.detail
    message["time"] = state.observed
    return message


def system_body(view: SystemView) -> dict[str, Any]:
    """Return what is in a system's state; live values are None while it is not available."""
    state = view.state
    message: dict[str, Any] = {"v": MESSAGE_VERSION, "name": view.name, "kind": view.kind}
    for field, read in _SYSTEM_FIELDS.items():
        message[field] = read(view)
    if not state.available:
        message.update(_NO_SYSTEM_VALUES)
    message["run_states"] = state.run_states
    message["storage"] = {
        part_key(storage.id): {
            "name": storage.name,
            **{
                field: read(storage) if state.available or field in _STORAGE_LASTING else None
                for field, read in _STORAGE_FIELDS.items()
            },
        }
        for storage in state.storage
    }
    message["servers"] = {
        part_key(server.id): {
            "name": server.name,
            **{field: read(server) if state.available else None for field, read in _SERVER_FIELDS.items()},
        }
        for server in state.servers
    }
    message["time_zone"] = state.time_zone
    message["detail"] = state.detail
    message["time"] = state.observed
    return message


def encode(message: object) -> bytes:
    """Return the message's JSON; a number that JSON lacks becomes null, half a character a question mark."""
    try:
        return _ANY.dump_json(message)
    except PydanticSerializationError:  # a name with half a character in it, from a database in another encoding
        return _ANY.dump_json(_whole(_plain(message)))


def _plain(message: object) -> object:
    """Return the message as a dict, where it is one that has fields."""
    if isinstance(message, BaseModel):
        return message.model_dump()
    return asdict(message) if is_dataclass(message) and not isinstance(message, type) else message


def _whole(value: Any) -> Any:  # noqa: ANN401  # any JSON value in, the same out
    """Return the value with what is no Unicode character replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(one) for one in value]
    return value
