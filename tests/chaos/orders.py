"""Commands in the middle of everything: to a camera that is forced into alarms, to one whose mode changes, to a paper monitor."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import TYPE_CHECKING

from tests.chaos.commands import Change, History
from tests.chaos.lab import PAPER, SqlFailed

if TYPE_CHECKING:
    from tests.chaos.commander import Commander
    from tests.chaos.commands import Order
    from tests.chaos.lab import Lab
    from tests.chaos.proxy import Proxy

FORCED, MODED, PAPER_MODED = 1, 3, PAPER[0]
"""Monitors: nobody else forces alarms at the first, or changes the modes of the others."""
_ENDLESS = ("Mocord", "Record")
_ANY = ("Monitor", "Modect", "Record", "Nodect")
DETECTING = {"Modect", "Mocord", "Nodect"}
_AGAIN, _MISUSED, _NONSENSE = 0.1, 0.06, 0.06
_LOOK_S = 0.01
"""As often as the bridge looks: what is in force for a moment only must not be seen by it alone."""
_SWITCH_S = 200.0


class Orders:
    """Gives commands, and remembers what was so meanwhile; `run` until cancelled."""

    def __init__(self, lab: Lab, commander: Commander, system: str, seed: int) -> None:
        self._lab, self._commander, self._system = lab, commander, system
        self._random = Random(f"orders {seed}")  # noqa: S311 - it has to be repeatable
        self.history = History()

    async def run(self) -> None:
        """Give commands, whether anybody is there to take them or not."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._alarms())
            group.create_task(self._modes(MODED, _ENDLESS, 6, 14))
            group.create_task(self._modes(PAPER_MODED, _ANY, 2, 6))
            group.create_task(self._run_states())

    async def look(self) -> None:
        """Note what shared memory says of the camera that is forced into alarms, until cancelled."""
        while True:
            memory = self._lab.memory(FORCED)
            if memory is None:
                values = {
                    "alarm": "OFF",
                    "detection": "ON",
                }  # a daemon that does not run has no alarm, and starts without a pause
            else:
                is_alarm = memory.alarm == "alarm"
                values = {
                    "alarm": "ON" if is_alarm else "OFF" if memory.is_forced is not True else "forced",
                    "detection": "OFF" if memory.is_forced is False else "ON",
                }
            self.history.note(self._system, str(FORCED), time.monotonic(), values)
            await asyncio.sleep(_LOOK_S)

    async def modes(self) -> History:
        """Return all that was so, with every mode, as the database has logged it. Raises SqlFailed."""
        zero = time.time() - time.monotonic()
        for at, monitor, value in await self._lab.mode_log():
            if monitor is None:
                self.history.note(self._system, None, at - zero, {"run_state": value})
            else:
                armed = "ON" if value in DETECTING else "OFF"
                self.history.note(self._system, str(monitor), at - zero, {"function": value, "armed": armed})
        return self.history

    async def switch(self, name: str) -> Order:
        """Bring the whole ZoneMinder into that run state, and wait until it is in it."""
        order = self._commander.send(self._system, None, "run_state", name)
        end = time.monotonic() + _SWITCH_S
        while time.monotonic() < end:
            try:
                states = [value for _, monitor, value in await self._lab.mode_log() if monitor is None]
            except SqlFailed:
                states = []
            if states and states[-1] == name:
                break
            await asyncio.sleep(0.5)
        return order

    async def _alarms(self) -> None:
        """Force alarms and end them, and pause detection now and then."""
        while True:
            await self._pause(1, 5)
            if self._random.random() < 0.25:
                self._send(FORCED, "detection", "OFF")
                await self._pause(1, 3)
                self._send(FORCED, "detection", "ON")
                continue
            self._send(FORCED, "alarm", "ON")
            await self._pause(0.5, 4)
            self._send(FORCED, "alarm", "OFF")

    async def _modes(self, monitor: int, values: tuple[str, ...], shortest: float, longest: float) -> None:
        while True:
            await self._pause(shortest, longest)
            if self._random.random() < _NONSENSE:
                self._send(monitor, "function", "Nonsense")
            elif self._random.random() < 0.5:
                self._send(monitor, "armed", self._random.choice(("ON", "OFF")))
            else:
                self._send(monitor, "function", self._random.choice(values))

    async def _run_states(self) -> None:
        """Ask for the run state that there is, and for one that there is not."""
        while True:
            await self._pause(10, 30)
            self._commander.send(self._system, None, "run_state", self._random.choice(("default", "Nonsense")))

    def _send(self, monitor: int, command: str, value: str) -> None:
        order = self._commander.send(self._system, str(monitor), command, value)
        if self._random.random() < _AGAIN:
            self._commander.resend(order)
        if self._random.random() < _MISUSED:
            other = "OFF" if value == "ON" else "ON"
            self._commander.send(self._system, str(PAPER_MODED), "armed", other, request_id=order.request_id)

    async def _pause(self, shortest: float, longest: float) -> None:
        await asyncio.sleep(self._random.uniform(shortest, longest))


def changes_of(to_web: Proxy, system: str) -> list[Change]:
    """Return what was done to the monitors that commands are given to."""
    found = []
    for at, path in to_web.changes:
        monitor = path.removeprefix("monitors/").removeprefix("alarm/id:").partition("/")[0]
        found.append(Change(system, monitor, at, path))
    return found
