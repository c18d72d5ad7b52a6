"""Tells the hub what happens by the rules of cameras, as events of the bridge's own: begun, ended, and with their picture."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn, Protocol

from vms_bridge.detect.camera_rules import CameraRules
from vms_bridge.detect.happenings import Phase
from vms_bridge.errors import ContributionRefused, StoreError
from vms_bridge.logs import Trouble
from vms_bridge.model import EventKind, OwnEvent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.detect.config_cameras import CameraSettings
    from vms_bridge.detect.happenings import Happening
    from vms_bridge.detect.values import Found
    from vms_bridge.model import EventRef
    from vms_bridge.views import MonitorKey

    KeepPicture = Callable[[MonitorKey, EventRef, Happening], Awaitable[bool]]
    """Keeps the picture of what has begun, and says whether there is one."""

_LOGGER = logging.getLogger(__name__)
MOST_WAITING = 500
"""So many events wait to be told at most: what begins beyond that is dropped, and counted."""
_STORE_AGAIN_S = 5.0
_SAYS = {
    EventKind.LINE_CROSSING: "line {place} crossed, {direction}",
    EventKind.ZONE: "zone {place} entered",
    EventKind.LOITERING: "loitering in zone {place}",
    EventKind.ABANDONED_OBJECT: "object left in zone {place}",
    EventKind.REMOVED_OBJECT: "object removed from zone {place}",
}


class Teller(Protocol):
    """Who tells events: the hub's contributor."""

    async def tell(self, monitor: MonitorKey, event: OwnEvent, ref: EventRef | None = None) -> EventRef:
        """Tell of an event, or of how the one is now that was told as `ref`. Raises ContributionRefused or StoreError."""


@dataclass(slots=True, eq=False)
class _Told:
    """An event that was told, or is to be."""

    monitor: MonitorKey
    happening: Happening
    event: OwnEvent
    ref: EventRef | None = None
    waits: bool = False
    is_pictured: bool = False


class RuleEvents:
    """The rules of all cameras that are looked at, and what is to be told of them; frames never wait for it."""

    def __init__(self, teller: Teller, clock: Clock, *, keep_picture: KeepPicture | None = None) -> None:
        self._teller, self._clock, self._keep_picture = teller, clock, keep_picture
        self._cameras: dict[MonitorKey, CameraRules] = {}
        self._open: dict[tuple[MonitorKey, str], _Told] = {}
        self._waiting: deque[_Told] = deque()
        self._news = asyncio.Event()
        self._trouble = Trouble(_LOGGER, "an event of a rule is not told", clock.monotonic)
        self._begun = 0
        self.dropped = 0
        """How many events were not told because too many waited, or the hub would not have them."""

    def use(self, monitor: MonitorKey, settings: CameraSettings | None, vms_zones: Sequence[str] = ()) -> None:
        """Have a camera looked at by these rules from now on; None: not any more. What goes on by those before it ends.

        `vms_zones` are the names of its VMS's zones that include.
        """
        before = self._cameras.pop(monitor, None)
        if before is not None:
            self._take(monitor, before.end())
        if settings is not None:
            self._begun += 1
            self._cameras[monitor] = CameraRules(settings, vms_zones, prefix=f"{self._begun}.")

    def frame(self, monitor: MonitorKey, time_s: float, found: Sequence[Found]) -> tuple[Found, ...]:
        """Return what was found in the camera's next frame, each with its track. `time_s` is of the monotonic clock."""
        rules = self._cameras.get(monitor)
        if rules is None:
            return tuple(found)
        tracked, told = rules.frame(time_s, found)
        self._take(monitor, told)
        return tracked

    def still(self, monitor: MonitorKey, time_s: float) -> tuple[Found, ...]:
        """Do the same with a frame that was not looked at, because nothing had moved."""
        rules = self._cameras.get(monitor)
        if rules is None:
            return ()
        tracked, told = rules.still(time_s)
        self._take(monitor, told)
        return tracked

    async def run(self) -> NoReturn:
        """Tell the hub, until cancelled; what is open then is ended by the hub, with the contributor."""
        while True:
            while self._waiting:
                told = self._waiting.popleft()
                told.waits = False
                await self._tell(told)
            self._news.clear()
            await self._news.wait()

    def _take(self, monitor: MonitorKey, happenings: Sequence[Happening]) -> None:
        for happening in happenings:
            if happening.phase is Phase.ENDED:
                ended = self._open.pop((monitor, happening.key), None)
                if ended is not None:
                    ended.event = replace(ended.event, end=max(ended.event.start, self._at(happening.time_s)))
                    self._put(ended)
                continue
            if len(self._waiting) >= MOST_WAITING:
                self._drop(f"{MOST_WAITING} wait already")
                continue
            told = _Told(monitor, happening, self._event(happening))
            if happening.phase is Phase.BEGAN:
                self._open[monitor, happening.key] = told
            self._put(told)

    def _put(self, told: _Told) -> None:
        if not told.waits:
            told.waits = True
            self._waiting.append(told)
            self._news.set()

    def _event(self, happening: Happening) -> OwnEvent:
        at = self._at(happening.time_s)
        direction = None if happening.direction is None else str(happening.direction)
        return OwnEvent(
            kind=happening.kind,
            start=at,
            end=at if happening.phase is Phase.MOMENT else None,
            cause=_SAYS[happening.kind].format(place=happening.place, direction=direction),
            labels=() if happening.label is None else (happening.label,),
            score=happening.score,
            zones=(happening.place,),
            direction=direction,
        )

    def _at(self, time_s: float) -> datetime:
        return self._clock.now() - timedelta(seconds=max(0.0, self._clock.monotonic() - time_s))

    async def _tell(self, told: _Told) -> None:
        try:
            told.ref = await self._teller.tell(told.monitor, told.event, told.ref)
        except (ContributionRefused, StoreError) as error:
            if isinstance(error, StoreError) and told.ref is not None:  # it is open, and nobody else would end it
                self._trouble.report(error)
                await self._clock.sleep(_STORE_AGAIN_S)
                self._put(told)
            else:
                self._drop(error)
            return
        self._trouble.over()
        if self._keep_picture is None or told.is_pictured:
            return
        told.is_pictured = True
        if await self._keep_picture(told.monitor, told.ref, told.happening):
            told.event = replace(told.event, snapshot_ready=True)
            self._put(told)

    def _drop(self, why: object) -> None:
        self.dropped += 1
        self._trouble.report(why)
