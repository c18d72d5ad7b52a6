"""Monitors: read, looked up, added, edited, deleted, and what they are to do."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from vms_bridge.zoneminder.changes import Change, columns_of, differing, form_of
from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.modes import armed_modes, columns_for
from vms_bridge.zoneminder.parse import as_id, as_int, mapping, parse_monitor, parse_monitors
from vms_bridge.zoneminder.refusals import NotThere, WrongValue
from vms_bridge.zoneminder.resources.daemons import Daemons
from vms_bridge.zoneminder.values import MonitorRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.resources.configs import Configs
    from vms_bridge.zoneminder.resources.daemons import DaemonStatus
    from vms_bridge.zoneminder.resources.servers import Servers
    from vms_bridge.zoneminder.values import AlarmState

MonitorRef = MonitorRow | int | str
"""A monitor, or its id; by name it is had by `find`."""
_EDIT_S = 60.0
"""An edit waits until the monitor's daemon has stopped and started."""


class Monitors:
    """The monitors, read once and kept; a change has them read anew."""

    def __init__(self, connection: Connection, configs: Configs, servers: Servers) -> None:
        self._connection = connection
        self._all = Kept(self._read)
        self._daemons = Daemons(connection, configs, servers)

    async def list(self, *, force_reload: bool = False) -> tuple[MonitorRow, ...]:
        """Return all monitors that this user may see; live values are those of the last reading. Raises VmsError."""
        return await self._all.get(force_reload=force_reload)

    async def find(self, id: int | str | None = None, name: str | None = None) -> MonitorRow | None:  # noqa: A002 (pyzm's word)
        """Return the monitor with this id or this name. Raises VmsError."""
        wanted = None if id is None else str(id)
        return next((one for one in await self.list() if name in {None, one.name} and wanted in {None, one.id}), None)

    async def of(self, monitor: MonitorRef) -> MonitorRow:
        """Return the row of a monitor, or of its id. Raises NotThere where there is none, and other VmsErrors."""
        if isinstance(monitor, MonitorRow):
            return monitor
        found = await self.find(id=monitor)
        if found is None:
            raise NotThere(f"ZoneMinder has no monitor {self._connection.client.quoted(str(monitor))}, or does not show it")
        return found

    async def add(self, raw: Mapping[str, object]) -> MonitorRow:
        """Add a monitor with these columns, among them Name and Type, and return it. Raises WrongValue, NotDone, VmsError.

        It wants the permission System: Edit (Monitors: Create from 1.38 on). Names of columns may be written as pyzm does, too:
        `Monitor[Name]`.
        """
        columns = columns_of("Monitor", raw)
        if not str(columns.get("Name", "")).strip():
            raise WrongValue("a new monitor needs a name", hint="give the column Name")
        version = await self._connection.version()
        if version.numbers >= (1, 37, 0):
            # It wants one of this shape whatever the type is.
            columns = {"Device": "/dev/video0", **columns}
        known = {row.id for row in await self.list(force_reload=True)}
        change = Change(self._connection, f"the monitor {columns['Name']!r}", timeout_s=_EDIT_S)
        await change.send("POST", "monitors", form_of("Monitor", columns))
        added: list[MonitorRow] = []

        async def missing() -> str:
            rows = await self.list(force_reload=True)
            added[:] = [row for row in rows if row.id not in known and row.name == str(columns["Name"])]
            return "" if added else "there is no new monitor of that name"

        await change.see(missing)
        return max(added, key=lambda row: int(row.id))

    async def edit(self, monitor: MonitorRef, raw: Mapping[str, object]) -> MonitorRow:
        """Set columns of a monitor, see that they are set, and return it as it is now. Raises NotThere, NotDone, VmsError.

        What is so already is not sent, since each edit stops and starts the monitor's daemon: seconds without pictures. It
        wants the permission Monitors: Edit.
        """
        number = _number(monitor)
        row = await self._fresh(number)
        wanted = differing(columns_of("Monitor", raw), row.raw)
        unknown = [name for name in wanted if name not in row.raw]
        if unknown:
            raise WrongValue(
                f"monitors of this ZoneMinder have no column {', '.join(unknown)}", hint="`raw` of a monitor has all"
            )
        if not wanted:
            return row
        change = Change(self._connection, f"monitor {number}", timeout_s=_EDIT_S)
        await change.send("PUT", f"monitors/{number}", form_of("Monitor", wanted))
        self._all.forget()
        seen = [row]

        async def missing() -> str:
            seen[0] = await self._fresh(number)
            return ", ".join(differing(wanted, seen[0].raw))  # no values: the camera's password may be among them

        await change.see(missing)
        return seen[0]

    async def delete(self, monitor: MonitorRef) -> None:
        """Delete a monitor, and see that it is gone. Raises NotThere, NotDone, VmsError; it wants System: Edit.

        The API takes it away for good, with its zones; its events stay until ZoneMinder's audit finds that nobody owns them.
        """
        number = _number(monitor)
        change = Change(self._connection, f"monitor {number}", timeout_s=_EDIT_S)
        await change.send("DELETE", f"monitors/{number}")

        async def missing() -> str:
            return "it is still there" if any(row.id == number for row in await self.list(force_reload=True)) else ""

        await change.see(missing)

    async def set_modes(
        self,
        monitor: MonitorRef,
        *,
        function: str | None = None,
        enabled: bool | None = None,
        capturing: str | None = None,
        analysing: str | None = None,
        recording: str | None = None,
        decoding: str | None = None,
    ) -> MonitorRow:
        """Set what a monitor does, in the words of either generation, and return it as it is now. Raises WrongValue, VmsError.

        A function means its three modes from 1.37 on, and before that the modes mean the function that fits them.
        """
        said = {"function": function, "capturing": capturing, "analysing": analysing}
        said |= {"recording": recording, "decoding": decoding}
        wanted = {name: word for name, word in said.items() if word is not None}
        row = await self._fresh(_number(monitor))
        try:
            columns = columns_for(row, wanted, enabled=enabled)
        except ValueError as error:
            raise WrongValue(str(error)) from None
        return await self.edit(row, columns)

    async def set_armed(self, monitor: MonitorRef, *, on: bool) -> MonitorRow:
        """Have it detect or not, by its mode, and leave recording as it is where that can be. Raises VmsError, as `edit` does.

        What pyzm calls arm and disarm is `force_alarm` and `cancel_alarm` here.
        """
        row = await self._fresh(_number(monitor))
        return await self.edit(row, columns_for(row, armed_modes(row, on=on, restore={}), enabled=True if on else None))

    async def force_alarm(self, monitor: MonitorRef) -> None:
        """Have an alarm, whatever there is to see, until it is cancelled. Raises NotDone, VmsError."""
        await self._daemons.force_alarm(await self.of(monitor))

    async def cancel_alarm(self, monitor: MonitorRef) -> None:
        """End a forced alarm, or the suppression of alarms. Raises NotDone, VmsError."""
        await self._daemons.alarm(await self.of(monitor), "off")

    async def suppress_alarms(self, monitor: MonitorRef) -> None:
        """Have no alarm, whatever there is to see, until that is cancelled; from 1.36 on. Raises NotDone, VmsError."""
        await self._daemons.alarm(await self.of(monitor), "disable")

    async def alarm_state(self, monitor: MonitorRef) -> AlarmState | None:
        """Return a monitor's live state; None where its daemon does not run. Raises VmsError.

        Each answer costs ZoneMinder a process: it is not for asking again and again.
        """
        return await self._daemons.alarm_state(await self.of(monitor))

    async def daemon_status(self, monitor: MonitorRef, daemon: str = "zmc") -> DaemonStatus:
        """Return whether a monitor's daemon runs, by what zmdc says. Raises VmsError."""
        return await self._daemons.status(await self.of(monitor), daemon)

    async def restart(self, monitor: MonitorRef) -> None:
        """Have a monitor's daemon stopped and started, as after an edit of its zones. Raises VmsError."""
        await self._daemons.control(await self.of(monitor), "restart")

    async def start(self, monitor: MonitorRef) -> None:
        """Have a monitor's daemon started. Raises VmsError."""
        await self._daemons.control(await self.of(monitor), "start")

    async def stop(self, monitor: MonitorRef) -> None:
        """Have a monitor's daemon stopped, until it is started or ZoneMinder starts anew. Raises VmsError."""
        await self._daemons.control(await self.of(monitor), "stop")

    async def event_counts(self, interval: str = "1 hour") -> Mapping[str, int]:
        """Return how many events began in that time, by monitor; `events` of a monitor has them for usual times. Raises VmsError.

        `interval` is MySQL's, such as `30 minute` or `1 day`.
        """
        path = f"events/consoleEvents/{quote(interval, safe='')}"
        counts = mapping(mapping(await self._connection.client.get(path)).get("results"))
        found = {as_id(number): as_int(count) for number, count in counts.items()}
        return {number: count for number, count in found.items() if number is not None and count is not None}

    async def snapshot(self, monitor: MonitorRef) -> bytes:
        """Return a picture of now as a JPEG. Raises MediaUnavailable, VmsError; it wants the permission Stream: View."""
        return await self._daemons.snapshot(await self.of(monitor))

    async def snapshot_url(self, monitor: MonitorRef, *, scale: int = 100) -> str:
        """Return where a picture of now is. It contains a token: who has it is let in until that runs out. Raises VmsError."""
        return await self._daemons.url(await self.of(monitor), "single", scale)

    async def stream_url(self, monitor: MonitorRef, *, scale: int = 100) -> str:
        """Return where live video is, as MJPEG. It contains a token, as `snapshot_url` does. Raises VmsError."""
        return await self._daemons.url(await self.of(monitor), "jpeg", scale)

    async def _read(self) -> tuple[MonitorRow, ...]:
        return tuple(parse_monitors(await self._connection.client.get("monitors"), keeps_raw=True).values())

    async def _fresh(self, number: str) -> MonitorRow:
        answer = mapping(await self._connection.client.get(f"monitors/{number}"))
        row = parse_monitor(answer.get("monitor"), keeps_raw=True)
        if row is None:
            raise NotThere(f"ZoneMinder has no monitor {number} any more, or does not show it")
        return row


def _number(monitor: MonitorRef) -> str:
    number = monitor.id if isinstance(monitor, MonitorRow) else as_id(monitor)
    if number is None:
        raise WrongValue("a monitor's id is a number", hint="`find(name=…)` has it by name")
    return number
