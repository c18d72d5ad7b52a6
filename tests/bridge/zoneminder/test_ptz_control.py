"""The way to ZoneMinder's camera control, whatever comes back from it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.backends.zoneminder.support import PASSWORD, config
from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder import FakeZoneMinder, User, World
from tests.fakes.zoneminder.server import VIEWER

from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.errors import TimedOut, VmsError, VmsProtocolError
from vms_bridge.zoneminder import EmptyAnswer, GatewayFailed, LoginWanted, NotThere, PermissionMissing, ServerFailed
from vms_bridge.zoneminder.ptz_control import ControlDoor, is_refusal
from vms_bridge.zoneminder.ptz_orders import Order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LEFT = Order(control="moveConLeft", details={"xge": "50"})


@asynccontextmanager
async def a_door(fake: FakeZoneMinder, **settings: Any) -> AsyncIterator[ControlDoor]:  # noqa: ANN401 (settings)
    async with fake, Api(config(fake.url, **settings), FakeClock()) as api:
        yield ControlDoor(api, fake.url)


async def test_a_word_gets_to_the_camera_as_it_is() -> None:
    fake = FakeZoneMinder(World())
    async with a_door(fake) as door:
        await door.send("2", LEFT)
    assert fake.world.monitors[2].orders == [{"control": "moveConLeft", "xge": "50"}]


async def test_what_a_control_type_can_do_is_asked_for_by_its_id() -> None:
    fake = FakeZoneMinder(World())
    async with a_door(fake) as door:
        assert (await door.capabilities("40")).name == "Amcrest HTTP API"
        with pytest.raises(NotThere):
            await door.capabilities("41")


async def test_the_names_of_presets_are_read_from_the_control_page() -> None:
    fake = FakeZoneMinder(World())
    fake.world.monitors[1].columns = {"Controllable": 1, "ControlId": 40}
    fake.world.monitors[1].presets = {1: "Gate", 5: "<b>"}
    async with a_door(fake) as door:
        assert await door.preset_names("1") == {1: "Gate", 5: "<b>"}


async def test_a_name_is_kept_by_zoneminder_and_found_again() -> None:
    fake = FakeZoneMinder(World())
    fake.world.monitors[1].columns = {"Controllable": 1, "ControlId": 4}
    async with a_door(fake) as door:
        await door.send("1", Order(control="presetSet", details={"preset": "3", "newLabel": "a & b / ü"}))
        assert await door.preset_names("1") == {3: "a & b / ü"}


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("empty", EmptyAnswer, "said nothing"),
        ("csrf", VmsProtocolError, "CSRF"),
        ("login", LoginWanted, "wants a login"),
        ("html", VmsProtocolError, "no JSON"),
        ("404", NotThere, "index.php is not there"),
        ("500", ServerFailed, "HTTP 500"),
        ("504", GatewayFailed, "HTTP 504"),
        ("403", PermissionMissing, "HTTP 403"),
    ],
)
async def test_an_answer_that_is_none_says_what_to_do(kind: str, error: type[VmsError], said: str) -> None:
    fake = FakeZoneMinder(World())
    async with a_door(fake) as door:
        fake.fail("control/moveConLeft", kind)
        with pytest.raises(error, match=said) as raised:
            await door.send("1", LEFT)
    assert raised.value.hint
    assert not fake.world.monitors[1].orders


async def test_what_php_writes_before_the_answer_does_not_hide_it() -> None:
    fake = FakeZoneMinder(World())
    async with a_door(fake) as door:
        fake.fail("control/moveConLeft", "php")
        await door.send("1", LEFT)


async def test_no_answer_ends_in_time() -> None:
    fake = FakeZoneMinder(World())
    async with a_door(fake) as door:
        fake.fail("control/moveConLeft", "hang")
        with pytest.raises(TimedOut) as raised:
            await door.send("1", LEFT, timeout_s=0.05)
    assert not is_refusal(raised.value)


async def test_a_user_without_the_permission_is_told_which_one() -> None:
    fake = FakeZoneMinder(World(), users={"admin": User(PASSWORD, VIEWER)})
    async with a_door(fake) as door:
        with pytest.raises(PermissionMissing, match="insufficient permissions") as raised:
            await door.send("1", LEFT)
        assert "Control" in (raised.value.hint or "")
        assert is_refusal(raised.value)
        assert await door.preset_names("1") == {}


async def test_a_token_that_is_good_no_more_is_renewed() -> None:
    fake, clock = FakeZoneMinder(World()), FakeClock()
    async with fake, Api(config(fake.url), clock) as api:
        door = ControlDoor(api, fake.url)
        await door.send("1", LEFT)
        fake.revoke_tokens()
        await clock.advance(60)
        await door.send("1", LEFT)
    assert len(fake.world.monitors[1].orders) == 2


async def test_a_page_that_leads_to_the_login_has_no_names() -> None:
    fake = FakeZoneMinder(World())
    async with a_door(fake) as door:
        assert await door.preset_names("1") == {}
        fake.revoke_tokens()
        assert await door.preset_names("1") == {}


async def test_a_monitor_on_another_server_is_told_there() -> None:
    world = World()
    world.monitors[2].server_id = 2
    here, there = FakeZoneMinder(world), FakeZoneMinder(world, server_id=2)
    async with there, a_door(here) as door:
        with pytest.raises(VmsProtocolError, match="Failed"):
            await door.send("2", LEFT)
        there.tokens = here.tokens
        await door.send("2", LEFT, at=f"{there.url}/api")
    assert world.monitors[2].orders == [{"control": "moveConLeft", "xge": "50"}]


async def test_a_monitor_that_is_not_there_gives_no_answer() -> None:
    async with a_door(FakeZoneMinder(World())) as door:
        with pytest.raises(EmptyAnswer):
            await door.send("9", LEFT)
