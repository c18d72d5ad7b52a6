"""Home Assistant's discovery payloads, derived from views and the entity catalogue.

Written with readable keys and abbreviated at the very end. One retained payload describes a device with all of its
entities; an unknown key at its top level, in `device` or in `origin` makes Home Assistant reject it as a whole.
What Home Assistant does with each key was read in its 2026.11 (components/mqtt) and tried (docs/decisions/0202).
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vms_bridge import __version__
from vms_bridge.commands import Level, TargetKind
from vms_bridge.entities import (
    BRIDGE,
    OBJECT,
    SERVER,
    STORAGE,
    SYSTEM,
    WHOLE_MESSAGE,
    ZONE,
    Platform,
    Source,
    ZonePart,
    command_of,
    monitor_rows,
    object_parts,
    offered,
    part_key,
)
from vms_bridge.entities.states import encode
from vms_bridge.mqtt.homeassistant.abbreviations import abbreviate
from vms_bridge.mqtt.homeassistant.templates import EVENT_TYPES, NOTIFICATION, command_template, option_labels, value_template

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from vms_bridge.entities import BridgeView, Entity
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.views import MonitorView, SystemView

ORIGIN = {"name": "VMS Bridge", "sw_version": __version__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the bridge offers over discovery: where, under which name, and how much may be commanded."""

    topics: Topics
    name: str = "VMS Bridge"
    level: Level = Level.CONTROL
    snapshots: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a device's entities find their messages; `unique` and `readable` are the beginnings of their ids."""

    unique: str
    readable: str
    status: str
    topics: Mapping[Source, str]
    commands: str
    name: str = ""
    part: str = ""


def bridge_payload(offer: Offer) -> bytes:
    """Return the payload of the bridge's own device."""
    topics = offer.topics
    place = _Place(
        unique=topics.instance,
        readable=f"vms_bridge_{topics.instance}",
        status=topics.status,
        topics={Source.STATUS: topics.status, Source.HEALTH: topics.health},
        commands=topics.root,
    )
    return encode_payload(
        {
            "device": {
                "identifiers": [bridge_device_id(offer)],
                "name": offer.name,
                "manufacturer": "VMS Bridge",
                "model": "Bridge",
                "sw_version": __version__,
            },
            "origin": ORIGIN,
            "components": {row.key: _bridge_component(row, place) for row in BRIDGE} | _notification(place, topics),
        }
    )


def system_payload(view: SystemView, offer: Offer) -> bytes:
    """Return the payload of a system's device, with its storages and servers."""
    topics, state_topic = offer.topics, offer.topics.system_state(view.key)
    name = view.name or view.key
    place = _Place(
        unique=f"{topics.instance}-{view.key}",
        readable=_slug(name) or view.key,
        status=topics.status,
        topics={Source.STATE: state_topic},
        commands=f"{topics.root}/{view.key}/set",
    )
    capabilities = view.state.capabilities
    components = {
        row.key: _component(row, place, options=_choices(row, view))
        for row in offered(SYSTEM, capabilities, view)
        if _is_offered(row, offer, TargetKind.SYSTEM)
    }
    for storage in view.state.storage:
        part = part_key(storage.id)
        storage_place = _part_place(place, part, storage.name or part)
        for storage_row in offered(STORAGE, capabilities, storage):
            components[f"{part}-{storage_row.key}"] = _component(storage_row, storage_place)
    for server in view.state.servers:
        part = part_key(server.id)
        server_place = _part_place(place, part, server.name or part)
        for server_row in offered(SERVER, capabilities, server):
            components[f"{part}-{server_row.key}"] = _component(server_row, server_place)
    return encode_payload(
        {
            "device": {
                "identifiers": [_system_id(offer, view.key)],
                "name": name,
                "model": view.kind,
                "sw_version": view.state.version,
                "configuration_url": _page(view.url),
                "via_device": bridge_device_id(offer),
            },
            **_shared(topics.status, state_topic),
            "components": components,
        }
    )


def monitor_payload(view: MonitorView, system: SystemView, offer: Offer) -> bytes:
    """Return the payload of a monitor's device, its zones as child devices."""
    topics, monitor = offer.topics, view.monitor
    state_topic = topics.monitor_state(view.system, view.key)
    name = monitor.name or view.key
    device_id = f"{_system_id(offer, view.system)}-{view.key}"
    place = _Place(
        unique=f"{topics.instance}-{view.system}-{view.key}",
        readable=_readable(view, system, name),
        status=topics.status,
        topics={
            Source.STATE: state_topic,
            Source.EVENT: topics.monitor_event(view.system, view.key),
            Source.LAST_EVENT: topics.last_event(view.system, view.key),
            Source.SNAPSHOT: topics.snapshot(view.system, view.key),
        },
        commands=f"{topics.root}/{view.system}/{view.key}/set",
        name=name,
    )
    payload: dict[str, Any] = {
        "device": {
            "identifiers": [device_id],
            "name": name,
            "model": monitor.model or None,
            "suggested_area": monitor.area or None,
            "configuration_url": _page(system.url),
            "via_device": _system_id(offer, view.system),
        },
        **_shared(topics.status, state_topic),
        "components": {
            row.key: _component(row, place, options=_choices(row, view))
            for row in offered(monitor_rows(monitor), monitor.capabilities, view)
            if _is_offered(row, offer, TargetKind.MONITOR)
        }
        | _objects(view, place, offer),
    }
    if zones := _zones(view, place, device_id):
        payload["child_devices"] = zones
    return encode_payload(payload)


def components(payload: bytes) -> dict[str, str]:
    """Return the platform of each component in a retained payload, by id; nothing for bytes that are no payload."""
    found: dict[str, str] = {}
    for part in _with_components(_decode(payload)):
        for component_id, component in part["cmps"].items():
            if isinstance(component, dict) and isinstance(component.get("p"), str):
                found[component_id] = component["p"]
    return found


def gone(previous: bytes, wanted: bytes) -> frozenset[str]:
    """Return the ids of components that `previous` has and `wanted` has not, or has for another platform."""
    return frozenset(component_id for component_id, _ in components(previous).items() - components(wanted).items())


def removal_payload(previous: bytes, gone: Collection[str]) -> bytes:
    """Return `previous` with only the platform left of the components that are gone: the first of the two steps."""
    payload = _decode(previous)
    for part in _with_components(payload):
        for component_id, component in part["cmps"].items():
            if component_id in gone and isinstance(component, dict):
                part["cmps"][component_id] = {"p": component.get("p")}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def bridge_device_id(offer: Offer) -> str:
    """Return by what Home Assistant knows the bridge's own device."""
    return f"vms_bridge-{offer.topics.instance}"


def _system_id(offer: Offer, system: str) -> str:
    return f"{bridge_device_id(offer)}-{system}"


def _is_offered(row: Entity[Any], offer: Offer, kind: TargetKind) -> bool:
    if row.source in {Source.SNAPSHOT, Source.OBJECT} and not offer.snapshots:
        return False
    command = command_of(row, kind)
    return command is None or offer.level.includes(command.level)


def _choices(row: Entity[Any], view: object) -> tuple[str, ...]:
    return () if row.choices is None else row.choices(view)


def _zones(view: MonitorView, place: _Place, device_id: str) -> list[dict[str, Any]]:
    """Return the child devices. Their ids have a slash, so that monitor `1-2` and zone 2 of monitor 1 differ."""
    monitor = view.monitor
    children = []
    for part, zone in {part_key(zone.id): zone for zone in monitor.zones}.items():
        rows = list(offered(ZONE, monitor.capabilities, ZonePart(view, zone)))
        if not rows:
            continue
        name = zone.name or part
        zone_place = _part_place(place, part, name)
        children.append(
            {
                "identifiers": [f"{device_id}/{part}"],
                # Home Assistant's friendly names have the device's name in front, but not that of the device above it
                "name": _child_name(place.name, name),
                "components": {f"{part}-{row.key}": _component(row, zone_place) for row in rows},
            }
        )
    return children


def _objects(view: MonitorView, place: _Place, offer: Offer) -> dict[str, Any]:
    """Return the components of all that is looked for at a monitor."""
    found = {}
    for part, seen in object_parts(view).items():
        topics = {**place.topics, Source.OBJECT: offer.topics.object_picture(view.system, view.key, part)}
        object_place = replace(_part_place(place, part, seen.watched.name), topics=topics)
        for row in OBJECT:
            if _is_offered(row, offer, TargetKind.MONITOR):
                found[f"{part}-{row.key}"] = _component(row, object_place)
    return found


def _readable(view: MonitorView, system: SystemView, name: str) -> str:
    """Return how the monitor is called in entity ids: by its key too where another has the same name."""
    slug = _slug(name)
    is_shared = any(other.monitor.name == name and key != view.key for key, other in system.monitors.items())
    return slug if slug and not is_shared else "_".join(filter(None, (slug or _slug(view.system), _slug(view.key))))


def _child_name(device: str, part: str) -> str:
    """Return both names in one, none of them twice: people call a zone like its camera."""
    if part.casefold() == device.casefold():
        return f"{device} zone"
    return part if part.casefold().startswith(f"{device} ".casefold()) else f"{device} {part}"


def _part_place(place: _Place, part: str, name: str) -> _Place:
    return _Place(
        unique=f"{place.unique}-{part}",
        readable=f"{place.readable}_{_slug(name) or _slug(part)}",
        status=place.status,
        topics=place.topics,
        commands=place.commands,
        name=name,
        part=part,
    )


def _shared(status: str, state_topic: str) -> dict[str, Any]:
    return {
        "origin": ORIGIN,
        "availability": [
            {"topic": status},
            {"topic": state_topic, "value_template": "{{ 'online' if value_json.available else 'offline' }}"},
        ],
        "availability_mode": "all",
        "state_topic": state_topic,
    }


def _bridge_component(row: Entity[BridgeView], place: _Place) -> dict[str, Any]:
    component = _component(row, place)
    if row.source is Source.STATUS:
        return {**component, "payload_on": "online", "payload_off": "offline"}
    return {**component, "availability": [{"topic": place.status}]}


def _notification(place: _Place, topics: Topics) -> dict[str, Any]:
    """Return the entity that fires for messages of scripts to people."""
    component = {
        "platform": Platform.EVENT.value,
        "name": "Notification",
        "icon": "mdi:message-alert-outline",
        "unique_id": f"{place.unique}-notification",
        "default_entity_id": f"event.{place.readable}_notification",
        "state_topic": topics.notification,
        "event_types": ["notification"],
        "value_template": NOTIFICATION,
        "availability": [{"topic": place.status}],
        "qos": 1,
    }
    return {"notification": component}


def _component(row: Entity[Any], place: _Place, *, options: Iterable[str] = ()) -> dict[str, Any]:
    """Return one entity's part of a payload; what is None is left out, but for the name that means the device's."""
    options = tuple(options) or row.options
    component: dict[str, Any] = {
        **_fixed(row),
        "unique_id": f"{place.unique}-{row.key}",
        "default_entity_id": f"{row.platform.value}.{place.readable}" + (f"_{row.key}" if row.name != "" else ""),
        **_platform_part(row, place, options),
    }
    if template := value_template(row, part=place.part, options=options):
        component["value_template"] = template
    if options:
        labels = option_labels(options).values() if row.platform is Platform.SELECT else map(str.capitalize, options)
        component["options"] = list(labels)
    if row.command:
        component["command_topic"] = f"{place.commands}/{row.command}"
        component["qos"] = 1  # a broker keeps nothing else for a bridge that is away
    if row.always:
        component["availability"] = [{"topic": place.status}]
    if row.name is not None:
        component["name"] = row.name.format(place.name) or None
    return component


@cache
def _fixed(row: Entity[Any]) -> dict[str, Any]:
    """Return what is the same wherever the entity is shown."""
    fixed = {
        "platform": row.platform.value,
        "device_class": row.device_class,
        "entity_category": row.category and row.category.value,
        "icon": row.icon,
        "payload_press": row.press,
        "state_class": row.state_class,
        "unit_of_measurement": row.display_unit[0] if row.display_unit else row.unit,
        "enabled_by_default": None if row.enabled else False,
    }
    return {key: value for key, value in fixed.items() if value is not None}


def _platform_part(row: Entity[Any], place: _Place, options: tuple[str, ...]) -> dict[str, Any]:
    """Return what only this kind of entity has. A truth value is rendered `True`, `False` or `None` (unknown)."""
    topic = place.topics.get(row.source)
    part: dict[str, Any] = {}
    match row.platform:
        case Platform.BINARY_SENSOR | Platform.SENSOR:
            part = _attributes(row, topic)
            if row.source is not Source.STATE:
                part["state_topic"] = topic
            if row.platform is Platform.BINARY_SENSOR:
                part |= {"payload_on": "True", "payload_off": "False"}
        case Platform.SWITCH:
            part = {"state_on": "True", "state_off": "False"}
        case Platform.SELECT:
            template = command_template(options)
            part = {} if template is None else {"command_template": template}
        case Platform.NUMBER:
            least, most, step = row.bounds or (0, 1, 0.01)
            part = {"min": least, "max": most, "step": step, "mode": "box" if row.bounds else "slider"}
        case Platform.EVENT:
            part = {"state_topic": topic, "event_types": EVENT_TYPES, "qos": 1}
        case Platform.IMAGE:
            part = {"image_topic": topic, "content_type": "image/jpeg"}
        case Platform.CAMERA:
            part = {"topic": topic}
    return part


def _attributes(row: Entity[Any], topic: str | None) -> dict[str, Any]:
    if not row.attributes:
        return {}
    fields = ", ".join(f"'{name}': value_json.{name}" for name in row.attributes)
    attributes = "value" if row.attributes is WHOLE_MESSAGE else f"{{{fields}}} | tojson"
    # A topic that is cleared, as with a monitor that goes, would make Home Assistant warn of erroneous JSON.
    return {"json_attributes_topic": topic, "json_attributes_template": f"{{{{ {attributes} if value else '{{}}' }}}}"}


def _slug(name: str) -> str:
    """Return the name as an entity id can contain it, or nothing where letters would get lost (`Камера 1`)."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char)).lower()
    if any(char.isalnum() and not char.isascii() for char in plain):
        return ""
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:64]


def _page(url: str | None) -> str | None:
    """Return the address if Home Assistant takes it for a page: another scheme would make it reject the payload."""
    try:
        parts = urlsplit(url or "")
        _ = parts.port  # raises ValueError for a port that is none
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None and parts.password is None
    except ValueError:
        return None
    return url if usable and re.fullmatch(r"[!-~]+", url or "") else None


def encode_payload(payload: dict[str, Any]) -> bytes:
    """Return a device's payload as it is published, with the short names."""
    payload["device"] = {key: value for key, value in payload["device"].items() if value is not None}
    return encode(abbreviate(payload))


def _decode(payload: bytes) -> dict[str, Any]:
    try:
        decoded = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _with_components(payload: dict[str, Any]) -> list[dict[str, Any]]:
    children = payload.get("cdevs")
    parts = [payload, *(children if isinstance(children, list) else [])]
    return [part for part in parts if isinstance(part, dict) and isinstance(part.get("cmps"), dict)]
