"""`vms-bridge check` of the broker: connects as the bridge would, and tries its rights and what the broker can do."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from vms_bridge.errors import BrokerError
from vms_bridge.findings import Finding
from vms_bridge.mqtt.broker_check import BrokerTrial, may_be_thrown_out
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.topics import Topics
from vms_bridge.mqtt.wire import Filter, Message
from vms_bridge.tls import shown_certificate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.sinks import Trial

_ANSWER_S = 5.0
_MANY_RETAINED = 800
"""mosquitto drops what goes beyond 1,000 messages waiting for one client, unless its limit is raised."""


async def check(config: MqttConfig, trial: Trial) -> Sequence[Finding]:
    """Connect under a client id of its own, so that a running bridge is not thrown out, and try its rights."""
    if await asyncio.to_thread(may_be_thrown_out, config, trial):
        text = (
            "a bridge is at work, and whether the broker accepts another connection of its user is not known: nothing was tried"
        )
        return [Finding(text=text, hint="stop the bridge and check again: the check might throw it off the broker")]
    client_id = f"vms-bridge-check-{secrets.token_hex(4)}"
    any_certificate = []
    if config.tls and not config.verify_tls:
        hint = "pin the broker's own by fingerprint:, or set ca_file:"
        any_certificate.append(Finding(text="any certificate is accepted", hint=hint))
    return any_certificate + await _connected(config, client_id, trial)


async def _connected(config: MqttConfig, client_id: str, trial: Trial) -> list[Finding]:
    clock, limit_s = trial.clock, trial.limit_s
    try:
        async with clock.timeout(limit_s):
            link = await Link.open(config, client_id=client_id, clock=clock)
            try:
                topics = Topics(trial.bridge.instance, config.discovery_prefix)
                return await _RightsTrial(link, config, topics, clock, answer_s=min(_ANSWER_S, limit_s / 4)).findings(client_id)
            finally:
                await link.close()
    except BrokerError as error:
        found = [Finding(text=str(error), problem=True, hint=error.hint)]
        if config.tls and (shown := await _certificate(config, clock)) is not None:
            text = f"the broker's certificate has the SHA-256 {shown}"
            found.append(Finding(text=text, hint="if it is yours, pin it by fingerprint:"))
        return found
    except TimeoutError:
        where = config.place
        hint = "is this the broker's port, and is the broker overloaded?"
        return [Finding(text=f"the broker at {where} did not answer within {limit_s:g} s", problem=True, hint=hint)]


async def _certificate(config: MqttConfig, clock: Clock) -> str | None:
    try:
        async with clock.timeout(_ANSWER_S):
            return await shown_certificate(config.host, config.port)
    except TimeoutError:
        return None


class _RightsTrial:
    """Tries on an open connection what the bridge will do; used once."""

    def __init__(self, link: Link, config: MqttConfig, topics: Topics, clock: Clock, *, answer_s: float) -> None:
        self._link, self._config, self._topics, self._clock, self._answer_s = link, config, topics, clock, answer_s
        self._retained = 0
        self._status = b""
        self._echoes: dict[str, asyncio.Event] = {}
        self._broker_trial = BrokerTrial(link, config, topics, clock, answer_s=answer_s)

    async def findings(self, client_id: str) -> list[Finding]:
        """Return what came of it. Raises BrokerError where the connection is lost."""
        old = "MQTT 3.1.1 (the broker knows no newer one, and keeps no commands for a bridge that is away)"
        version = "MQTT 5" if self._link.is_mqtt5 else old
        found = [Finding(text=f"{self._config.place} accepts the bridge, {version}")]
        self._link.listen(self._heard, lambda: None)
        areas = [self._topics.root]
        if self._config.discovery:
            areas.append(f"{self._config.discovery_prefix}/device/vms_bridge_{self._topics.instance}")
        for area in areas:
            if await self._link.subscribe([Filter(topic=f"{area}/#", as_published=True)]):
                found.append(_no_right("the broker refuses the subscription to", area))
            else:
                found.append(await self._write(area))
        if self._status == b"online":
            found.append(Finding(text=f"a bridge with the instance name {self._topics.instance} is at work on this broker now"))
        if self._config.discovery:
            await self._count()
        if self._retained > _MANY_RETAINED:
            text = f"at least {self._retained} retained messages: a broker may drop a part when a client connects"
            found.append(Finding(text=text, hint="in mosquitto.conf set `max_queued_messages 10000`"))
        if not any(finding.problem for finding in found):
            found += await self._broker_trial.findings(client_id)
        return found

    async def _write(self, area: str) -> Finding:
        """Publish there, and wait for it to come back: brokers of MQTT 3.1.1 accept and drop what they do not allow."""
        topic = f"{area}/check"
        refused: list[int] = []
        answered = asyncio.Event()

        def acknowledged(code: int) -> None:
            if code >= 0x80:
                refused.append(code)
                answered.set()

        self._echoes[topic] = answered
        sent = self._link.publish(topic, b"", on_ack=acknowledged)
        self._link.flush()
        try:
            async with self._clock.timeout(self._answer_s if sent else 0):
                await answered.wait()
        except TimeoutError:
            return _no_right("nothing comes back of what is published below", area)
        if refused:
            return _no_right("the broker refuses what is published below", area)
        return Finding(text=f"may read and write {area}/#")

    async def _count(self) -> None:
        """Count what Home Assistant would be sent at once; a broker that does not let us read is no problem."""
        if not await self._link.subscribe([Filter(topic=f"{self._config.discovery_prefix}/#")]):
            await self._write(self._topics.root)  # what is retained comes before its echo

    def _heard(self, message: Message) -> None:
        self._broker_trial.heard(message)
        self._retained += message.retained
        if message.topic == self._topics.status and message.retained:
            self._status = message.payload
        if (echo := self._echoes.get(message.topic)) and not message.retained:
            echo.set()


def _no_right(what: str, area: str) -> Finding:
    return Finding(
        text=f"{what} {area}/#", problem=True, hint=f"let the user read and write {area}/# in the broker's access list"
    )
