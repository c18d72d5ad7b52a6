"""Workers that ask, for tests of what scripts wait for: they end when a test says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Callable


class Worker:
    """Implements `services.table.Asker`."""

    def __init__(self, name: str = "gate", permissions: Permissions | None = None) -> None:
        self._name, self._permissions = name, permissions or Permissions(listen=("home/#",), webhooks=("gate",))
        self._undo: dict[int, Callable[[], None]] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def permissions(self) -> Permissions:
        return self._permissions

    def at_end(self, undo: Callable[[], None]) -> Callable[[], None]:
        number = id(undo)
        self._undo[number] = undo

        def take_back() -> None:
            self._undo.pop(number, None)

        return take_back

    @property
    def holds(self) -> int:
        return len(self._undo)

    def end(self) -> None:
        for undo in list(self._undo.values()):
            undo()
