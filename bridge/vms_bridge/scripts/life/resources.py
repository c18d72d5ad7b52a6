"""What workers use of the machine: the share of the processor that each may have, and the memory of all together.

Without cgroups: what they use is read from /proc again and again. Who has used more of the processor than its share is made to
stand still until that is due; who has too many threads is ended; where all use too much memory, the largest is. That one alone
does not use more memory than it may is for the kernel (RLIMIT_AS).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Protocol

from vms_bridge.logs import Trouble
from vms_bridge.scripts.life.meter import Usage
from vms_bridge.scripts.life.values import Cause
from vms_bridge.scripts.worker.lockdown import MOST_THREADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)
LOOK_S = 1.0
SAVED_S = 10.0
"""How much of its share a worker can save up: to start takes some, and what comes once in a while may be long."""
LONGEST_HOLD_S = 5.0
MOST_PROCESSOR_S = 20 * 3600.0
"""How much one worker may use in all: before the kernel ends it (RLIMIT_CPU, 24 h), another one takes its place."""
_SMOOTHED = 5.0
"""Over about how many looks a share is told."""


class Held(Protocol):
    """A worker, as far as it is looked after here."""

    def usage(self) -> Usage | None:
        """Return what it has used; None once it has ended. Raises OSError where that can't be read."""

    def hold(self) -> None:
        """Have it stand still."""

    def go_on(self) -> None:
        """Have it go on."""

    def end(self, cause: Cause, text: str, hint: str = "") -> None:
        """End it."""


@dataclass(slots=True)
class _Watched:
    worker: Held
    name: str
    used: Usage = field(default_factory=lambda: Usage(0.0, 0))
    left_s: float = 0.0
    """What it has left of its share; less than nothing while it is held."""
    is_held: bool = False
    share: float = 0.0
    """Of one processor, lately."""


class Resources:
    """Looks after all workers; `run` it."""

    def __init__(self, clock: Clock, *, share: float, most_bytes: int) -> None:
        self._clock, self._share, self._most_bytes = clock, share, most_bytes
        self._watched: dict[Held, _Watched] = {}
        self._trouble = Trouble(_LOGGER, "what scripts use of the machine can't be read", clock.monotonic)
        self.held = 0
        """How often a worker was held up."""

    def add(self, name: str, worker: Held) -> Callable[[], None]:
        """Look after this one too; what is returned ends that."""
        self._watched[worker] = _Watched(worker, name, left_s=SAVED_S * self._share)

        def remove() -> None:
            self._watched.pop(worker, None)

        return remove

    def used(self, worker: Held) -> Usage:
        """Return what it had used when it was looked at last."""
        watched = self._watched.get(worker)
        return Usage(0.0, 0) if watched is None else watched.used

    def share(self, worker: Held) -> float | None:
        """Return which share of one processor it takes, lately; None for one that is not looked after."""
        watched = self._watched.get(worker)
        return None if watched is None else round(watched.share, 3)

    async def run(self) -> NoReturn:
        """Look at them again and again, until cancelled; none is left standing still then."""
        before = self._clock.monotonic()
        try:
            while True:
                await self._clock.sleep(LOOK_S)
                now = self._clock.monotonic()
                await self._look(min(now - before, 2 * LOOK_S))
                before = now
        finally:
            for watched in self._watched.values():
                self._go_on(watched)

    async def _look(self, passed_s: float) -> None:
        """Look at each once. Not in a thread: who has taken all threads that there may be would never be ended then."""
        trouble = None
        for worker in list(self._watched):
            try:
                usage = worker.usage()
            except OSError as error:
                trouble = error
            else:
                if usage is not None and (watched := self._watched.get(worker)) is not None:
                    self._charge(watched, usage, passed_s)
            await asyncio.sleep(0)  # alarms first
        if trouble is None:
            self._trouble.over()
        else:
            self._trouble.report(str(trouble), hint="their share of the processor, their memory and threads are not bounded")
        self._bound_memory()

    def _charge(self, watched: _Watched, usage: Usage, passed_s: float) -> None:
        """Take what it has used off its share, and hold it or have it go on by what is left."""
        used_s = max(0.0, usage.processor_s - watched.used.processor_s)
        watched.used = usage
        if usage.processor_s > MOST_PROCESSOR_S:
            text = f"it has used {MOST_PROCESSOR_S / 3600:g} hours of the processor since it was started"
            watched.worker.end(Cause.PROCESSOR, text, "it is started anew: does it do more than it has to?")
        if usage.threads > MOST_THREADS:
            text = f"it has {usage.threads} threads, of {MOST_THREADS} that it may have"
            watched.worker.end(Cause.THREADS, text, "have it wait by `await`, which takes no thread")
        if passed_s > 0:
            watched.share += (used_s / passed_s - watched.share) / _SMOOTHED
        most_s = SAVED_S * self._share
        watched.left_s = max(-LONGEST_HOLD_S * self._share, min(most_s, watched.left_s + passed_s * self._share - used_s))
        if watched.left_s < 0 and not watched.is_held:
            watched.is_held = True
            self.held += 1
            watched.worker.hold()
        elif watched.left_s >= 0:
            self._go_on(watched)

    def _go_on(self, watched: _Watched) -> None:
        if watched.is_held:
            watched.is_held = False
            watched.worker.go_on()

    def _bound_memory(self) -> None:
        total = sum(watched.used.memory_bytes for watched in self._watched.values())
        if total <= self._most_bytes:
            return
        largest = max(self._watched.values(), key=lambda watched: watched.used.memory_bytes)
        text = (
            f"all scripts together used {total // 1024**2} MB of memory, of {self._most_bytes // 1024**2} MB that they may have,"
            f" and it the most of them: {largest.used.memory_bytes // 1024**2} MB"
        )
        largest.worker.end(Cause.MEMORY, text, "have it keep less, or give scripts more: scripts.memory_total_mb")
