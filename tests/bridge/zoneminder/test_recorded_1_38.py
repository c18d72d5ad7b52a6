"""What a real ZoneMinder 1.38.4 has said, read by the library over HTTP: rows that the end-to-end tests' 1.36 has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from tests.fakes.zoneminder.replay import Replay

from vms_bridge.errors import VmsError
from vms_bridge.zoneminder import AlarmState, NotThere, ZoneMinder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Replay]:
    async with Replay() as server:
        yield server


@pytest_asyncio.fixture
async def zm(server: Replay) -> AsyncIterator[ZoneMinder]:
    async with ZoneMinder(server.url, "admin", "password") as zm:
        yield zm
        assert server.unknown == []  # it asks for nothing that a real one was not asked for


async def test_it_is_a_1_38(zm: ZoneMinder) -> None:
    version = await zm.version()
    assert (version.zoneminder, version.api, version.numbers) == ("1.38.4", "2.0", (1, 38, 4))
    assert await zm.is_running()
    assert await zm.load() is not None
    zone = await zm.time_zone()
    assert zone is not None
    assert zone.key == "UTC"


async def test_monitors_have_three_modes_and_those_that_were_deleted_are_gone(zm: ZoneMinder) -> None:
    rows = {row.id: row for row in await zm.monitors.list()}
    assert [row.name for row in rows.values()] == ["Front Door", "Driveway", "Back Garden", "Shed", "Attic"]
    assert rows["3"].modes == {"capturing": "Always", "analysing": "Always", "recording": "Always"}
    assert rows["5"].modes["capturing"] == "Ondemand"
    assert rows["4"].armed
    assert rows["1"].raw["EventCloseMode"] == "system"
    # It runs, though it has no status while nobody looks.
    assert (rows["5"].status, rows["5"].captures) == (None, False)
    assert await zm.monitors.alarm_state(1) is AlarmState.IDLE


async def test_a_run_state_names_the_three_modes_of_each_monitor(zm: ZoneMinder) -> None:
    quiet = await zm.states.find(name="Quiet")
    assert quiet is not None
    assert not quiet.is_active
    assert quiet.modes["3"] == {"capturing": "Always", "analysing": "None", "recording": "Always"}


async def test_zones_are_in_percent(zm: ZoneMinder) -> None:
    found = {zone.name: zone for zone in await zm.zones.list(2)}
    assert set(found) == {"Left", "Ignore", "Right"}
    assert found["Ignore"].kind == "inactive"
    assert all(0 <= part <= 1 for zone in found.values() for point in zone.points for part in point)


async def test_an_area_says_how_full_its_disk_is(zm: ZoneMinder) -> None:
    (area,) = await zm.storage.list()
    assert (area.path, area.scheme, area.total_bytes) == ("/var/cache/zoneminder/events", "Medium", 270_553_174_016)


async def test_what_there_is_none_of_is_an_empty_list(zm: ZoneMinder) -> None:
    assert await zm.servers.list() == ()
    assert await zm.groups.list() == ()


async def test_options_tell_no_more_than_their_value(zm: ZoneMinder) -> None:
    assert await zm.configs.get("ZM_PATH_ZMS") == "/zm/cgi-bin/nph-zms"
    assert await zm.configs.get("ZM_NO_SUCH_THING") is None


async def test_the_log_is_read(zm: ZoneMinder) -> None:
    lines = await zm.logs.list(3)
    assert [line.level for line in lines] == [-2, -2, -1]
    assert lines[0].component == "web_php"


async def test_a_monitor_that_is_not_there(server: Replay) -> None:
    async with ZoneMinder(server.url, "admin", "password") as zm:
        with pytest.raises(NotThere):
            await zm.monitors.of(99)
        with pytest.raises(VmsError):
            await zm.monitors.edit(99, {"Name": "x"})
