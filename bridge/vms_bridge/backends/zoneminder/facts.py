"""What a connection is built upon, its version and its time zone: learnt at its beginning, and asked for again and again."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.local_time import KEPT_OFFSET
from vms_bridge.errors import TimedOut, VmsAuthFailed, VmsError, VmsProtocolError
from vms_bridge.zoneminder import NotThere
from vms_bridge.zoneminder.parse import parse_time_zone, parse_version

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.local_time import LocalTime
    from vms_bridge.clock import Clock
    from vms_bridge.logs import Trouble
    from vms_bridge.zoneminder.memory import Version

_LOG = logging.getLogger(__name__)
_VERSION, _ZONE = "host/getVersion", "host/getTimeZone"
_KEPT_ZONE = "time_zone"
_AGAIN_S = (0.5, 1.0, 2.0, 4.0)
"""When a zone that nobody knows yet is asked for again before the connection counts as open."""
_SOON_S = _AGAIN_S[:2]
"""The same where the last known one can serve."""
_PATIENCE_S = 10.0
_TRY_S = 3.0


class VersionChanged(VmsError):
    """Another version answers than the one that this connection was made for: it is to begin anew."""


class Facts:
    """The version and the time zone of one connection."""

    def __init__(self, name: str, api: Api, feed: Feed, clock: Clock, *, local: LocalTime, trouble: Trouble) -> None:
        self._name, self._api, self._feed, self._clock = name, api, feed, clock
        self._local, self._trouble = local, trouble
        self.version: Version = (0, 0, 0)
        self.version_text: str | None = None

    async def learn(self) -> None:
        """Find out which version this is, and in which zone its times are. Raises VmsError."""
        version = parse_version(await self._greeting())
        if version is None:
            raise VmsProtocolError("ZoneMinder does not say what version it is", hint="check that url: leads to a ZoneMinder")
        self.version, self.version_text = version, ".".join(map(str, version))
        if not self._local.is_known:
            kept = {"tz": await self._feed.kept(_KEPT_ZONE)}
            self._local.set_zone(await asyncio.to_thread(parse_time_zone, kept))
        await self._learn_zone()
        self._local.recall(await self._feed.kept(KEPT_OFFSET))

    async def refresh(self) -> bool:
        """Ask for both again, and say whether the time zone is another one. Raises VersionChanged and other VmsErrors."""
        try:
            version = parse_version(await self._api.get(_VERSION))
        except VmsProtocolError:
            version = None
        if version is not None and version != self.version:
            now = ".".join(map(str, version))
            raise VersionChanged(f"ZoneMinder is version {now} now, it was {self.version_text}")
        before = self._local.zone
        try:
            await self._ask_zone()
        except (VmsAuthFailed, VmsProtocolError, TimedOut) as error:
            self._log_trouble(error)
        return before != self._local.zone

    async def _greeting(self) -> object:
        try:
            answer = await self._api.get_without_token(_VERSION)
        except VmsAuthFailed:
            return await self._api.get(_VERSION)
        self._api.auth.is_off = True
        return answer

    async def _learn_zone(self) -> None:
        """Ask for the zone until it is reported, but not for long: what it does not say is done without. Raises VmsError."""
        until = self._clock.monotonic() + _PATIENCE_S
        waits = iter(() if self._trouble.is_on else _SOON_S if self._local.is_known else _AGAIN_S)
        while True:
            try:
                await self._ask_zone()
            except (VmsAuthFailed, VmsProtocolError, TimedOut) as error:
                wait_s = next(waits, None)
                is_final = isinstance(error, VmsAuthFailed | NotThere)
                if is_final or wait_s is None or self._clock.monotonic() + wait_s + _TRY_S > until:
                    self._log_trouble(error)
                    return
                await self._clock.sleep(wait_s)
            else:
                return

    async def _ask_zone(self) -> None:
        answer = await self._api.get(_ZONE, timeout_s=_TRY_S)
        # The zone's rules are read from a file.
        zone = await asyncio.to_thread(parse_time_zone, answer)
        if zone is None:
            self._log_trouble("it names none that is known here")
            return
        self._trouble.over()
        if zone != self._local.zone:
            await self._take_over(zone)

    async def _take_over(self, zone: ZoneInfo) -> None:
        if self._local.zone is not None:
            _LOG.warning("%s: ZoneMinder's time zone is %s now, it was %s", self._name, zone.key, self._local.name)
        self._local.set_zone(zone)
        await self._feed.keep(_KEPT_ZONE, zone.key)

    def _log_trouble(self, problem: object) -> None:
        known = self._local.name
        meanwhile = f"its times are read in {known}, as before" if known else "start and end of its events are unknown"
        hint = "set TIMEZONE under Options > System, or date.timezone in its php.ini"
        self._trouble.report(f"ZoneMinder does not say what its time zone is ({problem}); {meanwhile}", hint=hint)
