"""The parts of the benchmark of a VXG, in tiny form and without a look at the clock: that they measure what they say."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from benchmarks import vxg as benchmark
from benchmarks.lab.programs import vxg_system
from benchmarks.lab.running import CannotMeasureError
from benchmarks.lab.table import MS, Table
from benchmarks.lab.vxg import Asked, Fake
from benchmarks.lab.vxg_pictures import Taken, bare
from benchmarks.lab.vxg_poller import read_channels
from benchmarks.lab.vxg_rows import Delays, Told, bare_ms
from tests.fakes.broker import FakeBroker
from tests.fakes.vxg import FakeVxg

from vms_bridge.config import load
from vms_bridge.vxg import Vxg

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.lab.programs import Mosquitto
    from benchmarks.lab.remote import Json


async def test_the_fake_counts_what_it_is_asked() -> None:
    async with FakeVxg(channels=3) as server:
        fake = Fake(server)
        said = await fake.answer("where", {})
        assert said == {"url": server.url, "token": server.group_token()}
        made = await fake.answer("happen", {"channel": 102})
        assert made is not None
        assert server.world.events[made["event"]].camid == 102
        before = Asked(**(await fake.answer("asked", {}) or {}))
        async with Vxg(server.url, token=server.group_token()) as vxg:
            rows = await vxg.events.list()
            assert rows[0].thumb is not None
            await vxg.images.fetch(rows[0].thumb)
            after = Asked(**(await fake.answer("asked", {}) or {}))
        assert (after.api - before.api, after.media - before.media) == (2, 1)
        assert (after.most_at_once, after.most_connections) == (1, 1)
        assert (after.most_media_at_once, after.most_media_connections) == (1, 1)
        await fake.answer("slow", {"seconds": 0.5})
        assert (server.latency_s, server.media.latency_s) == (0.5, 0.5)
        await fake.answer("film", {"channels": 2, "period_s": 1.0})
        assert [each.image_period for each in server.world.channels.values()] == [1.0, 1.0, None]
        with pytest.raises(ValueError, match="nonsense"):
            await fake.answer("nonsense", {})


async def test_a_row_is_listed_when_it_is_in_an_answer_first() -> None:
    async with FakeVxg(channels=3) as server, Vxg(server.url, token=server.group_token()) as vxg:
        fake = Fake(server)
        began = time.monotonic_ns()
        burst = await fake.answer("burst", {"channels": 2})
        assert burst is not None
        assert [server.world.events[number].camid for number in burst["events"]] == [101, 102]
        assert await fake.answer("listed", {"events": burst["events"]}) == {"at": [None, None]}
        await vxg.events.get(burst["events"][0])
        assert await fake.answer("listed", {"events": burst["events"]}) == {"at": [None, None]}, "asked for by its id"
        await vxg.events.list()
        first = await fake.answer("listed", {"events": burst["events"]})
        assert first is not None
        assert all(began <= burst["at"] <= at <= time.monotonic_ns() + MS for at in first["at"])
        await vxg.events.list()
        assert await fake.answer("listed", {"events": burst["events"]}) == first


def test_delays_are_from_what_is_there_over_its_list_to_its_message() -> None:
    told = Told()
    new = b'{"type":"new","event":{"id":"cloud-7"}}'
    for payload, at in ((b'{"type":"update","event":{"id":"cloud-7"}}', 1), (new, 5 * MS), (new, 9 * MS), (b"{}", 9 * MS)):
        told.take("topic", payload, at)
    assert (told.at, told.payloads) == ({7: 5 * MS}, {7: new})
    delays = Delays()
    delays.add(1 * MS, 4 * MS, told.at.get(7))
    delays.add(1 * MS, 4 * MS, told.at.get(8))
    delays.add(1 * MS, None, 6 * MS)
    assert delays == Delays(told=[4.0], listed=[3.0], since_listed=[1.0], lost=2)


async def test_the_bare_client_publishes_each_message_on_two_topics() -> None:
    async with FakeBroker() as broker:
        heard = broker.listen("bare/#")
        assert await bare_ms(cast("Mosquitto", broker), [b"a", b"b"]) > 0
        topics = [message.topic for message in heard.drain()]
    assert topics == ["bare/0/event", "bare/event", "bare/1/event", "bare/event"]


async def test_the_program_beside_reads_all_pages_of_channels() -> None:
    async with FakeVxg(channels=300) as server:
        said = await read_channels(server.url, {"Authorization": f"SI {server.group_token()}"})
        assert said["count"] == 300
        assert [path for _, path in server.requests] == [
            "/api/v5/channels/?limit=250&offset=0&include_meta=true",
            "/api/v5/channels/?limit=250&offset=250&include_meta=true",
        ]


async def test_the_peer_reads_each_picture_once() -> None:
    async with FakeVxg(channels=3) as server:
        server.world.images_delay_s = 0.0
        await Fake(server).answer("film", {"channels": 3, "period_s": 0.1})
        taken = Taken()
        reading = asyncio.create_task(bare(server.url, server.group_token(), 2, 60, taken))
        async with asyncio.timeout(15):
            while sum(taken.counts.values()) < 6:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
        reading.cancel()
        await asyncio.wait({reading})
        assert taken.counts.keys() == {101, 102}
        read = [each for each in server.media.requests if each.startswith("GET /image/")]
        assert len(read) == len(set(read))


def test_the_bridge_is_given_the_token_by_a_file(tmp_path: Path) -> None:
    token = FakeVxg().mint.of_group(5)
    system = vxg_system(tmp_path, "http://127.0.0.1:80", token)
    assert token not in system
    assert (tmp_path / "vxg-token").stat().st_mode & 0o777 == 0o600
    file = tmp_path / "vms-bridge.yaml"
    file.write_text(f'instance: bench\ndata_dir: "{tmp_path}"\nmqtt: {{url: "mqtt://127.0.0.1:1"}}\nsystems:\n{system}')
    assert load(file).systems["cloud"].kind.name == "vxg"


def test_rows_are_held_against_the_poll_and_what_an_answer_takes(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("x")
    for told_ms, slow_s, lost in ((2_040.0, 0.0, 0), (2_060.0, 0.0, 0), (2_140.0, 0.1, 0), (2_160.0, 0.1, 0), (1.0, 0.0, 1)):
        benchmark._report_rows(table, "rows", Delays(told=[told_ms], listed=[1.0], since_listed=[1.0], lost=lost), slow_s)
    assert [row.is_good for row in table.rows] == [True, False, True, False, False]
    capsys.readouterr()


def test_what_is_slow_or_missing_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    plan = replace(benchmark.QUICK, filmed=2, film_s=10.0)
    good: Json = {"counts": [10, 10], "ages": [0.2] * 20, "bytes": 1, "cpu_s": 0.02}
    table = Table("x")
    benchmark._report_pictures(plan, table, (good, 2.0), (good, 1.0))
    benchmark._report_pictures(plan, table, (good | {"counts": [10, 5]}, 2.0), (good, 1.0))
    assert [row.is_good for row in table.rows if row.goal] == [True, False]
    with pytest.raises(CannotMeasureError):
        benchmark._report_pictures(plan, table, (good | {"counts": [10]}, 2.0), (good, 1.0))
    capsys.readouterr()
