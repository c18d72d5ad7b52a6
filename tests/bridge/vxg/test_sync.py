"""The library without an event loop, and its face: what it offers, with its types."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
from datetime import timedelta
from typing import assert_type

import pytest
from tests.bridge.zoneminder.support import QuickClock
from tests.fakes.vxg import FakeVxg

from vms_bridge import vxg as library
from vms_bridge.synced import Face
from vms_bridge.vxg import Changes, ChannelRow, Clip, CredentialRefused, Document, EventRow, GroupRow, Image, LiveUrls, sync

ASYNC = library.Vxg("https://127.0.0.1", lkey="v3.key")
SYNC = sync.Vxg("https://127.0.0.1", lkey="v3.key")
PARTS = [name for name in vars(ASYNC) if not name.startswith("_") and name != "url"]


def in_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "vxg"]


async def test_a_script_has_everything_with_its_type() -> None:
    async with FakeVxg(clock=(clock := QuickClock())) as fake:
        start = fake.world.now() - timedelta(minutes=5)
        fake.world.record(101, start, 60)
        fake.world.happen(101)

        def script() -> int:
            with sync.Vxg(fake.url, token=fake.group_token(), lkey=fake.lkey, clock=clock) as vxg:
                assert in_threads() == ["vxg"]
                channels = vxg.channels.list(include_meta=True)
                assert_type(channels, tuple[ChannelRow, ...])
                assert_type(next(vxg.channels.each()), ChannelRow)
                assert_type(vxg.live.urls(101), LiveUrls)
                assert_type(vxg.groups.add(fake.group.id, 101), GroupRow)
                assert_type(vxg.clips.make(101, start, start + timedelta(seconds=5)), Clip)
                assert_type(vxg.images.fetch(vxg.live.image(101)), bytes)
                assert_type(vxg.metadata.record(101, [Document(timestamp=start)]), tuple[str, ...])
                assert_type(vxg.events.list(names=["motion"]), tuple[EventRow, ...])
                assert_type(vxg.events.watch(start).poll(), Changes[EventRow])
                for image in vxg.images.sample(101, 1.0, limit=2):
                    assert_type(image, Image)
                with pytest.raises(TypeError, match="unexpected keyword"):
                    vxg.clips.each(chanel=101)  # type: ignore[call-arg]
                vxg.use_token(fake.world.channels[101].token)
                assert len(vxg.channels.list()) == 3, "by the key"
                return len(channels)

        assert await asyncio.to_thread(script) == 3
        assert fake.world.channels[101].image_period is None
    assert in_threads() == []


async def test_what_is_raised_comes_out_and_the_thread_ends() -> None:
    async with FakeVxg(clock=(clock := QuickClock())) as fake:
        fake.mint.revoke(fake.group_token())

        def script() -> None:
            with sync.Vxg(fake.url, token=fake.group_token(), clock=clock) as vxg:
                vxg.channels.list()

        with pytest.raises(CredentialRefused):
            await asyncio.to_thread(script)
    assert in_threads() == []


async def test_whoever_has_enough_pictures_leaves_the_rate_as_it_was() -> None:
    async with FakeVxg(clock=(clock := QuickClock())) as fake:

        def script() -> None:
            with sync.Vxg(fake.url, token=fake.group_token(), clock=clock) as vxg:
                for _ in vxg.images.sample(101, 1.0):
                    break

        await asyncio.to_thread(script)
        assert fake.world.channels[101].image_period is None


def test_all_that_is_offered_is_there_and_said() -> None:
    public = {name for name, value in vars(library).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public - {"annotations", "import_module", "TYPE_CHECKING"} <= set(library.__all__)
    assert all(getattr(library, name) is not None for name in library.__all__)
    with pytest.raises(AttributeError, match="no attribute 'VXG'"):
        library.VXG  # type: ignore[attr-defined]  # noqa: B018


def test_tokens_are_read_without_the_http_library() -> None:
    said = "import sys, vms_bridge.vxg.tokens; print('aiohttp' in sys.modules, 'vms_bridge.http' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603
    assert found == ["False", "False"]


@pytest.mark.parametrize("part", PARTS)
def test_whatever_there_is_is_there_without_an_event_loop(part: str) -> None:
    asynchronous, face = getattr(ASYNC, part), getattr(SYNC, part)
    assert isinstance(face, Face)
    missing = {"open"} if part in {"archive", "clips"} else set()  # a stream is read on an event loop
    assert _public(type(face)) | missing == _public(type(asynchronous))
    for name in _public(type(face)) - {"watch"}:
        one, other = getattr(type(face), name), getattr(type(asynchronous), name)
        assert inspect.unwrap(one) is other
        assert not inspect.iscoroutinefunction(one)


def test_the_rest_is_there_without_an_event_loop() -> None:
    assert _public(sync.Vxg) == _public(library.Vxg)
    assert _public(sync.EventWatch) == _public(library.EventWatch)
    assert _public(sync.DocumentWatch) == _public(library.DocumentWatch)
    assert {name for name in vars(SYNC) if not name.startswith("_")} == {"url", *PARTS}


def _public(kind: type) -> set[str]:
    return {name for name, value in vars(kind).items() if not name.startswith("_") and callable(value)}
