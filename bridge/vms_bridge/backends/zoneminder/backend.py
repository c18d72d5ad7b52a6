"""The ZoneMinder backend: what the bridge calls, and the connection that serves it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from vms_bridge import metrics
from vms_bridge.backends.traffic import Traffic
from vms_bridge.backends.zoneminder.absence import Absence
from vms_bridge.backends.zoneminder.actions import perform
from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.backends.zoneminder.archive import Archive, Recordings
from vms_bridge.backends.zoneminder.checkup import examine
from vms_bridge.backends.zoneminder.facts import VersionChanged
from vms_bridge.backends.zoneminder.fallback import Fallback
from vms_bridge.backends.zoneminder.follower import LastRead
from vms_bridge.backends.zoneminder.hook import event_receiver
from vms_bridge.backends.zoneminder.line import CONNECTIONS, Line
from vms_bridge.backends.zoneminder.remarks import Remarks
from vms_bridge.backends.zoneminder.session import ZoneMinderSession
from vms_bridge.backends.zoneminder.system import SystemCache
from vms_bridge.backoff import Backoff
from vms_bridge.commands import GoToPreset, MoveCamera, Restart, SetPreset, SetRunState
from vms_bridge.concealment import Secrets
from vms_bridge.errors import BridgeError, CommandRejected, VmsAuthFailed, VmsError, VmsUnreachable
from vms_bridge.explaining import causes
from vms_bridge.http import CONNECTIONS as API_CONNECTIONS
from vms_bridge.logs import Trouble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from vms_bridge.backends.base import Feed, Finding
    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.backends.zoneminder.hook import Announced
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.measures import Reading
    from vms_bridge.model import PictureRef


_LOG = logging.getLogger(__name__)
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 5.0
_REFUSED_WAIT_S = 30.0
# So often a refused login is tried again soon: a database that starts refuses everybody.
_REFUSALS = 20


class ZoneMinder:
    """The adapter of one configured ZoneMinder; holds at most one connection at a time."""

    def __init__(self, system: str, config: ZoneMinderConfig, clock: Clock) -> None:
        self._system, self._config, self._clock = system, config, clock
        self.secrets = Secrets.of(config)
        """The passwords, and the tokens that were got by them."""
        self._session: ZoneMinderSession | None = None
        self._cache = SystemCache(absence=Absence(system, clock))
        self._last_read, self._remarks = LastRead(), Remarks(system)
        self._traffic = Traffic(system, clock)
        self._trouble = Trouble(_LOG, f"{system}: ZoneMinder's API", clock.monotonic)
        self._lost: ZoneMinderSession | None = None
        """The connection that was served last, until somebody goes on with it."""
        self._recordings: Recordings | None = None
        self.archive = Archive(self._live_recordings)

    @property
    def url(self) -> str | None:
        """Where a person can look at this ZoneMinder."""
        return self._config.url

    async def run(self, feed: Feed) -> None:
        """Connect and report what happens until cancelled. Raises VmsError when the system is lost, its shared memory too."""
        feed.open_receiver(event_receiver(self._announced))
        async with Line(self._api(connections=CONNECTIONS)) as line:
            await self._run(feed, line)

    async def _run(self, feed: Feed, line: Line) -> None:
        fallback = Fallback(self._clock)
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        try:
            while True:
                try:
                    await self._serve(feed, fallback, line)
                except VersionChanged as change:
                    _LOG.warning("%s: %s; a new connection begins", self._system, change)
                    self._lost = None  # what it knew of the memory's layout is no longer so
                    await self._clock.sleep(_FIRST_WAIT_S)
                except VmsError as error:
                    if not fallback.is_on:
                        backoff.reset()
                    if not self._falls_back(fallback, error):
                        raise
                    is_refused = isinstance(error, VmsAuthFailed) and backoff.failures > _REFUSALS
                    await self._clock.sleep(backoff.failed(longest_s=_REFUSED_WAIT_S if is_refused else None))
        finally:
            await fallback.stop()

    async def _serve(self, feed: Feed, fallback: Fallback, line: Line) -> None:
        """Serve by one connection until it is lost. Raises VmsError.

        In a task of its own: before Python 3.13 a task group forgets a stop for a loss of the same moment.
        """
        task = asyncio.create_task(self._serve_by_one(feed, fallback, line), name=f"{self._system}: connection")
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # called, though a stop comes first
        task.result()

    async def _serve_by_one(self, feed: Feed, fallback: Fallback, line: Line) -> None:
        try:
            async with self._api() as api, self._connected(api, feed) as session:
                await session.open()
                await fallback.stop()
                self._trouble.over()
                self._session, self._recordings = session, Recordings(session, line)
                await session.serve()
        except BaseExceptionGroup as group:
            raise _cause(group) from None

    def _falls_back(self, fallback: Fallback, error: VmsError) -> bool:
        """Go on by shared memory alone where that is possible, and say whether it is."""
        lost, self._lost = self._lost, None
        if not (fallback.is_of_use if fallback.is_on else lost is not None and fallback.start(lost, error)):
            return False
        self._trouble.report(f"{error}; alarms still come by shared memory", hint=error.hint, code=error.code)
        return True

    async def execute(self, target: VmsTarget, action: Action) -> None:
        """Have ZoneMinder do this. Raises CommandRejected, UnsupportedCommand or VmsError."""
        session, monitor_id = self._live(), target.monitor_id
        if target.event_id is not None:
            await self._change_event(session, target.event_id, action)
            return
        ladder = None if monitor_id is None else session.ladders.by_id.get(monitor_id)
        restarting = monitor_id if isinstance(action, Restart) else None
        if restarting is not None:
            await session.monitors.announce_restart(restarting)
        try:
            if isinstance(action, SetRunState):
                begins_anew = await self._change_run_state(session, action)
            elif isinstance(action, MoveCamera | GoToPreset | SetPreset):
                await session.monitors.cameras.tell(ladder, action)
                begins_anew = False
            else:
                begins_anew = await perform(session.api, action, ladder)
        except BaseException:
            if restarting is not None:
                session.monitors.take_restart_back(restarting)
            raise
        if ladder is not None:
            session.was_commanded(ladder, action)
        if begins_anew:
            session.monitors.settle(list(session.ladders.by_id) if monitor_id is None else [monitor_id])

    async def refresh(self, target: VmsTarget) -> None:
        """Refresh now rather than at the next turn. Raises VmsError."""
        if target.event_id is not None:
            await self._live().event_commands.refresh(target.event_id)
            return
        await self._live().refresh(target.monitor_id)

    async def picture(self, ref: PictureRef) -> bytes:
        """Return a JPEG. Raises MediaUnavailable or VmsError."""
        return await self._live().picture(ref)

    async def check(self) -> Sequence[Finding]:
        """Try the connection and report in words."""
        return await examine(self._config, self._clock, self.secrets)

    def readings(self) -> Iterator[Reading]:
        """Yield how long its requests took, and how many it may make."""
        yield from self._traffic.readings()
        allowances = {} if self._session is None else self._session.allowances
        for purpose, allowance in allowances.items():
            yield metrics.VMS_ALLOWED.of(allowance.left, self._system, purpose)

    def _api(self, *, connections: int = API_CONNECTIONS) -> Api:
        return Api(self._config, self._clock, self._remarks, self.secrets, traffic=self._traffic, connections=connections)

    async def _announced(self, said: Announced) -> None:
        self._live().announcements.note(said.event)

    def _live(self) -> ZoneMinderSession:
        if self._session is None:
            raise VmsUnreachable("ZoneMinder is not connected", system=self._system)
        return self._session

    def _live_recordings(self) -> Recordings:
        if self._recordings is None:
            raise VmsUnreachable("ZoneMinder is not connected", system=self._system)
        return self._recordings

    async def _change_event(self, session: ZoneMinderSession, event_id: str, action: Action) -> None:
        try:
            await session.event_commands.perform(event_id, action)
        except CommandRejected:
            session.ladders.emit_system()  # a refusal may say what this user can't do at all
            raise

    async def _change_run_state(self, session: ZoneMinderSession, action: SetRunState) -> bool:
        # It takes minutes on slow hosts, and must outlive a connection that is lost meanwhile.
        async with self._api() as api:
            api.auth.is_off = session.api.auth.is_off
            return await perform(api, action, None)

    @asynccontextmanager
    async def _connected(self, api: Api, feed: Feed) -> AsyncIterator[ZoneMinderSession]:
        session = ZoneMinderSession(
            self._system, self._config, self._clock, api, feed, cache=self._cache, last_read=self._last_read
        )
        try:
            yield session
        finally:
            self._lost = self._session
            self._session = self._recordings = None
            session.close()


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the loss, or the failing store, that ended the loops; a fault of the program keeps its whole group."""
    lost, rest = group.split(BridgeError)
    return group if lost is None or rest is not None else next(causes(lost))
