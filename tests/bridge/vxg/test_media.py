"""Signed addresses: no credential goes along, none leads inside, and a few at a time are read from one host."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
from tests.bridge.vxg.support import served
from tests.bridge.zoneminder.support import QuickClock
from tests.fakes.authority import HomeMadeAuthority
from tests.fakes.gate import relay
from tests.fakes.vxg import FakeVxg

from vms_bridge.errors import MediaUnavailable, NoSuchPart, VmsUnreachable
from vms_bridge.vxg import Image, Vxg
from vms_bridge.vxg.lanes import AT_ONCE, STREAMS_AT_ONCE

if TYPE_CHECKING:
    from pathlib import Path


def image(url: str) -> Image:
    return Image(url=url, camera_id=101)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://10.0.0.1/x", "without TLS"),
        ("https://10.0.0.1/x", "in a private network"),
        ("https://192.168.1.1:8443/x", "in a private network"),
        ("https://169.254.169.254/latest/meta-data/", "its own secrets"),
        ("https://[::1]/x", "on this machine"),
        ("https://[::ffff:127.0.0.1]/x", "IPv4 address in IPv6's form"),
        ("https://localhost/x", "on this machine"),
        ("http://media.example/x", "without TLS"),
        ("https://user:secret@media.example/x", "none that can be asked"),
        ("ftp://media.example/x", "none that can be asked"),
        ("file:///etc/passwd", "none that can be asked"),
        ("https:///x", "none that can be asked"),
        ("https://[::1/x", "none that can be asked"),
        ("https://media.example:99999/x", "none that can be asked"),
        ("/etc/passwd", "none that can be asked"),
    ],
)
async def test_no_address_leads_inside(url: str, said: str) -> None:
    async with served() as (vxg, _):
        with pytest.raises(MediaUnavailable, match=said) as caught:
            await vxg.images.fetch(image(url))
        assert "secret@" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("rtsp://10.0.0.1:554/live", "in a private network"),
        ("rtsp://169.254.169.254/live", "its own secrets"),
        ("rtsp://localhost/live", "on this machine"),
        ("rtsp://nobody.invalid/live", "no host"),
        ("rtsp://", "is none"),
        ("rtsp://[::1", "is none"),
    ],
)
async def test_live_video_is_looked_at_before_it_is_opened(url: str, said: str) -> None:
    async with served() as (vxg, _):
        with pytest.raises(MediaUnavailable, match=said):
            await vxg.live.check(url)
        await vxg.live.check("rtsp://127.0.0.1:554/live")  # the configured host
    async with served(allowed_hosts=["10.0.0.1"]) as (vxg, _):
        await vxg.live.check("rtsp://10.0.0.1:554/live")


async def test_a_redirect_of_the_store_is_not_followed() -> None:
    async with served() as (vxg, fake):
        fake.faults.add("/moved", "away")
        with pytest.raises(MediaUnavailable, match="redirects"):
            await vxg.images.fetch(image(f"{fake.url}/moved"))


async def test_what_is_no_picture_is_refused() -> None:
    async with served() as (vxg, fake):
        with pytest.raises(MediaUnavailable, match="no JPEG"):
            await vxg.images.fetch(image(fake.media.signed("clip/1")))
        fake.media.clip_bytes = 17 * 1024 * 1024
        with pytest.raises(MediaUnavailable, match="more than"):
            await vxg.images.fetch(image(fake.media.signed("clip/1")))


async def test_a_part_that_is_not_there() -> None:
    async with served() as (vxg, fake):
        media = vxg.images._media
        stream = await media.open(fake.media.signed("clip/1"), "clip", (199_990, None))
        assert len(await stream.read()) == 10
        stream.close()
        with pytest.raises(NoSuchPart) as caught:
            await media.open(fake.media.signed("clip/1"), "clip", (200_000, None))
        assert caught.value.length == 200_000


async def opened(vxg: Vxg, url: str) -> object:
    return await vxg.images._media.open(url, "clip")


async def test_videos_alone_never_keep_the_rest_waiting() -> None:
    async with served() as (vxg, fake):
        # On one host, as on premises: what is held open are answers of the API's own.
        fake.hold = asyncio.Event()
        streams = [asyncio.ensure_future(opened(vxg, f"{fake.url}/api/v2/server/time/")) for _ in range(6)]
        await fake.asked_at_once(STREAMS_AT_ONCE)
        asking = asyncio.ensure_future(vxg.channels.get(101))
        await fake.asked_at_once(AT_ONCE)
        assert fake.most_at_once == AT_ONCE
        fake.hold.set()
        assert (await asking).id == 101
        for each in streams[:STREAMS_AT_ONCE]:
            (await each).close()  # type: ignore[attr-defined]
        for each in streams[STREAMS_AT_ONCE:]:
            (await each).close()  # type: ignore[attr-defined]
        assert fake.most_at_once == AT_ONCE


async def test_the_api_is_spoken_to_by_tls_and_its_trust_is_for_it_alone(tmp_path: Path) -> None:
    authority = HomeMadeAuthority(tmp_path)
    serving = authority.issue().serve(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    clock = QuickClock()
    async with (
        FakeVxg(clock=clock, names_api=False) as fake,
        relay(fake.port, serving) as port,
        relay(fake.media.port, serving) as store,
    ):
        url = f"https://127.0.0.1:{port}"
        async with Vxg(url, token=fake.group_token(), clock=clock, ca_file=authority.ca_file) as vxg:
            assert len(await vxg.channels.list()) == 3
            picture = await vxg.live.image(101)
            assert await vxg.images.fetch(picture)
            elsewhere = picture.url.replace(f"http://127.0.0.1:{fake.media.port}", f"https://127.0.0.1:{store}")
            with pytest.raises(MediaUnavailable, match="certificate"):
                await vxg.images.fetch(image(elsewhere))
        with pytest.raises(VmsUnreachable, match="certificate"):
            async with Vxg(url, token=fake.group_token(), clock=clock):
                pass
