"""Who asks: a running worker, as services see it, with what they have to let go of when it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.scripts.values import Permissions

_LOGGER = logging.getLogger(__name__)


class RunningAsker:
    """Of one worker; `close` it when that has ended."""

    def __init__(self, name: str, permissions: Permissions) -> None:
        self._name, self._permissions = name, permissions
        self._undoes: dict[object, Callable[[], None]] = {}
        self._is_closed = False

    @property
    def name(self) -> str:
        """The script's name."""
        return self._name

    @property
    def permissions(self) -> Permissions:
        """What it may do."""
        return self._permissions

    @property
    def is_closed(self) -> bool:
        """Whether its worker has ended, or is being ended at once."""
        return self._is_closed

    def at_end(self, undo: Callable[[], None]) -> Callable[[], None]:
        """Have this called when the worker ends, or now if it has ended; what is returned takes that back."""
        key = object()
        if self._is_closed:
            self._undo(undo)
        else:
            self._undoes[key] = undo

        def take_back() -> None:
            self._undoes.pop(key, None)

        return take_back

    def close(self) -> None:
        """Let go of all that services hold for it, what it got last first; one that fails holds up no other."""
        self._is_closed = True
        while self._undoes:
            _, undo = self._undoes.popitem()
            self._undo(undo)

    def _undo(self, undo: Callable[[], None]) -> None:
        try:
            undo()
        except Exception:
            _LOGGER.exception("what the script %s held was not let go of", self._name)
