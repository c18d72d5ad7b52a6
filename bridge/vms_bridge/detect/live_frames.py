"""Looks at live pictures: of each camera the newest one, each camera in its turn, and only where something has moved.

Pictures are fetched by a task for each camera and looked at by a few for all of them, so that neither waits for the other.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

from vms_bridge.detect.cameras import is_watchable
from vms_bridge.detect.results import objects
from vms_bridge.detect.slots import Slots
from vms_bridge.detect.values import Pixels
from vms_bridge.errors import BridgeError, ContributionRefused, DetectionFailed, PictureRefused
from vms_bridge.logs import Trouble
from vms_bridge.model import Capability, LivePicture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vms_bridge.detect.cameras import Looking
    from vms_bridge.detect.config_cameras import CameraSettings
    from vms_bridge.detect.tools import Tools
    from vms_bridge.detect.values import Found, Looked, Picture
    from vms_bridge.views import HubView, MonitorKey, MonitorView

_LOGGER = logging.getLogger(__name__)
AT_ONCE = 4
"""How many pictures are with the engine at a time: one more than it decodes, so that it never waits."""
MOST_CAMERAS = 1_000
VIDEO_FPS = 1.0
"""From so many pictures a second on a camera's video is decoded; for fewer, single pictures cost less."""
_WIDTH = 1_280
_WINDOW_S = 10.0
_IN_VAIN = 0.6
"""A video of whose pictures that share makes room for newer ones unseen is too much for who looks."""
_SURPLUS_S = 600.0
"""So long single pictures are asked for then, each when it can be looked at: all that is fetched costs the bridge time."""
_FETCH_S = 15.0
_FIRST_S, _LONGEST_S = 2.0, 60.0
_AGAIN_S = 20.0
"""So often something that stands still is looked at again: the hub takes it for gone after a minute without a word."""
_APART_S = 1.0
"""How soon the same is told again."""


class Moves(Protocol):
    """What sees whether something moves: the engine."""

    async def motion(self, camera: str, picture: Picture) -> float:
        """Return which share of the picture has changed since the one before. Raises DetectionFailed."""


class Follows(Protocol):
    """What follows things from frame to frame, and tells of what they do (`rule_events.RuleEvents`)."""

    def use(self, monitor: MonitorKey, settings: CameraSettings | None, vms_zones: Sequence[str] = ()) -> None:
        """Follow what a camera shows by these rules, and its VMS's zones, from now on; None: it is not looked at any more."""

    def frame(self, monitor: MonitorKey, time_s: float, found: Sequence[Found]) -> tuple[Found, ...]:
        """Return what was found, each with its track."""

    def still(self, monitor: MonitorKey, time_s: float) -> tuple[Found, ...]:
        """Note that nothing has moved."""


@dataclass(frozen=True, slots=True)
class _Taken:
    picture: Picture
    at: float


@dataclass(slots=True)
class _Shown:
    """What was told of a camera last, and when it was looked at."""

    labels: tuple[str, ...] | None = None
    told_at: float = 0.0
    looked_at: float | None = None
    last: tuple[Picture, Looked] | None = None
    """The picture that was looked at last, and what was in it."""


class _Surplus:
    """Whether a video brings more than can be looked at."""

    def __init__(self, now_s: float) -> None:
        self._since_s, self._all, self._in_vain = now_s, 0, 0

    def is_too_much(self, now_s: float, *, is_in_vain: bool) -> bool:
        """Count a picture; say whether it has been so for a while."""
        self._all += 1
        self._in_vain += is_in_vain
        if now_s - self._since_s < _WINDOW_S:
            return False
        is_so = self._in_vain > self._all * _IN_VAIN
        self._since_s, self._all, self._in_vain = now_s, 0, 0
        return is_so


class LiveFrames:
    """The cameras whose live pictures are looked at."""

    def __init__(self, tools: Tools, moves: Moves, follows: Follows | None = None) -> None:
        self._hub, self._clock, self._cameras, self._looks = tools.hub, tools.clock, tools.cameras, tools.looks
        self._contributor, self._pictures, self._statistics = tools.contributor, tools.pictures, tools.statistics
        self._moves, self._follows = moves, follows
        self._slots: Slots[MonitorKey, _Taken] = Slots()
        self._feeds: dict[MonitorKey, tuple[Looking, asyncio.Task[NoReturn]]] = {}
        self._shown: dict[MonitorKey, _Shown] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def feeds(self) -> int:
        """How many cameras are looked at now."""
        return len(self._feeds)

    def last(self, monitor: MonitorKey) -> tuple[Picture, Looked] | None:
        """Return the picture of a camera that was looked at last, with what was found in it."""
        shown = self._shown.get(monitor)
        return None if shown is None else shown.last

    def refresh(self) -> None:
        """Look whether other cameras are to be looked at now."""
        self._changed.set()

    def changed(self, monitors: Iterable[MonitorKey]) -> None:
        """Do so if one of these is to be looked at, or no more, or in another way."""
        for key in monitors:
            view, feed = self._hub.monitor(*key), self._feeds.get(key)
            if (None if view is None else self._wanted(view)) is not (None if feed is None else feed[0]):
                self.refresh()

    async def run(self) -> NoReturn:
        """Look at them until cancelled."""
        self._feeds.clear()
        async with asyncio.TaskGroup() as group:
            for number in range(AT_ONCE):
                group.create_task(self._look_on(), name=f"detect: live {number}")
            while True:
                self._changed.clear()
                self._match(group)
                await self._changed.wait()

    def _match(self, group: asyncio.TaskGroup) -> None:
        """Begin and end to look, so that those cameras are looked at that are to be."""
        wanted = {looking.key: looking for view in _monitors(self._hub) if (looking := self._wanted(view)) is not None}
        for key, (looking, task) in list(self._feeds.items()):
            if wanted.get(key) is not looking:
                task.cancel()
                self._use(key, None)
                del self._feeds[key]
                self._slots.discard(key)
                self._shown.pop(key, None)
        for key, looking in list(wanted.items())[:MOST_CAMERAS]:
            if key not in self._feeds:
                self._use(key, looking.camera, looking.vms_zones)
                self._feeds[key] = looking, group.create_task(self._feed(looking), name=f"detect: {'/'.join(key)}")

    def _use(self, key: MonitorKey, settings: CameraSettings | None, vms_zones: Sequence[str] = ()) -> None:
        if self._follows is not None:
            self._follows.use(key, settings, vms_zones)

    def _wanted(self, view: MonitorView) -> Looking | None:
        looking = self._cameras.of(view)
        return looking if looking is not None and looking.is_on and looking.has_live and is_watchable(view) else None

    async def _feed(self, looking: Looking) -> NoReturn:
        """Have the camera's newest picture in its slot, again and again."""
        name = "/".join(looking.key)
        trouble = Trouble(_LOGGER, f"detection has no live pictures of {name}", self._clock.monotonic)
        wait_s = _FIRST_S
        while True:
            began = self._clock.monotonic()
            try:
                if looking.camera.fps >= VIDEO_FPS and self._has_video(looking.key):
                    await self._from_video(looking, trouble)
                else:
                    await self._from_stills(looking, trouble)
            except (BridgeError, TimeoutError) as error:
                hint, code = (error.hint, error.code) if isinstance(error, BridgeError) else ("", "timeout")
                trouble.report(str(error) or "no picture came in time", hint=hint, code=code)
            wait_s = _FIRST_S if self._clock.monotonic() - began >= _LONGEST_S else min(_LONGEST_S, wait_s * 2)
            await self._clock.sleep(wait_s)

    def _has_video(self, key: MonitorKey) -> bool:
        view = self._hub.monitor(*key)
        return view is not None and Capability.LIVE_STREAM in view.monitor.capabilities

    async def _from_video(self, looking: Looking, trouble: Trouble) -> None:
        """Take pictures of its video; single ones for a while where that can't be had, or brings too many."""
        system, monitor = looking.key
        view = self._hub.monitor(system, monitor)
        has_stills = view is not None and Capability.LIVE_PICTURE in view.monitor.capabilities
        stills_s = 0.0
        try:
            async with self._hub.frames(system, monitor, looking.camera.fps, width=_WIDTH) as pictures:
                surplus = _Surplus(self._clock.monotonic())
                async for one in pictures:
                    trouble.over()
                    is_in_vain = self._put(looking, one if isinstance(one, bytes) else Pixels(one.width, one.height, one.pixels))
                    if surplus.is_too_much(self._clock.monotonic(), is_in_vain=is_in_vain) and has_stills:
                        stills_s = _SURPLUS_S
                        break
        except BridgeError:
            if not has_stills:
                raise
            stills_s = _LONGEST_S
        if stills_s:
            await self._from_stills_for(stills_s, looking, trouble)

    async def _from_stills_for(self, seconds: float, looking: Looking, trouble: Trouble) -> None:
        async with self._clock.timeout(seconds) as limit:
            try:
                await self._from_stills(looking, trouble)
            except TimeoutError:
                if not limit.expired():
                    raise

    async def _from_stills(self, looking: Looking, trouble: Trouble) -> NoReturn:
        """Ask for a picture at a time, and for no other while that has not been looked at. Raises BridgeError, TimeoutError."""
        system, monitor = looking.key
        interval_s = 1.0 / looking.camera.fps
        while True:
            began = self._clock.monotonic()
            if looking.key not in self._slots:
                async with self._clock.timeout(_FETCH_S):
                    picture = await self._hub.picture(system, LivePicture(monitor=monitor))
                trouble.over()
                self._put(looking, picture)
            await self._clock.sleep(max(0.01, interval_s - (self._clock.monotonic() - began)))

    def _put(self, looking: Looking, picture: Picture) -> bool:
        """Have this be its newest picture; say whether the one before has waited in vain."""
        feed = self._feeds.get(looking.key)
        if feed is None or feed[0] is not looking:
            return False
        is_in_vain = looking.key in self._slots
        if is_in_vain:
            self._statistics.dropped(looking.key)
        self._slots.put(looking.key, _Taken(picture, self._clock.monotonic()))
        return is_in_vain

    async def _look_on(self) -> NoReturn:
        while True:
            key, taken = await self._slots.take()
            feed = self._feeds.get(key)
            if feed is None:
                continue
            try:
                await self._look(feed[0], taken)
            except PictureRefused as error:
                self._statistics.refused(error)
            except DetectionFailed as error:
                self._statistics.failed(error)
                await self._clock.sleep(_APART_S)  # an engine that is being started anew
            except ContributionRefused:
                self.refresh()

    async def _look(self, looking: Looking, taken: _Taken) -> None:
        """Look at a picture, if something has moved in it. Raises DetectionFailed, ContributionRefused."""
        key, camera = looking.key, looking.camera
        shown = self._shown.setdefault(key, _Shown())
        now = self._clock.monotonic()
        if camera.motion.gate:
            changed = await self._moves.motion("/".join(key), taken.picture)
            every_s = min(camera.motion.at_least_every_s, _AGAIN_S) if shown.labels else camera.motion.at_least_every_s
            is_due = shown.looked_at is None or now - shown.looked_at >= every_s
            if changed < camera.motion.least_share and not is_due:
                self._statistics.still += 1
                if self._follows is not None:
                    self._follows.still(key, taken.at)
                return
        shown.looked_at = now
        looked = await self._looks.look(looking, taken.picture)
        self._statistics.live_looked(key, self._clock.monotonic() - taken.at)
        if self._feeds.get(key, (None,))[0] is not looking:
            return  # it is not to be looked at any more, and what it has shown has ended
        shown.last = taken.picture, looked
        found = looked.found if self._follows is None else self._follows.frame(key, taken.at, looked.found)
        self._tell(key, shown, found)
        if looked.found:
            self._looks.remember(looking, (looked,))
        if looked.new:
            await self._pictures.show(key, taken.picture, looked)

    def _tell(self, key: MonitorKey, shown: _Shown, found: Sequence[Found]) -> None:
        """Tell what is there now: another thing at once, the same again after a while, nothing once."""
        labels = tuple(sorted(one.label for one in found))
        now = self._clock.monotonic()
        if labels != shown.labels or (labels and now - shown.told_at >= _APART_S):
            self._contributor.detect(key, objects(found))
            shown.labels, shown.told_at = labels, now


def _monitors(hub: HubView) -> list[MonitorView]:
    return [view for system in hub.systems.values() for view in system.monitors.values()]
