"""Run states: named sets of modes for all monitors, and ZoneMinder's start and stop."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from vms_bridge.errors import BrokeOff, ConnectionClosed, TimedOut, TooLarge, VmsAuthFailed, VmsError
from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.parse import as_bool, mapping, parse_states
from vms_bridge.zoneminder.refusals import NotDone, NotThere, ServerFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.values import RunState

_LONGEST_S = 900.0
"""A change stops and starts every daemon: 10 s and more for each camera on a slow machine."""
_LOOK_S = (0.5, 1.0, 2.0, 5.0)


class States:
    """The run states, read once and kept; which one is active is always asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all = Kept(self._read)

    async def list(self, *, force_reload: bool = False) -> tuple[RunState, ...]:
        """Return all states. Raises VmsError; it wants the permission System: View."""
        return await self._all.get(force_reload=force_reload)

    async def find(self, id: int | str | None = None, name: str | None = None) -> RunState | None:  # noqa: A002 (pyzm's word)
        """Return the state with this id or this name. Raises VmsError."""
        wanted = None if id is None else str(id)
        return next((one for one in await self.list() if name in {None, one.name} and wanted in {None, one.id}), None)

    async def active(self) -> RunState | None:
        """Return the state that is in force now; None where none is. Raises VmsError."""
        return next((state for state in await self.list(force_reload=True) if state.is_active), None)

    async def change(self, name: str, *, force: bool = False, timeout_s: float = _LONGEST_S) -> bool:
        """Put a state in force, see that it is, and say whether there was anything to do. Raises NotThere, NotDone, VmsError.

        The one that is in force already stays as it is unless forced: ZoneMinder would stop and start everything. That takes
        minutes where there are many monitors, and goes on though nobody waits; it wants the permission System: Edit.
        """
        state = next((one for one in await self.list(force_reload=True) if one.name == name), None)
        if state is None:
            raise NotThere(f"ZoneMinder has no run state {name!r}", hint="its web page has them behind the word Running")
        if state.is_active and not force:
            return False

        async def is_done() -> bool:
            now = await self.active()
            return now is not None and now.name == name and await self._is_running()

        await self._command(name, f"the run state {name}", is_done, timeout_s)
        return True

    async def start(self, *, force: bool = False, timeout_s: float = _LONGEST_S) -> bool:
        """Start ZoneMinder's daemons, and say whether there was anything to do. Raises NotDone and other VmsErrors."""
        if await self._is_running() and not force:
            return False
        await self._command("start", "ZoneMinder's start", self._is_running, timeout_s)
        return True

    async def stop(self, *, timeout_s: float = _LONGEST_S) -> bool:
        """Stop ZoneMinder's daemons, and say whether there was anything to do. Raises NotDone and other VmsErrors."""

        async def is_done() -> bool:
            return not await self._is_running()

        if await is_done():
            return False
        await self._command("stop", "ZoneMinder's stop", is_done, timeout_s)
        return True

    async def restart(self, *, timeout_s: float = _LONGEST_S) -> None:
        """Stop and start ZoneMinder's daemons. Raises NotDone and other VmsErrors."""
        await self._command("restart", "ZoneMinder's restart", self._is_running, timeout_s)

    async def _command(self, word: str, what: str, is_done: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
        """Have zmpkg do it, and wait until it is seen to be done: a proxy gives up long before that."""
        clock = self._connection.clock
        until = clock.monotonic() + timeout_s
        doubt: VmsError | None = None
        try:
            await self._connection.client.change("GET", f"states/change/{quote(word, safe='')}", timeout_s=timeout_s)
        except (TimedOut, ServerFailed, BrokeOff, ConnectionClosed, TooLarge) as error:
            doubt = error
        self._all.forget()
        waits = iter(_LOOK_S)
        while not await self._seen(is_done):
            wait_s = next(waits, _LOOK_S[-1] if doubt is not None else None)
            if wait_s is None or clock.monotonic() + wait_s > until:
                hint = "ZoneMinder's log, and that of the web server, say why"
                raise doubt or NotDone(f"{what} shows no effect", hint=hint)
            await clock.sleep(wait_s)

    async def _seen(self, is_done: Callable[[], Awaitable[bool]]) -> bool:
        """Say whether it is done; what can't be answered while daemons start is not known to be."""
        try:
            return await is_done()
        except VmsAuthFailed:
            raise
        except VmsError as error:
            self._connection.log.debug("whether it is done can't be seen yet: %s", error)
            return False

    async def _is_running(self) -> bool:
        return as_bool(mapping(await self._connection.client.get("host/daemonCheck")).get("result"))

    async def _read(self) -> tuple[RunState, ...]:
        return tuple(parse_states(await self._connection.client.get("states"), keeps_raw=True))
