"""A script on trial with what happens now, in the time of this machine; what it does is written down, and not done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.clock import SystemClock
from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.trying.bridge import MadeUpBridge
from vms_bridge.scripts.trying.running import Running
from vms_bridge.scripts.trying.transcript import Transcript
from vms_bridge.scripts.trying.trial import called, load_in, site_of, started

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
    clock = SystemClock()
    transcript = Transcript(clock, told)
    running = Running(trial.name, trial.header.permissions, transcript, clock)
    bridge = MadeUpBridge(trial.answers, clock, site_of(trial), running)

    async with started(trial, running, bridge), called(bridge, await load_in(trial, running, clock)):
        bridge.begin(occurrences.of("startup", {}))
        await listen(bridge.take, bridge.world.take)
    if running.gone is not None:
        running.fail("worker", running.gone.in_words, hint=running.gone.hint)
    return not transcript.failures
