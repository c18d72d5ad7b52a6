"""What is asked of the machine that a monitor runs on: its daemon, its alarms, a picture of now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from vms_bridge.errors import MediaUnavailable, TimedOut
from vms_bridge.zoneminder.alarms import alarm_path, alarm_refusal
from vms_bridge.zoneminder.parse import as_bool, as_text, mapping, parse_alarm_status
from vms_bridge.zoneminder.portal import live_query, zms_url
from vms_bridge.zoneminder.refusals import GatewayFailed, NotDone
from vms_bridge.zoneminder.values import MOTION

if TYPE_CHECKING:
    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.resources.configs import Configs
    from vms_bridge.zoneminder.resources.servers import Servers
    from vms_bridge.zoneminder.values import AlarmState, MonitorRow

_ALARM_S = 5.0
"""zmu waits until the alarm is on: in 1.34 for ever, in 1.38 for minutes."""
_CONTROL_S = 60.0
_PICTURE_BYTES = 32 * 1024 * 1024
_JPEG = b"\xff\xd8"


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """Whether a daemon runs, and what zmdc says of it."""

    is_running: bool
    text: str = ""


class Daemons:
    """The daemons of monitors, each asked for on its own server."""

    def __init__(self, connection: Connection, configs: Configs, servers: Servers) -> None:
        self._connection, self._configs, self._servers = connection, configs, servers

    async def alarm(self, row: MonitorRow, command: str) -> None:
        """Have zmu do this: on, off or disable. Raises NotDone, VmsError."""
        client, path = self._connection.client, alarm_path(row.id, command)
        answer = await client.get(path, timeout_s=_ALARM_S, at=await self._connection.server_api(row.server_id))
        refusal = alarm_refusal(answer, row.id, client.quoted)
        if refusal is not None:
            raise NotDone(refusal[0], hint=refusal[1])

    async def force_alarm(self, row: MonitorRow) -> None:
        """Have an alarm; one that nobody says to be on in time is looked for. Raises NotDone, VmsError."""
        try:
            await self.alarm(row, "on")
        except (TimedOut, GatewayFailed) as doubt:
            if await self.alarm_state(row) not in MOTION:
                raise doubt from None

    async def alarm_state(self, row: MonitorRow) -> AlarmState | None:
        """Return the live state. Raises VmsError."""
        version = await self._connection.version()
        api = await self._connection.server_api(row.server_id)
        answer = await self._connection.client.get(alarm_path(row.id, "status"), at=api)
        return parse_alarm_status(answer, version.numbers)

    async def status(self, row: MonitorRow, daemon: str) -> DaemonStatus:
        """Return what zmdc says. Raises VmsError."""
        path = f"monitors/daemonStatus/id:{row.id}/daemon:{daemon}"
        answer = mapping(await self._connection.client.get(path, at=await self._connection.server_api(row.server_id)))
        return DaemonStatus(is_running=as_bool(answer.get("status")), text=as_text(answer.get("statustext")).strip())

    async def control(self, row: MonitorRow, command: str) -> None:
        """Have the daemon started, stopped or restarted. Raises VmsError."""
        path, api = f"monitors/daemonControl/{row.id}/{command}", await self._connection.server_api(row.server_id)
        await self._connection.client.change("GET", path, timeout_s=_CONTROL_S, at=api)

    async def snapshot(self, row: MonitorRow) -> bytes:
        """Return a picture of now from zms. Raises MediaUnavailable, VmsError."""
        page, query = await self._zms(row), live_query(row.id)
        status, content_type, body = await self._connection.client.fetch(page, query, _PICTURE_BYTES)
        if status != 200 or not body.startswith(_JPEG):
            raise MediaUnavailable(
                f"ZoneMinder has no picture of monitor {row.id} now (HTTP {status}, {content_type}, {len(body)} bytes)",
                hint="does the monitor run, and has the user the permission Stream: View?",
            )
        return body

    async def url(self, row: MonitorRow, mode: str, scale: int) -> str:
        """Return where zms shows it, with a token. Raises VmsError."""
        token = await self._connection.client.auth.token()
        query = live_query(row.id) | {"mode": mode, "scale": str(scale)} | ({} if token is None else {"token": token})
        return f"{await self._zms(row)}?{urlencode(query)}"

    async def _zms(self, row: MonitorRow) -> str:
        """Return where the zms is that has this monitor's pictures."""
        api = await self._connection.server_api(row.server_id)
        path = await self._configs.get("ZM_PATH_ZMS") or ""
        if api is not None and (server := await self._servers.find(id=row.server_id)) is not None:
            path = server.path_to_zms or path
        return zms_url(self._connection.url if api is None else _portal_beside(api), path)


def _portal_beside(api: str) -> str:
    parts = urlsplit(api)
    return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/api')}"
