"""Events that were stored while a script did not run: told to who asks for them (`late=True`) before those of now, each once."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from vms_bridge.history import Cursor, GapReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.triggers.dispatch import Dispatcher, Joined
    from vms_bridge.views import HubView, StoredMessage

_LOGGER = logging.getLogger(__name__)
_AFTER, _SCRIPTS = "after", "late"
"""As what it is kept how far all were told, and who they were."""
_PAGE = 100
AWAITED_S = 600.0
"""So long after its own start the bridge waits for a script that ran before: what it has missed is not told later."""


class Missed:
    """Knows who has missed what. All that were told of events when the bridge stopped were told up to the same place.

    `tell` is called with one of those who have missed something, and a message.
    """

    def __init__(
        self, hub: HubView, clock: Clock, dispatcher: Dispatcher, sink: str, tell: Callable[[Joined, StoredMessage], None]
    ) -> None:
        self._hub, self._clock, self._dispatcher, self._sink, self._tell = hub, clock, dispatcher, sink, tell
        self._from: Cursor | None = None
        self._awaited: set[str] = set()
        self._until = 0.0
        self._behind: dict[Joined, Cursor] = {}
        self._kept: dict[str, str | None] = {}

    @property
    def is_anybody_behind(self) -> bool:
        """Whether there is something to `catch_up` with."""
        return bool(self._behind)

    async def begin(self) -> None:
        """Read what the bridge has kept before."""
        after, scripts = [await self._hub.kept(self._sink, key) for key in (_AFTER, _SCRIPTS)]
        self._kept = {_AFTER: after, _SCRIPTS: scripts}
        self._from = _cursor(after)
        self._awaited = set() if self._from is None else _names(scripts)
        self._until = self._clock.monotonic() + AWAITED_S
        self.look()

    def look(self) -> None:
        """See who is there: whoever has missed something hears of no event of now before it has heard of those."""
        if self._clock.monotonic() > self._until:
            self._awaited.clear()
        there = self._dispatcher.scripts
        for joined in there:
            if joined.script in self._awaited and self._from is not None:
                self._awaited.discard(joined.script)
                if joined.triggers.is_for_missed:
                    self._behind[joined] = self._from
                    joined.is_behind = True
        for joined in [one for one in self._behind if one not in there]:
            self._leave(joined)

    async def catch_up(self, until: Cursor) -> None:
        """Tell each who is behind of some more of what it has missed, up to this place. Raises StoreError."""
        for joined, after in list(self._behind.items()):
            page = await self._hub.history(after, _PAGE)
            if page.gap is not None:
                _LOGGER.warning("the script %s is not told of events between %s and %s", joined.script, after, page.gap.goes_on)
            is_unknown = page.gap is not None and page.gap.reason is GapReason.UNKNOWN
            found = [] if is_unknown else [each for each in page.messages if each[1].position <= until.position]
            for cursor, message in found:
                if joined not in self._behind:
                    break  # it has left
                self._behind[joined] = cursor
                self._tell(joined, message)
            if len(found) < _PAGE:
                self._behind.pop(joined, None)
                joined.is_behind = False

    async def keep(self, live: Cursor | None) -> None:
        """Keep who was told up to where, beyond restarts; `live` is how far those are told who are not behind."""
        self.look()
        behind = [*self._behind.values(), *([self._from] if self._awaited and self._from is not None else [])]
        after = min(behind, key=lambda cursor: cursor.position, default=live)
        scripts = {joined.script for joined in self._dispatcher.scripts if joined.triggers.is_for_missed} | self._awaited
        said = {_SCRIPTS: json.dumps(sorted(scripts)) if scripts else None, _AFTER: None if after is None else str(after)}
        for key, value in said.items():
            if self._kept.get(key) != value:
                self._kept[key] = value
                await self._hub.keep(self._sink, key, value)

    def _leave(self, joined: Joined) -> None:
        """Have another version of a script go on where this one was."""
        after = self._behind.pop(joined)
        heir = next((one for one in self._dispatcher.scripts if one.script == joined.script), None)
        if heir is not None and heir.triggers.is_for_missed and heir not in self._behind:
            self._behind[heir] = after
            heir.is_behind = True


def _cursor(kept: str | None) -> Cursor | None:
    try:
        return None if kept is None else Cursor.parse(kept)
    except ValueError:
        return None


def _names(kept: str | None) -> set[str]:
    try:
        names = json.loads(kept or "[]")
    except ValueError:
        return set()
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
