"""Commands: refused before the backend sees them, or executed once, verified, and answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.hub.house import served
from tests.fakes.backend import ScriptedBackend, event, monitor, snapshot, state, system_state
from tests.fakes.clock import FakeClock, settle
from tests.fakes.commands import MORE, Keep, Look, within
from tests.fakes.commands import ask as command

from vms_bridge.clock import SystemClock
from vms_bridge.commands import (
    Ack,
    AckResult,
    Action,
    Command,
    EndAlarm,
    Level,
    Origin,
    Request,
    Restart,
    SetAlarm,
    SetArmed,
    SetMode,
    SetMotionDetection,
    SetRunState,
    Target,
    TargetKind,
)
from vms_bridge.errors import CommandRejected, CommandTooOld, CommandUnverified, VmsUnreachable
from vms_bridge.hub.forced_alarms import ForcedAlarms
from vms_bridge.keys import MonitorRules
from vms_bridge.model import AlarmState, Capability, EventBatch, EventRef, StateUpdate, SystemLost, SystemUpdate
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vms_bridge.views import HubView, MonitorKey

QUICK = within(0.3)


@pytest.mark.parametrize(
    ("action", "applied"),
    [
        (SetArmed(on=False), "OFF"),
        (SetAlarm(on=True), "ON"),
        (SetAlarm(on=False), "OFF"),
        (SetMotionDetection(on=False), "OFF"),
        (SetMode(mode="function", value="Monitor"), "Monitor"),
        (Restart(), "restarted"),
    ],
)
async def test_a_command_is_applied_when_its_effect_is_seen(tmp_path: Path, action: Action, applied: str) -> None:
    backend = ScriptedBackend(first=snapshot(m1=state(alarm=AlarmState.ALARM)))
    async with served(tmp_path, backend) as hub:
        ack = await hub.submit(command(action))
        assert (ack.result, ack.applied, ack.code) == (AckResult.APPLIED, applied, None)
        assert backend.actions == [("1", action)]


async def test_what_its_door_has_refused_stays_so_when_it_comes_again(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        asked = command(SetAlarm(on=True), request_id="r1")
        refused = await hub.submit(replace(asked, refusal=CommandTooOld("nothing was done: it has waited", hint="send it anew")))
        assert (refused.result, refused.code) == (AckResult.REFUSED, "too_old")
        assert refused.hint == "nothing was done: it has waited: send it anew"
        assert await hub.submit(asked) == refused
        assert backend.actions == []
        assert (await hub.submit(replace(asked, request_id="r2"))).result is AckResult.APPLIED


async def test_what_was_answered_before_a_restart_is_not_run_again(tmp_path: Path) -> None:
    """As a broker asks that was restored from before our acknowledgement, and a client that has lost its answer."""
    asked = command(SetAlarm(on=True), request_id="r1")
    too_old = replace(command(SetAlarm(on=True), request_id="r2"), refusal=CommandTooOld("nothing was done", hint="send it anew"))
    async with served(tmp_path, ScriptedBackend()) as hub:
        answer, refused = await hub.submit(asked), await hub.submit(too_old)
        await hub.submit(command(SetAlarm(on=True)))
    assert answer.result is AckResult.APPLIED
    again = ScriptedBackend()
    async with served(tmp_path, again) as hub:
        assert await hub.submit(asked) == answer
        assert await hub.submit(replace(too_old, refusal=None)) == refused
        other = await hub.submit(replace(asked, action=SetAlarm(on=False)))
        assert (other.result, other.code) == (AckResult.REFUSED, "rejected")
        assert "another command, SetAlarm of zm/1" in str(other.hint)
        assert again.actions == []
        assert (await hub.submit(replace(asked, request_id="r3"))).result is AckResult.APPLIED


async def test_what_nobody_knows_of_is_a_timeout_whatever_its_level(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        unknown = CommandUnverified("the bridge was stopped while this was under way", hint="look")
        ack = await hub.submit(replace(command(SetAlarm(on=True), request_id="r1"), refusal=unknown))
        assert (ack.result, ack.code) == (AckResult.TIMEOUT, unknown.code)
        assert backend.actions == []


async def test_a_run_state_is_applied_to_the_system(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        progress: list[Ack] = []
        ack = await hub.submit(command(SetRunState(name="Away"), monitor=None), progress.append)
        assert (ack.result, ack.applied) == (AckResult.APPLIED, "Away")
        assert hub.systems["zm"].state.run_state == "Away"


async def test_choices_with_odd_names_are_shown_well_and_asked_for_by_their_own(tmp_path: Path) -> None:
    odd = "Away\u202e\x1b"
    system = system_state(run_states=("Home", odd, "Away"))
    camera = monitor(1, name=f"{odd}Drive\x00{'x' * 5_000}", modes={"function": ("Modect", odd)})
    backend = ScriptedBackend(first=replace(snapshot(camera), system=system), system=system)
    async with served(tmp_path, backend) as hub:
        view = hub.systems["zm"]
        assert view.state.run_states == ("Home", "Away (2)", "Away")
        shown = view.monitors["1"].monitor
        assert shown.name.startswith("Away Drive x")
        assert len(shown.name) == 256
        assert shown.modes == {"function": ("Modect", "Away (2)")}
        ack = await hub.submit(command(SetRunState(name="Away (2)"), monitor=None))
        assert (ack.result, ack.applied) == (AckResult.APPLIED, "Away (2)")
        assert backend.system.run_state == odd
        ack = await hub.submit(command(SetMode(mode="function", value="Away (2)")))
        assert (ack.result, ack.applied) == (AckResult.APPLIED, "Away (2)")
        assert backend.states["1"].modes == {"function": odd}
        assert hub.systems["zm"].monitors["1"].state.modes == {"function": "Away (2)"}


async def test_a_long_command_tells_that_it_runs(tmp_path: Path) -> None:
    backend = ScriptedBackend(hold=asyncio.Event())
    async with served(tmp_path, backend) as hub:
        running = asyncio.Event()
        progress: list[Ack] = []

        def hear(ack: Ack) -> None:
            progress.append(ack)
            running.set()

        task = asyncio.create_task(hub.submit(command(SetRunState(name="Away"), monitor=None), hear))
        await running.wait()
        assert progress[0].result is AckResult.RUNNING
        assert backend.hold
        backend.hold.set()
        assert (await task).result is AckResult.APPLIED


@pytest.mark.parametrize(
    "action",
    [SetArmed(on=True), SetMotionDetection(on=True), SetMode(mode="function", value="Modect")],
)
async def test_what_is_so_already_is_not_done_again(tmp_path: Path, action: Action) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        ack = await hub.submit(command(action))
        assert ack.result is AckResult.UNCHANGED
        assert backend.actions == []


async def test_unchanged_is_said_only_after_a_look(tmp_path: Path) -> None:
    """Somebody may have changed a mode in the VMS a moment ago: what was known then is no answer."""
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:

        def somebody_else_changes_it() -> None:
            backend.on_refresh = None
            backend.take_effect("1", SetMode(mode="function", value="Monitor"))

        backend.on_refresh = somebody_else_changes_it
        assert (await hub.submit(command(SetMode(mode="function", value="Modect")))).result is AckResult.APPLIED
        assert backend.actions == [("1", SetMode(mode="function", value="Modect"))]


async def test_the_modes_to_return_to_are_those_of_now(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:

        def somebody_else_changes_it() -> None:
            backend.on_refresh = None
            backend.take_effect("1", SetMode(mode="function", value="Mocord"))

        backend.on_refresh = somebody_else_changes_it
        assert (await hub.submit(command(SetArmed(on=False)))).result is AckResult.APPLIED
        assert hub.remembered_modes("zm", "1") == {"function": "Mocord"}


async def test_the_run_state_in_force_is_not_applied_again(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetRunState(name="Home"), monitor=None))).result is AckResult.UNCHANGED
        assert backend.actions == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (command(SetArmed(on=True), system="other"), "no system 'other'"),
        (command(SetArmed(on=True), monitor="9"), "no monitor '9'"),
        (command(SetMode(mode="function", value="Sing")), "None, Monitor, Modect"),
        (command(SetMode(mode="colour", value="red")), "no mode 'colour'"),
        (command(SetRunState(name="Party"), monitor=None), "Home, Away"),
    ],
)
async def test_what_can_not_be_is_refused_with_what_could(tmp_path: Path, bad: Command, words: str) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        ack = await hub.submit(bad)
        assert ack.result is AckResult.REFUSED
        assert words in (ack.hint or "")
        assert backend.actions == []


async def test_a_missing_capability_is_refused(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(monitor(capabilities=frozenset({Capability.EVENTS}))))
    async with served(tmp_path, backend) as hub:
        ack = await hub.submit(command(SetAlarm(on=True)))
        assert (ack.result, ack.code) == (AckResult.REFUSED, "unsupported")


async def test_a_lost_system_answers_at_once(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        assert backend.feed
        backend.feed.emit(SystemLost(detail="the server is off"))
        ack = await hub.submit(command(SetArmed(on=False)))
        assert ack.result is AckResult.FAILED
        assert "the server is off" in (ack.hint or "")


async def test_what_no_state_tells_of_is_accepted_when_the_vms_has_taken_it(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend, table=MORE) as hub:
        action = hub.command_table.parse(TargetKind.MONITOR, "look", Request(value="left"), {})
        ack = await hub.submit(command(action))
        assert (ack.result, ack.applied, ack.code) == (AckResult.ACCEPTED, None, None)
        assert backend.actions == [("1", Look(to="left"))]
        assert backend.looks == 0, "there is nothing to see"
        backend.fault = CommandRejected("its motor is stuck")
        assert (await hub.submit(command(action))).result is AckResult.REFUSED
        backend.fault, backend.hold = None, asyncio.Event()
        assert (await hub.submit(command(action))).result is AckResult.TIMEOUT


FIRST, SECOND = EventRef("zm", 1, "7"), EventRef("zm", 2, "7")


def on_event(ref: EventRef, action: Action | None = None) -> Command:
    return command(action or Keep(), target=Target(system="zm", event=ref))


async def test_a_command_on_an_event_reaches_the_vms_by_the_id_that_it_knows(tmp_path: Path) -> None:
    backend = ScriptedBackend(hold=asyncio.Event())
    async with served(tmp_path, backend, table=MORE) as hub:
        assert backend.feed
        assert backend.hold
        await backend.feed.record(EventBatch(events=(event(7),), cursor="7"))
        asked = asyncio.create_task(hub.submit(on_event(FIRST)))
        await backend.until_asked()
        other = asyncio.create_task(hub.submit(on_event(EventRef("zm", 1, "8"))))
        armed = asyncio.create_task(hub.submit(command(SetArmed(on=False))))
        while len(backend.actions) < 3:  # noqa: ASYNC110 - the fake tells nobody when it is asked
            await asyncio.sleep(0.001)
        backend.hold.set()
        ack = await asked
        assert (ack.result, str(ack.target)) == (AckResult.ACCEPTED, "zm-7")
        assert ((await other).result, (await armed).result) == (AckResult.ACCEPTED, AckResult.APPLIED)
        assert backend.actions[0] == ("7", Keep())
        assert not hub._runner._locks, "events come and go: nothing is kept of them"


async def test_an_event_of_before_a_restored_database_is_not_mistaken_for_a_new_one(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend, table=MORE) as hub:
        assert backend.feed
        await backend.feed.record(EventBatch(events=(event(7),), cursor="7", generation=2))
        ack = await hub.submit(on_event(FIRST))
        assert (ack.result, ack.code) == (AckResult.REFUSED, "rejected")
        assert "started anew" in (ack.hint or "")
        assert backend.actions == []
        assert (await hub.submit(on_event(SECOND))).result is AckResult.ACCEPTED


async def test_what_can_not_be_done_to_an_event_is_refused(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend, table=MORE) as hub:
        for asked in (on_event(FIRST, Restart()), command(Keep()), command(Keep(), None)):
            assert (await hub.submit(asked)).code == "unsupported"
        stray = await hub.submit(on_event(EventRef("other", 1, "7")))
        assert (stray.result, stray.code) == (AckResult.REFUSED, "rejected")
        backend.system = replace(backend.system, capabilities=frozenset())
        assert backend.feed
        backend.feed.emit(SystemUpdate(state=backend.system))
        ack = await hub.submit(on_event(FIRST))
        assert (ack.result, ack.code) == (AckResult.REFUSED, "unsupported")
        assert "this system does not offer the command" in (ack.hint or "")
        assert backend.actions == []


@dataclass(kw_only=True)
class Panel:
    """A sink that may do no more than its level says: it gives each of its commands once."""

    level: Level
    wishes: Sequence[Command]
    name: str = "panel"
    acks: list[Ack] = field(default_factory=list)

    async def run(self, hub: HubView) -> None:
        for wish in self.wishes:
            asked = replace(wish, origin=Origin(door="panel", principal="hall", on_behalf_of="a guest"), level=self.level)
            self.acks.append(await hub.submit(asked))


@pytest.mark.parametrize("level", Level)
async def test_a_sink_may_do_what_its_level_allows_with_or_without_an_entity(tmp_path: Path, level: Level) -> None:
    backend = ScriptedBackend()
    wishes = [
        command(SetMotionDetection(on=False)),
        command(Restart()),
        command(Look(to="left")),
        command(SetMotionDetection(on=True), "9"),
    ]
    async with served(tmp_path, backend, table=MORE) as hub:
        panel = Panel(level=level, wishes=wishes)
        await panel.run(hub)
        results = [(ack.result, ack.code) for ack in panel.acks]
        forbidden = (AckResult.REFUSED, "forbidden")
        assert (
            results
            == {
                Level.READ: [forbidden] * 4,
                Level.CONTROL: [(AckResult.APPLIED, None), forbidden, forbidden, (AckResult.REFUSED, "rejected")],
                Level.ADMIN: [
                    (AckResult.APPLIED, None),
                    (AckResult.APPLIED, None),
                    (AckResult.ACCEPTED, None),
                    (AckResult.REFUSED, "rejected"),
                ],
            }[level]
        )
        assert len(backend.actions) == {Level.READ: 0, Level.CONTROL: 1, Level.ADMIN: 3}[level]
        assert all("level" in (ack.hint or "") for ack in panel.acks if ack.code == "forbidden")


async def test_two_principals_with_the_same_request_id_do_not_meet(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        for principal, action in (("a", SetMotionDetection(on=False)), ("b", SetArmed(on=False))):
            origin = Origin(door="panel", principal=principal)
            ack = await hub.submit(command(action, origin=origin, request_id="1"))
            assert (ack.result, ack.request_id) == (AckResult.APPLIED, "1")
        assert len(backend.actions) == 2


@pytest.mark.parametrize(
    ("action", "monitor", "words"),
    [
        (SetRunState(name="Away"), "1", "run_state is for a system, and not for a monitor"),
        (Restart(), None, "restart is for a monitor, and not for a system"),
        (Look(to="left"), "1", "no command for a Look"),
    ],
)
async def test_a_command_for_something_else_is_unsupported(
    tmp_path: Path, action: Action, monitor: str | None, words: str
) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        ack = await hub.submit(command(action, monitor))
        assert (ack.result, ack.code) == (AckResult.REFUSED, "unsupported")
        assert words in (ack.hint or "")
        assert backend.actions == []


async def test_any_alarm_can_be_ended_and_with_it_the_time_of_a_forced_one(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(m1=state(alarm=AlarmState.ALARM, forced=False)))
    async with served(tmp_path, backend) as hub:
        ack = await hub.submit(command(EndAlarm()))
        assert (ack.result, ack.applied) == (AckResult.APPLIED, "ended")
        await hub.submit(command(SetAlarm(on=True, seconds=1000)))
        assert (await hub.submit(command(EndAlarm()))).result is AckResult.APPLIED
        assert await hub._store.forced_alarms() == {}
        assert [type(action) for _, action in backend.actions] == [EndAlarm, SetAlarm, EndAlarm]


async def test_an_alarm_that_goes_on_is_not_said_to_be_ended(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(m1=state(alarm=AlarmState.ALARM)), obey=False)
    async with served(tmp_path, backend, table=QUICK) as hub:
        assert (await hub.submit(command(EndAlarm()))).result is AckResult.TIMEOUT


@pytest.mark.parametrize(
    ("fault", "result", "code"),
    [
        (CommandRejected("monitor mode", hint="set Modect first"), AckResult.REFUSED, "rejected"),
        (VmsUnreachable("gone"), AckResult.FAILED, "unreachable"),
        (ZeroDivisionError("a defect"), AckResult.FAILED, "error"),
    ],
)
async def test_what_the_backend_says_reaches_the_ack(tmp_path: Path, fault: Exception, result: AckResult, code: str) -> None:
    async with served(tmp_path, ScriptedBackend(fault=fault)) as hub:
        ack = await hub.submit(command(SetArmed(on=False)))
        assert (ack.result, ack.code) == (result, code)
        assert "a defect" not in (ack.hint or "")


async def test_an_effect_that_never_shows_times_out_after_looking_again_and_again(tmp_path: Path) -> None:
    backend = ScriptedBackend(obey=False)
    async with served(tmp_path, backend, table=QUICK) as hub:
        ack = await hub.submit(command(SetArmed(on=False)))
        assert (ack.result, ack.code) == (AckResult.TIMEOUT, "unverified")
        assert 1 <= backend.looks <= 5


async def test_looking_again_is_not_hurried_by_a_busy_world(tmp_path: Path) -> None:
    backend = ScriptedBackend(obey=False)

    async def chatter() -> None:
        score = 0
        while True:
            score += 1
            assert backend.feed
            backend.feed.emit(StateUpdate(monitor_id="1", state=state(score=score)))
            await asyncio.sleep(0)

    async with served(tmp_path, backend, table=QUICK) as hub:
        noise = asyncio.create_task(chatter())
        await hub.submit(command(SetArmed(on=False)))
        noise.cancel()
        assert backend.looks <= 5


async def test_a_refresh_that_fails_does_not_end_the_wait(tmp_path: Path) -> None:
    backend = ScriptedBackend(obey=False)

    def fail_then_obey() -> None:
        if backend.looks < 2:
            raise VmsUnreachable("restarting")
        backend.take_effect("1", SetArmed(on=False))

    backend.on_refresh = fail_then_obey
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetArmed(on=False)))).result is AckResult.APPLIED
        assert backend.looks == 2


@pytest.mark.parametrize(
    ("on", "known", "seen"), [(True, AlarmState.ALARM, AlarmState.IDLE), (False, AlarmState.IDLE, AlarmState.ALARM)]
)
async def test_an_alarm_that_was_known_before_is_no_proof(
    tmp_path: Path, *, on: bool, known: AlarmState, seen: AlarmState
) -> None:
    """A VMS that is polled may have begun or ended an alarm that nobody has seen yet."""
    backend = ScriptedBackend(first=snapshot(m1=state(alarm=known)), obey=False)

    def look() -> None:
        assert backend.feed
        if backend.looks == 1:
            raise VmsUnreachable("busy")
        backend.feed.emit(StateUpdate(monitor_id="1", state=state(alarm=seen if backend.looks < 4 else known)))

    backend.on_refresh = look
    async with served(tmp_path, backend) as hub:
        ack = await hub.submit(command(SetAlarm(on=on)))
        assert (ack.result, backend.looks) == (AckResult.APPLIED, 4)


async def test_an_alarm_that_stays_as_it_is_is_verified_by_one_look(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(m1=state(alarm=AlarmState.ALARM)))
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetAlarm(on=True)))).result is AckResult.APPLIED
        assert backend.looks == 1


async def test_an_alarm_that_comes_is_verified_without_a_look(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetAlarm(on=True)))).result is AckResult.APPLIED
        assert backend.looks == 0


async def test_an_alarm_in_alert_is_not_the_forced_one(tmp_path: Path) -> None:
    """What is passing was there before; only one that came after the command may have reached that already."""
    backend = ScriptedBackend(first=snapshot(m1=state(alarm=AlarmState.ALERT)), obey=False)
    async with served(tmp_path, backend, table=QUICK) as hub:
        assert (await hub.submit(command(SetAlarm(on=True)))).result is AckResult.TIMEOUT

    backend = ScriptedBackend(obey=False)
    backend.on_refresh = lambda: backend.show(alarm=AlarmState.ALERT)
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetAlarm(on=True)))).result is AckResult.APPLIED


async def test_an_alarm_that_is_known_to_be_another_is_not_the_forced_one(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(m1=state(alarm=AlarmState.ALARM, forced=False)), obey=False)
    backend.on_refresh = lambda: backend.show(forced=backend.looks > 2)
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetAlarm(on=True)))).result is AckResult.APPLIED
        assert backend.looks == 3


async def test_an_alarm_is_ended_when_it_is_forced_no_more(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(m1=state(alarm=AlarmState.ALARM, forced=True)), obey=False)
    alert = AlarmState.ALERT
    steps: list[dict[str, object]] = [{"forced": False}, {"alarm": alert, "forced": True}, {"alarm": alert, "forced": False}]
    backend.on_refresh = lambda: backend.show(**steps.pop(0))
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetAlarm(on=False)))).result is AckResult.APPLIED
        assert not steps


async def test_what_could_not_be_looked_at_is_not_said_to_be_so_already(tmp_path: Path) -> None:
    backend = ScriptedBackend()

    def hang() -> None:
        if backend.looks == 1:
            raise VmsUnreachable("its daemon hangs")

    backend.on_refresh = hang
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetMotionDetection(on=True)))).result is AckResult.APPLIED
        assert backend.actions == [("1", SetMotionDetection(on=True))]


async def test_an_alarm_that_the_bridge_has_forced_is_known_to_be_forced_until_it_is_seen_to_end(tmp_path: Path) -> None:
    """Many a VMS does not tell a forced alarm from another."""
    backend = ScriptedBackend()

    def forced() -> bool | None:
        view = hub.monitor("zm", "1")
        assert view
        return view.state.forced

    async with served(tmp_path, backend) as hub:
        assert forced() is None
        assert (await hub.submit(command(SetAlarm(on=True)))).result is AckResult.APPLIED
        assert forced() is True
        backend.show(score=50)
        assert forced() is True
        backend.show(alarm=AlarmState.ALERT)
        backend.show(alarm=AlarmState.ALARM)
        assert forced() is None, "a forced alarm never leaves `alarm`: this is another"
        await hub.submit(command(SetAlarm(on=True)))
        backend.show(forced=False)
        assert forced() is False, "the VMS knows better"
        backend.show(forced=None)
        assert forced() is True
        await hub.submit(command(SetAlarm(on=False)))
        backend.show(alarm=AlarmState.ALARM)
        assert forced() is None


@pytest.mark.parametrize(("seconds", "known"), [(None, None), (1000, True)])
async def test_a_loss_hides_whether_a_forced_alarm_has_ended(
    tmp_path: Path, seconds: float | None, *, known: bool | None
) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        await hub.submit(command(SetAlarm(on=True, seconds=seconds)))
        assert backend.feed
        backend.feed.emit(SystemLost(detail="gone"))
        view = hub.monitor("zm", "1")
        assert view
        assert view.state.forced is None
        backend.feed.emit(snapshot(m1=state(alarm=AlarmState.ALARM)))
        view = hub.monitor("zm", "1")
        assert view
        assert view.state.forced is known


async def test_an_alarm_that_an_earlier_run_has_forced_for_a_time_is_known_to_be_forced(tmp_path: Path) -> None:
    async with served(tmp_path, ScriptedBackend()) as hub:
        await hub.submit(command(SetAlarm(on=True, seconds=1000)))
        await hub._store.save_monitors("zm", {"1": monitor()})
    async with served(tmp_path, ScriptedBackend(first=snapshot(m1=state(alarm=AlarmState.ALARM)))) as hub:
        subscription = hub.subscribe()
        while (view := hub.monitor("zm", "1")) is None or view.state.forced is None:
            await subscription.changes()
        assert view.state.forced


async def test_arming_restores_the_modes_of_before_even_after_a_restart(tmp_path: Path) -> None:
    first = snapshot(m1=state(modes={"function": "Mocord"}))
    async with served(tmp_path, ScriptedBackend(first=first)) as hub:
        assert (await hub.submit(command(SetArmed(on=False)))).result is AckResult.APPLIED

    backend = ScriptedBackend(first=snapshot(m1=state(armed=False, modes={"function": "Record"})))
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetArmed(on=True)))).result is AckResult.APPLIED
        assert backend.actions == [("1", SetArmed(on=True, restore={"function": "Mocord"}))]


async def test_a_request_is_executed_once_however_often_it_comes(tmp_path: Path) -> None:
    backend = ScriptedBackend(hold=asyncio.Event())
    async with served(tmp_path, backend) as hub:
        asked = command(SetAlarm(on=True), request_id="r1")
        first = asyncio.create_task(hub.submit(asked))
        second = asyncio.create_task(hub.submit(asked))
        await asyncio.sleep(0)
        assert backend.hold
        backend.hold.set()
        assert await first == await second == await hub.submit(asked)
        assert len(backend.actions) == 1
        assert await hub.submit(replace(asked, request_id="r2")) != await first
        assert len(backend.actions) == 2


@pytest.mark.parametrize(
    "other",
    [
        command(SetAlarm(on=False), request_id="A"),
        command(SetArmed(on=False), monitor="2", request_id="A"),
        command(SetAlarm(on=True, seconds=30), request_id="A"),
        command(SetAlarm(on=True), monitor="9", request_id="A"),
        command(SetAlarm(on=True), system="other", request_id="A"),
        command(SetRunState(name="Away"), monitor=None, request_id="A"),
    ],
)
@pytest.mark.parametrize("while_it_runs", [True, False])
async def test_a_used_id_with_other_content_is_refused(tmp_path: Path, other: Command, *, while_it_runs: bool) -> None:
    hold = asyncio.Event()
    backend = ScriptedBackend(first=snapshot(monitor(1), monitor(2)), hold=hold)
    async with served(tmp_path, backend) as hub:
        first = asyncio.create_task(hub.submit(command(SetAlarm(on=True), request_id="A")))
        await settle()
        if not while_it_runs:
            hold.set()
            await first
        ack = await hub.submit(other)
        assert (ack.result, ack.code, ack.target, ack.name) == (AckResult.REFUSED, "rejected", other.target, other.name)
        assert "nothing was done" in (ack.hint or "")
        assert "SetAlarm of zm/1" in (ack.hint or "")
        hold.set()
        assert (await first).result is AckResult.APPLIED
        assert await hub.submit(command(SetAlarm(on=True), request_id="A")) == await first, "the id is still the first one's"
        assert len(backend.actions) == 1


async def test_commands_for_one_monitor_wait_for_each_other_and_not_for_another(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(monitor(1), monitor(2)), hold=asyncio.Event())
    async with served(tmp_path, backend) as hub:
        tasks = [
            asyncio.create_task(hub.submit(command(SetMotionDetection(on=False), monitor=number))) for number in ("1", "1", "2")
        ]
        for _ in range(10):
            await asyncio.sleep(0)
        assert [number for number, _ in backend.actions] == ["1", "2"]
        assert backend.hold
        backend.hold.set()
        results = [ack.result for ack in await asyncio.gather(*tasks)]
        assert results == [AckResult.APPLIED, AckResult.UNCHANGED, AckResult.APPLIED]


async def test_a_command_that_expires_before_its_turn_is_not_begun(tmp_path: Path) -> None:
    hold = asyncio.Event()
    backend = ScriptedBackend(first=snapshot(monitor(1)), hold=hold)
    async with served(tmp_path, backend) as hub:
        first = asyncio.create_task(hub.submit(command(SetMotionDetection(on=False))))
        await settle()
        now = SystemClock().monotonic()
        late = asyncio.create_task(hub.submit(replace(command(SetArmed(on=False)), deadline=now + 0.05)))
        in_time = asyncio.create_task(hub.submit(replace(command(SetAlarm(on=True)), deadline=now + 60)))
        await asyncio.sleep(0.06)  # its time is what is tested
        hold.set()
        assert (await first).result is AckResult.APPLIED
        ack = await late
        assert (ack.result, ack.code) == (AckResult.REFUSED, "too_old")
        assert "expired before its turn" in (ack.hint or "")
        assert (await in_time).result is AckResult.APPLIED
        assert [action for _, action in backend.actions] == [SetMotionDetection(on=False), SetAlarm(on=True)]


async def test_a_scene_of_many_monitors_is_applied_a_few_at_a_time(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(*map(monitor, range(200))), hold=asyncio.Event())
    async with served(tmp_path, backend) as hub:
        tasks = [asyncio.create_task(hub.submit(command(SetAlarm(on=True), monitor=str(number)))) for number in range(200)]
        await settle()
        assert len(backend.actions) == 8
        assert backend.hold
        backend.hold.set()
        assert {ack.result for ack in await asyncio.gather(*tasks)} == {AckResult.APPLIED}
        assert len(backend.actions) == 200


async def test_a_system_that_hangs_does_not_hold_up_another(tmp_path: Path) -> None:
    many = snapshot(*map(monitor, range(100)))
    hung, healthy = ScriptedBackend(first=many, hold=asyncio.Event()), ScriptedBackend(first=many)
    clock = FakeClock()
    async with served(tmp_path, hung, clock, table=within(2.0, SetAlarm), patience_s=1.0) as hub:
        feed = await hub.add_system(key="other", kind="fake", name="Other", rules=MonitorRules(), backend=healthy)
        running = asyncio.create_task(healthy.run(feed))
        await settle()
        asked = {
            system: [
                asyncio.create_task(hub.submit(command(SetAlarm(on=True), system=system, monitor=str(number))))
                for number in range(100)
            ]
            for system in ("zm", "other")
        }
        assert {ack.result for ack in await asyncio.gather(*asked["other"])} == {AckResult.APPLIED}
        assert not any(task.done() for task in asked["zm"])
        ended = asyncio.gather(*asked["zm"])
        while not ended.done():
            await clock.advance(0.5)
            await settle()
        acks = await ended
        assert [ack.result for ack in acks] == [AckResult.TIMEOUT] * 8 + [AckResult.REFUSED] * 92
        assert "other commands for 'zm' are still under way" in (acks[-1].hint or "")
        assert len(hung.actions) == 8
        running.cancel()


async def test_what_waits_for_one_monitor_leaves_the_room_to_others(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(monitor(1), monitor(2)), hold=asyncio.Event())
    async with served(tmp_path, backend) as hub:
        tasks = [asyncio.create_task(hub.submit(command(SetAlarm(on=True)))) for _ in range(20)]
        tasks.append(asyncio.create_task(hub.submit(command(SetAlarm(on=True), monitor="2"))))
        await settle()
        assert [number for number, _ in backend.actions] == ["1", "2"]
        assert backend.hold
        backend.hold.set()
        await asyncio.gather(*tasks)


async def test_the_time_limit_begins_with_the_turn(tmp_path: Path) -> None:
    backend = ScriptedBackend(hold=asyncio.Event())
    async with served(tmp_path, backend, table=QUICK) as hub:
        first = asyncio.create_task(hub.submit(command(SetAlarm(on=True))))
        await settle()
        second = asyncio.create_task(hub.submit(command(SetAlarm(on=True))))
        assert (await first).result is AckResult.TIMEOUT
        await asyncio.sleep(0.1)
        assert backend.hold
        backend.hold.set()
        assert (await second).result is AckResult.APPLIED


async def test_an_alarm_forced_for_a_time_ends_by_itself(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetAlarm(on=True, seconds=0.05)))).result is AckResult.APPLIED
        subscription = hub.subscribe()
        while len(backend.actions) < 2:
            await subscription.changes()
        assert backend.actions[1] == ("1", SetAlarm(on=False))


async def test_an_alarm_forced_for_a_time_is_ended_even_if_the_bridge_was_killed(tmp_path: Path) -> None:
    async with served(tmp_path, ScriptedBackend()) as hub:
        assert (await hub.submit(command(SetAlarm(on=True, seconds=0.2)))).result is AckResult.APPLIED
        await hub.submit(command(SetAlarm(on=True), monitor="1"))
        await hub.submit(command(SetAlarm(on=True, seconds=0.2)))
        await hub._store.save_monitors("zm", {"1": monitor()})

    backend = ScriptedBackend(first=snapshot(m1=state(alarm=AlarmState.ALARM)))
    async with served(tmp_path, backend) as hub:
        subscription = hub.subscribe()
        while not backend.actions:
            await subscription.changes()
        assert backend.actions == [("1", SetAlarm(on=False))]
        await settle()

    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        assert await hub._store.forced_alarms() == {}
        assert backend.actions == []


async def test_an_alarm_forced_without_end_is_left_alone(tmp_path: Path) -> None:
    async with served(tmp_path, ScriptedBackend()) as hub:
        await hub.submit(command(SetAlarm(on=True, seconds=1000)))
        await hub.submit(command(SetAlarm(on=True)))
        assert await hub._store.forced_alarms() == {}
        await hub.submit(command(SetAlarm(on=True, seconds=1000)))
        await hub.submit(command(SetAlarm(on=False)))
        assert await hub._store.forced_alarms() == {}


async def test_an_alarm_forced_for_a_time_is_ended_by_an_orderly_stop(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        await hub.submit(command(SetAlarm(on=True, seconds=1000)))
        await hub.end_forced_alarms()
        assert backend.actions[1:] == [("1", SetAlarm(on=False))]
        await hub.end_forced_alarms()
        assert len(backend.actions) == 2


async def test_an_alarm_that_could_not_be_ended_is_told_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        await hub.submit(command(SetAlarm(on=True, seconds=1000)))
        backend.fault = VmsUnreachable("gone")
        await hub.end_forced_alarms()
        assert "could not be ended yet" in caplog.text
        assert ("zm", "1") in await hub._store.forced_alarms()


async def test_an_alarm_that_shows_too_late_is_ended_in_time_all_the_same(tmp_path: Path) -> None:
    backend = ScriptedBackend(obey=False)
    async with served(tmp_path, backend, table=QUICK) as hub:
        assert (await hub.submit(command(SetAlarm(on=True, seconds=1000)))).result is AckResult.TIMEOUT
        backend.obey = True
        await hub.end_forced_alarms()
        assert backend.actions[1:] == [("1", SetAlarm(on=False))]


async def test_forced_alarms_of_a_system_that_hangs_do_not_hold_up_others(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(monitor(1), monitor(2)))
    async with served(tmp_path, backend) as hub:
        for number in "12":
            await hub.submit(command(SetAlarm(on=True, seconds=1000), monitor=number))
        backend.hold = asyncio.Event()
        ending = asyncio.create_task(hub.end_forced_alarms())
        await settle()
        assert {number for number, _ in backend.actions[2:]} == {"1", "2"}
        backend.hold.set()
        await ending


async def test_an_alarm_that_can_not_be_ended_for_long_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        await hub.submit(command(SetAlarm(on=True, seconds=1000)))
        backend.fault = VmsUnreachable("gone")
        for _ in range(5):
            await hub.end_forced_alarms()
        assert caplog.text.count("gone") == 1
        backend.fault = None
        await hub.end_forced_alarms()
        assert await hub._store.forced_alarms() == {}


@pytest.mark.parametrize("seconds", [1000, None])
async def test_an_alarm_that_is_renewed_at_its_end_is_not_cut_off(tmp_path: Path, seconds: float | None) -> None:
    """The old time is over while the renewing command is under way: what it had sent to end the alarm comes too late."""
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        await hub.submit(command(SetAlarm(on=True, seconds=0.05)))
        backend.hold = asyncio.Event()
        renewing = asyncio.create_task(hub.submit(command(SetAlarm(on=True, seconds=seconds))))
        await asyncio.sleep(0.1)
        backend.hold.set()
        assert (await renewing).result is AckResult.APPLIED
        await settle()
        assert [action.on for _, action in backend.actions if isinstance(action, SetAlarm)] == [True, True]
        assert list(await hub._store.forced_alarms()) == ([("zm", "1")] if seconds else [])


async def test_an_alarm_whose_end_is_tried_again_keeps_its_new_time(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        await hub.submit(command(SetAlarm(on=True, seconds=1000)))
        backend.hold, backend.fault = asyncio.Event(), VmsUnreachable("gone")
        ending = asyncio.create_task(hub.end_forced_alarms())
        await settle()
        renewing = asyncio.create_task(hub.submit(command(SetAlarm(on=True, seconds=1000))))
        backend.hold.set()
        await ending
        backend.fault = None
        await renewing
        (timer,) = hub._runner._forced._timers.values()
        assert timer.due > SystemClock().monotonic() + 900


async def test_a_time_that_is_refused_leaves_the_time_of_before(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        await hub.submit(command(SetAlarm(on=True, seconds=1000)))
        before = await hub._store.forced_alarms()
        backend.fault = CommandRejected("no")
        for seconds in (5, None):
            assert (await hub.submit(command(SetAlarm(on=True, seconds=seconds)))).result is AckResult.REFUSED
        assert await hub._store.forced_alarms() == before


async def test_a_refused_alarm_has_no_time(tmp_path: Path) -> None:
    backend = ScriptedBackend(fault=CommandRejected("no"))
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetAlarm(on=True, seconds=1000)))).result is AckResult.REFUSED
        assert await hub._store.forced_alarms() == {}


async def test_an_alarm_of_which_nobody_knows_whether_it_came_is_ended_in_time(tmp_path: Path) -> None:
    backend = ScriptedBackend(fault=VmsUnreachable("gone in the middle"))
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetAlarm(on=True, seconds=1000)))).result is AckResult.FAILED
        backend.fault = None
        await hub.end_forced_alarms()
        assert backend.actions[1:] == [("1", SetAlarm(on=False))]


async def test_the_time_of_an_alarm_is_kept_before_it_is_forced(tmp_path: Path) -> None:
    """A bridge that is killed in the middle of the request has to end the alarm when it is back."""
    backend = ScriptedBackend(hold=asyncio.Event())
    async with served(tmp_path, backend) as hub:
        asked = asyncio.create_task(hub.submit(command(SetAlarm(on=True, seconds=1000), request_id="1")))
        while not backend.actions:  # noqa: ASYNC110 - the fake tells nobody when it is asked
            await asyncio.sleep(0.01)
        assert list(await hub._store.forced_alarms()) == [("zm", "1")]
        await hub.close()
        await asyncio.wait([asked])
        assert list(await hub._store.forced_alarms()) == [("zm", "1")]


async def test_an_end_that_is_refused_is_tried_again_and_given_up_loudly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The system may have been taken out of the configuration, or its monitors not be known yet."""
    clock = FakeClock()
    store = await asyncio.to_thread(Store.open, tmp_path, clock)
    refusals = 0

    async def end(key: MonitorKey, is_wanted: Callable[[], bool]) -> Ack:
        nonlocal refusals
        assert is_wanted()
        refusals += 1
        asked = command(SetAlarm(on=False), key[1], system=key[0])
        return Ack.of(asked, AckResult.REFUSED, clock.now(), hint="there is no system 'zm'")

    forced = ForcedAlarms(clock, store, end)
    async with forced.forcing(("zm", "1"), 30):
        pass
    await forced.end_all()
    assert "could not be ended yet: there is no system 'zm'" in caplog.text
    await clock.advance(599)
    await forced.end_all()
    assert list(await store.forced_alarms()) == [("zm", "1")]
    await clock.advance(2)
    await forced.end_all()
    assert await store.forced_alarms() == {}
    assert [record.levelname for record in caplog.records][-1] == "ERROR"
    assert "given up: there is no system 'zm'" in caplog.text
    await forced.end_all()
    assert refusals == 3
    await store.close()


async def test_a_stop_abandons_what_is_under_way(tmp_path: Path) -> None:
    backend = ScriptedBackend(hold=asyncio.Event())
    async with served(tmp_path, backend) as hub:
        task = asyncio.create_task(hub.submit(command(SetAlarm(on=True), request_id="r1")))
        async with asyncio.timeout(30):  # what was answered before is read from the store first
            while not backend.actions:  # noqa: ASYNC110 - the backend tells nobody
                await asyncio.sleep(0.001)
        await hub.close()
        await asyncio.wait([task])
        assert task.cancelled()


async def test_a_system_command_is_verified_only_when_the_vms_is_back_at_work(tmp_path: Path) -> None:
    backend = ScriptedBackend(obey=False)
    async with served(tmp_path, backend) as hub:

        def come_back() -> None:
            assert backend.feed
            if backend.actions:
                backend.feed.emit(SystemUpdate(state=system_state(run_state="Away", running=backend.looks > 2)))

        backend.on_refresh = come_back
        assert (await hub.submit(command(SetRunState(name="Away"), monitor=None))).result is AckResult.APPLIED
        assert backend.looks == 3


async def test_the_run_state_in_force_starts_a_vms_that_is_stopped(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=replace(snapshot(), system=system_state(running=False)))
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetRunState(name="Home"), monitor=None))).result is AckResult.APPLIED
        assert backend.actions


@pytest.mark.parametrize(
    "where", ["before its turn", "while it is executed", "while its effect is waited for", "while looking first"]
)
@pytest.mark.parametrize("what", ["system", "monitor"])
async def test_what_a_reload_takes_away_meanwhile_is_refused_clearly(
    tmp_path: Path, where: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    backend = ScriptedBackend(first=snapshot(monitor(1), monitor(2)), obey=False)
    async with served(tmp_path, backend) as hub:

        def take_away() -> None:
            backend.on_refresh = None
            assert backend.feed
            if what == "system":
                hub.remove_system("zm")
            else:
                backend.feed.emit(snapshot(monitor(2)))

        if where == "while looking first":
            backend.on_refresh = take_away
            asked = asyncio.create_task(hub.submit(command(SetMotionDetection(on=False))))
        else:
            backend.hold = asyncio.Event()
            asked = asyncio.create_task(hub.submit(command(SetAlarm(on=True))))
            await backend.until_asked()
            if where == "before its turn":
                first, asked = asked, asyncio.create_task(hub.submit(command(SetAlarm(on=True))))
                await settle()
            elif where == "while its effect is waited for":
                backend.hold.set()
                await settle()
            take_away()
            backend.hold.set()
            if where == "before its turn":
                await first
        ack = await asked
        assert (ack.result, ack.code) == (AckResult.REFUSED, "rejected")
        assert ("no system 'zm'" if what == "system" else "no monitor '1'") in (ack.hint or "")
        assert "unforeseen" not in caplog.text


async def test_modes_of_a_system_that_goes_while_they_are_kept_change_nothing(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    async with served(tmp_path, backend) as hub:
        asked = asyncio.create_task(hub.submit(command(SetArmed(on=False))))
        while not backend.looks:  # noqa: ASYNC110 - the fake tells nobody when it looks
            await asyncio.sleep(0)
        hub.remove_system("zm")
        ack = await asked
        assert ack.result is AckResult.REFUSED
        assert backend.actions == []


async def test_what_hangs_in_a_system_that_is_set_up_anew_is_answered_at_once(tmp_path: Path) -> None:
    backend = ScriptedBackend(hold=asyncio.Event())
    async with served(tmp_path, backend) as hub:
        asked = asyncio.create_task(hub.submit(command(SetAlarm(on=True))))
        await backend.until_asked()
        await hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=ScriptedBackend())
        ack = await asked
        assert (ack.result, ack.code) == (AckResult.FAILED, "unreachable")
        assert "by a reload" in (ack.hint or "")


@pytest.mark.parametrize(
    "fault", [asyncio.CancelledError(), SystemExit(1), BaseExceptionGroup("some", [SystemExit(1)])], ids=repr
)
async def test_a_fault_that_no_except_exception_sees_is_answered(tmp_path: Path, fault: BaseException) -> None:
    async with served(tmp_path, ScriptedBackend(fault=fault)) as hub:
        ack = await hub.submit(command(SetArmed(on=False), request_id="r1"))
        assert (ack.result, ack.code) == (AckResult.FAILED, "error")
        assert "internal error" in (ack.hint or "")


async def test_a_refusal_in_a_group_is_a_refusal(tmp_path: Path) -> None:
    fault = ExceptionGroup("of a TaskGroup", [VmsUnreachable("cut"), CommandRejected("monitor mode")])
    async with served(tmp_path, ScriptedBackend(fault=fault)) as hub:
        ack = await hub.submit(command(SetArmed(on=False)))
        assert (ack.result, ack.code, ack.hint) == (AckResult.REFUSED, "rejected", "monitor mode")


async def test_a_look_that_fails_in_any_way_does_not_end_the_wait(tmp_path: Path) -> None:
    backend = ScriptedBackend(obey=False)

    def fail_then_obey() -> None:
        if backend.looks < 3:
            raise ZeroDivisionError if backend.looks == 1 else asyncio.CancelledError
        backend.take_effect("1", SetArmed(on=False))

    backend.on_refresh = fail_then_obey
    async with served(tmp_path, backend) as hub:
        assert (await hub.submit(command(SetArmed(on=False)))).result is AckResult.APPLIED
