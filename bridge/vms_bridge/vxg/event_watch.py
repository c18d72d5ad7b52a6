"""Events as they come: each told once, those that are listed late too, and again when their picture or their tags come.

Nothing of VXG's says what is new. So what is listed from a while before the newest one is read each time, and compared.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
    from datetime import datetime

    from vms_bridge.vxg.values import EventRow

LATE_S = 60.0
"""So much later than its time an event, its picture or its tags may be listed."""
REMEMBERED_S = 600.0
MOST_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EventChanges:
    """What has come since the last look, each in the order of its time."""

    new: tuple[EventRow, ...] = ()
    changed: tuple[EventRow, ...] = ()
    """Told before, and with a picture, tags or a file now."""
    is_all: bool = True
    """Whether that is all there is by now; else there is more at once."""


class EventWatch:
    """Follows events; `mark` is where another one goes on after a restart.

    It begins a minute before its beginning, for what is listed late. So some are told again then: their ids are the same.
    """

    def __init__(
        self,
        read: Callable[[datetime], AsyncIterator[EventRow]],
        now: Callable[[], Awaitable[datetime]],
        since: datetime,
        *,
        late_s: float = LATE_S,
    ) -> None:
        self._read, self._now, self._late_s = read, now, late_s
        self.mark = since
        self._told: dict[int, tuple[datetime, object]] = {}

    async def poll(self) -> EventChanges:
        """Look once. Raises VmsError: then nothing is taken for told."""
        async with aclosing(self.batches(MOST_AT_ONCE)) as batches:
            return await anext(batches)

    async def batches(self, most: int) -> AsyncGenerator[EventChanges, None]:
        """Look once, and yield what has come while more of it is read, so many rows at a time, or none at last. Raises VmsError.

        What is yielded is taken for told.
        """
        now = await self._now()
        self.mark = min(self.mark, now)  # VXG's clock was set back: what comes now must not be taken for old
        new: list[EventRow] = []
        changed: list[EventRow] = []
        async for row in self._read(self.mark - timedelta(seconds=self._late_s)):
            known = self._told.get(row.id)
            if known is not None and known[1] == _state(row):
                continue
            if len(new) + len(changed) >= most:
                self._note([*new, *changed], now)
                yield EventChanges(new=tuple(new), changed=tuple(changed), is_all=False)
                new, changed = [], []
            (new if known is None else changed).append(row)
        self._note([*new, *changed], now)
        yield EventChanges(new=tuple(new), changed=tuple(changed))

    def _note(self, rows: list[EventRow], now: datetime) -> None:
        for row in rows:
            self._told[row.id] = (row.time, _state(row))
            # A camera whose clock is ahead must not have those of others be taken for old.
            self.mark = max(self.mark, min(row.time, now))
        oldest = self.mark - timedelta(seconds=max(REMEMBERED_S, self._late_s))
        if len(self._told) > MOST_AT_ONCE:
            self._told = {number: told for number, told in self._told.items() if told[0] >= oldest}


def _state(row: EventRow) -> object:
    """Return what makes an event another one; addresses are signed anew each time, and do not."""
    thumb = None if row.thumb is None else (row.thumb.time, row.thumb.width, row.thumb.height)
    return row.name, row.thumb is not None, thumb, row.file_url is not None, tuple(sorted(row.meta.items()))
