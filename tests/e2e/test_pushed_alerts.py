"""Alerts that are pushed, by a real broker: RabbitMQ, which speaks STOMP as ActiveMQ does, and refuses with other words."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.e2e import rabbitmq as lab
from tests.e2e.bridge import Bridge, grave_lines
from tests.e2e.conftest import MET, need
from tests.e2e.rabbitmq import HOST, PASSWORD, TOPIC, RabbitMq
from tests.fakes.authority import HomeMadeAuthority
from tests.fakes.vxg import FakeVxg

from vms_bridge.clock import SystemClock
from vms_bridge.errors import ConnectionClosed, VmsAuthFailed, VmsError, VmsProtocolError, VmsUnreachable
from vms_bridge.vxg.alerts import Alert, Broker, listening

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from tests.e2e.broker import Broker as Mosquitto
    from tests.e2e.broker import Observer

BEAT_S = 5.0
TOLD_WITHIN_S = 40.0  # less than a poll; longer than a bridge waits that has lost the broker a while ago
CONFIGURATION = """\
instance: pushed
data_dir: {folder}/data
mqtt: {{url: "{mosquitto}"}}
systems:
  cloud:
    type: vxg
    url: {vxg.url}
    token: !env E2E_VXG_TOKEN
    poll_interval: 60
    push:
      url: stomps://{host}:{rabbitmq.tls_port}
      ca_file: {rabbitmq.authority.ca_file}
      topic: {topic}
      username: engine
      password: !env E2E_PUSH_PASSWORD
"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def rabbitmq(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator[RabbitMq]:
    need(lab.what_is_missing())
    pytestconfig.stash[MET]["RabbitMQ"] = lab.version()
    async with RabbitMq(tmp_path_factory.mktemp("rabbitmq")) as node:
        yield node


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def lasting(rabbitmq: RabbitMq) -> AsyncIterator[asyncio.Task[Alert]]:
    """What is heard by a connection that was quiet until the broker has given up another one: it waits beside the other tests."""
    waiting = asyncio.create_task(heard_after_silence(rabbitmq))
    yield waiting
    waiting.cancel()
    await asyncio.wait({waiting})


@pytest.mark.usefixtures("lasting")
async def test_alerts_come_by_tls(rabbitmq: RabbitMq) -> None:
    async with listening(rabbitmq.broker(), SystemClock()) as alerts, aclosing(alerts):
        for number in range(3):
            await rabbitmq.push({"id": number, "camera_id": 101, "event": "motion:\\c", "meta": {"ü": "\n"}})
        await rabbitmq.push({"camera_id": 102}, topic="/topic/others")
        await rabbitmq.push({"camera_id": 103})
        told = [await soon(alerts) for _ in range(4)]
    assert [alert.camera_id for alert in told] == [101, 101, 101, 103]
    assert (told[0].event, told[0].meta) == ("motion:\\c", {"ü": "\n"})


@pytest.mark.parametrize("virtual_host", ["/", HOST])
async def test_a_virtual_host_of_the_broker_can_be_named(rabbitmq: RabbitMq, virtual_host: str) -> None:
    async with listening(rabbitmq.broker(tls=False, virtual_host=virtual_host), SystemClock()) as alerts, aclosing(alerts):
        await rabbitmq.push({"camera_id": 1}, host=virtual_host)
        assert (await soon(alerts)).camera_id == 1


@pytest.mark.parametrize(
    ("other", "error", "words"),
    [
        ({"password": "wrong"}, VmsAuthFailed, "Access refused for user 'engine'"),
        ({"username": None, "password": None}, VmsAuthFailed, "Access refused for user"),
        ({"virtual_host": "elsewhere"}, VmsAuthFailed, "Virtual host 'elsewhere' access denied"),
        ({"username": "nobody"}, VmsAuthFailed, "ACCESS_REFUSED"),
        ({"topic": "/nothing/like/it"}, VmsProtocolError, "is not a valid destination"),
    ],
)
async def test_what_the_broker_refuses_is_told_in_its_words(
    rabbitmq: RabbitMq, other: dict[str, Any], error: type[VmsError], words: str
) -> None:
    refused = await refusal(rabbitmq.broker(**other))
    assert isinstance(refused, error)
    assert words in str(refused)
    assert refused.hint
    assert "wrong" not in str(refused)


async def test_who_is_not_who_we_trust_gets_no_password(rabbitmq: RabbitMq, tmp_path: Path) -> None:
    stranger = HomeMadeAuthority(tmp_path).ca_file
    for broker in (
        rabbitmq.broker(ca_file=stranger),
        rabbitmq.broker(ca_file=None),  # the machine's authorities
        rabbitmq.broker(url=f"stomps://127.0.0.1:{rabbitmq.tls_port}"),  # not the name in its certificate
        rabbitmq.broker(url=f"stomps://{HOST}:{rabbitmq.plain_port}"),
    ):
        refused = await refusal(broker)
        assert isinstance(refused, VmsUnreachable)
        assert "no TLS with the broker" in str(refused)
        assert refused.hint
    refused = await refusal(rabbitmq.broker(url=f"stomp://{HOST}:{rabbitmq.tls_port}"))
    assert isinstance(refused, VmsProtocolError | ConnectionClosed)


async def test_a_bridge_hears_them_and_lives_through_the_end_of_the_broker(
    broker: Mosquitto, mqtt: Observer, tmp_path: Path
) -> None:
    """Events are looked for once a minute here: who tells of one sooner has heard of it."""
    need(lab.what_is_missing())
    (tmp_path / "rabbitmq").mkdir()
    async with FakeVxg(channels=1) as vxg, RabbitMq(tmp_path / "rabbitmq") as rabbitmq:
        configuration = CONFIGURATION.format(
            folder=tmp_path, mosquitto=broker.url, vxg=vxg, rabbitmq=rabbitmq, host=HOST, topic=TOPIC
        )
        secrets = {"E2E_VXG_TOKEN": vxg.group_token(), "E2E_PUSH_PASSWORD": PASSWORD}
        bridge = Bridge(tmp_path, configuration, secrets)
        await bridge.start()
        try:
            await mqtt.state("vms_bridge/pushed/cloud/state", lambda state: state["available"])
            await tells(mqtt, vxg, rabbitmq)
            await rabbitmq.stop(signal.SIGKILL)
            missed = vxg.world.happen(101)
            await rabbitmq.start()
            await told(mqtt, missed.id)
            await tells(mqtt, vxg, rabbitmq)
        finally:
            await bridge.stop()
    assert "alerts are not pushed, and events come by asking: works again" in bridge.log
    assert grave_lines(bridge.log) == []
    assert PASSWORD not in bridge.log


async def test_signs_of_life_keep_a_connection_that_has_nothing_to_say(lasting: asyncio.Task[Alert]) -> None:
    assert (await lasting).camera_id == 7


async def heard_after_silence(rabbitmq: RabbitMq) -> Alert:
    """Listen quietly while another client promises signs of life and gives none; push an alert when that is thrown out."""
    async with listening(rabbitmq.broker(beat_s=BEAT_S, topic="/topic/quiet"), SystemClock()) as alerts, aclosing(alerts):
        listener = asyncio.create_task(anext(alerts))
        promised = round(BEAT_S * 1_000)
        async with rabbitmq.client(**{"heart-beat": f"{promised},{promised}"}) as silent:
            since = time.monotonic()
            await silent.closed()
        assert time.monotonic() - since > 2 * BEAT_S  # so long we bear no silence of the broker's
        await rabbitmq.push({"camera_id": 7}, topic="/topic/quiet")
        return await asyncio.wait_for(listener, 15)


async def soon(alerts: AsyncGenerator[Alert, None]) -> Alert:
    return await asyncio.wait_for(anext(alerts), 15)


async def refusal(broker: Broker) -> VmsError:
    with pytest.raises(VmsError) as refused:
        async with listening(broker, SystemClock()) as alerts, aclosing(alerts):
            pytest.fail("the broker lets it in")
    return refused.value


async def tells(mqtt: Observer, vxg: FakeVxg, rabbitmq: RabbitMq) -> None:
    made = vxg.world.happen(101)
    await rabbitmq.push({"camera_id": 101, "event_id": made.id, "event": "motion"})
    await told(mqtt, made.id)


async def told(mqtt: Observer, event_id: int) -> None:
    """Wait until the bridge has told of that event."""
    await mqtt.message(
        "vms_bridge/pushed/cloud/101/event", lambda each: each.json["id"] == f"cloud-{event_id}", within=TOLD_WITHIN_S
    )
