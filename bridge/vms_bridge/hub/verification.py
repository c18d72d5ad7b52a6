"""Waits until the effect of a command shows: follows every change, and has the backend refresh, ever more seldom."""

from __future__ import annotations

import asyncio
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.clock import Clock
    from vms_bridge.commands import Command, CommandRow
    from vms_bridge.commands.row import Shows
    from vms_bridge.hub.live_target import LiveTarget
    from vms_bridge.hub.refreshes import Refreshes
    from vms_bridge.views import HubView

_SOON_S, _LATER_S = (0.1, 0.2, 0.4), (0.8, 1.6, 3.2, 5.0)
"""The pauses between refreshes."""


class Verification:
    """Verifies commands, any number of them at a time."""

    def __init__(self, hub: HubView, clock: Clock, refreshes: Refreshes) -> None:
        self._hub = hub
        self._clock = clock
        self._refreshes = refreshes

    async def until_seen(
        self, command: Command, row: CommandRow[Any], target: LiveTarget, shows: Shows, *, showed_before: bool
    ) -> None:
        """Wait until the effect shows; what showed before proves nothing until the backend has refreshed."""
        news = asyncio.Event()
        is_refreshed = asyncio.Event()
        subscription = self._hub.subscribe(target.subjects)

        async def listen() -> None:
            while True:
                await subscription.changes()
                news.set()

        async def look() -> None:
            delay_s = 0.0 if showed_before else row.shows_after_s(command.action)
            async for has_seen in self._refresh_again(target, delay_s=delay_s, is_alone=row.is_seen_alone):
                if has_seen:
                    is_refreshed.set()
                news.set()

        work = [asyncio.create_task(each(), name=f"{each.__name__} for {command.name}") for each in (listen, look)]
        for task in work:
            task.add_done_callback(lambda _task: news.set())
        try:
            while not (shows(target.seen) and (is_refreshed.is_set() or not showed_before)):
                for ended in (task for task in work if task.done()):
                    ended.result()  # it does not end by itself
                await news.wait()
                news.clear()
        finally:
            subscription.close()
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _refresh_again(self, target: LiveTarget, *, delay_s: float, is_alone: bool) -> AsyncIterator[bool]:
        """Have the backend refresh again and again; yield whether each refresh succeeded."""
        system, refreshes = target.named.system, self._refreshes
        if delay_s:
            await self._clock.sleep(delay_s)
        yield await refreshes.at_once(system, target.in_vms)
        for pause_s in _SOON_S:
            await self._clock.sleep(pause_s)
            yield await (refreshes.if_idle if is_alone else refreshes.together)(system, target.in_vms)
        if is_alone:  # nobody else's refresh shows it, and a VMS may need a second
            yield await refreshes.at_once(system, target.in_vms)
        for pause_s in chain(_LATER_S, repeat(_LATER_S[-1])):
            await self._clock.sleep(pause_s)
            yield await (refreshes.alone if is_alone else refreshes.together)(system, target.in_vms)
