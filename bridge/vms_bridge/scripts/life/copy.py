"""What a worker knows of its script's settings and state, kept true: what others change is told to it, once it is ready.

Until then it is kept here, by what it is about: what has changed since the worker was given its copy would be lost else, and a
worker that is about to take another one's place is to know what that one has kept meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vms_bridge.scripts.life.asker import RunningAsker

_GONE = object()
_MOST_KEYS = 500
"""How many keys are told at a time to be gone: what is told has a bound."""


class Copy:
    """Of one worker, by whose asker it is known whose changes are its own."""

    def __init__(self, asker: RunningAsker) -> None:
        self.asker = asker
        self._tell: Callable[[Mapping[str, Any]], None] | None = None
        self._settings: Mapping[str, Any] | None = None
        self._state: dict[str, Any] = {}

    def open(self, tell: Callable[[Mapping[str, Any]], None]) -> None:
        """Have it told what has changed since, and from now on at once."""
        self._tell = tell
        if self._settings is not None:
            tell({"settings": self._settings})
        self._settings, state, self._state = None, self._state, {}
        self._say(tell, state)

    def settings(self, settings: Mapping[str, Any]) -> None:
        """Have it know that these are its settings."""
        if self._tell is None:
            self._settings = settings
        else:
            self._tell({"settings": settings})

    def changed(self, asker: object, values: Mapping[str, Any], absent: Iterable[str] = ()) -> None:
        """Have it know what somebody has changed of the state: who it is itself knows that, and better than what came before."""
        changes = {**values, **dict.fromkeys(absent, _GONE)}
        if asker is self.asker:
            for key in changes:
                self._state.pop(key, None)
        elif self._tell is None:
            self._state |= changes
        else:
            self._say(self._tell, changes)

    def _say(self, tell: Callable[[Mapping[str, Any]], None], changes: Mapping[str, Any]) -> None:
        gone = [key for key, value in changes.items() if value is _GONE]
        for first in range(0, len(gone), _MOST_KEYS):
            tell({"state": {}, "absent": gone[first : first + _MOST_KEYS]})
        for key, value in changes.items():
            if value is not _GONE:
                tell({"state": {key: value}, "absent": []})
