"""Where events are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.parse import parse_storage

if TYPE_CHECKING:
    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.values import Storage


class StorageAreas:
    """The storage areas, read once and kept: how full they are is asked for with `force_reload`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all = Kept(self._read)

    async def list(self, *, force_reload: bool = False) -> tuple[Storage, ...]:
        """Return all areas. Raises VmsError; it wants the permission System: View."""
        return await self._all.get(force_reload=force_reload)

    async def find(self, id: int | str | None = None, name: str | None = None) -> Storage | None:  # noqa: A002 (pyzm's word)
        """Return the area with this id or this name. Raises VmsError."""
        wanted = None if id is None else str(id)
        return next((one for one in await self.list() if name in {None, one.name} and wanted in {None, one.id}), None)

    async def _read(self) -> tuple[Storage, ...]:
        return parse_storage(await self._connection.client.get("storage"), keeps_raw=True)
