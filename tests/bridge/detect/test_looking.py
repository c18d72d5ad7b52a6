"""The engine with its own program: a process that has confined itself, and finds what is in a picture."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import openvino as ov
from tests.fakes.graphs import blob_model, blob_picture

from vms_bridge.clock import SystemClock
from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
from vms_bridge.detect.engine import Drawn, Engine
from vms_bridge.detect.values import ModelFacts

if TYPE_CHECKING:
    from pathlib import Path


async def test_what_is_in_a_picture_is_found(tmp_path: Path) -> None:
    folder, cache = tmp_path / "models", tmp_path / "data" / "cache"
    folder.mkdir()
    await asyncio.to_thread(ov.save_model, blob_model(width=160, height=96), folder / "blobs.xml")
    runtime = RuntimeSettings(device="CPU", threads=1, folder=folder, cache_dir=cache)
    engine = Engine({"blobs": ModelSettings(file=folder / "blobs.xml")}, runtime, SystemClock())
    task = asyncio.create_task(engine.run())
    try:
        await engine.ready()
        assert isinstance(engine.models["blobs"], ModelFacts)
        picture = blob_picture([("person", (0.1, 0.2, 0.15, 0.4)), ("dog", (0.5, 0.5, 0.3, 0.25))])
        looked = await asyncio.gather(*(engine.infer("blobs", picture, least_score=0.3) for _ in range(4)))
        assert all({found.label for found in each.found} == {"person", "dog"} for each in looked)
        assert await engine.motion("camera", picture) == 1.0
        drawn = [Drawn(found.label, found.box) for found in looked[0].found]
        assert (await engine.annotate(picture, drawn)).startswith(b"\xff\xd8")
        health = engine.health
        assert health.restarts == 0
        assert health.inferred == 4
        assert set(health.confinement) == {"user", "network", "files", "calls", "memory", "cache"}
        assert list(cache.glob("*.blob")), "the compiled model is kept"
        assert cache.stat().st_mode & 0o777 == 0o700
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
