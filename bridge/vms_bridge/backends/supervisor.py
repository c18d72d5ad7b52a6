"""Keeps one backend running: starts it anew after each loss, waits longer each time, and says why only once."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

from vms_bridge.errors import BridgeError, VmsAuthFailed
from vms_bridge.model import SystemLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.backends.base import Backend, Feed
    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)
_LONGEST_WAIT_S = 5.0
"""Short, so that all is true again within 10 s of a VMS's return; one attempt in 5 s burdens nobody."""
_AUTH_WAIT_S = 30.0
"""Wrong credentials do not mend themselves, and some sites lock an account after a few failures."""
_HEALTHY_S = 30.0
_REMIND_S = 900.0


class Supervisor:
    """The owner of one backend's `run`."""

    def __init__(
        self, system: str, backend: Backend, feed: Feed, clock: Clock, *, jitter: Callable[[], float] = random.random
    ) -> None:
        self._system = system
        self._backend = backend
        self._feed = feed
        self._clock = clock
        self._jitter = jitter
        self._told: str | None = None
        self._told_at = 0.0
        self._losses = 0

    async def run(self) -> None:
        """Run the backend until cancelled, whatever happens to it."""
        while True:
            started = self._clock.monotonic()
            error = await self._run_once()
            if self._clock.monotonic() - started > _HEALTHY_S:
                self._losses = 0
            detail = f"{error}: {error.hint}" if error.hint else str(error)
            self._feed.emit(SystemLost(detail=detail))
            self._tell(detail)
            longest = _AUTH_WAIT_S if isinstance(error, VmsAuthFailed) else _LONGEST_WAIT_S
            wait = min(longest, 0.5 * 2**self._losses)
            self._losses = min(self._losses + 1, 10)
            await self._clock.sleep(wait * (0.75 + 0.25 * self._jitter()))

    async def _run_once(self) -> BridgeError:
        """Return why the backend ended; the boundary at which even a defect of one backend stops."""
        try:
            await self._backend.run(self._feed)
        except BridgeError as error:
            return error
        except Exception as error:
            _LOGGER.exception("system %s: the backend failed in an unforeseen way; it is started anew", self._system)
            return BridgeError(f"internal error: {type(error).__name__}: {error}")
        return BridgeError("the backend ended by itself")

    def _tell(self, detail: str) -> None:
        now = self._clock.monotonic()
        if detail != self._told or now - self._told_at > _REMIND_S:
            _LOGGER.warning("system %s is lost: %s", self._system, detail)
            self._told, self._told_at = detail, now
