"""Following by the WebSocket: all that is current, then what changes, and event messages without loss."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.websocket.lab import client, house
from tests.fakes.backend import START, event, monitor, snapshot, state, system_state
from tests.fakes.clock import FakeClock

from vms_bridge import metrics
from vms_bridge.measures import Distribution
from vms_bridge.model import AlarmState, DetectedObject, Detection, EventBatch, SystemLost, SystemUpdate
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.measures import Metric

ALARM, IDLE = AlarmState.ALARM, AlarmState.IDLE


async def test_all_that_is_current_comes_first_and_then_what_changes(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await home.record(1)
        current = await one.subscribe()
        assert list(current) == [
            *("bridge", "notices", "system/zm", "monitor/zm/1", "state/zm/1", "objects/zm/1", "last_event/zm/1"),
            *("monitor/zm/2", "state/zm/2", "objects/zm/2", "synced"),
        ]
        assert current["system/zm"]["state"]["available"] is True
        assert current["monitor/zm/1"]["name"] == "Camera 1"
        assert current["state/zm/1"]["alarm"] == "idle"
        assert current["last_event/zm/1"]["id"] == "zm-1"
        assert current["synced"] == f"{home.hub.epoch}:1"

        home.show(alarm=ALARM)
        assert (await one.state(alarm="alarm"))["monitor"] == "1"
        await home.record(2, key="2")
        told = await one.item("event")
        assert told["value"]["id"] == "zm-2"
        assert told["replayed"] is False
        assert told["cursor"] == f"{home.hub.epoch}:2"


async def test_of_what_changes_twice_before_it_is_sent_the_newest_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.subscribe()
        for alarm in (ALARM, AlarmState.ALERT, IDLE, ALARM):
            home.show(alarm=alarm)
        assert (await one.state())["value"]["alarm"] == "alarm"
        home.show(alarm=IDLE)
        assert (await one.state())["value"]["alarm"] == "idle"


async def test_each_step_of_an_alarm_is_told_to_who_asks_for_it(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as asks, client(home) as does_not:
        await asks.subscribe(transitions=True)
        await does_not.subscribe()
        for alarm in (ALARM, IDLE):
            home.show(alarm=alarm, score=5)
        steps = [await asks.item("transition") for _ in range(2)]
        assert [(step["before"], step["now"]) for step in steps] == [("idle", "alarm"), ("alarm", "idle")]
        assert {(step["system"], step["monitor"], step["time"]) for step in steps} == {("zm", "1", "2026-11-20T12:00:00Z")}
        home.show("2", alarm=ALARM)
        assert (await does_not.item())["what"] == "state"


async def test_detections_are_told_to_who_asks_for_them(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.subscribe(detections=True)
        seen = (DetectedObject(label="person", score=0.9),)
        home.feed.emit(Detection(monitor_id="1", time=START, objects=seen))
        found = [await one.item("detection", "objects") for _ in range(2)]
        by_what = {item["what"]: item["value"] for item in found}
        assert by_what["detection"]["objects"][0]["label"] == "person"
        assert by_what["objects"] == {"labels": {"person": 1}, "zones": {}}


async def test_what_is_gone_is_null(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.subscribe()
        home.feed.emit(snapshot(monitor(1)))
        assert await one.item("monitor") == {"what": "monitor", "system": "zm", "monitor": "2", "value": None}
        home.hub.remove_system("zm")
        gone = [await one.item("system", "monitor") for _ in range(2)]
        assert {(item["what"], item["value"]) for item in gone} == {("system", None), ("monitor", None)}


async def test_a_system_that_is_lost_takes_its_monitors_states_along(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.subscribe()
        home.feed.emit(SystemLost(detail="no answer"))
        assert (await one.item("system"))["value"]["state"]["available"] is False
        assert (await one.state(available=False))["value"]["alarm"] is None
        home.feed.emit(SystemUpdate(state=system_state(load=2.0)))
        assert (await one.item("system"))["value"]["state"]["load"] == 2.0


async def test_a_client_goes_on_from_its_cursor(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        token = await home.token()
        async with client(home, token) as one:
            await one.subscribe()
            await home.record(1, 2)
            cursor = (await one.item("event"))["cursor"]
        await home.record(3, late=True)
        async with client(home, token) as again:
            assert (await again.subscribe(after=cursor))["synced"] == cursor
            await home.record(4)
            told = [await again.item("event") for _ in range(3)]
            assert [(item["value"]["id"], item["replayed"], item["value"]["late"]) for item in told] == [
                ("zm-2", True, False),
                ("zm-3", True, True),
                ("zm-4", False, False),
            ]
        async with client(home, token) as anew:
            assert (await anew.subscribe(after="beginning"))["synced"] is None, "nothing was told yet"
            assert [(await anew.item("event"))["value"]["id"] for _ in range(4)] == [f"zm-{number}" for number in range(1, 5)]


async def test_many_messages_come_in_their_order(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await home.record(*range(1, 301))
        await one.subscribe(after="beginning")
        told = [(await one.item("event"))["value"]["id"] for _ in range(300)]
        assert told == [f"zm-{number}" for number in range(1, 301)]


async def test_a_cursor_of_another_database_gets_a_gap(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await home.record(1)
        await one.subscribe(after="other:17")
        gap = await one.item("gap", "event")
        assert gap == {"what": "gap", "reason": "unknown", "after": "other:17", "cursor": f"{home.hub.epoch}:0"}
        assert (await one.item("event"))["value"]["id"] == "zm-1"


async def test_without_events_none_come(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.subscribe(events=False)
        await home.record(1)
        assert (await one.item())["what"] == "last_event"
        home.show(alarm=ALARM)
        assert (await one.item())["what"] == "state"


async def test_said_again_everything_begins_anew(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.subscribe()
        again = await one.subscribe(monitors=[{"system": "zm", "monitor": "2"}])
        assert [name for name in again if name.startswith("state")] == ["state/zm/2"]
        await home.record(1, key="1")
        await home.record(2, key="2")
        assert (await one.item("event"))["value"]["id"] == "zm-2"


async def test_only_what_was_asked_for_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as by_system, client(home) as by_monitor, client(home) as nothing:
        assert len(await by_system.subscribe(systems=["zm"])) == 10
        current = await by_monitor.subscribe(monitors=[{"system": "zm", "monitor": "2"}], transitions=True, detections=True)
        assert list(current) == ["bridge", "notices", "system/zm", "monitor/zm/2", "state/zm/2", "objects/zm/2", "synced"]
        assert list(await nothing.subscribe(systems=["other"])) == ["bridge", "notices", "synced"]
        for key in ("1", "2"):
            home.show(key, alarm=ALARM)
            home.feed.emit(Detection(monitor_id=key, time=START, objects=(DetectedObject(label="cat"),)))
        told = [await by_monitor.item() for _ in range(4)]
        assert {item["monitor"] for item in told} == {"2"}
        assert {item["what"] for item in told} == {"state", "transition", "detection", "objects"}


async def test_a_limited_token_sees_only_what_is_its_own(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        limited = await home.token(monitors=frozenset({("zm", "2")}))
        async with client(home, limited) as one:
            current = await one.subscribe(transitions=True, detections=True, after="beginning")
            assert list(current) == ["notices", "system/zm", "monitor/zm/2", "state/zm/2", "objects/zm/2", "synced"]
            assert "monitors" not in current["system/zm"]
            for key in ("1", "2"):
                home.show(key, alarm=ALARM)
                home.feed.emit(Detection(monitor_id=key, time=START, objects=(DetectedObject(label="cat"),)))
                await home.record(int(key), key=key)
            told = [await one.item() for _ in range(6)]
            assert {item["monitor"] for item in told if "monitor" in item} == {"2"}
            assert [item["value"]["id"] for item in told if item["what"] == "event"] == ["zm-2"]


@pytest.mark.parametrize("after", ["nonsense", "a:b", ""])
async def test_what_is_no_cursor_is_refused_and_the_line_stays_open(tmp_path: Path, after: str) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.say(type="subscribe", after=after)
        refusal = await one.reply("error")
        assert refusal["code"] == "invalid"
        assert "cursor" in refusal["text"]
        await one.subscribe()


async def test_events_have_the_same_bytes_as_in_the_history(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:
        await one.subscribe()
        await home.feed.record(
            EventBatch(events=(event(1, cause='"quoted" \\ and more', start=datetime(2026, 1, 1, tzinfo=UTC)),))
        )
        stored = (await home.hub.history(None, 1)).messages[0][1].payload.decode()
        while '"what":"event"' not in (text := await one.ws.receive_str()):
            pass
        assert stored in text


async def test_measurements_alone_wait(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, await home.token(Scope.ADMIN)) as one:
        await one.subscribe()
        home.show(capture_fps=25.0)
        home.show("2", alarm=ALARM)
        assert (await one.item("state"))["monitor"] == "2", "a rate alone is not told at once"
        home.show(capture_fps=25.0, alarm=ALARM)
        assert (await one.state("1"))["value"]["capture_fps"] == 25.0
        assert state().capture_fps is None


async def test_notices_come_and_go(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock=clock) as home:
        keeping = asyncio.create_task(home.hub.run())
        limited = await home.token(monitors=frozenset({("zm", "2")}))
        async with client(home) as one, client(home, limited) as other:
            assert (await one.subscribe())["notices"] == []
            await other.subscribe()
            home.show("1", connected=False)
            told = asyncio.create_task(one.item("notices"))
            while not told.done():
                await clock.advance(1.0)
                await asyncio.sleep(0.001)
            (notice,) = (await told)["value"]
            assert (notice["kind"], notice["system"], notice["monitor"]) == ("signal_lost", "zm", "1")
            assert (await other.item("notices"))["value"] == [], "it is of a monitor of others"
        keeping.cancel()
        await asyncio.wait([keeping])


async def test_how_long_changes_take_to_the_clients_can_be_read(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home) as one:

        def read(metric: Metric) -> float:
            [value] = [each.value for each in home.hub.measures.read() if each.metric is metric]
            return sum(value.counts) if isinstance(value, Distribution) else value

        await one.subscribe()
        assert read(metrics.API_WEBSOCKETS) == 1
        before = read(metrics.SINK_STATES)
        home.show(alarm=ALARM)
        await one.state(alarm="alarm")
        assert read(metrics.SINK_STATES) == before + 1
