"""The made-up bridge of a trial: the bridge's own services where they can be, and what stands for the rest."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vms_bridge.scripts.permissions import require_flag
from vms_bridge.scripts.services import archive, commands, handles, monitors, pictures
from vms_bridge.scripts.services.exports import Exports
from vms_bridge.scripts.services.handles import AskedExport
from vms_bridge.scripts.services.media import Media
from vms_bridge.scripts.services.table import Answered, ServiceRow, Services
from vms_bridge.scripts.trying import inside, outside, waiting
from vms_bridge.scripts.trying.inside import Inside
from vms_bridge.scripts.trying.outside import Outside
from vms_bridge.scripts.trying.waiting import Waiting
from vms_bridge.scripts.trying.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.triggers.schedule import Site
    from vms_bridge.scripts.trying.answers import Answers
    from vms_bridge.scripts.values import Occurrence
    from vms_bridge.views import HubView


class MadeUpBridge:
    """What a trial's script has to do with; `happened` is told what comes back of what it does, `tell` tells its worker."""

    def __init__(
        self,
        answers: Answers,
        clock: Clock,
        site: Site,
        *,
        happened: Callable[[Occurrence], None],
        tell: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.world, self.outside = World(answers, clock), Outside(answers, happened)
        self.waiting = Waiting(clock, site)
        # What services ask of a hub is there; anything else fails, by name, in the trial that is the first to ask for it.
        hub = cast("HubView", self.world)
        self._media = Media(clock, Path(tempfile.gettempdir()) / "vms-bridge-trial-media")  # made-up media fit into memory
        real = [*monitors.rows(hub), *commands.rows(hub), *archive.rows(hub), *pictures.rows(hub, clock, self._media)]
        real += [row for row in handles.rows(self._media, Exports(None)) if row.what != "media.export"]
        export = ServiceRow(what="media.export", asked=AskedExport, do=self._export, rate=1.0, burst=20.0)
        made_up = [*inside.rows(Inside(answers, self.world, hub, clock, tell)), *outside.rows(self.outside)]
        self.services = Services([*real, export, *made_up, *waiting.rows(self.waiting)], clock)

    def take(self, occurrence: Occurrence) -> None:
        """Let it have happened."""
        self.world.take(occurrence)
        self.waiting.take(occurrence)

    async def _export(self, asker: Asker, asked: AskedExport, _data: bytes) -> Answered:
        """Say where it would be written. Raises PermissionMissing, NotFound."""
        require_flag(asker.permissions, "export")
        medium = self._media.get(asker, asked.media)
        parts = (getattr(asked, "folder", ""), getattr(asked, "name", "") or medium.name)
        return Answered({"path": "/".join(["exports", *(part for part in parts if part)])})
