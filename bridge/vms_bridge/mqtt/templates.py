"""The templates by which Home Assistant reads our messages and words its commands.

A rendered `None` means unknown to binary sensors, switches, selects and sensors alike (components/mqtt in 2026.11).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from vms_bridge.entities import Platform

if TYPE_CHECKING:
    from collections.abc import Collection

    from vms_bridge.entities import Entity

EVENT_TYPES = ["new", "end", "media"]

# A message that is sent again, as after a kill, must not fire again: `seq` counts up within an `epoch`, and Home Assistant
# keeps an event entity's attributes over its own restart. While the entity is unavailable it has none, so that may depend on
# nothing but the bridge's `online`, which comes before any event.
_EVENT = (
    "{% if value_json.type in ['new', 'end', 'media'] and value_json.kind != 'continuous' and not value_json.late"
    " and (state_attr(entity_id, 'epoch') != value_json.epoch or state_attr(entity_id, 'seq') | int(0) < value_json.seq) %}"
    "{{ dict(value_json | items | rejectattr(0, 'in', ['v', 'type', 'late']), event_type=value_json.type) | tojson }}{% endif %}"
)


@lru_cache(maxsize=4096)
def value_template(row: Entity[Any], *, part: str = "", options: tuple[str, ...] = ()) -> str | None:
    """Return how to read the row's value from its message; `part` is the key of the zone or storage in it."""
    if row.platform is Platform.EVENT:
        return _EVENT
    if not row.field:
        return None
    value = f"value_json.{row.field}"
    if row.key == "occupancy":
        value = f"value_json.zones.get({_quoted(part)})"
    elif part:
        value = f"value_json.storage.get({_quoted(part)}, {{}}).get({_quoted(row.field)})"
    if row.platform is Platform.SELECT:
        return _select(value, options)
    if row.platform is not Platform.SENSOR or row.options:
        return f"{{{{ {value} }}}}"
    return _sensor(row, value)


def command_template(options: Collection[str]) -> str | None:
    """Return how a select words the chosen option, or None where it is sent as it is."""
    for option in options:
        if (label := option_label(option, options)) != option:
            return f"{{{{ {_quoted(option)} if value == {_quoted(label)} else value }}}}"
    return None


def option_label(option: str, options: Collection[str]) -> str:
    """Return the option as Home Assistant can show it: it takes a select's `None` (ZoneMinder has it) for unknown."""
    if option.lower() != "none":
        return option
    return "Off" if "Off" not in options else f"({option})"


def _select(value: str, options: Collection[str]) -> str:
    for option in options:
        if (label := option_label(option, options)) != option:
            return f"{{{{ {_quoted(label)} if {value} == {_quoted(option)} else {value} }}}}"
    return f"{{{{ {value} }}}}"


def _sensor(row: Entity[Any], value: str) -> str:
    if row.key == "systems":
        return f"{{{{ {value} | count }}}}"
    if row.display_unit is not None:
        divisor = int(row.display_unit[1])
        return f"{{% set x = {value} %}}{{{{ 'None' if x is none else (x / {divisor}) | round(2) }}}}"
    if row.unit is None and row.device_class is None and row.state_class is None:
        return f"{{{{ ({value} or 'None')[:255] }}}}"  # a state holds 255 characters, and an empty one is not taken
    return f"{{{{ {value} }}}}"


def _quoted(text: str) -> str:
    """Return a Jinja string literal: Jinja understands all of JSON's escapes but a pair of surrogates."""
    return json.dumps(text, ensure_ascii=False)
