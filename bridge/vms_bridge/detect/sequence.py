"""Looks at several frames, one after the other, and chooses the best one."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.detect.frame_sources import GaveUp
from vms_bridge.detect.frames import is_decided, pick_frame
from vms_bridge.detect.stages import look
from vms_bridge.detect.values import ModelTrouble, Pixels, Sequenced
from vms_bridge.detect.zones import configured
from vms_bridge.errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from vms_bridge.clock import Clock
    from vms_bridge.detect.frame_sources import Frame
    from vms_bridge.detect.kept_frames import KeptFrames
    from vms_bridge.detect.past import Past
    from vms_bridge.detect.stages import Infers, Judge
    from vms_bridge.detect.stream_options import StreamOptions
    from vms_bridge.detect.values import FrameId, Looked, Picture

MOST_TROUBLES = 100
"""How many troubles are told of one sequence; the others are like them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Which frames are kept as files, by what `frames` are of; `encode` makes a JPEG of pixels, `draw` one with boxes."""

    frames: KeptFrames
    stream: str
    encode: Callable[[Picture], Awaitable[bytes]]
    draw: Callable[[Looked], Awaitable[bytes]]
    looked_at: bool = False
    with_boxes: bool = False


def for_options(by: Judge, options: StreamOptions) -> Judge:
    """Return how frames are judged where the options say more than the configuration."""
    frames = by.frames.model_copy(
        update={"pick": options.frame_strategy or by.frames.pick, "stop_early": by.frames.stop_early and options.stop_early}
    )
    zones = configured(options.polygons) if options.polygons else by.zones
    return replace(by, zones=zones, only=options.only, frames=frames)


async def sequence(
    engine: Infers,
    frames: AsyncGenerator[Frame, None],
    by: Judge,
    clock: Clock,
    *,
    past: Past | None = None,
    keeping: Keeping | None = None,
) -> Sequenced:
    """Look at the frames until none is left, or no later one can be better, and return what was found.

    A frame that can't be had, a model that fails and a file that can't be written are told of, and the next frame is looked
    at. Frames that end with an error are told of too; where that comes before any frame it is raised (BridgeError). `past` is
    what was found before this sequence: all of its frames are compared with that, and none with another.
    """
    run = _Run(by, keeping)
    try:
        async with aclosing(frames) as every:
            async for frame, picture in every:
                if isinstance(picture, BridgeError):
                    run.missed(frame, picture)
                    continue
                looked = await look(engine, picture, by, frame=frame, past=past, now_s=clock.now().timestamp())
                await run.take(looked, picture)
                if by.frames.stop_early and is_decided(by.frames.pick, looked):
                    break
    except BridgeError as error:
        if not (run.has_begun or isinstance(error, GaveUp)):
            raise
        return run.result(gave_up=str(error))
    return run.result()


class _Run:
    """What one sequence has come to; used once."""

    def __init__(self, by: Judge, keeping: Keeping | None) -> None:
        self._by, self._keeping = by, keeping
        self._best: Looked | None = None
        self._all: list[Looked] = []
        self._missing: list[FrameId] = []
        self._troubles: list[ModelTrouble] = []
        self._looked = 0

    @property
    def has_begun(self) -> bool:
        """Whether there was a frame."""
        return bool(self._looked or self._missing)

    def missed(self, frame: FrameId, error: BridgeError) -> None:
        """Note a frame that can't be had."""
        self._missing.append(frame)
        self._tell(ModelTrouble("", f"frame {frame}: {error}", error.hint))

    async def take(self, looked: Looked, picture: Picture) -> None:
        """Note a frame that was looked at, and keep it where it is to be kept. Only the best one's picture stays."""
        self._looked += 1
        for trouble in looked.troubles:
            self._tell(trouble)
        if looked.found:
            self._all.append(replace(looked, picture=None))
            so_far = (looked,) if self._best is None else (self._best, looked)
            self._best = pick_frame(self._by.frames.pick, so_far)
        if self._keeping is not None:
            try:
                await _keep(self._keeping, looked, picture)
            except BridgeError as error:
                self._tell(ModelTrouble("", str(error), error.hint))

    def result(self, *, gave_up: str = "") -> Sequenced:
        """Return all of it."""
        return Sequenced(
            best=self._best,
            all=tuple(self._all),
            looked=self._looked,
            missing=tuple(self._missing),
            troubles=tuple(self._troubles),
            gave_up=gave_up,
        )

    def _tell(self, trouble: ModelTrouble) -> None:
        if len(self._troubles) < MOST_TROUBLES:
            self._troubles.append(trouble)


async def _keep(keeping: Keeping, looked: Looked, picture: Picture) -> None:
    if keeping.looked_at:
        encoded = await keeping.encode(picture) if isinstance(picture, Pixels) else picture
        await keeping.frames.keep(keeping.stream, looked.frame, "frame", encoded)
    if keeping.with_boxes and looked.found:
        await keeping.frames.keep(keeping.stream, looked.frame, "analyzed", await keeping.draw(looked))
