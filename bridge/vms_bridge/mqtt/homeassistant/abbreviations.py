"""Home Assistant's short names for discovery keys, as far as we use them: a payload gets a quarter smaller."""

from __future__ import annotations

from typing import Any

_KEYS = {
    "availability": "avty",
    "availability_mode": "avty_mode",
    "child_devices": "cdevs",
    "command_template": "cmd_tpl",
    "command_topic": "cmd_t",
    "components": "cmps",
    "content_type": "cont_type",
    "default_entity_id": "def_ent_id",
    "device": "dev",
    "device_class": "dev_cla",
    "enabled_by_default": "en",
    "entity_category": "ent_cat",
    "event_types": "evt_typ",
    "icon": "ic",
    "image_topic": "img_t",
    "json_attributes_template": "json_attr_tpl",
    "json_attributes_topic": "json_attr_t",
    "options": "ops",
    "origin": "o",
    "payload_off": "pl_off",
    "payload_on": "pl_on",
    "payload_press": "pl_prs",
    "platform": "p",
    "state_class": "stat_cla",
    "state_off": "stat_off",
    "state_on": "stat_on",
    "state_topic": "stat_t",
    "topic": "t",
    "unique_id": "uniq_id",
    "unit_of_measurement": "unit_of_meas",
    "value_template": "val_tpl",
}
_DEVICE_KEYS = {
    "configuration_url": "cu",
    "identifiers": "ids",
    "manufacturer": "mf",
    "model": "mdl",
    "suggested_area": "sa",
    "sw_version": "sw",
}
_ORIGIN_KEYS = {"sw_version": "sw"}


def abbreviate(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a device's discovery payload with the short names; keys that have none stay as they are."""
    short = _shorten(payload, _KEYS)
    short["dev"] = _shorten(payload["device"], _DEVICE_KEYS)
    short["o"] = _shorten(payload["origin"], _ORIGIN_KEYS)
    if "availability" in payload:
        short["avty"] = [_shorten(one, _KEYS) for one in payload["availability"]]
    short["cmps"] = _components(payload["components"])
    if "child_devices" in payload:
        short["cdevs"] = [
            {**_shorten(child, _DEVICE_KEYS | _KEYS), "cmps": _components(child["components"])}
            for child in payload["child_devices"]
        ]
    return short


def _components(components: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    shortened = {component_id: _shorten(component, _KEYS) for component_id, component in components.items()}
    for component in shortened.values():
        if "avty" in component:
            component["avty"] = [_shorten(one, _KEYS) for one in component["avty"]]
    return shortened


def _shorten(mapping: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in mapping.items()}
