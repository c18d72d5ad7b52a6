"""Children: what they give, how they end, and what is told of those that end before their time."""

from __future__ import annotations

import json
import os
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.fakes import video_worker

from vms_bridge.clock import SystemClock
from vms_bridge.errors import VideoFailed
from vms_bridge.video.child import Child
from vms_bridge.video.jobs import Input, Reading, Remux
from vms_bridge.video.wire import Frame, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

URL = "rtsp://admin:s3cr%40t-word@camera.example/live?token=abcdefghij"
JOB = Remux(input=Input(reading=Reading.RTSP, urls=(URL,)))
SECRETS = ("s3cr", "s3cr@t-word", "abcdefghij", URL)


def worker(way: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", str(Path(video_worker.__file__)), way)


async def frames(way: str, most: int = 1_000_000) -> AsyncGenerator[Frame, None]:
    child = await Child.start(JOB, SystemClock(), program=worker(way))
    try:
        async with aclosing(child.frames()) as given:
            async for frame in given:
                yield frame
                most -= 1
                if not most:
                    return
    finally:
        await child.close()
        assert is_gone(child.pid)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def exhausted(way: str) -> None:
    async with aclosing(frames(way)) as given:
        async for _ in given:
            pass


async def failure(way: str) -> VideoFailed:
    with pytest.raises(VideoFailed) as failed:
        await exhausted(way)
    told = f"{failed.value} {failed.value.hint}"
    assert not any(secret in told for secret in SECRETS), told
    assert len(told) < 700
    return failed.value


async def test_frames_come_in_their_order_until_the_job_is_done() -> None:
    async with aclosing(frames("ends")) as given:
        got = [frame async for frame in given]
    assert [frame.kind for frame in got] == [
        *(Kind.HELLO, Kind.MP4_HEAD, Kind.TS_KEY, Kind.MP4_KEY),
        *(Kind.TS, Kind.MP4) * 3,
    ]
    assert got[2].content == b"G ts 0"


@pytest.mark.parametrize("way", ["endless", "flood", "deaf"])
async def test_one_that_nobody_wants_any_more_is_ended(way: str) -> None:
    async with aclosing(frames(way, 1)) as given:
        assert [frame async for frame in given]


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("segv", "SIGSEGV"),
        ("glutton", "more memory"),
        ("busy", "more of the processor"),
        ("half", "has failed"),
        ("nonsense", "no video"),
        ("huge", "no video"),
        ("tells", "401 Unauthorized"),
        ("fails", "(3); it said last: Traceback: no way to"),
        ("dies_saying_nonsense", "did not say why"),
    ],
)
async def test_why_one_has_ended_before_its_time(way: str, told: str) -> None:
    assert told in str(await failure(way))


async def test_what_a_child_says_can_be_shown() -> None:
    assert (await failure("tells")).hint == "look  there"


async def test_a_child_gets_its_job_and_none_of_the_secrets_of_the_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZM_PASSWORD", "of the bridge")
    async with aclosing(frames("finds")) as given:
        (frame,) = [frame async for frame in given]
    found = json.loads(frame.content)
    assert "ZM_PASSWORD" not in found["environment"]
    assert found["environment"]["MALLOC_ARENA_MAX"] == "1"
    assert found["job"]["input"]["urls"] == [URL]
    assert found["session"], "whoever ends the bridge by the keyboard ends its children too"


async def test_a_program_that_is_not_there() -> None:
    with pytest.raises(VideoFailed, match="could be started"):
        await Child.start(JOB, SystemClock(), program=("/nowhere/python",))


async def test_what_is_fed_to_a_dead_one_is_lost() -> None:
    child = await Child.start(JOB, SystemClock(), program=worker("fails"))
    try:
        with pytest.raises(VideoFailed):
            async for _ in child.frames():
                pass
        for _ in range(10):
            await child.feed(bytes(100_000))
    finally:
        await child.close()
        await child.close()


def test_secrets_of_a_job_are_in_no_repr() -> None:
    assert not any(secret in repr(JOB) for secret in SECRETS)
