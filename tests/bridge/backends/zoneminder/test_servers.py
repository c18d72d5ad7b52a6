from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.zoneminder.servers import parse_servers
from vms_bridge.commands import SetAlarm
from vms_bridge.errors import VmsUnreachable
from vms_bridge.model import AlarmState

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve


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


async def test_alarms_go_to_the_server_that_runs_the_monitor(serve: Serve) -> None:
    world = World()
    world.set_function(2, "Mocord")
    world.monitors[2].server_id = 7
    async with FakeZoneMinder(world) as one, FakeZoneMinder(world, server_id=7) as two:
        two.tokens = one.tokens
        one.servers = [{"Id": 7, "Hostname": "127.0.0.1", "Port": two.port, "Protocol": "http", "PathToApi": "/zm/api"}]
        async with serve(one) as (backend, feed):
            await feed.until(lambda: feed.states["2"].source == "status")
            await backend.execute("2", SetAlarm(on=True))
            assert two.asked("monitors/alarm/id:2/command:on") == 1
            await feed.until(lambda: feed.states["2"].alarm is AlarmState.ALARM)
            two.fail("", "close")
            with pytest.raises(VmsUnreachable):
                await backend.execute("2", SetAlarm(on=False))
            await feed.until(lambda: feed.states["2"].alarm is None)
            assert feed.states["1"].alarm is AlarmState.IDLE
