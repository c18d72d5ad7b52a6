"""What a real ZoneMinder 1.38.4 has said of events, alarms and daemons, read by the library over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.fakes.zoneminder.replay import Replay

from vms_bridge.zoneminder import AlarmState, NotThere, ZoneMinder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OF_CAMERA_1 = "GET api/events/index/Id >:0/MonitorId:1.json"
"""The library bounds each list by an id, which a list of one page does not change."""


@asynccontextmanager
async def recorded(*first: str, **also: str) -> AsyncIterator[ZoneMinder]:
    """Give the library, and a server that says these where there are several; `also` by what is asked: camera_1, absent, ids."""
    asked = {
        "camera_1": OF_CAMERA_1,
        "absent": "GET api/events/index/Id >:0/Id:999999.json",
        "ids": "GET api/events/index/Id >:0/Id:2/Id:3/Id:5.json",
    }
    async with Replay(first, {asked[name]: said for name, said in also.items()}) as server:
        async with ZoneMinder(server.url, "admin", "password") as zm:
            yield zm
        assert server.unknown == []


async def test_the_newest_event() -> None:
    async with recorded() as zm:
        event = await zm.events().first()
    assert event is not None
    assert (event.id, event.monitor_id) == (43, "4")
    assert (event.start, event.end) == (
        datetime(2026, 11, 28, 1, 50, 25, tzinfo=UTC),
        datetime(2026, 11, 28, 1, 50, 35, tzinfo=UTC),
    )
    assert event.length_s is not None
    assert event.scheme == "Medium"
    assert event.raw["Id"] == 43


async def test_events_by_their_ids() -> None:
    async with recorded(ids="events-by-ids") as zm:
        events = await zm.events(event_id=[2, 3, 5], newest_first=False).list()
    assert [event.id for event in events] == [2, 3, 5]
    assert all(event.frames for event in events)


async def test_an_event_that_is_still_recorded() -> None:
    async with recorded(camera_1="events-open-motion") as zm:
        event = await zm.events(monitor="1").first()
    assert event is not None
    assert (event.end, event.cause.startswith("Motion:")) == (None, True)
    async with recorded(camera_1="events-closed-motion") as zm:
        closed = await zm.events(monitor="1").first()
    assert closed is not None
    assert closed.id == event.id
    assert closed.end is not None
    assert closed.video.endswith(".mp4")
    assert closed.alarm_frames


async def test_an_alarm_that_was_forced_says_so() -> None:
    async with recorded(camera_1="events-closed-forced") as zm:
        event = await zm.events(monitor="1").first()
    assert event is not None
    assert event.cause.startswith("Forced Web")


async def test_an_event_that_there_is_not() -> None:
    async with recorded(absent="events-none") as zm:
        with pytest.raises(NotThere):
            await zm.events.get(999_999)


async def test_the_frames_of_an_event() -> None:
    async with recorded() as zm:
        frames = await zm.events.frames(3)
    assert [frame.number for frame in frames[:3]] == [1, 2, 6]
    assert frames[0].time == datetime(2026, 11, 28, 1, 23, 42, tzinfo=UTC)
    assert {frame.kind for frame in frames} >= {"Normal", "Alarm"}
    assert max(frame.score for frame in frames) > 0


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("alarm-status-idle", AlarmState.IDLE),
        ("alarm-status-alarm", AlarmState.ALARM),
        ("alarm-status-alert", AlarmState.ALERT),
        ("alarm-status-stopped", None),
    ],
)
async def test_the_state_of_an_alarm(said: str, state: AlarmState | None) -> None:
    async with recorded(said) as zm:
        assert await zm.monitors.alarm_state(1) is state


async def test_alarms_are_forced_and_cancelled() -> None:
    async with recorded("alarm-status-alarm") as zm:
        await zm.monitors.force_alarm(1)
        await zm.monitors.cancel_alarm(1)


async def test_daemons() -> None:
    async with recorded() as zm:
        status = await zm.monitors.daemon_status(1)
        assert status.is_running
        assert "zmc -m 1" in status.text
        await zm.monitors.restart(4)


async def test_a_run_state_that_is_active_is_left_alone() -> None:
    async with recorded("states-after") as zm:
        active = await zm.states.active()
        assert active is not None
        assert active.name == "Quiet"
        assert not await zm.states.change("Quiet")


async def test_there_are_tags_and_none_yet() -> None:
    async with recorded() as zm:
        assert await zm.events.tags() == ()
