"""The ZoneMinder backend: what the bridge calls, and the connection that serves it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.actions import perform
from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.backends.zoneminder.checkup import examine
from vms_bridge.backends.zoneminder.media import Pictures
from vms_bridge.backends.zoneminder.session import Session
from vms_bridge.commands import Restart, SetRunState
from vms_bridge.errors import BridgeError, VmsUnreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from vms_bridge.backends.base import Feed, Finding
    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action
    from vms_bridge.model import PictureRef


class ZoneMinder:
    """The adapter of one configured ZoneMinder; holds at most one connection at a time."""

    def __init__(self, system: str, config: ZoneMinderConfig, clock: Clock) -> None:
        self._system, self._config, self._clock = system, config, clock
        self._session: Session | None = None
        self._pictures: Pictures | None = None

    @property
    def url(self) -> str | None:
        """Where a person can look at this ZoneMinder."""
        return self._config.url

    async def run(self, feed: Feed) -> None:
        """Connect and tell what happens until cancelled. Raises VmsError when the system is lost."""
        try:
            async with Api(self._config, self._clock) as api, self._connected(api, feed) as session:
                await session.open()
                self._session, self._pictures = session, Pictures(api, self._config.url, self._clock)
                await session.serve()
        except BaseExceptionGroup as group:
            raise _cause(group) from None

    async def execute(self, monitor_id: str | None, action: Action) -> None:
        """Have ZoneMinder do this. Raises CommandRejected, UnsupportedCommand or VmsError."""
        session = self._live()
        watch = None if monitor_id is None else session.watch(monitor_id)
        restarting = monitor_id if isinstance(action, Restart) else None
        if restarting is not None:
            session.mark_restart(restarting, is_due=True)
        try:
            if isinstance(action, SetRunState):
                begins_anew = await self._change_run_state(session, action)
            else:
                begins_anew = await perform(session.api, action, watch)
        except BaseException:
            if restarting is not None:
                session.mark_restart(restarting, is_due=False)
            raise
        if begins_anew:
            session.settle(list(session.watches) if monitor_id is None else [monitor_id])

    async def refresh(self, monitor_id: str | None) -> None:
        """Look now rather than at the next turn. Raises VmsError."""
        await self._live().refresh(monitor_id)

    async def picture(self, ref: PictureRef) -> bytes:
        """Return a JPEG. Raises MediaUnavailable or VmsError."""
        self._live()
        pictures = self._pictures
        if pictures is None:
            raise VmsUnreachable("ZoneMinder is not connected", system=self._system)
        return await pictures.fetch(ref)

    async def check(self) -> Sequence[Finding]:
        """Try the connection and report in words."""
        return await examine(self._config, self._clock)

    def _live(self) -> Session:
        if self._session is None:
            raise VmsUnreachable("ZoneMinder is not connected", system=self._system)
        return self._session

    async def _change_run_state(self, session: Session, action: SetRunState) -> bool:
        # It takes minutes on slow hosts, and must outlive a connection that is lost meanwhile.
        async with Api(self._config, self._clock) as api:
            api.auth.is_off = session.api.auth.is_off
            return await perform(api, action, None)

    @asynccontextmanager
    async def _connected(self, api: Api, feed: Feed) -> AsyncIterator[Session]:
        session = Session(self._system, self._config, self._clock, api, feed)
        try:
            yield session
        finally:
            self._session = self._pictures = None
            session.close()


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the loss, or the failing store, that ended the loops; a fault of the program keeps its whole group."""
    lost, rest = group.split(BridgeError)
    if lost is None or rest is not None:
        return group
    first: BaseException = lost
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
