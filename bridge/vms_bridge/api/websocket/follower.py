"""What one client has yet to be told: names of what has changed, so that the newest wins, and a page of event messages."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from vms_bridge.api.websocket import telling
from vms_bridge.api.websocket.live import BRIDGE, NOTICES, PAGE
from vms_bridge.api.websocket.said import BEGINNING, Misunderstood
from vms_bridge.errors import StoreError
from vms_bridge.history import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.api.websocket.live import Live, Name, News
    from vms_bridge.api.websocket.said import Subscribe
    from vms_bridge.notices import Notice
    from vms_bridge.tokens import Token
    from vms_bridge.views import HistoryPage

STATES_BYTES = 48 * 1024
FRAME_BYTES = 64 * 1024
"""How much of what is current goes into a message, and how much there is in all: event messages get their share."""
MOST_TRANSITIONS = 1_000
CURSOR_S = 60.0
"""How often a client is told how far it is in event messages that are not for it."""
_RETRY_S = 5.0
_SYNCED: Name = ("synced",)


class Sight:
    """What a client is told of: what its token is good for, and of that what it has asked for."""

    def __init__(self, token: Token | None, asked: Subscribe) -> None:
        self._token = token if token is not None and token.is_limited else None
        self._is_some = asked.systems is not None or asked.monitors is not None
        self._systems = frozenset(asked.systems or ())
        self._monitors = frozenset((each.system, each.monitor) for each in asked.monitors or ())
        self._around = self._systems | {system for system, _ in self._monitors}

    @property
    def is_everything(self) -> bool:
        """Whether that is all there is."""
        return self._token is None and not self._is_some

    def system(self, key: str) -> bool:
        """Say whether the system, or something in it, is to be told of."""
        return (self._token is None or self._token.knows(key)) and (not self._is_some or key in self._around)

    def monitor(self, system: str, key: str) -> bool:
        """Say whether the monitor is to be told of."""
        if self._token is not None and not self._token.sees(system, key):
            return False
        return not self._is_some or system in self._systems or (system, key) in self._monitors

    def shows(self, name: Name) -> bool:
        """Say whether the thing with this name is to be told of."""
        match name:
            case (_, system, key, *_):
                return self.monitor(system, key)
            case (_, system):
                return self.system(system)
            case _:
                return name != BRIDGE or self._token is None


class Follower:
    """Gathers for one subscription; its size is bounded by that of the world. `wake` is set when there is something to tell.

    `after` is where event messages begin (None: with the oldest), `end` where those end that were stored before.
    """

    def __init__(
        self, live: Live, token: Token | None, asked: Subscribe, *, after: Cursor | None, end: Cursor, wake: asyncio.Event
    ) -> None:
        self._live, self._asked, self._wake = live, asked, wake
        self._sight = Sight(token, asked)
        self._begin = self._after = after
        self._end = end
        self._seq = 0
        self._pending: dict[Name, bytes | None] = dict.fromkeys(self._everything())
        """What is to be told, the first one first: with its item where that is ready."""
        self._transitions: deque[bytes] = deque(maxlen=MOST_TRANSITIONS)
        self._transitions_lost = 0
        self._is_synced = False
        self._events: deque[bytes] = deque()
        self._are_told = asyncio.Event()
        self._is_more = asyncio.Event()
        self._cursor_at = live.clock.monotonic()

    @classmethod
    async def open(cls, live: Live, token: Token | None, asked: Subscribe, wake: asyncio.Event) -> Follower:
        """Begin with all that is current. Raises Misunderstood for what is no cursor, and StoreError."""
        end = await live.hub.history_end()
        after: Cursor | None = end
        if asked.after == BEGINNING:
            after = None
        elif asked.after is not None:
            try:
                after = Cursor.parse(asked.after)
            except ValueError:
                raise Misunderstood("after: this is no cursor", None) from None
        return cls(live, token, asked, after=after, end=end, wake=wake)

    def note(self, news: News) -> None:
        """Take up what has changed."""
        is_all = self._sight.is_everything
        for name in news.names:
            if is_all or self._sight.shows(name):
                self._pending.setdefault(name)
        if self._asked.detections:
            self._pending.update((name, item) for name, item in news.detections.items() if is_all or self._sight.shows(name))
        if self._asked.transitions:
            self._note_transitions(news)
        if news.messages:
            self._is_more.set()
        if self._pending or self._transitions:
            self._wake.set()

    async def follow(self) -> None:
        """Have event messages ready, a page at a time, until cancelled."""
        if not self._asked.events:
            return
        while True:
            self._is_more.clear()
            try:
                page = await self._live.page(self._after)
            except StoreError:  # which the bridge tells
                await self._live.clock.sleep(_RETRY_S)
                continue
            self._events.extend(self._items(page))
            self._after = page.after
            if self._events:
                self._are_told.clear()
                self._wake.set()
                await self._are_told.wait()
            if len(page.messages) < PAGE:
                await self._is_more.wait()

    def frame(self) -> bytes | None:
        """Return the next message of what there is to tell; None where there is nothing."""
        items: list[bytes] = []
        size = 0
        for item in self._current():
            items.append(item)
            size += len(item)
            if size >= STATES_BYTES:
                break
        while self._is_synced and self._events and size < FRAME_BYTES:
            items.append(self._events.popleft())
            size += len(items[-1])
        if not self._events:
            self._are_told.set()
        if not items:
            return None
        self._seq += 1
        return telling.changes(self._seq, items)

    def _everything(self) -> Iterator[Name]:
        """Yield the names of all that there is for this client."""
        yield from (name for name in (BRIDGE, NOTICES) if self._sight.shows(name))
        for key, system in self._live.hub.systems.items():
            if self._sight.system(key):
                yield "system", key
            for monitor in system.monitors:
                if self._sight.monitor(key, monitor):
                    yield "monitor", key, monitor
                    yield "state", key, monitor
                    yield "objects", key, monitor
                    yield "last_event", key, monitor
        yield _SYNCED

    def _current(self) -> Iterator[bytes]:
        """Yield the items of what is to be told now, and take each for told."""
        if self._transitions_lost:
            yield telling.transitions_lost(self._transitions_lost)
            self._transitions_lost = 0
        while self._transitions:
            yield self._transitions.popleft()
        for name in list(self._pending):
            item = self._pending.pop(name) or self._item(name)
            if item is not None:
                yield item

    def _item(self, name: Name) -> bytes | None:
        if name == NOTICES:
            hub = self._live.hub
            return telling.notices([each for each in hub.notices if self._sight.shows(_subject(each))])
        if name == _SYNCED:
            self._is_synced = True
            return telling.synced(self._begin)  # not how far it has read since: nothing of that is told yet
        return self._live.item(name)

    def _note_transitions(self, news: News) -> None:
        self._transitions_lost += news.transitions_lost
        for monitor, item in news.transitions:
            if self._sight.monitor(*monitor):
                self._transitions_lost += len(self._transitions) == MOST_TRANSITIONS
                self._transitions.append(item)

    def _items(self, page: HistoryPage) -> Iterator[bytes]:
        """Yield the items of a page's messages that are for this client."""
        now = self._live.clock.monotonic()
        if page.gap is not None:
            yield telling.gap(page.gap, self._after)
        is_any = False
        for cursor, message in page.messages:
            if self._sight.monitor(message.system, message.monitor):
                is_any = True
                yield telling.event(cursor, message.payload, replayed=cursor.position <= self._end.position)
        if is_any or page.gap is not None:
            self._cursor_at = now
        elif page.messages and now - self._cursor_at >= CURSOR_S:
            self._cursor_at = now
            yield telling.cursor(page.after)


def _subject(notice: Notice) -> Name:
    """Return a name of what the notice is about."""
    if notice.system is None:
        return BRIDGE
    return ("notice", notice.system) if notice.monitor is None else ("notice", notice.system, notice.monitor)
