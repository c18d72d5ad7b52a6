"""What all open WebSockets share: one ear at the hub, each item made once, and an eye on who has stopped reading."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from vms_bridge.api.websocket import telling
from vms_bridge.api.websocket.closing import CloseCode, Closing, defect
from vms_bridge.entities.timing import Timing
from vms_bridge.entities.urgency import Shown, system_urgency, urgency
from vms_bridge.views import Changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.history import Cursor
    from vms_bridge.measures import Histogram
    from vms_bridge.model import SystemState
    from vms_bridge.objects import ObjectCounts
    from vms_bridge.tokens import Token
    from vms_bridge.views import HistoryPage, HubView, MonitorKey, Subscription

PACE_S = 0.01
"""How soon after one look at what has changed the next one comes: what changes meanwhile goes to each client in one message."""
MEASUREMENTS_S = 10.0
"""How far apart new measurements of a monitor or a system are told, where nothing else of it changes."""
UNREAD_S = 10.0
"""How long a message may wait for a client to read."""
PAGE = 64
"""How many event messages are read at a time."""
_WATCH_S = 0.5
_AT_ONCE = 64

Name: TypeAlias = tuple[str, ...]
"""Something that a client can be told of: the `what` of its item, then its keys."""
BRIDGE: Name = ("bridge",)
NOTICES: Name = ("notices",)
_NOTHING = Changes()


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What has changed, for all clients: names, ready items by name, and the steps of alarm states with whose they are."""

    names: Sequence[Name]
    detections: Mapping[Name, bytes]
    transitions: Sequence[tuple[MonitorKey, bytes]]
    transitions_lost: int
    messages: bool


class Client(Protocol):
    """One open socket."""

    @property
    def token(self) -> Token | None:
        """By which it came in; None: by the bridge's own socket."""

    @property
    def unread_since(self) -> float | None:
        """Since when a message waits for it to read."""

    def note(self, news: News) -> None:
        """Take up what has changed."""

    def end(self, why: Closing) -> None:
        """Come to an end."""


class Live:
    """Hears of changes while there are clients, and only then; `took` is how long it takes from a change until they have it."""

    def __init__(self, hub: HubView, clock: Clock, took: Histogram) -> None:
        self.hub, self.clock, self._took = hub, clock, took
        self._clients: set[Client] = set()
        self._is_any = asyncio.Event()
        self._monitors: Timing[MonitorKey, Shown] = Timing(urgency, clock, MEASUREMENTS_S)
        self._systems: Timing[str, SystemState] = Timing(system_urgency, clock, MEASUREMENTS_S)
        self._objects: dict[MonitorKey, ObjectCounts | None] = {}
        self._indexes: dict[str, object] = {}
        """What was told last of what each monitor shows, and of how far each system's index has come."""
        self._made: dict[Name, tuple[object, bytes]] = {}
        """The item that was made last of each thing, with the value that it was made of."""
        self._pages: dict[Cursor | None, asyncio.Task[HistoryPage]] = {}

    @property
    def clients(self) -> int:
        """How many there are."""
        return len(self._clients)

    def add(self, client: Client) -> None:
        """Tell this client of changes from now on, and watch it."""
        self._clients.add(client)
        self._is_any.set()

    def remove(self, client: Client) -> None:
        """Tell it no more."""
        self._clients.discard(client)

    async def run(self) -> None:
        """Serve whoever is there, until cancelled."""
        while True:
            await self._is_any.wait()
            subscription = self.hub.subscribe(transitions=True)
            hearing = asyncio.create_task(self._hear(subscription), name="api-live")
            try:
                while self._clients and not hearing.done():
                    await self.clock.sleep(_WATCH_S)
                    self._watch()
            finally:
                subscription.close()
                hearing.cancel()
                await asyncio.wait({hearing})
            if not hearing.cancelled() and (error := hearing.exception()) is not None:
                self._fail(error)
            if not self._clients:
                self._is_any.clear()
            self._monitors.clear()
            self._systems.clear()
            self._objects.clear()
            self._indexes.clear()
            self._made.clear()

    def end_all(self) -> None:
        """Have every client go, for the bridge does."""
        for client in list(self._clients):
            client.end(Closing(CloseCode.RESTART, "the bridge stops, or starts anew"))

    def _fail(self, error: BaseException) -> None:
        """Have clients come anew where nothing more can be told to them for a defect."""
        why = defect(error)
        for client in list(self._clients):
            client.end(why)

    def item(self, name: Name) -> bytes | None:
        """Return the item that tells how this is now; None where there is nothing to tell."""
        match name:
            case ("state", system, key):
                view = self.hub.monitor(system, key)
                return None if view is None else self._once(name, view, partial(telling.state, (system, key), view))
            case ("monitor", system, key):
                view = self.hub.monitor(system, key)
                described = None if view is None else (view.monitor, view.watched)
                return self._once(name, described, partial(telling.monitor, (system, key), view))
            case ("objects", system, key):
                view = self.hub.monitor(system, key)
                return None if view is None else self._once(name, view, partial(telling.objects, (system, key), view))
            case ("last_event", system, key):
                view = self.hub.monitor(system, key)
                event = None if view is None else view.last_event
                return None if event is None else self._once(name, event, partial(telling.last_event, (system, key), event))
            case ("system", system):
                found = self.hub.system(system)
                return self._once(name, found, partial(telling.system, system, found))
            case _:
                return telling.bridge(self.hub.state)

    async def page(self, after: Cursor | None) -> HistoryPage:
        """Return the event messages behind a cursor; whoever asks for the same meanwhile shares the answer. Raises StoreError."""
        task = self._pages.get(after)
        if task is None:
            task = self._pages[after] = asyncio.create_task(self.hub.history(after, PAGE), name="api-history")
            task.add_done_callback(partial(self._was_read, after))
        return await asyncio.shield(task)

    def _was_read(self, after: Cursor | None, task: asyncio.Task[HistoryPage]) -> None:
        if self._pages.get(after) is task:
            del self._pages[after]
        if not task.cancelled():
            task.exception()  # whoever still waits gets it

    def _once(self, name: Name, made_of: object, make: Callable[[], bytes]) -> bytes:
        known = self._made.get(name)
        if known is not None and made_of is not None and _is_same(known[0], made_of):
            return known[1]
        item = make()
        self._made[name] = (made_of, item)
        return item

    async def _hear(self, subscription: Subscription) -> None:
        while True:
            changes = await subscription.changes()
            if changes.tokens:
                self._put_out()
            if changes.messages:
                self._pages.clear()  # what is read already may lack the newest
            names = []
            for index, name in enumerate(self._names(changes)):
                names.append(name)
                if index % _AT_ONCE == _AT_ONCE - 1:
                    await asyncio.sleep(0)
            self._tell(names, changes)
            if changes.since is not None:
                self._took.observe(self.clock.monotonic() - changes.since)
            await self.clock.sleep(PACE_S)

    def _names(self, changes: Changes) -> Iterator[Name]:
        """Yield what is worth telling of what has changed."""
        if changes.bridge:
            yield BRIDGE
        if changes.notices:
            yield NOTICES
        yield from self._systems_in(changes)
        yield from self._monitors_in(changes)
        for monitor in changes.last_events:
            yield "last_event", *monitor

    def _systems_in(self, changes: Changes) -> Iterator[Name]:
        for key in changes.removed_systems:
            self._systems.forget(key)
            self._indexes.pop(key, None)
            yield "system", key
        for key in changes.systems:
            system = self.hub.system(key)
            if system is None:
                continue
            index = system.index and (system.index.is_complete, system.index.detail)
            is_other = self._indexes.get(key) != index
            self._indexes[key] = index
            if self._systems.is_now(key, system.state) or is_other:
                yield "system", key

    def _monitors_in(self, changes: Changes) -> Iterator[Name]:
        for monitor in changes.removed:
            self._monitors.forget(monitor)
            self._objects.pop(monitor, None)
            yield "monitor", *monitor
        for monitor in changes.described:
            yield "monitor", *monitor
        for monitor in changes.states | changes.described:
            view = self.hub.monitor(*monitor)
            if view is None:
                continue
            if self._monitors.is_now(monitor, Shown.of(view)):
                yield "state", *monitor
            if self._objects.get(monitor) != view.objects:
                self._objects[monitor] = view.objects
                yield "objects", *monitor

    def _tell(self, names: Sequence[Name], changes: Changes) -> None:
        news = News(
            names=names,
            detections={
                ("detection", *key): telling.detection(key[:2], self.hub.monitor(*key[:2]), seen)
                for key, seen in changes.detections.items()
            },
            transitions=[(step.monitor, telling.transition(step)) for step in changes.transitions],
            transitions_lost=changes.transitions_lost,
            messages=changes.messages,
        )
        for client in self._clients:
            client.note(news)

    def _watch(self) -> None:
        """Tell measurements whose time has come, and put out who does not read."""
        names: list[Name] = []
        for monitor in self._monitors.due():
            view = self.hub.monitor(*monitor)
            if view is not None:
                self._monitors.told(monitor, Shown.of(view))
                names.append(("state", *monitor))
        for key in self._systems.due():
            system = self.hub.system(key)
            if system is not None:
                self._systems.told(key, system.state)
                names.append(("system", key))
        if names:
            self._tell(names, _NOTHING)
        now = self.clock.monotonic()
        for client in list(self._clients):
            if client.unread_since is not None and now - client.unread_since >= UNREAD_S:
                client.end(Closing(None, f"it has read nothing for {UNREAD_S:g} s"))

    def _put_out(self) -> None:
        """End the clients whose token is good for nothing any more."""
        for client in list(self._clients):
            if client.token is not None and not self.hub.tokens.holds(client.token.id):
                client.end(Closing(CloseCode.UNAUTHENTICATED, "the token was revoked, or its time is over"))


def _is_same(before: object, now: object) -> bool:
    """Say whether these are the very same values, or several that are."""
    if isinstance(before, tuple) and isinstance(now, tuple):
        return len(before) == len(now) and all(one is other for one, other in zip(before, now, strict=True))
    return before is now
