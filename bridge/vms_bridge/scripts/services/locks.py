"""Named locks, the same for all scripts: what must not be done twice at a time is done by who holds one."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from vms_bridge.errors import BridgeError, NotFound, TooManyRequests
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker

_LOGGER = logging.getLogger(__name__)
MOST_HELD = 32
"""How many locks one worker may hold and wait for, together."""
MOST_WAIT_S = 600.0
MOST_HOLD_S = 3_600.0
"""How long anybody may hold a lock: what was forgotten must not shut all others out for ever."""
_MOST_TOLD = 8
"""How many scripts of a circle are named."""


class LockHeld(BridgeError):
    """A lock was not free in time."""

    code = "timeout"


class AskedLock(Asked):
    """Which lock, and how long it may take until it is free."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    timeout_s: Annotated[float, Field(gt=0, le=MOST_WAIT_S, allow_inf_nan=False)] = 10.0
    line: Annotated[int, Field(ge=0, lt=2**31)] = 0


class AskedRelease(Asked):
    """Which of those that are held, by the number that `lock.acquire` gave."""

    lock: Annotated[int, Field(ge=0)]


@dataclass(slots=True, eq=False)
class _Claim:
    """Somebody holds a lock, or waits for it."""

    number: int
    name: str
    asker: Asker
    since_s: float
    granted: asyncio.Future[None]
    line: int = 0
    """Where the script asks for it."""
    forget: Callable[[], None] = lambda: None
    watch: asyncio.Task[None] | None = None
    """Takes it away in time."""


class Locks:
    """Who holds which, and who waits, in the order in which they came; a worker that ends holds nothing any more.

    `tell` gets a script's name and a text for its author: it has held a lock for so long that it was taken away.
    """

    def __init__(self, clock: Clock, tell: Callable[[str, str], None]) -> None:
        self._clock, self._tell = clock, tell
        self._queues: dict[str, deque[_Claim]] = {}
        """Of each lock that somebody holds: the first one in its queue does."""
        self._claims: dict[int, _Claim] = {}
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._claims)

    async def acquire(self, asker: Asker, asked: AskedLock, _: bytes) -> Answered:
        """Return the number of the lock once it is the asker's. Raises LockHeld, which says who holds it."""
        if sum(claim.asker is asker for claim in self._claims.values()) >= MOST_HELD:
            raise TooManyRequests(
                f"a script holds and waits for {MOST_HELD} locks at most", hint="release those that are done with"
            )
        claim = self._claim(asker, asked.name, asked.line)
        try:
            async with self._clock.timeout(asked.timeout_s):
                await claim.granted
        except TimeoutError:
            text, hint = self._blame(claim, asked.timeout_s)
            self._end(claim)
            raise LockHeld(text, hint=hint) from None
        except BaseException:
            self._end(claim)
            raise
        claim.since_s = self._clock.monotonic()
        claim.watch = asyncio.create_task(self._take_away(claim), name=f"lock {claim.name}: held by {asker.name}")
        return Answered({"lock": claim.number})

    async def release(self, asker: Asker, asked: AskedRelease, _: bytes) -> Answered:
        """Let go of a lock. Raises NotFound for one that the asker does not hold."""
        claim = self._claims.get(asked.lock)
        if claim is None or claim.asker is not asker or not claim.granted.done():
            raise NotFound(f"this script holds no lock {asked.lock}", hint="was it released already, or held too long?")
        self._end(claim)
        return Answered()

    async def _take_away(self, claim: _Claim) -> None:
        """Take a lock from who holds it for too long."""
        await self._clock.sleep(MOST_HOLD_S)
        claim.watch = None
        self._end(claim)
        text = f"the lock {claim.name!r} was taken away, for it was held for {MOST_HOLD_S / 60:g} minutes; others may hold it now"
        self._tell(claim.asker.name, f"line {claim.line}: {text}")

    def _claim(self, asker: Asker, name: str, line: int) -> _Claim:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        claim = _Claim(next(self._numbers), name, asker, self._clock.monotonic(), future, line)
        self._claims[claim.number] = claim
        queue = self._queues.setdefault(name, deque())
        queue.append(claim)
        claim.forget = asker.at_end(lambda: self._end(claim))
        if queue[0] is claim:
            future.set_result(None)
        return claim

    def _end(self, claim: _Claim) -> None:
        """Take somebody out of the queue; the next one's turn comes."""
        if self._claims.pop(claim.number, None) is None:
            return
        claim.forget()
        claim.granted.cancel()
        if claim.watch is not None:
            claim.watch.cancel()
        queue = self._queues[claim.name]
        queue.remove(claim)
        if not queue:
            del self._queues[claim.name]
        elif not queue[0].granted.done():
            queue[0].granted.set_result(None)

    def _blame(self, claim: _Claim, waited_s: float) -> tuple[str, str]:
        """Say who holds a lock, and whether those who wait for each other do so in a circle."""
        holder = self._queues[claim.name][0]
        held_s = self._clock.monotonic() - holder.since_s
        who = "this script itself" if holder.asker is claim.asker else f"the script {holder.asker.name}"
        text = f"the lock {claim.name!r} was not free within {waited_s:g} s: {who} has held it for {held_s:.1f} s"
        circle = list(self._circle(claim))
        if not circle:
            return (
                text,
                "does who holds it wait for something slow? `async with lock(...)` should be around as little as possible",
            )
        told = " -> ".join(circle)
        _LOGGER.warning("scripts wait for each other's locks: %s", told)
        return f"{text}; they wait for each other: {told}", "take several locks in the same order everywhere"

    def _circle(self, claim: _Claim) -> Iterator[str]:
        """Yield who waits for which lock, from this claim back to its asker; nothing where there is no such circle."""
        told, seen = list[str](), set[int]()
        current = claim
        while current.number not in seen and len(told) < _MOST_TOLD:
            seen.add(current.number)
            told.append(f"{current.asker.name} waits for {current.name!r}")
            holder = self._queues[current.name][0].asker
            if holder is claim.asker:
                yield from told if len(told) > 1 else ()
                return
            waiting = [one for one in self._claims.values() if one.asker is holder and not one.granted.done()]
            if not waiting:
                return
            current = waiting[0]


def rows(clock: Clock, tell: Callable[[str, str], None]) -> Sequence[ServiceRow]:
    """Return what can be asked for."""
    locks = Locks(clock, tell)
    return (
        ServiceRow(what="lock.acquire", asked=AskedLock, do=locks.acquire, rate=50.0, burst=100.0),
        ServiceRow(what="lock.release", asked=AskedRelease, do=locks.release, rate=100.0, burst=200.0),
    )
