"""All that scripts may ask of VMSs, and of what the bridge knows of them, made together: the sink runs it beside its scripts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

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
from vms_bridge.scripts.services.media import Media

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import ServiceRow
    from vms_bridge.views import HubView

SPOOL = "script-media"
"""In `data_dir`."""


class World:
    """The services about monitors, events, media and logs; `export_folder` None: nothing can be exported."""

    def __init__(self, hub: HubView, clock: Clock, *, data_dir: Path, export_folder: Path | None) -> None:
        self._hub, self._clock = hub, clock
        self.media = Media(clock, data_dir / SPOOL)
        self.frames = frames.Frames(hub, clock)
        self._exports = Exports(export_folder)

    @property
    def rows(self) -> Sequence[ServiceRow]:
        """What can be asked for."""
        hub, clock = self._hub, self._clock
        return (
            *monitors.rows(hub),
            *commands.rows(hub),
            *pictures.rows(hub, clock, self.media),
            *handles.rows(self.media, self._exports),
            *frames.rows(self.frames),
            *archive.rows(hub),
            *events.rows(hub),
            *detection.rows(hub, self.media),
            *systems.rows(hub, clock),
            *logs.rows(hub, clock),
        )

    async def run(self) -> None:
        """Look at monitors for who asks, and let go of what nobody uses, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.media.run(), name="scripts: media")
            group.create_task(self.frames.run(), name="scripts: frames")
