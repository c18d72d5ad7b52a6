"""The whole of it, wired: start and stop in order, reload what changed, say why it can't go on."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr
from tests.fakes.backend import START, ScriptedBackend, event, monitor, snapshot, state
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import settle
from tests.fakes.commands import ask
from tests.fakes.identity import over
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge import metrics
from vms_bridge.app import Bridge, run
from vms_bridge.backends import load_kind
from vms_bridge.backends.base import BackendKind
from vms_bridge.cli import OK, REFUSED
from vms_bridge.clock import SystemClock
from vms_bridge.commands import AckResult, SetAlarm
from vms_bridge.concealment import Secrets
from vms_bridge.config import Config, LogConfig, SinkConfig, SystemConfig
from vms_bridge.demo.broker import Broker
from vms_bridge.demo.packets import Message
from vms_bridge.errors import BridgeError, BrokerRefused, InvalidConfig, RivalBridge, StoreError, VmsError
from vms_bridge.hub.text import shown
from vms_bridge.keys import MonitorRules
from vms_bridge.links import MessageLinks
from vms_bridge.logs import configure
from vms_bridge.model import AlarmState, EventBatch, EventPicture, EventRef, StateUpdate
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.own_entities import EntityKind, OwnEntity
from vms_bridge.sinks import SinkKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from vms_bridge.backends.base import Backend
    from vms_bridge.clock import Clock
    from vms_bridge.findings import Finding
    from vms_bridge.model import PictureRef
    from vms_bridge.sinks import BridgeIdentity
    from vms_bridge.views import HubView


class Settings(BaseModel):
    """What the scripted kind of system is configured by, and a sink."""

    model_config = ConfigDict(frozen=True)
    version: int = 1


class Workshop:
    """Makes scripted backends, and keeps them."""

    def __init__(self) -> None:
        self.made: list[tuple[str, ScriptedBackend]] = []
        self.make = ScriptedBackend
        self.kind = BackendKind(name="scripted", title="Scripted", config=Settings, create=self.create)

    def create(self, key: str, _settings: BaseModel, _clock: Clock) -> Backend:
        backend = self.make(first=snapshot(monitor(1), monitor(2)))
        self.made.append((key, backend))
        return backend

    def system(self, key: str, version: int = 1, rules: MonitorRules | None = None) -> SystemConfig:
        return SystemConfig(key=key, kind=self.kind, name=key, rules=rules or MonitorRules(), settings=Settings(version=version))

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.made]


def config(path: Path, *systems: SystemConfig, mqtt: MqttConfig | None = None) -> Config:
    return Config(
        instance="test", name="Test", data_dir=path, systems={system.key: system for system in systems}, sinks=over(mqtt)
    )


@asynccontextmanager
async def started(configured: Config, secrets: Secrets | None = None) -> AsyncIterator[Bridge]:
    bridge = Bridge(configured, SystemClock(), secrets=secrets)
    task = asyncio.create_task(bridge.run())
    ready = asyncio.create_task(bridge.ready.wait())
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    await settle()
    try:
        yield bridge
    finally:
        ready.cancel()
        bridge.stop()
        await task


async def until(holds: Callable[[], object]) -> None:
    """Wait for what real sockets and threads bring about."""
    while not holds():  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)


async def reloaded(bridge: Bridge, configured: Config) -> None:
    bridge.reload(configured)
    while bridge._config is not configured:
        await asyncio.to_thread(lambda: None)
    await settle()


async def test_it_starts_shows_and_stops(tmp_path: Path) -> None:
    workshop = Workshop()
    async with started(config(tmp_path, workshop.system("a"), workshop.system("b"))) as bridge:
        assert set(bridge.hub.systems) == {"a", "b"}
        view = bridge.hub.monitor("a", "1")
        assert view
        assert view.state.available
    assert (tmp_path / "vms-bridge.sqlite").exists()


async def test_a_reload_restarts_only_what_changed(tmp_path: Path) -> None:
    workshop = Workshop()
    first = config(tmp_path, workshop.system("a"), workshop.system("b"), workshop.system("c"))
    async with started(first) as bridge:
        hidden = MonitorRules(exclude=("2",))
        await reloaded(bridge, config(tmp_path, workshop.system("a"), workshop.system("b", 2), workshop.system("d")))
        assert workshop.keys == ["a", "b", "c", "b", "d"]
        assert set(bridge.hub.systems) == {"a", "b", "d"}
        await reloaded(
            bridge, config(tmp_path, workshop.system("a", rules=hidden), workshop.system("b", 2), workshop.system("d"))
        )
        assert workshop.keys == ["a", "b", "c", "b", "d", "a"]
        assert set(bridge.hub.systems["a"].monitors) == {"1"}


async def test_what_can_not_be_reloaded_is_told_and_nothing_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    workshop = Workshop()
    async with started(config(tmp_path, workshop.system("a"))) as bridge:
        bridge.reload(config(tmp_path, workshop.system("b")))
        bridge.reload(replace(config(tmp_path, workshop.system("b")), instance="other"))
        await settle()
        assert set(bridge.hub.systems) == {"a"}
        assert "restart it" in caplog.text


async def test_a_refused_reload_leaves_the_log_as_it_is(tmp_path: Path) -> None:
    logger = logging.getLogger("vms_bridge")
    async with started(config(tmp_path)) as bridge:
        level = logger.level
        bridge.reload(replace(config(tmp_path), instance="other", log=LogConfig(level="error")))
        await settle()
        assert logger.level == level
        await reloaded(bridge, replace(config(tmp_path), log=LogConfig(level="error")))
        assert logger.level == logging.ERROR


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("no such device"), "RuntimeError: no such device"),
        (VmsError("no such device", hint="plug it in"), "no such device: plug it in"),
    ],
)
async def test_a_kind_that_can_not_make_its_backend_stops_only_that_system(
    tmp_path: Path, error: Exception, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    def create(*_: object) -> Backend:
        raise error

    workshop = Workshop()
    poor = replace(workshop.system("poor"), kind=replace(workshop.kind, name="poor", create=create))
    async with started(config(tmp_path, poor, workshop.system("a"))) as bridge:
        assert set(bridge.hub.systems) == {"poor", "a"}
        assert not bridge.hub.systems["poor"].state.available
        assert said in (bridge.hub.systems["poor"].state.detail or "")
        assert bridge.hub.systems["a"].state.available
        assert said.split(":", maxsplit=1)[0] in caplog.text

        await reloaded(bridge, config(tmp_path, replace(poor, key="new"), workshop.system("a"), workshop.system("poor")))
        assert {key: view.state.available for key, view in bridge.hub.systems.items()} == {"new": False, "a": True, "poor": True}
        with pytest.raises(VmsError, match="no such device"):
            await bridge.hub.picture("new", EventPicture(event=EventRef("new", 1, "1")))


async def test_with_a_broker_everything_is_published_and_goes_offline_at_the_stop(tmp_path: Path) -> None:
    workshop = Workshop()
    async with Broker() as broker:
        mqtt = MqttConfig(url=f"mqtt://127.0.0.1:{broker.port}")
        async with started(config(tmp_path, workshop.system("a"), mqtt=mqtt)) as bridge:
            await until(lambda: b'"available":true' in broker.retained.get("vms_bridge/test/a/2/state", b""))
            assert broker.retained["vms_bridge/test/status"] == b"online"
            await reloaded(bridge, config(tmp_path, workshop.system("a"), mqtt=MqttConfig(url=mqtt.url, snapshots=False)))
        assert broker.retained["vms_bridge/test/status"] == b"offline"


def zoneminder(url: str, **more: str) -> SystemConfig:
    kind = load_kind("zoneminder")
    login = {"username": "admin", "password": "p&=+ä/%s#"}
    short = {"poll_interval": 0.5, "monitors_interval": 2}
    settings = kind.config.model_validate({"url": url, "shared_memory": False} | login | short | more)
    return SystemConfig(key="zm", kind=kind, name="ZoneMinder", rules=MonitorRules(), settings=settings)


async def test_it_starts_while_zoneminder_is_down_and_heals_when_it_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    zm = FakeZoneMinder(World(monitors=1))
    async with zm:
        pass  # it has a port from now on
    async with FakeBroker() as broker, started(config(tmp_path, zoneminder(zm.url), mqtt=MqttConfig(url=broker.url))):
        await broker.until(lambda: b"no connection" in broker.retained.get("vms_bridge/test/zm/state", b""))
        assert json.loads(broker.retained["vms_bridge/test/zm/state"])["available"] is False
        assert "vms_bridge/test/zm/1/state" not in broker.retained
        async with zm:
            await broker.until(lambda: b'"available":true' in broker.retained.get("vms_bridge/test/zm/1/state", b""))
            assert json.loads(broker.retained["vms_bridge/test/zm/state"])["available"] is True
            zm.world.alarm(1)
            await broker.until(lambda: "vms_bridge/test/zm/1/event" in {each.topic for each in broker.seen.published})
    assert caplog.text.count("system zm is lost") == 1
    assert "Check url:, and whether ZoneMinder's host" in caplog.text


async def test_it_starts_while_the_broker_is_down_and_heals_when_it_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workshop = Workshop()
    async with FakeBroker() as broker:
        port = broker.port
    async with started(config(tmp_path, workshop.system("a"), mqtt=MqttConfig(url=f"mqtt://127.0.0.1:{port}"))) as bridge:
        assert bridge.hub.systems["a"].state.available
        await until(lambda: "connection refused" in caplog.text)
        feed = workshop.made[0][1].feed
        assert feed
        await feed.record(EventBatch(events=(event(),), cursor="1"))
        async with FakeBroker(port=port) as broker:
            await broker.until(lambda: b'"available":true' in broker.retained.get("vms_bridge/test/a/2/state", b""))
            await broker.until(lambda: "vms_bridge/test/a/1/event" in {each.topic for each in broker.seen.published})
            assert broker.retained["vms_bridge/test/status"] == b"online"
            bridge.stop()
            await broker.until(lambda: broker.retained["vms_bridge/test/status"] == b"offline")
    assert caplog.text.count("connection refused") == 1


NAMES = {1: "n" * 300, 2: "🚪🐈" * 150, 3: "Front/Door/#/+", 4: "../$SYS", 5: 'quo"te\\ {{ name }} \u0001', 6: "Café à côté"}


async def test_whatever_monitors_are_called_topics_are_made_of_ids(tmp_path: Path) -> None:
    world = World(monitors=0)
    for number, name in NAMES.items():
        world.add_monitor(number, name)
    topics = [f"vms_bridge/test/zm/{number}/{last}" for number in NAMES for last in ("state", "event", "last_event")]
    topics += [f"homeassistant/device/vms_bridge_test/zm-{number}/config" for number in NAMES]
    async with (
        FakeZoneMinder(world) as zm,
        FakeBroker() as broker,
        started(config(tmp_path, zoneminder(zm.url), mqtt=MqttConfig(url=broker.url))) as bridge,
    ):
        await broker.until(lambda: bridge.hub.systems["zm"].state.available)
        for number in NAMES:
            world.alarm(number)
        await broker.until(lambda: set(topics) <= {each.topic for each in broker.seen.published if each.payload})
        said = {each.topic: each.payload for each in broker.seen.published if each.payload}
    assert [topic for topic in said if not re.fullmatch(r"[a-z_]+(/[a-z0-9_-]+)+", topic)] == []
    for number, name in NAMES.items():
        assert json.loads(said[f"vms_bridge/test/zm/{number}/event"])["monitor_name"] == shown(name)
        device = json.loads(said[f"homeassistant/device/vms_bridge_test/zm-{number}/config"])
        assert device["dev"]["name"] == shown(name)
        ids = [part["uniq_id"] for part in device["cmps"].values() if "uniq_id" in part]
        assert ids
        assert [each for each in ids if not each.startswith(f"test-zm-{number}-") or not each.isascii()] == []


@pytest.mark.parametrize(
    "fault",
    [ZeroDivisionError(), asyncio.CancelledError(), SystemExit(1), BaseExceptionGroup("some", [SystemExit(1)]), None, "text"],
    ids=repr,
)
async def test_a_picture_that_fails_in_an_unforeseen_way_costs_nothing_but_itself(
    tmp_path: Path, fault: BaseException | str | None, caplog: pytest.LogCaptureFixture
) -> None:
    class Poor(ScriptedBackend):
        async def picture(self, ref: PictureRef) -> bytes:
            del ref
            asked.set()
            if isinstance(fault, BaseException):
                raise fault
            return fault  # type: ignore[return-value]  # that is its fault

    asked = asyncio.Event()
    workshop = Workshop()
    workshop.make = Poor
    async with FakeBroker() as broker:
        url = f"mqtt://127.0.0.1:{broker.port}"
        async with started(config(tmp_path, workshop.system("a"), mqtt=MqttConfig(url=url))):
            await broker.until(lambda: b'"available":true' in broker.retained.get("vms_bridge/test/a/2/state", b""))
            feed = workshop.made[0][1].feed
            assert feed
            await feed.record(EventBatch(events=(event(snapshot_ready=True),), cursor="1"))
            await asked.wait()
            await settle()
            feed.emit(StateUpdate(monitor_id="1", state=state(alarm=AlarmState.ALARM)))
            await broker.until(lambda: b'"alarm":"alarm"' in broker.retained.get("vms_bridge/test/a/1/state", b""))
            assert broker.retained["vms_bridge/test/status"] == b"online"
    assert "started anew" not in caplog.text
    assert (caplog.text.count("Traceback") > 0) is isinstance(fault, BaseException)


async def test_a_store_that_can_not_be_opened_stops_it_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be used"):
        await Bridge(config(tmp_path / "file"), SystemClock()).run()


async def no_findings(*_: object) -> list[Finding]:
    return []


def made_by(make: Callable[..., Any], *, version: int = 1, is_durable: bool = False, name: str = "poor") -> dict[str, SinkConfig]:
    """Return what a configuration says of one sink, which is made so."""
    kind = SinkKind(
        name=name, section=name, config=Settings, create=make, is_durable=is_durable, check=no_findings, remedy="write nothing"
    )
    return {name: SinkConfig(kind=kind, settings=Settings(version=version))}


class Hurried(SystemClock):
    """Nobody waits for a part to be started anew."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 1000)


class Failing:
    """A sink that fails in one way after the other."""

    name = "poor"

    def __init__(self, *errors: BaseException | None) -> None:
        self.errors = list(errors)
        self.starts = 0

    def make(self, *_: object) -> Failing:
        self.starts += 1
        return self

    async def run(self, hub: object) -> None:
        assert hub
        error = self.errors.pop(0)
        if error is not None:
            raise error


async def test_whatever_a_sink_fails_of_it_is_started_anew_and_only_what_is_fatal_stops_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rival = RivalBridge("a rival is at work")
    sink = Failing(
        ZeroDivisionError(),
        StoreError("the disk is full"),
        BridgeError("whatever"),
        BrokerRefused("no"),
        asyncio.CancelledError(),
        SystemExit(1),
        BaseExceptionGroup("some", [SystemExit(1), BrokerRefused("no")]),
        None,
        ExceptionGroup("two", [BrokerRefused("no"), ExceptionGroup("one", [rival])]),
    )
    workshop = Workshop()
    configured = replace(config(tmp_path, workshop.system("a")), sinks=made_by(sink.make))
    bridge = Bridge(configured, Hurried())
    with pytest.raises(RivalBridge, match="a rival"):
        await bridge.run()
    assert sink.starts == 9
    assert [one.value for one in bridge.hub.measures.read() if one.metric is metrics.SINK_RESTARTS] == [8]
    assert workshop.keys == ["a"]  # nothing else was started anew
    assert "the disk is full" in caplog.text


class Listening:
    """A sink that listens until it is told to stop."""

    name = "other"

    def __init__(self, _settings: BaseModel, bridge: BridgeIdentity, _clock: Clock) -> None:
        self.bridge = bridge
        self.is_over = False
        self.heard: list[str] = []

    async def run(self, hub: HubView) -> None:
        subscription = hub.subscribe()
        try:
            while True:
                changes = await subscription.changes()
                self.heard += sorted(changes.systems)
        finally:
            self.is_over = True
            subscription.close()


async def test_sinks_come_and_go_by_a_reload_but_for_durable_ones(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made: list[Listening] = []

    def make(*arguments: Any) -> Listening:  # noqa: ANN401 - a kind's
        made.append(Listening(*arguments))
        return made[-1]

    workshop = Workshop()
    plain = config(tmp_path, workshop.system("a"))
    async with started(plain) as bridge:
        listened = replace(plain, sinks=made_by(make, name="other"))
        await reloaded(bridge, listened)
        [first] = made
        assert (first.heard[0], first.bridge, first.is_over) == ("a", plain.identity, False)
        await reloaded(bridge, replace(listened, log=LogConfig(level="error")))
        assert made == [first], "nothing that it is made from has changed"
        await reloaded(bridge, replace(listened, sinks=made_by(make, name="other", version=2)))
        await reloaded(bridge, replace(listened, sinks=made_by(make, name="other", version=2), name="Another"))
        assert [each.is_over for each in made] == [True, True, False]
        assert made[-1].bridge.name == "Another"
        await reloaded(bridge, plain)
        assert [each.is_over for each in made] == [True, True, True]
        assert workshop.keys == ["a"]
        bridge.reload(replace(plain, sinks=made_by(make, is_durable=True)))
        await settle()
        assert "restart it" in caplog.text
        assert len(made) == 3


async def test_what_belongs_to_scripts_is_taken_away_where_none_are_run(tmp_path: Path) -> None:
    plain = config(tmp_path)
    async with started(replace(plain, sinks=made_by(Listening, name="scripts"))) as bridge:
        before = bridge.hub.own_entities.known
        bridge.hub.own_entities.declare("gate", [OwnEntity(key="count", kind=EntityKind.SENSOR)])
        await reloaded(bridge, plain)
        assert (before, bridge.hub.own_entities.known) == (None, frozenset())
        assert not bridge.hub.own_entities.owners
    async with started(plain) as bridge:
        assert bridge.hub.own_entities.known == frozenset()


async def test_a_durable_sink_has_an_outbox_of_its_own(tmp_path: Path) -> None:
    workshop = Workshop()
    both = made_by(Listening, name="one", is_durable=True) | made_by(Listening, name="two", is_durable=True)
    sinks = both | made_by(Listening, name="three")
    async with started(replace(config(tmp_path, workshop.system("a")), sinks=sinks)) as bridge:
        feed = workshop.made[0][1].feed
        assert feed
        await feed.record(EventBatch(events=(event(),), cursor="1"))
        await bridge.hub.delivered("one", [1])
        waiting = [await bridge.hub.undelivered(name, late=False, after=0, limit=9) for name in ("one", "two", "three")]
        assert [len(each) for each in waiting] == [0, 1, 0]
        assert len((await bridge.hub.history(None, 9)).messages) == 1


async def test_links_in_messages_come_and_go_by_a_reload(tmp_path: Path) -> None:
    workshop = Workshop()
    kind = replace(made_by(Listening)["poor"].kind, message_links=lambda _: MessageLinks(url="https://h", picture="/p/{event}"))
    plain = config(tmp_path, workshop.system("a"))
    linked = replace(plain, sinks={"poor": SinkConfig(kind=kind, settings=Settings())})
    async with started(plain) as bridge:
        feed = workshop.made[0][1].feed
        assert feed
        for number, configured in enumerate((plain, linked, plain)):
            await reloaded(bridge, replace(configured))
            await feed.record(EventBatch(events=(event(number, snapshot_ready=True),)))
        messages = [json.loads(message.payload) for _, message in (await bridge.hub.history(None, 100)).messages]
    links = {message["id"]: message["snapshot_url"] for message in messages}
    assert (links["a-0"], links["a-2"]) == (None, None)
    assert links["a-1"].startswith("https://h/p/a-1?auth=1.")


async def test_a_sink_that_can_not_be_made_stops_nothing(tmp_path: Path) -> None:
    made = asyncio.Event()

    def make(*_: object) -> Failing:
        made.set()
        raise ZeroDivisionError

    bridge = Bridge(replace(config(tmp_path), sinks=made_by(make)), Hurried())
    running = asyncio.create_task(bridge.run())
    await made.wait()
    await bridge.ready.wait()
    bridge.stop()
    await running


async def break_store(bridge: Bridge, *, is_broken: bool = True) -> None:
    """Have the store refuse to tell of systems, or no more."""
    before, after = ("systems", "elsewhere") if is_broken else ("elsewhere", "systems")
    store = bridge.hub._store
    await store._run(store._database.connection.execute, f"ALTER TABLE {before} RENAME TO {after}")


async def reload_refused(bridge: Bridge, configured: Config, caplog: pytest.LogCaptureFixture) -> None:
    bridge.reload(configured)
    await until(lambda: "was not reloaded" in caplog.text)
    await settle()


async def test_a_store_that_fails_during_a_reload_leaves_the_old_configuration_in_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workshop = Workshop()
    async with started(config(tmp_path, workshop.system("a"), workshop.system("b"))) as bridge:
        await break_store(bridge)
        changed = config(tmp_path, workshop.system("a", 2), workshop.system("c"), workshop.system("d"))
        await reload_refused(bridge, changed, caplog)
        assert set(bridge.hub.systems) == {"a", "b"}
        assert "no such table" in caplog.text
        for _, backend in workshop.made[:2]:
            assert backend.feed
            backend.feed.emit(StateUpdate(monitor_id="1", state=state(score=77)))
        views = [bridge.hub.monitor(key, "1") for key in "ab"]
        assert [view and view.state.score for view in views] == [77, 77]  # they still run, and are heard

        await break_store(bridge, is_broken=False)
        await reloaded(bridge, changed)
        assert {key: view.state.available for key, view in bridge.hub.systems.items()} == {"a": True, "c": True, "d": True}


async def test_a_system_is_set_up_anew_without_the_store(tmp_path: Path) -> None:
    workshop = Workshop()
    async with started(config(tmp_path, workshop.system("a"))) as bridge:
        feed = workshop.made[0][1].feed
        assert feed
        await feed.record(EventBatch(events=(event(7, "2"),), cursor="7"))
        before = feed.resume
        await break_store(bridge)
        await reloaded(bridge, config(tmp_path, workshop.system("a", 2, MonitorRules(exclude=("1",)))))
        assert workshop.keys == ["a", "a"]
        again = workshop.made[1][1].feed
        assert again
        assert again.resume == before
        view = bridge.hub.monitor("a", "2")
        assert view
        assert (view.state.available, bridge.hub.monitor("a", "1")) == (True, None)
        assert view.last_event
        assert view.last_event.id == "a-7"
        await break_store(bridge, is_broken=False)
        await again.record(EventBatch(events=(event(7, "2", end=START),), cursor="8"))
        told = await bridge.hub.undelivered("mqtt", late=False, after=0, limit=9)
        assert told == []  # without a broker there is no outbox
        view = bridge.hub.monitor("a", "2")
        assert view
        assert view.last_event
        assert (view.last_event.type, view.last_event.seq) == ("end", 2)


async def test_a_forced_alarm_ends_with_the_system_that_a_reload_takes_away(tmp_path: Path) -> None:
    workshop = Workshop()
    async with started(config(tmp_path, workshop.system("a"), workshop.system("b"))) as bridge:
        for key in "ab":
            forced = ask(SetAlarm(on=True, seconds=1000), system=key)
            assert (await bridge.hub.submit(forced)).result is AckResult.APPLIED
        await reloaded(bridge, config(tmp_path, workshop.system("a")))
        assert [len(backend.actions) for _, backend in workshop.made] == [1, 2]
        assert workshop.made[1][1].actions[-1] == ("1", SetAlarm(on=False))


async def test_no_secret_gets_out_of_a_server_that_says_back_what_it_was_told(tmp_path: Path) -> None:
    secrets, log = Secrets(), io.StringIO()
    configure("debug", "text", log, secrets=secrets)
    async with FakeBroker() as broker, FakeZoneMinder(World(monitors=1)) as zm:
        system = zoneminder(zm.url, http_username="proxy", http_password="of the proxy")
        mqtt = MqttConfig(url=broker.url, username="me", password=SecretStr("of the broker"))
        async with started(config(tmp_path, system, mqtt=mqtt), secrets=secrets) as bridge:
            await broker.until(lambda: b'"available":true' in broker.retained.get("vms_bridge/test/zm/1/state", b""))
            tokens = list(zm.tokens)
            zm.fail("", "echo")
            ack = await bridge.hub.submit(ask(SetAlarm(on=True), request_id="r"))
            await broker.until(lambda: b'"available":false' in broker.retained.get("vms_bridge/test/zm/state", b""))
            logging.getLogger("vms_bridge").warning("a library says %s", {"x": tokens[0], "y": "of the broker"})
            zm.heal()
            told = [log.getvalue(), repr(ack), *(each.payload.decode(errors="replace") for each in broker.seen.published)]
    assert "Exception" in log.getvalue() or "TypeError" in log.getvalue()
    for secret in (*tokens, "of the proxy", "of the broker", "p&=+ä/%s#", quote("p&=+ä/%s#", safe=""), "b2YgdGhl"):
        assert not [text for text in told if secret in text], secret


async def line_with(words: str, program: asyncio.subprocess.Process) -> str:
    assert program.stderr
    while line := (await program.stderr.readline()).decode():
        if words in line:
            return line
    raise AssertionError(f"it ended without saying {words!r}")


@asynccontextmanager
async def program(path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the bridge as its users do."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "vms_bridge", "run", "--config", str(path)),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "bridge"},
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


CONFIG = "instance: test\ndata_dir: {data}\nsystems: {{sim: {{type: simulator}}}}\n"


def test_an_unusable_configuration_is_told_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "vms-bridge.yaml").write_text("systems: []")
    with pytest.raises(InvalidConfig):
        run(tmp_path / "vms-bridge.yaml")
    assert list(tmp_path.iterdir()) == [tmp_path / "vms-bridge.yaml"]


async def test_the_program_reloads_by_hangup_and_ends_by_termination(tmp_path: Path) -> None:
    path = tmp_path / "vms-bridge.yaml"
    path.write_text(CONFIG.format(data=tmp_path / "data"))
    async with program(path) as running:
        await line_with("system sim is there", running)
        path.write_text("systems: {sim: {type: nonsense}}")
        running.send_signal(signal.SIGHUP)
        await line_with("was not reloaded", running)
        path.write_text(CONFIG.format(data=tmp_path / "data") + "name: Other\n")
        running.send_signal(signal.SIGHUP)
        await line_with("configuration was reloaded", running)
        running.send_signal(signal.SIGUSR1)
        assert "1 system sim" in await line_with("tasks: ", running)
        running.send_signal(signal.SIGTERM)
        await line_with("has stopped", running)
        assert await running.wait() == OK


async def test_the_program_has_an_exit_code_of_its_own_where_another_bridge_has_its_name(tmp_path: Path) -> None:
    async with Broker() as broker:
        path = tmp_path / "vms-bridge.yaml"
        path.write_text(CONFIG.format(data=tmp_path / "data") + f"mqtt: {{url: '{broker.url}'}}\n")
        async with program(path) as running:
            await until(lambda: "vms_bridge/test/info" in broker.retained)
            broker.publish(Message(topic="vms_bridge/test/info", payload=b'{"bridge_id": "0"}', retain=True))
            assert "instance" in await line_with("another bridge", running)
            assert await running.wait() == REFUSED
