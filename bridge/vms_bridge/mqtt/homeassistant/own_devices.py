"""Discovery payloads of what belongs to scripts: a device for each, with the entities that it has declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge import __version__
from vms_bridge.commands import Level
from vms_bridge.mqtt.homeassistant.discovery import ORIGIN, bridge_device_id, encode_payload
from vms_bridge.own_entities import COMMANDED, MOST_CHARACTERS, EntityKind
from vms_bridge.scripting import ScriptStatus

if TYPE_CHECKING:
    from vms_bridge.mqtt.homeassistant.discovery import Offer
    from vms_bridge.own_entities import OwnEntity, Owner

STATUS_KEY = "_status"
"""No entity of a script's own can have this key."""
_TEXT = f"{{% set x = value_json.value %}}{{{{ 'None' if x is none or x == '' else (x | string)[:{MOST_CHARACTERS}] }}}}"
"""A state holds so many characters, and an empty one is not taken."""
_VALUES = {
    EntityKind.SENSOR: _TEXT,
    EntityKind.SELECT: _TEXT,
    EntityKind.TEXT: "{{ value_json.value or '' }}",  # which knows no unknown, and would show `None`
}
_EVENT = "{{ dict(value_json.attributes, event_type=value_json.event_type) | tojson }}"
_ATTRIBUTES = "{{ value_json.attributes | tojson if value else '{}' }}"
_AT_WORK = "{{ 'online' if value_json.available else 'offline' }}"


def payload(owner: Owner, offer: Offer) -> bytes:
    """Return the payload of a script's device."""
    topics = offer.topics
    components: dict[str, Any] = {STATUS_KEY: _status(owner, offer)}
    for entity in owner.entities.values():
        if entity.kind not in COMMANDED or offer.level.includes(Level.CONTROL):
            components[entity.key] = _component(owner, entity, offer)
    return encode_payload(
        {
            "device": {
                "identifiers": [f"{bridge_device_id(offer)}-_script-{owner.name}"],
                "name": f"VMS Bridge script {owner.name}",
                "manufacturer": "VMS Bridge",
                "model": "Script",
                "sw_version": __version__,
                "via_device": bridge_device_id(offer),
            },
            "origin": ORIGIN,
            "availability": [
                {"topic": topics.status},
                {"topic": topics.script_status(owner.name), "value_template": _AT_WORK},
            ],
            "availability_mode": "all",
            "components": components,
        }
    )


def _status(owner: Owner, offer: Offer) -> dict[str, Any]:
    """Return how the script fares, which is known while it is not at work, too."""
    topic = offer.topics.script_status(owner.name)
    return {
        **_named(owner, offer, "sensor", STATUS_KEY, "status"),
        "name": "Status",
        "icon": "mdi:script-text-outline",
        "entity_category": "diagnostic",
        "device_class": "enum",
        "options": [str(each).capitalize() for each in ScriptStatus],
        "state_topic": topic,
        "value_template": "{{ value_json.status | capitalize if value_json.status else 'None' }}",
        "json_attributes_topic": topic,
        "json_attributes_template": (
            "{{ {'reason': value_json.reason, 'since': value_json.since, 'failures': value_json.failures,"
            " 'dropped': value_json.dropped} | tojson if value else '{}' }}"
        ),
        "availability": [{"topic": offer.topics.status}],
    }


def _component(owner: Owner, entity: OwnEntity, offer: Offer) -> dict[str, Any]:
    """Return one entity's part; what is None is left out."""
    topics, kind = offer.topics, entity.kind
    state = topics.script_state(owner.name, entity.key)
    part: dict[str, Any] = {
        **_named(owner, offer, kind.value, entity.key, entity.key),
        "name": entity.name or entity.key.replace("_", " ").capitalize(),
        "icon": entity.icon,
        "device_class": entity.device_class,
        "entity_category": entity.category,
    }
    if kind not in {EntityKind.EVENT, EntityKind.BUTTON}:
        part |= {
            "state_topic": state,
            "value_template": _VALUES.get(kind, "{{ value_json.value }}"),
            "json_attributes_topic": state,
            "json_attributes_template": _ATTRIBUTES,
        }
    if kind in COMMANDED:
        part |= {"command_topic": f"{topics.script_commands(owner.name)}/{entity.key}", "qos": 1}
    part |= _of_kind(entity, topics.script_event(owner.name, entity.key))
    return {key: value for key, value in part.items() if value is not None}


def _of_kind(entity: OwnEntity, event_topic: str) -> dict[str, Any]:
    """Return what only this kind has. A truth value is rendered `True`, `False` or `None` (unknown)."""
    options = list(entity.options)
    parts: dict[EntityKind, dict[str, Any]] = {
        EntityKind.BINARY_SENSOR: {"payload_on": "True", "payload_off": "False"},
        EntityKind.SWITCH: {"state_on": "True", "state_off": "False"},
        EntityKind.BUTTON: {"payload_press": "PRESS"},
        EntityKind.SENSOR: {"unit_of_measurement": entity.unit, "options": options or None},
        EntityKind.NUMBER: {
            "min": entity.min,
            "max": entity.max,
            "step": entity.step,
            "unit_of_measurement": entity.unit,
            "mode": "box",
        },
        EntityKind.SELECT: {"options": options},
        EntityKind.EVENT: {"state_topic": event_topic, "event_types": options, "value_template": _EVENT, "qos": 1},
        EntityKind.TEXT: {"max": MOST_CHARACTERS},
    }
    return parts[entity.kind]


def _named(owner: Owner, offer: Offer, platform: str, key: str, readable: str) -> dict[str, Any]:
    return {
        "platform": platform,
        "unique_id": f"{offer.topics.instance}-_script-{owner.name}-{key}",
        "default_entity_id": f"{platform}.vms_bridge_{owner.name}_{readable}",
    }
