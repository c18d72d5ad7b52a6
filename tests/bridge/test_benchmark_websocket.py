"""The benchmark of the WebSocket, in tiny form and without a look at the clock: that it measures what it says."""

from __future__ import annotations

import asyncio
import math
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import websocket as live_line
from benchmarks.lab.arrivals import Arrivals
from benchmarks.lab.live import Crowd, follow
from benchmarks.lab.table import Table
from tests.bridge.api.websocket.lab import house

from vms_bridge.model import AlarmState
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from benchmarks.lab.remote import Json


async def test_the_crowd_looks_at_stamps_and_counts_the_rest(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        crowd, (host, port) = Crowd(), home.sink.addresses[0]
        assert host == "127.0.0.1"
        await crowd.answer("connect", {"count": 11, "port": port, "token": await home.token()})
        await crowd.answer("stall", {"count": 1})
        await crowd.answer("begin", {})
        home.show(event_id=str(time.monotonic_ns()), alarm=AlarmState.ALARM)
        told: Json = {"ages_ms": []}
        while not told["ages_ms"]:
            await asyncio.sleep(0.01)
            told = await crowd.answer("told", {}) or {}
        assert 0 < told["ages_ms"][0] < 60_000
        assert told["bytes"]
        for line in crowd._lines:
            assert line.transport
            line.transport.close()


async def test_an_alarm_is_known_in_what_a_line_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        arrivals = Arrivals()
        line = await follow(api_socket(tmp_path), partial(arrivals.take, "live"))
        home.show("2", alarm=AlarmState.ALARM)
        assert await arrivals.first("live", partial(live_line._tells, "2", "alarm"))
        assert line.transport
        line.transport.close()


def test_what_the_websocket_reached_is_held_against_its_goals(capsys: pytest.CaptureFixture[str]) -> None:
    table, plan = Table("websocket"), live_line.QUICK
    for ages in ([10.0, 20.0], [10.0, 60.0]):
        outcome = live_line.Outcome(cores=0.4, waited=0.0, grown_mb=1.0, told={"ages_ms": ages, "bytes": 8_000_000})
        live_line._report(table, plan, "10 clients", outcome, 0.1)
    live_line._report_alarms(table, plan, [10.0, 20.0], [11.0, 12.0])
    live_line._report_alarms(table, plan, [10.0, math.nan], [11.0, 12.0])
    assert [row.is_good for row in table.rows] == [True, False, True, False]
    assert "1 never told" in capsys.readouterr().out
