"""Runs commands for the API: to their end, even if who asked goes away meanwhile."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.commands import Ack, AckResult, TargetKind
from vms_bridge.commands.bridge import BRIDGE
from vms_bridge.errors import CommandForbidden

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.commands import Command
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
_MOST_TOLD = 64


class Runner:
    """Owns the commands that are under way."""

    def __init__(self, hub: HubView) -> None:
        self._hub = hub
        self._under_way: set[asyncio.Task[Ack]] = set()

    async def run(self, command: Command) -> Ack:
        """Run it, and return what became of it."""
        return self._with_remedy(command, await asyncio.shield(self._begin(command, None)))

    async def follow(self, command: Command) -> AsyncIterator[Ack]:
        """Run it; yield how it goes, as often as that is told, and last what became of it."""
        told: asyncio.Queue[Ack] = asyncio.Queue(_MOST_TOLD)
        task = self._begin(command, told)
        while not task.done():
            coming = asyncio.create_task(told.get(), name="command-progress")
            try:
                await asyncio.wait({coming, task}, return_when=asyncio.FIRST_COMPLETED)
                if coming.done():
                    yield coming.result()
            finally:
                coming.cancel()
        while not told.empty():
            yield told.get_nowait()
        yield self._with_remedy(command, await task)

    async def close(self) -> None:
        """Abandon what is under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _begin(self, command: Command, told: asyncio.Queue[Ack] | None) -> asyncio.Task[Ack]:
        def progress(ack: Ack) -> None:
            if told is not None and not told.full():
                told.put_nowait(ack)

        async def run() -> Ack:
            ack = await self._hub.submit(command, None if told is None else progress)
            _note(command, ack)
            return ack

        task = asyncio.create_task(run(), name=f"api-command-{command.name}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    def _with_remedy(self, command: Command, ack: Ack) -> Ack:
        """Return the answer with what to do where the level does not suffice: the hub does not know how this door grants it."""
        if ack.code != CommandForbidden.code:
            return ack
        if command.target.kind is TargetKind.BRIDGE:
            needed = next(row.level for row in BRIDGE if isinstance(command.action, row.action))
        else:
            needed = self._hub.command_table.row_of(command.action).level
        return replace(ack, hint=f"this token may not; it takes one with the scope {needed}")


def _note(command: Command, ack: Ack) -> None:
    """Write to the log who has given a command, and what became of it; one that changes nothing is for who looks closely."""
    origin = command.origin
    whose = f"{origin.principal} for {origin.on_behalf_of}" if origin.on_behalf_of is not None else f"{origin.principal}"
    level = logging.DEBUG if ack.result is AckResult.UNCHANGED else logging.INFO
    _LOGGER.log(level, "%s has given the command %s for %s: %s", whose, command.name, command.target, ack.result)
