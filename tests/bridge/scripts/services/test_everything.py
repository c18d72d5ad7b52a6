"""All that scripts may ask about VMSs, together: each thing is there, each refuses what it can't understand, none leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.scripts.services.lab import Worker, site

from vms_bridge.errors import BridgeError
from vms_bridge.scripts.services import (
    archive,
    commands,
    detection,
    events,
    frames,
    handles,
    logs,
    monitors,
    pictures,
    systems,
)
from vms_bridge.scripts.services.exports import Exports
from vms_bridge.scripts.services.frames import Frames
from vms_bridge.scripts.services.media import Media
from vms_bridge.scripts.services.table import Services

if TYPE_CHECKING:
    from pathlib import Path

ASKS = {
    *("monitors.list", "monitor.state", "monitor.command", "monitor.snapshot", "monitor.clip"),
    *("system.state", "system.command", "system.logs", "bridge.state", "bridge.logs"),
    *("frames.open", "frames.next", "frames.close", "media.read", "media.export", "media.drop"),
    *("archive.find", "event.get", "event.media", "event.command", "event.annotate", "detect.picture"),
}
"""What the contract with the worker names."""


async def test_everything_is_there_and_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path, lambda *_: ()) as sim:
        hub, clock, worker = sim.hub, sim.clock, Worker()
        media, looks = Media(clock, tmp_path / "spool"), Frames(hub, clock)
        rows = (
            *(*monitors.rows(hub), *commands.rows(hub), *systems.rows(hub, clock), *logs.rows(hub, clock)),
            *(*archive.rows(hub), *events.rows(hub), *pictures.rows(hub, clock, media), *detection.rows(hub, media)),
            *(*handles.rows(media, Exports(tmp_path)), *frames.rows(looks)),
        )
        assert sorted(row.what for row in rows) == sorted(ASKS)
        services = Services(rows, clock)
        for what in sorted(ASKS):
            with pytest.raises(BridgeError) as refusal:
                await services.answer(worker, what, {"no such word": [1, 2, 3]})
            assert refusal.value.code == "invalid"
        assert (await services.answer(worker, "monitors.list", {})).words["monitors"]
        await services.answer(worker, "monitor.snapshot", {"monitor": "1"})
        await services.answer(worker, "frames.open", {"monitor": "1"})
        assert (media.count, looks.count) == (1, 1)
        worker.end()
        assert (media.count, looks.count) == (0, 0)
