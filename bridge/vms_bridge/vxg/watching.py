"""Rows as they come: each told once, those that are listed late too, and again when they have changed.

Nothing of VXG's says what is new. So what is listed from a while before the newest one is read each time, and compared.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from vms_bridge.vxg.values import EventRow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
    from datetime import datetime

    from vms_bridge.vxg.values import Document

_Row = TypeVar("_Row")
LATE_S = 60.0
"""So much later than its time a row, or what comes to it, may be listed."""
REMEMBERED_S = 600.0
MOST_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Generic[_Row]):
    """What has come since the last look, each in the order of its time."""

    new: tuple[_Row, ...] = ()
    changed: tuple[_Row, ...] = ()
    """Told before, and with more or something else in it now."""
    is_all: bool = True
    """Whether that is all there is by now; else there is more at once."""


EventChanges: TypeAlias = Changes[EventRow]


@dataclass(frozen=True, slots=True)
class Noted:
    """What is remembered of a row: its name, its time, and what makes it another one."""

    id: Hashable
    time: datetime
    state: object


class Watch(Generic[_Row]):
    """Follows rows; `mark` is where another one goes on after a restart.

    It begins a minute before its beginning, for what is listed late. So some are told again then: their ids are the same.
    """

    def __init__(
        self,
        read: Callable[[datetime], AsyncIterator[_Row]],
        now: Callable[[], Awaitable[datetime]],
        since: datetime,
        noted: Callable[[_Row], Noted],
        *,
        late_s: float = LATE_S,
    ) -> None:
        self._read, self._now, self._noted, self._late_s = read, now, noted, late_s
        self.mark = since
        self._told: dict[Hashable, Noted] = {}

    async def poll(self) -> Changes[_Row]:
        """Look once. Raises VmsError: then nothing is taken for told."""
        async with aclosing(self.batches(MOST_AT_ONCE)) as batches:
            return await anext(batches)

    async def batches(self, most: int) -> AsyncGenerator[Changes[_Row], None]:
        """Look once, and yield what has come while more of it is read, so many rows at a time, or none at last. Raises VmsError.

        What is yielded is taken for told.
        """
        now = await self._now()
        self.mark = min(self.mark, now)  # VXG's clock was set back: what comes now must not be taken for old
        new: list[_Row] = []
        changed: list[_Row] = []
        async for row in self._read(self.mark - timedelta(seconds=self._late_s)):
            noted = self._noted(row)
            known = self._told.get(noted.id)
            if known is not None and known.state == noted.state:
                continue
            if len(new) + len(changed) >= most:
                self._note([*new, *changed], now)
                yield Changes(new=tuple(new), changed=tuple(changed), is_all=False)
                new, changed = [], []
            (new if known is None else changed).append(row)
        self._note([*new, *changed], now)
        yield Changes(new=tuple(new), changed=tuple(changed))

    def _note(self, rows: list[_Row], now: datetime) -> None:
        for noted in map(self._noted, rows):
            self._told[noted.id] = noted
            # A camera whose clock is ahead must not have those of others be taken for old.
            self.mark = max(self.mark, min(noted.time, now))
        oldest = self.mark - timedelta(seconds=max(REMEMBERED_S, self._late_s))
        if len(self._told) > MOST_AT_ONCE:
            self._told = {name: noted for name, noted in self._told.items() if noted.time >= oldest}


class EventWatch:
    """Follows events: each is told again when its picture, its tags or its file come."""

    def __init__(
        self,
        read: Callable[[datetime], AsyncIterator[EventRow]],
        now: Callable[[], Awaitable[datetime]],
        since: datetime,
        *,
        late_s: float = LATE_S,
    ) -> None:
        self._watch = Watch(read, now, since, _of_event, late_s=late_s)

    @property
    def mark(self) -> datetime:
        """Where another one goes on after a restart; what lies up to a minute before it is told again then."""
        return self._watch.mark

    async def poll(self) -> Changes[EventRow]:
        """Look once. Raises VmsError: then nothing is taken for told."""
        return await self._watch.poll()

    def batches(self, most: int) -> AsyncGenerator[Changes[EventRow], None]:
        """Look once, and yield what has come while more of it is read, so many rows at a time, or none at last. Raises VmsError.

        What is yielded is taken for told.
        """
        return self._watch.batches(most)


class DocumentWatch:
    """Follows documents: each is told again when somebody has changed it. One without an id is not told."""

    def __init__(
        self,
        read: Callable[[datetime], AsyncIterator[Document]],
        now: Callable[[], Awaitable[datetime]],
        since: datetime,
        *,
        late_s: float = LATE_S,
    ) -> None:
        async def named(start: datetime) -> AsyncIterator[Document]:
            async for document in read(start):
                if document.id is not None:
                    yield document

        self._watch = Watch(named, now, since, _of_document, late_s=late_s)

    @property
    def mark(self) -> datetime:
        """Where another one goes on after a restart; what lies up to a minute before it is told again then."""
        return self._watch.mark

    async def poll(self) -> Changes[Document]:
        """Look once. Raises VmsError: then nothing is taken for told."""
        return await self._watch.poll()


def _of_event(row: EventRow) -> Noted:
    """Addresses are signed anew each time, and make no event another one."""
    thumb = None if row.thumb is None else (row.thumb.time, row.thumb.width, row.thumb.height)
    state = (row.name, row.thumb is not None, thumb, row.file_url is not None, tuple(sorted(row.meta.items())))
    return Noted(row.id, row.time, state)


def _of_document(document: Document) -> Noted:
    return Noted(document.id, document.timestamp, document)
