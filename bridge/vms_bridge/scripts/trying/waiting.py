"""What a script of a trial waits for: time, something that happens, and its turn."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import Field

from vms_bridge.errors import BridgeError
from vms_bridge.scripts.permissions import sees
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.scripts.triggers.spec import read_wait
from vms_bridge.scripts.triggers.triggers import ScriptTriggers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.triggers.schedule import Site
    from vms_bridge.scripts.values import Occurrence, Trigger


class TurnNeverCame(BridgeError):
    """Others have held a lock for too long."""

    code = "timeout"


class AskedTimer(Asked):
    """For so long."""

    seconds: float = Field(ge=0, le=366 * 86_400)


class AskedWait(Asked):
    """Until that happens."""

    trigger: dict[str, Any]
    timeout_s: float | None = Field(default=None, ge=0)


class AskedLock(Asked):
    """Until nobody else holds it."""

    name: str
    timeout_s: float | None = Field(default=None, ge=0)
    line: int = 0


class AskedRelease(Asked):
    """Let others have their turn."""

    lock: int


class Waiting:
    """All that is waited for."""

    def __init__(self, clock: Clock, site: Site) -> None:
        self._clock, self._site = clock, site
        self._waits: set[ScriptTriggers] = set()
        self._locks: dict[str, asyncio.Lock] = {}
        self._held: dict[int, asyncio.Lock] = {}
        self._numbers = itertools.count(1)

    def take(self, occurrence: Occurrence) -> None:
        """Let whoever waits for this go on."""
        for wait in tuple(self._waits):
            wait.take(occurrence)

    async def timer(self, _asker: Asker, asked: AskedTimer, _data: bytes) -> Answered:
        """Answer when that time is over."""
        await self._clock.sleep(asked.seconds)
        return Answered({"now": self._clock.now().timestamp()})

    async def wait(self, asker: Asker, asked: AskedWait, _data: bytes) -> Answered:
        """Answer when it happens, or not in time. Raises TriggerRefused."""
        permissions = asker.permissions
        trigger = read_wait(asked.trigger, permissions, self._site)
        happened: asyncio.Future[Occurrence] = asyncio.get_running_loop().create_future()

        def deliver(_trigger: Trigger, occurrence: Occurrence) -> None:
            if not happened.done():
                happened.set_result(occurrence)

        wait = ScriptTriggers(
            [trigger], self._clock, deliver, sees=lambda monitor: not monitor[1] or sees(permissions, monitor), site=self._site
        )
        running = asyncio.create_task(wait.run(), name="trial: wait")
        self._waits.add(wait)
        try:
            async with self._clock.timeout(asked.timeout_s):
                occurrence = await happened
        except TimeoutError:
            return Answered({"timed_out": True, "now": self._clock.now().timestamp()})
        finally:
            self._waits.discard(wait)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        return Answered({"what": occurrence.what, "now": self._clock.now().timestamp()}, occurrence.data)

    async def acquire(self, _asker: Asker, asked: AskedLock, _data: bytes) -> Answered:
        """Answer when nobody else holds it. Raises TurnNeverCame."""
        lock = self._locks.setdefault(asked.name, asyncio.Lock())
        try:
            async with self._clock.timeout(asked.timeout_s):
                await lock.acquire()
        except TimeoutError:
            raise TurnNeverCame(f"{asked.name!r} is still held by another handler") from None
        number = next(self._numbers)
        self._held[number] = lock
        return Answered({"lock": number})

    async def release(self, _asker: Asker, asked: AskedRelease, _data: bytes) -> Answered:
        """Let others have their turn."""
        if (lock := self._held.pop(asked.lock, None)) is not None:
            lock.release()
        return Answered()

    async def now(self, _asker: Asker, _asked: Asked, _data: bytes) -> Answered:
        """Return the time."""
        return Answered({"now": self._clock.now().timestamp()})


def rows(waiting: Waiting) -> Sequence[ServiceRow]:
    """Return what can be asked of it."""
    return (
        ServiceRow(what="timer.open", asked=AskedTimer, do=waiting.timer, rate=100, burst=200),
        ServiceRow(what="wait.open", asked=AskedWait, do=waiting.wait, rate=20, burst=64),
        ServiceRow(what="lock.acquire", asked=AskedLock, do=waiting.acquire, rate=50, burst=100),
        ServiceRow(what="lock.release", asked=AskedRelease, do=waiting.release, rate=50, burst=100),
        ServiceRow(what="clock.now", asked=Asked, do=waiting.now),
    )
