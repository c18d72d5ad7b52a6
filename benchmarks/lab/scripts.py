"""Scripts of a bridge that is measured: its section of the configuration, and what is asked of the part that runs them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import psutil

from vms_bridge.config import SinkConfig
from vms_bridge.errors import BridgeError
from vms_bridge.scripting import ScriptStatus
from vms_bridge.sinks import load_sink_kind

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.lab.remote import Json
    from vms_bridge.app import Bridge
    from vms_bridge.scripting import Scripts

_WITHIN_S = 60.0
_LOOK_S = 0.01


def section(folder: Path) -> SinkConfig:
    """Return the section that has the scripts of this folder run."""
    kind = load_sink_kind("scripts")
    return SinkConfig(kind=kind, settings=kind.config.model_validate({"folder": folder}))


async def get_ready(bridge: Bridge) -> Json:
    """Approve all scripts at once; return how long it took until they were ready, in s, and their processes."""
    await bridge.ready.wait()
    async with asyncio.timeout(_WITHIN_S):
        found = await _looked_at(bridge)
        began = time.monotonic()
        for view in found.all():
            if view.needs_approval:
                await found.approve(view.name, sha256=view.sha256, by="benchmark")
        while any(view.life.status is not ScriptStatus.READY for view in found.all()):  # noqa: ASYNC110 - a look at what is shown
            await asyncio.sleep(_LOOK_S)
    workers = [child.pid for child in psutil.Process().children() if "-I" in child.cmdline()]
    return {"seconds": time.monotonic() - began, "workers": workers}


def counts(bridge: Bridge) -> Json:
    """Return how often each script was called, and what it was not told of because it was too slow."""
    found = bridge.hub.scripts.current.all()
    return {view.name: [view.life.counts.calls, view.life.counts.dropped] for view in found}


async def _looked_at(bridge: Bridge) -> Scripts:
    """Return who runs scripts, once the folder was looked at."""
    while True:
        try:
            found = bridge.hub.scripts.current
        except BridgeError:
            pass
        else:
            if found.all():
                return found
        await asyncio.sleep(_LOOK_S)
