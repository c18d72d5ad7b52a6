"""Cameras that ZoneMinder controls: what they can be told is learnt, and what they are told gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.commanded import house
from tests.bridge.backends.zoneminder.support import PASSWORD, FastClock, config
from tests.fakes.zoneminder import FakeZoneMinder, User, World, control
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4
from tests.fakes.zoneminder.server import VIEWER

from vms_bridge.backends.zoneminder.camera import Camera, orders_of, ptz_of
from vms_bridge.commands import AckResult, GoToPreset, MoveCamera, SetPreset
from vms_bridge.model import Capability
from vms_bridge.ptz import Preset, PtzMove
from vms_bridge.zoneminder.ptz_values import parse_control

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.backends.zoneminder.commanded import House
    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

    from vms_bridge.ptz import Ptz

pytestmark = pytest.mark.virtual_time
LEFT = MoveCamera(move=PtzMove.LEFT, seconds=0.5)


@pytest.fixture
def clock() -> FastClock:
    return FastClock(10)


def a_world(clock: FastClock, personality: Personality = V1_36_33, row: dict[str, object] | None = None) -> World:
    world = World(personality, now=clock.now)
    world.monitors[1].columns = {"Controllable": True, "ControlId": (row or control.AMCREST)["Id"]}
    world.monitors[1].presets = {1: "Gate"}
    return world


def ptz(one: House) -> Ptz | None:
    view = one.hub.monitor("zm", "1")
    assert view is not None
    return view.monitor.ptz


def told(fake: FakeZoneMinder) -> list[str]:
    return [order["control"] for order in fake.world.monitors[1].orders]


@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda each: each.version)
async def test_what_a_camera_can_be_told_is_learnt(personality: Personality, tmp_path: Path, clock: FastClock) -> None:
    async with FakeZoneMinder(a_world(clock, personality)) as fake, house(tmp_path, clock, config(fake.url)) as one:
        able = ptz(one)
        assert able is not None
        directions = (PtzMove.UP, PtzMove.DOWN, PtzMove.LEFT, PtzMove.RIGHT)
        assert able.moves == (*directions, PtzMove.ZOOM_IN, PtzMove.ZOOM_OUT, PtzMove.STOP)
        assert able.continuous == (*directions, PtzMove.ZOOM_IN, PtzMove.ZOOM_OUT)
        assert able.presets[:2] == (Preset(number=1, name="Gate"), Preset(number=2))
        assert not able.sets_presets
        others = [one.hub.monitor("zm", number) for number in "23"]
        assert all(view is not None and view.monitor.ptz is None for view in others)
        assert all(view is not None and Capability.PTZ not in view.monitor.capabilities for view in others)
        assert Capability.PTZ in one.hub.systems["zm"].state.capabilities


async def test_a_move_gets_there_and_is_stopped(tmp_path: Path, clock: FastClock) -> None:
    async with FakeZoneMinder(a_world(clock)) as fake, house(tmp_path, clock, config(fake.url)) as one:
        ack = await one.command(MoveCamera(move=PtzMove.LEFT, seconds=0.5, speed=0.2))
        assert ack.result is AckResult.ACCEPTED
        assert fake.world.monitors[1].orders == [{"control": "moveConLeft", "xge": "20"}]
        async with clock.timeout(30):
            while len(told(fake)) < 2:
                await clock.sleep(0.1)
        assert told(fake) == ["moveConLeft", "moveStop"]
        await one.command(MoveCamera(move=PtzMove.ZOOM_IN, seconds=0.5))
        async with clock.timeout(30):
            while len(told(fake)) < 5:
                await clock.sleep(0.1)
        assert told(fake)[2:] == ["zoomConTele", "zoomStop", "moveStop"]


async def test_a_preset_is_gone_to_by_its_name(tmp_path: Path, clock: FastClock) -> None:
    async with FakeZoneMinder(a_world(clock)) as fake, house(tmp_path, clock, config(fake.url)) as one:
        assert (await one.command(GoToPreset(preset="Gate"))).result is AckResult.ACCEPTED
        assert fake.world.monitors[1].orders == [{"control": "presetGoto", "preset": "1"}]


async def test_a_preset_that_is_set_is_shown_by_its_new_name(tmp_path: Path, clock: FastClock) -> None:
    async with FakeZoneMinder(a_world(clock, row=control.AXIS)) as fake, house(tmp_path, clock, config(fake.url)) as one:
        await one.command(SetPreset(number=1))
        assert fake.world.monitors[1].orders == [{"control": "presetSet", "preset": "1", "newLabel": "Gate"}]
        await one.command(SetPreset(number=3, name="Pond"))
        async with clock.timeout(30):
            while (able := ptz(one)) is None or "Pond" not in able.labels:
                await clock.sleep(0.1)
        assert able.number_of("Gate") == 1


@pytest.mark.parametrize("kind", ["empty", "504"])
async def test_a_move_without_an_answer_is_accepted_and_stopped_all_the_same(kind: str, tmp_path: Path, clock: FastClock) -> None:
    async with FakeZoneMinder(a_world(clock)) as fake, house(tmp_path, clock, config(fake.url)) as one:
        fake.fail("control/moveConLeft", kind)
        assert (await one.command(LEFT)).result is AckResult.ACCEPTED
        async with clock.timeout(30):
            while "moveStop" not in told(fake):
                await clock.sleep(0.1)


@pytest.mark.parametrize(("kind", "said"), [("csrf", "CSRF"), ("login", "login"), ("404", "not there"), ("403", "refuses")])
async def test_a_refusal_says_why_and_nothing_is_to_be_stopped(kind: str, said: str, tmp_path: Path, clock: FastClock) -> None:
    async with FakeZoneMinder(a_world(clock)) as fake, house(tmp_path, clock, config(fake.url)) as one:
        fake.fail("control/moveConLeft", kind)
        ack = await one.command(LEFT)
        assert ack.result is AckResult.REFUSED
        assert said in (ack.hint or "")
        await clock.sleep(5)
        assert not told(fake)


async def test_a_user_without_the_permission_is_told_which(tmp_path: Path, clock: FastClock) -> None:
    users = {"admin": User(PASSWORD, VIEWER)}
    async with FakeZoneMinder(a_world(clock), users=users) as fake, house(tmp_path, clock, config(fake.url)) as one:
        ack = await one.command(LEFT)
        assert ack.result is AckResult.REFUSED
        assert "permission Control" in (ack.hint or "")


async def test_a_monitor_on_another_server_is_told_there(tmp_path: Path, clock: FastClock) -> None:
    world = a_world(clock)
    world.monitors[1].server_id = 2
    here, there = FakeZoneMinder(world, server_id=1), FakeZoneMinder(world, server_id=2)
    async with here, there:
        here.servers = [
            {"Id": 1, "Name": "one", "Protocol": "http", "Hostname": "127.0.0.1", "Port": here.port, "PathToApi": "/zm/api"},
            {"Id": 2, "Name": "two", "Protocol": "http", "Hostname": "127.0.0.1", "Port": there.port, "PathToApi": "/zm/api"},
        ]
        there.tokens = here.tokens
        async with house(tmp_path, clock, config(here.url)) as one:
            able = ptz(one)
            assert able is not None
            assert "Gate" in able.labels
            assert (await one.command(LEFT)).result is AckResult.ACCEPTED
            assert told(here) == ["moveConLeft"]


async def test_a_control_type_that_can_not_be_read_makes_no_camera_and_loses_nothing(tmp_path: Path, clock: FastClock) -> None:
    async with FakeZoneMinder(a_world(clock)) as fake:
        fake.fail("controls", "500")
        async with house(tmp_path, clock, config(fake.url)) as one:
            assert ptz(one) is None
            fake.heal()
            async with clock.timeout(30):
                while ptz(one) is None:
                    await clock.sleep(0.1)


async def test_a_camera_that_is_controllable_no_more_is_none(tmp_path: Path, clock: FastClock) -> None:
    async with FakeZoneMinder(a_world(clock)) as fake, house(tmp_path, clock, config(fake.url)) as one:
        assert ptz(one) is not None
        fake.world.monitors[1].columns = {"Controllable": False, "ControlId": 40}
        async with clock.timeout(30):
            while ptz(one) is not None:
                await clock.sleep(0.1)
        assert (await one.command(LEFT)).result is AckResult.REFUSED


async def test_it_costs_few_requests(clock: FastClock, serve: Serve) -> None:
    async with FakeZoneMinder(a_world(clock)) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states)
        await clock.sleep(120)
        assert fake.asked("controls/") == 1


def test_every_move_has_its_order() -> None:
    able = parse_control(control.AXIS | {"CanWake": 1, "CanSleep": 1, "CanMoveCon": 1})
    assert able is not None
    camera = Camera(able=able, names={}, ptz=ptz_of(able, {}))
    assert set(camera.ptz.moves) == set(PtzMove)
    orders = {move: orders_of(camera, MoveCamera(move=move))[0].control for move in camera.ptz.moves}
    assert len(set(orders.values())) == len(orders)
    assert orders[PtzMove.UP_LEFT] == "moveConUpLeft"
    assert orders[PtzMove.FOCUS_AUTO] == "focusAuto"
    assert orders[PtzMove.SLEEP] == "sleep"
