"""What is asked of detection by commands: how monitors are looked at from now on, and what is in a picture or an event."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from vms_bridge.archive import EventFrame
from vms_bridge.commands import DetectEvent, DetectNow, SetDetectionProfile, SetDetectionThreshold, SetObjectDetection
from vms_bridge.contributing import Performed
from vms_bridge.detect.fetching import fetch
from vms_bridge.detect.frames import frame_of, pick_frame
from vms_bridge.detect.results import in_a_line, said
from vms_bridge.errors import (
    CommandRejected,
    MediaBusy,
    MediaUnavailable,
    NoSuchEvent,
    PictureRefused,
    UnsupportedCommand,
)
from vms_bridge.model import LivePicture

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from vms_bridge.commands import Action, Target
    from vms_bridge.detect.cameras import Looking
    from vms_bridge.detect.tools import Tools
    from vms_bridge.detect.values import Looked
    from vms_bridge.model import EventRef
    from vms_bridge.views import MonitorKey

    Chosen = Callable[[MonitorKey], Awaitable[None]]

MOST_AT_ONCE = 4
"""How many may wait for an answer at a time: what is asked by hand must not push aside what happens."""


class Asked:
    """Carries out commands; `on_chosen` has what was chosen shown, and kept."""

    def __init__(self, tools: Tools, *, on_chosen: Chosen) -> None:
        self._hub, self._clock, self._cameras, self._looks = tools.hub, tools.clock, tools.cameras, tools.looks
        self._on_chosen = on_chosen
        self._at_once = 0

    async def perform(self, target: Target, action: Action) -> Performed:
        """Do it. Raises CommandRejected, UnsupportedCommand, DetectionFailed, MediaUnavailable or VmsError."""
        if isinstance(action, DetectEvent) and target.event is not None:
            return await self._bounded(partial(self._event, target.event, action.frames))
        if target.monitor is None:
            raise UnsupportedCommand("detection has no such command")
        key = target.system, target.monitor
        match action:
            case SetObjectDetection(on=on):
                return await self._choose(key, is_on=on)
            case SetDetectionProfile(profile=profile):
                if profile not in self._cameras.profiles:
                    raise CommandRejected(f"there is no profile {profile!r}", hint=f"one of: {', '.join(self._cameras.profiles)}")
                return await self._choose(key, profile=profile)
            case SetDetectionThreshold(score=score):
                return await self._choose(key, threshold=round(score, 3))
            case DetectNow():
                return await self._bounded(partial(self._now, key))
        raise UnsupportedCommand("detection has no such command")

    async def _choose(self, key: MonitorKey, **chosen: Any) -> Performed:  # noqa: ANN401 - the fields of a `Choice`
        before = self._looking(key)
        self._cameras.choose(key, **chosen)
        now = self._looking(key)
        await self._on_chosen(key)
        said_before, said_now = ((one.is_on, one.camera.profile, one.threshold) for one in (before, now))
        return Performed(is_new=said_before != said_now)

    async def _bounded(self, work: Callable[[], Awaitable[Performed]]) -> Performed:
        if self._at_once >= MOST_AT_ONCE:
            raise CommandRejected(f"{MOST_AT_ONCE} wait for such an answer already", hint="try again in a moment")
        self._at_once += 1
        try:
            return await work()
        finally:
            self._at_once -= 1

    async def _now(self, key: MonitorKey) -> Performed:
        """Look at what a monitor sees now."""
        looking = self._looking(key)
        picture = await self._hub.picture(key[0], LivePicture(monitor=key[1]))
        looked = await self._looks.look(looking, picture)
        return Performed(applied=in_a_line(looked.found), detail=said(looked))

    async def _event(self, event: EventRef, frames: Sequence[str]) -> Performed:
        """Look at frames of an event; those that can't be had are named."""
        found = await self._hub.indexed(event)
        if found is None:
            raise CommandRejected(f"event {event.format()} is not known", hint="is it in the index, or was it deleted?")
        looking = self._looking((event.system, found.monitor))
        looked: list[Looked] = []
        missing: list[dict[str, Any]] = []
        for name in frames or looking.judge.frames.take:
            frame, asked = frame_of(name)
            try:
                picture = await fetch(self._hub, self._clock, EventFrame(event=event, frame=asked))
                looked.append(await self._looks.look(looking, picture, frame))
            except (NoSuchEvent, MediaBusy):
                raise
            except (MediaUnavailable, PictureRefused, TimeoutError) as error:
                missing.append({"frame": frame, "reason": str(error) or "no answer in time"})
        if not looked:
            reason = missing[0]["reason"] if missing else "no frame was asked for"
            raise MediaUnavailable(f"no frame of event {event.format()} could be looked at: {reason}")
        best = pick_frame(looking.judge.frames.pick, looked)
        detail = {
            "best": None if best is None else best.frame,
            "frames": [said(one) for one in looked],
            "missing": missing,
        }
        return Performed(applied=in_a_line(() if best is None else best.found), detail=detail)

    def _looking(self, key: MonitorKey) -> Looking:
        """Return how a monitor is looked at. Raises CommandRejected where it is not."""
        view = self._hub.monitor(*key)
        looking = None if view is None else self._cameras.of(view)
        if looking is None:
            raise CommandRejected(f"detection does not look at {'/'.join(key)}", hint="add it to cameras: of the configuration")
        return looking
