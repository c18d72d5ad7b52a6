"""A video of more bytes than 32 bits count: sparse on the fake's disk, and fetched but for its end before."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.bridge.zoneminder.support import library
from tests.fakes.zoneminder import World

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 5_000_000_000
THERE = SIZE - 1_000_000
HEAD = b"\0\0\0\x18ftypmp42"


def sparse(path: Path, size: int, end: bytes = b"") -> None:
    with path.open("wb") as file:
        file.write(HEAD)
        file.truncate(size)
        file.seek(size - len(end))
        file.write(end)


async def test_the_end_of_a_video_of_five_gigabytes_is_fetched(tmp_path: Path) -> None:
    clip, target = tmp_path / "recorded.mp4", tmp_path / "fetched.mp4"
    world = World(monitors=1)
    event = world.open_event(1, clip=clip)
    event.start -= timedelta(minutes=1)
    world.close_event(event.id)
    sparse(clip, SIZE, b"the end")
    sparse(tmp_path / f".fetched.mp4.{event.id}.part", THERE)
    told: list[tuple[int, int | None]] = []
    async with library(world) as (zm, fake):
        size = await zm.events.save_video(event.id, target, progress=lambda done, whole: told.append((done, whole)))
    assert (size, target.stat().st_size, told[-1]) == (SIZE, SIZE, (SIZE, SIZE))
    assert told[0][0] > THERE
    assert fake.clips_asked == 1
    with target.open("rb") as file:
        file.seek(-7, os.SEEK_END)
        assert file.read() == b"the end"
