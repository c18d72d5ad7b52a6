"""Lists with a row that spoils them, and lists that lack what was in them just now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config, memory_config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4

from vms_bridge.backends.zoneminder.absence import is_suspicious
from vms_bridge.backends.zoneminder.lists import MONITORS, listed
from vms_bridge.commands import VmsTarget
from vms_bridge.errors import VmsProtocolError
from vms_bridge.model import AlarmState, Capability, Resume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve

pytestmark = pytest.mark.virtual_time

KINDS = ("500", "500-json", "empty", "html", "truncate", "close")


@pytest.fixture
def clock() -> FastClock:
    return FastClock(60)


@pytest.fixture
def world(clock: FastClock) -> World:
    return World(now=clock.now, monitors=5)


def names(feed: MemoryFeed) -> list[str]:
    return sorted(feed.monitors)


def once(path: str, body: bytes) -> tuple[Callable[[str, bytes], bytes], list[int]]:
    """Return what answers this instead of the next whole list of that path, and how often it still does."""
    left = [1]
    return lambda asked, right: body if asked == path and left and left.pop() else right, left


# Much that is missing.


@pytest.mark.parametrize(
    "body", [b'{"monitors": []}', b'{"monitors": {}}', b'{"monitors": null}', b"{}", b"[]", b'{"monitors": [[]]}']
)
@pytest.mark.parametrize("when", ["running", "beginning", "restart"])
async def test_one_list_without_monitors_clears_nobodys_devices(
    body: bytes, when: str, world: World, serve: Serve, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeZoneMinder(world) as fake:
        async with serve(fake) as (backend, feed):
            assert names(feed) == ["1", "2", "3", "4", "5"]
            if when == "running":
                fake.rewrite, left = once("monitors", body)
                await feed.until(lambda: not left)
                for _ in range(3):
                    await backend.refresh(VmsTarget())
                began = clock.monotonic()
                await feed.until(lambda: clock.monotonic() > began + 40)
                assert {tuple(sorted(m.id for m in snapshot.monitors)) for snapshot in feed.snapshots} == {
                    ("1", "2", "3", "4", "5")
                }
                assert feed.lost == []
            texts = feed.texts
        if when != "running":
            fake.rewrite, left = once("monitors", body)
            async with serve(fake, MemoryFeed(texts=texts)) as (_, feed):
                assert names(feed) == ["1", "2", "3", "4", "5"]
                assert not left
    assert "gone" not in caplog.text


@pytest.mark.parametrize("remaining", [0, 1, 2])
async def test_a_real_loss_of_many_is_believed_at_the_second_look_and_named(
    remaining: int, world: World, serve: Serve, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        for number in range(remaining + 1, 6):
            world.remove_monitor(number)
        asked, began = fake.asked("monitors"), clock.monotonic()
        await feed.until(lambda: len(feed.monitors) == remaining)
        assert fake.asked("monitors") >= asked + 2
        assert clock.monotonic() - began < 30
        gone = ", ".join(f"Camera {number} ({number})" for number in range(remaining + 1, 6))
        assert f"api/monitors has lost {5 - remaining} of 5, in two reads; gone are {gone}" in caplog.text


async def test_one_of_a_few_that_goes_is_believed_at_once(world: World, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        world.remove_monitor(2)
        world.remove_monitor(3)
        await backend.refresh(VmsTarget())
        assert names(feed) == ["1", "4", "5"]
        assert "looks" not in caplog.text


async def test_what_zoneminder_calls_deleted_itself_is_believed_at_once(serve: Serve, clock: FastClock) -> None:
    world = World(V1_38_4, now=clock.now, monitors=5)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        for number in range(1, 6):
            world.remove_monitor(number)
        await backend.refresh(VmsTarget())
        assert names(feed) == []


@pytest.mark.parametrize("path", ["states", "storage", "zones", "servers"])
@pytest.mark.parametrize("value", ["[]", "null", "{}"])
async def test_one_other_list_without_rows_changes_no_description(path: str, value: str, world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        before = (feed.monitors, feed.snapshots[0].system.run_states, feed.snapshots[0].system.storage[0].name)
        fake.rewrite, left = once(path, f'{{"{path}": {value}}}'.encode())
        world.add_monitor(9)  # has zones and servers read again
        await backend.refresh(VmsTarget())
        assert not left
        assert feed.system
        monitors = {number: monitor for number, monitor in feed.monitors.items() if number != "9"}
        assert (monitors, feed.system.run_states, feed.system.storage[0].name) == before
        assert feed.system.capabilities >= {Capability.RUN_STATE, Capability.STORAGE}


async def test_run_states_that_are_gone_go_at_the_second_look(
    world: World, serve: Serve, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        world.states = {}
        await backend.refresh(VmsTarget())
        assert feed.system
        assert feed.system.run_states
        began = clock.monotonic()
        await feed.until(lambda: feed.system and not feed.system.run_states)
        assert clock.monotonic() - began < 10
        assert "gone are default (1), Quiet (2), a/b & c (3)" in caplog.text


async def test_what_works_again_has_been_read(world: World, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        fake.rewrite = lambda path, body: (
            b'{"states": null}' if path == "states" else b'{"load": null}' if "Load" in path else body
        )
        for _ in range(3):
            await backend.refresh(VmsTarget())
        assert "api/states: can't be read" in caplog.text
        assert "api/host/getLoad: can't be read" in caplog.text
        assert "works again" not in caplog.text
        fake.rewrite = None
        await backend.refresh(VmsTarget())
        assert caplog.text.count("works again") == 2


@given(st.sets(st.integers(1, 12)), st.sets(st.integers(1, 12)))
def test_only_large_losses_are_suspicious(known: set[int], found: set[int]) -> None:
    before, after = {str(n) for n in known}, {str(n) for n in found}
    lost = len(before - after)
    expected = bool(before) and lost > 0 and (lost == len(before) or (len(before) >= 4 and lost * 2 > len(before)))
    assert is_suspicious(before, after) is expected


@pytest.mark.parametrize("answer", [None, [], {}, {"monitors": None}, {"monitors": 5}, {"monitors": "x"}, {"monitor": []}])
def test_what_is_no_list_is_an_error(answer: object) -> None:
    with pytest.raises(VmsProtocolError, match="without a list of monitors"):
        listed(MONITORS, answer)


# A row that spoils them.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_one_monitor_that_can_not_be_rendered_costs_no_other(
    kind: str, personality: object, world: World, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    world.personality = personality  # type: ignore[assignment]  # parametrised
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        fake.unreadable, fake.unreadable_as = {"monitors": {3}}, kind
        world.monitors[2].name = "Renamed"
        await feed.until(lambda: feed.monitors["2"].name == "Renamed")
        await feed.until(lambda: not feed.states["3"].available)
        assert feed.states["3"].detail == "ZoneMinder has no readable data of this monitor; see the log"
        assert (names(feed), feed.lost) == (["1", "2", "3", "4", "5"], [])
        assert feed.states["1"].available
        assert caplog.text.count("monitor 3 can't be read, the others can") == 1
        world.alarm(4)
        await feed.until(lambda: feed.states["4"].alarm is AlarmState.ALARM)
        fake.unreadable = {}
        await feed.until(lambda: feed.states["3"].available)


@pytest.mark.parametrize("is_known", [False, True])
async def test_a_connection_begins_although_one_monitor_can_not_be_rendered(
    *, is_known: bool, world: World, serve: Serve
) -> None:
    async with FakeZoneMinder(world) as fake:
        texts: dict[str, str] = {}
        if is_known:
            async with serve(fake) as (_, feed):
                texts = feed.texts
        fake.unreadable = {"monitors": {3}}
        async with serve(fake, MemoryFeed(texts=texts)) as (_, feed):
            assert names(feed) == ["1", "2", "4", "5"]
            assert feed.monitors["4"].zones


async def test_shared_memory_tells_of_the_monitor_whose_row_can_not_be_read(tmp_path: Path, serve: Serve) -> None:
    clock = FastClock(4)
    world = World(now=clock.now, shm_dir=tmp_path)
    world.beat()
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake, monitors_interval=2)) as (_, feed):
        fake.unreadable = {"monitors": {2}}
        await feed.until(lambda: feed.states["2"].armed is None)
        world.beat()
        world.alarm(2)
        await feed.until(lambda: feed.states["2"].alarm is AlarmState.ALARM)
        assert feed.states["2"].source == "shared_memory"


async def test_monitors_that_are_read_one_by_one_cost_no_more_than_the_pace(world: World, serve: Serve, clock: FastClock) -> None:
    for number in range(6, 60):
        world.add_monitor(number)
    async with (
        FakeZoneMinder(world) as fake,
        serve(fake, settings=config(fake.url, poll_interval=2, monitors_interval=15)) as (_, feed),
    ):
        fake.unreadable = {"monitors": {3}}
        await feed.until(lambda: not feed.states["3"].available)
        asked, began = fake.asked("monitors"), clock.monotonic()
        await feed.until(lambda: clock.monotonic() - began > 60)
        assert (fake.asked("monitors") - asked) / (clock.monotonic() - began) < 0.8
        assert len(feed.monitors) == 59


async def test_one_failed_list_of_monitors_loses_no_system(world: World, serve: Serve, clock: FastClock) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        for kind in ("500", "502", "empty", "html"):
            fake.fail("monitors", kind, times=1)
            began = clock.monotonic()
            await feed.until(lambda: clock.monotonic() - began > 20)  # noqa: B023 - awaited within the turn
        assert (names(feed), feed.lost, len(feed.snapshots)) == (["1", "2", "3", "4", "5"], [], 1)


async def test_one_zone_that_can_not_be_rendered_costs_those_of_its_monitor_only(world: World, serve: Serve) -> None:
    world.monitors[2].zones = ["Left", "Right"]
    async with FakeZoneMinder(world) as fake:
        fake.unreadable = {"zones": {201}}
        async with serve(fake) as (_, feed):
            assert [zone.name for zone in feed.monitors["1"].zones] == ["All"]
            assert [zone.name for zone in feed.monitors["5"].zones] == ["All"]
            assert not feed.monitors["2"].zones
            fake.unreadable = {}
            world.add_monitor(9)
            await feed.until(lambda: "9" in feed.monitors)
            assert [zone.name for zone in feed.monitors["2"].zones] == ["Left", "Right"]


async def test_one_storage_area_that_can_not_be_rendered_keeps_its_place(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake:
        fake.more_storage = [{"Id": 2, "Name": "NAS", "DiskSpace": 7, "Path": "/nas"}]
        async with serve(fake) as (backend, feed):
            fake.unreadable = {"storage": {2}}
            await backend.refresh(VmsTarget())
            assert feed.system
            assert [(area.name, area.used_bytes) for area in feed.system.storage] == [("Default", 12345), ("NAS", None)]


@pytest.mark.parametrize("row", [{"Name": "Camera 2"}, {"Id": None}, {"Id": ""}, {"Id": 0}])
def test_a_list_with_a_row_that_has_no_id_is_no_list(row: dict[str, object]) -> None:
    with pytest.raises(VmsProtocolError, match="rows that have no id"):
        listed(MONITORS, {"monitors": [{"Monitor": {"Id": 1}}, {"Monitor": row}]})
    assert listed(MONITORS, {"monitors": {"1": {"Monitor": {"Id": "1"}}}}) == [{"Monitor": {"Id": "1"}}]


async def test_a_monitor_that_can_not_be_rendered_is_no_loss_while_the_pace_is_spent(world: World, serve: Serve) -> None:
    """What was missed is read at that pace too, and may take it all for minutes."""
    for _ in range(3000):
        world.close_event(world.open_event(1).id)
    async with FakeZoneMinder(world) as fake, serve(fake, MemoryFeed(Resume(cursor="1@"))) as (_, feed):
        await feed.until(lambda: len(feed.events) > 500)
        fake.unreadable = {"monitors": {3}}
        asked = fake.asked("monitors")
        await feed.until(lambda: fake.asked("monitors") > asked + 8)
        assert (names(feed), feed.lost, len(feed.snapshots)) == (["1", "2", "3", "4", "5"], [], 1)
