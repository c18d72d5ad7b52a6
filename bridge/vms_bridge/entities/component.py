"""What Home Assistant's component takes from the catalogue: its rows as Python, and their icons.

    python -m vms_bridge.entities.component custom_components/vms_bridge

writes both anew; a test compares. The component itself needs nothing of the bridge.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vms_bridge.commands import TargetKind
from vms_bridge.commands.bridge import BRIDGE as BRIDGE_COMMANDS
from vms_bridge.entities import CATALOGUE, Scope, command_of

if TYPE_CHECKING:
    from vms_bridge.entities import Entity

_KINDS = {Scope.SYSTEM: TargetKind.SYSTEM, Scope.STORAGE: TargetKind.SYSTEM, Scope.MONITOR: TargetKind.MONITOR}
_DEFAULTS: dict[str, object] = {
    "name": None,
    "device_class": None,
    "state_class": None,
    "unit": None,
    "display_unit": None,
    "display_divisor": None,
    "category": None,
    "icon": None,
    "options": (),
    "enabled": True,
    "always": False,
    "lasts": False,
    "type": None,
    "source": "state",
    "field": "",
    "part_of": "",
    "attributes": (),
    "command": None,
    "level": None,
    "mode": None,
    "needs": (),
}
"""The fields of a row of the component that have a default, which is left out where a row says just that."""

_HEAD = '''\
"""The entity catalogue: one row describes one entity. GENERATED from the bridge's by `scripts/schemas`: do not edit."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entity: what it is called, and where its value is. Times are texts in UTC, durations seconds, sizes bytes."""

    key: str
    scope: str
    """What it is about: `bridge`, `system`, `storage` (of a system), `monitor`, `zone` (of a monitor)."""
    platform: str
    name: str | None = None
    """None where the device class gives a translated one, empty for the device's own; `{}` is the storage's."""
    device_class: str | None = None
    state_class: str | None = None
    unit: str | None = None
    """The unit of its value."""
    display_unit: str | None = None
    """The unit that people read, of which one is `display_divisor` of the others."""
    display_divisor: float | None = None
    category: str | None = None
    icon: str | None = None
    options: tuple[str, ...] = ()
    """The values that are known; others may come."""
    enabled: bool = True
    always: bool = False
    """It is available as long as the bridge is, even while the VMS can't be asked."""
    lasts: bool = False
    """Its value holds also while the VMS can't be asked."""
    type: str | None = None
    """What its value is in JSON: `boolean`, `integer`, `number`, `string` or `time`; null is unknown beside each."""
    source: str = "state"
    """The message that its value is in: `state`, `last_event`, `event`, `snapshot`, `status`, `health` or `none`."""
    field: str = ""
    part_of: str = ""
    """The object in the message that has the value by the part's key, or a part's object with `field` in it."""
    attributes: tuple[str, ...] = ()
    """The fields of the message that are shown beside the value; `*` for all of them."""
    command: str | None = None
    level: str | None = None
    """The scope that its command takes; None: it has none, or one that only MQTT knows."""
    mode: str | None = None
    """The mode of the monitor that it is about."""
    needs: tuple[str, ...] = ()
    """What the system or monitor must be able to do to have it."""


ROWS: Mapping[str, tuple[Row, ...]] = MappingProxyType(
    {
'''
_TAIL = '''    }
)
"""Every entity that there can be, by scope; a monitor has a select more for each mode that only its own VMS knows."""
'''


def rows() -> dict[str, list[dict[str, Any]]]:
    """Return the rows by scope, each with all fields that the component's have."""
    return {str(scope): [_row(row, scope) for row in of_scope] for scope, of_scope in CATALOGUE.items()}


def module() -> str:
    """Return the component's `catalogue.py`, formatted as it is to be."""
    lines = []
    for scope, of_scope in rows().items():
        lines.append(f"        {_text(scope)}: (\n")
        for row in of_scope:
            lines.append("            Row(\n")
            lines += [f"                {name}={_text(value)},\n" for name, value in row.items() if _is_said(name, value)]
            lines.append("            ),\n")
        lines.append("        ),\n")
    return "".join((_HEAD, *lines, _TAIL))


def with_icons(known: dict[str, Any]) -> dict[str, Any]:
    """Return the content of `icons.json` with the rows' icons in it; what else is there stays."""
    entity: dict[str, dict[str, Any]] = {platform: dict(icons) for platform, icons in known.get("entity", {}).items()}
    for of_scope in rows().values():
        for row in of_scope:
            if row["icon"] is not None:
                entity.setdefault(row["platform"], {}).setdefault(row["key"], {})["default"] = row["icon"]
    ordered = {platform: dict(sorted(entity[platform].items())) for platform in sorted(entity)}
    return {**known, "entity": ordered}


def icons(text: str) -> str:
    """Return `icons.json` anew, from what it says now."""
    return json.dumps(with_icons(json.loads(text)), indent=2, ensure_ascii=False) + "\n"


def _row(row: Entity[Any], scope: Scope) -> dict[str, Any]:
    unit, divisor = row.display_unit or (None, None)
    return {
        "key": row.key,
        "scope": str(scope),
        "platform": str(row.platform),
        "name": row.name,
        "device_class": row.device_class,
        "state_class": row.state_class,
        "unit": row.unit,
        "display_unit": unit,
        "display_divisor": divisor,
        "category": row.category and str(row.category),
        "icon": row.icon,
        "options": tuple(str(option) for option in row.options),
        "enabled": row.enabled,
        "always": row.always,
        "lasts": row.lasts,
        "type": row.json and str(row.json),
        "source": str(row.source),
        "field": row.field,
        "part_of": row.part_of,
        "attributes": row.attributes,
        "command": row.command,
        "level": _level(row, scope),
        "mode": row.mode,
        "needs": tuple(sorted(str(need) for need in row.needs)),
    }


def _level(row: Entity[Any], scope: Scope) -> str | None:
    """Return the scope that the row's command takes; None where the API has no such command."""
    if scope is Scope.BRIDGE:
        return next((str(each.level) for each in BRIDGE_COMMANDS if each.name == row.command), None)
    kind = _KINDS.get(scope)
    command = None if kind is None else command_of(row, kind)
    return None if command is None else str(command.level)


def _is_said(name: str, value: object) -> bool:
    return name not in _DEFAULTS or value != _DEFAULTS[name]


def _text(value: object) -> str:
    """Return the value as Python says it, in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))}{',' * (len(value) == 1)})"
    return repr(value)


if __name__ == "__main__":
    _folder = Path(sys.argv[1])
    (_folder / "catalogue.py").write_text(module(), encoding="utf-8")
    _icons = _folder / "icons.json"
    _icons.write_text(icons(_icons.read_text(encoding="utf-8") if _icons.exists() else "{}"), encoding="utf-8")
