"""Keeps one backend running: starts it anew after each loss, waits longer each time, and says why only once."""

from __future__ import annotations

import logging
import random
import threading
from typing import TYPE_CHECKING

from vms_bridge.backends.guard import Guard
from vms_bridge.backoff import Backoff
from vms_bridge.errors import BridgeError, VmsAuthFailed, VmsError, in_words
from vms_bridge.logs import Trouble, redact
from vms_bridge.model import FullState, SystemLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.backends.base import Backend, Feed
    from vms_bridge.clock import Clock
    from vms_bridge.concealment import Secrets
    from vms_bridge.model import Enrichment, EventBatch, Resume, Update
    from vms_bridge.receivers import Receiver, Registration

_LOGGER = logging.getLogger(__name__)
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 5.0
"""Short, so that all is true again within 10 s of a VMS's return; one attempt in 5 s burdens nobody."""
_AUTH_WAIT_S = 30.0
"""Wrong credentials do not mend themselves, and some sites lock an account after a few failures."""
_KNOWN_GOOD_S = 120.0
"""So soon after they were accepted the fault is rather the server's: a database that starts, a secret that changes."""


class Supervisor:
    """The owner of one backend's `run`; the feed that it hands on informs it when the backend is well."""

    def __init__(
        self,
        system: str,
        backend: Backend,
        feed: Feed,
        clock: Clock,
        *,
        secrets: Secrets | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._guard = Guard(system, backend, clock, secrets)
        self._feed = feed
        self._clock = clock
        self._jitter = jitter
        self._trouble = Trouble(_LOGGER, f"system {system} is lost", clock.monotonic)
        self._accepted_at = float("-inf")

    async def run(self) -> None:
        """Run the backend until cancelled, whatever happens to it."""
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        while True:
            started = self._clock.monotonic()
            error = await self._run_once()
            now = self._clock.monotonic()
            self._feed.emit(SystemLost(detail=redact(in_words(error)), code=error.code))
            self._trouble.report(error, hint=error.hint, code=error.code)
            is_refused = isinstance(error, VmsAuthFailed) and now - self._accepted_at > _KNOWN_GOOD_S
            wait_s = backoff.failed(lasted_s=now - started, longest_s=_AUTH_WAIT_S if is_refused else None)
            await self._clock.sleep(wait_s * (0.75 + 0.25 * self._jitter()))

    async def _run_once(self) -> BridgeError:
        """Return why the backend ended."""
        feed = _WatchedFeed(self._feed, self._is_well)
        try:
            await self._guard.run(feed)
        except BridgeError as error:
            return error
        finally:
            feed.close()
        return BridgeError("the backend ended by itself")

    def _is_well(self) -> None:
        self._accepted_at = self._clock.monotonic()
        self._trouble.over()


class _WatchedFeed:
    """The feed of one `run`: passes everything on until that has ended, and notes a snapshot: the system answers again."""

    def __init__(self, feed: Feed, on_snapshot: Callable[[], None]) -> None:
        self._feed = feed
        self._on_snapshot = on_snapshot
        self._thread = threading.get_ident()
        self._is_over = False
        self._receivers: list[Registration] = []

    def close(self) -> None:
        """Receive nothing more: what a backend has left running speaks of a connection that is over."""
        self._is_over = True
        for receiver in self._receivers:
            receiver.close()

    @property
    def resume(self) -> Resume:
        return self._feed.resume

    def shows(self, monitor_id: str, name: str) -> bool:
        return self._feed.shows(monitor_id, name)

    def emit(self, update: Update) -> None:
        if threading.get_ident() != self._thread:
            raise RuntimeError("emit is to be called on the event loop: by loop.call_soon_threadsafe from another thread")
        if self._is_over:
            return
        if isinstance(update, FullState):
            self._on_snapshot()
        self._feed.emit(update)

    async def record(self, batch: EventBatch) -> None:
        if self._is_over:
            raise VmsError("these events are of a connection that is over")
        await self._feed.record(batch)

    async def enrich(self, event_id: str, enrichment: Enrichment) -> None:
        if self._is_over:
            raise VmsError("this event is of a connection that is over")
        await self._feed.enrich(event_id, enrichment)

    async def mint(self, monitor_id: str, native_key: str) -> str:
        if self._is_over:
            raise VmsError("this event is of a connection that is over")
        return await self._feed.mint(monitor_id, native_key)

    async def keep(self, key: str, value: str | None) -> None:
        await self._feed.keep(key, value)

    async def kept(self, key: str) -> str | None:
        return await self._feed.kept(key)

    def open_receiver(self, receiver: Receiver) -> Registration:
        if self._is_over:
            raise VmsError("nothing is received for a connection that is over")
        opened = self._feed.open_receiver(receiver)
        self._receivers.append(opened)
        return opened
