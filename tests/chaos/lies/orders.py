"""Chooses which commands are given while lies are told: one at a time for each system's monitor, each judged at the end."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from tests.chaos.commands import FINAL, Change
from tests.chaos.lies.tales import Sort
from tests.chaos.lies.world import COMMANDED
from tests.fakes.zoneminder.world import ALARM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from tests.chaos.commander import Commander
    from tests.chaos.commands import Order
    from tests.chaos.lies.web import WebLiar
    from tests.chaos.lies.world import Scene
    from tests.chaos.tap import Tap

_PAUSE_S = (0.5, 3.0)
_GIVE_UP_S = 60.0
_AGAIN = 0.15
_MISUSED = 0.1
_READ = frozenset({"monitors", "monitor", "status", "version"})
"""Parts by which an effect is seen."""


class Orders:
    """Gives commands to one system's monitor; `run` until cancelled."""

    def __init__(self, scene: Scene, commander: Commander, tap: Tap, root: str, random: Random) -> None:
        self._scene, self._commander, self._tap, self._root, self._random = scene, commander, tap, root, random

    async def run(self) -> None:
        """Give one command after the other, each when the one before is answered."""
        while True:
            await asyncio.sleep(self._random.uniform(*_PAUSE_S))
            command, value = self._next()
            order = self._commander.send(self._scene.name, str(COMMANDED), command, value)
            if self._random.random() < _AGAIN:
                self._commander.resend(order)
            end = time.monotonic() + _GIVE_UP_S
            while not self.is_answered(order) and time.monotonic() < end:  # noqa: ASYNC110 - another program answers
                await asyncio.sleep(0.1)
            if self._random.random() < _MISUSED:
                other = "OFF" if value == "ON" else "ON"
                self._commander.send(self._scene.name, str(COMMANDED), "armed", other, request_id=order.request_id)

    def is_answered(self, order: Order) -> bool:
        """Say whether there is a final answer."""
        for message in reversed(self._tap.accepted):
            if message.at < order.sent:
                return False
            if message.topic == f"{self._root}/ack":
                answer = json.loads(message.payload)
                if answer["request_id"] == order.request_id and answer["result"] in FINAL:
                    return True
        return False

    def _next(self) -> tuple[str, str]:
        monitor = self._scene.world.monitors[COMMANDED]
        modes = self._scene.facts()[COMMANDED].modes
        if monitor.state == ALARM:
            return "alarm", "OFF"
        choices = [("armed", "OFF" if modes["armed"] else "ON"), ("alarm", "ON"), ("alarm", "ON")]
        if "function" in modes:
            choices.append(("function", self._random.choice(("Modect", "Nodect", "Monitor"))))
        else:
            choices += [("recording", self._random.choice(("OnMotion", "None"))), ("detection", "OFF"), ("detection", "ON")]
        return self._random.choice(choices)


def changes_of(liar: WebLiar, system: str) -> list[Change]:
    """Return what was done to the commanded monitor."""
    mine = (f"monitors/{COMMANDED}", f"monitors/alarm/id:{COMMANDED}/")
    return [
        Change(system, str(COMMANDED), each.at, f"{each.path} {each.form}")
        for each in liar.changes
        if each.path == mine[0] or each.path.startswith(mine[1])
    ]


def doubtful(
    orders: Sequence[Order], tap: Tap, root: str, liar: WebLiar, system: str, miscounted: Sequence[tuple[float, float]]
) -> set[str]:
    """Return the requests during which a perfectly formed lie was told of what shows their effect, or alarms were miscounted."""
    answered: dict[str, float] = {}
    for message in tap.accepted:
        if message.topic == f"{root}/ack":
            answered.setdefault(json.loads(message.payload)["request_id"], message.at)
    lies = [(each.at, each.at) for each in liar.told if each.sort is Sort.HIDDEN and each.part in _READ]
    misleading = [*lies, *miscounted]
    return {
        order.request_id
        for order in orders
        if order.system == system
        and any(order.sent <= end and begin <= answered.get(order.request_id, begin) for begin, end in misleading)
    }
