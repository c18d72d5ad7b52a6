"""Looks at pictures that others bring, such as scripts: one at a time, and only while nothing of detection's own waits."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from vms_bridge.detect.results import objects
from vms_bridge.detect.stages import Infers
from vms_bridge.errors import ModelRefused, TooManyRequests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.detect.config import DetectionSettings
    from vms_bridge.detect.engine import EngineHealth
    from vms_bridge.model import DetectedObject

MOST_WAITING = 16
PATIENCE_S = 15.0
"""How long a picture waits for its turn at most: an engine that never rests has no time for it."""
_LOOK_AGAIN_S = 0.02


class Engine(Infers, Protocol):
    """What runs the models, and says how much waits."""

    @property
    def health(self) -> EngineHealth:
        """How it fares."""


class Lent:
    """Looks (`contributing.Look`): by the model that the default profile uses first, or by one that is named."""

    def __init__(self, engine: Engine, settings: DetectionSettings, clock: Clock) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def look(self, picture: bytes, model: str | None) -> Sequence[DetectedObject]:
        """Return what is found, the surest first. Raises DetectionFailed and TooManyRequests."""
        name, least_score = self._model(model)
        if self._waiting >= MOST_WAITING:
            raise TooManyRequests(f"{MOST_WAITING} pictures wait for detection already", hint="ask for the next when one is done")
        self._waiting += 1
        try:
            async with self._at_rest():
                inferred = await self._engine.infer(name, picture, least_score=least_score)
        finally:
            self._waiting -= 1
        return objects(inferred.found)

    @asynccontextmanager
    async def _at_rest(self) -> AsyncIterator[None]:
        """Have the one turn that there is, once nothing waits for the engine. Raises TooManyRequests."""
        async with AsyncExitStack() as turn:
            try:
                async with self._clock.timeout(PATIENCE_S) as limit:
                    await turn.enter_async_context(self._turn)
                    while self._engine.health.waiting:
                        await self._clock.sleep(_LOOK_AGAIN_S)
            except TimeoutError:
                if not limit.expired():
                    raise
                text = f"detection has had no time for this picture within {PATIENCE_S:g} s"
                raise TooManyRequests(text, hint="it is busy with what it looks at by itself; ask less often") from None
            yield

    def _model(self, name: str | None) -> tuple[str, float]:
        """Return by which model, and from which score on. Raises ModelRefused."""
        profiles, models = self._settings.profiles, self._settings.models
        profile = profiles.get("default") or next(iter(profiles.values()))
        stage = profile.stages[0]
        chosen = name or next(iter(stage.use or models))
        if chosen not in models:
            raise ModelRefused(f"there is no model {chosen[:64]!r}", hint=f"there are {', '.join(models)}")
        return chosen, stage.min_score
