"""The sink `event_log`: follows the history and writes down each message, and states that have changed.

How far it has come it reads from the log itself; what can't be read again is noted in the store now and then, so that after a
kill some messages are written twice, in the same bytes. What does not take what is written is reported, and tried again;
meanwhile nothing is gathered: messages stay in the store, and of states the newest wins.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from vms_bridge import metrics
from vms_bridge.entities.states import monitor_state, system_state
from vms_bridge.entities.urgency import Shown, Urgency, system_urgency, urgency
from vms_bridge.errors import OutputError, StoreError
from vms_bridge.event_log.lines import event_line, gap_line, state_line
from vms_bridge.history import Cursor
from vms_bridge.logs import Trouble
from vms_bridge.measures import Histogram
from vms_bridge.messages import struck
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.event_log.output import Output
    from vms_bridge.measures import Reading
    from vms_bridge.model import SystemState
    from vms_bridge.views import Changes, HubView, MonitorKey, Subscription

_LOGGER = logging.getLogger(__name__)
NAME = "event_log"
_CURSOR = "cursor"
_PAGE = 256
_AT_ONCE = 64
_RETRY_S = 5.0
_SLOW_S = 30.0
_NOTE_S = 1.0
_END_S = 1.0
_T = TypeVar("_T")


class EventLog:
    """Writes lines to `output` for as long as it runs; with `states`, changes of state too. Runs once."""

    def __init__(self, output: Output, clock: Clock, *, states: bool) -> None:
        self._output, self._clock, self._with_states = output, clock, states
        self._trouble = Trouble(_LOGGER, f"the event log ({output.place})", clock.monotonic)
        self._reading = Trouble(_LOGGER, "the event log can't read what to write", clock.monotonic)
        self._after: Cursor | None = None
        self._noted_at = clock.monotonic()
        self._monitors: dict[MonitorKey, Shown] = {}
        """What was written last of each, and of each system."""
        self._systems: dict[str, SystemState] = {}
        self._states_took, self._events_took = Histogram(), Histogram()
        self._lines = self._losses = 0
        self._is_open = False

    @property
    def name(self) -> str:
        """Its name in logs and in the store."""
        return NAME

    async def run(self, hub: HubView) -> None:
        """Write until cancelled; what fails is tried again."""
        self._after = _parsed(await hub.kept(NAME, _CURSOR))
        subscription = hub.subscribe()
        news = _News(subscription)
        unread = hub.measures.add(self._readings)
        try:
            while True:
                try:
                    await self._serve(hub, news)
                except OutputError as error:
                    self._losses += self._is_open
                    self._is_open = False
                    self._trouble.report(error, hint=error.hint)
                except StoreError as error:
                    self._reading.report(error, hint=error.hint)
                await self._clock.sleep(_RETRY_S)
        finally:
            unread()
            news.close()
            subscription.close()
            self._output.stop()
            await self._end(hub)

    async def _serve(self, hub: HubView, news: _News) -> None:
        """Open the log and go on with it from where it ends. Raises OutputError or StoreError."""
        written = await self._blocking(self._output.open)
        self._is_open = True
        # Neither can be further on than the log was: notes are made of what was written, and a file may have been moved away.
        self._after = max(filter(None, (self._after, written)), key=lambda cursor: cursor.position, default=None)
        await self._write_states(hub, (*_monitors(hub), *self._monitors), (*hub.systems, *self._systems))
        is_behind = True
        while True:
            if is_behind and not news.is_there:
                is_behind = await self._write_events(hub)
                continue
            changes = await news.next()
            is_behind = is_behind or changes.messages
            monitors, systems = changes.states | changes.removed, changes.systems | changes.removed_systems
            await self._write_states(hub, monitors, systems)
            if changes.since is not None:
                self._states_took.observe(self._clock.monotonic() - changes.since)

    async def _write_events(self, hub: HubView) -> bool:
        """Write what follows in the history; say whether there may be more."""
        page = await hub.history(self._after, _PAGE)
        self._reading.over()
        lines = [event_line(cursor, struck(message.payload)) for cursor, message in page.messages]
        if page.gap is not None:
            _LOGGER.warning("the event log: messages may be missing between %s and %s", self._after, page.gap.goes_on)
            lines.insert(0, gap_line(self._clock.now(), page.gap, self._after))
        began = self._clock.monotonic()
        await self._write(lines)
        for _ in page.messages:
            self._events_took.observe(self._clock.monotonic() - began)
        self._after = page.after
        if lines and not self._output.resumes and self._clock.monotonic() - self._noted_at >= _NOTE_S:
            await self._note(hub)
        return len(page.messages) == _PAGE

    async def _write_states(self, hub: HubView, monitors: Iterable[MonitorKey], systems: Iterable[str]) -> None:
        """Write what of these is another than was written last; measurements alone are not worth a line."""
        if not self._with_states:
            return
        lines: list[bytes] = []
        new_systems: dict[str, SystemState | None] = {}
        new_monitors: dict[MonitorKey, Shown | None] = {}
        for key in sorted(set(systems)):
            system = hub.system(key)
            is_news = key in self._systems if system is None else _is_news(system_urgency, self._systems.get(key), system.state)
            if is_news:
                new_systems[key] = None if system is None else system.state
                state = b"null" if system is None else system_state(system)
                lines.append(state_line(self._after, self._clock.now(), key, None, state))
        for index, monitor in enumerate(sorted(set(monitors))):
            view = hub.monitor(*monitor)
            now = None if view is None else Shown.of(view)
            is_news = monitor in self._monitors if now is None else _is_news(urgency, self._monitors.get(monitor), now)
            if is_news:
                new_monitors[monitor] = now
                state = b"null" if view is None else monitor_state(view)
                lines.append(state_line(self._after, self._clock.now(), *monitor, state))
            if index % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        await self._write(lines)
        _update(self._systems, new_systems)
        _update(self._monitors, new_monitors)

    async def _write(self, lines: Sequence[bytes]) -> None:
        if lines:
            await self._blocking(lambda: self._output.write(lines))
            self._lines += len(lines)
            self._trouble.over()

    def _readings(self) -> Iterator[Reading]:
        yield metrics.SINK_CONNECTED.of(self._is_open, NAME)
        yield metrics.SINK_LOSSES.of(self._losses, NAME)
        yield metrics.SINK_STATES.of(self._states_took, NAME)
        yield metrics.SINK_EVENTS.of(self._events_took, NAME)
        yield metrics.EVENT_LOG_LINES.of(self._lines)

    async def _blocking(self, work: Callable[[], _T]) -> _T:
        """Do it in a thread; where it takes long, say so, and wait on."""
        task = asyncio.create_task(in_thread("event log", work), name="event-log-write")
        try:
            with suppress(TimeoutError):
                async with self._clock.timeout(_SLOW_S):
                    await asyncio.wait({task})
            if not task.done():
                self._trouble.report(f"nothing was taken for {_SLOW_S:g} s", hint="is it read, is the disk there?", code="slow")
            return await task
        finally:
            task.cancel()

    async def _note(self, hub: HubView) -> None:
        self._noted_at = self._clock.monotonic()
        if self._after is not None:
            await hub.keep(NAME, _CURSOR, str(self._after))

    async def _end(self, hub: HubView) -> None:
        """Let go of the log, and note how far it has come; what hangs is left behind."""
        with suppress(TimeoutError, OutputError):
            async with self._clock.timeout(_END_S):
                await in_thread("event log", self._output.close)
                await self._note(hub)


class _News:
    """The next changes of a subscription, waited for while something else is done."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription
        self._next = self._wait()

    @property
    def is_there(self) -> bool:
        """Whether `next` returns at once."""
        return self._next.done()

    async def next(self) -> Changes:
        """Wait for them."""
        changes = await asyncio.shield(self._next)
        self._next = self._wait()
        return changes

    def close(self) -> None:
        """Wait no more."""
        self._next.cancel()

    def _wait(self) -> asyncio.Task[Changes]:
        return asyncio.create_task(self._subscription.changes(), name="event-log-changes")


_State = TypeVar("_State")
_Key = TypeVar("_Key")


def _is_news(how_soon: Callable[[_State | None, _State], Urgency], before: _State | None, now: _State) -> bool:
    return how_soon(before, now) is Urgency.NOW


def _update(known: dict[_Key, _State], new: dict[_Key, _State | None]) -> None:
    for key, state in new.items():
        if state is None:
            known.pop(key, None)
        else:
            known[key] = state


def _monitors(hub: HubView) -> list[MonitorKey]:
    return [(key, monitor) for key, system in hub.systems.items() for monitor in system.monitors]


def _parsed(kept: str | None) -> Cursor | None:
    try:
        return None if kept is None else Cursor.parse(kept)
    except ValueError:
        return None
