"""One source for all who look: begun for the first, ended after the last, begun again when it fails."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.fakes.clock import FakeClock
from tests.fakes.live import Camera

from vms_bridge.archive import LiveForm
from vms_bridge.boundary import Boundary
from vms_bridge.errors import BridgeError, VideoFailed
from vms_bridge.video.upstream import FIRST_S, LINGER_S, SILENT_S, Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TS = LiveForm.MPEG_TS


@dataclass
class Lab:
    camera: Camera
    clock: FakeClock
    upstream: Upstream
    ends: list[str]


@pytest.fixture
async def lab(request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    """An upstream that has just begun; a test's parameter are the faults of its first attempts."""
    camera, clock, ends = Camera(faults=list(getattr(request, "param", ()))), FakeClock(), list[str]()
    upstream = Upstream("zm/1", camera, (TS,), clock, boundary=Boundary("live", clock), on_end=lambda: ends.append("end"))
    yield Lab(camera, clock, upstream, ends)
    await upstream.close()


async def test_it_is_read_once_for_all(lab: Lab) -> None:
    async with AsyncExitStack() as stack:
        looking = [await stack.enter_async_context(lab.upstream.viewing(TS)) for _ in range(50)]
        await lab.clock.advance(0)
        lab.camera.give(b"a")
        assert {await anext(pieces) for pieces in looking} == {b"a"}
    assert len(lab.camera.began) == 1


async def test_it_is_ended_some_seconds_after_the_last_has_gone(lab: Lab) -> None:
    async with lab.upstream.viewing(TS):
        await lab.clock.advance(LINGER_S * 3)
    assert not lab.ends
    await lab.clock.advance(LINGER_S - 1)
    async with lab.upstream.viewing(TS) as pieces:
        await lab.clock.advance(LINGER_S * 3)
        lab.camera.give(b"still there")
        assert await anext(pieces) == b"still there"
    assert not lab.ends
    await lab.clock.advance(LINGER_S)
    assert lab.ends == ["end"]
    assert lab.camera.to is None


@pytest.mark.parametrize("fault", [VideoFailed("SIGSEGV"), None])
async def test_it_is_read_again_and_who_looks_sees_it_go_on(lab: Lab, fault: BaseException | None) -> None:
    async with lab.upstream.viewing(TS) as pieces:
        await lab.clock.advance(0)
        lab.camera.give(b"a")
        assert await anext(pieces) == b"a"
        await lab.clock.advance(5)
        lab.camera.fail(fault)
        await lab.clock.advance(1)
        lab.camera.give(b"b")
        assert await anext(pieces) == b"b"
    assert lab.camera.began == [0.0, 6.0], "the times of what comes go on"


@pytest.mark.parametrize("lab", [[VideoFailed("no camera")] * 8], indirect=True)
async def test_it_waits_longer_each_time(lab: Lab) -> None:
    async with lab.upstream.viewing(TS):
        await lab.clock.advance(0.1)
        for _ in range(600):
            await lab.clock.advance(0.25)
    waits = [later - before for before, later in zip(lab.camera.began, lab.camera.began[1:], strict=False)]
    assert [round(wait) for wait in waits] == [1, 2, 4, 8, 16, 30, 30, 30]


@pytest.mark.parametrize("lab", [[VideoFailed("no camera")] * 2], indirect=True)
async def test_who_has_seen_nothing_learns_why_at_once_while_it_waits_too(lab: Lab) -> None:
    async with lab.upstream.viewing(TS) as pieces:
        with pytest.raises(VideoFailed, match="no camera"):
            await anext(pieces)
    async with lab.upstream.viewing(TS) as pieces:
        with pytest.raises(VideoFailed, match="no camera"):
            await anext(pieces)
    assert len(lab.camera.began) == 1


@pytest.mark.parametrize("lab", [[ZeroDivisionError()]], indirect=True)
async def test_a_defect_ends_one_attempt_only(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    async with lab.upstream.viewing(TS) as pieces:
        with pytest.raises(VideoFailed):
            await anext(pieces)
        await lab.clock.advance(2)
    assert len(lab.camera.began) == 2
    assert "unforeseen" in caplog.text


async def test_nobody_waits_for_ever(lab: Lab) -> None:
    async with lab.upstream.viewing(TS) as pieces:
        waiting = asyncio.ensure_future(anext(pieces))
        await lab.clock.advance(FIRST_S)
        with pytest.raises(VideoFailed, match="no video has come from zm/1"):
            await waiting
    async with lab.upstream.viewing(TS) as pieces:
        lab.camera.give(b"a")
        await anext(pieces)
        waiting = asyncio.ensure_future(anext(pieces))
        await lab.clock.advance(SILENT_S)
        with pytest.raises(VideoFailed, match="nothing more"):
            await waiting


async def test_an_end_is_one_for_all_who_look(lab: Lab) -> None:
    async with lab.upstream.viewing(TS) as seen, lab.upstream.viewing(TS) as late:
        await lab.clock.advance(0)
        lab.camera.give(b"a")
        assert await anext(seen) == b"a"
        await lab.upstream.close()
        with pytest.raises(StopAsyncIteration):
            await anext(seen)
        assert [piece async for piece in late] == [b"a"]
    assert lab.ends == ["end"]
    with pytest.raises(BridgeError):
        async with lab.upstream.viewing(TS) as pieces:
            await anext(pieces)
