"""Monitors: reading, modes in both generations, alarms, daemons and pictures, also on other servers."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from tests.bridge.zoneminder.support import PASSWORD, USER, library
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import ALL, V1_34, V1_36_20, V1_36_33, V1_38_4, Personality
from tests.fakes.zoneminder.render import CAMERA_SECRET

from vms_bridge.errors import MediaUnavailable, TimedOut, VmsProtocolError
from vms_bridge.zoneminder import AlarmState, DatabaseDown, MonitorRow, NotDone, NotThere, WrongValue, ZoneMinder
from vms_bridge.zoneminder.modes import FUNCTIONS, columns_for

ODD = "a/b & c? #1 %41 \N{PARTY POPPER} \"'<é>"


@pytest.mark.parametrize("personality", ALL, ids=lambda each: each.version)
async def test_every_version_is_read_alike(personality: Personality) -> None:
    world = World(personality, monitors=2)
    world.monitors[2].name = ODD
    async with library(world) as (zm, fake):
        first, second = await zm.monitors.list()
        assert (first.id, first.type, first.width, first.height, first.armed) == ("1", "Ffmpeg", 640, 480, True)
        assert await zm.monitors.find(name=ODD) == second == await zm.monitors.find(id=2) == await zm.monitors.of("2")
        assert await zm.monitors.find(name=ODD, id=1) is None
        assert first.raw["StorageId"] in {1, "1", 0, "0"}
        assert fake.asked("monitors") == 1
        assert CAMERA_SECRET not in repr(first)
        world.monitors[1].name = "Other"
        assert (await zm.monitors.list())[0].name == "Camera 1"
        assert (await zm.monitors.list(force_reload=True))[0].name == "Other"
        with pytest.raises(NotThere, match="no monitor 7"):
            await zm.monitors.of(7)


async def test_several_who_ask_at_once_ask_once() -> None:
    async with library(V1_36_33) as (zm, fake):
        found = await asyncio.gather(*(zm.monitors.list() for _ in range(5)))
        assert fake.asked("monitors") == 1
        assert all(each is found[0] for each in found)
        await asyncio.gather(*(zm.monitors.list(force_reload=True) for _ in range(5)))
        assert fake.asked("monitors") == 3, "one reading for the first, and one for all who came while it was under way"


async def test_what_can_not_be_read_anew_stays_as_it_was() -> None:
    async with library(V1_36_33) as (zm, fake):
        before = await zm.monitors.list()
        fake.fail("monitors", "500", 1)
        with pytest.raises(VmsProtocolError):
            await zm.monitors.list(force_reload=True)
        assert await zm.monitors.list() is before


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda each: each.version)
async def test_a_function_is_set_in_both_generations(personality: Personality, function: str) -> None:
    async with library(personality) as (zm, fake):
        row = await zm.monitors.set_modes(1, function=function)
        capturing, analysing, recording = FUNCTIONS[function]
        if not personality.modern_modes:
            assert row.modes == {"function": function}
        elif function == "None":
            assert row.capturing == "None"
        else:
            assert row.modes == {"capturing": capturing, "analysing": analysing, "recording": recording}
        edits = len(fake.edits)
        await zm.monitors.set_modes(row, function=function)
        assert len(fake.edits) == edits, "what is so already would only stop the monitor for a moment"
        assert (await zm.monitors.list())[0].modes == row.modes


@pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda each: each.version)
async def test_modes_are_set_in_both_generations(personality: Personality) -> None:
    async with library(personality) as (zm, _):
        row = await zm.monitors.set_modes(1, analysing="None", recording="Always")
        assert row.modes in ({"function": "Record"}, {"capturing": "Always", "analysing": "None", "recording": "Always"})
        row = await zm.monitors.set_armed(1, on=True)
        assert row.armed
        assert row.records_always
        assert not (await zm.monitors.set_armed(row, on=False)).armed
        off = await zm.monitors.set_modes(1, enabled=False)
        assert (off.capturing or off.enabled) in {"None", False}
        on = await zm.monitors.set_modes(1, enabled=True)
        assert (on.capturing or on.enabled) in {"Always", True}


def test_modes_that_no_function_has_are_refused() -> None:
    old = MonitorRow(id="1", name="x", function="Modect")
    with pytest.raises(ValueError, match="no function is capturing Always, analysing Always, recording None"):
        columns_for(old, {"recording": "None"}, enabled=None)
    with pytest.raises(ValueError, match="no function 'Mocect'"):
        columns_for(old, {"function": "Mocect"}, enabled=None)
    with pytest.raises(ValueError, match="DecodingEnabled"):
        columns_for(old, {"decoding": "Always"}, enabled=None)
    new = MonitorRow(id="1", name="x", capturing="Always", analysing="Always", recording="OnMotion")
    with pytest.raises(ValueError, match="recording can't be 'Sometimes'"):
        columns_for(new, {"recording": "Sometimes"}, enabled=None)
    assert columns_for(new, {"function": "None"}, enabled=True) == {"Capturing": "Always"}


async def test_a_column_that_is_none_is_refused_before_anything_is_sent() -> None:
    async with library(V1_36_33) as (zm, fake):
        with pytest.raises(WrongValue, match="no column Nmae"):
            await zm.monitors.edit(1, {"Nmae": "x"})
        with pytest.raises(WrongValue, match="id is a number"):
            await zm.monitors.edit("Camera 1", {"Name": "x"})
        assert not fake.edits


@pytest.mark.parametrize("kind", ["html", "empty", "flash", "502", "500-json", "close", "truncate"])
async def test_an_edit_is_believed_when_it_is_seen(kind: str) -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.answers_changes = kind
        row = await zm.monitors.edit(1, {"Function": "Monitor"})
        assert row.function == "Monitor"


async def test_an_edit_that_changed_nothing_is_not_done() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.ignores_edits = True
        with pytest.raises(NotDone, match="did not change monitor 1: Function"):
            await zm.monitors.edit(1, {"Function": "Monitor"})


@pytest.mark.parametrize("personality", ALL, ids=lambda each: each.version)
async def test_alarms_are_forced_and_cancelled(personality: Personality) -> None:
    async with library(personality) as (zm, fake):
        assert await zm.monitors.alarm_state(1) is AlarmState.IDLE
        await zm.monitors.force_alarm(1)
        assert await zm.monitors.alarm_state(1) is AlarmState.ALARM
        await zm.monitors.cancel_alarm(1)
        assert await zm.monitors.alarm_state(1) is AlarmState.IDLE
        await zm.monitors.suppress_alarms(1)
        assert fake.world.monitors[1].is_forced_off
        await zm.monitors.cancel_alarm(1)
        assert not fake.world.monitors[1].is_forced_off


async def test_alarms_where_no_daemon_runs() -> None:
    async with library(V1_36_20) as (zm, fake):
        fake.world.set_function(1, "None")
        fake.world.set_function(2, "Monitor")
        with pytest.raises(NotDone, match="zmu failed for monitor 1"):
            await zm.monitors.force_alarm(1)
        with pytest.raises(NotDone, match="mode Monitor"):
            await zm.monitors.force_alarm(2)
        assert await zm.monitors.alarm_state(1) is None


async def test_an_alarm_that_nobody_says_to_be_on_is_looked_for() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.fail("monitors/alarm/id:1/command:on", "504")
        fake.world.alarm(1)
        await zm.monitors.force_alarm(1)
        fake.world.calm(1)
        with pytest.raises(VmsProtocolError):
            await zm.monitors.force_alarm(1)


async def test_daemons_are_asked_and_controlled() -> None:
    async with library(V1_36_33) as (zm, fake):
        status = await zm.monitors.daemon_status(1)
        assert status.is_running
        assert "running since" in status.text
        await zm.monitors.stop(1)
        assert not (await zm.monitors.daemon_status(1)).is_running
        await zm.monitors.start(1)
        await zm.monitors.restart(1)
        assert (await zm.monitors.daemon_status(1)).is_running
        assert fake.restarts == [1, 1, 1]


async def test_events_are_counted() -> None:
    async with library(V1_36_33) as (zm, fake):
        assert await zm.monitors.event_counts() == {}
        fake.world.alarm(1)
        fake.world.alarm(3)
        assert await zm.monitors.event_counts("30 minute") == {"1": 1, "3": 1}


async def test_a_picture_of_now() -> None:
    async with library(V1_36_33) as (zm, fake):
        assert await zm.monitors.snapshot(1) == fake.picture
        token = quote(next(iter(fake.tokens)))
        assert await zm.monitors.snapshot_url(1) == f"{fake.url}/cgi-bin/nph-zms?monitor=1&mode=single&scale=100&token={token}"
        assert "mode=jpeg&scale=50" in await zm.monitors.stream_url(1, scale=50)
        fake.world.monitors[1].status = "NotRunning"
        with pytest.raises(MediaUnavailable, match="no picture of monitor 1 now"):
            await zm.monitors.snapshot(1)


async def test_a_monitor_on_another_server_is_asked_for_there() -> None:
    world = World(V1_36_33)
    world.monitors[1].server_id, world.monitors[2].server_id = 1, 2
    async with FakeZoneMinder(world, server_id=1) as portal, FakeZoneMinder(world, server_id=2) as other:
        other.tokens, other.users = portal.tokens, portal.users
        portal.servers = [
            {"Id": 1, "Name": "one", "Hostname": "", "Port": 0},
            {"Id": 2, "Name": "two", "Protocol": "http", "Hostname": "127.0.0.1", "Port": other.port, "PathToApi": "/zm/api"},
        ]
        async with ZoneMinder(portal.url, USER, PASSWORD) as zm:
            await zm.monitors.force_alarm(2)
            assert await zm.monitors.alarm_state(2) is AlarmState.ALARM
            assert other.asked("monitors/alarm") == 2
            assert portal.asked("monitors/alarm") == 0
            assert await zm.monitors.snapshot(2) == other.picture
            assert [server.name for server in await zm.servers.list()] == ["one", "two"]
            assert await zm.servers.api_of("1") is None
            portal.servers[1]["Hostname"] = "user@evil"
            await zm.servers.list(force_reload=True)
            with pytest.raises(VmsProtocolError, match="server two has no proper address"):
                await zm.monitors.force_alarm(2)


async def test_no_answer_is_told_as_such() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.fail("monitors/1", "hang")
        with pytest.raises(TimedOut):
            await zm.client.get("monitors/1", timeout_s=0.1)


async def test_a_way_to_somewhere_else_is_no_answer_to_a_change() -> None:
    async with library(V1_36_33) as (zm, fake):
        fake.answers_changes = "redirect"
        with pytest.raises(VmsProtocolError, match="redirects to https://elsewhere/zm"):
            await zm.monitors.edit(1, {"Function": "Monitor"})


@pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda each: each.version)
async def test_a_database_that_is_down_is_no_edit_that_is_made(personality: Personality) -> None:
    async with library(personality) as (zm, fake):
        await zm.monitors.list()
        fake.database_is_down = True
        with pytest.raises(DatabaseDown):
            await zm.monitors.edit(1, {"Name": "x"})
        with pytest.raises(DatabaseDown):
            await zm.monitors.delete(1)


NAMES = (
    ODD.replace("\N{PARTY POPPER}", "*"), "a=b&c=d", "Monitor[Name]=x", "%2e%2e/..", "100 %", "a+b", "\\", "\\'", '"', "'; --",
    "a\tb", "a\nb", "\u202eleft", "e\u0301", "\N{CJK UNIFIED IDEOGRAPH-9580}", "0", "null", " x ", "x" * 64, "a:b", "a,b", "#",
    "?token=x", "//", "<b>",
)  # fmt: skip


async def test_names_may_have_every_character() -> None:
    async with library(V1_36_33) as (zm, fake):
        for name in NAMES:
            assert (await zm.monitors.edit(1, {"Name": name})).name == name
            assert (found := await zm.monitors.find(name=name)) is not None
            assert found.id == "1"
            zone = await zm.zones.edit(100, name=name)
            assert zone.raw["Name"] == name
        fake.world.states = dict.fromkeys(NAMES, False) | {"default": True}
        for name in NAMES:
            assert "\n" in name or await zm.states.change(name), name  # no web server takes that in an address
