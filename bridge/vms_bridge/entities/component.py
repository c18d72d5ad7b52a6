"""What Home Assistant's component takes from the catalogue: its rows as Python, and their icons.

    python -m vms_bridge.entities.component custom_components/vms_bridge

writes both anew; a test compares. The component itself needs nothing of the bridge.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from vms_bridge.commands import TargetKind
from vms_bridge.commands.bridge import BRIDGE as BRIDGE_COMMANDS
from vms_bridge.entities import CATALOGUE, Scope, command_of

if TYPE_CHECKING:
    from vms_bridge.entities import Entity

_KINDS = dict.fromkeys((Scope.SYSTEM, Scope.STORAGE, Scope.SERVER), TargetKind.SYSTEM) | {Scope.MONITOR: TargetKind.MONITOR}
DEFAULTS: dict[str, object] = {
    "name": None,
    "device_class": None,
    "state_class": None,
    "unit": None,
    "display_unit": None,
    "display_divisor": None,
    "category": None,
    "icon": None,
    "options": (),
    "bounds": (),
    "enabled": True,
    "always": False,
    "lasts": False,
    "type": None,
    "source": "state",
    "field": "",
    "part_of": "",
    "attributes": (),
    "command": None,
    "press": None,
    "level": None,
    "mode": None,
    "needs": (),
}
"""The defaults of the component's `row.Row`, which are left out where a row says just that; a test compares."""

_HEAD = '''\
"""The entity catalogue: one row describes one entity. GENERATED from the bridge's by `scripts/schemas`: do not edit."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from .row import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

# fmt: off
ROWS: Mapping[str, tuple[Row, ...]] = MappingProxyType(
    {
'''
_TAIL = '''    }
)
"""Every entity that there can be, by scope; a monitor has a select more for each mode that only its own VMS knows."""
# fmt: on
'''
_WIDTH = 130
_SPACE = "\0"
"""Stands for a space within a value, where no line may end."""


def rows() -> dict[str, list[dict[str, Any]]]:
    """Return the rows by scope, each with all fields that the component's have."""
    return {str(scope): [_row(row, scope) for row in of_scope] for scope, of_scope in CATALOGUE.items()}


def module() -> str:
    """Return the component's `catalogue.py`, formatted as it is to be."""
    lines = []
    for scope, of_scope in rows().items():
        lines.append(f"        {_text(scope)}: (\n")
        for row in of_scope:
            said = [f"{name}={_text(value)}" for name, value in row.items() if _is_said(name, value)]
            lines.append(_wrapped(f"Row({', '.join(each.replace(' ', _SPACE) for each in said)}),"))
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
        "bounds": row.bounds or (),
        "enabled": row.enabled,
        "always": row.always,
        "lasts": row.lasts,
        "type": row.json and str(row.json),
        "source": str(row.source),
        "field": row.field,
        "part_of": row.part_of,
        "attributes": row.attributes,
        "command": row.command,
        "press": row.press,
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


def _wrapped(row: str) -> str:
    """Return the row on as many lines as it takes, none of which ends within a value."""
    lines = fill(row, _WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 16, break_on_hyphens=False, break_long_words=False)
    return lines.replace(_SPACE, " ") + "\n"


def _is_said(name: str, value: object) -> bool:
    return name not in DEFAULTS or value != DEFAULTS[name]


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
