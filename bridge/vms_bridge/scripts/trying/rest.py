"""Knows when nothing is left to do in a trial but to let time pass."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from vms_bridge.clock import SystemClock
from vms_bridge.errors import BridgeError
from vms_bridge.scripts.trying.still import look_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock

_TURNS = 25
"""So often the event loop goes round until all that is ready in the bridge's own part has run."""
_LOOK_S = 0.0005
_PATIENCE_S = 60.0
"""How long, by the machine's time, a script may be at work at one moment of the trial's."""
_ASLEEP_S = 1.0
"""A handler that waits for nothing of the bridge's, and sleeps, is waited for so long: then it waits for another handler."""


class NeverAtRest(BridgeError):
    """The script is at work without an end."""

    code = "timeout"


class Worked(Protocol):
    """What is at work, as far as this has to know it."""

    @property
    def pid(self) -> int:
        """The process's number."""

    @property
    def news(self) -> int:
        """Counts what has come from there."""

    @property
    def is_over(self) -> bool:
        """Whether the process has ended."""

    @property
    def is_answering(self) -> bool:
        """Whether anything is under way for it that does not wait for time to pass, or for something to happen."""

    @property
    def waits_for_itself(self) -> bool:
        """Whether a handler is under way, and nothing that it has asked for."""


async def come_to_rest(worked: Worked, clock: Clock | None = None, *, looks: Callable[[int], object] = look_at) -> None:
    """Wait until the worker waits, and the bridge has done all that is to be done for it. Raises NeverAtRest."""
    clock = clock or SystemClock()
    began_s, asleep_s = clock.monotonic(), None
    while not worked.is_over:
        await _turn()
        before, news = looks(worked.pid), worked.news
        await _turn()
        is_still = before is not None and not worked.is_answering and (before, news) == (looks(worked.pid), worked.news)
        now_s = clock.monotonic()
        if not is_still:
            asleep_s = None
        elif not worked.waits_for_itself:
            return
        elif asleep_s is None:
            asleep_s = now_s
        elif now_s - asleep_s > _ASLEEP_S:
            return
        if now_s - began_s > _PATIENCE_S:
            hint = "does it go round in a loop, or sleep by other means than `await sleep(...)` of vms_bridge.script?"
            raise NeverAtRest(f"the script is still at work after {_PATIENCE_S:g} s", hint=hint)
        await clock.sleep(_LOOK_S)
    await _turn()


async def _turn() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
