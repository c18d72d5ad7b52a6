"""What scripts do with pictures and clips that they have got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import Field

from vms_bridge.scripts.permissions import require_flag
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.scripts.wire import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.scripts.services.media import Media, Medium
    from vms_bridge.scripts.services.table import Asker


class Exporting(Protocol):
    """Writes pictures and clips to where people find them."""

    async def write(self, medium: Medium, *, folder: str, name: str, overwrite: bool) -> str:
        """Write one, and return where it is. Raises BodyInvalid, ExportRefused, NoRoom."""


MediumId = Annotated[str, Field(min_length=1, max_length=40)]


class AskedMedium(Asked):
    """Which one."""

    media: MediumId


class AskedPart(AskedMedium):
    """Which part of it."""

    offset: Annotated[int, Field(ge=0, le=2**40)] = 0
    size: Annotated[int, Field(ge=1, le=MOST_BYTES)] = MOST_BYTES


class AskedExport(AskedMedium):
    """Where it is to be written."""

    name: Annotated[str, Field(max_length=256)] = ""
    folder: Annotated[str, Field(max_length=256)] = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Handles:
    """Reads, writes and drops them."""

    media: Media
    exports: Exporting

    async def read(self, asker: Asker, asked: AskedPart, _data: bytes) -> Answered:
        """Return a part. Raises NotFound."""
        medium = self.media.get(asker, asked.media)
        return Answered({"size": medium.size, "offset": asked.offset}, await medium.read(asked.offset, asked.size))

    async def export(self, asker: Asker, asked: AskedExport, _data: bytes) -> Answered:
        """Write it into the folder for exports. Raises NotFound, PermissionMissing, BodyInvalid, ExportRefused, NoRoom."""
        require_flag(asker.permissions, "export")
        medium = self.media.get(asker, asked.media)
        path = await self.exports.write(medium, folder=asked.folder, name=asked.name or medium.name, overwrite=asked.overwrite)
        return Answered({"path": path})

    async def drop(self, asker: Asker, asked: AskedMedium, _data: bytes) -> Answered:
        """Let go of it."""
        self.media.drop(asker, asked.media)
        return Answered()


def rows(media: Media, exports: Exporting) -> Sequence[ServiceRow]:
    """Return what can be done with them."""
    handles = Handles(media, exports)
    return (
        ServiceRow(what="media.read", asked=AskedPart, do=handles.read, rate=20.0, burst=100.0),
        ServiceRow(what="media.export", asked=AskedExport, do=handles.export, rate=1.0, burst=20.0),
        ServiceRow(what="media.drop", asked=AskedMedium, do=handles.drop, rate=100.0, burst=200.0),
    )
