"""Follows the shared memory of all monitors, and says at once what matters at once."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.identity import ForeignMemory
from vms_bridge.backends.zoneminder.sampler import Sampler
from vms_bridge.backends.zoneminder.shm import ABSENT, Unusable
from vms_bridge.backends.zoneminder.watch import STEP_UP_S
from vms_bridge.logs import Trouble
from vms_bridge.model import AlarmState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Protocol

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.shm import Sample, Version
    from vms_bridge.backends.zoneminder.watch import Watch
    from vms_bridge.clock import Clock

    class Listener(Protocol):
        """Who keeps the monitors, and wants to hear of them."""

        @property
        def watches(self) -> Mapping[str, Watch]:
            """Every monitor by its id."""

        def tell(self, monitor_id: str) -> None:
            """Tell the monitor's state, if it is another than before."""

        def expect_event(self, event_id: int) -> None:
            """Hear that an event begins whose row may not be there yet."""

        def expect_end(self, event_id: int) -> None:
            """Hear that an event is about to be closed."""


_LOG = logging.getLogger(__name__)
_FRAME_S = 10.0
"""As long as it takes the slowest of cameras to send a frame."""
_LASTING_S = 10.0
"""From when on a trouble that should have passed is worth a line in the log."""


class MemorySource:
    """The shared memory of one connection's monitors; `follow` it, and `close` it when done."""

    def __init__(self, name: str, api: Api, clock: Clock, *, directory: Path, version: Version, listener: Listener) -> None:
        self._clock, self._listener = clock, listener
        self._sampler = Sampler(directory, version, clock)
        self._foreign = ForeignMemory(api)
        self._trouble = Trouble(_LOG, f"{name}: shared memory", clock.monotonic)
        self._awaited: dict[str, asyncio.Event] = {}
        """By monitor: what is set at its next frame."""
        self._bad: dict[str, tuple[float, Unusable]] = {}
        """By monitor: when to tell its trouble, and which it is."""

    async def follow(self) -> None:
        """Look many times a second, until cancelled."""
        while True:
            self._take_in(await self._sampler.news(self._shown()))

    async def look(self) -> None:
        """Look at every monitor for the first time; what is good need not prove itself for a moment."""
        self._take_in(await self._sampler.look(self._shown()), head_start_s=STEP_UP_S)

    def _shown(self) -> Mapping[str, int]:
        return {number: watch.zone_watch.count for number, watch in self._listener.watches.items() if watch.is_shown}

    def _take_in(self, news: Mapping[str, Sample | Unusable], *, head_start_s: float = 0.0) -> None:
        now = self._clock.monotonic()
        for monitor_id, seen in news.items():
            watch = self._listener.watches.get(monitor_id)
            if watch is None:
                continue
            if isinstance(seen, Unusable):
                self._lost(watch, seen, now)
            else:
                self._took(watch, seen, now - head_start_s)
        self._report(now)

    async def compare(self, newest: int) -> None:
        """Find out, where it is in doubt, whether the files belong to this ZoneMinder. Raises VmsUnreachable."""
        if self._foreign.has_doubts:
            for monitor_id in await self._foreign.resolve(self._listener.watches, newest):
                self._disown(self._listener.watches[monitor_id])

    async def frame(self, monitor_id: str) -> bool:
        """Wait for the monitor's next frame, and say whether one came; the loss of its memory ends the wait as well."""
        came = self._awaited.setdefault(monitor_id, asyncio.Event())
        try:
            async with self._clock.timeout(_FRAME_S):
                await came.wait()
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Let go of all files."""
        self._sampler.close()

    def _lost(self, watch: Watch, problem: Unusable, now: float) -> None:
        watch.lost_memory(f"no shared memory: {problem}", now)
        self._came(watch.row.id)
        if problem.kind == ABSENT:
            self._bad.pop(watch.row.id, None)
        else:
            self._bad[watch.row.id] = (now + _LASTING_S if problem.is_passing else now, problem)
        self._listener.tell(watch.row.id)

    def _report(self, now: float) -> None:
        """Tell of troubles that do not pass by themselves."""
        for monitor_id, (due, problem) in list(self._bad.items()):
            if monitor_id not in self._listener.watches:
                del self._bad[monitor_id]
            elif due <= now:
                hint = problem.hint or "slower sources serve meanwhile; restart the monitor in ZoneMinder if it stays so"
                self._trouble.report(f"monitor {monitor_id}: {problem}", hint=hint, code=problem.kind)
                self._bad[monitor_id] = (float("inf"), problem)

    def _took(self, watch: Watch, sample: Sample, now: float) -> None:
        before, forced = watch.sample, watch.trigger.force
        watch.saw(sample, now)
        if watch.zone_watch.complains():
            self._trouble.report(
                f"monitor {watch.row.id}: its daemon names other zones than those that it seems to see motion in",
                hint="zones edited by the API are read by a restart of the monitor; until then their scores are not used",
                code=f"zones {watch.row.id}",
            )
        if before is None or sample.sign != before.sign:
            self._came(watch.row.id)
        if self._bad.pop(watch.row.id, None) and not self._bad:
            self._trouble.over()
        if before is None or before.startup != sample.startup:
            watch.is_foreign = False
            if self._foreign.is_foreign(watch):
                self._disown(watch)
        if watch.is_foreign:
            return
        if before is None or before.urgent != sample.urgent or forced is not watch.trigger.force:
            if before is not None:
                self._expect(watch, before, sample)
            self._listener.tell(watch.row.id)

    def _came(self, monitor_id: str) -> None:
        awaited = self._awaited.pop(monitor_id, None)
        if awaited is not None:
            awaited.set()

    def _disown(self, watch: Watch) -> None:
        watch.is_foreign, watch.memory_problem = True, "no shared memory: the file belongs to another ZoneMinder"
        self._trouble.report(
            f"monitor {watch.row.id}: the file belongs to another ZoneMinder",
            hint="set shared_memory: to this ZoneMinder's directory, or to false",
            code="foreign",
        )
        self._listener.tell(watch.row.id)

    def _expect(self, watch: Watch, before: Sample, sample: Sample) -> None:
        is_new = sample.last_event != before.last_event
        if is_new:
            self._listener.expect_event(sample.last_event)
        # A short alarm may have come and gone between two looks.
        has_ended = sample.alarm is AlarmState.IDLE and (is_new or before.alarm is not AlarmState.IDLE)
        if has_ended and watch.row.shows_alarms_as_events:
            self._listener.expect_end(sample.last_event)
