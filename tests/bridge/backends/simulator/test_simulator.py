from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from pydantic import ValidationError
from tests.bridge.backends.contract import RecordingFeed
from tests.fakes.clock import FakeClock

from vms_bridge.archive import EventClip, EventFrame, FrameKind
from vms_bridge.backends.simulator.backend import Simulator
from vms_bridge.backends.simulator.config import SimulatorConfig
from vms_bridge.backends.simulator.drawing import Painter
from vms_bridge.backends.simulator.places import PLACES, Place
from vms_bridge.backends.simulator.world import Sighting
from vms_bridge.commands import Action, EndAlarm, Restart, SetAlarm, SetArmed, SetMode, SetMotionDetection, SetRunState, VmsTarget
from vms_bridge.errors import CommandRejected, MediaUnavailable, UnsupportedCommand
from vms_bridge.model import (
    AlarmState,
    Capability,
    Detection,
    EndReason,
    Event,
    EventKind,
    EventPicture,
    EventRef,
    LivePicture,
    Resume,
    StateUpdate,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Site:
    """A simulator at work, and what it has told."""

    def __init__(self, clock: FakeClock | None = None, feed: RecordingFeed | None = None, **config: object) -> None:
        self.clock = clock or FakeClock(START)
        self.feed = feed or RecordingFeed()
        self.simulator = Simulator("sim", SimulatorConfig.model_validate({"width": 320, **config}), self.clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.simulator.run(self.feed))
        await self.clock.advance(0)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()

    def alarm(self, monitor_id: str) -> AlarmState | None:
        return self.feed.states[monitor_id].alarm

    async def until_alarm(self, monitor_id: str) -> None:
        for _ in range(600):
            if self.feed.states[monitor_id].alarm is AlarmState.ALARM:
                return
            await self.clock.advance(0.5)
        raise AssertionError("no alarm within five minutes")

    def events(self, monitor_id: str) -> list[Event]:
        return [event for event in self.feed.events if event.monitor_id == monitor_id]


async def test_an_alarm_within_continuous_recording_has_its_own_cause() -> None:
    site = Site()
    async with site.running():
        await site.until_alarm("3")
        state = site.feed.states["3"]
        assert site.events("3")[-1].cause == "Continuous"
        assert state.cause
        assert state.cause.startswith("Motion")
        for _ in range(120):
            await site.clock.advance(0.5)
            if site.alarm("3") is AlarmState.IDLE:
                break
        assert site.feed.states["3"].cause is None


async def test_an_alarm_comes_with_event_detections_and_zones() -> None:
    site = Site()
    async with site.running():
        await site.until_alarm("1")
        state = site.feed.states["1"]
        assert state.is_recording
        assert state.event_id == site.events("1")[-1].id
        assert any(state.zones.values())
        assert state.score
        assert state.cause
        detection = [update for update in site.feed.updates if isinstance(update, Detection) and update.monitor_id == "1"][-1]
        assert detection.objects
        assert detection.event_id == state.event_id
        for _ in range(120):
            await site.clock.advance(0.5)
            if site.alarm("1") is AlarmState.IDLE:
                break
        assert site.alarm("1") is AlarmState.IDLE
        await site.clock.advance(2)
        detections = [update for update in site.feed.updates if isinstance(update, Detection) and update.monitor_id == "1"]
        empty = [index for index, update in enumerate(detections) if not update.objects]
        assert empty
        assert all(detections[index - 1].objects for index in empty), "presence ends once"
        assert site.feed.states["1"].events_hour
        assert site.feed.states["1"].events_hour == site.feed.states["1"].events_month
        assert site.feed.states["1"].events_total is None, "what its archive lists has not been counted"
        assert (site.feed.system.storage[0].used_bytes or 0) > 0


async def test_a_continuous_camera_alarms_inside_its_sections() -> None:
    site = Site()
    async with site.running():
        await site.until_alarm("3")
        await site.clock.advance(180)
        events = site.events("3")
        assert {event.kind for event in events} == {EventKind.CONTINUOUS}
        assert site.feed.states["3"].is_recording
        assert not site.feed.monitors["3"].modes
        assert not site.feed.monitors["3"].capabilities & {Capability.ARM, Capability.MODES, Capability.RESTART}


async def test_the_same_seed_tells_the_same_story() -> None:
    stories = []
    for _ in range(2):
        site = Site(cameras=5, pace=3)
        async with site.running():
            await site.clock.advance(120)
        stories.append((site.feed.updates, site.feed.batches))
    assert stories[0] == stories[1]
    assert len(list(site.feed.events)) > 20


async def test_sparing_looks_lose_nothing() -> None:
    """A camera that says it needs no look before some time must have nothing to tell until then."""
    site, watched = Site(cameras=3), Site(cameras=3)
    async with site.running(), watched.running():
        for _ in range(600):
            for camera in watched.simulator._cameras.values():
                camera._steady_until = 0
            await site.clock.advance(0.5)
            await watched.clock.advance(0.5)
    assert list(site.feed.events) == list(watched.feed.events)
    assert [update for update in site.feed.updates if not isinstance(update, StateUpdate)] == [
        update for update in watched.feed.updates if not isinstance(update, StateUpdate)
    ]
    for monitor_id in site.feed.monitors:
        assert _course(site, monitor_id) == _course(watched, monitor_id)


def _course(site: Site, monitor_id: str) -> list[tuple[object, ...]]:
    """What a camera's states told one after the other, without what only counts: that may wait for the next look."""
    states = [update.state for update in site.feed.updates if isinstance(update, StateUpdate) and update.monitor_id == monitor_id]
    course = [(one.alarm, one.zones, one.score, one.cause, one.event_id, one.is_recording, one.connected) for one in states]
    return [one for index, one in enumerate(course) if index == 0 or one != course[index - 1]]


async def test_disarming_interrupts_and_arming_restores() -> None:
    site = Site()
    async with site.running():
        await site.until_alarm("1")
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetArmed(on=False))
        state = site.feed.states["1"]
        assert (state.armed, state.modes, state.alarm) == (False, {"function": "Monitor"}, AlarmState.IDLE)
        assert set(state.zones.values()) == {None}
        await site.clock.advance(1)
        event = site.events("1")[-1]
        assert event.end_reason is EndReason.CLOSED
        assert event.end == START + timedelta(seconds=(site.clock.now() - START).total_seconds() - 0.5)
        told = len(site.events("1"))
        await site.clock.advance(120)
        assert len(site.events("1")) == told
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetArmed(on=True, restore={"function": "Mocord"}))
        assert site.feed.states["1"].modes == {"function": "Mocord"}
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetArmed(on=True, restore={"function": "Nonsense"}))
        assert site.feed.states["1"].modes == {"function": "Modect"}
        await site.until_alarm("1")
        assert len(site.events("1")) > told


@pytest.mark.parametrize(
    ("function", "connected", "armed", "kinds"),
    [
        ("None", None, False, set()),
        ("Monitor", True, False, set()),
        ("Modect", True, True, {EventKind.ALARM}),
        ("Record", True, False, {EventKind.CONTINUOUS}),
        ("Mocord", True, True, {EventKind.CONTINUOUS}),
    ],
)
async def test_functions(function: str, connected: bool | None, armed: bool, kinds: set[EventKind]) -> None:  # noqa: FBT001  # a table
    site = Site(cameras=1, pace=4)
    async with site.running():
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetMode(mode="function", value=function))
        since = len(site.feed.batches)
        await site.clock.advance(60)
        state = site.feed.states["1"]
        assert (state.connected, state.armed) == (connected, armed)
        assert (state.alarm is None) is not bool(connected)
        assert {event.kind for batch in site.feed.batches[since + 1 :] for event in batch.events} == kinds


@pytest.mark.parametrize(
    ("recording", "kinds"), [("None", set()), ("OnMotion", {EventKind.ALARM}), ("Always", {EventKind.CONTINUOUS})]
)
async def test_the_capturing_way_of_modes(recording: str, kinds: set[EventKind]) -> None:
    site = Site(cameras=2, pace=4)
    async with site.running():
        await site.simulator.execute(VmsTarget(monitor_id="2"), SetMode(mode="recording", value=recording))
        await site.clock.advance(60)
        assert {event.kind for event in site.events("2")} == kinds
        assert site.feed.states["2"].armed
        await site.simulator.execute(VmsTarget(monitor_id="2"), SetMode(mode="capturing", value="None"))
        assert site.feed.states["2"].connected is None
        assert site.feed.states["2"].detail


async def test_run_states_set_modes() -> None:
    site = Site()
    async with site.running():
        assert site.feed.system.run_state == "Away"
        await site.simulator.execute(VmsTarget(), SetRunState(name="Home"))
        assert site.feed.system.run_state == "Home"
        assert [site.feed.states[number].armed for number in "123"] == [True, False, True]
        await site.simulator.execute(VmsTarget(), SetRunState(name="Night"))
        assert site.feed.states["1"].modes == {"function": "Mocord"}
        await site.simulator.refresh(VmsTarget())
        with pytest.raises(CommandRejected, match="no run state"):
            await site.simulator.execute(VmsTarget(), SetRunState(name="Holiday"))


async def test_a_forced_alarm_has_an_event_of_its_own() -> None:
    site = Site(pace=0.01)
    async with site.running():
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True, cause="Doorbell", text="ding", score=77))
        state = site.feed.states["1"]
        assert (state.alarm, state.score, state.cause) == (AlarmState.ALARM, 77, "Doorbell")
        await site.clock.advance(1)
        event = site.events("1")[-1]
        assert (event.kind, event.cause, event.notes, event.end) == (EventKind.FORCED, "Doorbell", "ding", None)
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True, cause="Again"))
        await site.clock.advance(1)
        assert (site.events("1")[-1].id, site.events("1")[-1].cause) == (event.id, "Again")
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetAlarm(on=False))
        assert site.alarm("1") is AlarmState.ALERT
        await site.clock.advance(2)
        assert site.alarm("1") is AlarmState.IDLE
        assert site.events("1")[-1].end is not None
        assert (await site.simulator.picture(EventPicture(event=EventRef("sim", 1, event.id))))[:2] == b"\xff\xd8"
        told = len(site.events("1"))
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await site.clock.advance(1)
        assert len(site.events("1")) == told + 1
        assert site.events("1")[-1].id != event.id
        first = EventRef("sim", 1, event.id)
        for ref in (EventClip(event=first), EventFrame(event=first, frame=FrameKind.BEST)):
            media = await site.simulator.archive.media(ref, None)
            assert await media.read()
            await media.close()
        with pytest.raises(MediaUnavailable, match="still recorded"):
            await site.simulator.archive.media(EventClip(event=EventRef("sim", 1, site.events("1")[-1].id)), None)
        with pytest.raises(MediaUnavailable, match="no recording"):
            await site.simulator.archive.media(EventClip(event=EventRef("sim", 1, "1-f1")), None)


async def test_what_moves_by_itself_keeps_its_alarm_until_any_alarm_is_ended() -> None:
    site = Site()
    async with site.running():
        await site.until_alarm("1")
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetAlarm(on=False))
        await site.clock.advance(1.1)
        assert site.alarm("1") is AlarmState.ALARM
        await site.simulator.execute(VmsTarget(monitor_id="1"), EndAlarm())
        assert site.alarm("1") is AlarmState.ALERT
        await site.clock.advance(2)
        assert site.alarm("1") is AlarmState.IDLE
        assert site.events("1")[-1].end is not None


async def test_pausing_detection_keeps_the_mode() -> None:
    site = Site(cameras=1, pace=4)
    async with site.running():
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetMotionDetection(on=False))
        await site.clock.advance(1)
        told = len(list(site.feed.events))
        await site.clock.advance(60)
        state = site.feed.states["1"]
        assert (state.armed, state.detection, state.modes) == (True, False, {"function": "Modect"})
        assert len(list(site.feed.events)) == told
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetMotionDetection(on=True))
        await site.until_alarm("1")


async def test_a_restart_takes_a_second() -> None:
    site = Site()
    async with site.running():
        await site.simulator.execute(VmsTarget(monitor_id="1"), Restart())
        assert site.feed.states["1"].connected is False
        assert site.feed.states["1"].detail == "restarting"
        await site.clock.advance(1.5)
        assert site.feed.states["1"].connected is True


@pytest.mark.parametrize(
    ("monitor_id", "action"),
    [
        ("9", SetAlarm(on=True)),
        (None, SetAlarm(on=True)),
        ("1", SetMode(mode="capturing", value="None")),
        ("1", SetMode(mode="function", value="Nodect")),
        ("3", SetMode(mode="function", value="Modect")),
    ],
)
async def test_what_cannot_be_is_refused(monitor_id: str | None, action: SetAlarm | SetMode) -> None:
    site = Site()
    async with site.running():
        with pytest.raises(CommandRejected):
            await site.simulator.execute(VmsTarget(monitor_id=monitor_id), action)


async def test_commands_between_two_runs_show_in_the_next() -> None:
    site = Site()
    async with site.running():
        pass
    told = len(site.feed.updates)
    await site.simulator.execute(VmsTarget(monitor_id="1"), SetArmed(on=False))
    await site.simulator.refresh(VmsTarget(monitor_id="1"))
    await site.simulator.refresh(VmsTarget())
    await site.simulator.execute(VmsTarget(), SetRunState(name="Night"))
    assert len(site.feed.updates) == told
    async with site.running():
        assert site.feed.states["1"].modes == {"function": "Mocord"}
        assert site.feed.system.run_state == "Night"


async def test_the_first_contact_announces_only_what_is_open() -> None:
    site = Site()
    async with site.running():
        first = list(site.feed.events)
    assert [event.kind for event in first if event.monitor_id == "3"] == [EventKind.CONTINUOUS]
    assert all(event.end is None for event in first)


async def test_what_was_missed_is_told_as_late_once() -> None:
    whole = Site()
    async with whole.running():
        await whole.clock.advance(600)
    broken = Site()
    async with broken.running():
        await broken.clock.advance(100)
    before = len(broken.feed.batches)
    await broken.clock.advance(400)
    again = Site(broken.clock, broken.feed)  # a new process: only the feed remembers
    async with again.running():
        await again.clock.advance(100)
    late = [event.id for batch in broken.feed.batches[before:] if batch.late for event in batch.events]
    assert late
    assert len(set(late)) == len(late)
    assert {event.id: event for event in broken.feed.events} == {event.id: event for event in whole.feed.events}
    assert not any(batch.late for batch in whole.feed.batches)


async def test_catching_up_has_an_end() -> None:
    site = Site()
    async with site.running():
        await site.clock.advance(60)
    await site.clock.advance(100_000)
    again = Site(site.clock, site.feed, catch_up=600)
    before = len(site.feed.batches)
    async with again.running():
        pass
    late = [event for batch in site.feed.batches[before:] if batch.late for event in batch.events]
    oldest = site.clock.now() - timedelta(seconds=601)
    assert all(event.end and event.end > oldest for event in late[3:])
    assert late


async def test_an_unknown_open_event_is_abandoned_and_a_foreign_cursor_ignored() -> None:
    site = Site()
    site.feed._resume = Resume(cursor="someone else's")
    event = Event(id="1-f12", monitor_id="1", start=START - timedelta(hours=1), kind=EventKind.FORCED)
    site.feed._open = {
        event.id: event,
        "x": Event(id="x", monitor_id="2", start=START),
        "y": Event(id="y", monitor_id="7", start=START),
    }
    async with site.running():
        await site.clock.advance(1)
    ended = {event.id: event for event in site.feed.events if event.end_reason is EndReason.ABANDONED}
    assert ended.keys() == {"1-f12", "x"}
    assert ended["1-f12"].end is None


async def test_a_forced_alarm_outlives_a_new_run_of_the_same_process() -> None:
    site = Site(pace=0.01)
    async with site.running():
        await site.simulator.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await site.clock.advance(1)
    async with site.running():
        await site.clock.advance(1)
        assert site.alarm("1") is AlarmState.ALARM
        assert site.events("1")[-1].end is None


async def test_the_cursor_moves_on_without_events() -> None:
    site = Site(pace=0.01, cameras=1)
    async with site.running():
        await site.clock.advance(15)
        first = site.feed.resume.cursor
        await site.clock.advance(15)
        assert first != site.feed.resume.cursor


@pytest.mark.parametrize(
    "ref", [EventPicture(event=EventRef("sim", 1, event_id)) for event_id in ("1-99999999999", "9-1", "x")], ids=repr
)
async def test_no_picture_of_what_never_was(ref: EventPicture) -> None:
    site = Site()
    with pytest.raises(MediaUnavailable):
        await site.simulator.picture(ref)


async def test_pictures_have_the_configured_size_and_show_what_changes() -> None:
    site = Site(width=640)
    async with site.running():
        pictures = set()
        for monitor_id in ("1", "2", "3"):
            await site.until_alarm(monitor_id)
            data = await site.simulator.picture(LivePicture(monitor=monitor_id))
            assert Image.open(BytesIO(data)).size == (640, 360)
            pictures.add(data)
        event = next(event for event in site.feed.events if event.snapshot_ready and event.monitor_id == "1")
        pictures.add(await site.simulator.picture(EventPicture(event=EventRef("sim", 1, event.id))))
        assert len(pictures) == 4


async def test_a_world_that_is_still_to_come_is_a_problem_to_check() -> None:
    site = Site(epoch="2030-01-01T00:00:00Z")
    findings = await site.simulator.check()
    assert [finding.problem for finding in findings] == [False, True]
    async with site.running():
        await site.clock.advance(60)
        assert not list(site.feed.events)


@pytest.mark.timeout(60)  # a second without coverage
async def test_thousands_of_cameras_are_one_world() -> None:
    site = Site(cameras=2_000)
    async with site.running():
        assert len(site.feed.states) == 2_000
        await site.clock.advance(2)
    assert len({monitor.name for monitor in site.feed.monitors.values()}) == 2_000


@pytest.mark.parametrize("bad", [{"cameras": 0}, {"cameras": 5_000}, {"pace": 0}, {"epoch": "2026-01-01T00:00:00"}, {"sed": 1}])
def test_nonsense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SimulatorConfig.model_validate(bad)


@pytest.mark.parametrize("label", ["person", "car", "dog", "cat"])
@pytest.mark.parametrize("to_left", [False, True])
def test_every_visitor_can_be_drawn(label: str, *, to_left: bool) -> None:
    painter = Painter(320)
    seen = Sighting(
        label=label,
        colour="#b23a48",
        score=0.9,
        box=(0.4, 0.5, 0.2, 0.3),
        zones=("1",),
        stride=0.5,
        to_left=to_left,
        track="1",
    )
    assert painter.picture("Test", PLACES[0], (seen,), 0.0) != painter.picture("Test", PLACES[0], (), 0.0)


async def test_cameras_that_name_nobody_see_motion_only() -> None:
    site, other = Site(names_visitors=False), Site()
    async with site.running(), other.running():
        await site.until_alarm("1")
        await site.clock.advance(20)
        await other.clock.advance((site.clock.now() - other.clock.now()).total_seconds())
        seen = site.events("1")
        assert seen
        assert {(event.labels, event.score) for event in site.feed.events} == {((), None)}
        assert any(event.labels for event in other.feed.events)
        assert not [update for update in site.feed.updates if isinstance(update, Detection)]
        assert Capability.DETECTIONS not in site.feed.monitors["1"].capabilities
        recorded = await site.simulator.archive.event(seen[0].id)
        assert recorded is not None
        assert not recorded.labels


def test_a_view_has_no_marks() -> None:
    painter = Painter(320)
    seen = Sighting(
        label="dog", colour="#b23a48", score=0.9, box=(0.4, 0.5, 0.2, 0.3), zones=("1",), stride=0.5, to_left=False, track="1"
    )
    assert painter.view(PLACES[0], (seen,)).tobytes() != painter.scene(PLACES[0], (seen,)).tobytes()
    assert painter.view(PLACES[0], ()).tobytes() != painter.scene(PLACES[0], ()).tobytes()  # zones are marks too
    assert painter.picture("x", PLACES[0], (seen,), 0.0, is_marked=False) != painter.picture("x", PLACES[0], (seen,), 0.0)


def test_a_place_without_a_scene_is_a_meadow() -> None:
    place = Place(name="Nowhere", zones=(), ways=())
    assert Painter(320).picture("Nowhere", place, (), 0.0)[:2] == b"\xff\xd8"


def test_it_has_no_page() -> None:
    assert Site().simulator.url is None


class Dance(Action):
    """What no camera has ever heard of."""


async def test_what_it_does_not_know_is_unsupported() -> None:
    site = Site()
    async with site.running():
        with pytest.raises(UnsupportedCommand, match="Dance"):
            await site.simulator.execute(VmsTarget(monitor_id="1"), Dance())
