"""A ZoneMinder and a VXG Cloud VMS in one bridge: neither is taken for the other, and none waits for the other."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from tests.bridge.test_app import config, started, zoneminder
from tests.fakes.broker import FakeBroker
from tests.fakes.commands import ask
from tests.fakes.vxg import FakeVxg
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends import load_kind
from vms_bridge.commands import AckResult, SetAlarm
from vms_bridge.config import SystemConfig
from vms_bridge.keys import MonitorRules
from vms_bridge.mqtt.config import MqttConfig

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

NAME = "Gate"
NEVER_S = 120
"""How long the bridge would wait for the cloud: whoever waited for that here would fail by `broker.until`."""
CLOUD, ZM = "vms_bridge/test/cloud", "vms_bridge/test/zm"


def cloud(fake: FakeVxg, **more: object) -> SystemConfig:
    kind = load_kind("vxg")
    settings = kind.config.model_validate({"url": fake.url, "token": fake.group_token(), "poll_interval": 0.5, "hold": 5} | more)
    return SystemConfig(key="cloud", kind=kind, name="ZoneMinder", rules=MonitorRules(), settings=settings)


def like(fake: FakeVxg, numbers: Iterable[int]) -> None:
    """Give it channels of these numbers, all of one name."""
    for number in numbers:
        fake.add_channel(NAME, number=number)
    fake.add_group("AI", list(fake.world.channels))


def said(broker: FakeBroker, topic: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(broker.retained.get(topic, b"{}"))
    return found


def told(broker: FakeBroker) -> dict[str, dict[str, Any]]:
    """Return the newest message of each event."""
    events = [json.loads(each.payload) for each in broker.seen.published if each.topic == "vms_bridge/test/event"]
    return {event["id"]: event for event in events}


async def test_equal_ids_and_names_are_two_of_everything(tmp_path: Path) -> None:
    world = World(monitors=0)
    for number in (1, 2):
        world.add_monitor(number, NAME)
    world.next_event = 500
    async with FakeVxg(channels=0) as fake, FakeZoneMinder(world) as zm, FakeBroker() as broker:
        like(fake, (1, 2))
        systems = (zoneminder(zm.url), cloud(fake))
        async with started(config(tmp_path, *systems, mqtt=MqttConfig(url=broker.url))) as bridge:
            await broker.until(lambda: all(said(broker, f"{each}/2/state").get("available") for each in (ZM, CLOUD)))
            fake.world.happen(1, id=500)
            await broker.until(lambda: said(broker, f"{CLOUD}/1/state").get("alarm") == "alarm")
            assert said(broker, f"{ZM}/1/state")["alarm"] == "idle"
            world.alarm(1)
            await broker.until(lambda: {"zm-500", "cloud-500"} <= told(broker).keys())
            found = told(broker)
            assert found["zm-500"]["monitor"] == found["cloud-500"]["monitor"] == "1"
            assert (found["zm-500"]["system"], found["cloud-500"]["system"]) == ("zm", "cloud")
            ack = await bridge.hub.submit(ask(SetAlarm(on=True, cause="Test"), system="cloud", monitor="2"))
            assert ack.result is AckResult.APPLIED
            await broker.until(lambda: said(broker, f"{CLOUD}/2/state")["alarm"] == "alarm")
            assert said(broker, f"{ZM}/2/state")["alarm"] == "idle"
            announced = [each for topic, each in broker.retained.items() if topic.startswith("homeassistant/device/")]
    devices = [json.loads(each) for each in announced]
    ids = [part["uniq_id"] for device in devices for part in device["cmps"].values() if "uniq_id" in part]
    assert len(ids) == len(set(ids)) > 20
    names = [str(device["dev"]["ids"]) for device in devices]
    assert len(names) == len(set(names))


async def test_a_cloud_that_never_answers_keeps_nobody_waiting_from_the_start_to_the_end(tmp_path: Path) -> None:
    world = World(monitors=1)
    async with FakeVxg(channels=1) as fake, FakeZoneMinder(world) as zm, FakeBroker() as broker:
        fake.hold = asyncio.Event()
        systems = (zoneminder(zm.url), cloud(fake, timeout=NEVER_S))
        async with asyncio.timeout(60), started(config(tmp_path, *systems, mqtt=MqttConfig(url=broker.url))) as bridge:
            await fake.asked_at_once(1)
            await broker.until(lambda: said(broker, f"{ZM}/1/state").get("available") is True)
            ack = await bridge.hub.submit(ask(SetAlarm(on=True), system="zm", monitor="1"))
            assert ack.result is AckResult.APPLIED
            await broker.until(lambda: said(broker, f"{ZM}/1/state")["alarm"] == "alarm")
            refused = await bridge.hub.submit(ask(SetAlarm(on=True), system="cloud", monitor="101"))
            assert refused.result is not AckResult.APPLIED
            assert f"{CLOUD}/101/state" not in broker.retained
            assert fake.at_once, "it has not answered all this while"


async def test_no_alarm_waits_for_a_system_that_is_dead_or_a_cloud_that_does_not_answer(tmp_path: Path) -> None:
    dead = FakeZoneMinder(World(monitors=1))
    async with dead:
        pass  # it has a port from now on
    world = World(monitors=1)
    async with FakeVxg(channels=2) as fake, FakeZoneMinder(world) as zm, FakeBroker() as broker:
        lost = zoneminder(dead.url)
        lost = SystemConfig(key="lost", kind=lost.kind, name="Lost", rules=lost.rules, settings=lost.settings)
        systems = (lost, zoneminder(zm.url), cloud(fake, timeout=NEVER_S))
        async with started(config(tmp_path, *systems, mqtt=MqttConfig(url=broker.url))):
            await broker.until(lambda: said(broker, f"{ZM}/1/state").get("available") is True)
            await broker.until(lambda: said(broker, f"{CLOUD}/101/state").get("available") is True)
            assert said(broker, "vms_bridge/test/lost/state")["available"] is False
            fake.hold = asyncio.Event()
            await fake.asked_at_once(1)
            made = fake.world.happen(101)
            for _ in range(3):
                world.alarm(1)
                await broker.until(lambda: said(broker, f"{ZM}/1/state")["alarm"] == "alarm")
                world.calm(1)
                await broker.until(lambda: said(broker, f"{ZM}/1/state")["alarm"] == "idle")
            assert f"cloud-{made.id}" not in told(broker), "it has not answered all this while"
            fake.hold.set()
            fake.hold = None
            await zm.__aexit__(None, None, None)
            await broker.until(lambda: f"cloud-{made.id}" in told(broker))
            await broker.until(lambda: said(broker, f"{ZM}/state")["available"] is False)
            again = fake.world.happen(102)
            await broker.until(lambda: f"cloud-{again.id}" in told(broker))
            assert said(broker, f"{CLOUD}/state")["available"] is True
