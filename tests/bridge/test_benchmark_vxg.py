"""The parts of the benchmark of a VXG, in tiny form and without a look at the clock: that they measure what they say."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from benchmarks import vxg as benchmark
from benchmarks.lab.programs import vxg_system
from benchmarks.lab.running import CannotMeasureError
from benchmarks.lab.table import Table
from benchmarks.lab.vxg import Asked, Fake
from benchmarks.lab.vxg_pictures import Taken, bare
from tests.fakes.vxg import FakeVxg

from vms_bridge.config import load
from vms_bridge.vxg import Vxg

if TYPE_CHECKING:
    from pathlib import Path

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
        await fake.answer("slow", {"seconds": 0.5})
        assert server.latency_s == 0.5
        await fake.answer("film", {"channels": 2, "period_s": 1.0})
        assert [each.image_period for each in server.world.channels.values()] == [1.0, 1.0, None]
        with pytest.raises(ValueError, match="nonsense"):
            await fake.answer("nonsense", {})


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
