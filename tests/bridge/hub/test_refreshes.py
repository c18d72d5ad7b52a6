"""How often a VMS is asked whether commands have taken effect: at once, then ever more seldom, and for all who wait together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.hub.house import served
from tests.fakes.backend import ScriptedBackend, monitor, snapshot, state, system_state
from tests.fakes.clock import FakeClock, settle
from tests.fakes.commands import ask as command

from vms_bridge.commands import AckResult, Restart, SetAlarm, SetArmed, SetMode, SetRunState
from vms_bridge.errors import VmsUnreachable
from vms_bridge.keys import MonitorRules
from vms_bridge.model import AlarmState, StateUpdate, SystemUpdate

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.commands import Ack, Action, VmsTarget
    from vms_bridge.hub import Hub
    from vms_bridge.model import MonitorState


@dataclass(kw_only=True)
class Polled(ScriptedBackend):
    """A VMS that tells only what it is asked: each request takes its time, four at a time, and effects come with a delay."""

    clock: FakeClock
    request_s: float = 0.1
    list_s: float = 0.5
    execute_s: float = 0.2
    effect_s: float = 0.0
    connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    asked: list[tuple[float, str | None]] = field(default_factory=list)
    true: dict[str, MonitorState] = field(default_factory=dict)
    """What is so, by id, whether or not anybody has asked."""

    async def execute(self, target: VmsTarget, action: Action) -> None:
        monitor_id = target.monitor_id
        self.actions.append((monitor_id, action))
        async with self.connections:
            await self.clock.sleep(self.execute_s)
        assert monitor_id
        due = self.clock.monotonic() + self.effect_s
        self.effects.append((due, monitor_id, action))

    effects: list[tuple[float, str, Action]] = field(default_factory=list)

    async def refresh(self, target: VmsTarget) -> None:
        monitor_id = target.monitor_id
        self.asked.append((self.clock.monotonic(), monitor_id))
        async with self.connections:
            await self.clock.sleep(self.list_s if monitor_id is None else self.request_s)
        self._happen()
        for number in self.states if monitor_id is None else [monitor_id]:
            self._tell(number)

    def _happen(self) -> None:
        now = self.clock.monotonic()
        for effect in [each for each in self.effects if each[0] <= now]:
            self.effects.remove(effect)
            _, number, action = effect
            before = self.true.get(number, self.states[number])
            match action:
                case SetAlarm(on=on):
                    self.true[number] = replace(before, alarm=AlarmState.ALARM if on else AlarmState.ALERT)
                case SetMode(mode=mode, value=value):
                    self.true[number] = replace(before, modes={**before.modes, mode: value})
                case SetArmed(on=on):
                    self.true[number] = replace(before, armed=on)
                case Restart():
                    self.true[number] = replace(before, capture=f"{before.capture} and another")

    def _tell(self, number: str) -> None:
        assert self.feed
        if number in self.true:
            self.states[number] = self.true[number]
            self.feed.emit(StateUpdate(monitor_id=number, state=self.true[number]))

    @property
    def own_looks(self) -> int:
        return sum(monitor_id is not None for _, monitor_id in self.asked)

    @property
    def lists(self) -> int:
        return sum(monitor_id is None for _, monitor_id in self.asked)


async def answered(clock: FakeClock, *asked: asyncio.Task[Ack]) -> float:
    """Let time pass until all are answered, and return how long that took; the store works in a thread of its own meanwhile."""
    began = clock.monotonic()
    while not all(task.done() for task in asked):
        await clock.advance(0.1)
        await asyncio.to_thread(lambda: None)
    return clock.monotonic() - began


def ask(hub: Hub, action: Action, number: int | None = 1) -> asyncio.Task[Ack]:
    target = None if number is None else str(number)
    return asyncio.create_task(hub.submit(command(action, target)))


MANY = 200
SCENES = [
    SetMode(mode="function", value="Monitor"),
    SetArmed(on=False),
    SetAlarm(on=True),
    SetAlarm(on=False),
    Restart(),
]


@pytest.mark.parametrize("effect_s", [0.0, 2.0])
@pytest.mark.parametrize("action", SCENES, ids=lambda action: f"{type(action).__name__} {getattr(action, 'on', '')}")
async def test_a_scene_of_many_cameras_ends_in_time_and_within_the_budget(
    tmp_path: Path, action: Action, effect_s: float
) -> None:
    is_late_alarm = isinstance(action, SetAlarm) and effect_s > 0
    clock = FakeClock()
    alarm = AlarmState.IDLE if action == SetAlarm(on=True) else AlarmState.ALARM
    first = snapshot(*map(monitor, range(MANY)), **{f"m{number}": state(alarm=alarm) for number in range(MANY)})
    # An alarm is forced by a tool that returns when it is on or off.
    backend = Polled(first=first, clock=clock, effect_s=0.0 if is_late_alarm else effect_s)
    if is_late_alarm:
        backend.execute_s = effect_s
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        scene = [ask(hub, action, number) for number in range(MANY)]
        took_s = await answered(clock, *scene)
        assert {task.result().result for task in scene} == {AckResult.APPLIED}
        assert took_s < 120, "or the last of them would have been refused"
        # One look before and one after each are outside of the budget of one request a second, of which four may come at once.
        free = MANY if isinstance(action, SetAlarm | Restart) else 2 * MANY
        assert backend.own_looks + 3 * backend.lists <= free + took_s + 4


@pytest.mark.parametrize("on", [True, False])
async def test_a_scene_of_alarms_that_show_within_a_second_ends_in_time(tmp_path: Path, *, on: bool) -> None:
    clock = FakeClock()
    alarm = AlarmState.IDLE if on else AlarmState.ALARM
    first = snapshot(*map(monitor, range(MANY)), **{f"m{number}": state(alarm=alarm) for number in range(MANY)})
    backend = Polled(first=first, clock=clock, effect_s=0.8)
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        scene = [ask(hub, SetAlarm(on=on), number) for number in range(MANY)]
        took_s = await answered(clock, *scene)
        assert {task.result().result for task in scene} == {AckResult.APPLIED}
        assert took_s < 120
        assert backend.own_looks <= 2 * MANY + took_s + 4


async def test_one_read_of_the_lists_serves_all_who_wait(tmp_path: Path) -> None:
    clock = FakeClock()
    backend = Polled(first=snapshot(*map(monitor, range(8))), clock=clock, effect_s=3.0)
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        scene = [ask(hub, SetMode(mode="function", value="Monitor"), number) for number in range(8)]
        took_s = await answered(clock, *scene)
        assert {task.result().result for task in scene} == {AckResult.APPLIED}
        assert took_s < 8
        assert 16 <= backend.own_looks <= 18  # who comes first has nobody to look for but itself
        assert 1 <= backend.lists <= 3


async def test_what_asks_while_the_lists_are_read_waits_for_the_next_read(tmp_path: Path) -> None:
    """What was on its way before a command was sent may not show its effect."""
    clock = FakeClock()
    backend = Polled(first=snapshot(*map(monitor, range(3))), clock=clock, effect_s=1.0, list_s=4.0)
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        early = [ask(hub, SetMode(mode="function", value="Monitor"), number) for number in (0, 1)]
        while not backend.lists:
            await clock.advance(0.1)
        late = ask(hub, SetMode(mode="function", value="Monitor"), 2)
        await answered(clock, *early, late)
        assert {task.result().result for task in (*early, late)} == {AckResult.APPLIED}


async def test_a_single_command_is_looked_at_as_often_as_it_needs_within_a_second(tmp_path: Path) -> None:
    clock = FakeClock()
    backend = Polled(clock=clock, effect_s=0.75, request_s=0.0, execute_s=0.0)
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        asked = ask(hub, SetAlarm(on=True))
        assert await answered(clock, asked) < 1.6
        assert asked.result().result is AckResult.APPLIED
        assert [monitor_id for _, monitor_id in backend.asked] == ["1"] * len(backend.asked)


async def test_commands_one_after_the_other_are_not_slowed_down(tmp_path: Path) -> None:
    clock = FakeClock()
    backend = Polled(clock=clock, request_s=0.0, execute_s=0.0)
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        for number in range(40):
            asked = ask(hub, SetMode(mode="function", value="Monitor" if number % 2 == 0 else "Modect"))
            assert await answered(clock, asked) < 0.25
            assert asked.result().result is AckResult.APPLIED


@pytest.mark.parametrize("is_away", [True, False])
async def test_a_vms_that_restarts_is_asked_ever_more_seldom(tmp_path: Path, *, is_away: bool) -> None:
    clock = FakeClock()
    looks: list[float] = []

    def look() -> None:
        looks.append(clock.monotonic())
        if is_away:
            raise VmsUnreachable("in restart")

    backend = ScriptedBackend(obey=False)
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        backend.on_refresh = look
        asked = ask(hub, SetRunState(name="Away"), None)
        await answered(clock, asked)
        assert asked.result().result is AckResult.TIMEOUT
    assert 30 < len(looks) < 50
    assert all(later - earlier > 4.9 for earlier, later in zip(looks[-20:], looks[-19:], strict=False))


async def test_an_effect_that_the_backend_tells_is_seen_while_a_look_hangs(tmp_path: Path) -> None:
    clock = FakeClock()
    looks = 0

    class Hanging(ScriptedBackend):
        async def refresh(self, target: VmsTarget) -> None:  # noqa: ARG002 - the contract's parameter
            nonlocal looks
            looks += 1
            if looks > 1:
                await asyncio.Event().wait()

    backend = Hanging(obey=False)
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        asked = ask(hub, SetArmed(on=False))
        while looks < 2:
            await clock.advance(0.1)
            await asyncio.to_thread(lambda: None)
        backend.take_effect("1", SetArmed(on=False))
        assert await answered(clock, asked) < 1
        assert asked.result().result is AckResult.APPLIED


async def test_a_look_that_hangs_does_not_keep_the_others_waiting_for_long(tmp_path: Path) -> None:
    clock = FakeClock()

    class Hanging(Polled):
        async def refresh(self, target: VmsTarget) -> None:
            if target.monitor_id is None and not self.lists:
                self.asked.append((self.clock.monotonic(), None))
                await asyncio.Event().wait()
            await super().refresh(target)

    backend = Hanging(first=snapshot(*map(monitor, range(4))), clock=clock, effect_s=2.0)
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        scene = [ask(hub, SetMode(mode="function", value="Monitor"), number) for number in range(4)]
        await answered(clock, *scene)
        assert {task.result().result for task in scene} == {AckResult.APPLIED}


async def test_whoever_looks_for_all_may_be_stopped(tmp_path: Path) -> None:
    clock = FakeClock()
    backend = Polled(first=snapshot(*map(monitor, range(3))), clock=clock, effect_s=3.0, list_s=2.0)
    async with served(tmp_path, backend, clock, is_running=False) as hub:
        scene = [ask(hub, SetMode(mode="function", value="Monitor"), number) for number in range(3)]
        while not backend.lists:
            await clock.advance(0.1)
        scene[0].cancel()
        await answered(clock, *scene)
        assert {task.result().result for task in scene[1:]} == {AckResult.APPLIED}


async def test_systems_do_not_share_a_budget(tmp_path: Path) -> None:
    clock = FakeClock()
    slow = Polled(first=snapshot(*map(monitor, range(8))), clock=clock, effect_s=1000.0)
    quick = Polled(clock=clock)
    async with served(tmp_path, slow, clock, is_running=False) as hub:
        feed = await hub.add_system(key="other", kind="fake", name="Other", rules=MonitorRules(), backend=quick)
        running = asyncio.create_task(quick.run(feed))
        await settle()
        for number in range(8):
            ask(hub, SetMode(mode="function", value="Monitor"), number)
        await clock.advance(5)
        asked = asyncio.create_task(hub.submit(command(SetMode(mode="function", value="Monitor"), system="other")))
        assert await answered(clock, asked) < 1
        running.cancel()
        await asyncio.wait([running])
        feed.emit(SystemUpdate(state=system_state()))
