"""Pictures of events: for their owner only, bounded, and found by the event; the best of what is looked for is shown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.bridge.detect.lab import ONE, Lab
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine, found_in

from vms_bridge.detect.pictures import PictureFiles, Pictures
from vms_bridge.detect.values import Looked
from vms_bridge.model import EventRef

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vms_bridge.objects import Watched


def ref(number: int) -> EventRef:
    return EventRef("zm", 1, f"../{number} 🚗/")


def test_files_are_private_and_the_oldest_make_room(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path / "pictures", most_files=3, most_bytes=1_000)
    for number in range(6):
        files.write(ref(number), b"x" * 10)
        os.utime(files._path(ref(number)), ns=(number, number))
    assert [files.read(ref(number)) is not None for number in range(6)] == [False, False, False, True, True, True]
    assert (tmp_path / "pictures").stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in (tmp_path / "pictures").iterdir()} == {0o600}
    files.write(ref(9), b"y" * 995)
    assert files.read(ref(9)) == b"y" * 995
    assert len(list((tmp_path / "pictures").iterdir())) == 1


def test_another_picture_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    assert files.read(ref(1)) is None
    for picture in (b"first", b"second"):
        files.write(ref(1), picture)
    assert files.read(ref(1)) == b"second"


class Shown:
    def __init__(self) -> None:
        self.shown: list[tuple[Watched, bytes]] = []

    def show(self, monitor: tuple[str, str], watched: Watched, jpeg: bytes) -> None:
        assert monitor == ONE
        self.shown.append((watched, jpeg))


async def test_of_what_is_looked_for_the_best_picture_is_shown_until_it_is_old() -> None:
    clock = FakeClock()
    engine, contributor = FakeEngine(clock), Shown()
    pictures = Pictures(None, clock, draws=engine, contributor=contributor)  # type: ignore[arg-type]  # of it this alone is used

    async def see(picture: bytes, *labels: str) -> None:
        before = len(contributor.shown)
        await pictures.show(ONE, picture, Looked(frame=None, found=found_in(picture), width=640, height=360))
        assert names(contributor.shown[before:]) == list(labels)

    await see(b"dog .7, car .6", "dog", "car")
    await see(b"dog .6")
    await see(b"dog .8, car .5", "dog")
    await clock.advance(200)
    await see(b"dog .6", "dog")
    assert await pictures.find(ref(1)) is None


def names(shown: Sequence[tuple[Watched, bytes]]) -> list[str]:
    return [each.label for each, _ in shown]


async def test_a_disk_that_is_full_costs_the_picture_only(tmp_path: Path) -> None:
    async with Lab(tmp_path).open() as lab:
        (tmp_path / "detection").mkdir()
        (tmp_path / "detection" / "pictures").write_text("no folder")
        lab.vms.frames["1", "alarm"] = b"dog .9"
        async with lab.detecting():
            await lab.begin()
            await lab.until_labels("dog")
