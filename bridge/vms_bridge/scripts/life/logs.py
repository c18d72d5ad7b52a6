"""The log of a script: what it says line by line, in memory for who asks, handed on to who follows, and to its file.

Whatever a script says is one entry: line breaks in it never begin another one, control characters are shown and not sent, and
secrets of the bridge are struck out. A flood is cut off and counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.buckets import Buckets
from vms_bridge.logs import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from vms_bridge.clock import Clock

LEVELS = ("debug", "info", "warning", "error")
RATE, BURST = 50.0, 200.0
"""How many entries a script may write in a second, and at once."""
MOST_LETTERS, MOST_LINES = 8 * 1024, 200
"""Of one entry."""
MOST_KEPT, MOST_KEPT_LETTERS = 1_000, 256 * 1024
"""How much of each log is in memory."""
MOST_BEHIND = 500
"""How far who follows a log may be behind before entries are left out for it."""
_CUT = " ... (cut)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """Something that a script, or the bridge about it, has said; `number` counts within the log, `line` is the source's."""

    number: int
    time: datetime
    level: str
    text: str
    line: int | None = None


class Following:
    """Somebody's place in a log; `close` it."""

    def __init__(self, end: Callable[[Following], None]) -> None:
        self._end = end
        self._entries: deque[LogEntry] = deque(maxlen=MOST_BEHIND)
        self._news = asyncio.Event()

    async def next(self) -> Sequence[LogEntry]:
        """Wait for what is new, and return it; gaps in the numbers are what it was too slow for."""
        await self._news.wait()
        self._news.clear()
        entries = tuple(self._entries)
        self._entries.clear()
        return entries

    def put(self, entry: LogEntry) -> None:
        """Have it told."""
        self._entries.append(entry)
        self._news.set()

    def close(self) -> None:
        """Follow no more."""
        self._end(self)


class ScriptLog:
    """Of one script; `keep` has its entries written to a file, as soon as that can be done."""

    def __init__(self, name: str, clock: Clock, keep: Callable[[str, LogEntry], None]) -> None:
        self._name, self._clock, self._keep = name, clock, keep
        self._bucket = Buckets(clock, rate=RATE, burst=BURST)
        self._entries: deque[LogEntry] = deque()
        self._letters = 0
        self._number = 0
        self._flooded = 0
        self._followers: dict[Following, None] = {}
        self.dropped = 0
        """How many entries were cut off, since the bridge has started."""

    def logged(self, level: str, text: str, line: int | None = None) -> None:
        """Write what the script says, if it does not say too much."""
        if self._bucket.take(self._name):
            self._flooded += 1
            self.dropped += 1
            return
        self._end_of_flood()
        self._write(level, text, line)

    def note(self, level: str, text: str, line: int | None = None) -> None:
        """Write what the bridge says about it, whatever the script has said."""
        self._end_of_flood()
        self._write(level, text, line)

    def tail(self, limit: int, *, least: str = "debug") -> Sequence[LogEntry]:
        """Return the newest entries of this level and above, the oldest of them first."""
        levels = LEVELS[LEVELS.index(least) :]
        found = [entry for entry in reversed(self._entries) if entry.level in levels][:limit]
        return tuple(reversed(found))

    def follow(self) -> Following:
        """Begin to hear of what is new."""
        following = Following(self._unfollow)
        self._followers[following] = None
        return following

    def _unfollow(self, following: Following) -> None:
        self._followers.pop(following, None)

    def _end_of_flood(self) -> None:
        if self._flooded:
            flooded, self._flooded = self._flooded, 0
            self._write("warning", f"{flooded} lines were left out: at most {RATE:.0f} a second are kept", None)

    def _write(self, level: str, text: str, line: int | None) -> None:
        self._number += 1
        entry = LogEntry(number=self._number, time=self._clock.now(), level=level, text=clean(text), line=line)
        self._entries.append(entry)
        self._letters += len(entry.text)
        while len(self._entries) > MOST_KEPT or self._letters > MOST_KEPT_LETTERS:
            self._letters -= len(self._entries.popleft().text)
        self._keep(self._name, entry)
        for following in self._followers:
            following.put(entry)


def clean(text: str) -> str:
    """Return a text of a script's as it can be shown: without secrets, bounded, and of control characters line breaks only."""
    cut = text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + _CUT
    lines = cut.rstrip().splitlines()
    left_out = len(lines) - MOST_LINES
    if left_out > 0:  # of a traceback the end is what counts
        half = MOST_LINES // 2
        lines = [*lines[:half], f"... ({left_out} lines left out)", *lines[-half:]]
    return "\n".join(plain(line) for line in lines)


def as_text(entry: LogEntry) -> str:
    """Return an entry for people: what does not begin with a time belongs to the line before it."""
    first, *more = entry.text.split("\n")
    where = "" if entry.line is None else f"line {entry.line}: "
    time = entry.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "\n".join([f"{time} {entry.level:7} {where}{first}", *(f"    | {line}" for line in more)]) + "\n"
