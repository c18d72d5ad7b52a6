"""Whether it is believed that much of a list is gone: only when a second read does not find it either."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.parse import as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vms_bridge.backends.base import Feed
    from vms_bridge.clock import Clock

_LOG = logging.getLogger(__name__)
RECHECK_S = 4.0
_MANY = 4
_NAMED = 10
_KEY = "lists"
_LONGEST = 60_000
_LONGEST_NAME = 64


def is_suspicious(known: Collection[str], found: Collection[str]) -> bool:
    """Say whether so much is missing that a list is rather wrong than new: all of it, or more than half of four or more."""
    lost = sum(each not in found for each in known)
    return bool(lost) and (lost == len(known) or (len(known) >= _MANY and lost > len(known) / 2))


class Absence:
    """What the lists of one configured system had in them, whichever connection read them, over restarts too."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name, self._clock = name, clock
        self._known: dict[str, dict[str, str]] = {}
        """By list, what was believed last: names by id."""
        self._since: dict[str, float] = {}
        """By list, when much of it was first missing."""
        self._feed: Feed | None = None
        self._written: str | None = None

    async def recall(self, feed: Feed) -> None:
        """Take up what was kept by an earlier run."""
        is_first, self._feed = self._feed is None, feed
        if not is_first:
            return
        self._written = await feed.kept(_KEY)
        try:
            kept = mapping(json.loads(self._written or "{}"))
        except ValueError:
            kept = {}
        self._known = {kind: {number: as_text(name) for number, name in mapping(named).items()} for kind, named in kept.items()}

    def known(self, kind: str) -> Collection[str]:
        """Return the ids that this list had."""
        return self._known.get(kind, {}).keys()

    def wait_s(self, kind: str) -> float | None:
        """Return in how many seconds the second read of this list is due; None where none is."""
        since = self._since.get(kind)
        return None if since is None else max(since + RECHECK_S - self._clock.monotonic(), 0.0)

    async def believes(self, kind: str, found: Mapping[str, str]) -> bool:
        """Say whether this is what the list has now (names by id); if it is not believed, read it once more."""
        known = self._known.get(kind, {})
        if is_suspicious(known, found):
            wait_s = self.wait_s(kind)
            if wait_s is None:
                self._since[kind] = self._clock.monotonic()
                _LOG.info("%s: api/%s lists %d of %d; it is read again", self._name, kind, len(found), len(known))
                return False
            if wait_s > 0:
                return False
            gone = [f"{name} ({number})" if name else number for number, name in known.items() if number not in found]
            named = ", ".join(gone[:_NAMED]) + (f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else "")
            _LOG.warning(
                "%s: api/%s has lost %d of %d, in two reads; gone are %s", self._name, kind, len(gone), len(known), named
            )
        self._since.pop(kind, None)
        if found != known:
            self._known[kind] = {number: name[:_LONGEST_NAME] for number, name in found.items()}
            await self._keep()
        return True

    async def _keep(self) -> None:
        for names_too in (True, False):
            known = self._known.items()
            kept = {kind: {n: name if names_too else "" for n, name in named.items()} for kind, named in known if named}
            text = json.dumps(kept, separators=(",", ":"))
            if len(text) <= _LONGEST:
                break
        else:
            return
        if text != self._written and self._feed is not None:
            self._written = text
            await self._feed.keep(_KEY, text)
