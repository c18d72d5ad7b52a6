"""Run states: what they set, and changes that take minutes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.zoneminder.support import library
from tests.fakes.zoneminder import World
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4, Personality
from tests.fakes.zoneminder.server import ADMIN, User

from vms_bridge.errors import TimedOut
from vms_bridge.zoneminder import GatewayFailed, NotDone, NotThere, PermissionMissing
from vms_bridge.zoneminder.parse import parse_definition

MINUTES = 1_000
"""Turns of the event loop: much longer than a look at whether it is done."""


@pytest.mark.parametrize(
    ("personality", "modes"),
    [
        (V1_34, {"function": "Modect", "enabled": "1"}),
        (V1_36_33, {"function": "Modect", "enabled": "1"}),
        (V1_38_4, {"capturing": "Always", "analysing": "Always", "recording": "OnMotion"}),
    ],
)
async def test_what_a_state_sets(personality: Personality, modes: dict[str, str]) -> None:
    async with library(World(personality, monitors=2)) as (zm, _):
        default, quiet, odd = await zm.states.list()
        assert default.modes == {"1": modes, "2": modes}
        assert (default.id, default.is_active, quiet.is_active) == ("1", True, False)
        assert await zm.states.find(name="a/b & c") == odd
        assert await zm.states.find(id=2) == quiet
        assert await zm.states.find(name="none") is None
        assert await zm.states.active() == default
        assert default.raw["Name"] == "default"


@given(st.text(max_size=60))
def test_any_definition_is_read(text: str) -> None:
    for monitor_id, modes in parse_definition(text).items():
        assert monitor_id.isdecimal()
        assert all(modes.values())


async def test_a_change_is_seen_and_the_active_state_is_left_alone() -> None:
    async with library(V1_38_4) as (zm, fake):
        assert not await zm.states.change("default")
        assert not fake.state_changes
        assert await zm.states.change("a/b & c")
        assert (active := await zm.states.active()) is not None
        assert active.name == "a/b & c"
        assert await zm.states.change("a/b & c", force=True)
        assert fake.state_changes == ["a/b & c", "a/b & c"]
        with pytest.raises(NotThere, match="no run state 'none'"):
            await zm.states.change("none")


async def test_a_change_of_minutes_is_waited_for_though_a_proxy_gives_up() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.gateway_gives_up, fake.state_steps = True, MINUTES
        assert await zm.states.change("Quiet")
        assert fake.world.states["Quiet"]
        fake.state_steps = 10**9
        with pytest.raises(GatewayFailed):
            await zm.states.change("default", timeout_s=60.0)
        for task in fake._packages:
            task.cancel()


async def test_a_change_whose_answer_never_comes_is_looked_for() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.fail("states/change", "hang")
        with pytest.raises(TimedOut):
            await zm.states.change("Quiet", timeout_s=0.2)


async def test_zoneminder_is_started_and_stopped() -> None:
    async with library(V1_36_33) as (zm, fake):
        assert not await zm.states.start()
        assert await zm.states.stop()
        assert not await zm.is_running()
        assert not await zm.states.stop()
        assert await zm.states.start()
        await zm.states.restart()
        assert fake.state_changes == ["stop", "start", "restart"]
        assert await zm.is_running()


async def test_who_may_not_is_told_so() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.users["admin"] = User(fake.users["admin"].password, ADMIN - {"system:edit"})
        with pytest.raises(PermissionMissing):
            await zm.states.change("Quiet")
        assert (await zm.states.active()) is not None


async def test_what_shows_no_effect_is_not_done() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.fail("states/change", "list")
        with pytest.raises(NotDone, match="the run state Quiet shows no effect"):
            await zm.states.change("Quiet")
