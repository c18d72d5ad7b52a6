"""The example of a backend outside of the repository: found by its entry point, and held to the same contract."""

from __future__ import annotations

import asyncio
import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.contract import CHECKS, RecordingFeed, Subject
from tests.fakes.clock import FakeClock

from vms_bridge.backends import kind_names, load_kind
from vms_bridge.errors import ConfigError, MediaUnavailable, VmsUnreachable
from vms_bridge.model import AlarmState, EventPicture, EventRef, LivePicture, Resume

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.backends.base import BackendKind

EXAMPLE = Path(__file__).parents[3] / "examples" / "out-of-tree-backend"
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BackendKind:
    """The example as the registry finds it once it is installed: on the path, with the metadata that its build makes."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    metadata = tmp_path / "site" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        f"[{group}]\n{name} = {target}\n" for group, points in project["entry-points"].items() for name, target in points.items()
    ]
    (metadata / "entry_points.txt").write_text("".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(EXAMPLE))
    assert "folder" in kind_names()
    return load_kind("folder")


class Cameras:
    """The folders, into which time brings pictures."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock(START)
        self.busy = True
        (root / "Front_door").mkdir()
        (root / "Garden").mkdir()
        (root / "not a camera!").mkdir()

    def drop(self, camera: str, number: int = 0) -> None:
        file = self.root / camera / f"{self.clock.now().timestamp()}-{number}.jpg"
        file.write_bytes(b"\xff\xd8 a picture")
        os.utime(file, (self.clock.now().timestamp(),) * 2)

    async def advance(self, seconds: float) -> None:
        elapsed = (self.clock.now() - START).total_seconds()
        if self.busy and elapsed % 30 < 3:
            self.drop("Garden")
        await self.clock.advance(seconds)
        await asyncio.sleep(0.003)  # the scan is in a thread


@pytest.fixture
def cameras(tmp_path: Path) -> Cameras:
    (tmp_path / "cameras").mkdir()
    return Cameras(tmp_path / "cameras")


@pytest.mark.parametrize("check", CHECKS)
async def test_it_keeps_the_contract(kind: BackendKind, cameras: Cameras, check: Callable[[Subject], Awaitable[None]]) -> None:
    cameras.drop("Garden")
    cameras.drop("Front_door")
    settings = kind.config.model_validate({"path": cameras.root, "quiet": 5})
    await check(Subject(make=lambda: kind.create("uploads", settings, cameras.clock), advance=cameras.advance, busy_s=60))


async def test_pictures_in_quick_succession_are_one_event(kind: BackendKind, cameras: Cameras) -> None:
    cameras.busy = False
    feed = RecordingFeed()
    settings = kind.config.model_validate({"path": cameras.root})
    subject = Subject(make=lambda: kind.create("uploads", settings, cameras.clock), advance=cameras.advance, busy_s=60)
    backend = subject.make()
    async with subject.running(backend, feed):
        assert set(feed.states) == {"Front_door", "Garden"}
        for _ in range(3):
            cameras.drop("Garden")
            await cameras.advance(2)
        await subject.until(lambda: feed.states["Garden"].alarm is AlarmState.ALARM)
        await subject.until(lambda: any(event.end for event in feed.events))
        assert len({event.id for event in feed.events}) == 1
        assert [event.alarm_frames for event in feed.events if event.end] == [3]
    cameras.drop("Front_door")
    await cameras.advance(60)
    async with subject.running(backend, feed):
        await subject.until(lambda: any(batch.late for batch in feed.batches))
        late = [event for batch in feed.batches if batch.late for event in batch.events]
        assert "Front_door" in {event.monitor_id for event in late}
        assert await backend.picture(EventPicture(event=EventRef("folder", 1, late[-1].id)))


async def test_what_it_cannot_read_it_says(kind: BackendKind, tmp_path: Path) -> None:
    settings = kind.config.model_validate({"path": tmp_path / "nowhere"})
    backend = kind.create("uploads", settings, FakeClock(START))
    with pytest.raises(VmsUnreachable, match="can't be read"):
        await backend.run(RecordingFeed(_resume=Resume(cursor="12.5")))
    findings = await backend.check()
    assert findings[0].problem
    assert backend.url is None


@pytest.mark.parametrize("name", ["../Garden", "Garden/..", "", "/etc"])
async def test_no_path_leads_out(kind: BackendKind, cameras: Cameras, name: str) -> None:
    cameras.drop("Garden")
    backend = kind.create("uploads", kind.config.model_validate({"path": cameras.root}), cameras.clock)
    for ref in (LivePicture(monitor=name), EventPicture(event=EventRef("folder", 1, f"{name}-1"))):
        with pytest.raises(MediaUnavailable):
            await backend.picture(ref)


def test_without_being_installed_it_is_unknown() -> None:
    with pytest.raises(ConfigError, match="folder"):
        load_kind("folder")
