"""The benchmarks' parts, in tiny form and without a look at the clock: that they measure what they say."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
import time
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from benchmarks import (
    alarm_latency,
    backfill,
    clips,
    command_latency,
    component_latency,
    discovery,
    event_latency,
    large_answers,
    load,
    pictures,
    recorder_rows,
    search,
    throughput,
)
from benchmarks.lab import real, slow_link, wire
from benchmarks.lab.arrivals import Arrivals
from benchmarks.lab.bare import BarePublisher
from benchmarks.lab.feeder import Feeder
from benchmarks.lab.home import Entities
from benchmarks.lab.native import line_to
from benchmarks.lab.programs import INSTANCE, ROOT, check_source
from benchmarks.lab.readers import Readers
from benchmarks.lab.remote import Child, Cost, Json
from benchmarks.lab.running import CannotMeasureError
from benchmarks.lab.table import MS, Row, Table, median, quantile
from benchmarks.lab.told import Told
from benchmarks.lab.watcher import Watcher
from benchmarks.lab.world import SYSTEM, snapshot
from benchmarks.lab.zoneminder import Cameras, Fake, FakeProcess
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.broker import FakeBroker
from tests.fakes.identity import over
from tests.fakes.zoneminder import FakeZoneMinder, World, by_version

from vms_bridge.app import Bridge
from vms_bridge.backends import load_kind
from vms_bridge.clock import SystemClock
from vms_bridge.config import Config, SystemConfig
from vms_bridge.keys import MonitorRules
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.pictures import shrink
from vms_bridge.zoneminder.memory import MonitorMemory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto


@dataclass
class InProcess:
    """A child's inside, asked as the child is."""

    fake: Fake

    @property
    def cost(self) -> Cost:
        return Cost(os.getpid())

    async def ask(self, do: str, **arguments: object) -> Json:
        return await self.fake.answer(do, dict(arguments)) or {}


@dataclass
class Site:
    broker: Mosquitto
    fake: FakeProcess


@asynccontextmanager
async def site(folder: Path, *, with_memory: bool = True) -> AsyncIterator[Site]:
    """A fake ZoneMinder with three monitors, a bridge before it and a broker, all in this process."""
    memory = folder / "shm"
    memory.mkdir()
    world = World(replace(by_version("1.36.33"), auth=False), shm_dir=memory)
    kind = load_kind("zoneminder")
    async with FakeBroker() as broker, FakeZoneMinder(world) as server, asyncio.TaskGroup() as tasks:
        settings = {"url": server.url, "shared_memory": memory if with_memory else False, "poll_interval": 0.5}
        system = SystemConfig(
            key="zm", kind=kind, name="ZoneMinder", rules=MonitorRules(), settings=kind.config.model_validate(settings)
        )
        mqtt = MqttConfig(url=broker.url, commands="admin", snapshots=False)
        bridge = Bridge(
            Config(instance=INSTANCE, name="Test", data_dir=folder / "data", systems={"zm": system}, sinks=over(mqtt)),
            SystemClock(),
        )
        running = tasks.create_task(bridge.run())
        arrivals = Arrivals()
        client = await wire.Client.connect(broker.port, arrivals.take, filters=[f"{ROOT}/zm/3/state"])
        assert await arrivals.first(f"{ROOT}/zm/3/state", lambda payload: b'"available":true' in payload)
        client.close()
        fake = FakeProcess(InProcess(Fake(server)), server.url, memory)
        yield Site(broker, fake)  # type: ignore[arg-type]  # of a broker the benchmarks use the port
        bridge.stop()
        await running


@given(st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=400)), max_size=5), st.integers(0, 3000))
def test_packets_are_taken_apart_wherever_the_stream_is_cut(messages: list[tuple[str, bytes]], cut: int) -> None:
    stream = b"".join(wire.publish_packet(topic, payload, retain=True) for topic, payload in messages)
    packets, used = wire.split(stream[:cut])
    rest, used_then = wire.split(stream[used:])
    assert used + used_then == len(stream)
    topics = [topic.encode() for topic, _ in messages]
    assert [(first, body[2 : 2 + int.from_bytes(body[:2])]) for first, body in packets + rest] == [
        (0x31, topic) for topic in topics
    ]


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_bare_client_hears_what_a_broker_sends(qos: int) -> None:
    async with FakeBroker() as broker:
        arrivals = Arrivals()
        client = await wire.Client.connect(broker.port, arrivals.take, filters=["a/#"], qos=qos)
        other = await wire.Client.connect(broker.port)
        other.publish("a/b", b"x" * 300)
        await other.ping()
        broker.publish("a/c", b"y", qos=1)
        first, second = await arrivals.first("a/b", bool), await arrivals.first("a/c", bool)
        assert first
        assert second
        assert (len(first.payload), second.payload) == (300, b"y")
        assert await arrivals.first("a/b", bool, since=first.at + 1, within_s=0.01) is None
        client.close()
        other.close()


def test_quantiles_are_nearest_ranks() -> None:
    values = [float(each) for each in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([3.0], 0.99)) == (50, 99, 3)
    assert math.isnan(quantile([], 0.5))
    assert math.isnan(median([]))


def test_a_table_says_what_was_missed(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("a benchmark")
    table.add(Row("this", "3 ms", "≤ 2 ms", is_good=False, beside="1 ms"))
    table.add(Row("that", "1 ms"))
    said = capsys.readouterr().out
    assert "### a benchmark" in said
    assert "| this | 3 ms | ≤ 2 ms | **missed** | 1 ms |\n| that | 1 ms |  |  |  |\n" in said


async def test_a_child_answers_and_has_a_cost() -> None:
    async with Child("benchmarks.lab.watcher") as child:
        assert await child.ask("changes") == {"changes": []}
        assert child.cost.resident_mb > 1
    assert Cost(os.getpid()).cores >= 0
    assert Cost(os.getpid()).kept_waiting >= 0


async def test_a_child_that_ends_is_named() -> None:
    with pytest.raises(CannotMeasureError, match=r"benchmarks\.lab\.none"):
        async with Child("benchmarks.lab.none"):
            pass


def test_cameras_change_the_memory_as_frames_do(tmp_path: Path) -> None:
    world = World(monitors=2, shm_dir=tmp_path)
    memory = MonitorMemory(tmp_path, "2", (1, 36, 33))
    cameras = Cameras(world, fps=10.0)
    before, raw = memory.sample(0, time.time()), world.memories[2].path.read_bytes()
    for step in range(500):
        cameras.picture(2, step)
    after = memory.sample(0, time.time())
    assert world.memories[2].path.read_bytes() != raw
    assert (after.alarm, after.startup) == (before.alarm, before.startup)
    assert after.capture_fps != before.capture_fps


async def test_the_watcher_stamps_each_change(tmp_path: Path) -> None:
    world = World(shm_dir=tmp_path)
    watcher = Watcher()
    await watcher.answer("watch", {"path": str(world.memories[1].path)})
    changes: list[tuple[int, int]] = []
    for change, state in ((world.alarm, 3), (world.calm, 1)):
        change(1)
        while not changes or changes[-1][0] != state:  # until the thread has looked
            answer = await watcher.answer("changes", {})
            assert answer is not None
            changes += answer["changes"]
            await asyncio.sleep(0.001)
    await watcher.answer("stop", {})
    assert [state for state, _ in changes] == [3, 1]
    assert changes[0][1] < changes[1][1]


async def test_the_least_reader_reads(tmp_path: Path) -> None:
    World(shm_dir=tmp_path)
    watcher = Watcher()
    await watcher.answer("read", {"directory": str(tmp_path)})
    await asyncio.sleep(0)
    await watcher.answer("stop", {})


async def test_alarms_are_forced_and_their_messages_found(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await check_source(here.broker, "shared_memory", 3)
        with pytest.raises(CannotMeasureError, match="from events"):
            await check_source(here.broker, "events", 3)
        delays = await alarm_latency.changes_of(here.broker, here.fake, 3, 4, pause_s=0.0)
        assert len(delays) == 4
        assert all(delay > 0 for delay in delays)
        assert all(delay > 0 for delay in await alarm_latency.broker_alone(here.broker, 2))


async def test_rows_appear_and_their_messages_are_found(tmp_path: Path) -> None:
    async with site(tmp_path, with_memory=False) as here:
        # Of what is there at the first look only the newest is told: that look is over when a first row has been.
        await event_latency.new_rows(event_latency.Plan(events=1, pause_s=0.0), here.broker, here.fake, 3)
        delays, rate = await event_latency.new_rows(event_latency.Plan(events=3, pause_s=0.0), here.broker, here.fake, 3)
        assert all(delay > 0 for delay in delays)
        assert rate > 0


async def test_commands_are_given_to_the_vms_and_to_the_bridge(tmp_path: Path) -> None:
    async with site(tmp_path) as here, real.ZoneMinder(here.fake.url) as vms:
        arrivals = Arrivals()
        client = await wire.Client.connect(here.broker.port, arrivals.take, filters=[f"{ROOT}/ack"], qos=1)
        bench = command_latency.Bench(vms, here.fake.shared_memory, "1", client, arrivals)
        times = (*await bench.alarms(1, 0.0), await bench.functions(1, 0.0))
        client.close()
    assert [(len(each.own), len(each.bridged)) for each in times] == [(1, 1), (1, 1), (2, 0)]
    assert all(value > 0 for each in times for value in (*each.own, *each.bridged))


async def test_the_bare_peer_publishes_the_same_json(tmp_path: Path) -> None:
    async with FakeBroker() as broker:
        await BarePublisher(broker.port, 3).answer("start", {})
        tally = discovery.Tally()
        reader = await wire.Client.connect(broker.port, tally.take, filters=["#"])
        assert await tally.complete(3)
        bare = {topic: payload for topic, payload in broker.retained.items() if topic.startswith("homeassistant/")}
        reader.close()
    async with FakeBroker() as broker:
        feeder = Feeder(MqttConfig(url=broker.url, commands="admin", snapshots=False), tmp_path / "data", snapshot(3))
        tally = discovery.Tally()
        reader = await wire.Client.connect(broker.port, tally.take, filters=["#"])
        await feeder.answer("start", {})
        assert await tally.complete(3)
        assert {topic: broker.retained[topic] for topic in bare} == bare
        assert 20 <= tally.entities >= tally.enabled > 0
        reader.close()
        await feeder.stop()


async def test_a_load_arrives_and_is_counted(tmp_path: Path) -> None:
    async with FakeBroker() as broker:
        feeder = Feeder(MqttConfig(url=broker.url, snapshots=False), tmp_path / "data", snapshot(5))
        there = discovery.Tally()
        reader = await wire.Client.connect(broker.port, there.take, filters=["#"])
        await feeder.answer("start", {})
        assert await there.complete(5)
        reader.close()
        tally = throughput.Tally()
        reader = await wire.Client.connect(broker.port, tally.take, filters=[f"{ROOT}/{SYSTEM}/+/state", f"{ROOT}/event"], qos=1)
        done = await feeder.answer("load", {"states": 500, "events": 50, "seconds": 0.2})
        assert done is not None
        assert (done["states"], done["events"]) == (100, 10)
        assert await tally.complete(done)
        outcome = throughput.Outcome(cores=0, waited=0, before_mb=0, most_mb=0, asked=(500, 50), load=done, tally=tally)
        assert outcome.lost_events == 0
        assert outcome.newest_after_s < math.inf
        assert 5 <= len(tally.ages_ms) <= 100
        reader.close()
        await feeder.stop()


def test_what_is_missing_counts_as_lost() -> None:
    asked = {"states": 1, "events": 2, "newest": {"1": 5}, "until": 5}
    outcome = throughput.Outcome(cores=0, waited=0, before_mb=0, most_mb=0, asked=(1, 2), load=asked, tally=throughput.Tally())
    assert (outcome.lost_events, outcome.newest_after_s) == (4, math.inf)


def test_entities_count_once_available() -> None:
    entities = Entities()
    entities.look([{"entity_id": "sun.sun", "state": "up"}])
    before = entities.rose_at
    entities.look([{"entity_id": "sensor.a", "state": "unavailable"}])
    assert (entities.known, entities.available, entities.rose_at) == (1, 0, before)
    entities.look([{"entity_id": name, "state": "unknown"} for name in ("sun.sun", "sensor.a", "sensor.b")])
    assert (entities.known, entities.available) == (2, 2)
    assert entities.rose_at > before


async def test_traffic_is_caused_and_its_messages_are_found(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        told = await Told.listen(here.broker)
        stamps = await here.fake.traffic(20, 0.12, 0.6)
        delays = await told.delays(stamps, within_s=5)
        told.close()
    began, ended = stamps["began"], stamps["ended"]
    assert [each[:2] for each in began] == [each[:2] for each in ended]
    assert [monitor for monitor, _, _ in began][:3] == [1, 2, 3][: len(began)]
    assert (len(delays.alarms), len(delays.news), len(delays.ends)) == (2 * len(began), len(began), len(began))
    assert delays.missing == ""
    assert all(delay > 0 for delay in (*delays.alarms, *delays.news, *delays.ends))


async def test_a_change_counts_only_until_the_opposite_happens() -> None:
    told = Told()
    for at, alarm in ((5, b"alarm"), (25, b"alarm"), (35, b"idle")):
        told.take(f"{ROOT}/zm/1/state", b'{"alarm":"%s"}' % alarm, at * MS)
    told.take(f"{ROOT}/event", b'{"id":"zm-7","type":"new"}', 12 * MS)
    delays = await told.delays({"began": [(1, 7, 10 * MS)], "ended": [(1, 7, 20 * MS)]}, within_s=0.01)
    assert (delays.alarms, delays.news, delays.ends) == ([15], [2], [])
    assert delays.missing == "1 changes, 1 `end`"


def test_the_cost_of_one_more_monitor_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    def cells(*cores: float) -> dict[int, load.Cell]:
        return {
            size: load.Cell(monitors=size, changes=0, cores=each, resident_mb=60, calls=0, fake_cores=0, waited=0)
            for size, each in zip((10, 100, 500, 1000, 2000), cores, strict=True)
        }

    table = Table("load")
    plan = load.Plan()
    load.report_linear(table, plan, [cells(0.01, 0.02, 0.059, 0.11, 0.21)] * 3)
    load.report_linear(table, plan, [cells(0.01, 0.02, 0.059, 0.11, 0.31)] * 3)
    assert [row.is_good for row in table.rows if row.what.startswith("processor")] == [True, False]
    assert "ratio 1.00" in capsys.readouterr().out


async def test_a_slow_link_takes_its_time_and_loses_nothing() -> None:
    async with FakeBroker() as broker:
        link = slow_link.SlowLink(broker.port, 8e6)  # a megabyte a second
        accepting = asyncio.create_task(link.accept())
        arrivals = Arrivals()
        reader = await wire.Client.connect(broker.port, arrivals.take, filters=["a"])
        answer = await link.answer("port", {})
        assert answer is not None
        writer = await wire.Client.connect(answer["port"])
        sent = time.monotonic()
        writer.publish("a", bytes(range(250)) * 400)
        arrival = await arrivals.first("a", bool)
        assert arrival is not None
        assert arrival.payload == bytes(range(250)) * 400
        assert time.monotonic() - sent >= 0.09  # a lower bound: no machine is too slow for it
        assert link.there.passed >= 100_000
        writer.close()
        reader.close()
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)


async def test_states_and_pictures_are_published_together(tmp_path: Path) -> None:
    picture = pictures.noisy_picture(200_000)
    assert 200_000 <= len(shrink(picture)) <= 300_000
    async with FakeBroker() as broker:
        feeder = Feeder(MqttConfig(url=broker.url), tmp_path / "data", snapshot(2), picture=picture)
        there = discovery.Tally()
        reader = await wire.Client.connect(broker.port, there.take, filters=["#"])
        await feeder.answer("start", {})
        assert await there.complete(2)
        reader.close()
        seen = Arrivals()
        reader = await wire.Client.connect(broker.port, seen.take, filters=[f"{ROOT}/{SYSTEM}/+/snapshot"])
        wanted = {"states": 50, "seconds": 0.2, "count": 2, "every_s": 0.2}
        done = await feeder.answer("states_and_pictures", wanted)
        assert done is not None
        assert done["states"] == 10
        for number in (1, 2):
            came = await seen.first(f"{ROOT}/{SYSTEM}/{number}/snapshot", bool)
            assert came is not None
            assert len(came.payload) == len(shrink(picture))
        reader.close()
        await feeder.stop()


async def test_a_clip_is_read_through_the_bridge_and_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await clips.measure(clips.Plan(clip_mb=2, rounds=1), Table("clips"), tmp_path)
    told = capsys.readouterr().out
    assert "rate of a clip" in told
    assert "memory of each of 8 viewers" in told


async def test_readers_wait_for_what_they_read_and_count_it(tmp_path: Path) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        if request.path.endswith("/clip"):
            return web.Response(status=404 if asked.count(request.path) == 1 else 200, body=b"c" * 1000)
        live = web.StreamResponse()
        await live.prepare(request)
        await live.write(b"l" * 10)
        await asyncio.Event().wait()
        return live

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    path = str(tmp_path / "api.sock")
    await web.UnixSite(runner, path).start()
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=path, limit=0)) as http:
        readers = Readers(http)
        await readers.answer("begin", {"live": ["monitors/sim/1/live.ts"], "clips": ["events/archive-1/clip"]})
        read = await readers.answer("end", {})
    await runner.cleanup()
    assert read is not None
    assert set(read) == {"live_bytes", "clip_bytes", "lasts_s"}
    assert set(asked) == {"/api/v1/media/monitors/sim/1/live.ts", "/api/v1/media/events/archive-1/clip"}


async def test_large_answers_are_told_with_what_they_kept_waiting(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("test")
    await large_answers.measure(large_answers.Plan(rounds=1), table, {"monitors": b'{"monitors":["' + b"x" * 300_000 + b'"]}'})
    told = capsys.readouterr().out
    assert "monitors, 0.3 MB" in told
    assert "others wait" in told


@pytest.mark.timeout(60)
def test_an_index_is_filled_in_virtual_time() -> None:
    filled = backfill.fill(450, 2)
    assert (filled.progress.is_complete, filled.progress.events) == (True, 450)
    assert 5 <= filled.requests <= 2 * filled.seconds


@pytest.mark.timeout(60)
async def test_search_asks_each_question_of_index_and_peer(tmp_path: Path) -> None:
    table = Table("search")
    await search.measure(search.Plan(events=300, rounds=1, peer_rounds=1), table, tmp_path)
    rows = {row.what: row for row in table.rows}
    assert "found 100" in rows["nothing"].reached
    assert "found 0" in rows["worst: label that there is not"].reached
    assert rows["word, frequent + monitor + time"].beside == ""
    assert "JSON" in rows["plate"].beside
    assert "timeline: a year by day" in rows


def test_rows_of_the_recorder_are_counted_by_what_they_are_of(tmp_path: Path) -> None:
    path = tmp_path / "recorded.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE states_meta (metadata_id INTEGER, entity_id TEXT)")
        database.execute("CREATE TABLE states (metadata_id INTEGER, last_updated_ts REAL)")
        database.executemany("INSERT INTO states_meta VALUES (?, ?)", [(1, "camera.a"), (2, "camera.b"), (3, "sensor.load")])
        database.executemany("INSERT INTO states VALUES (?, ?)", [(1, 9), (1, 10), (1, 11), (2, 12), (3, 13)])
    rows = recorder_rows.rows_since(path, 10)
    assert rows == {"camera.a": 2, "camera.b": 1, "sensor.load": 1}
    entities = {
        ("vms_bridge", "b/zm/1/camera"): "camera.a",
        ("vms_bridge", "b/zm/2/camera"): "camera.b",
        ("vms_bridge", "b/zm/load"): "sensor.load",
        ("mqtt", "b/zm/1/camera"): "sensor.load",
    }
    assert recorder_rows.by_key(rows, entities) == {"camera camera": 3}


def test_a_change_that_was_never_shown_counts_for_nothing_but_is_told() -> None:
    door = component_latency.Door("the component", {}, [10.0, math.nan, 20.0, 30.0])
    assert door.figures == "p50 20.0 ms, p99 30.0 ms, n = 3, 1 never shown"


class Home:
    """A Home Assistant that lets in, answers each command, and tells of a state when it is asked for all."""

    def __init__(self, url: str) -> None:
        self.url, self.token = url, "token"

    @staticmethod
    async def serve(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "auth_required"})
        said = await socket.receive_json()
        await socket.send_json({"type": "auth_ok" if said["access_token"] == "token" else "auth_invalid"})
        async for message in socket:
            asked = message.json()
            state = {"entity_id": "switch.x", "state": "on"}
            if asked["type"] == "get_states":
                events = [("state_changed", {"new_state": state}), ("state_changed", {"new_state": None}), ("other", {"a": 1})]
                for kind, data in events:
                    await socket.send_json({"type": "event", "event": {"event_type": kind, "data": data}})
            await socket.send_json({"id": asked["id"], "type": "result", "result": [state]})
        return socket


async def test_changes_in_home_assistant_are_stamped_by_entity() -> None:
    app = web.Application()
    app.router.add_get("/api/websocket", Home.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with line_to(Home(site.name)) as line:  # type: ignore[arg-type]  # all that it asks for
        before = time.monotonic_ns()
        assert await line.states() == {"switch.x": "on"}
        shown = await line.arrivals.first("switch.x", lambda state: state == b"on", since=before)
        fired = await line.arrivals.first("other", bool, since=before)
    await runner.cleanup()
    assert shown is not None
    assert fired is not None
    assert fired.payload == b'{"a": 1}'
