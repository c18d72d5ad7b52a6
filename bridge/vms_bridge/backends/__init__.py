"""The kinds of system that there are: those in this package, and those that other packages offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.registry import Registry

if TYPE_CHECKING:
    from vms_bridge.backends.base import BackendKind

KINDS: Registry[BackendKind] = Registry(
    "kind of system",
    built_in={
        "simulator": "vms_bridge.backends.simulator",
        "vxg": "vms_bridge.backends.vxg",
        "zoneminder": "vms_bridge.backends.zoneminder",
    },
    group="vms_bridge.backends",
)
"""By the name that `type:` has in the configuration."""
kind_names = KINDS.names
load_kind = KINDS.load
