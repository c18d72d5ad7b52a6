"""Commands that scripts give, against a hub with a simulated system: who may, which, to their verified end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.hub.house import served
from tests.bridge.scripts.services.lab import Site, Worker, site, until
from tests.fakes.backend import ScriptedBackend, event, monitor, snapshot
from tests.fakes.clock import FakeClock

from vms_bridge.clock import SystemClock
from vms_bridge.errors import BodyInvalid, CommandRejected, NotFound, TooManyRequests
from vms_bridge.model import EventBatch
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services import commands
from vms_bridge.scripts.services.refusals import CommandFailed, CommandRefused, CommandTimedOut
from vms_bridge.scripts.services.table import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.hub import Hub

ALL = Worker().may(commands=("*",))


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, lambda hub, _: commands.rows(hub)) as made:
        yield made


async def test_a_trigger_has_its_cause_and_ends_by_itself(sim: Site) -> None:
    said = await sim.ask(ALL, "monitor.command", monitor="1", name="trigger", value="ON", cause="Turnstile forced", seconds=5)
    assert said == {"result": "applied", "applied": "ON", "detail": None}
    view = sim.hub.monitor("sim", "1")
    assert view is not None
    assert (view.state.forced, view.state.cause) == (True, "Turnstile forced")
    await sim.clock.advance(6)
    view = sim.hub.monitor("sim", "1")
    assert view is not None
    assert view.state.forced is False


async def test_a_siren_is_switched_by_the_monitor_that_it_is_linked_to(sim: Site) -> None:
    """What a VMS switches, it switches by an alarm: of the monitor that its output is linked to, for as long as is said."""
    siren = Worker().may(monitors=("sim/*",), commands=("alarm",))
    assert (await sim.ask(siren, "monitor.command", monitor="2", name="alarm", value="ON", seconds=30))["applied"] == "ON"
    siren.end()
    forced = []
    for _ in range(4):
        view = sim.hub.monitor("sim", "2")
        assert view is not None
        forced.append(view.state.forced)
        await sim.clock.advance(10)
    assert forced == [True, True, True, False]


async def test_modes_by_their_names_and_cameras_that_move(sim: Site) -> None:
    view = sim.hub.monitor("sim", "1")
    assert view is not None
    mode, values = next(iter(view.monitor.modes.items()))
    said = await sim.ask(ALL, "monitor.command", monitor="sim/1", name=mode, value=values[0])
    assert said["applied"] == values[0]
    moving = next(one for one in sim.hub.systems["sim"].monitors.values() if one.monitor.ptz is not None)
    assert moving.monitor.ptz is not None
    preset = next(iter(moving.monitor.ptz.labels))
    assert (await sim.ask(ALL, "monitor.command", monitor=moving.key, name="preset", value=preset))["result"] == "accepted"
    told = await sim.ask(ALL, "monitor.command", monitor=moving.key, name="ptz", value="left", speed=0.2, seconds=1)
    assert told["result"] == "accepted"


async def test_a_number_gets_there_whole(sim: Site) -> None:
    moving = next(one for one in sim.hub.systems["sim"].monitors.values() if one.monitor.ptz is not None)
    with pytest.raises(CommandRefused) as refusal:
        await sim.ask(ALL, "monitor.command", monitor=moving.key, name="preset", value=1_234_567)
    assert "'1234567'" in refusal.value.hint


async def test_a_script_gives_only_the_commands_of_its_header(sim: Site) -> None:
    nothing = Worker()
    for name in ("alarm", "trigger", "armed", "restart", "no such command"):
        with pytest.raises(PermissionMissing, match=r"may not give the command") as refusal:
            await sim.ask(nothing, "monitor.command", monitor="1", name=name, value="ON")
        assert "commands=" in refusal.value.hint
        assert refusal.value.code == "permission"
    with pytest.raises(PermissionMissing):
        await sim.ask(nothing.may(commands=("armed",)), "monitor.command", monitor="1", name="alarm", value="ON")
    one = nothing.may(commands=("trigger",))
    assert (await sim.ask(one, "monitor.command", monitor="1", name="alarm", value="ON"))["result"] == "applied"


async def test_what_takes_an_admin_has_to_be_named(sim: Site) -> None:
    with pytest.raises(PermissionMissing):
        await sim.ask(ALL, "monitor.command", monitor="1", name="restart", value="now")
    named = Worker().may(commands=("restart",))
    asked = asyncio.create_task(sim.ask(named, "monitor.command", monitor="1", name="restart", value="now"))
    await until(asked.done, sim.clock)
    assert (await asked)["result"] == "applied"


async def test_a_mode_is_allowed_by_its_own_name_or_by_that_of_all_modes(sim: Site) -> None:
    view = sim.hub.monitor("sim", "1")
    assert view is not None
    mode, values = next(iter(view.monitor.modes.items()))
    for allowed in (mode, "mode"):
        worker = Worker().may(commands=(allowed,))
        assert (await sim.ask(worker, "monitor.command", monitor="1", name=mode, value=values[0]))["applied"] == values[0]


async def test_a_run_state_is_for_who_sees_all_of_the_system(sim: Site) -> None:
    said = await sim.ask(ALL, "system.command", system="sim", name="run_state", value="Away")
    assert said["applied"] == "Away"
    assert sim.hub.systems["sim"].state.run_state == "Away"
    some = ALL.may(monitors=("sim/1",))
    with pytest.raises(NotFound, match="does not see all of system"):
        await sim.ask(some, "system.command", system="sim", name="run_state", value="Away")
    with pytest.raises(NotFound, match="no system 'other'"):
        await sim.ask(ALL, "system.command", system="other", name="run_state", value="Away")
    with pytest.raises(CommandRefused, match="rejected") as refusal:
        await sim.ask(ALL, "system.command", system="sim", name="run_state", value="Holiday")
    assert "the run states of this system are" in refusal.value.hint


async def test_monitors_are_found_by_what_people_call_them_and_only_those_that_are_seen(sim: Site) -> None:
    view = sim.hub.monitor("sim", "2")
    assert view is not None
    for said in ("sim/2", "2", view.monitor.name, view.monitor.name.upper()):
        assert (await sim.ask(ALL, "monitor.command", monitor=said, name="alarm", value="ON"))["result"] == "applied"
    hidden = ALL.may(monitors=("sim/1",))
    for said in ("2", "sim/2", view.monitor.name, "no such"):
        with pytest.raises(NotFound, match="there is no monitor") as refusal:
            await sim.ask(hidden, "monitor.command", monitor=said, name="alarm", value="ON")
        assert refusal.value.hint == "this script sees sim/1"


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"monitor": "1"},
        {"monitor": "1", "name": ""},
        {"monitor": "", "name": "alarm"},
        {"monitor": "1" * 600, "name": "alarm"},
        {"monitor": "1", "name": "alarm", "value": []},
        {"monitor": "1", "name": "alarm", "value": float("inf")},
        {"monitor": "1", "name": "alarm", "value": "ON", "seconds": -1},
        {"monitor": "1", "name": "alarm", "value": "ON", "seconds": 1e9},
        {"monitor": "1", "name": "alarm", "value": "ON", "score": 1_000},
        {"monitor": "1", "name": "alarm", "value": "ON", "cause": "x" * 65},
        {"monitor": "1", "name": "alarm", "value": "ON", "unknown": 1},
    ],
)
async def test_bad_words_are_told_by_their_names(sim: Site, words: dict[str, Any]) -> None:
    with pytest.raises(BodyInvalid):
        await sim.ask(ALL, "monitor.command", **words)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [("alarm", "PERHAPS", "neither ON nor OFF"), ("ptz", "dance", "unsupported"), ("dance", "ON", "has no command")],
)
async def test_a_command_that_makes_no_sense(sim: Site, name: str, value: str, why: str) -> None:
    worker = Worker().may(commands=(name,))
    with pytest.raises(CommandRefused, match=why):
        await sim.ask(worker, "monitor.command", monitor="1", name=name, value=value)


async def test_commands_are_bounded_in_rate(sim: Site) -> None:
    async def often() -> None:
        for _ in range(30):
            await sim.ask(ALL, "monitor.command", monitor="1", name="alarm", value="OFF")

    with pytest.raises(TooManyRequests):
        await often()


async def test_a_system_that_is_away_fails_the_command(sim: Site) -> None:
    await sim.lose()
    with pytest.raises(CommandFailed, match="has failed") as failure:
        await sim.ask(ALL, "monitor.command", monitor="1", name="alarm", value="ON")
    assert failure.value.code == "failed"
    assert "it does not answer" in failure.value.hint


@dataclass
class Scripted:
    """A hub whose VMS does what a test says."""

    backend: ScriptedBackend
    hub: Hub
    worker: Worker = field(default_factory=lambda: ALL)

    async def ask(self, what: str, **words: object) -> object:
        return (await Services(commands.rows(self.hub), SystemClock()).answer(self.worker, what, words)).words


@pytest.fixture
async def scripted(tmp_path: Path) -> AsyncIterator[Scripted]:
    backend = ScriptedBackend(first=snapshot(monitor(1), monitor(2)), kept={"7": event(7, archived=False, tags=())})
    async with served(tmp_path, backend) as hub:
        assert backend.feed is not None
        await backend.feed.record(EventBatch(events=(backend.kept["7"],)))
        yield Scripted(backend, hub)


async def test_events_are_tagged_archived_and_noted_and_deleted_by_who_has_named_that(scripted: Scripted) -> None:
    for name, value, applied in (("tag", "parcel", "parcel"), ("archived", True, "ON"), ("note", "by the gate", "by the gate")):
        said = await scripted.ask("event.command", event="zm-7", name=name, value=value)
        assert said == {"result": "applied", "applied": applied, "detail": None}
    kept = scripted.backend.kept["7"]
    assert (kept.tags, kept.archived, kept.notes) == (("parcel",), True, "by the gate")
    with pytest.raises(PermissionMissing):
        await scripted.ask("event.command", event="zm-7", name="delete")
    scripted.worker = Worker().may(commands=("delete",))
    await scripted.ask("event.command", event="zm-7", name="delete")
    assert scripted.backend.kept["7"].deleted


@pytest.mark.parametrize("said", ["zm-8", "other-7", "7", "zm", "x" * 600])
async def test_an_event_that_there_is_not(scripted: Scripted, said: str) -> None:
    with pytest.raises((NotFound, BodyInvalid)):
        await scripted.ask("event.command", event=said, name="tag", value="parcel")


async def test_an_event_of_a_monitor_that_is_not_seen_is_not_there(scripted: Scripted) -> None:
    scripted.worker = ALL.may(monitors=("zm/2",))
    with pytest.raises(NotFound, match="there is no event 'zm-7'"):
        await scripted.ask("event.command", event="zm-7", name="tag", value="parcel")


async def test_a_vms_that_says_no(scripted: Scripted) -> None:
    scripted.backend.fault = CommandRejected("the camera is locked", hint="ask its owner")
    with pytest.raises(CommandRefused, match="rejected") as refusal:
        await scripted.ask("monitor.command", monitor="1", name="ptz", value="wiper")
    scripted.backend.fault = CommandRejected("the camera is locked", hint="ask its owner")
    with pytest.raises(CommandRefused, match="rejected") as refusal:
        await scripted.ask("monitor.command", monitor="1", name="armed", value=False)
    assert "ask its owner" in refusal.value.hint


async def test_an_effect_that_does_not_show(tmp_path: Path) -> None:
    backend, clock = ScriptedBackend(obey=False), FakeClock()
    async with served(tmp_path, backend, clock) as hub:
        services = Services(commands.rows(hub), clock)
        asked = asyncio.create_task(services.answer(ALL, "monitor.command", {"monitor": "1", "name": "armed", "value": "OFF"}))
        await until(asked.done, clock)
        with pytest.raises(CommandTimedOut, match="did not show its effect in time: unverified") as failure:
            await asked
        assert failure.value.code == "timeout"


async def test_a_script_that_ends_meanwhile_leaves_no_command_behind(scripted: Scripted) -> None:
    scripted.backend.hold = asyncio.Event()
    asked = asyncio.create_task(scripted.ask("monitor.command", monitor="1", name="armed", value="OFF"))
    await scripted.backend.until_asked()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    scripted.backend.hold = None
    assert await scripted.ask("monitor.command", monitor="1", name="armed", value="OFF") is not None
