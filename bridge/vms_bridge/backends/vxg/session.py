"""One connection to a VXG Cloud VMS, from its first answer to its loss."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from vms_bridge.backends.vxg.cameras import SOURCE, Cameras
from vms_bridge.backends.vxg.details import AGAIN_S, STEP_S, Details
from vms_bridge.backends.vxg.documents import Documents
from vms_bridge.backends.vxg.events import Events
from vms_bridge.backends.vxg.push import follow_alerts
from vms_bridge.backends.vxg.sampling import KeptSamplings
from vms_bridge.errors import CommandRejected, VmsUnreachable
from vms_bridge.logs import Trouble
from vms_bridge.model import Capability, SystemState

if TYPE_CHECKING:
    from vms_bridge.backends.vxg.cameras import Camera
    from vms_bridge.backends.vxg.connection import Connection
    from vms_bridge.vxg.alerts import Alert

_LOGGER = logging.getLogger(__name__)
_LEAST_S = 5.0
"""So long the list of channels is not asked for again, whoever wants it."""
_OWN = frozenset({Capability.ARCHIVE, Capability.EVENT_TAGS})
"""What can be asked for beside what channels can."""


class Session:
    """What `run` does with a connection, and what is asked of it meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._vxg, self._clock = connection, connection.vxg, connection.clock
        self._config = connection.config
        self.cameras = Cameras(connection.feed, self._config.poll_interval)
        reads = self._config.read_metadata
        self._documents = Documents(connection, self.cameras, missing=self._miss) if reads else None
        recorded = None if self._documents is None else self._documents.recorded
        self.events = Events(connection, self.cameras, missing=self._miss, recorded=recorded)
        self._details = Details(connection)
        self.samplings = KeptSamplings(connection)
        self._emptiness = Trouble(_LOGGER, f"{connection.name}: the group has no channels", connection.clock.monotonic)
        self._turn = asyncio.Lock()
        self._wanted = asyncio.Event()

    @property
    def connection(self) -> Connection:
        """By what it asks."""
        return self._connection

    async def serve(self) -> None:
        """Tell the whole truth, catch up, and follow, until cancelled. Raises VmsError, StoreError, or a group of them."""
        try:
            await self._serve()
        finally:
            self.events.close(lost(self._connection.name))

    async def _serve(self) -> None:
        await self._take_channels()
        if self._documents is not None:
            await self._documents.begin()
        rows = await self.events.begin()
        self.cameras.tell_all(self._state(), await self._vxg.now())
        await self.events.tell(rows)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.events.follow(), name=f"{self._connection.name}: events")
            group.create_task(self.events.end_in_time(), name=f"{self._connection.name}: ends of events")
            group.create_task(self.samplings.restore(), name=f"{self._connection.name}: rates of pictures")
            group.create_task(self._follow_channels(), name=f"{self._connection.name}: channels")
            group.create_task(self._follow_details(), name=f"{self._connection.name}: details")
            if self._documents is not None:
                group.create_task(self._documents.follow(), name=f"{self._connection.name}: documents")
            if self._config.push is not None:
                alerts = follow_alerts(self._connection, self._config.push.broker, self._alerted, self.events.hasten)
                group.create_task(alerts, name=f"{self._connection.name}: alerts")

    async def refresh(self, monitor_id: str | None) -> None:
        """Read one channel, or the list of all, and what has happened, now. Raises VmsError, CommandRejected."""
        if monitor_id is None:
            await self.read_channels()
        else:
            await self._read(self.camera(monitor_id), is_asked=True)
        await self.events.look()

    def camera(self, monitor_id: str) -> Camera:
        """Return the channel of this id. Raises CommandRejected."""
        number = int(monitor_id) if monitor_id.isascii() and monitor_id.isdigit() and len(monitor_id) <= 18 else -1
        camera = self.cameras.get(number)
        if camera is None or str(number) != monitor_id:
            raise CommandRejected(f"the group has no channel {monitor_id!r}", hint="was it taken out of the group?")
        return camera

    async def read_channels(self) -> None:
        """Read the list of channels, and tell what has changed. Raises VmsError."""
        async with self._turn:
            self._wanted.clear()
            await self._take_channels()
            self.cameras.tell(self._state(), await self._vxg.now())

    async def _take_channels(self) -> None:
        rows = await self._vxg.channels.list()
        self.cameras.take(rows)
        if rows:
            self._emptiness.over()
        else:
            self._emptiness.report("so there is nothing to show", hint="was that meant? `vms-bridge vxg groups add` adds some")

    async def _follow_channels(self) -> None:
        while True:
            await self._clock.sleep(_LEAST_S)
            try:
                async with self._clock.timeout(max(0.0, self._config.channels_interval - _LEAST_S)):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            await self.read_channels()

    async def _follow_details(self) -> None:
        """Read what each channel is besides, the one after the other; again after a while."""
        while True:
            began_s = self._clock.monotonic()
            for camera in list(self.cameras):
                if self.cameras.get(camera.row.id) is camera:
                    await self._read(camera)
                await self._clock.sleep(STEP_S)
            self.cameras.tell(self._state(), await self._vxg.now())
            await self._clock.sleep(max(STEP_S, AGAIN_S - (self._clock.monotonic() - began_s)))

    async def _read(self, camera: Camera, *, is_asked: bool = False) -> None:
        before = camera.monitor
        error = await self._details.read(camera)
        if error is not None and is_asked:
            raise error
        now = await self._vxg.now()
        if camera.monitor != before and (is_asked or len(self.cameras) <= 32):  # of many, all together at the end of the round
            self.cameras.tell(self._state(), now)
        self.cameras.tell_one(camera, now, anew=is_asked)

    def _alerted(self, alert: Alert) -> None:
        """Look at once: that there is something is said, and the list of events says what."""
        if alert.camera_id is None or self.cameras.get(alert.camera_id) is not None:
            self.events.hasten()

    def _miss(self) -> None:
        """Have the list of channels read soon: something has happened at one that is not in it."""
        self._wanted.set()

    def _state(self) -> SystemState:
        return SystemState(
            available=True,
            running=True,
            source=SOURCE,
            lag_s=self._config.poll_interval,
            capabilities=_OWN.union(*(camera.monitor.capabilities for camera in self.cameras)),
            observed=self._clock.now(),
        )


def lost(system: str) -> VmsUnreachable:
    """Return what to raise where there is no connection."""
    return VmsUnreachable("the VXG Cloud VMS is not connected", system=system)
