"""`zm.ptz`: what a program can ask of a camera that moves, over the versions that there are."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.bridge.zoneminder.support import PASSWORD, USER, library
from tests.fakes.zoneminder import FakeZoneMinder, User, World, control
from tests.fakes.zoneminder.personality import ALL, V1_36_33, Personality
from tests.fakes.zoneminder.server import VIEWER

from vms_bridge.errors import CommandRejected
from vms_bridge.zoneminder import NotThere, PermissionMissing, Preset, ZoneMinder
from vms_bridge.zoneminder.sync import ZoneMinder as SyncZoneMinder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


def a_world(personality: Personality = V1_36_33) -> World:
    """Return a world in which camera 1 goes on until it is stopped, camera 2 moves by steps, and camera 3 can't be moved."""
    world = World(personality)
    world.monitors[1].columns = {"Controllable": True, "ControlId": control.AMCREST["Id"]}
    world.monitors[2].columns = {"Controllable": True, "ControlId": control.AXIS["Id"]}
    world.monitors[2].presets = {2: "Gate", 4: "Pond"}
    return world


@asynccontextmanager
async def cameras(personality: Personality = V1_36_33) -> AsyncIterator[tuple[ZoneMinder, FakeZoneMinder]]:
    async with library(a_world(personality)) as (zm, fake):
        yield zm, fake


@pytest.mark.parametrize("personality", ALL, ids=lambda each: each.version)
async def test_a_camera_is_turned_sent_home_and_to_a_preset(personality: Personality) -> None:
    async with cameras(personality) as (zm, fake):
        able = await zm.ptz.capabilities(2)
        assert (able.name, able.presets) == ("Axis API v2", 12)
        assert Preset(2, "Gate") in await zm.ptz.presets("2")
        await zm.ptz.move(2, "up_left", amount=0.25)
        await zm.ptz.home(2)
        await zm.ptz.preset(2, 4)
        await zm.ptz.preset(2, "Gate")
        assert fake.world.monitors[2].orders == [
            {"control": "moveRelUpLeft", "xge": "25", "yge": "25"},
            {"control": "presetHome"},
            {"control": "presetGoto", "preset": "4"},
            {"control": "presetGoto", "preset": "2"},
        ]


async def test_what_goes_on_is_stopped_by_its_part() -> None:
    async with cameras() as (zm, fake):
        await zm.ptz.move(1, "left")
        await zm.ptz.stop(1)
        await zm.ptz.zoom(1, "in", amount=1)
        await zm.ptz.stop(1, "zoom")
        assert [order["control"] for order in fake.world.monitors[1].orders] == [
            "moveConLeft", "moveStop", "zoomConTele", "zoomStop", "moveStop",
        ]  # fmt: skip


async def test_the_rest_of_what_a_camera_can_be_told() -> None:
    async with cameras() as (zm, fake):
        await zm.ptz.focus(2, "near")
        await zm.ptz.iris(2, "auto")
        await zm.ptz.point(2, 0.5, 0.5)
        await zm.ptz.reset(1)
        for refused in (zm.ptz.wake, zm.ptz.sleep, zm.ptz.reboot):
            with pytest.raises(CommandRejected):
                await refused(1)
        assert [order["control"] for order in fake.world.monitors[2].orders] == ["focusRelNear", "irisAuto", "moveMap"]
        assert fake.world.monitors[1].orders == [{"control": "reset"}]


async def test_a_preset_keeps_its_name_until_it_gets_another() -> None:
    async with cameras() as (zm, fake):
        await zm.ptz.set_preset(2, 2)
        assert fake.world.monitors[2].presets == {2: "Gate", 4: "Pond"}
        await zm.ptz.set_preset(2, 1, 'the "old" O\'Neill\\b')
        for _ in range(3):
            await zm.ptz.set_preset(2, 1)
            assert Preset(1, 'the "old" O\'Neill\\b') in await zm.ptz.presets(2)
        await zm.ptz.set_preset(2, 1, "")
        await zm.ptz.set_preset(2, 4, "Shed")
        await zm.ptz.set_preset(2, 2, "")
        assert fake.world.monitors[2].presets == {4: "Shed"}


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda zm: zm.ptz.move(3, "left"), "monitor 3 is not controllable"),
        (lambda zm: zm.ptz.move(1, "sideways"), "'sideways' is none of what"),
        (lambda zm: zm.ptz.move(1, "up_left"), "can't be turned up and left"),
        (lambda zm: zm.ptz.move(1, "up", mode="absolute"), "in the mode absolute"),
        (lambda zm: zm.ptz.preset(2, "Roof"), "no preset has the name 'Roof'"),
        (lambda zm: zm.ptz.set_preset(1, 1), "can't be told to remember"),
    ],
)
async def test_what_can_not_be_is_refused_and_nothing_is_sent(ask: Callable[[ZoneMinder], Awaitable[None]], said: str) -> None:
    async with cameras() as (zm, fake):
        with pytest.raises(CommandRejected, match=said) as refused:
            await ask(zm)
        assert refused.value.hint
        assert not any(monitor.orders for monitor in fake.world.monitors.values())


async def test_a_name_that_two_presets_have_means_none_of_them() -> None:
    async with cameras() as (zm, fake):
        fake.world.monitors[2].presets = {1: "Gate", 2: "Gate"}
        with pytest.raises(CommandRejected, match="more than one"):
            await zm.ptz.preset(2, "Gate")


async def test_a_monitor_that_there_is_not_is_not_there() -> None:
    async with cameras() as (zm, _):
        with pytest.raises(NotThere):
            await zm.ptz.home(9)


async def test_a_control_type_is_read_once_and_again_where_that_is_wanted() -> None:
    async with cameras() as (zm, fake):
        for _ in range(3):
            await zm.ptz.capabilities(1)
        assert fake.asked("controls/") == 1
        fake.controls[40] = control.AMCREST | {"HasHomePreset": 1}
        assert not (await zm.ptz.capabilities(1)).has_home
        assert (await zm.ptz.capabilities(1, force_reload=True)).has_home


async def test_names_that_can_not_be_read_are_done_without() -> None:
    async with cameras() as (zm, fake):
        fake.fail("control/page", "500")
        assert (await zm.ptz.presets(1)) == tuple(Preset(number) for number in range(1, 6))


async def test_the_permission_that_is_missing_is_named() -> None:
    users = {USER: User(PASSWORD, VIEWER)}
    async with FakeZoneMinder(a_world(), users=users) as fake, ZoneMinder(fake.url, USER, PASSWORD) as zm:
        with pytest.raises(PermissionMissing) as refused:
            await zm.ptz.home(2)
    assert "Control" in (refused.value.hint or "")


async def test_a_monitor_on_another_server_is_told_by_that_server() -> None:
    world = a_world()
    world.monitors[2].server_id = 2
    here, there = FakeZoneMinder(world, server_id=1), FakeZoneMinder(world, server_id=2)
    async with there, here:
        there.tokens = here.tokens
        here.servers = [
            {"Id": 1, "Name": "one", "Protocol": "http", "Hostname": "127.0.0.1", "Port": here.port, "PathToApi": "/zm/api"},
            {"Id": 2, "Name": "two", "Protocol": "http", "Hostname": "127.0.0.1", "Port": there.port, "PathToApi": "/zm/api"},
        ]
        async with ZoneMinder(here.url, USER, PASSWORD) as zm:
            await zm.ptz.home(2)
            assert Preset(2, "Gate") in await zm.ptz.presets(2)
    assert world.monitors[2].orders == [{"control": "presetHome"}]


async def test_scripts_have_it_without_an_event_loop() -> None:
    async with FakeZoneMinder(a_world()) as fake:

        def script() -> tuple[Preset, ...]:
            with SyncZoneMinder(fake.url, USER, PASSWORD) as zm:
                zm.ptz.preset(2, "Gate")
                return zm.ptz.presets(2)

        assert Preset(4, "Pond") in await asyncio.to_thread(script)
    assert fake.world.monitors[2].orders == [{"control": "presetGoto", "preset": "2"}]
