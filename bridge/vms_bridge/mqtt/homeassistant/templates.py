"""The templates by which Home Assistant reads our messages and words its commands.

A rendered `None` means unknown to binary sensors, switches, selects and sensors alike (components/mqtt in 2026.11).
"""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from vms_bridge.entities import JsonType, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.entities import Entity

EVENT_TYPES = ["new", "end", "media"]
"""The steps of an event for which Home Assistant's event entity fires: it has to know them all beforehand."""

# A message that is sent again, as after a kill, must not fire again: `seq` counts up within an `epoch`, and Home Assistant
# keeps an event entity's attributes over its own restart. While the entity is unavailable it has none, so that may depend on
# nothing but the bridge's `online`, which comes before any event.
_EVENT = (
    f"{{% if value_json.type in {EVENT_TYPES} and value_json.kind != 'continuous' and not value_json.late"
    " and (state_attr(entity_id, 'epoch') != value_json.epoch or state_attr(entity_id, 'seq') | int(0) < value_json.seq) %}"
    "{{ dict(value_json | items | rejectattr(0, 'in', ['v', 'type', 'late']), event_type=value_json.type) | tojson }}{% endif %}"
)


NOTIFICATION = "{{ dict(value_json | items | rejectattr(0, 'in', ['v']), event_type='notification') | tojson }}"


@lru_cache(maxsize=4096)
def value_template(row: Entity[Any], *, part: str = "", options: tuple[str, ...] = ()) -> str | None:
    """Return how to read the row's value from its message; `part` is the key of the zone or storage in it."""
    if row.platform is Platform.EVENT:
        return _EVENT
    if not (row.field or row.part_of) or row.platform is Platform.IMAGE:
        return None
    value = f"value_json.{row.field}"
    if row.part_of and row.field:
        value = f"value_json.{row.part_of}.get({_quoted(part)}, {{}}).get({_quoted(row.field)})"
    elif row.part_of:
        value = f"value_json.{row.part_of}.get({_quoted(part)})"
    if row.platform is Platform.SELECT:
        return _select(value, options)
    if row.platform is not Platform.SENSOR:
        return f"{{{{ {value} }}}}"
    if row.options:  # Home Assistant has words of its own for some states, `idle` for one, and refuses what is not an option
        return f"{{{{ {value} | capitalize if {value} in {[str(option) for option in row.options]} else 'None' }}}}"
    return _sensor(row, value)


def command_template(options: tuple[str, ...]) -> str | None:
    """Return how a select words the chosen option, or None where it is sent as it is."""
    reworded = {label: option for option, label in option_labels(options).items() if label != option}
    return _reworded("value", reworded) if reworded else None


@lru_cache(maxsize=4096)
def option_labels(options: tuple[str, ...]) -> Mapping[str, str]:
    """Return each option as Home Assistant can show it: it takes `None` (ZoneMinder has it), in any case, for unknown."""
    labels = {option: option for option in options if option.lower() != "none"}
    taken = set(labels)
    for option in options:
        if option not in labels:
            numbered = (f"({option} {number})" for number in count(2))
            labels[option] = next(label for label in chain(("Off", f"({option})"), numbered) if label not in taken)
            taken.add(labels[option])
    return {option: labels[option] for option in options}


def _select(value: str, options: tuple[str, ...]) -> str:
    reworded = {option: label for option, label in option_labels(options).items() if label != option}
    return _reworded(value, reworded) if reworded else f"{{{{ {value} }}}}"


def _reworded(value: str, words: Mapping[str, str]) -> str:
    """Return a template that says one word for another and all else as it is."""
    (first, said), *others = words.items()
    if not others:
        return f"{{{{ {_quoted(said)} if {value} == {_quoted(first)} else {value} }}}}"
    pairs = ", ".join(f"{_quoted(word)}: {_quoted(other)}" for word, other in words.items())
    return f"{{{{ {{{pairs}}}.get({value}, {value}) }}}}"


def _sensor(row: Entity[Any], value: str) -> str:
    if row.is_count:
        return f"{{{{ {value} | count }}}}"
    if row.display_unit is not None:
        divisor = int(row.display_unit[1])
        return f"{{% set x = {value} %}}{{{{ 'None' if x is none else (x / {divisor}) | round(2) }}}}"
    if row.json is JsonType.STRING:
        return f"{{{{ ({value} or 'None')[:255] }}}}"  # a state holds 255 characters, and an empty one is not taken
    return f"{{{{ {value} }}}}"


def _quoted(text: str) -> str:
    """Return a Jinja string literal: Jinja understands all of JSON's escapes but a pair of surrogates."""
    return json.dumps(text, ensure_ascii=False)
