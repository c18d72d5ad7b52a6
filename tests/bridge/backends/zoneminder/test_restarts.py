"""Restarts of capture daemons: seen by their memory, their process or their return, and never believed because asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.commanded import house, living
from tests.bridge.backends.zoneminder.support import FastClock, config, memory_config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4

from vms_bridge.backends.zoneminder.restarts import parse_process
from vms_bridge.commands import AckResult, Restart, SetAlarm, SetMode, VmsTarget

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

    from vms_bridge.commands import Action

pytestmark = pytest.mark.virtual_time
BOTH = pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda p: p.version)


@pytest.fixture
def clock() -> FastClock:
    return FastClock(10)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("'zmc -m 1' running since 26/11/28 01:47:45, pid = 29680", "process 29680 since 26/11/28 01:47:45"),
        ("'zmc -m 1' running since 23/06/15 10:11:12, pid = 1234, valid", "process 1234 since 23/06/15 10:11:12"),
        ("'zmc -m 1' pending at 26/11/28 01:47:45", None),
        ("'zmc -m 1' not running", None),
        ("Monitor capturing is set to None", None),
        ("", None),
        (None, None),
        (["pid = 1"], None),
    ],
)
def test_a_process_is_named_by_its_number_and_its_start(text: object, name: str | None) -> None:
    assert parse_process({"status": True, "statustext": text}) == name


@settings(deadline=None)
@given(st.text() | st.integers() | st.lists(st.text(), max_size=3) | st.none())
def test_any_other_text_names_none(text: object) -> None:
    assert parse_process({"status": True, "statustext": text}) is None
    assert parse_process(text) is None


@BOTH
async def test_by_the_api_it_is_applied_when_another_process_captures(
    personality: Personality, tmp_path: Path, clock: FastClock
) -> None:
    async with FakeZoneMinder(World(personality)) as fake, house(tmp_path, clock, config(fake.url)) as one:
        assert (await one.command(Restart())).result is AckResult.APPLIED
        assert fake.restarts == [1]
        assert (one.state.connected, one.state.capture) == (True, "process 1001 since 26/11/28 01:47:45")
        lost = [state for state in one.seen if state.connected is False]
        assert {state.detail for state in lost} == {"its daemon starts anew"}
        assert (await one.command(Restart())).result is AckResult.APPLIED
        assert one.state.capture == "process 1002 since 26/11/28 01:47:45"


@BOTH
async def test_by_shared_memory_it_is_applied_when_another_daemon_writes_it(
    personality: Personality, tmp_path: Path, clock: FastClock
) -> None:
    async with (
        living(World(personality, shm_dir=tmp_path, now=clock.now), 1) as world,
        FakeZoneMinder(world) as fake,
        house(tmp_path, clock, memory_config(fake)) as one,
    ):
        await one.until(lambda state: state.source == "shared_memory")
        before = one.state.capture
        assert before
        assert (await one.command(Restart())).result is AckResult.APPLIED
        assert one.state.capture not in {None, before}
        assert fake.asked("monitors/daemonStatus") == 0


@pytest.mark.parametrize("has_memory", [True, False])
async def test_one_that_does_not_happen_is_not_applied_and_its_announcement_ends(
    tmp_path: Path, clock: FastClock, *, has_memory: bool
) -> None:
    async with living(World(shm_dir=tmp_path, now=clock.now), 1) as world, FakeZoneMinder(world) as fake:
        fake.obeys_restarts = False
        settings = memory_config(fake) if has_memory else config(fake.url)
        async with house(tmp_path, clock, settings, limit_s=8.0) as one:
            if has_memory:
                await one.until(lambda state: state.source == "shared_memory")
            assert (await one.command(Restart())).result is AckResult.TIMEOUT
            assert fake.restarts == [1]
            await one.until(lambda state: state.connected)


async def test_where_no_process_is_told_its_going_and_its_return_have_to_be_seen(tmp_path: Path, clock: FastClock) -> None:
    async with FakeZoneMinder(World()) as fake, house(tmp_path, clock, config(fake.url), limit_s=20.0) as one:
        fake.fail("monitors/daemonStatus", "404")
        fake.obeys_restarts = False
        asked = asyncio.create_task(one.command(Restart()))
        await one.until(lambda state: state.connected is False)
        await asyncio.sleep(0.5)
        assert not asked.done()  # nothing has happened yet
        fake.world.monitors[1].status = "NotRunning"
        await asyncio.sleep(0.3)
        fake.world.monitors[1].status = "Connected"
        assert (await asked).result is AckResult.APPLIED


async def test_a_refusal_takes_the_announcement_back(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        fake.fail("monitors/daemonControl", "500-json")
        with pytest.raises(Exception, match="Countable"):
            await backend.execute(VmsTarget(monitor_id="1"), Restart())
        assert feed.states["1"].connected
        assert feed.states["1"].detail is None


@pytest.mark.timeout(60)
@pytest.mark.parametrize("clock", [FastClock(1)], ids=["real time"])
@pytest.mark.parametrize("action", [SetMode(mode="function", value="Nodect"), SetAlarm(on=True)], ids=repr)
async def test_a_scene_of_200_cameras_by_the_api_alone_ends_in_time_and_within_the_budget(
    tmp_path: Path, clock: FastClock, action: Action
) -> None:
    count = 200
    async with FakeZoneMinder(World(monitors=count)) as fake, house(tmp_path, clock, config(fake.url, timeout=30)) as one:
        began, before = clock.monotonic(), fake.count
        scene = [asyncio.create_task(one.command(action, str(number))) for number in range(1, count + 1)]
        assert {(await task).result for task in scene} == {AckResult.APPLIED}
        took_s, asked = clock.monotonic() - began, fake.count - before
        assert took_s < 120
        # Itself, and its first looks: at status and row, and for a mode at the row once more.
        # Beside them the budget, and what is asked for anyway: lists, and events, of which one look in 0.2 s serves all.
        assert asked <= 4 * count + 6 * took_s + 30
