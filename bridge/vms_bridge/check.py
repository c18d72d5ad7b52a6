"""Tries everything that a configuration names, as `vms-bridge check` does, and says what is wrong and how to mend it."""

from __future__ import annotations

import asyncio
import getpass
import os
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.backends.base import Finding
from vms_bridge.backends.guard import Guard, make_backend, secrets_of
from vms_bridge.broker_check import BrokerTrial, may_be_thrown_out
from vms_bridge.errors import BackendDefect, BridgeError, BrokerError
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.topics import Topics
from vms_bridge.mqtt.wire import Filter, Message
from vms_bridge.store.privacy import flaws, root_flaw
from vms_bridge.tls import shown_certificate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.concealment import Secrets
    from vms_bridge.config import Config, SystemConfig
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.store.privacy import Flaw

_LIMIT_S = 30.0
_ANY_REMEDY = "check the address in the configuration, whether the host is up and reachable from here, and what its own log says"
_ANSWER_S = 5.0
_MANY_RETAINED = 800
"""mosquitto drops what goes beyond 1,000 messages waiting for one client, unless its limit is raised."""


async def examine(config: Config, clock: Clock, *, limit_s: float = _LIMIT_S) -> list[tuple[str, Finding]]:
    """Return what was found, each with the part of the configuration that it is about. Never raises.

    All connections are tried at the same time, each for `limit_s` at most.
    """
    concealed = config.secrets()
    found = [("config", Finding(text=_summary(config)))]
    found += [("config", Finding(text=remark.text, hint=remark.hint)) for remark in (*config.remarks, *config.exposures)]
    found += [("data_dir", finding) for finding in await asyncio.to_thread(_data_dir, config.data_dir)]
    parts = [(key, _system(system, clock, limit_s, concealed)) for key, system in config.systems.items()]
    if config.mqtt:
        parts.insert(0, ("mqtt", _broker(config.mqtt, config, clock, limit_s)))
    results = await asyncio.gather(*(part for _, part in parts))
    found += [(name, finding) for (name, _), findings in zip(parts, results, strict=True) for finding in findings]
    strike = concealed.strike
    return [(name, replace(finding, text=strike(finding.text), hint=strike(finding.hint))) for name, finding in found]


def _summary(config: Config) -> str:
    systems = ", ".join(f"{key} ({system.kind.name})" for key, system in config.systems.items())
    return f"well formed: instance {config.instance}, systems {systems}"


def _data_dir(place: Path) -> list[Finding]:
    """Say whether the state can be kept there, and who else can get at it; nothing is created or changed."""
    remarks = [Finding(text=flaw.text, hint=_soon(flaw)) for flaw in flaws(place)]
    if (root := root_flaw()) is not None:
        remarks.append(Finding(text=root.text, hint=root.hint))
    return [_can_be_kept(place), *remarks]


def _soon(flaw: Flaw) -> str:
    will_be_mended = flaw.is_grave and flaw.hint.startswith("chmod")
    return f"{flaw.hint}; the bridge does so itself when it starts" if will_be_mended else flaw.hint


def _can_be_kept(place: Path) -> Finding:
    nearest = place
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        return Finding(
            text=f"{nearest} is not a directory", problem=True, hint="set data_dir: to another place, or move the file away"
        )
    if os.access(nearest, os.W_OK | os.X_OK):
        return Finding(text=f"{place} {'can be written' if nearest == place else 'will be created'}")
    hint = "give it to the user that runs the bridge (chown), or set data_dir: to another place"
    return Finding(text=f"{_user()} can't write to {nearest}", problem=True, hint=hint)


def _user() -> str:
    try:
        return f"user {getpass.getuser()}"
    except (KeyError, OSError):  # a user id without a name, as in containers
        return f"user {os.getuid()}"


async def _system(system: SystemConfig, clock: Clock, limit_s: float, concealed: Secrets) -> Sequence[Finding]:
    """Have the backend try its connection, and hold it to its promise never to raise and to end."""
    try:
        async with clock.timeout(limit_s):
            backend = await make_backend(system.kind, system.key, system.settings, clock)
            concealed.include(system.key, secrets_of(backend))
            found = await Guard(system.key, backend, clock).check(limit_s=limit_s)
    except TimeoutError:
        text = f"no result within {limit_s:g} s"
        return [Finding(text=text, problem=True, hint="is the host up, and does a firewall let the port through?")]
    except BackendDefect as error:
        text = f"the check itself failed: {error.kind}"
        return [Finding(text=text, problem=True, hint=f"this is a bug in the backend {system.kind.name}: please report it")]
    except BridgeError as error:  # from `create`; `check` itself never raises
        return [Finding(text=str(error), problem=True, hint=error.hint or _ANY_REMEDY)]
    return [replace(finding, hint=_ANY_REMEDY) if finding.problem and not finding.hint else finding for finding in found]


async def _broker(config: MqttConfig, all_: Config, clock: Clock, limit_s: float) -> Sequence[Finding]:
    """Connect under a client id of its own, so that a running bridge is not thrown out, and try its rights."""
    if await asyncio.to_thread(may_be_thrown_out, config, all_.data_dir, clock):
        text = "a bridge is at work, and whether the broker bears another connection of its user is not known: nothing was tried"
        return [Finding(text=text, hint="stop the bridge and check again: the check might throw it off the broker")]
    instance = all_.instance
    client_id = f"vms-bridge-check-{secrets.token_hex(4)}"
    any_certificate = []
    if config.tls and not config.verify_tls:
        hint = "pin the broker's own by fingerprint:, or set ca_file:"
        any_certificate.append(Finding(text="any certificate is accepted", hint=hint))
    return any_certificate + await _connected(config, instance, client_id, clock, limit_s)


async def _connected(config: MqttConfig, instance: str, client_id: str, clock: Clock, limit_s: float) -> list[Finding]:
    try:
        async with clock.timeout(limit_s):
            link = await Link.open(config, client_id=client_id, clock=clock)
            try:
                topics = Topics(instance, config.discovery_prefix)
                return await _Trial(link, config, topics, clock, answer_s=min(_ANSWER_S, limit_s / 4)).findings(client_id)
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


class _Trial:
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
        """Count what Home Assistant would be sent at once; a broker that does not let us look is no problem."""
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
