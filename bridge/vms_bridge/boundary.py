"""Where the faults of one part end: foreign work runs in a task of its own, for a limited time, and comes to an end for us.

Whatever the work does, `attempt` returns what came of it: a value, an exception (one that is no `Exception`, and a
cancellation that nobody asked for, too), or that it was not done in time. Work that does not even end when it is cancelled
is left behind, and logged.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from vms_bridge.explaining import is_defect
from vms_bridge.logs import redact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")
_P = ParamSpec("_P")
GRACE_S = 1.0
"""How long work may take to end when it is cancelled, as its contract says."""
_MOST_KINDS = 64


@dataclass(frozen=True, slots=True)
class Outcome(Generic[_T]):
    """What came of work: one of these."""

    value: _T | None = None
    error: BaseException | None = None
    is_late: bool = False
    """Whether it was not done in time, or before the boundary was closed."""


class Boundary:
    """The border to one part, whose name is for people."""

    def __init__(self, part: str, clock: Clock) -> None:
        self._part, self._clock = part, clock
        self._reported: set[str] = set()
        self._closed: asyncio.Future[None] | None = None
        self.is_closed = False
        """Whether nothing is to be done any more."""
        self.strays: set[asyncio.Task[Any]] = set()
        """What could not be ended."""

    def close(self) -> None:
        """End what is under way, and do nothing more."""
        self.is_closed = True
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    async def attempt(
        self, name: str, work: Callable[[], Awaitable[_T]], *, limit_s: float | None = None, grace_s: float = GRACE_S
    ) -> Outcome[_T]:
        """Have it done and return what came of it; raises nothing but the caller's own cancellation."""
        if self.is_closed:
            return Outcome(is_late=True)
        if self._closed is None:
            self._closed = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(_settle(work), name=f"{self._part}: {name}")
        either: list[asyncio.Future[Any]] = [task, self._closed]
        outcome: Outcome[_T] = Outcome(is_late=True)
        try:
            with suppress(TimeoutError):
                async with self._clock.timeout(limit_s):
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                outcome = task.result()
        finally:
            if not task.done():
                await self._end(name, task, grace_s)
        if outcome.error is not None:
            self.report_defect(name, outcome.error)
        return outcome

    def do(self, name: str, work: Callable[_P, None], *args: _P.args, **kwargs: _P.kwargs) -> None:
        """Do what waits for nothing, here and now; an exception ends here, and is logged as one that `attempt` has met."""
        try:
            work(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the border: whatever it is, it ends here
            self.report_defect(name, error)

    def report_defect(self, name: str, error: BaseException) -> None:
        """Log what nobody has foreseen with its traceback, each kind once; whoever asked reports what follows from it."""
        if not is_defect(error):
            return
        kind = f"{name} {type(error).__name__} {_place(error)}"
        if kind in self._reported or len(self._reported) >= _MOST_KINDS:
            return
        self._reported.add(kind)
        _LOGGER.error("%s failed in an unforeseen way (%s)", self._part, name, exc_info=error)

    async def _end(self, name: str, task: asyncio.Task[Outcome[_T]], grace_s: float) -> None:
        task.cancel()
        try:
            async with self._clock.timeout(grace_s):
                await asyncio.wait({task})
        except TimeoutError:
            _LOGGER.error("%s does not end when it is cancelled (%s); it is left behind", self._part, name)  # noqa: TRY400 - not ours
        finally:
            if not task.done():
                self.strays.add(task)
                task.add_done_callback(self.strays.discard)


async def _settle(work: Callable[[], Awaitable[_T]]) -> Outcome[_T]:
    try:
        return Outcome(value=await work())
    except KeyboardInterrupt:
        raise  # somebody at a terminal means the whole program
    except BaseException as error:  # noqa: BLE001 - the border: whatever it is, it ends here
        return Outcome(error=error)


def _place(error: BaseException) -> str:
    """Return where in the program it was raised: the same defect may word itself differently each time."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{redact(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
