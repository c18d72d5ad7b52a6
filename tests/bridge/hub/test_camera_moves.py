"""Cameras that go on moving are stopped, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.hub.house import served
from tests.fakes.backend import ScriptedBackend, monitor, snapshot
from tests.fakes.clock import FakeClock, settle
from tests.fakes.commands import ask

from vms_bridge.commands import AckResult, GoToPreset, Level, MoveCamera, SetPreset
from vms_bridge.errors import CommandRejected, TimedOut, VmsUnreachable
from vms_bridge.ptz import Preset, Ptz, PtzMove

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.commands import Action
    from vms_bridge.hub import Hub

ABLE = Ptz(
    moves=(PtzMove.LEFT, PtzMove.RIGHT, PtzMove.ZOOM_IN, PtzMove.FOCUS_AUTO, PtzMove.STOP, PtzMove.HOME),
    continuous=(PtzMove.LEFT, PtzMove.RIGHT, PtzMove.ZOOM_IN),
    presets=(Preset(number=1), Preset(number=2, name="Gate"), Preset(number=3, name="Pond"), Preset(number=4, name="Pond")),
    sets_presets=True,
)
LEFT, ZOOM = MoveCamera(move=PtzMove.LEFT, seconds=5.0), MoveCamera(move=PtzMove.ZOOM_IN, seconds=9.0)
STOP = MoveCamera(move=PtzMove.STOP)


def a_backend() -> ScriptedBackend:
    return ScriptedBackend(first=snapshot(monitor(ptz=ABLE)))


def stopped(*moves: PtzMove) -> tuple[str, Action]:
    return "1", MoveCamera(move=PtzMove.STOP, stops=moves)


async def later(hub: Hub, clock: FakeClock, seconds: float) -> None:
    """Let time pass, and what the store is asked before and after be answered: its thread knows nothing of this clock."""
    await _stored(hub)
    await clock.advance(seconds)
    await _stored(hub)


async def _stored(hub: Hub) -> None:
    for _ in range(10):  # a command is kept several times, one after the other
        await hub._store.kept("nobody", "nothing")
        await settle()


async def test_a_move_that_goes_on_is_accepted_and_stopped_after_its_time(tmp_path: Path) -> None:
    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        ack = await hub.submit(ask(LEFT))
        assert (ack.result, ack.applied) == (AckResult.ACCEPTED, None)
        await later(hub, clock, 4.9)
        assert backend.actions == [("1", LEFT)]
        await later(hub, clock, 0.2)
        assert backend.actions[1:] == [stopped(PtzMove.LEFT)]
        await later(hub, clock, 60)
        assert len(backend.actions) == 2


async def test_a_move_without_a_time_is_short(tmp_path: Path) -> None:
    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        await hub.submit(ask(MoveCamera(move=PtzMove.RIGHT)))
        await later(hub, clock, 0.6)
        assert backend.actions[1:] == [stopped(PtzMove.RIGHT)]


async def test_what_ends_by_itself_is_not_stopped(tmp_path: Path) -> None:
    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        for action in (MoveCamera(move=PtzMove.HOME), MoveCamera(move=PtzMove.FOCUS_AUTO), GoToPreset(preset="2")):
            await hub.submit(ask(action))
        await later(hub, clock, 600)
        assert len(backend.actions) == 3


async def test_moving_it_anew_sets_another_time_and_each_part_has_its_own(tmp_path: Path) -> None:
    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        await hub.submit(ask(ZOOM))
        await hub.submit(ask(LEFT))
        await later(hub, clock, 4)
        right = MoveCamera(move=PtzMove.RIGHT, seconds=8.0)
        await hub.submit(ask(right))
        await later(hub, clock, 4)
        assert len(backend.actions) == 3
        await later(hub, clock, 1.1)
        assert backend.actions[3:] == [stopped(PtzMove.ZOOM_IN)]
        await later(hub, clock, 3)
        assert backend.actions[4:] == [stopped(PtzMove.RIGHT)]


async def test_who_stops_it_stops_what_was_begun_here(tmp_path: Path) -> None:
    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        await hub.submit(ask(LEFT))
        await hub.submit(ask(ZOOM))
        assert (await hub.submit(ask(STOP))).result is AckResult.ACCEPTED
        assert backend.actions[2:] == [stopped(PtzMove.LEFT, PtzMove.ZOOM_IN)]
        assert (await hub.submit(ask(STOP))).result is AckResult.ACCEPTED
        await later(hub, clock, 60)
        assert backend.actions[3:] == [stopped()], "nobody knows of anything that goes on"


async def test_a_stop_that_failed_leaves_its_time_to_the_move(tmp_path: Path) -> None:
    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        await hub.submit(ask(LEFT))
        backend.fault = VmsUnreachable("gone")
        assert (await hub.submit(ask(STOP))).result is AckResult.FAILED
        backend.fault = None
        await later(hub, clock, 5.1)
        assert backend.actions[2:] == [stopped(PtzMove.LEFT)]


@pytest.mark.parametrize(("fault", "is_stopped"), [(TimedOut("no answer"), True), (CommandRejected("no"), False)])
async def test_only_a_refusal_is_known_to_have_moved_nothing(tmp_path: Path, fault: Exception, *, is_stopped: bool) -> None:
    backend, clock = a_backend(), FakeClock()
    backend.fault = fault
    async with served(tmp_path, backend, clock) as hub:
        await hub.submit(ask(LEFT))
        backend.fault = None
        await later(hub, clock, 30)
        assert backend.actions[1:] == ([stopped(PtzMove.LEFT)] if is_stopped else [])


async def test_what_can_not_be_stopped_is_told_tried_again_and_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        await hub.submit(ask(LEFT))
        backend.fault = VmsUnreachable("gone")
        await later(hub, clock, 5.1)
        assert "could not be stopped yet" in caplog.text
        for _ in range(40):
            await later(hub, clock, 2.1)
        assert "is given up" in caplog.text
        tried = len(backend.actions)
        assert tried > 10
        await later(hub, clock, 600)
        assert len(backend.actions) == tried


async def test_an_orderly_end_stops_cameras(tmp_path: Path) -> None:
    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        await hub.submit(ask(LEFT))
        await hub.end_forced_alarms("another")
        assert len(backend.actions) == 1
        await hub.end_forced_alarms("zm")
        await hub.end_forced_alarms()
        assert backend.actions[1:] == [stopped(PtzMove.LEFT)]


async def test_a_bridge_that_was_killed_stops_cameras_when_it_is_back(tmp_path: Path) -> None:
    async with served(tmp_path, a_backend(), FakeClock()) as hub:
        await hub.submit(ask(LEFT))
        await hub.submit(ask(ZOOM))
        await hub._store.save_monitors("zm", {"1": monitor(ptz=ABLE)})

    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        for _ in range(20):
            await later(hub, clock, 2.1)
        assert backend.actions == [stopped(PtzMove.LEFT), stopped(PtzMove.ZOOM_IN)]

    backend = a_backend()
    async with served(tmp_path, backend, clock) as hub:
        await later(hub, clock, 5)
        assert not backend.actions


@pytest.mark.parametrize("kept", ["", "nonsense", "[1]", '[["zm","1","LEFT!"]]', '{"a": 1}', "[[1,2]]"])
async def test_what_is_kept_may_be_anything(tmp_path: Path, kept: str) -> None:
    async with served(tmp_path, a_backend(), FakeClock(), is_running=False) as hub:
        await hub._store.keep("hub/cameras", "moving", kept)
    backend, clock = a_backend(), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        await hub.submit(ask(LEFT))
        await later(hub, clock, 5.1)
        assert backend.actions[1:] == [stopped(PtzMove.LEFT)]


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (MoveCamera(move=PtzMove.UP), "can't be told 'up'; it can: left, right"),
        (GoToPreset(preset="Roof"), "no preset 'Roof'; it has: Preset 1, Gate, Pond (3), Pond (4)"),
        (GoToPreset(preset="Pond"), "no preset 'Pond'"),
        (SetPreset(number=5), "no preset 5; it has: 1, 2, 3, 4"),
    ],
)
async def test_what_this_camera_can_not_do_is_refused(tmp_path: Path, action: Action, said: str) -> None:
    backend = a_backend()
    async with served(tmp_path, backend, FakeClock()) as hub:
        ack = await hub.submit(ask(action))
        assert ack.result is AckResult.REFUSED
        assert said in (ack.hint or "")
        assert not backend.actions


async def test_a_camera_that_does_not_move_is_told_nothing(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend, FakeClock()) as hub:
        for action in (LEFT, GoToPreset(preset="1"), SetPreset(number=1)):
            assert (await hub.submit(ask(action))).result is AckResult.REFUSED
        assert not backend.actions


@pytest.mark.parametrize(("preset", "number"), [("2", 2), ("Gate", 2), ("Preset 1", 1), ("Pond (4)", 4), ("1", 1)])
async def test_a_preset_is_meant_by_its_number_or_its_label(tmp_path: Path, preset: str, number: int) -> None:
    backend = a_backend()
    async with served(tmp_path, backend, FakeClock()) as hub:
        await hub.submit(ask(GoToPreset(preset=preset)))
        assert backend.actions == [("1", GoToPreset(preset=preset, number=number))]


async def test_a_preset_is_set_by_who_may_do_more(tmp_path: Path) -> None:
    backend = a_backend()
    async with served(tmp_path, backend, FakeClock()) as hub:
        ack = await hub.submit(ask(SetPreset(number=2), level=Level.CONTROL))
        assert (ack.result, ack.code) == (AckResult.REFUSED, "forbidden")
        assert (await hub.submit(ask(SetPreset(number=2, name="Gate")))).result is AckResult.ACCEPTED


async def test_cameras_of_a_system_that_hangs_do_not_hold_up_others(tmp_path: Path) -> None:
    backend, clock = ScriptedBackend(first=snapshot(monitor(1, ptz=ABLE), monitor(2, ptz=ABLE))), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        for number in "12":
            await hub.submit(ask(LEFT, number))
        backend.hold = asyncio.Event()
        await later(hub, clock, 5.1)
        assert {number for number, _ in backend.actions[2:]} == {"1", "2"}
        backend.hold.set()
        await settle()
