"""The MQTT sink: connects, serves, and connects again."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import ip_address
from random import SystemRandom
from typing import TYPE_CHECKING

from vms_bridge.backoff import HEALTHY_S, Backoff
from vms_bridge.errors import BrokerError, RivalBridge, StoreError, StrangeSession
from vms_bridge.mqtt import company, notifications
from vms_bridge.mqtt.absence import SESSION_S, Absence
from vms_bridge.mqtt.company import Connection
from vms_bridge.mqtt.events import SINK
from vms_bridge.mqtt.for_others import ForOthers
from vms_bridge.mqtt.identity import Identity
from vms_bridge.mqtt.intake import CommandIntake
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.measured import readings
from vms_bridge.mqtt.memory import Memory
from vms_bridge.mqtt.notices import Notices
from vms_bridge.mqtt.notifications import Notifications
from vms_bridge.mqtt.payloads import OFFLINE
from vms_bridge.mqtt.session import Session
from vms_bridge.mqtt.topics import Topics
from vms_bridge.mqtt.wire import Will

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.sinks import BridgeIdentity
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 8.0
"""With what comes after it, all is true within 10 s of a broker's return; one attempt in 8 s burdens none."""
_LONGEST_LOCAL_WAIT_S = 5.0
_REMIND_S = 300.0
_JITTER = SystemRandom()


class MqttSink:
    """Publishes the hub's state and events over MQTT, takes commands; heals every loss of the broker by itself."""

    def __init__(
        self,
        *,
        config: MqttConfig,
        bridge: BridgeIdentity,
        clock: Clock,
        jitter: Callable[[float, float], float] = _JITTER.uniform,
    ) -> None:
        self._config = config
        self._bridge = bridge
        self._clock = clock
        self._jitter = jitter
        self._notices = Notices(_LOGGER, clock)
        self._outages = Notices(_LOGGER, clock, interval_s=_REMIND_S)
        self._memory = Memory(absence=Absence(clock))
        self._session: Session | None = None
        """The one that is served now."""

    @property
    def name(self) -> str:
        """Its name in logs and in the store."""
        return SINK

    async def run(self, hub: HubView) -> None:
        """Serve until cancelled. Raises RivalBridge if another bridge of this name is at work on the broker."""
        topics = Topics(self._bridge.instance, self._config.discovery_prefix)
        client_id = self._config.client_id or f"vms_bridge_{self._bridge.instance}_{hub.bridge_id[:8]}"
        await self._memory.absence.load(hub, peer=f"{client_id} at {self._config.place}")
        await self._memory.published.load(hub, peer=f"{topics.root}, {self._config.discovery_prefix} at {self._config.place}")
        intake = CommandIntake(
            hub=hub,
            topics=topics,
            level=self._config.level,
            clock=self._clock,
            counters=self._memory.counters,
            max_age_s=self._config.command_age,
        )
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_LOCAL_WAIT_S if _is_local(self._config.host) else _LONGEST_WAIT_S)
        down_since: float | None = None
        await self._memory.dialect.company.load(hub, SINK, company.where(self._config), self._clock)
        for_others = self._memory.for_others = ForOthers(hub.messaging, self._config.discovery_prefix, self._clock)
        lay_down = hub.messaging.carry(for_others)
        answering = hub.answering(notifications.KIND, Notifications(for_others, topics, self._clock).answer)
        unread = hub.measures.add(lambda: readings(self._memory, None if self._session is None else self._session.outbox))
        try:
            await intake.open()
            while True:
                began = self._clock.monotonic()
                try:
                    session = await self._connect(hub, client_id, topics, intake)
                    self._log_up(down_since)
                    down_since, began = None, self._clock.monotonic()
                    await self._serve(session)
                except RivalBridge:
                    raise
                except StrangeSession as session_of_another:
                    _LOGGER.info("%s", session_of_another)
                except BrokerError as error:
                    now = self._clock.monotonic()
                    lasted_s = now - began if down_since is None else 0.0
                    if lasted_s >= HEALTHY_S:
                        self._outages.clear()
                    down_since = now if down_since is None else down_since
                    self._outages.warn(str(error), f"{error}{'; ' if error.hint else ''}{error.hint}")
                    await self._clock.sleep(self._jitter(0.0, backoff.failed(lasted_s=lasted_s)))
        finally:
            unread()
            lay_down()
            answering.close()
            await intake.close()
            await self._confirm(hub)

    async def _connect(self, hub: HubView, client_id: str, topics: Topics, intake: CommandIntake) -> Session:
        dialect = self._memory.dialect
        dialect.company.opened(Connection.MAIN, self._clock.monotonic())
        link = await Link.open(
            self._config,
            client_id=client_id,
            clock=self._clock,
            will=Will(topic=topics.status, payload=OFFLINE),
            dialect=dialect,
            session_s=SESSION_S,
        )
        link.most_bytes = dialect.sizes.most_bytes(self._clock.monotonic())
        identity = Identity(
            config=self._config,
            instance=self._bridge.instance,
            name=self._bridge.name,
            version=self._bridge.version,
            client_id=client_id,
            api=self._bridge.api,
            previous_instance=self._bridge.previous_instance,
        )
        return Session(
            link=link, hub=hub, identity=identity, memory=self._memory, intake=intake, clock=self._clock, notices=self._notices
        )

    async def _serve(self, session: Session) -> None:
        """Run the session to its end. In a task of its own: a stop must not get lost in a loss of the same moment."""
        self._session = session
        task = asyncio.create_task(session.run(), name="mqtt-session")
        try:
            await asyncio.wait({task})
        finally:
            self._session = None
            task.cancel()
            await asyncio.wait({task})
            failure = None if task.cancelled() else task.exception()
            await session.say_goodbye()
        if failure is not None:
            self._memory.timings.losses += not isinstance(failure, StrangeSession)
            raise failure

    def _log_up(self, down_since: float | None) -> None:
        where = self._config.place
        if down_since is None:
            _LOGGER.info("connected to the MQTT broker at %s", where)
        else:
            _LOGGER.info("connected to the MQTT broker at %s again after %.0f s", where, self._clock.monotonic() - down_since)

    async def _confirm(self, hub: HubView) -> None:
        """Confirm what the broker accepted last, so that it is not sent twice."""
        try:
            await self._memory.confirmations.flush(hub)
        except StoreError as error:
            _LOGGER.warning("%s", error)


def _is_local(host: str) -> bool:
    """Say whether this names the host that we are on."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
