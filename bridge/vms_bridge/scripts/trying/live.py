"""A script on trial with what happens now, in the time of this machine; what it does is written down, and not done."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from vms_bridge.clock import SystemClock
from vms_bridge.scripts.permissions import sees
from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.triggers.triggers import ScriptTriggers
from vms_bridge.scripts.trying.bridge import MadeUpBridge
from vms_bridge.scripts.trying.running import Running
from vms_bridge.scripts.trying.transcript import EntryKind, Transcript
from vms_bridge.scripts.trying.trial import load_in, site_of, started, triggers_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.scripts.trying.transcript import Entry
    from vms_bridge.scripts.trying.trial import Trial
    from vms_bridge.scripts.values import Occurrence

    Take = Callable[[Occurrence], None]


async def live(trial: Trial, listen: Callable[[Take, Take], Awaitable[None]], told: Callable[[Entry], None]) -> bool:
    """Run it until `listen` ends, which is given what takes what happens, and what takes what was so before.

    `told` hears each entry of the transcript. Returns whether nothing has failed. Raises TrialFailed, and what `listen` raises.
    """
    clock, site, permissions = SystemClock(), site_of(trial), trial.header.permissions
    transcript = Transcript(clock, told)
    running = Running(trial.name, permissions, transcript, clock)
    triggers: list[Take] = []

    def happened(occurrence: Occurrence) -> None:
        bridge.take(occurrence)
        for take in triggers:
            take(occurrence)

    def heard(occurrence: Occurrence) -> None:
        running.note(EntryKind.HAPPENED, occurrence.kind, {"what": occurrences.told(occurrence)})
        happened(occurrence)

    bridge = MadeUpBridge(trial.answers, clock, site, happened=happened, tell=running.tell)
    async with started(trial, running, bridge):
        declared = await load_in(trial, running, clock)
        bridge.outside.declared(declared.entities)
        calls = ScriptTriggers(
            triggers_of(trial, declared, site),
            clock,
            running.deliver,
            sees=lambda monitor: not monitor[1] or sees(permissions, monitor),
            site=site,
            tell=lambda text: running.logged("warning", text, None),
        )
        triggers.append(calls.take)
        timing = asyncio.create_task(calls.run(), name="live: triggers")
        try:
            calls.take(occurrences.of("startup", {}))
            await listen(heard, bridge.take)
        finally:
            calls.close()
            timing.cancel()
            with suppress(asyncio.CancelledError):
                await timing
    if running.gone is not None:
        running.fail("worker", running.gone.in_words, hint=running.gone.hint)
    return not transcript.failures
