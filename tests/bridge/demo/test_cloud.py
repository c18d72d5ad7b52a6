"""A simulated VXG in the demo: its channels are in the same table, and it shows what was written to it."""

from __future__ import annotations

import asyncio
import io
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from pydantic import SecretStr
from tests.bridge.demo.test_run import FastClock
from tests.fakes.vxg import FakeVxg
from tests.fakes.vxg.life import NAMES, Life, past

from vms_bridge.api.config import HttpConfig
from vms_bridge.backends.simulator.clips import FOLDER
from vms_bridge.backends.vxg.config import VxgConfig
from vms_bridge.cli import main
from vms_bridge.demo import cloud
from vms_bridge.demo.cloud import Cloud
from vms_bridge.demo.run import Show, _configuration, perform
from vms_bridge.demo.table import PlainDisplay
from vms_bridge.errors import ConfigError
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.vxg import Document, Vxg

if TYPE_CHECKING:
    from vms_bridge.demo.witness import Tally

ROOT = Path(__file__).parents[3]


def place(fake: FakeVxg) -> Cloud:
    return Cloud(url=fake.url, token=SecretStr(fake.group_token()))


async def test_its_channels_are_beside_the_simulated_cameras(tmp_path: Path) -> None:
    clock, out = FastClock(), io.StringIO()
    async with FakeVxg(channels=3, clock=clock) as fake:
        living = asyncio.create_task(Life(fake, pace=8.0).live())
        show = Show(directory=tmp_path, port=0, api_port=0, duration_s=24, vxg=place(fake))
        tally: Tally = await perform(show, PlainDisplay(out), clock, asyncio.Event())
        living.cancel()
        sources = {document["string"].get("source") for _, document in fake.world.documents.values()}
    assert tally.flows
    assert "simulated engine" in sources
    said = out.getvalue()
    assert f"{fake.url}/ shows" in said
    assert any(f"{name} " in said for name in NAMES)
    assert "Doorbell" in said, "the simulated cameras are there as ever"


def test_what_is_found_is_written_to_it_and_its_live_pictures_are_left_alone(tmp_path: Path) -> None:
    token = FakeVxg().mint.of_group(5)
    show = Show(
        directory=tmp_path, port=0, api_port=0, detects=True, vxg=Cloud(url="http://127.0.0.1:80", token=SecretStr(token))
    )
    made = _configuration(show, MqttConfig(url="mqtt://127.0.0.1:1"), HttpConfig())
    assert made.systems.keys() == {"sim", "cloud"}
    settings = made.systems["cloud"].settings
    assert isinstance(settings, VxgConfig)
    assert settings.write_metadata
    detection = made.sinks["detection"].settings.camera("cloud", "101", "Loading bay")  # type: ignore[attr-defined]
    assert detection.fps == 0


async def test_its_page_shows_what_was_written_and_means_none_of_it() -> None:
    async with FakeVxg(channels=3) as fake, Vxg(fake.url, token=fake.group_token()) as vxg:
        life = Life(fake)
        made = fake.world.happen(101)
        texts = {"labels": "person", "text": "<script>alert(1)</script>"}
        await vxg.metadata.record(101, [Document(timestamp=datetime(2026, 11, 20, 12, tzinfo=UTC), texts=texts)])
        await vxg.events.set_tag(made.id, "car", "2")
        async with aiohttp.ClientSession() as session, session.get(f"{fake.url}/") as answer:
            page = await answer.text()
        assert answer.content_type == "text/html"
        assert page == life.page()
    for words in ("labels: person", "car: 2", *NAMES):
        assert words in page
    assert "<script>" not in page


async def test_its_pictures_and_videos_are_real() -> None:
    async with FakeVxg(channels=3) as fake, Vxg(fake.url, token=fake.group_token()) as vxg:
        Life(fake)
        past(fake, 60)
        fake.world.task_delay_s = 0.0
        assert len(await vxg.images.fetch(await vxg.live.image(102))) > 20_000
        films = await asyncio.to_thread(lambda: {file.read_bytes() for file in FOLDER.glob("*.mp4")})
        made = fake.world.happen(101, ago_s=20)
        clip = await vxg.clips.make(101, made.time, await vxg.now(), title="Gate")
        target = io.BytesIO()
        await vxg.clips.save(101, clip, target)
        assert target.getvalue() in films


@pytest.mark.parametrize(
    "said",
    [None, "", "url http://127.0.0.1:1", "token abc", "url x\ntoken y", "url http://127.0.0.1:1\ntoken secretish", b"\xff"],
)
def test_what_says_not_where_it_is_is_refused_in_words(tmp_path: Path, said: str | bytes | None) -> None:
    file = tmp_path / "vxg"
    if said is not None:
        file.write_bytes(said if isinstance(said, bytes) else said.encode())
    with pytest.raises(ConfigError) as refused:
        cloud.section(cloud.read(file))
    assert "scripts/demo --vxg" in refused.value.hint
    assert "secretish" not in f"{refused.value} {refused.value.hint}"


def test_the_command_line_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--vxg", str(tmp_path / "none")]) != 0
    assert "scripts/demo --vxg" in capsys.readouterr().err


@pytest.mark.timeout(60)  # a program starts, on a machine that has other work
async def test_the_simulator_runs_by_itself_as_the_demo_starts_it(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "tests.fakes.vxg", "--channels", "3", "--life")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    try:
        lines = [(await process.stdout.readline()).decode() for _ in range(3)]
        file = tmp_path / "vxg"
        await asyncio.to_thread(file.write_text, "".join(lines))
        where = await asyncio.to_thread(cloud.read, file)
        async with Vxg(where.url, token=where.token.get_secret_value()) as vxg:
            assert [channel.name for channel in await vxg.channels.list()] == list(NAMES)
    finally:
        process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
