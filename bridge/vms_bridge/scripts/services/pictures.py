"""Pictures and clips, of what is so now and of what was recorded, as handles."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, model_validator

from vms_bridge.archive import ClipRange, EventClip, EventFrame, FrameKind, GapReason
from vms_bridge.errors import ClipRefused, MediaUnavailable
from vms_bridge.model import LivePicture
from vms_bridge.scripts.services import visible
from vms_bridge.scripts.services.getting import got, in_time
from vms_bridge.scripts.services.monitors import AskedMonitor, Name
from vms_bridge.scripts.services.plain import plain
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.archive import ClipContent, MediaRef
    from vms_bridge.clock import Clock
    from vms_bridge.index import IndexedEvent
    from vms_bridge.scripts.services.media import Media, Medium
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView

PICTURE_S = 30.0
CLIP_S = 720.0
"""Longer than the hub lets the making of one take."""
AHEAD_S = 600.0
"""How far the end of a clip may lie in the time to come."""
_AGAIN_S = 11.0
"""A failure is told again for ten seconds by the hub, and not tried anew."""
_MOST_GAPS = 100


def _text(said: object) -> object:
    """Let a number be none of a time's: it is a frame's."""
    if not isinstance(said, str):
        raise ValueError("a time is a text")  # noqa: TRY004 - what pydantic takes as a mistake of who asks
    return said


class AskedClip(AskedMonitor):
    """Of which time; an end that is still to come is waited for, and then, for `wait_s` at most, until it is recorded."""

    start: AwareDatetime
    end: AwareDatetime
    encode: bool = False
    wait_s: Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)] = 60.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.end <= self.start:
            raise ValueError("the time ends before it begins")
        return self


class AskedEventMedia(Asked):
    """Of which event, and what; a `frame` is a number, a time, or a word as `alarm`."""

    event: Name
    which: Literal["snapshot", "annotated", "frame", "clip"] = "snapshot"
    frame: Annotated[int, Field(ge=1, le=10_000_000)] | FrameKind | Annotated[AwareDatetime, BeforeValidator(_text)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.frame is not None) != (self.which == "frame"):
            raise ValueError("a frame is said where which is 'frame', and nowhere else")
        return self


@dataclass(frozen=True, slots=True)
class Pictures:
    """Gets them."""

    hub: HubView
    clock: Clock
    media: Media

    async def snapshot(self, asker: Asker, asked: AskedMonitor, _data: bytes) -> Answered:
        """Return what the monitor sees now. Raises NotFound, MediaUnavailable, VmsError."""
        view = visible.monitor(self.hub, asker, asked.monitor)
        name = f"{view.system}-{view.key}-{self.clock.now():%Y%m%dT%H%M%SZ}"
        async with in_time(self.clock, PICTURE_S, f"the picture of {view.system}/{view.key}"):
            return _answer(await self._get(asker, view.system, LivePicture(monitor=view.key), name))

    async def of_event(self, asker: Asker, asked: AskedEventMedia, _data: bytes) -> Answered:
        """Return a picture or the clip of an event. Raises the same."""
        found = await visible.event(self.hub, asker, asked.event)
        name = found.ref.format()
        if asked.which == "clip":
            async with in_time(self.clock, CLIP_S, f"the clip of event {name}"):
                return _answer(await self._clip_of(asker, found))
        frame: FrameKind | int | datetime = FrameKind.BEST
        if asked.which == "annotated":
            frame = FrameKind.ANNOTATED
        elif asked.frame is not None:
            frame = asked.frame
        async with in_time(self.clock, PICTURE_S, f"the picture of event {name}"):
            return _answer(await self._get(asker, found.ref.system, EventFrame(event=found.ref, frame=frame), name))

    async def clip(self, asker: Asker, asked: AskedClip, _data: bytes) -> Answered:
        """Return a clip of a time, made of however many events, once that time is over and recorded. Raises the same."""
        view = visible.monitor(self.hub, asker, asked.monitor)
        ahead_s = (asked.end - self.clock.now()).total_seconds()
        if ahead_s > AHEAD_S:
            raise ClipRefused(f"the time ends in {ahead_s:.0f} s", hint=f"it may end in {AHEAD_S:g} s at most")
        wanted = ClipRange(system=view.system, monitor=view.key, since=asked.start, until=asked.end, encode=asked.encode)
        async with in_time(self.clock, CLIP_S + AHEAD_S + asked.wait_s, f"the clip of {view.system}/{view.key}"):
            if ahead_s > 0:
                await self.clock.sleep(ahead_s)
            return await self._made(asker, wanted, self.clock.now() + timedelta(seconds=asked.wait_s))

    async def _made(self, asker: Asker, wanted: ClipRange, until: datetime) -> Answered:
        name = f"{wanted.system}-{wanted.monitor}-{wanted.since:%Y%m%dT%H%M%SZ}"
        while True:
            try:
                async with self.hub.clip(wanted) as made:
                    if self.clock.now() >= until or not _may_grow(made.content):
                        async with made.open(None) as opened:
                            return _answer(await got(self.media, asker, opened, name), made.content)
            except MediaUnavailable as refusal:
                # What is just that may come: the event goes on, or its VMS has not told of it yet.
                if type(refusal) is not MediaUnavailable or self.clock.now() >= until:
                    raise
            await self.clock.sleep(_AGAIN_S)

    async def _clip_of(self, asker: Asker, found: IndexedEvent) -> Medium:
        """Return the VMS's own clip of an event, or one that is made where there is none."""
        clip, name = EventClip(event=found.ref), found.ref.format()
        if not found.event.is_over or found.event.clip_ready:
            return await self._get(asker, found.ref.system, clip, name)
        async with AsyncExitStack() as stack:
            try:
                made = await stack.enter_async_context(self.hub.clip(clip))
            except MediaUnavailable as refusal:
                if type(refusal) is not MediaUnavailable:
                    raise
            else:
                opened = await stack.enter_async_context(made.open(None))
                return await got(self.media, asker, opened, name)
        return await self._get(asker, found.ref.system, clip, name)

    async def _get(self, asker: Asker, system: str, ref: MediaRef, name: str) -> Medium:
        async with self.hub.media(system, ref) as opened:
            return await got(self.media, asker, opened, name)


def _may_grow(content: ClipContent) -> bool:
    return any(gap.reason is GapReason.STILL_RECORDED for gap in content.gaps)


def _answer(medium: Medium, content: ClipContent | None = None) -> Answered:
    if content is None:
        return Answered({"media": medium.words})
    told: dict[str, Any] = {
        "start": content.parts[0].start,
        "end": content.parts[-1].end,
        "duration": round(content.duration_s, 3),
        "events": [part.event.format() for part in content.parts],
        "gaps": [{"start": gap.start, "end": gap.end, "reason": str(gap.reason)} for gap in content.gaps[:_MOST_GAPS]],
    }
    return Answered({"media": medium.words, **plain(told)})


def rows(hub: HubView, clock: Clock, media: Media) -> Sequence[ServiceRow]:
    """Return which pictures and clips can be asked for."""
    pictures = Pictures(hub, clock, media)
    return (
        ServiceRow(what="monitor.snapshot", asked=AskedMonitor, do=pictures.snapshot, rate=5.0, burst=20.0),
        ServiceRow(what="monitor.clip", asked=AskedClip, do=pictures.clip, rate=0.2, burst=10.0),
        ServiceRow(what="event.media", asked=AskedEventMedia, do=pictures.of_event, rate=5.0, burst=20.0),
    )
