"""`vms_bridge.zoneminder` on a real ZoneMinder 1.36: what docs/zoneminder.md says of the library, row by row."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from vms_bridge.errors import BridgeError, VmsAuthFailed, VmsError
from vms_bridge.zoneminder import AlarmState, NotThere
from vms_bridge.zoneminder import ZoneMinder as Library

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.e2e.zoneminder import ZoneMinder

    from vms_bridge.zoneminder import EventRow, MonitorRow

STRANGE_NAME = "Tür / \"Ost\" & 'West' <1> %41 a+b\\"
NAMES = {"1": "Front Door", "2": "Driveway", "3": "Back Garden"}
NEWEST = datetime(2026, 3, 2, 12, tzinfo=UTC)


_FILL = """
INSERT INTO Events (Id, MonitorId, StorageId, Name, Cause, StartDateTime, EndDateTime, Width, Height, Length, Frames, AlarmFrames,
    TotScore, AvgScore, MaxScore, DefaultVideo, SaveJPEGs, Notes, StateId, Orientation, Scheme, Uploaded)
SELECT 90000 + seq, IF(seq % 3 = 0, 1, 2), 1, CONCAT('Event-', seq), IF(seq % 10 = 0, 'Continuous', 'Motion'),
    '2026-03-02 12:00:00' - INTERVAL (150 - seq) HOUR, '2026-03-02 12:00:20' - INTERVAL (150 - seq) HOUR,
    320, 240, 20.0, 100, seq % 50, 100, 10, seq % 100, CONCAT(seq, '-video.mp4'), 3,
    IF(seq % 5 = 0, 'detected:person:97% | Motion: All', 'Motion: All'), 1, 'ROTATE_0', 'Medium', 1
FROM seq_1_to_150
"""
"""Events one an hour, 150 of them, the last one at noon of 2 March 2026; the lab keeps ids below 100,001 free for such."""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def zm(zoneminder: ZoneMinder) -> AsyncIterator[Library]:
    """The library, logged in."""
    async with Library(zoneminder.url, zoneminder.username, zoneminder.password) as zm:
        yield zm


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def recorded(zoneminder: ZoneMinder) -> AsyncIterator[None]:
    """Have the rows of events that were recorded in spring."""
    await zoneminder.sql(_FILL)
    yield
    await zoneminder.sql("DELETE FROM Events WHERE Id <= 100000")


async def test_it_logs_in_and_says_what_it_is(zm: Library, zoneminder: ZoneMinder) -> None:
    version = await zm.version()
    assert version.zoneminder == await zoneminder.version()
    assert (version.numbers[:2], version.api) == ((1, 36), "2.0")
    assert zm.is_logged_in
    assert await zm.is_running()
    assert len(await zm.load() or ()) == 3
    zone = await zm.time_zone()
    assert zone is not None
    assert zone.utcoffset(NEWEST) == timedelta(0)


async def test_the_address_of_the_api_will_do(zoneminder: ZoneMinder) -> None:
    async with Library(f"{zoneminder.url}/api/", zoneminder.username, zoneminder.password) as zm:
        assert zm.url == zoneminder.url


async def test_a_wrong_password_is_said_and_not_shown(zoneminder: ZoneMinder) -> None:
    with pytest.raises(VmsAuthFailed) as caught:
        async with Library(zoneminder.url, zoneminder.username, "not-the-password"):
            pass
    assert "not-the-password" not in f"{caught.value!r} {caught.value} {caught.value.hint}"


async def test_options_are_read_and_set(zm: Library) -> None:
    everything = await zm.configs.list()
    assert len(everything) > 200
    path = await zm.configs.find(name="ZM_PATH_ZMS")
    assert path is not None
    assert path.value == await zm.configs.get("ZM_PATH_ZMS")
    assert await zm.configs.get("ZM_NO_SUCH_THING") is None
    before = await zm.configs.get("ZM_WEB_TITLE")
    assert before is not None
    await zm.configs.set("ZM_WEB_TITLE", "Hürth & Söhne, 100 %")
    try:
        assert await zm.configs.get("ZM_WEB_TITLE", force_reload=True) == "Hürth & Söhne, 100 %"
    finally:
        await zm.configs.set("ZM_WEB_TITLE", before)


async def test_run_states_are_there_and_changed(zm: Library, zoneminder: ZoneMinder) -> None:
    assert {state.name for state in await zm.states.list()} == {"default", "Quiet"}
    quiet = await zm.states.find(name="Quiet")
    assert quiet is not None
    assert not quiet.is_active
    active = await zm.states.active()
    assert active is not None
    assert active.name == "default"
    assert not await zm.states.change("default")  # which would restart everything
    try:
        assert await zm.states.change("Quiet")
        assert (await zoneminder.monitor(1))["Function"] == "Monitor"
    finally:
        assert await zm.states.change("default")
    assert (await zoneminder.monitor(1))["Function"] == "Modect"
    with pytest.raises(VmsError, match="no run state"):
        await zm.states.change("no/such state")


async def test_everything_is_stopped_and_started(zm: Library, zoneminder: ZoneMinder) -> None:
    try:
        assert await zm.states.stop()
        assert not await zm.is_running()
        assert not await zm.states.stop()  # there is nothing to do
    finally:
        assert await zm.states.start()
    assert not await zm.states.start()
    for monitor in NAMES:
        await zoneminder.until_alarm(int(monitor), 1, 5, within=30)


async def test_groups_servers_storage_logs_and_users_are_read(zm: Library, zoneminder: ZoneMinder) -> None:
    await zoneminder.sql(
        "INSERT INTO `Groups` SET Id=7, Name='Außen/Tor'; INSERT INTO Groups_Monitors (GroupId, MonitorId) VALUES (7, 1), (7, 3);"
        "INSERT INTO Servers SET Id=3, Name='two', Hostname='two.example', Port=8443, Protocol='https', PathToApi='/zm/api'"
    )
    try:
        group = await zm.groups.find(name="Außen/Tor")
        assert group is not None
        assert (group.id, sorted(group.monitor_ids)) == ("7", ["1", "3"])
        server = await zm.servers.find(id=3)
        assert server is not None
        assert (server.name, server.hostname, server.port, server.path_to_api) == ("two", "two.example", 8443, "/zm/api")
    finally:
        await zoneminder.sql(
            "DELETE FROM Groups_Monitors WHERE GroupId=7; DELETE FROM `Groups` WHERE Id=7; DELETE FROM Servers WHERE Id=3"
        )
    assert await zm.groups.list(force_reload=True) == ()
    (area,) = await zm.storage.list()
    assert (area.name, area.path) == ("Default", "/var/cache/zoneminder/events")
    lines = await zm.logs.list(20)
    assert len(lines) == 20
    assert sorted(lines, key=lambda line: line.time, reverse=True) == list(lines)
    own = await zm.users.own()
    assert own is not None
    assert (own.name, own.may("System", "Edit")) == (zoneminder.username, True)
    assert "Password" not in own.raw


async def test_monitors_are_read_and_found(zm: Library, zoneminder: ZoneMinder) -> None:
    rows = {row.id: row for row in await zm.monitors.list(force_reload=True)}
    assert {number: row.name for number, row in rows.items()} == NAMES
    door = await zm.monitors.find(name="Front Door")
    assert door is not None
    assert door == await zm.monitors.find(id=1) == await zm.monitors.of(1)
    assert (door.type, door.width, door.height) == ("Ffmpeg", 320, 240)
    assert (door.function, door.enabled, door.armed) == ("Modect", True, True)
    async with asyncio.timeout(60):  # its daemon, which a test before this may have started anew, writes that every ten seconds
        while not (await zm.monitors.list(force_reload=True))[0].is_delivering:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
    assert door.raw["OutputContainer"] == "mp4"
    assert await zm.monitors.find(name="Nobody") is None
    status = await zm.monitors.daemon_status(1)
    assert status.is_running
    assert "zmc -m 1" in status.text
    assert await zm.monitors.alarm_state(1) is AlarmState.IDLE
    picture = await zm.monitors.snapshot(1)
    assert picture.startswith(b"\xff\xd8")
    assert zoneminder.pid


async def test_alarms_are_suppressed_and_let_through_again(zm: Library, zoneminder: ZoneMinder) -> None:
    await zm.monitors.suppress_alarms(2)
    try:
        assert await zoneminder.zmu("-m", "2", "-x") == "2"  # TRIGGER_OFF
    finally:
        await zm.monitors.cancel_alarm(2)
    assert await zoneminder.zmu("-m", "2", "-x") == "0"


async def test_a_monitor_is_added_edited_and_deleted(zm: Library, zoneminder: ZoneMinder) -> None:
    row = await zm.monitors.add(
        {"Name": STRANGE_NAME, "Type": "Ffmpeg", "Function": "None", "Path": "/nowhere", "Width": 320, "Height": 240}
    )
    try:
        assert row.name == STRANGE_NAME
        assert (await zoneminder.monitor(int(row.id)))["Name"] == STRANGE_NAME
        edited = await zm.monitors.edit(row, {"Monitor[Name]": "Carport", "MaxFPS": "2.50"})
        assert (edited.name, edited.raw["MaxFPS"]) == ("Carport", "2.50")
        assert (await zm.monitors.set_modes(edited, function="Monitor", enabled=False)).function == "Monitor"
        await _zones_of(zm, edited)
    finally:
        await zm.monitors.delete(row.id)
    assert int(row.id) not in await zoneminder.monitors()
    with pytest.raises(NotThere):
        await zm.monitors.edit(row, {"Name": "x"})


async def _zones_of(zm: Library, monitor: MonitorRow) -> None:
    triangle = ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))
    zone = await zm.zones.add(monitor, STRANGE_NAME, triangle, kind="Privacy")
    assert (zone.name, zone.monitor_id) == (STRANGE_NAME, monitor.id)
    assert [pytest.approx(point, abs=0.01) for point in triangle] == list(zone.points)
    changed = await zm.zones.edit(zone, name="Sky", points=((0, 0), (1, 0), (1, 1), (0, 1)))
    assert (changed.name, len(changed.points)) == ("Sky", 4)
    assert changed in await zm.zones.list(monitor)
    await zm.zones.delete(changed)
    assert await zm.zones.find(id=changed.id) is None


async def test_what_zoneminder_does_not_save_is_an_error(zm: Library) -> None:
    with pytest.raises(VmsError):
        await zm.monitors.edit(3, {"Function": "Bogus"})
    assert (await zm.monitors.of(3)).function == "Mocord"


async def test_zones_are_read(zm: Library) -> None:
    (zone,) = await zm.zones.list(1)
    assert (zone.name, zone.kind.lower(), zone.monitor_id) == ("All", "active", "1")
    assert len(zone.points) == 4


def ids(rows: Iterable[EventRow]) -> list[int]:
    return [row.id for row in rows]


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({}, "TRUE"),
        ({"event_id": 90_007}, "Id=90007"),
        ({"event_id": [90_007, 90_009, 90_008]}, "Id BETWEEN 90007 AND 90009"),
        ({"monitor": 1}, "MonitorId=1"),
        ({"monitor": "Driveway"}, "MonitorId=2"),
        ({"monitor": [1, "Back Garden"]}, "MonitorId IN (1, 3)"),
        ({"since": NEWEST - timedelta(hours=5)}, "StartDateTime >= '2026-03-02 07:00:00'"),
        ({"until": datetime(2026, 2, 25, 12, tzinfo=UTC)}, "StartDateTime < '2026-02-25 12:00:00'"),
        (
            {"since": "2026-03-01 20:00", "until": "2026-03-01 22:00"},
            "StartDateTime BETWEEN '2026-03-01 20:00' AND '2026-03-01 21:59'",
        ),
        ({"during": "2026-03-01 8pm to 2026-03-01 10pm"}, "StartDateTime BETWEEN '2026-03-01 20:00' AND '2026-03-01 21:59'"),
        (
            {"since": "2026-03-01 20:00", "until": "2026-03-01 22:00", "tz": "America/New_York"},
            "StartDateTime BETWEEN '2026-03-02 01:00' AND '2026-03-02 02:59'",
        ),
        ({"min_alarm_frames": 40}, "AlarmFrames >= 40"),
        ({"max_alarm_frames": 3}, "AlarmFrames <= 3"),
        ({"min_score": 90, "max_score": 95}, "MaxScore BETWEEN 90 AND 95"),
        ({"object_only": True}, "Notes LIKE 'detected:%'"),
        ({"label": "person"}, "Notes LIKE '%person%'"),
        ({"label": "car"}, "FALSE"),
        ({"notes": "97%"}, "Notes LIKE '%97%'"),
        ({"cause": "continuous"}, "Cause='Continuous'"),
        ({"name": "Event-15"}, "Name LIKE '%Event-15%'"),
        ({"archived": True}, "Archived=1"),
        (
            {"monitor": 2, "min_score": 50, "object_only": True, "limit": 7},
            "MonitorId=2 AND MaxScore >= 50 AND Notes LIKE 'detected%'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
@pytest.mark.usefixtures("recorded")
async def test_events_are_filtered_as_sql_would(
    zm: Library, zoneminder: ZoneMinder, filters: dict[str, Any], condition: str
) -> None:
    raw = [("Uploaded", "1")]
    rows = await zoneminder.sql(f"SELECT Id FROM Events WHERE Uploaded=1 AND ({condition}) ORDER BY Id")  # noqa: S608 - our own
    expected = [int(row[0]) for row in rows]
    limit = filters.pop("limit", None)
    query = zm.events(**filters, raw=raw)
    assert ids(await query.list()) == expected[::-1]
    assert await query.count() == len(expected)
    assert ids([row async for row in zm.events(**filters, raw=raw, newest_first=False, limit=limit or 150)]) == expected[:limit]


@pytest.mark.usefixtures("recorded")
async def test_human_times_are_the_servers(zm: Library, zoneminder: ZoneMinder) -> None:
    await zoneminder.sql(
        "UPDATE Events SET StartDateTime = NOW() - INTERVAL 90 MINUTE, EndDateTime = NOW() - INTERVAL 89 MINUTE WHERE Id=90001;"
        "UPDATE Events SET StartDateTime = CURDATE() - INTERVAL 1 DAY + INTERVAL 21 HOUR,"
        " EndDateTime = CURDATE() - INTERVAL 1 DAY + INTERVAL 22 HOUR WHERE Id=90002"
    )
    raw = [("Uploaded", "1")]
    assert ids(await zm.events(since="2 hours ago", raw=raw).list()) == [90_001]
    assert ids(await zm.events(during="2 hours ago to 1 hour ago", raw=raw).list()) == [90_001]
    assert ids(await zm.events(since="1 hour ago", raw=raw).list()) == []
    assert ids(await zm.events(during="yesterday 8pm to 10pm", raw=raw).list()) == [90_002]
    with pytest.raises(BridgeError):
        await zm.events(since="1 hour ago", until="2 hours ago").list()


@pytest.mark.usefixtures("recorded")
async def test_many_are_deleted_after_a_look_at_what_would_be(zm: Library, zoneminder: ZoneMinder) -> None:
    chosen = zm.events(monitor=1, event_id=range(90_001, 90_020))
    would = await zm.events.delete_many(chosen, dry_run=True)
    assert (would.done, would.failed) == (6, 0)
    count = "SELECT COUNT(*) FROM Events WHERE MonitorId=1 AND Id < 90020"
    assert await zoneminder.sql(count) == [["6"]]
    assert (await zm.events.delete_many(chosen)).done == 6
    assert await zoneminder.sql(count) == [["0"]]
    assert await zoneminder.sql("SELECT COUNT(*) FROM Events WHERE MonitorId=2 AND Id < 90020") == [["13"]]
