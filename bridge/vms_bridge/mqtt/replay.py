"""Everything current once more, for a Home Assistant that has come up, or for whoever asks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.mqtt.pace import Pace, Rounds
from vms_bridge.mqtt.topics import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.homeassistant import Announcer
    from vms_bridge.mqtt.own_entities import OwnEntityPublisher
    from vms_bridge.mqtt.publisher import Publisher
    from vms_bridge.views import HubView

PER_S = 200
JITTER_S = (1.0, 5.0)
APART_S = 2.0
_BURST = 10


class Replay:
    """Sends all states, then all discovery payloads, at a pace that brokers' queues bear, whoever asks and how often.

    Asked again meanwhile, it first comes to its end: who asks often would otherwise never get the last monitors.
    `again` says hello and `online` once more; `jitter(low, high)` draws the wait, so that two bridges do not hit together.
    """

    def __init__(
        self,
        *,
        hub: HubView,
        clock: Clock,
        announcer: Announcer,
        publisher: Publisher,
        own_entities: OwnEntityPublisher,
        again: Callable[[], None],
        jitter: Callable[[float, float], float],
    ) -> None:
        self._hub = hub
        self._announcer = announcer
        self._publisher = publisher
        self._own_entities = own_entities
        self._again = again
        self._jitter = jitter
        self._pace = Pace(clock, PER_S, burst=_BURST)
        self._rounds = Rounds(clock, self._send, apart_s=APART_S)

    def ask(self, *, jitter: bool) -> None:
        """Have everything sent again: at once, or after a random while."""
        self._rounds.ask(in_s=self._jitter(*JITTER_S) if jitter else 0.0)

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._rounds.run()

    async def _send(self) -> None:
        self._again()
        for step in self._steps():
            await self._pace.turn()
            step()

    def _steps(self) -> Iterator[Callable[[], None]]:
        """Yield one message after the other; each reads what is current when its turn comes."""
        systems = {key: list(system.monitors) for key, system in self._hub.systems.items()}
        monitors = [(key, name) for key, names in systems.items() for name in names]
        for system in systems:
            yield partial(self._publisher.repeat, system)
        for monitor in monitors:
            yield partial(self._publisher.repeat, monitor)
            if (view := self._hub.monitor(*monitor)) is not None and view.last_event is not None:
                yield partial(self._publisher.repeat_last_event, monitor)
        scripts = tuple(self._hub.own_entities.owners)
        for owner in scripts:
            yield partial(self._own_entities.repeat, owner)
        subjects = (Subject(), *map(Subject, systems), *(Subject(*key) for key in monitors))
        for subject in (*subjects, *(Subject(script=owner) for owner in scripts)):
            yield partial(self._announcer.repeat, subject)
