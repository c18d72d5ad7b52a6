from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import FastClock, config
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.zoneminder import KIND
from vms_bridge.commands import SetAlarm, VmsTarget
from vms_bridge.errors import CommandRejected, VmsUnreachable
from vms_bridge.machines import Server
from vms_bridge.model import AlarmState, Capability
from vms_bridge.zoneminder.servers import parse_servers

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("row", "portal", "url"),
    [
        ({"Hostname": "two", "Protocol": "http", "Port": 80, "PathToApi": "/zm/api"}, "http://one/zm", "http://two:80/zm/api"),
        ({"Hostname": "two", "Port": "8080"}, "https://one/zm", "https://two:8080/zm/api"),
        ({"Hostname": "two", "Protocol": "http"}, "https://one/zm", None),
        ({"Hostname": "one", "Port": 80}, "http://one/zm", None),
        ({"Hostname": "localhost"}, "http://one/zm", None),
        ({"Hostname": "a.localdomain"}, "http://one/zm", None),
        ({"Hostname": "user@evil"}, "http://one/zm", None),
        ({"Hostname": "two", "Protocol": "ftp"}, "http://one/zm", None),
        ({"Hostname": "two", "Port": 70000}, "http://one/zm", None),
        ({"Hostname": "two", "PathToApi": "@evil/api"}, "http://one/zm", None),
    ],
)
def test_addresses(row: dict[str, Any], portal: str, url: str | None) -> None:
    assert parse_servers({"servers": [{"Server": {"Id": 2, **row}}]}, portal).get("2") == url


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(["Id", "Hostname", "Protocol", "Port", "PathToApi"]), st.text(max_size=9) | st.integers()))
def test_any_row(row: dict[str, Any]) -> None:
    for url in parse_servers({"servers": [{"Server": row}]}, "http://one/zm").values():
        assert url.startswith(("http://", "https://"))


def rows_of(one: FakeZoneMinder, two: FakeZoneMinder | None, **second: object) -> list[dict[str, Any]]:
    """Return the rows of an installation with two servers, the second of them with the id 7."""
    row = {"Protocol": "http", "PathToApi": "/zm/api", "Hostname": "127.0.0.1"}
    other = {**row, "Id": 7, "Name": "Second", "Port": two.port if two else 1, **second}
    return [{**row, "Id": 1, "Name": "First", "Port": one.port}, other]


async def test_alarms_go_to_the_server_that_runs_the_monitor(serve: Serve) -> None:
    world = World()
    world.set_function(2, "Mocord")
    world.monitors[2].server_id = 7
    async with FakeZoneMinder(world) as one, FakeZoneMinder(world, server_id=7) as two:
        two.tokens = one.tokens
        one.servers = rows_of(one, two)
        async with serve(one) as (backend, feed):
            await feed.until(lambda: feed.states["2"].source == "status")
            await backend.execute(VmsTarget(monitor_id="2"), SetAlarm(on=True))
            assert two.asked("monitors/alarm/id:2/command:on") == 1
            await feed.until(lambda: feed.states["2"].alarm is AlarmState.ALARM)
            two.fail("", "close")
            with pytest.raises(VmsUnreachable):
                await backend.execute(VmsTarget(monitor_id="2"), SetAlarm(on=False))
            await feed.until(lambda: feed.states["2"].alarm is None)
            assert feed.states["1"].alarm is AlarmState.IDLE


async def test_servers_say_how_they_are(serve: Serve) -> None:
    """By the columns of `Servers`, as a database of 1.36 spells them; a placeholder that no monitor names is none of them."""
    world = World()
    world.monitors[2].server_id = 7
    async with FakeZoneMinder(world) as one:
        said = {"Status": "Running", "CpuLoad": "1.5", "TotalMem": 8_000, "FreeMem": "2000", "TotalSwap": None}
        first, second = rows_of(one, None, Status="NotRunning", CpuUsagePercent=12.5)
        one.servers = [{**first, **said}, second, {"Id": 9, "Name": "new", "Hostname": "localhost", "Status": "Unknown"}]
        async with serve(one) as (backend, feed):
            system = feed.snapshots[0].system
            assert Capability.SERVERS in system.capabilities
            assert system.servers == (
                Server(id="1", name="First", running=True, load=1.5, memory_total=8_000, memory_free=2_000),
                Server(id="7", name="Second", running=False, cpu_percent=12.5),
            )
            assert "server Second is not running" in (system.detail or "")
            one.servers[1]["Status"] = "Running"
            await backend.refresh(VmsTarget())
            await feed.until(lambda: feed.system is not None and feed.system.detail is None)


async def test_one_machine_is_no_list_of_servers(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (_, feed):
        system = feed.snapshots[0].system
        assert (system.servers, Capability.SERVERS in system.capabilities) == ((), False)


async def test_the_only_server_is_the_portal_whatever_its_row_says(serve: Serve) -> None:
    """Its name may mean something in its own network only."""
    world = World()
    for number in world.monitors:
        world.set_function(number, "Mocord")
        world.monitors[number].server_id = 1
    async with FakeZoneMinder(world, server_id=1) as fake:
        placeholder = {"Id": 2, "Name": "new", "Hostname": "localhost", "Port": 80}
        for rows in (
            [{"Id": 1, "Hostname": "zm.invalid", "Port": 80}],
            [{"Id": 1, "Hostname": "127.0.0.1", "Port": 1}, placeholder],
        ):
            fake.servers = rows
            async with serve(fake) as (backend, feed):
                await feed.until(lambda: feed.states["2"].alarm is AlarmState.IDLE)
                await backend.execute(VmsTarget(monitor_id="2"), SetAlarm(on=True))
                await feed.until(lambda: feed.states["2"].alarm is AlarmState.ALARM)
                await backend.execute(VmsTarget(monitor_id="2"), SetAlarm(on=False))
            found = await KIND.create("zm", config(fake.url), FastClock()).check()
            assert not [finding for finding in found if finding.problem]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({}, "its server Second can't be reached"),
        ({"Hostname": "user@evil"}, "no proper"),
        ({"Hostname": "two", "Port": 70000}, "no proper"),
        ({"Id": 8}, "no server 7"),
        ({"Hostname": "localhost"}, None),
    ],
)
async def test_of_several_servers_only_the_monitors_own_is_asked(second: dict[str, Any], said: str | None, serve: Serve) -> None:
    world = World()
    for number in world.monitors:
        world.set_function(number, "Mocord")
    world.monitors[2].server_id = 7
    world.monitors[1].server_id = 1
    async with FakeZoneMinder(world, server_id=1) as one:
        one.servers = rows_of(one, None, **second)
        async with serve(one) as (backend, feed):
            await feed.until(lambda: feed.states["1"].alarm is AlarmState.IDLE)
            if said is not None:
                await feed.until(lambda: said in (feed.states["2"].source_reason or ""))
                assert (feed.states["2"].alarm, feed.states["2"].available) == (None, True)
                with pytest.raises((CommandRejected, VmsUnreachable)):
                    await backend.execute(VmsTarget(monitor_id="2"), SetAlarm(on=True))
                assert one.asked("monitors/alarm/id:2") == 0
            assert feed.lost == []
        found = await KIND.create("zm", config(one.url), FastClock()).check()
        problems = [finding.text for finding in found if finding.problem]
        assert bool(problems) is (said is not None)
        assert all("it runs monitor 2" in text for text in problems)


async def test_check_says_what_hangs_on_which_server() -> None:
    world = World()
    world.monitors[2].server_id, world.monitors[3].server_id = 7, 7
    async with FakeZoneMinder(world) as one, FakeZoneMinder(world, server_id=7) as two:
        two.tokens = one.tokens
        one.servers = rows_of(one, two)
        found = await KIND.create("zm", config(one.url), FastClock()).check()
    assert [finding.text.partition(";")[2] for finding in found if "server Second answers" in finding.text] == [
        " it runs monitor 2, 3"
    ]
