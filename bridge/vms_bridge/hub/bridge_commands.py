"""Runs commands to the bridge itself: who may is checked here for every door, and each is done at once or refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from vms_bridge.commands import Ack, AckResult, Level
from vms_bridge.commands.bridge import BRIDGE, ClaimDevices, ReleaseDevices, SetDiscovery
from vms_bridge.errors import BackendDefect, CommandRejected, UnsupportedCommand
from vms_bridge.hub.failures import failure
from vms_bridge.hub.requests import Requests
from vms_bridge.views import SWITCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.commands import Command
    from vms_bridge.commands.bridge import BridgeRow
    from vms_bridge.hub.claims import Claims

_LOGGER = logging.getLogger(__name__)
_ROWS = {row.action: row for row in BRIDGE}


class BridgeCommands:
    """Runs each request once."""

    def __init__(self, clock: Clock, claims: Claims) -> None:
        self._clock, self._claims = clock, claims
        self._requests = Requests(clock, self._answer)

    async def submit(self, command: Command) -> Ack:
        """Run a command to the bridge."""
        try:
            return await self._requests.submit(command, None)
        except CommandRejected as error:
            return failure(command, error, self._clock.now())

    async def close(self) -> None:
        """Abandon what is under way."""
        await self._requests.close()

    async def _answer(self, command: Command, _progress: Callable[[Ack], None] | None) -> Ack:
        try:
            row = _admit(command)
            is_new = await self._run(command)
        except (UnsupportedCommand, CommandRejected) as error:
            return failure(command, error, self._clock.now())
        except Exception as error:
            _LOGGER.exception("command %s failed in an unforeseen way", command.name)
            hint = f"internal error: {BackendDefect(type(error).__name__).kind}"
            return Ack.of(command, AckResult.FAILED, self._clock.now(), code="error", hint=hint)
        result = AckResult.APPLIED if is_new else AckResult.UNCHANGED
        return Ack.of(command, result, self._clock.now(), applied=row.value(command.action))

    async def _run(self, command: Command) -> bool:
        """Do it, and say whether that has changed anything. Raises CommandRejected."""
        token, is_admin = command.origin.token, command.level.includes(Level.ADMIN)
        match command.action:
            case SetDiscovery(on=True):
                return await self._claims.drop(SWITCH)
            case SetDiscovery():
                return await self._claims.hold(SWITCH)
            case ClaimDevices(holder=holder) | ReleaseDevices(holder=holder) if holder == SWITCH:
                raise CommandRejected(f"{SWITCH!r} is the claim of a person", hint="`vms-bridge discovery on` takes it back")
            case ClaimDevices() | ReleaseDevices() if token is None and not is_admin:
                raise CommandRejected("whose claim it would be can't be told", hint="claim by the API, with a token")
            case ClaimDevices(holder=holder):
                return await self._claims.hold(holder, token)
            case ReleaseDevices(holder=holder):
                return await self._claims.drop(holder, token, is_admin=is_admin)
        return False


def _admit(command: Command) -> BridgeRow[Any]:
    """Return the command's row. Raises UnsupportedCommand where it has none, CommandForbidden where its origin may not."""
    row = _ROWS.get(type(command.action))
    if row is None:
        raise UnsupportedCommand(f"{command.name} is no command for the bridge itself")
    command.require(row.level)
    return row
