"""The machines that a ZoneMinder runs on, where there are several."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsAuthFailed, VmsProtocolError
from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.parse import as_float, as_id, as_int, as_text, rows
from vms_bridge.zoneminder.servers import server_of, servers_in_use

if TYPE_CHECKING:
    from collections.abc import Collection

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.values import Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRow:
    """One server under Options > Servers."""

    id: str
    name: str
    protocol: str = ""
    hostname: str = ""
    port: int | None = None
    path_to_index: str = ""
    path_to_zms: str = ""
    path_to_api: str = ""
    status: str = ""
    """Running, NotRunning or Unknown."""
    load: float | None = None
    cpu_percent: float | None = None
    total_bytes: int | None = None
    """How much memory it has; `free_bytes` is how much of that is free."""
    free_bytes: int | None = None
    raw: Raw = field(default_factory=dict, repr=False, compare=False)


class Servers:
    """The servers, read once and kept."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._answer = Kept(self._read)

    async def list(self, *, force_reload: bool = False) -> tuple[ServerRow, ...]:
        """Return all servers; mostly there are none, as the portal's own machine needs no row. Raises VmsError."""
        return parse_server_rows(await self._answer.get(force_reload=force_reload))

    async def find(self, id: int | str | None = None, name: str | None = None) -> ServerRow | None:  # noqa: A002 (pyzm's word)
        """Return the server with this id or this name. Raises VmsError."""
        wanted = None if id is None else str(id)
        return next((one for one in await self.list() if name in {None, one.name} and wanted in {None, one.id}), None)

    async def api_of(self, server_id: str | None, *, used: Collection[str] = ()) -> str | None:
        """Return the address of the API on a server, None for the portal's own. Raises VmsError.

        Alarms and daemons can be asked for on the server only that a monitor runs on. `used` are the servers that monitors name:
        rows that nobody has filled in count only then.
        """
        if server_id is None:
            return None
        try:
            answer = await self._answer.get()
        except (VmsAuthFailed, VmsProtocolError) as error:
            self._connection.log.info("which server is which can't be read, so the portal is asked: %s", error)
            return None
        server = server_of(server_id, servers_in_use(answer, self._connection.url, {server_id, *used}))
        if server.problem:
            hint = "fill in Hostname, Protocol, Port and PathToApi under Options > Servers"
            raise VmsProtocolError(f"what runs on another server can't be asked for: {server.problem}", hint=hint)
        return server.api

    async def _read(self) -> object:
        return await self._connection.client.get("servers")


def parse_server_rows(raw: object) -> tuple[ServerRow, ...]:
    """Read the list of servers, with the rows that nobody has filled in."""
    found = []
    for row in rows(raw, "servers", "Server"):
        server_id = as_id(row.get("Id"))
        if server_id is not None:
            found.append(
                ServerRow(
                    id=server_id,
                    name=as_text(row.get("Name")) or f"Server {server_id}",
                    protocol=as_text(row.get("Protocol")),
                    hostname=as_text(row.get("Hostname")),
                    port=as_int(row.get("Port")) or None,
                    path_to_index=as_text(row.get("PathToIndex")),
                    path_to_zms=as_text(row.get("PathToZMS")),
                    path_to_api=as_text(row.get("PathToApi")),
                    status=as_text(row.get("Status")),
                    load=as_float(row.get("CpuLoad")),
                    cpu_percent=as_float(row.get("CpuUsagePercent")),
                    total_bytes=as_int(row.get("TotalMem")),
                    free_bytes=as_int(row.get("FreeMem")),
                    raw=row,
                )
            )
    return tuple(found)
