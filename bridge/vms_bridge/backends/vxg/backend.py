"""The VXG backend: what the bridge calls, and the session that serves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.traffic import MeasuredClient, Traffic
from vms_bridge.backends.vxg.actions import mark, perform
from vms_bridge.backends.vxg.annotating import annotate
from vms_bridge.backends.vxg.archive import Archive
from vms_bridge.backends.vxg.checkup import examine
from vms_bridge.backends.vxg.connection import Connection, client
from vms_bridge.backends.vxg.session import Session, lost
from vms_bridge.concealment import Secrets
from vms_bridge.errors import UnsupportedCommand

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from vms_bridge.backends.base import Feed, Finding
    from vms_bridge.backends.vxg.config import VxgConfig
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.http import HttpClient
    from vms_bridge.measures import Reading
    from vms_bridge.model import Enrichment, EventRef, PictureRef


class VxgBackend:
    """The adapter of one group of channels."""

    def __init__(self, system: str, config: VxgConfig, clock: Clock) -> None:
        self._system, self._config, self._clock = system, config, clock
        self.secrets = Secrets.of(config)
        self._traffic = Traffic(system, clock)
        self._session: Session | None = None
        self.archive = Archive(self._live, clock)

    @property
    def url(self) -> str | None:
        """There is no page that leads to a group by its token."""
        return None

    async def run(self, feed: Feed) -> None:
        """Connect and report what happens until cancelled. Raises VmsError when the system is lost."""
        try:
            async with client(self._config, self._clock, through=self._measured) as vxg:
                connection = Connection(name=self._system, vxg=vxg, feed=feed, clock=self._clock, config=self._config)
                self._session = Session(connection)
                await self._session.serve()
        finally:
            self._session = None

    async def execute(self, target: VmsTarget, action: Action) -> None:
        """Have the VMS do this. Raises CommandRejected, UnsupportedCommand or VmsError."""
        session = self._live()
        if target.event_id is not None:
            await mark(session, target.event_id, action)
        elif target.monitor_id is not None:
            await perform(session, target.monitor_id, action)
        else:
            raise UnsupportedCommand(f"a VXG Cloud VMS can't do this: {type(action).__name__}")

    async def refresh(self, target: VmsTarget) -> None:
        """Read it now. Raises VmsError."""
        if target.event_id is not None:
            await self._live().events.refresh(target.event_id)
        else:
            await self._live().refresh(target.monitor_id)

    async def picture(self, ref: PictureRef) -> bytes:
        """Return a JPEG. Raises MediaUnavailable or VmsError."""
        return await self.archive.picture(ref)

    @property
    def annotate(self) -> Callable[[EventRef, Enrichment], Awaitable[None]] | None:
        """What notes at an event what others have found out about it; None where the VMS is not to be written to."""
        return self._annotate if self._config.write_metadata else None

    async def check(self) -> Sequence[Finding]:
        """Try the connection and report in words."""
        return await examine(self._config, self._clock)

    def readings(self) -> Iterator[Reading]:
        """Yield how long its requests took."""
        yield from self._traffic.readings()

    async def _annotate(self, event: EventRef, enrichment: Enrichment) -> None:
        await annotate(self._live(), event.id, enrichment)

    def _live(self) -> Session:
        if self._session is None:
            raise lost(self._system)
        return self._session

    def _measured(self, http: HttpClient) -> MeasuredClient:
        return MeasuredClient(http, self._traffic)
