"""Pictures on the command line: of now, at a rate, of what was recorded; and rates that are put back, whatever ends a run."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.detect.test_library import PROGRAM, SETTINGS
from tests.bridge.vxg.support import served
from tests.bridge.zoneminder.support import QuickClock
from tests.fakes.zoneminder.media import JPEG

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.cli.detect.models import looked_at
from vms_bridge.cli.direct.tally import Tally
from vms_bridge.cli.vxg import kept_rates
from vms_bridge.cli.vxg.place import TOKEN
from vms_bridge.cli.vxg.sampling import Outcome, Saver
from vms_bridge.detect.library import Detector
from vms_bridge.errors import DetectionFailed, OutputError, TimedOut
from vms_bridge.vxg import Sampling, Vxg

if TYPE_CHECKING:
    from tests.bridge.cli.vxg.conftest import Ran
    from tests.fakes.vxg import FakeVxg


async def test_the_pictures_of_now(vxg: Ran, tmp_path: Path) -> None:
    code, out, err = await vxg("images", "now", "Camera 1", "102", "--to", "pictures")
    assert (code, out.splitlines()) == (OK, ["pictures/channel-101.jpg", "pictures/channel-102.jpg"])
    assert (tmp_path / "pictures/channel-102.jpg").read_bytes() == JPEG + b"102"
    assert err.startswith("2 saved (")
    code, out, _ = await vxg("images", "now", "101", "-o", "x.jpg", "--refresh", "--json")
    assert (code, json.loads(out)[0]["file"], (tmp_path / "x.jpg").exists()) == (OK, "x.jpg", True)
    assert (await vxg("images", "now", "101", "102", "-o", "x.jpg"))[0] == USAGE


async def test_a_fresh_picture_is_waited_for(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        looks = itertools.count()

        def meanwhile(method: str, path: str) -> None:
            if (method, path) == ("GET", "/api/v4/live/image/"):
                number = next(looks)
                fake.media.picture = lambda _: JPEG + (b"old" if number < 3 else b"new")

        fake.between = meanwhile
        outcomes: list[Outcome] = []
        saver, row = Saver(vxg, tmp_path, outcomes.append, QuickClock()), await vxg.channels.get(101)
        await saver.now(row, None, refresh_s=30.0)
        assert outcomes[0].path is not None
        assert outcomes[0].path.read_bytes() == JPEG + b"new"
        await saver.now(row, None, refresh_s=5.0)
        assert isinstance(outcomes[1].error, TimedOut)


async def test_a_fresh_picture_may_be_the_first_one(vxg: Ran, fake: FakeVxg) -> None:
    fake.faults.add("/api/v4/live/image/", "404", 1)
    code, out, _ = await vxg("images", "now", "101", "--refresh")
    assert (code, out) == (OK, "channel-101.jpg\n")


async def test_rates_that_can_not_be_put_back_are_said(vxg: Ran, fake: FakeVxg) -> None:
    def meanwhile(_method: str, path: str) -> None:
        if path == "/api/v4/storage/images/":
            fake.faults.add("/api/v4/images/generation/live/", "400")

    fake.between = meanwhile
    code, _, err = await vxg("images", "sample", "101", "--every", "0.05s", "--limit", "1")
    assert (code, "1 channel" in err, "images restore" in err) == (FAILED, True, True)
    fake.faults.heal()
    fake.between = None
    code, out, err = await vxg("images", "restore", "--json")
    assert (code, json.loads(out), err) == (OK, {"put_back": 1}, "")
    assert (await vxg("images", "restore"))[1] == "0 put back.\n"
    assert fake.world.channels[101].image_period is None


async def test_a_picture_that_can_not_be_had_or_not_be_written(vxg: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    fake.faults.add("/api/v4/live/image/", "404", 1)
    code, out, err = await vxg("images", "now", "101", "102")
    assert (code, out, "101 Camera 1" in err, "1 failed" in err) == (FAILED, "channel-102.jpg\n", True, True)
    (tmp_path / "file").touch()
    code, _, err = await vxg("images", "now", "101", "--to", "file/within")
    assert (code, "can't be made" in err, "Traceback" in err) == (FAILED, True, False)
    fake.world.record(101, fake.world.now() - timedelta(hours=1), 3600)
    for verb in (("now", "101"), ("extract", "101", "--since", "30m", "--until", "29m"), ("sample", "101", "--limit", "1")):
        code, _, err = await vxg("images", *verb, "--to", "x" * 300)
        assert (code, "File name too long" in err, "Traceback" in err) == (FAILED, True, False)


async def test_pictures_at_a_rate(vxg: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    fake.world.set_period(fake.world.channels[101], 30.0)
    code, out, err = await vxg("images", "sample", "101", "--every", "0.05s", "--limit", "2", "--to", "out", "--ndjson")
    said = [json.loads(line) for line in out.splitlines()]
    assert (code, err, [each["result"] for each in said]) == (OK, "", ["saved", "saved"])
    assert said[0]["file"] == f"out/101/{said[0]['time'][:23].replace(':', '-')}Z.jpg"
    assert (tmp_path / said[0]["file"]).read_bytes().startswith(JPEG)
    assert fake.world.channels[101].image_period == 30.0
    assert not await files(tmp_path / "state/vms-bridge/vxg-rates")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sample"], USAGE),
        (["sample", "101", "--all"], USAGE),
        (["sample", "999", "--limit", "1"], FAILED),
        (["extract", "101"], USAGE),
        (["now"], USAGE),
    ],
)
async def test_what_makes_no_sense(arguments: list[str], code: int, vxg: Ran, fake: FakeVxg) -> None:
    assert (await vxg("images", *arguments))[:2] == (code, "")
    assert fake.count["PUT /api/v4/images/generation/live/"] == 0


async def test_pictures_of_what_was_recorded(vxg: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    fake.world.record(101, fake.world.now() - timedelta(hours=1), 3600)
    start = fake.world.now() - timedelta(minutes=30)
    span = ("--since", start.isoformat(), "--until", (start + timedelta(seconds=59)).isoformat())
    wanted = ("images", "extract", "101", *span, "--every", "20s", "--to", "out")
    code, out, err = await vxg(*wanted)
    assert (code, len(out.splitlines()), err.startswith("3 saved")) == (OK, 3, True)
    assert (tmp_path / out.splitlines()[0]).exists()
    code, out, err = await vxg("images", "extract", "102", *span, "--every", "20s")
    assert (code, out, "102 Camera 2: no pictures can be made" in err) == (FAILED, "", True)


async def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        start = fake.world.now() - timedelta(minutes=30)
        fake.world.record(101, start, 600)
        outcomes: list[Outcome] = []
        saver, row = Saver(vxg, tmp_path, outcomes.append, QuickClock()), await vxg.channels.get(101)
        for _ in range(2):
            await saver.extract(row, start, start + timedelta(seconds=60), 20.0)
        assert [each.is_new for each in outcomes] == [True] * 3 + [False] * 3
        assert len({each.path for each in outcomes}) == 3
        assert len([each for each in fake.media.requests if "image" in each]) == 3


async def files(folder: Path) -> list[str]:
    return await asyncio.to_thread(os.listdir, folder)


class Told(list[Outcome]):
    """What became of pictures, and when there was one of so many channels."""

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.enough = asyncio.Event()
        self._channels = channels

    def __call__(self, outcome: Outcome) -> None:
        self.append(outcome)
        if len({each.channel.id for each in self}) == self._channels:
            self.enough.set()


async def test_whoever_ends_a_sampling_of_several_channels_has_all_rates_put_back(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        told = Told(3)
        rows = await vxg.channels.list()
        async with kept_rates.KeptRates(tmp_path / "rates", vxg.url) as keep:
            saver = Saver(vxg, tmp_path, told, QuickClock())
            work = asyncio.create_task(saver.sample(rows, 1.0, keep, limit=None, for_s=None))
            async with asyncio.timeout(30):
                await told.enough.wait()
            assert {each.image_period for each in fake.world.channels.values()} == {1.0}
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
        assert {each.image_period for each in fake.world.channels.values()} == {None}
        assert not await files(tmp_path / "rates")


async def test_a_channel_of_which_nothing_comes_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        fake.faults.add("/api/v4/images/generation/live/", "404", 1)
        told = Told()
        async with kept_rates.KeptRates(tmp_path / "rates", vxg.url) as keep:
            saver = Saver(vxg, tmp_path, told, QuickClock())
            await saver.sample(await vxg.channels.list(), 1.0, keep, limit=2, for_s=60.0)
        assert sorted(each.is_new for each in told) == [False] + [True] * 4


async def test_many_channels_are_sampled_by_one_request(tmp_path: Path) -> None:
    async with served(channels=12) as (vxg, fake):
        fake.world.channels[105].token = fake.world.channels[105].watch_token
        told = Told()
        async with kept_rates.KeptRates(tmp_path / "rates", vxg.url) as keep:
            saver = Saver(vxg, tmp_path, told, QuickClock())
            await saver.sample(await vxg.channels.list(), 1.0, keep, limit=2, for_s=None)
        assert [each.channel.id for each in told if each.error is not None] == [105]
        assert len({each.path for each in told if each.is_new}) == 22
        assert fake.count["GET /api/v4/storage/images/"] == 0
        assert {each.image_period for each in fake.world.channels.values()} == {None}


@pytest.mark.parametrize("count", [3, 12])
async def test_a_full_disk_ends_all(count: int, tmp_path: Path) -> None:
    async with served(channels=count) as (vxg, fake):
        (tmp_path / "101").touch()
        async with kept_rates.KeptRates(tmp_path / "rates", vxg.url) as keep:
            saver, rows = Saver(vxg, tmp_path, Told(), QuickClock()), await vxg.channels.list()
            with pytest.raises(OutputError):
                await saver.sample(rows, 1.0, keep, limit=None, for_s=None)
        assert {each.image_period for each in fake.world.channels.values()} == {None}


async def test_the_time_of_a_sampling_ends(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        async with kept_rates.KeptRates(tmp_path / "rates", vxg.url) as keep:
            saver = Saver(vxg, tmp_path, Told(), QuickClock())
            await saver.sample(await vxg.channels.list(), 1.0, keep, limit=None, for_s=0.1)
        assert {each.image_period for each in fake.world.channels.values()} == {None}


async def left_behind(vxg: Vxg, folder: Path, *samplings: Sampling) -> None:
    """Leave a file as a run does that is killed."""
    keep = kept_rates.KeptRates(folder, vxg.url)
    await keep.__aenter__()
    for each in samplings:
        await keep.began(each)
    await asyncio.to_thread(keep._file.close)  # type: ignore[union-attr]  # what the kernel does with a killed program's


async def test_what_a_killed_run_has_left_is_put_back(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        await vxg.images.set_period(101, 1.0)
        await vxg.images.set_period(102, 5.0)
        await left_behind(vxg, tmp_path, Sampling(101, 30.0, 1.0), Sampling(102, None, 1.0))
        assert await asyncio.to_thread(lambda: [each.stat().st_mode & 0o777 for each in tmp_path.iterdir()]) == [0o600]
        said: list[str] = []
        assert await kept_rates.restore(vxg, tmp_path, lambda *text: said.extend(text)) == 1
        assert (fake.world.channels[101].image_period, fake.world.channels[102].image_period) == (30.0, 5.0)
        assert (said, await files(tmp_path)) == ([], [])


async def test_what_is_at_work_or_of_another_vxg_is_left_alone(tmp_path: Path) -> None:
    async with served() as (vxg, fake), served() as (other, _):
        await vxg.images.set_period(101, 1.0)
        await left_behind(other, tmp_path, Sampling(101, 30.0, 1.0))
        async with kept_rates.KeptRates(tmp_path, vxg.url) as keep:
            await keep.began(Sampling(101, 30.0, 1.0))
            assert await kept_rates.restore(vxg, tmp_path, lambda *_: None) == 0
            assert fake.world.channels[101].image_period == 1.0
            await keep.ended(Sampling(101, 30.0, 1.0))
        assert len(await files(tmp_path)) == 1


async def test_what_can_not_be_put_back_now_is_tried_again(tmp_path: Path) -> None:
    async with served() as (vxg, fake):
        await vxg.images.set_period(101, 1.0)
        await vxg.images.set_period(102, 1.0)
        await left_behind(vxg, tmp_path, Sampling(101, 30.0, 1.0), Sampling(102, 30.0, 1.0))
        fake.faults.add("/api/v4/images/generation/live/", "400", 1)
        said: list[str] = []
        assert await kept_rates.restore(vxg, tmp_path, lambda *text: said.extend(text)) == 1
        assert "channel 101" in said[0]
        assert await kept_rates.restore(vxg, tmp_path, lambda *text: said.extend(text)) == 1
        assert {fake.world.channels[number].image_period for number in (101, 102)} == {30.0}
        assert not await files(tmp_path)


async def test_what_can_never_be_put_back_is_forgotten_if_that_is_wanted(vxg: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    fake.world.set_period(fake.world.channels[102], 1.0)
    async with Vxg(fake.url, token=fake.group_token()) as killed:
        await left_behind(killed, tmp_path / "state/vms-bridge/vxg-rates", Sampling(102, 30.0, 1.0), Sampling(999, 30.0, 1.0))
    for _ in range(2):
        code, _, err = await vxg("images", "restore")
        assert (code, "channel 999" in err, "--forget" in err) == (OK, True, True)
    assert fake.world.channels[102].image_period == 30.0
    assert "channel 999" in (await vxg("images", "restore", "--forget"))[2]
    assert await vxg("images", "restore") == (OK, "0 put back.\n", "")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'{"url": "',
        b"[]\n",
        b'{"url": "URL"}\n{"channel_id": 101, "before_s": 30, "ou',
        b'{"url": "URL"}\n{"channel_id": [], "before_s": 1, "ours_s": 1}\n{"channel_id": 1, "before_s": NaN}\n\xff\n',
        b'{"url": "URL"}\n{"channel_id": 101, "before_s": 30, "ours_s": 1}\n{"ended": 101}\n{"ended": []}\n',
        b"[" * 100_000,
    ],
)
async def test_what_says_nothing_is_cleared_away(text: bytes, tmp_path: Path) -> None:
    async with served() as (vxg, _):
        (tmp_path / "x.jsonl").write_bytes(text.replace(b"URL", vxg.url.encode()))
        assert await kept_rates.restore(vxg, tmp_path, lambda *_: None) == 0
        assert not await files(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_a_run_that_is_ended_from_outside(
    number: signal.Signals, run: Ran, fake: FakeVxg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.world.set_period(fake.world.channels[101], 30.0)
    monkeypatch.setenv(TOKEN, fake.group_token())
    words = ("vxg", "images", "sample", "101", "--every", "0.1", "--to", "out", "--url", fake.url)
    root = Path(kept_rates.__file__).parents[3]
    # Who is started in the background, as by CI, ignores SIGINT, and so would whom he starts.
    program = await asyncio.create_subprocess_exec(
        *("env", "--default-signal=INT", sys.executable, "-m", "vms_bridge", *words),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert program.stdout is not None
    async with asyncio.timeout(60):
        assert (await program.stdout.readline()).startswith(b"out/101/")
        assert fake.world.channels[101].image_period == 0.1
        program.send_signal(number)
        await program.stdout.read()
        code = await program.wait()
    assert code == {signal.SIGINT: 130, signal.SIGTERM: OK, signal.SIGKILL: -9}[number]
    if number == signal.SIGKILL:
        assert fake.world.channels[101].image_period == 0.1
        assert (await run("images", "restore", "--url", fake.url))[:2] == (OK, "1 put back.\n")
    assert fake.world.channels[101].image_period == 30.0
    assert not await files(tmp_path / "state/vms-bridge/vxg-rates")


async def test_a_rate_that_can_not_be(vxg: Ran) -> None:
    code, out, err = await vxg("images", "sample", "101", "--every", "0.001", "--limit", "1")
    assert (code, out, "0.001 s" in err) == (FAILED, "", True)


async def test_each_new_picture_is_looked_at(tmp_path: Path) -> None:
    async with served() as (vxg, fake), Detector(SETTINGS, program=PROGRAM) as detector:
        start = fake.world.now() - timedelta(minutes=30)
        fake.world.record(101, start, 600)
        told = Told()
        saver = Saver(vxg, tmp_path, told, QuickClock(), partial(looked_at, detector))
        row = await vxg.channels.get(101)
        for _ in range(2):
            await saver.extract(row, start, start + timedelta(seconds=30), 20.0)
        assert [each.look is not None and each.look.text.startswith("car") for each in told] == [True, True, False, False]
        assert told[0].said()["detail"]["frames"][0]["objects"][0]["label"] == "car"
        assert "found" not in told[3].said()


async def test_a_picture_that_can_not_be_looked_at_is_there_all_the_same(tmp_path: Path) -> None:
    async with served() as (vxg, _):
        told = Told()
        detector = Detector(SETTINGS, program=PROGRAM)  # not at work
        saver = Saver(vxg, tmp_path, told, QuickClock(), partial(looked_at, detector))
        await saver.now(await vxg.channels.get(101), None, refresh_s=None)
        assert (told[0].is_new, isinstance(told[0].error, DetectionFailed)) == (True, True)
        tally = Tally("saved")
        tally.count(told[0])
        assert (tally.done, tally.failed) == (1, 1)


async def test_who_looks_needs_models(vxg: Ran, tmp_path: Path) -> None:
    (tmp_path / "vms-bridge.yaml").write_text(f"data_dir: {tmp_path}\nsystems:\n  sim: {{type: simulator}}\n")
    code, out, err = await vxg("images", "now", "101", "--detect")
    assert (code, out, "there are no models" in err) == (FAILED, "", True)
