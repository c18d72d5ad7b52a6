"""Shared memory as a source: follows that of all monitors, and reports at once what matters at once."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.identity import ForeignMemory
from vms_bridge.backends.zoneminder.sources.memory_evidence import STEP_UP_S
from vms_bridge.logs import Trouble
from vms_bridge.zoneminder import AlarmState
from vms_bridge.zoneminder.memory import ABSENT, Unusable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.ladders import Ladders
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
    from vms_bridge.backends.zoneminder.sampler import Sampler
    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder.memory import Sample

    class EventReader(Protocol):
        """Reads events, and wants to know of them before their rows are there."""

        def expect_event(self, event_id: int) -> None:
            """Note that an event begins whose row may not be there yet."""

        def expect_end(self, event_id: int) -> None:
            """Note that an event is about to be closed."""


_LOG = logging.getLogger(__name__)
_FRAME_S = 10.0
"""As long as it takes the slowest of cameras to send a frame."""
_LASTING_S = 10.0
"""From when on a trouble that should have passed is worth a line in the log."""


class SharedMemory:
    """The shared memory of one connection's monitors; `follow` it, and `close` it when done.

    `events` is who reads events; None while nobody can.
    """

    def __init__(
        self, name: str, api: Api, clock: Clock, ladders: Ladders, sampler: Sampler, *, events: EventReader | None = None
    ) -> None:
        self._clock, self._ladders, self._sampler, self._events = clock, ladders, sampler, events
        self._foreign = ForeignMemory(api)
        self._trouble = Trouble(_LOG, f"{name}: shared memory", clock.monotonic)
        self._awaited: dict[str, asyncio.Event] = {}
        """By monitor: what is set at its next frame."""
        self._bad: dict[str, tuple[float, Unusable]] = {}
        """By monitor: when to report its trouble, and which it is."""

    @property
    def has_doubts(self) -> bool:
        """Whether it is still to be found out of some monitor's memory whose it is."""
        return self._foreign.has_doubts

    async def follow(self) -> None:
        """Read many times a second, until cancelled."""
        while True:
            self._process(await self._sampler.changes(self._shown()))

    async def read(self) -> None:
        """Read every monitor for the first time; what is good need not prove itself for a moment."""
        self._process(await self._sampler.read(self._shown()), head_start_s=STEP_UP_S)

    def _shown(self) -> Mapping[str, int]:
        return {number: ladder.zone_watch.count for number, ladder in self._ladders.by_id.items() if ladder.is_shown}

    def _process(self, changes: Mapping[str, Sample | Unusable], *, head_start_s: float = 0.0) -> None:
        now, ladders = self._clock.monotonic(), self._ladders.by_id
        for monitor_id, seen in changes.items():
            ladder = ladders.get(monitor_id)
            if ladder is None:
                continue
            if isinstance(seen, Unusable):
                self._lost(ladder, seen, now)
            else:
                self._took(ladder, seen, now - head_start_s)
        self._report(now)

    async def compare(self, newest: int) -> None:
        """Find out, where it is in doubt, whether the files belong to this ZoneMinder. Raises VmsUnreachable."""
        if self._foreign.has_doubts:
            for monitor_id in await self._foreign.resolve(self._ladders.by_id, newest):
                self._disown(self._ladders.by_id[monitor_id])

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

    def _lost(self, ladder: MonitorLadder, problem: Unusable, now: float) -> None:
        ladder.lost_memory(f"no shared memory: {problem}", now)
        self._came(ladder.row.id)
        if problem.kind == ABSENT:
            self._bad.pop(ladder.row.id, None)
        else:
            self._bad[ladder.row.id] = (now + _LASTING_S if problem.is_passing else now, problem)
        self._ladders.emit_state(ladder.row.id)

    def _report(self, now: float) -> None:
        """Report troubles that do not pass by themselves."""
        for monitor_id, (due, problem) in list(self._bad.items()):
            if monitor_id not in self._ladders.by_id:
                del self._bad[monitor_id]
            elif due <= now:
                hint = problem.hint or "slower sources serve meanwhile; restart the monitor in ZoneMinder if it stays so"
                self._trouble.report(f"monitor {monitor_id}: {problem}", hint=hint, code=problem.kind)
                self._bad[monitor_id] = (float("inf"), problem)

    def _took(self, ladder: MonitorLadder, sample: Sample, now: float) -> None:
        before, forced = ladder.memory.sample, ladder.memory.trigger.force
        ladder.saw(sample, now)
        if ladder.zone_watch.complains():
            self._trouble.report(
                f"monitor {ladder.row.id}: its daemon names other zones than those that it seems to see motion in",
                hint="zones edited by the API are read by a restart of the monitor; until then their scores are not used",
                code=f"zones {ladder.row.id}",
            )
        if before is None or sample.sign != before.sign:
            self._came(ladder.row.id)
        if self._bad.pop(ladder.row.id, None) and not self._bad:
            self._trouble.over()
        if (before is None or before.startup != sample.startup) and self._foreign.is_foreign(ladder):
            self._disown(ladder)
        if ladder.memory.is_foreign:
            return
        if before is None or before.urgent != sample.urgent or forced is not ladder.memory.trigger.force:
            if before is not None:
                self._expect(ladder, before, sample)
            self._ladders.emit_state(ladder.row.id)

    def _came(self, monitor_id: str) -> None:
        awaited = self._awaited.pop(monitor_id, None)
        if awaited is not None:
            awaited.set()

    def _disown(self, ladder: MonitorLadder) -> None:
        ladder.disown_memory("no shared memory: the file belongs to another ZoneMinder")
        self._trouble.report(
            f"monitor {ladder.row.id}: the file belongs to another ZoneMinder",
            hint="set shared_memory: to this ZoneMinder's directory, or to false",
            code="foreign",
        )
        self._ladders.emit_state(ladder.row.id)

    def _expect(self, ladder: MonitorLadder, before: Sample, sample: Sample) -> None:
        if self._events is None:
            return
        is_new = sample.last_event != before.last_event
        if is_new:
            self._events.expect_event(sample.last_event)
        # A short alarm may have come and gone between two samples.
        has_ended = sample.alarm is AlarmState.IDLE and (is_new or before.alarm is not AlarmState.IDLE)
        if has_ended and ladder.row.shows_alarms_as_events:
            self._events.expect_end(sample.last_event)
