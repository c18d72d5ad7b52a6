"""Who wants to hear of what: a change costs as much as it has listeners, however many cameras there are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from homeassistant.core import callback

from .const import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from homeassistant.core import CALLBACK_TYPE

    from .models import JsonObject, Target

type Heard = Callable[[], None]
type EventHeard = Callable[[JsonObject, bool], None]


class Ears:
    """The listeners to one bridge. A defect in one of them ends in the log, and the others hear all the same."""

    def __init__(self) -> None:
        self._targets: dict[Target, list[Heard]] = {}
        self._events: dict[tuple[str, str], list[EventHeard]] = {}
        self._shapes: list[Heard] = []

    @callback
    def listen(self, target: Target, heard: Heard) -> CALLBACK_TYPE:
        """Call when something of this target has changed."""
        return _add(self._targets, target, heard)

    @callback
    def listen_events(self, monitor: tuple[str, str], heard: EventHeard) -> CALLBACK_TYPE:
        """Call with each event message of the monitor."""
        return _add(self._events, monitor, heard)

    @callback
    def listen_shapes(self, heard: Heard) -> CALLBACK_TYPE:
        """Call when there is something else than before."""
        self._shapes.append(heard)
        return partial(_drop, self._shapes, heard)

    @callback
    def tell(self, target: Target) -> None:
        """Tell those that listen to this target."""
        for heard in tuple(self._targets.get(target, ())):
            _call(heard)

    @callback
    def tell_all(self) -> None:
        """Tell those that listen to any target."""
        for target in tuple(self._targets):
            self.tell(target)

    @callback
    def tell_system(self, system: str | None) -> None:
        """Tell those that listen to this system, or to one of its monitors."""
        for target in tuple(self._targets):
            if target.system == system:
                self.tell(target)

    @callback
    def tell_shapes(self) -> None:
        """Tell those that make entities."""
        for heard in tuple(self._shapes):
            _call(heard)

    @callback
    def tell_event(self, monitor: tuple[str, str], message: JsonObject, is_old: bool) -> None:  # noqa: FBT001
        """Tell those that listen to the monitor's events."""
        for heard in tuple(self._events.get(monitor, ())):
            _call(partial(heard, message, is_old))


def _add[Key: Hashable, Each](listeners: dict[Key, list[Each]], key: Key, heard: Each) -> CALLBACK_TYPE:
    listeners.setdefault(key, []).append(heard)

    @callback
    def drop() -> None:
        those = listeners.get(key, [])
        _drop(those, heard)
        if not those:
            listeners.pop(key, None)

    return drop


@callback
def _drop[Each](listeners: list[Each], heard: Each) -> None:
    if heard in listeners:
        listeners.remove(heard)


def _call(heard: Heard) -> None:
    try:
        heard()
    except Exception:  # noqa: BLE001  # a defect of one listener's is not the others'
        LOGGER.exception("An entity could not take up what has changed")
