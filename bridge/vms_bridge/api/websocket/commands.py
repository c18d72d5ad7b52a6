"""Commands by a WebSocket: each goes on to its end, also when the client has gone, and is answered as long as it is there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.api.commanding import command_of
from vms_bridge.api.websocket import telling
from vms_bridge.commands import Command
from vms_bridge.errors import TooManyRequests

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.api.access import Caller
    from vms_bridge.api.running import Runner
    from vms_bridge.api.websocket.said import GiveCommand
    from vms_bridge.clock import Clock
    from vms_bridge.views import HubView

DOOR = "websocket"
MOST_UNDER_WAY = 16
"""How many commands one client may have under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What commands are given by, the same for all clients."""

    hub: HubView
    clock: Clock
    runner: Runner


class Commands:
    """Those of one client; `reply` sends it a message."""

    def __init__(self, means: Means, caller: Caller, reply: Callable[[bytes], None]) -> None:
        self._means, self._caller, self._reply = means, caller, reply
        self.tasks: set[asyncio.Task[None]] = set()
        """Who waits for the answers; a command goes on without."""

    async def give(self, said: GiveCommand) -> None:
        """Begin with a command. Raises BridgeError for one that is none, or of which the client may not know."""
        if len(self.tasks) >= MOST_UNDER_WAY:
            raise TooManyRequests(f"{MOST_UNDER_WAY} commands are under way", hint="wait for their answers")
        command = await command_of(self._means.hub, self._caller, said, self._means.clock.now())
        if not isinstance(command, Command):
            self._reply(telling.ack(said.id, command))
            return
        command = replace(command, origin=replace(command.origin, door=DOOR))
        task = asyncio.create_task(self._follow(said.id, command), name=f"api-socket-command {command.name}")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _follow(self, id_: str, command: Command) -> None:
        async for ack in self._means.runner.follow(command):
            self._reply(telling.ack(id_, ack))
