"""Everything current once more, for a Home Assistant that has come up, or for whoever asks."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.mqtt.topics import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.announcer import Announcer
    from vms_bridge.mqtt.publisher import Publisher
    from vms_bridge.views import HubView

PER_S = 200
JITTER_S = (1.0, 5.0)
_STEP = 10


class Replay:
    """Sends all states, then all discovery payloads, at a pace that brokers' queues bear.

    Asked again meanwhile, it first comes to its end: who asks often would otherwise never hear of the last monitors.
    `again` says hello and `online` once more; `jitter(low, high)` draws the wait, so that two bridges do not hit together.
    """

    def __init__(
        self,
        *,
        hub: HubView,
        clock: Clock,
        announcer: Announcer,
        publisher: Publisher,
        again: Callable[[], None],
        jitter: Callable[[float, float], float],
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._announcer = announcer
        self._publisher = publisher
        self._again = again
        self._jitter = jitter
        self._asked = asyncio.Event()
        self._wait_s = 0.0

    def ask(self, *, jitter: bool) -> None:
        """Have everything sent again: at once, or after a random while."""
        self._wait_s = self._jitter(*JITTER_S) if jitter else 0.0
        self._asked.set()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            await self._asked.wait()
            if self._wait_s:
                await self._clock.sleep(self._wait_s)
            self._asked.clear()
            await self._send()

    async def _send(self) -> None:
        self._again()
        for count, step in enumerate(self._steps()):
            if count % _STEP == _STEP - 1:
                await self._clock.sleep(_STEP / PER_S)
            step()

    def _steps(self) -> Iterator[Callable[[], None]]:
        """Yield one small piece of work after the other; each reads what is current when its turn comes."""
        systems = {key: list(system.monitors) for key, system in self._hub.systems.items()}
        monitors = [(key, name) for key, names in systems.items() for name in names]
        for system in systems:
            yield partial(self._publisher.repeat, system)
        for monitor in monitors:
            yield partial(self._publisher.repeat, monitor)
        for subject in (Subject(), *map(Subject, systems), *(Subject(*key) for key in monitors)):
            yield partial(self._announcer.repeat, subject)
