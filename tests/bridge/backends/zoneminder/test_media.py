from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.media import JPEG

from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.errors import MediaUnavailable, VmsUnreachable
from vms_bridge.model import EventPicture, EventRef, LivePicture
from vms_bridge.zoneminder.portal import zms_url

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve

pytestmark = pytest.mark.virtual_time

EVENT, LIVE = EventPicture(event=EventRef("zm", 1, "1")), LivePicture(monitor="1")


async def test_pictures(serve: Serve) -> None:
    world = World()
    world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        assert await backend.picture(EVENT) == JPEG
        assert await backend.picture(LIVE) == JPEG
        assert await backend.picture(LIVE) == JPEG
        assert fake.asked("configs") == 1


async def test_zms_where_its_path_may_not_be_read(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, _):
        fake.fail("configs", "403")
        assert await backend.picture(LIVE) == JPEG


async def test_monitor_that_does_not_run(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, _):
        fake.world.set_function(1, "None")
        with pytest.raises(MediaUnavailable, match="empty"):
            await backend.picture(LIVE)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("html", "no JPEG"), ("500", "HTTP 500"), ("404", "HTTP 404"), ("403", "does not show"), ("empty", "empty"),
        ("redirect", "redirects"), ("close", "in time"), ("big", "more than"),
    ],
)  # fmt: skip
async def test_no_picture(kind: str, said: str, serve: Serve) -> None:
    world = World()
    world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        for place, ref in (("index.php", EVENT), ("zms", LIVE)):
            fake.heal()
            fake.fail(place, kind)
            with pytest.raises(MediaUnavailable, match=said):
                await backend.picture(ref)


async def test_frame_that_is_not_on_the_disk_yet(serve: Serve) -> None:
    world = World()
    world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        fake.fail("index.php", "404", times=2)
        assert await backend.picture(EVENT) == JPEG


async def test_user_who_may_not_see_events(serve: Serve) -> None:
    world = World()
    world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        fake.users["admin"].permissions = frozenset({"monitors:view"})
        with pytest.raises(MediaUnavailable, match="no JPEG") as refused:
            await backend.picture(EVENT)
        assert "Events: View" in refused.value.hint
        with pytest.raises(MediaUnavailable, match="does not show"):
            await backend.picture(LIVE)


async def test_ids_are_numbers(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, _):
        with pytest.raises(MediaUnavailable, match="numbers"):
            await backend.picture(EventPicture(event=EventRef("zm", 1, "1&view=options")))


async def test_not_connected() -> None:
    with pytest.raises(VmsUnreachable):
        await ZoneMinder("zm", config("http://127.0.0.1:1"), FastClock()).picture(LIVE)


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/zm/cgi-bin/zms", "http://h:1/zm/cgi-bin/zms"),
        ("", "http://h:1/zm/cgi-bin/nph-zms"),
        ("//evil/zms", "http://h:1/zm/cgi-bin/nph-zms"),
        ("https://evil/zms", "http://h:1/zm/cgi-bin/nph-zms"),
        ("/zm/../../x", "http://h:1/zm/cgi-bin/nph-zms"),
    ],
)
def test_zms_url(path: str, url: str) -> None:
    assert zms_url("http://h:1/zm", path) == url
