"""What was remarkable about a ZoneMinder's answers that could be used all the same: each kind is reported once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vms_bridge.zoneminder.answers import Remark

_LOG = logging.getLogger(__name__)


class Remarks:
    """Collects remarks; with a `name`, as long as the system is configured, it logs each kind of them once."""

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._found: dict[str, tuple[str, Remark]] = {}

    def __iter__(self) -> Iterator[tuple[str, Remark]]:
        return iter(self._found.values())

    def note(self, path: str, remarks: Iterable[Remark]) -> None:
        """Note what was remarkable about an answer of `api/<path>`."""
        for remark in remarks:
            if remark.kind in self._found:
                continue
            self._found[remark.kind] = path, remark
            if self._name is not None:
                hint = f"{remark.hint[0].upper()}{remark.hint[1:]}"
                _LOG.warning("%s: api/%s is used, but %s. %s", self._name, path, remark.text, hint)
