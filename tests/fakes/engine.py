"""An engine without models: a picture says itself what is in it, as `person .9, car .8`, and how it fares otherwise.

`broken` is no picture, `gone` kills the process. Each takes `takes_s` of the clock, one after the other.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.detect.engine import EngineHealth, EngineState
from vms_bridge.detect.values import Found, Inferred, ModelFacts, ModelTrouble, Pixels
from vms_bridge.errors import EngineGone, ModelRefused, PictureRefused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.detect.engine import Drawn
    from vms_bridge.detect.values import Picture

_JPEG = b"\xff\xd8\xff"
"""With or without: what splits a film of pictures wants it."""
FACTS = ModelFacts("street", "street.xml", "yolo", 320, 320, ("person", "car", "dog"), "CPU", "f32", 0.1)


def found_in(picture: Picture) -> tuple[Found, ...]:
    """Return what a picture says to be in it: `label score` or `label score x y width height`, several with commas."""
    text = (picture.rgb if isinstance(picture, Pixels) else picture).removeprefix(_JPEG).decode().strip()
    found = []
    for number, part in enumerate(text.split(",") if text and text != "nothing" else ()):
        label, score, *box = part.split()
        x, y, width, height = map(float, box) if box else (0.1 * number, 0.2, 0.1, 0.2)
        found.append(Found(label, float(score), (x, y, width, height)))
    return tuple(found)


class FakeEngine:
    """See above; `fails` are the models that are refused."""

    def __init__(self, clock: Clock, *, takes_s: float = 0.0) -> None:
        self._clock, self.takes_s = clock, takes_s
        self._turn = asyncio.Lock()
        self.fails: set[str] = set()
        self.is_gone = False
        self.inferred: list[Picture] = []
        self.annotated: list[tuple[Picture, tuple[str, ...]]] = []
        self.changed: dict[str, float] = {}
        """What share of a camera's picture has changed; all of it where nothing is said."""

    async def run(self) -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    async def ready(self) -> None:
        if self.is_gone:
            raise EngineGone("the process has ended", hint="it is started anew")

    async def infer(self, model: str, picture: Picture, *, least_score: float) -> Inferred:
        async with self._turn:
            if self.takes_s:
                await self._clock.sleep(self.takes_s)
        if model in self.fails:
            raise ModelRefused(f"{model} can't be read", hint="bring another")
        if picture == b"broken":
            raise PictureRefused("it is no picture")
        if self.is_gone or picture == b"gone":
            raise EngineGone("the process has ended", hint="it is started anew")
        self.inferred.append(picture)
        found = tuple(one for one in found_in(picture) if one.score >= least_score)
        return Inferred(found=found, width=640, height=360, infer_s=self.takes_s)

    async def motion(self, camera: str, picture: Picture) -> float:
        del picture
        return self.changed.get(camera, 1.0)

    async def annotate(self, picture: Picture, drawn: Sequence[Drawn], *, most_width: int | None = None) -> bytes:
        del most_width
        if self.is_gone:
            raise EngineGone("the process has ended")
        self.annotated.append((picture, tuple(each.label for each in drawn)))
        return b"drawn: " + b" | ".join(each.label.encode() for each in drawn)

    @property
    def health(self) -> EngineHealth:
        return EngineHealth(
            state=EngineState.WAITING if self.is_gone else EngineState.RUNNING,
            pid=None,
            since_s=0.0,
            restarts=0,
            pictures_refused=0,
            answered=len(self.inferred),
            inferred=len(self.inferred),
            timed_out=0,
            rss_bytes=None,
            most_bytes=0,
            confinement={},
        )

    @property
    def models(self) -> Mapping[str, ModelFacts | ModelTrouble]:
        return {"street": ModelTrouble("street", "can't be read", "bring another") if "street" in self.fails else FACTS}
