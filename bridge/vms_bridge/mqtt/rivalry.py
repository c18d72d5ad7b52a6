"""Two bridges of one name on one broker: who stays, and who refuses to run.

Each receives the other's hello live. Who has been at work for a while answers with its own and stays; a newcomer that
receives such an answer refuses. Of two newcomers the one with the smaller id challenges once before it gives in.
"""

from __future__ import annotations

import asyncio
from collections import deque
from json import loads
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.errors import RivalBridge

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock

_ANSWERS = 3
_ANSWERS_PER_S = 10.0


class Rivalry:
    """Judges hellos that came in; `answer` sends our own hello again, `is_established` says if we are no newcomer."""

    def __init__(
        self, *, instance: str, bridge_id: str, clock: Clock, is_established: Callable[[], bool], answer: Callable[[], None]
    ) -> None:
        self._instance = instance
        self._bridge_id = bridge_id
        self._clock = clock
        self._is_established = is_established
        self._answer = answer
        self._answers: deque[float] = deque(maxlen=_ANSWERS)
        self._challenged = False
        self._lost = asyncio.Event()

    @property
    def is_lost(self) -> bool:
        """Whether the name belongs to another bridge."""
        return self._lost.is_set()

    def is_foreign(self, info: bytes | None) -> bool:
        """Say whether this is the hello of another bridge."""
        return _bridge_id(info) not in {None, self._bridge_id}

    def heard(self, info: bytes) -> None:
        """Take note of a hello that was just published."""
        if not self.is_foreign(info):
            return
        if not self._is_established():
            if self._challenged or self._bridge_id > (_bridge_id(info) or ""):
                self._lost.set()
                return
            self._challenged = True
        now = self._clock.monotonic()
        if len(self._answers) < _ANSWERS or now - self._answers[0] >= _ANSWERS_PER_S:
            self._answers.append(now)
            self._answer()

    async def run(self) -> NoReturn:
        """Wait for defeat. Raises RivalBridge."""
        await self._lost.wait()
        raise RivalBridge(
            f"another bridge with the instance name {self._instance!r} is at work on this broker",
            hint="Give this one another `instance`, or stop the other.",
        )


def _bridge_id(info: bytes | None) -> str | None:
    """Return the bridge id in a hello, or None if it is none."""
    try:
        hello = loads(info or b"")
    except (ValueError, RecursionError):
        return None
    other = hello.get("bridge_id") if isinstance(hello, dict) else None
    return other if isinstance(other, str) else None
