"""Clips on the command line: made, waited for, saved whole or not at all, and deleted."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from vms_bridge.cli import FAILED, OK, USAGE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.cli.vxg.conftest import Ran
    from tests.fakes.vxg import FakeVxg
    from tests.fakes.vxg.world import FakeClip


@pytest.fixture
def recorded(fake: FakeVxg) -> None:
    fake.world.record(101, fake.world.now() - timedelta(hours=1), 3600)


async def made(vxg: Ran, fake: FakeVxg) -> FakeClip:
    """Have a clip be made, and nobody wait for it."""
    fake.world.task_delay_s = 0.0
    code, _, _ = await vxg("clips", "make", "101", "--since", "30m", "--for", "1m", "--no-save", "--title", "Gate")
    assert code == OK
    return list(fake.world.clips.values())[-1]


@pytest.mark.usefixtures("recorded")
async def test_a_clip_is_made_and_saved(vxg: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    wanted = ("clips", "make", "Camera 1", "--since", "30m", "--until", "28m", "--keep-for", "1h", "--to", "films", "--json")
    code, out, err = await vxg(*wanted)
    clip = next(iter(fake.world.clips.values()))
    said = json.loads(out)
    assert (code, said["file"], said["status"]) == (OK, f"films/101-clip-{clip.id}.mp4", "done")
    assert (tmp_path / said["file"]).stat().st_size == fake.media.clip_bytes
    assert f"clips save 101 {clip.id}" in err, "how to go on"
    assert clip.delete_at is not None
    assert "Signature" not in out + err


@pytest.mark.usefixtures("recorded")
async def test_a_clip_that_is_there_is_left_alone_and_one_that_broke_off_goes_on(vxg: Ran, fake: FakeVxg) -> None:
    clip = await made(vxg, fake)
    fake.media.cuts.append(50_000)
    code, out, err = await vxg("clips", "save", "101", str(clip.id), "--ndjson")
    assert (code, err) == (OK, "")
    file = f"101-clip-{clip.id}.mp4"
    assert json.loads(out) == {"clip": clip.id, "result": "saved", "file": file, "bytes": 200_000, "error": None}
    before = len(fake.media.requests)
    code, out, err = await vxg("clips", "save", "101", str(clip.id))
    assert (code, out, err) == (OK, f"{file}\n", "0 saved (0 B), 1 there already.\n")
    assert len(fake.media.requests) == before


@pytest.mark.usefixtures("recorded")
async def test_a_clip_that_is_not_there_is_told_and_the_others_come(vxg: Ran, fake: FakeVxg, tmp_path: Path) -> None:
    clip = await made(vxg, fake)
    code, out, err = await vxg("clips", "save", "101", "999999", str(clip.id))
    assert (code, out, "999999: there is no clip" in err) == (FAILED, f"101-clip-{clip.id}.mp4\n", True)
    (tmp_path / "file").touch()
    code, _, err = await vxg("clips", "save", "101", str(clip.id), "--to", "file/within")
    assert (code, "can't be made" in err) == (FAILED, True)


async def test_a_folder_that_can_not_be(vxg: Ran, fake: FakeVxg) -> None:
    fake.world.record(101, fake.world.now() - timedelta(hours=1), 3600)
    code, _, err = await vxg("clips", "make", "101", "--since", "30m", "--for", "1m", "--to", "x" * 300)
    assert (code, "File name too long" in err, "Traceback" in err) == (FAILED, True, False)


async def test_where_nothing_is_recorded(vxg: Ran, fake: FakeVxg) -> None:
    fake.world.task_delay_s = 0.0
    code, out, err = await vxg("clips", "make", "101", "--since", "30m", "--for", "1m")
    assert (code, out, "nothing is recorded" in err, "->" in err) == (FAILED, "", True, True)


@pytest.mark.parametrize(
    "options", [[], ["--since", "30m"], ["--since", "30m", "--until", "29m", "--for", "1m"], ["--until", "29m"]]
)
async def test_a_clip_of_no_time(options: list[str], vxg: Ran, fake: FakeVxg) -> None:
    assert (await vxg("clips", "make", "101", *options))[:2] == (USAGE, "")
    assert not fake.world.clips


@pytest.mark.usefixtures("recorded")
async def test_clips_are_listed(vxg: Ran, fake: FakeVxg) -> None:
    clip = await made(vxg, fake)
    code, out, _ = await vxg("clips", "list")
    assert (code, f"{clip.id}  101" in out, "Gate" in out, "1 min 0 s" in out) == (OK, True, True, True)
    said = json.loads((await vxg("clips", "list", "--channel", "101", "--json"))[1])
    assert [(each["id"], each["title"], "url" in each, "thumb" in each) for each in said] == [(clip.id, "Gate", False, False)]
    assert json.loads((await vxg("clips", "list", "--channel", "102", "--all", "--json"))[1]) == []


@pytest.mark.usefixtures("recorded")
async def test_clips_are_deleted_when_that_is_wanted(vxg: Ran, fake: FakeVxg) -> None:
    clip = await made(vxg, fake)
    code, out, err = await vxg("clips", "delete", "101", str(clip.id))
    assert (code, out, f"would delete clip {clip.id} of Camera 1" in err) == (USAGE, "", True)
    assert (await vxg("clips", "delete", "101", str(clip.id), "--dry-run", "--json"))[0] == OK
    assert clip.id in fake.world.clips
    assert (await vxg("clips", "delete", "101", str(clip.id), "--yes"))[:2] == (OK, f"deleted clip {clip.id}\n")
    assert clip.id not in fake.world.clips
    assert (await vxg("clips", "delete", "101", str(clip.id), "--yes"))[0] == FAILED
