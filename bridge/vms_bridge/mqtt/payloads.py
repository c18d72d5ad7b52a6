"""Every JSON message but the events' own (messages.py): built from a view, flat, and quick to build."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from vms_bridge.entities import MONITOR, STORAGE, SYSTEM, ZONE, Source, ZonePart, other_modes, part_key, public_id
from vms_bridge.model import MonitorState, SystemState
from vms_bridge.mqtt.bodies import Answer, Failure, Hello, SeenObject, SeenObjects, SystemName
from vms_bridge.views import MESSAGE_VERSION, EventMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vms_bridge.commands import Ack
    from vms_bridge.entities import DeadBand, Entity
    from vms_bridge.model import Detection
    from vms_bridge.mqtt.counters import Counters
    from vms_bridge.views import BridgeState, MonitorView, SystemView

Message = dict[str, Any] | Answer | SeenObjects
ONLINE = b"online"
OFFLINE = b"offline"


class Urgency(Enum):
    """How soon a new state is worth a message."""

    NOW = "now"
    LATER = "later"
    NEVER = "never"


_MONITOR_FIELDS = {row.field: row.read for row in MONITOR if row.source is Source.STATE and row.read is not None}
_SYSTEM_FIELDS = {row.field: row.read for row in SYSTEM if row.read is not None}
_STORAGE_FIELDS = {row.field: row.read for row in STORAGE if row.read is not None}
_READ_ZONE = next(row.read for row in ZONE if row.read is not None)
_NO_MONITOR_VALUES: Mapping[str, None] = dict.fromkeys(_MONITOR_FIELDS)
_NO_SYSTEM_VALUES: Mapping[str, None] = dict.fromkeys(row.field for row in SYSTEM if not row.lasts)

_ANY: TypeAdapter[Any] = TypeAdapter(Any)
_EVENT = TypeAdapter(EventMessage)
URLS = {"snapshot_url", "clip_url"}


def monitor_state(view: MonitorView) -> bytes:
    """Return everything current about a monitor; live values are null while it is not available."""
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
    message["detail"] = state.detail
    message["time"] = state.observed
    return encode(message)


def system_state(view: SystemView) -> bytes:
    """Return everything current about a system; live values are null while it is not available."""
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
            "total": storage.total_bytes,
            **{field: read(storage) if state.available else None for field, read in _STORAGE_FIELDS.items()},
        }
        for storage in state.storage
    }
    message["time_zone"] = state.time_zone
    message["detail"] = state.detail
    message["time"] = state.observed
    return encode(message)


def info(
    *,
    instance: str,
    name: str,
    version: str,
    bridge_id: str,
    epoch: str,
    api: str | None,
    discovery: bool,
    systems: Iterable[SystemView],
    state: BridgeState,
    counters: Counters,
) -> bytes:
    """Return the hello: who this bridge is, how it fares, where its API is (None: nowhere), and which systems it serves."""
    hello = asdict(
        Hello(
            instance=instance,
            name=name,
            version=version,
            bridge_id=bridge_id,
            epoch=epoch,
            api=api,
            discovery=discovery,
            problem=state.problem is not None,
            detail=state.problem,
            undelivered=state.undelivered,
            given_up=state.given_up,
            systems=tuple(SystemName(key=system.key, name=system.name, kind=system.kind) for system in systems),
        )
    )
    names = hello.pop("systems")
    return encode({**hello, **asdict(counters), "systems": names})


def ack(ack: Ack) -> bytes:
    """Return the answer to a command."""
    command = ack.command
    return encode(
        Answer(
            request_id=command.request_id,
            system=command.system,
            monitor=command.monitor,
            command=command.name,
            result=ack.result,
            applied=ack.applied,
            error=None if ack.code is None else Failure(code=ack.code, hint=ack.hint),
            time=ack.time,
        )
    )


def detection(view: MonitorView | None, detection: Detection) -> bytes:
    """Return the objects in one frame of the monitor (None: it is no more); an empty list ends their presence."""
    return encode(
        SeenObjects(
            time=detection.time,
            frame=detection.frame,
            event_id=None if detection.event_id is None or view is None else public_id(view, detection.event_id),
            source=detection.source,
            objects=tuple(
                SeenObject(label=seen.label, score=seen.score, box=seen.box, zones=seen.zones, track=seen.track, text=seen.text)
                for seen in detection.objects
            ),
        )
    )


def last_event(message: EventMessage) -> bytes:
    """Return the event as it now stands, without URLs: those expire, and this is retained."""
    return _EVENT.dump_json(message, exclude=URLS)


def urgency(old: MonitorState | None, new: MonitorState) -> Urgency:
    """Say how soon `new` is worth a message, if `old` was in the last one that was sent."""
    if old is None:
        return Urgency.NOW
    if not old.available and not new.available:
        return Urgency.NEVER if old.detail == new.detail else Urgency.NOW
    return _urgency(old, new, at_once=_monitor_at_once, bands=_MONITOR_BANDS)


def system_urgency(old: SystemState | None, new: SystemState) -> Urgency:
    """Say how soon `new` is worth a message, if `old` was in the last one that was sent."""
    if old is None or _storages(old) != _storages(new):
        return Urgency.NOW
    result = _urgency(old, new, at_once=_system_at_once, bands=_SYSTEM_BANDS)
    if result is Urgency.NEVER and any(
        band.is_exceeded(getattr(before, band.attribute), getattr(after, band.attribute))
        for before, after in zip(old.storage, new.storage, strict=True)
        for band in _STORAGE_BANDS
    ):
        return Urgency.LATER
    return result


def _urgency(old: object, new: object, *, at_once: Callable[[object], tuple[Any, ...]], bands: tuple[DeadBand, ...]) -> Urgency:
    if at_once(old) != at_once(new):
        return Urgency.NOW
    for band in bands:
        before, after = getattr(old, band.attribute), getattr(new, band.attribute)
        if before != after and band.is_exceeded(before, after):
            return Urgency.LATER
    return Urgency.NEVER


def _bands(rows: Iterable[Entity[Any]]) -> tuple[DeadBand, ...]:
    return tuple(row.dead_band for row in rows if row.dead_band is not None)


def _at_once(state: type[MonitorState | SystemState], bands: tuple[DeadBand, ...]) -> Callable[[object], tuple[Any, ...]]:
    """Return a reader of whatever is told at once: all but measurements and the time of the observation."""
    slow = {"observed", "storage"} | {band.attribute for band in bands}
    return attrgetter(*(name for name in state.__dataclass_fields__ if name not in slow))


def _storages(state: SystemState) -> list[tuple[str, str, int | None]]:
    return [(storage.id, storage.name, storage.total_bytes) for storage in state.storage]


_MONITOR_BANDS = _bands(MONITOR)
_SYSTEM_BANDS = _bands(SYSTEM)
_STORAGE_BANDS = _bands(STORAGE)
_monitor_at_once = _at_once(MonitorState, _MONITOR_BANDS)
_system_at_once = _at_once(SystemState, _SYSTEM_BANDS)


def encode(message: Message) -> bytes:
    """Return the message's JSON; a number that JSON lacks becomes null, half a character a question mark."""
    try:
        return _ANY.dump_json(message)
    except PydanticSerializationError:  # a name with half a character in it, from a database in another encoding
        return _ANY.dump_json(_whole(message if isinstance(message, dict) else asdict(message)))


def _whole(value: Any) -> Any:  # noqa: ANN401  # any JSON value in, the same out
    """Return the value with what is no Unicode character replaced."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(one) for one in value]
    return value
