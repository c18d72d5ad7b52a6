"""All that calls the handlers of one running script."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.scripts.triggers.match import Match
from vms_bridge.scripts.triggers.occurrences import GONE, system_of
from vms_bridge.scripts.triggers.schedule import NoLastRuns, Schedule, Site
from vms_bridge.scripts.triggers.timing import Timing
from vms_bridge.scripts.values import SCHEDULED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.triggers.schedule import LastRuns
    from vms_bridge.scripts.values import Occurrence, Trigger
    from vms_bridge.views import MonitorKey

_LOGGER = logging.getLogger(__name__)
_MOST_KNOWN = 5_000
"""Of how many monitors it is remembered which triggers are about them."""
_OF_SYSTEMS = frozenset({"system_state", "notice"})


class ScriptTriggers:
    """Takes what happens, and calls `deliver` for each trigger of a script at the time at which its handler is due.

    What is about a monitor that the script may not see it never hears of; `sees` is asked with an empty key of a monitor for
    what is about a system itself, and of a system too for what is about the bridge. `run` keeps the time: without it only
    what needs no waiting is delivered. `tell` is for what the author should know: a schedule that was missed, or that can't
    be kept, and what there is no room for.
    """

    def __init__(
        self,
        triggers: Iterable[Trigger],
        clock: Clock,
        deliver: Callable[[Trigger, Occurrence], None],
        *,
        sees: Callable[[MonitorKey], bool],
        site: Site | None = None,
        last_runs: LastRuns | None = None,
        tell: Callable[[str], None] = _LOGGER.warning,
    ) -> None:
        self._clock, self._deliver, self._sees = clock, deliver, sees
        several = tuple(triggers)
        self._matches: dict[str, list[Match]] = {}
        for trigger in several:
            if trigger.kind not in SCHEDULED:
                self._matches.setdefault(trigger.kind, []).append(Match(trigger))
        self._known: dict[tuple[str, MonitorKey | None, str], tuple[Match, ...]] = {}
        self._timing = Timing(clock, self._call, tell, many=len(several))
        self._schedule = Schedule(several, clock, self._call, runs=last_runs or NoLastRuns(), site=site or Site(), tell=tell)
        self._wake = asyncio.Event()
        self._is_open = True
        self.wanted = frozenset(self._matches)
        """The kinds of what it has to be told."""
        self.fields = _fields(several)
        """The fields of states that it names: measurements are told to nobody else."""
        self.topics = tuple(dict.fromkeys(topic for one in several if one.kind == "mqtt" for topic in one.filters["topic"]))
        self.is_for_missed = any(one.kind == "event" and one.filters.get("late") for one in several)
        """Whether it wants to be told of events that were missed."""
        self.webhooks = frozenset(one.filters["name"] for one in several if one.kind == "webhook")

    def is_about(self, kind: str, monitor: MonitorKey, name: str) -> bool:
        """Say whether it could want what is of this kind and about this monitor, so that it need not be made for nobody."""
        return bool(self._of(kind, monitor, name))

    def take(self, occurrence: Occurrence) -> None:
        """Take what has happened; at once, if need be, its handlers are called."""
        if not self._is_open:
            return
        if occurrence.kind == GONE:
            self._timing.forget(occurrence)
            self._known.clear()
            return
        if occurrence.kind not in self._matches:
            return
        before = self._timing.due_s
        for match in self._about(occurrence):
            self._timing.hear(match, occurrence)
        due = self._timing.due_s
        if due is not None and (before is None or due < before):
            self._wake.set()

    async def run(self) -> NoReturn:
        """Call what is due later, until cancelled."""
        while True:
            self._timing.fire()
            await self._schedule.look()
            with suppress(TimeoutError):
                async with self._clock.timeout(self._wait_s()):
                    await self._wake.wait()
            self._wake.clear()

    def close(self) -> None:
        """Take nothing more, and call nothing more."""
        self._is_open = False

    def _wait_s(self) -> float | None:
        due, scheduled = self._timing.due_s, self._schedule.wait_s()
        waits = [one for one in (None if due is None else max(0.0, due - self._clock.monotonic()), scheduled) if one is not None]
        return min(waits, default=None)

    def _call(self, trigger: Trigger, occurrence: Occurrence) -> None:
        if self._is_open:
            self._deliver(trigger, occurrence)

    def _about(self, occurrence: Occurrence) -> Iterable[Match]:
        """Return the triggers that are about this."""
        if occurrence.monitor is not None:
            return self._of(occurrence.kind, occurrence.monitor, occurrence.name)
        if occurrence.kind in _OF_SYSTEMS and not self._sees((system_of(occurrence) or "", "")):
            return ()
        return [one for one in self._matches[occurrence.kind] if one.is_about(occurrence)]

    def _of(self, kind: str, monitor: MonitorKey, name: str) -> tuple[Match, ...]:
        """Return the triggers of a kind that are about this monitor; what was found once is remembered."""
        key = (kind, monitor, name)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            several = self._matches.get(kind, ()) if self._sees(monitor) else ()
            found = self._known[key] = tuple(one for one in several if one.is_about_monitor(monitor, name))
        return found


def _fields(triggers: Iterable[Trigger]) -> frozenset[str]:
    named = (one.filters.get("field", ()) for one in triggers if one.kind in {"monitor_state", "system_state"})
    return frozenset(field for fields in named for field in fields)
