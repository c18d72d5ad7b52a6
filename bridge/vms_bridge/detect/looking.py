"""Looks at one picture by a camera's rules, with what was found there before; whoever asks, for whatever picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vms_bridge.detect.stages import look
from vms_bridge.errors import DetectionFailed, PictureRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.clock import Clock
    from vms_bridge.detect.cameras import Looking
    from vms_bridge.detect.pasts import Pasts
    from vms_bridge.detect.stages import Infers
    from vms_bridge.detect.statistics import Statistics
    from vms_bridge.detect.values import FrameId, Inferred, Looked, Picture


class Looks(Protocol):
    """What looks at pictures."""

    async def look(self, looking: Looking, picture: Picture, frame: FrameId = None) -> Looked:
        """Return what is in a picture. Raises PictureRefused, and DetectionFailed where no model could look at it."""

    def remember(self, looking: Looking, looked: Iterable[Looked]) -> None:
        """Have what was found in these frames be known from now on."""


class Eyes:
    """Looks by the models of an engine."""

    def __init__(self, infers: Infers, clock: Clock, *, pasts: Pasts, statistics: Statistics) -> None:
        self._infers, self._clock, self._pasts, self._statistics = infers, clock, pasts, statistics

    async def look(self, looking: Looking, picture: Picture, frame: FrameId = None) -> Looked:
        """Return what is in a picture. Raises PictureRefused, and DetectionFailed where no model could look at it."""
        noting = _Noting(self._infers)
        now_s = self._clock.now().timestamp()
        looked = await look(noting, picture, looking.judge, frame=frame, past=self._pasts.of(looking), now_s=now_s)
        self._statistics.busy(looking.key, noting.busy_s)
        if noting.refused is not None:
            raise noting.refused
        if noting.failed is not None and not noting.is_answered:
            raise noting.failed
        if noting.failed is not None:
            self._statistics.failed(noting.failed)
        return looked

    def remember(self, looking: Looking, looked: Iterable[Looked]) -> None:
        """Have what was found in these frames be known from now on."""
        if looking.judge.suppresses:
            self._pasts.add(looking, looked, self._clock.now().timestamp())


class _Noting:
    """Infers, and notes how that went."""

    def __init__(self, infers: Infers) -> None:
        self._infers = infers
        self.refused: PictureRefused | None = None
        self.failed: DetectionFailed | None = None
        self.is_answered = False
        self.busy_s = 0.0

    async def infer(self, model: str, picture: Picture, *, least_score: float) -> Inferred:
        """Return what the model finds. Raises DetectionFailed."""
        try:
            inferred = await self._infers.infer(model, picture, least_score=least_score)
        except PictureRefused as error:
            self.refused = error
            raise
        except DetectionFailed as error:
            self.failed = error
            raise
        self.is_answered = True
        self.busy_s += inferred.decode_s + inferred.infer_s
        return inferred
