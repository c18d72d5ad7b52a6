"""Kinds of parts that can be configured: those in this package, and those that other packages offer by entry points."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Generic, TypeVar

from vms_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = TypeVar("Kind")


class Registry(Generic[Kind]):
    """What is called `what`, by name: `built_in` has the module of each of ours, whose `KIND` it is; it wins over others'."""

    def __init__(self, what: str, *, built_in: Mapping[str, str], group: str) -> None:
        self.built_in = built_in
        self._what, self._group = what, group

    def names(self) -> list[str]:
        """Return all names."""
        return sorted(self.built_in.keys() | {point.name for point in entry_points(group=self._group)})

    def load(self, name: str) -> Kind:
        """Import this one, and nothing of the others. Raises ConfigError where there is none, and whatever its import does."""
        if name in self.built_in:
            kind: Kind = import_module(self.built_in[name]).KIND
            return kind
        for point in entry_points(group=self._group):
            if point.name == name:
                offered: Kind = point.load()
                return offered
        raise ConfigError(f"there is no {self._what} named {name!r}", hint=f"there are: {', '.join(self.names())}")
