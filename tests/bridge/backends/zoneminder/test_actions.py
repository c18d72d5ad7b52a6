from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4
from tests.fakes.zoneminder.server import VIEWER
from tests.fakes.zoneminder.world import ALERT

from vms_bridge.backends.zoneminder.actions import LIMITS, Limits, perform
from vms_bridge.commands import COMMANDS, Action, Restart, SetAlarm, SetArmed, SetMode, SetMotionDetection, SetRunState, VmsTarget
from vms_bridge.errors import CommandRejected, UnsupportedCommand, VmsUnreachable
from vms_bridge.model import AlarmState
from vms_bridge.zoneminder import MonitorRow
from vms_bridge.zoneminder.modes import armed_modes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.bridge.backends.zoneminder.conftest import Serve

    from vms_bridge.backends.zoneminder.backend import ZoneMinder

pytestmark = pytest.mark.virtual_time


def old(function: str) -> MonitorRow:
    return MonitorRow(id="1", name="x", function=function)


def new(capturing: str, analysing: str, recording: str) -> MonitorRow:
    return MonitorRow(id="1", name="x", capturing=capturing, analysing=analysing, recording=recording)


@pytest.mark.parametrize(
    ("row", "on", "restore", "modes"),
    [
        (old("Modect"), False, {}, {"function": "Monitor"}),
        (old("Mocord"), False, {}, {"function": "Record"}),
        (old("Nodect"), False, {}, {"function": "Monitor"}),
        (old("Record"), False, {}, {"function": "Record"}),
        (old("Monitor"), True, {"function": "Nodect"}, {"function": "Nodect"}),
        (old("Monitor"), True, {"function": "Record"}, {"function": "Modect"}),
        (old("Record"), True, {}, {"function": "Mocord"}),
        (old("None"), True, {}, {"function": "Modect"}),
        (old("Mocord"), True, {}, {"function": "Mocord"}),
        (new("Always", "Always", "OnMotion"), False, {}, {"analysing": "None"}),
        (new("Always", "None", "OnMotion"), True, {}, {"analysing": "Always"}),
        (new("None", "None", "Always"), True, {}, {"analysing": "Always", "capturing": "Always"}),
        (new("None", "None", "Always"), True, {"capturing": "Ondemand"}, {"analysing": "Always", "capturing": "Ondemand"}),
    ],
)
def test_modes_of_arming(row: MonitorRow, *, on: bool, restore: Mapping[str, str], modes: Mapping[str, str]) -> None:
    assert armed_modes(row, on=on, restore=restore) == modes


async def test_arming_of_the_old_generation(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        await backend.execute(VmsTarget(monitor_id="1"), SetArmed(on=False))
        await backend.refresh(VmsTarget(monitor_id="1"))
        await feed.until(lambda: feed.states["1"].modes == {"function": "Monitor"})
        assert feed.states["1"].armed is False
        fake.world.monitors[1].enabled = False
        await backend.refresh(VmsTarget(monitor_id="1"))
        await backend.execute(VmsTarget(monitor_id="1"), SetArmed(on=True, restore={"function": "Modect"}))
        await backend.refresh(VmsTarget(monitor_id="1"))
        await feed.until(lambda: feed.states["1"].armed)
        assert fake.edits[-1] == (1, {"Function": "Modect", "Enabled": "1"})


async def test_modes_of_the_new_generation(serve: Serve) -> None:
    async with FakeZoneMinder(World(V1_38_4)) as fake, serve(fake) as (backend, feed):
        await backend.execute(VmsTarget(monitor_id="1"), SetMode(mode="recording", value="Always"))
        await backend.refresh(VmsTarget(monitor_id="1"))
        await feed.until(lambda: feed.states["1"].modes["recording"] == "Always")
        await backend.execute(VmsTarget(monitor_id="1"), SetArmed(on=False))
        await backend.refresh(VmsTarget(monitor_id="1"))
        await feed.until(lambda: feed.states["1"].armed is False)
        assert fake.edits == [(1, {"Recording": "Always"}), (1, {"Analysing": "None"})]
        assert feed.states["1"].modes == {"capturing": "Always", "analysing": "None", "recording": "Always"}


async def test_same_mode_restarts_nothing(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, _):
        await backend.execute(VmsTarget(monitor_id="1"), SetMode(mode="function", value="Modect"))
        assert fake.edits == []


async def test_forced_alarm(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await backend.refresh(VmsTarget(monitor_id="1"))
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)
        assert feed.events[-1].kind == "forced"
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=False))
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.IDLE)


async def test_forced_alarm_where_only_statuses_tell(serve: Serve) -> None:
    world = World()
    world.set_function(1, "Mocord")
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url, poll_interval=60)) as (backend, feed):
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await backend.refresh(VmsTarget(monitor_id="1"))
        assert feed.states["1"].alarm is AlarmState.ALARM


async def requested(backend: ZoneMinder, action: Action) -> bool:
    """Ask for it, and wait but a moment for the answer; say whether a daemon starts anew for it."""
    session = backend._live()
    ladder = None if isinstance(action, SetRunState) else session.ladders.by_id["1"]
    return await perform(session.api, action, ladder, Limits(alarm_s=0.05, run_state_s=0.05, edit_s=0.05))


async def test_alarm_that_takes_long_counts_as_requested(serve: Serve) -> None:
    world = World()
    world.alarm_delay_s = 30
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        assert await requested(backend, SetAlarm(on=True)) is False


@pytest.mark.parametrize(
    ("action", "said", "hint"),
    [
        (SetAlarm(on=True, cause="Doorbell"), "cause", "leave them out"),
        (SetAlarm(on=True, score=5), "score", "leave them out"),
        (SetMode(mode="function", value="Monitor"), "Insufficient", "Monitors: Edit"),
        (Restart(), "Insufficient", "Monitors: Edit"),
        (SetRunState(name="Quiet"), "Insufficient", "System: Edit"),
    ],
)
async def test_refusals(action: Action, said: str, hint: str, serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.users["admin"].permissions = VIEWER
        async with serve(fake) as (backend, _):
            with pytest.raises(CommandRejected, match=said) as caught:
                await backend.execute(VmsTarget(monitor_id=None if isinstance(action, SetRunState) else "1"), action)
            assert hint in caught.value.hint


@pytest.mark.parametrize(("function", "said"), [("Monitor", "mode Monitor"), ("None", "zmu failed")])
async def test_alarms_that_zoneminder_does_not_take(function: str, said: str, serve: Serve) -> None:
    world = World(replace(V1_36_33))
    world.set_function(1, function)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        with pytest.raises(CommandRejected, match=said):
            await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))


async def test_what_is_not_there(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, _):
        with pytest.raises(CommandRejected, match="no such monitor"):
            await backend.execute(VmsTarget(monitor_id="77"), Restart())
        with pytest.raises(CommandRejected, match="shared memory only"):
            await backend.execute(VmsTarget(monitor_id="1"), SetMotionDetection(on=False))
        with pytest.raises(CommandRejected, match="Invalid state"):
            await backend.execute(VmsTarget(), SetRunState(name="Away"))
        await backend.refresh(VmsTarget(monitor_id="77"))


async def test_run_state_with_an_odd_name(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        await backend.execute(VmsTarget(), SetRunState(name="a/b & c"))
        await backend.refresh(VmsTarget())
        assert feed.system is not None
        assert feed.system.run_state == "a/b & c"
        assert fake.world.monitors[1].restarts == 1


async def test_edits_that_answer_with_a_page_or_an_error(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, _):
        fake.fail("monitors/1", "html", times=1)
        await backend.execute(VmsTarget(monitor_id="1"), SetMode(mode="function", value="Monitor"))
        fake.fail("monitors/1", "500-json", times=1)
        with pytest.raises(CommandRejected, match="Countable"):
            await backend.execute(VmsTarget(monitor_id="1"), SetMode(mode="function", value="Record"))
        fake.fail("monitors/alarm", "close")
        with pytest.raises(VmsUnreachable):
            await backend.execute(VmsTarget(monitor_id="2"), SetAlarm(on=True))


@pytest.mark.parametrize("kind", ["502", "503", "504", "truncate"])
@pytest.mark.parametrize(
    "action", [SetRunState(name="Quiet"), SetMode(mode="function", value="Monitor"), Restart(), SetAlarm(on=True)]
)
async def test_a_gateway_that_gives_up_is_no_refusal(action: Action, kind: str, serve: Serve) -> None:
    """ZoneMinder goes on with it: whether it was done shows in the state."""
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, _):
        for path in ("states/change", "monitors/1", "monitors/daemonControl", "monitors/alarm"):
            fake.fail(path, kind)
        await backend.execute(VmsTarget(monitor_id=None if isinstance(action, SetRunState) else "1"), action)
        fake.heal()


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("states/change", SetRunState(name="Quiet")),
        ("monitors/1", SetMode(mode="function", value="Monitor")),
        ("monitors/daemonControl", Restart()),
    ],
)
async def test_what_takes_too_long_counts_as_requested(path: str, action: Action, serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, _):
        fake.fail(path, "hang")
        assert await requested(backend, action) is True
        fake.heal()


async def test_a_look_has_read_the_events_when_it_is_over(serve: Serve) -> None:
    """A command is verified by what was seen then: an alarm that nobody knew of must not be overlooked."""
    async with FakeZoneMinder(World()) as fake, serve(fake, settings=config(fake.url, poll_interval=60)) as (backend, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        await backend.refresh(VmsTarget(monitor_id="1"))  # events are not read again at once after this
        fake.world.alarm(1)
        await backend.refresh(VmsTarget(monitor_id="1"))
        assert feed.states["1"].alarm is AlarmState.ALARM


async def test_a_look_does_not_wait_for_events_that_can_not_be_read(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        fake.fail("events", "500")
        async with asyncio.timeout(15):
            for _ in range(5):
                await backend.refresh(VmsTarget(monitor_id="1"))
        assert feed.states["1"].source != "events"


async def test_refresh_of_a_monitor_that_was_just_deleted(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake, settings=config(fake.url, monitors_interval=600)) as (backend, feed):
        fake.world.remove_monitor(2)
        await backend.refresh(VmsTarget(monitor_id="2"))
        await feed.until(lambda: "2" not in feed.monitors)


async def test_restart_that_fails_takes_its_announcement_back(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        fake.fail("monitors/daemonControl", "500-json")
        with pytest.raises(CommandRejected, match="Countable"):
            await backend.execute(VmsTarget(monitor_id="1"), Restart())
        assert feed.states["1"].connected
        fake.heal()
        await backend.execute(VmsTarget(monitor_id="1"), Restart())
        await feed.until(lambda: feed.states["1"].connected is False)
        assert feed.states["1"].detail == "its daemon starts anew"
        await feed.until(lambda: feed.states["1"].connected)


async def test_monitor_that_is_deleted_while_it_restarts(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        await backend.execute(VmsTarget(monitor_id="1"), Restart())
        fake.world.remove_monitor(1)
        await feed.until(lambda: "1" not in feed.monitors)
        session = backend._session
        assert session is not None
        await feed.until(lambda: not session.monitors._settling)


async def test_cancelled_alarm_shows_before_its_event_ends(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        fake.world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)
        fake.world.set_state(1, ALERT)
        await backend.refresh(VmsTarget(monitor_id="1"))
        assert (feed.states["1"].alarm, feed.states["1"].source) == ("alert", "events")
        fake.world.calm(1)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.IDLE)
        fake.world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)


@pytest.mark.parametrize(
    ("action", "limit_s"),
    [
        (SetAlarm(on=True), LIMITS.alarm_s),
        (SetMotionDetection(on=False), LIMITS.alarm_s),
        (SetArmed(on=True), LIMITS.edit_s),
        (SetMode(mode="function", value="Modect"), LIMITS.edit_s),
        (Restart(), LIMITS.edit_s),
        (SetRunState(name="Away"), LIMITS.run_state_s),
    ],
    ids=str,
)
def test_no_answer_is_waited_for_as_long_as_the_command_may_take(action: Action, limit_s: float) -> None:
    assert limit_s < COMMANDS.row_of(action).timeout_s, "no time would be left to see what became of it"


class Dance(Action):
    """What ZoneMinder has never heard of."""


async def test_what_it_does_not_know_is_unsupported(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (backend, _):
        with pytest.raises(UnsupportedCommand, match="Dance"):
            await backend.execute(VmsTarget(monitor_id="1"), Dance())
