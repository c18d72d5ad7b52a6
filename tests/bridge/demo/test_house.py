"""The simulated house behind the real hub: every command is verified, events are stored, nothing is told twice."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.bridge.demo.test_run import FastClock
from tests.fakes.commands import ask

from vms_bridge.app import Bridge
from vms_bridge.backends import load_kind
from vms_bridge.commands import AckResult, EndAlarm, Restart, SetAlarm, SetArmed, SetMode, SetMotionDetection, SetRunState
from vms_bridge.config import Config, SystemConfig
from vms_bridge.keys import MonitorRules
from vms_bridge.model import AlarmState, EventPicture, LivePicture, PictureRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.commands import Action

KIND = load_kind("simulator")


@asynccontextmanager
async def house(path: Path, clock: FastClock, **settings: object) -> AsyncIterator[Bridge]:
    system = SystemConfig(
        key="sim", kind=KIND, name="House", rules=MonitorRules(), settings=KIND.config.model_validate({"width": 320, **settings})
    )
    bridge = Bridge(Config(instance="test", name="Test", data_dir=path, systems={"sim": system}), clock)
    running = asyncio.create_task(bridge.run())
    await bridge.ready.wait()
    subscription = bridge.hub.subscribe()
    while not bridge.hub.systems["sim"].state.available:
        await subscription.changes()
    subscription.close()
    try:
        yield bridge
    finally:
        bridge.stop()
        await running


async def test_every_command_is_applied_and_verified(tmp_path: Path) -> None:
    async with house(tmp_path, FastClock(), pace=0.01) as bridge:

        async def give(action: Action, monitor: str | None = "1") -> AckResult:
            ack = await bridge.hub.submit(ask(action, monitor, system="sim"))
            return ack.result

        assert await give(SetArmed(on=False)) is AckResult.APPLIED
        assert await give(SetArmed(on=False)) is AckResult.UNCHANGED
        assert await give(SetArmed(on=True)) is AckResult.APPLIED
        assert await give(SetAlarm(on=True, seconds=2)) is AckResult.APPLIED
        assert await give(SetAlarm(on=False)) is AckResult.APPLIED
        assert await give(SetAlarm(on=True)) is AckResult.APPLIED
        assert await give(EndAlarm()) is AckResult.APPLIED
        assert await give(SetMotionDetection(on=False)) is AckResult.APPLIED
        assert await give(SetMotionDetection(on=True)) is AckResult.APPLIED
        for value in ("None", "Record", "Mocord", "Modect"):
            assert await give(SetMode(mode="function", value=value)) is AckResult.APPLIED
        assert await give(SetMode(mode="analysing", value="None"), "2") is AckResult.APPLIED
        assert await give(Restart()) is AckResult.APPLIED
        for name in ("Home", "Night", "Away"):
            assert await give(SetRunState(name=name), None) is AckResult.APPLIED
        assert await give(SetArmed(on=False), "3") is AckResult.REFUSED
        assert await give(SetRunState(name="Holiday"), None) is AckResult.REFUSED


async def test_armed_gives_back_the_mode_that_was(tmp_path: Path) -> None:
    async with house(tmp_path, FastClock(), pace=0.01) as bridge:
        for action in (SetMode(mode="function", value="Mocord"), SetArmed(on=False), SetArmed(on=True)):
            ack = await bridge.hub.submit(ask(action, system="sim"))
            assert ack.result is AckResult.APPLIED
        view = bridge.hub.monitor("sim", "1")
        assert view is not None
        assert view.state.modes == {"function": "Mocord"}


async def test_a_forced_alarm_ends_by_itself(tmp_path: Path) -> None:
    async with house(tmp_path, FastClock(), pace=0.01) as bridge:
        subscription = bridge.hub.subscribe()
        ack = await bridge.hub.submit(ask(SetAlarm(on=True, cause="Doorbell", seconds=0.5), "2", system="sim"))
        assert ack.result is AckResult.APPLIED
        seen: list[AlarmState | None] = []
        while not seen or seen[-1] is not AlarmState.IDLE:
            await subscription.changes()
            view = bridge.hub.monitor("sim", "2")
            assert view is not None
            seen.append(view.state.alarm)
        assert AlarmState.ALERT in seen
        subscription.close()


async def test_a_restart_of_the_bridge_tells_what_was_missed_once(tmp_path: Path) -> None:
    clock = FastClock()
    ids: set[str] = set()
    async with house(tmp_path, clock, pace=10) as bridge:
        await clock.sleep(6)
        picture = bridge.hub.monitor("sim", "1")
        assert picture is not None
        refs: list[PictureRef] = [LivePicture(monitor="1")]
        if picture.last_event and picture.last_event.ref:
            refs.append(EventPicture(event=picture.last_event.ref))
        for ref in refs:
            assert (await bridge.hub.picture("sim", ref))[:2] == b"\xff\xd8"
        cursor = bridge.hub._systems["sim"].cursor
        assert cursor is not None
        ids.update(event.id for event in bridge.hub._systems["sim"].events.open)
    await clock.sleep(10)
    async with house(tmp_path, clock, pace=10) as bridge:
        await clock.sleep(2)
        system = bridge.hub._systems["sim"]
        assert system.cursor is not None
        assert float(system.cursor) > float(cursor) + 9
        assert not ids & {event.id for event in system.events.open}
        assert all(system.seqs[key] > 3 for key in "12")
