"""From the hub to occurrences: one subscription and one cursor for all scripts, and nothing is made that nobody wants."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from datetime import UTC
from typing import TYPE_CHECKING, Any, NoReturn

from vms_bridge.bodies import seen_objects
from vms_bridge.boundary import Boundary
from vms_bridge.entities.states import encode
from vms_bridge.errors import StoreError
from vms_bridge.logs import Trouble
from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.triggers.missed import Missed
from vms_bridge.scripts.triggers.states import States

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.history import Cursor
    from vms_bridge.model import Detection
    from vms_bridge.notices import Notice
    from vms_bridge.scripts.triggers.dispatch import Dispatcher, Joined
    from vms_bridge.scripts.values import Occurrence
    from vms_bridge.views import Changes, HubView, MonitorKey, StoredMessage, Transition

_LOGGER = logging.getLogger(__name__)
NAME = "scripts"
"""As what the sink keeps how far it has read."""
_PAGE, _AT_ONCE = 100, 20
_FEW_TRANSITIONS, _FEW_SCRIPTS = 2, 8
"""So many steps of alarms, wanted by so many scripts, go before who tells people of them, who waits until these are sent."""
_RETRY_S, _SAVE_S = 5.0, 1.0


class Feed:
    """Follows the hub for as long as it runs, and hands all that scripts want to the dispatcher."""

    def __init__(self, hub: HubView, clock: Clock, dispatcher: Dispatcher) -> None:
        self._hub, self._clock, self._dispatcher = hub, clock, dispatcher
        self._boundary = Boundary("what scripts are told", clock)
        self._reading = Trouble(_LOGGER, "scripts can't be told of events", clock.monotonic)
        self._states = States(dispatcher)
        self._notices: dict[str, Notice] = {}
        self._after: Cursor | None = None
        """How far events were told, while anybody wants them."""
        self._missed = Missed(hub, clock, dispatcher, NAME, self._take_missed)
        self._more = asyncio.Event()
        self._messages_since: float | None = None

    async def run(self) -> NoReturn:
        """Follow it until cancelled."""
        await self._missed.begin()
        self._dispatcher.on_change = self._change
        try:
            async with asyncio.TaskGroup() as group:
                for name, work in (("changes", self._listen), ("events", self._follow), ("keeping", self._save_on)):
                    group.create_task(self._always(name, work), name=f"scripts: {name}")
        finally:
            with suppress(TimeoutError):
                async with self._clock.timeout(_SAVE_S):
                    await self._missed.keep(self._after)
        raise AssertionError("none of these ends")

    def _change(self) -> None:
        self._missed.look()
        self._more.set()

    async def _always(self, name: str, work: Callable[[], Awaitable[object]]) -> NoReturn:
        while True:
            await self._boundary.attempt(name, work)
            await self._clock.sleep(_RETRY_S)

    async def _listen(self) -> NoReturn:
        subscription = self._hub.subscribe(transitions=True)
        self._notices = {notice.id: notice for notice in self._hub.notices}
        try:
            while True:
                changes = await subscription.changes()
                if changes.messages:
                    self._messages_since = changes.since
                    self._more.set()
                are_few = self._are_few(changes.transitions)
                if are_few:
                    self._take_transitions(changes)
                await asyncio.sleep(0)  # who tells people of the same change goes first
                if not are_few:
                    self._take_transitions(changes)
                self._take(changes)
        finally:
            subscription.close()

    def _take(self, changes: Changes) -> None:
        """Hand on the rest of it; the first changes of a subscription say what there is, and not that it has changed."""
        is_first = changes.since is None
        at_s, do = self._at_s(changes), self._boundary.do
        for (system, monitor, _), detection in changes.detections.items() if not is_first else ():
            do("detections", self._take_detection, (system, monitor), detection, at_s)
        for key in changes.states | changes.described:
            do("states", self._states.monitor, key, self._hub.monitor(*key), at_s)
        for system in changes.systems:
            do("states", self._states.system, system, self._hub.system(system), at_s)
        for key in changes.removed:
            self._states.forget(key)
            self._dispatcher.take(occurrences.gone(*key))
        for system in changes.removed_systems:
            self._states.forget_system(system)
            self._dispatcher.take(occurrences.gone(system))
        if changes.notices:
            do("notices", self._take_notices, at_s)

    def _at_s(self, changes: Changes) -> float:
        return self._clock.monotonic() if changes.since is None else changes.since

    def _are_few(self, transitions: Sequence[Transition]) -> bool:
        if len(transitions) > _FEW_TRANSITIONS:
            return False
        views = [(one.monitor, self._hub.monitor(*one.monitor)) for one in transitions]
        names = [(key, "" if view is None else view.monitor.name) for key, view in views]
        return sum(self._dispatcher.hearers("alarm", key, name) for key, name in names) <= _FEW_SCRIPTS

    def _take_transitions(self, changes: Changes) -> None:
        """Hand on each step of an alarm."""
        if changes.transitions_lost:
            _LOGGER.warning("scripts were told of %d steps of alarms less than there were", changes.transitions_lost)
        at_s = self._at_s(changes)
        for number, transition in enumerate(changes.transitions):
            lost = 0 if number else changes.transitions_lost
            self._boundary.do("alarms", self._take_transition, transition, at_s, lost=lost)

    def _take_transition(self, transition: Transition, at_s: float, *, lost: int) -> None:
        system, key = transition.monitor
        view = self._hub.monitor(system, key)
        name = "" if view is None else view.monitor.name
        if not self._dispatcher.wants_of("alarm", transition.monitor, name):
            return
        said = {
            "system": system,
            "monitor": key,
            "before": None if transition.before is None else str(transition.before),
            "now": None if transition.now is None else str(transition.now),
            "time": transition.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }
        more: dict[str, Any] = {"lost": lost}
        if view is not None:
            state = view.state
            event = None if state.event_id is None else view.event(state.event_id).format()
            more |= {"score": state.score, "cause": state.cause, "event": event}
        self._dispatcher.take(occurrences.alarm(said, name=name, at_s=at_s, **more))

    def _take_detection(self, monitor: MonitorKey, detection: Detection, at_s: float) -> None:
        view = self._hub.monitor(*monitor)
        name = "" if view is None else view.monitor.name
        if not self._dispatcher.wants_of("detection", monitor, name):
            return
        zones = {} if view is None else {zone.id: zone.name for zone in view.monitor.zones}
        seen = _json(seen_objects(view, detection))
        self._dispatcher.take(occurrences.detection(seen, monitor=monitor, name=name, zones=zones, at_s=at_s))

    def _take_notices(self, at_s: float) -> None:
        before, now = self._notices, {notice.id: notice for notice in self._hub.notices}
        self._notices = now
        if not self._dispatcher.wants("notice"):
            return
        for one, is_active in [
            *((one, False) for one in before.values() if one.id not in now or now[one.id].since != one.since),
            *((one, True) for one in now.values() if one.id not in before or before[one.id].since != one.since),
        ]:
            view = None if one.system is None or one.monitor is None else self._hub.monitor(one.system, one.monitor)
            name = "" if view is None else view.monitor.name
            self._dispatcher.take(occurrences.notice(_json(one), is_active=is_active, name=name, at_s=at_s))

    async def _follow(self) -> NoReturn:
        """Read the history from now on, and what some have missed before that; while nobody wants events, it is not read."""
        while True:
            if not self._dispatcher.wants("event"):
                self._after = None
                await self._next()
                continue
            try:
                self._after = self._after or await self._hub.history_end()
                await self._missed.catch_up(self._after)
                page = await self._hub.history(self._after, _PAGE)
            except StoreError as error:
                self._reading.report(error, hint=error.hint)
                await self._clock.sleep(_RETRY_S)
                continue
            self._reading.over()
            if page.gap is not None:
                _LOGGER.warning("scripts are not told of events between %s and %s", self._after, page.gap.goes_on)
            for number, (cursor, message) in enumerate(page.messages, start=1):
                self._take_message(message)
                self._after = cursor
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)  # alarms first
            self._after = page.after
            if len(page.messages) < _PAGE and not self._missed.is_anybody_behind:
                await self._next()

    async def _next(self) -> None:
        await self._more.wait()
        self._more.clear()

    def _take_message(self, message: StoredMessage) -> None:
        at_s = self._messages_since or self._clock.monotonic()
        if (found := self._event(message, self._dispatcher.wants_of, at_s)) is not None:
            self._dispatcher.take(found)

    def _take_missed(self, joined: Joined, message: StoredMessage) -> None:
        found = self._event(message, joined.triggers.is_about, self._clock.monotonic(), is_late=True)
        if found is not None:
            self._dispatcher.tell(joined, found)

    def _event(
        self, message: StoredMessage, is_wanted: Callable[[str, MonitorKey, str], bool], at_s: float, *, is_late: bool = False
    ) -> Occurrence | None:
        """Return what a message says, if anybody wants it."""
        monitor = (message.system, message.monitor)
        view = self._hub.monitor(*monitor)
        said: dict[str, Any] | None = None if view is not None else json.loads(message.payload)
        name = str(said.get("monitor_name")) if said is not None else "" if view is None else view.monitor.name
        if not is_wanted("event", monitor, name):
            return None
        return occurrences.event(said or json.loads(message.payload), name=name, is_late=is_late, at_s=at_s)

    async def _save_on(self) -> NoReturn:
        while True:
            await self._clock.sleep(_SAVE_S)
            await self._missed.keep(self._after)


def _json(value: object) -> dict[str, Any]:
    """Return what the bridge says in public of a value."""
    said: dict[str, Any] = json.loads(encode(value))
    return said
