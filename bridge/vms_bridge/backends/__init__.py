"""The kinds of system that there are: those in this package, and those that other packages offer."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from vms_bridge.errors import ConfigError

if TYPE_CHECKING:
    from vms_bridge.backends.base import BackendKind

ENTRY_POINT_GROUP = "vms_bridge.backends"
_BUILT_IN = {
    "simulator": "vms_bridge.backends.simulator",
    "zoneminder": "vms_bridge.backends.zoneminder",
}


def kind_names() -> list[str]:
    """Return the names that `type:` can have in the configuration."""
    return sorted(_BUILT_IN.keys() | {point.name for point in entry_points(group=ENTRY_POINT_GROUP)})


def load_kind(name: str) -> BackendKind:
    """Import one kind of system, and nothing of the others. Raises ConfigError where there is none of that name."""
    if name in _BUILT_IN:
        kind: BackendKind = import_module(_BUILT_IN[name]).KIND
        return kind
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name == name:
            offered: BackendKind = point.load()
            return offered
    raise ConfigError(f"there is no kind of system named {name!r}", hint=f"type: is one of {', '.join(kind_names())}")
