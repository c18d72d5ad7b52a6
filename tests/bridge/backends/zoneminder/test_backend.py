"""The whole backend against every kind of ZoneMinder."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.zoneminder import FakeZoneMinder, Personality, World
from tests.fakes.zoneminder.personality import ALL, V1_34, V1_36_33, V1_38_4
from tests.fakes.zoneminder.render import CAMERA_SECRET
from tests.fakes.zoneminder.server import VIEWER
from tests.fakes.zoneminder.world import ALARM, IDLE

from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.commands import VmsTarget
from vms_bridge.errors import VmsAuthFailed, VmsError, VmsProtocolError, VmsUnreachable
from vms_bridge.model import AlarmState, Capability

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.bridge.backends.zoneminder.conftest import Serve

pytestmark = pytest.mark.virtual_time


@asynccontextmanager
async def connected(backend: ZoneMinder) -> AsyncIterator[MemoryFeed]:
    """One connection of a backend that may have had others before."""
    feed = MemoryFeed()
    task = asyncio.create_task(backend.run(feed))
    try:
        await feed.until(lambda: feed.snapshots)
        yield feed
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def personality_id(personality: Personality) -> str:
    return personality.version


@pytest.mark.parametrize("personality", ALL, ids=personality_id)
async def test_every_version_tells_the_same_story(personality: Personality, serve: Serve) -> None:
    async with FakeZoneMinder(World(personality)) as fake, serve(fake) as (_, feed):
        system = feed.snapshots[0].system
        assert system.version == personality.version
        assert system.available
        assert (system.run_state, system.run_states) == ("default", ("default", "Quiet", "a/b & c"))
        assert system.capabilities >= {Capability.RUN_STATE, Capability.STORAGE, Capability.LOAD}
        assert (system.load, system.running, system.time_zone) == (0.5, True, "UTC")
        monitor, state = feed.monitors["1"], feed.states["1"]
        assert (monitor.name, monitor.width, monitor.zones[0].name) == ("Camera 1", 640, "All")
        assert monitor.zones[0].points[2] == (1.0, 1.0)
        assert set(monitor.modes) == set(state.modes)
        assert state.connected
        assert state.armed
        assert state.capture_fps == 5.0
        assert state.events_total == (None if personality.modern_modes else 0), "1.38 has no counters before the first event"
        await feed.until(lambda: feed.states["1"].source == "events")
        event = fake.world.alarm(1)
        assert event is not None
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)
        assert feed.states["1"].event_id == str(event.id)
        fake.world.calm(1)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.IDLE)
        last = feed.event(event.id)
        assert last is not None
        assert last.end is not None
        assert last.clip_ready
        assert last.zones == ("All",)
        await feed.until(lambda: feed.states["1"].events_total == 1)


@pytest.mark.parametrize("auth_off", ["version", "nulls", "error"])
async def test_without_logins(auth_off: str, serve: Serve) -> None:
    world = World(replace(V1_34, auth=False, login_when_auth_off=auth_off))
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url, username=None, password=None)) as (_, feed):
        assert len(feed.monitors) == 3
        assert not fake.logins


@pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=personality_id)
async def test_monitors_come_go_and_change_their_names(personality: Personality, serve: Serve) -> None:
    async with FakeZoneMinder(World(personality)) as fake, serve(fake) as (_, feed):
        fake.world.add_monitor(9, "New")
        await feed.until(lambda: "9" in feed.monitors)
        assert feed.monitors["9"].zones[0].name == "All"
        fake.world.remove_monitor(2)
        await feed.until(lambda: "2" not in feed.monitors)
        fake.world.monitors[9].name = "Newer/é"
        await feed.until(lambda: feed.monitors["9"].name == "Newer/é")


async def test_viewer_gets_what_a_viewer_may_see(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.users["admin"].permissions = VIEWER
        async with serve(fake) as (backend, feed):
            system = feed.snapshots[0].system
            assert not system.capabilities & {Capability.RUN_STATE, Capability.STORAGE}
            assert system.run_states == ()
            assert feed.states["1"].connected
            await backend.refresh(VmsTarget())
            assert fake.asked("states") == 1


async def test_statuses_serve_where_events_do_not_show_alarms(serve: Serve) -> None:
    async with FakeZoneMinder(World(replace(V1_36_33, state_from_one=False))) as fake:
        fake.world.set_function(1, "Mocord")
        fake.world.set_function(2, "Monitor")
        fake.world.set_function(3, "None")
        async with serve(fake) as (_, feed):
            assert (feed.states["2"].alarm, feed.states["2"].source) == (AlarmState.IDLE, "mode")
            assert (feed.states["3"].alarm, feed.states["3"].connected, feed.states["3"].armed) == (None, None, False)
            await feed.until(lambda: feed.states["1"].source == "status")
            assert feed.states["1"].lag_s == pytest.approx(2.9)
            fake.world.set_state(1, ALARM)
            await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)
            fake.world.set_state(1, IDLE)
            await feed.until(lambda: feed.states["1"].alarm is AlarmState.IDLE)


async def test_too_many_statuses_are_not_asked_for(serve: Serve) -> None:
    world = World(monitors=60)
    for number in world.monitors:
        world.set_function(number, "Mocord")
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].is_recording is not None)
        count = len(feed.history)
        world.monitors[1].name = "x"
        await feed.until(lambda: len(feed.snapshots) > 1 and len(feed.history) > count)
        assert fake.asked("monitors/alarm") == 0
        assert (feed.states["1"].alarm, feed.states["1"].source) == (None, None)
        assert feed.states["1"].detail


async def test_camera_that_sends_nothing(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (_, feed):
        fake.world.monitors[1].fps = "0.00"
        await feed.until(lambda: feed.states["1"].connected is False)
        assert feed.states["1"].detail == "the camera sends no pictures"
        fake.world.monitors[2].status = None
        await feed.until(lambda: feed.states["2"].connected is False)


async def test_web_page_is_no_camera(serve: Serve) -> None:
    world = World(V1_38_4)
    world.monitors[1].type = "WebSite"
    world.monitors[2].capturing = "Ondemand"
    world.monitors[2].fps = "0.00"
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        assert feed.states["1"].connected is None
        assert Capability.FORCE_ALARM not in feed.monitors["1"].capabilities
        assert feed.states["2"].connected is None


@pytest.mark.parametrize(
    ("path", "kind", "error"),
    [
        ("host/getVersion", "html", VmsProtocolError),
        ("host/getVersion", "garbage", VmsProtocolError),
        ("monitors", "500", VmsProtocolError),
        ("monitors", "list", VmsProtocolError),
        ("monitors", "close", VmsUnreachable),
        ("host/login", "401", VmsAuthFailed),
    ],
)
async def test_what_it_can_not_start_without(path: str, kind: str, error: type[VmsError], serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.fail(path, kind)
        with pytest.raises(error):
            async with serve(fake):
                pass


@pytest.mark.parametrize("path", ["states", "storage", "host/getLoad", "host/getTimeZone", "zones", "host/daemonCheck"])
@pytest.mark.parametrize("kind", ["500-json", "html", "garbage"])
async def test_what_it_can_do_without(path: str, kind: str, serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.fail(path, kind)
        async with serve(fake) as (_, feed):
            assert len(feed.monitors) == 3


@pytest.mark.parametrize("path", ["states", "storage", "host/getLoad", "zones", "servers"])
async def test_what_fails_for_a_moment_changes_no_description(path: str, serve: Serve) -> None:
    """Entities come and go with descriptions: one failed request must not take them out of Home Assistant."""
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        before, monitors = feed.snapshots[0].system, feed.monitors
        assert monitors["1"].zones
        fake.fail(path, "500")
        fake.world.add_monitor(9, "New")  # has zones read again
        await backend.refresh(VmsTarget())
        assert feed.system
        assert "9" in feed.monitors
        assert feed.system.capabilities == before.capabilities
        assert feed.system.run_states == before.run_states
        assert [area.name for area in feed.system.storage] == [area.name for area in before.storage]
        assert feed.monitors["1"] == monitors["1"]
        if path == "states":
            assert feed.system.run_state is None
        if path == "storage":
            assert {area.used_bytes for area in feed.system.storage} == {None}
        fake.heal()
        await backend.refresh(VmsTarget())
        assert feed.monitors["9"].zones
        assert feed.system.run_state == "default"


@pytest.mark.parametrize("path", ["states", "storage", "host/getLoad", "zones", "servers", "host/getTimeZone"])
@pytest.mark.parametrize("kind", ["500", "garbage"])
async def test_what_fails_when_a_connection_begins_is_as_it_was_in_the_last_one(path: str, kind: str, clock: FastClock) -> None:
    world = World(zone="Asia/Tokyo")
    async with FakeZoneMinder(world) as fake:
        backend = ZoneMinder("zm", config(fake.url), clock)
        async with connected(backend) as feed:
            before, monitors = feed.snapshots[0].system, feed.monitors
            assert monitors["1"].zones
        fake.fail(path, kind)
        async with connected(backend) as feed:
            now = feed.snapshots[0].system
            assert (now.capabilities, now.run_states, now.time_zone) == (before.capabilities, before.run_states, "Asia/Tokyo")
            assert [area.name for area in now.storage] == [area.name for area in before.storage]
            assert feed.monitors == monitors
            assert (now.run_state is None) == (path == "states")
            assert (now.load is None) == (path == "host/getLoad")


async def test_what_a_user_may_no_longer_read_is_gone_with_the_next_connection(clock: FastClock) -> None:
    async with FakeZoneMinder(World()) as fake:
        backend = ZoneMinder("zm", config(fake.url), clock)
        async with connected(backend) as feed:
            assert feed.snapshots[0].system.capabilities >= {Capability.RUN_STATE, Capability.STORAGE}
        fake.users["admin"].permissions = VIEWER
        async with connected(backend) as feed:
            system = feed.snapshots[0].system
            assert not system.capabilities & {Capability.RUN_STATE, Capability.STORAGE}
            assert (system.run_states, system.storage) == ((), ())


async def test_zones_that_were_deleted_while_nobody_looked_are_gone(clock: FastClock) -> None:
    async with FakeZoneMinder(World()) as fake:
        backend = ZoneMinder("zm", config(fake.url), clock)
        async with connected(backend) as feed:
            assert feed.monitors["1"].zones
        fake.world.monitors[1].zones = []
        async with connected(backend) as feed:
            assert not feed.monitors["1"].zones


async def test_loss_while_running(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        serving = serve(fake)
        backend, feed = await serving.__aenter__()
        await feed.until(lambda: feed.states["1"].source == "events")
        fake.fail("", "close")
        await feed.until(lambda: backend._session is None)
        with pytest.raises(VmsUnreachable, match="not connected"):
            await backend.refresh(VmsTarget())
        with pytest.raises(VmsUnreachable, match="closed the connection"):
            await serving.__aexit__(None, None, None)


async def test_events_that_can_not_be_read_are_said_to_be_unknown(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.fail("events", "500-json")
        async with serve(fake) as (_, feed):
            await feed.until(lambda: feed.system and feed.system.detail)
            assert feed.states["1"].is_recording is None
            await feed.until(lambda: feed.states["1"].source == "status")
            fake.heal()
            await feed.until(lambda: feed.states["1"].source == "events")
            assert feed.system is not None
            assert feed.system.detail is None


async def test_requests_stay_below_one_a_second(serve: Serve) -> None:
    world = World(monitors=200)
    for number in range(1, 20):
        world.set_function(number, "Mocord")
    for number in range(20, 60):
        world.open_event(number)
    async with FakeZoneMinder(world) as fake:
        settings = config(fake.url, poll_interval=2, monitors_interval=15)
        async with serve(fake, settings=settings) as (backend, feed):
            session = backend._session
            assert session is not None
            await feed.until(lambda: feed.states["1"].source == "status")
            before, began = session.api.requests, session._clock.monotonic()
            await feed.until(lambda: session._clock.monotonic() - began >= 30)
            assert (session.api.requests - before) / (session._clock.monotonic() - began) <= 1.05


async def test_camera_passwords_go_nowhere(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        session = backend._session
        assert session is not None
        text = f"{feed.snapshots}{feed.events}{caplog.text}{session.ladders.by_id}"
    assert CAMERA_SECRET not in text


async def test_url_is_for_people(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake, MemoryFeed()) as (backend, _):
        assert backend.url == fake.url


async def test_expiring_tokens_are_renewed_by_the_way(serve: Serve) -> None:
    async with FakeZoneMinder(World(), token_ttl_s=4) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: len(fake.logins) >= 4)
        assert next(iter(fake.logins)) == "password"
        assert set(list(fake.logins)[1:]) == {"refresh"}
        assert feed.system is not None
