"""How far the events have been looked at, kept over restarts: nothing is looked at twice, and nothing under way is left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vms_bridge.history import Cursor

if TYPE_CHECKING:
    from vms_bridge.model import EventRef

MOST_DONE = 500
"""How many events are remembered as done: those that a cursor set back for others under way would bring again."""


class Progress:
    """The place in the history from which to go on, and which events behind it are done already."""

    def __init__(self, kept: str | None = None) -> None:
        self.after, self._done = _parsed(kept)
        """The cursor of the message that was heard last; None: of none yet."""
        self._saved = kept
        self._begun: dict[str, Cursor | None] = {}
        """The events that are under way, each with the cursor before its first message, the oldest first."""

    def heard(self, cursor: Cursor) -> None:
        """Note that all up to this message was heard."""
        self.after = cursor

    def begin(self, event: EventRef, before: Cursor | None) -> None:
        """Note that an event is looked at from the message on that follows this cursor."""
        self._begun.setdefault(event.format(), before)

    def is_done(self, event: EventRef) -> bool:
        """Say whether it was looked at already, to its end."""
        return event.format() in self._done

    def finish(self, event: EventRef) -> None:
        """Note that nothing more is looked at of it."""
        name = event.format()
        self._begun.pop(name, None)
        self._done.pop(name, None)
        self._done[name] = None
        while len(self._done) > MOST_DONE:
            del self._done[next(iter(self._done))]

    def let_go(self, event: EventRef) -> None:
        """Note that it is still under way, and so old that a restart need not take it up again."""
        self._begun.pop(event.format(), None)

    def is_changed(self) -> bool:
        """Say whether it is another one than when this was asked last."""
        before, self._saved = self._saved, str(self)
        return before != self._saved

    def __str__(self) -> str:
        cursor = next(iter(self._begun.values()), self.after)
        return json.dumps({"cursor": None if cursor is None else str(cursor), "done": list(self._done)})


def _parsed(kept: str | None) -> tuple[Cursor | None, dict[str, None]]:
    """Return what `str` has made this text of; nothing of any other text."""
    try:
        said = json.loads(kept or "{}")
        cursor, done = said.get("cursor"), said.get("done", [])
        return None if cursor is None else Cursor.parse(cursor), dict.fromkeys(str(each) for each in done[-MOST_DONE:])
    except (ValueError, TypeError, AttributeError, KeyError):  # from 3.12 on an object takes a slice for a key
        return None, {}
