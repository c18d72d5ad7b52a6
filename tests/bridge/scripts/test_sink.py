"""Scripts in the whole bridge: the simulator's cameras, real workers behind the real boundary, and nothing made up."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.scripts.services.outside import Request, said, serving
from tests.fakes.backend import ScriptedBackend, event, monitor, snapshot
from tests.fakes.commands import ask

from vms_bridge.app import Bridge
from vms_bridge.clock import SystemClock
from vms_bridge.commands import AckResult, SetAlarm
from vms_bridge.config import load
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.model import AlarmState, EventBatch
from vms_bridge.scripting import LinesAsked, ScriptStatus
from vms_bridge.scripts.config import ScriptsConfig
from vms_bridge.scripts.life.launch import FOLDER, WORKER
from vms_bridge.scripts.sink import ScriptsSink
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from vms_bridge.clock import Clock
    from vms_bridge.config import SinkConfig
    from vms_bridge.hub import SystemFeed
    from vms_bridge.scripting import Scripts, ScriptView
    from vms_bridge.sinks import BridgeIdentity

PATIENCE_S = 60.0
pytestmark = pytest.mark.timeout(120)
GATE = '''"""Shuts the gate: whatever is at the first camera is recorded at the second."""
from vms_bridge.script import log, monitors, on, permissions, state

permissions(commands=["trigger"])


@on.alarm(monitor="home/1", to="alarm")
async def seen(alarm):
    state["seen"] = state.get("seen", 0) + 1
    done = await monitors["home/2"].trigger(cause="gate", seconds=60)
    log.info(f"told: {done.result}")
'''


@asynccontextmanager
async def bridge_with(
    tmp_path: Path, options: str = "", *, program: Sequence[str] | None = None, clock: Clock | None = None, **sources: str
) -> AsyncIterator[Bridge]:
    """Run a bridge with these scripts in its folder; `program` is what runs them, if not the real one, by that clock."""
    folder = tmp_path / "data" / "scripts"
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    for name, text in sources.items():
        (folder / f"{name}.py").write_text(text)
        (folder / f"{name}.py").chmod(0o600)
    file = tmp_path / "bridge.yaml"
    file.write_text(
        f"instance: test\ndata_dir: {tmp_path / 'data'}\nsystems:\n  home: {{type: simulator, pace: 0.01, tick: 0.05}}\n"
        f"scripts: {{{options}}}\n"
    )
    file.chmod(0o600)
    config = await asyncio.to_thread(load, file)
    if program is not None:
        config = replace(config, sinks={"scripts": of_program(config.sinks["scripts"], config.data_dir, program, clock)})
    bridge = Bridge(config, SystemClock())
    task = asyncio.create_task(bridge.run())
    try:
        await asyncio.wait([task, ready := asyncio.create_task(bridge.ready.wait())], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        await until(lambda: bridge.hub.scripts.is_there)
        yield bridge
    finally:
        bridge.stop()
        await task


def of_program(sink: SinkConfig, data_dir: Path, program: Sequence[str], other_clock: Clock | None = None) -> SinkConfig:
    def create(settings: BaseModel, _bridge: BridgeIdentity, clock: Clock) -> ScriptsSink:
        assert isinstance(settings, ScriptsConfig)
        return ScriptsSink(settings, other_clock or clock, data_dir / "scripts", program=program)

    return replace(sink, kind=replace(sink.kind, create=create))


async def until(happens: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not happens():  # noqa: ASYNC110 - it waits for other processes
            await asyncio.sleep(0.02)


def view(bridge: Bridge, name: str) -> ScriptView | None:
    return next((each for each in bridge.hub.scripts.current.all() if each.name == name), None)


def status(bridge: Bridge, name: str) -> ScriptStatus | None:
    found = view(bridge, name)
    return None if found is None else found.life.status


async def approved(bridge: Bridge, name: str) -> None:
    """Approve a script once it is found, and wait until it is ready."""
    await until(lambda: (found := view(bridge, name)) is not None and found.sha256)
    found = view(bridge, name)
    assert found is not None
    assert (found.life.status, found.needs_approval) == (ScriptStatus.WAITING, True)
    await bridge.hub.scripts.current.approve(name, sha256=found.sha256, by="the test")
    await until(lambda: status(bridge, name) is ScriptStatus.READY)


async def until_logged(bridge: Bridge, name: str, text: str) -> None:
    after = 0
    async with asyncio.timeout(PATIENCE_S):
        while True:
            page = await bridge.hub.scripts.current.lines(name, LinesAsked(after=after, wait_s=30))
            if any(text in line.text for line in page.lines):
                return
            after = page.after


def alarm_of(bridge: Bridge, monitor: str) -> AlarmState | None:
    found = bridge.hub.monitor("home", monitor)
    return None if found is None else found.state.alarm


async def force_alarm(bridge: Bridge, monitor: str) -> None:
    await until(lambda: bridge.hub.monitor("home", monitor) is not None and alarm_of(bridge, monitor) is not None)
    acked = await bridge.hub.submit(ask(SetAlarm(on=True, seconds=60), monitor=monitor, system="home"))
    assert acked.result is AckResult.APPLIED


async def test_an_approved_script_sees_an_alarm_and_gives_a_command(tmp_path: Path) -> None:
    async with bridge_with(tmp_path, gate=GATE) as bridge:
        await approved(bridge, "gate")
        found = view(bridge, "gate")
        assert found is not None
        assert found.life.level.startswith("seccomp")
        assert alarm_of(bridge, "2") is not AlarmState.ALARM
        await force_alarm(bridge, "1")
        await until(lambda: alarm_of(bridge, "2") is AlarmState.ALARM)
        await until(lambda: (now := view(bridge, "gate")) is not None and now.life.counts.calls)
        await until_logged(bridge, "gate", "told: applied")
        kept = await bridge.hub.scripts.current.state("gate")
        assert {item.key: item.value for item in kept.items} == {"seen": 1}
        names = {reading.metric.name for reading in bridge.hub.measures.read()}
        assert "vms_bridge_script_calls_total" in names
    log = tmp_path / "data" / "scripts" / "log" / "gate.log"
    assert "told: applied" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


REFUSES = """
import socket, sys
sys.path.append(sys.argv[1])
from vms_bridge.scripts import wire
ours = socket.socket(fileno=int(sys.argv[2]))
ours.sendall(wire.pack({"t": "refused", "code": "no_seccomp", "text": "the kernel has no seccomp"}))
while ours.recv(1000):
    pass
"""


async def test_where_scripts_can_not_be_locked_in_none_runs_and_everybody_can_know_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = (*WORKER[:3], "-c", REFUSES, FOLDER)
    async with bridge_with(tmp_path, program=program, gate=GATE) as bridge:
        await until(lambda: (found := view(bridge, "gate")) is not None and found.sha256)
        found = view(bridge, "gate")
        assert found is not None
        await bridge.hub.scripts.current.approve("gate", sha256=found.sha256, by="the test")
        await until(lambda: status(bridge, "gate") is ScriptStatus.REFUSED)
        refused = view(bridge, "gate")
        assert refused is not None
        assert refused.life.reason == "the kernel has no seccomp"
        await until(lambda: any("scripts are off" in notice.text for notice in bridge.hub.notices))
        assert (await bridge.hub.scripts.current.lines("gate", LinesAsked())).lines == ()
    assert [record.getMessage() for record in caplog.records if "scripts are off" in record.getMessage()] == [
        "scripts are off: the kernel has no seccomp (scripts.sandbox: process would run scripts without this boundary: see"
        " docs/scripting.md before)"
    ]


class Hurried(SystemClock):
    """Nobody waits for long until something is tried again."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.1))


BUSY = """
import os, sys
with open(sys.argv[1], "ab") as file:
    file.write(b"x")
    if file.tell() <= 5:
        sys.exit("no memory for a moment")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


async def test_a_passing_fault_turns_scripts_off_until_it_has_passed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    program = (sys.executable, "-c", BUSY, str(tmp_path / "attempts"), *WORKER[1:])
    async with bridge_with(tmp_path, program=program, clock=Hurried(), gate=GATE) as bridge:
        await approved(bridge, "gate")
        await until(lambda: not any("scripts are off" in notice.text for notice in bridge.hub.notices))
    said = [record.getMessage() for record in caplog.records if record.name == "vms_bridge.scripts.sink"]
    (off,) = (each for each in said if "scripts are off" in each)
    assert off.startswith("scripts are off: it has ended by itself (1); it said last: no memory for a moment (")


async def test_without_a_sandbox_it_is_warned_of_for_as_long_as_it_is_so(tmp_path: Path) -> None:
    async with bridge_with(tmp_path, "sandbox: process", gate=GATE) as bridge:
        await approved(bridge, "gate")
        await until(lambda: any("without a sandbox" in notice.text for notice in bridge.hub.notices))


async def test_when_the_bridge_stops_scripts_say_goodbye_while_all_else_is_there(tmp_path: Path) -> None:
    text = (
        GATE
        + """

@on.shutdown
async def bye():
    info = await monitors["home/2"].info()
    log.info(f"bye, {info.key}")
"""
    )
    async with bridge_with(tmp_path, gate=text) as bridge:
        await approved(bridge, "gate")
    assert "bye, 2" in (tmp_path / "data" / "scripts" / "log" / "gate.log").read_text()


async def test_a_file_that_changes_is_run_when_it_is_approved_and_one_that_is_gone_ends(tmp_path: Path) -> None:
    async with bridge_with(tmp_path, gate=GATE) as bridge:
        await approved(bridge, "gate")
        file = tmp_path / "data" / "scripts" / "gate.py"
        before = view(bridge, "gate")
        assert before is not None
        file.write_text(GATE + "log.info('the second one')\n")
        await until(lambda: (found := view(bridge, "gate")) is not None and found.needs_approval)
        found = view(bridge, "gate")
        assert found is not None
        assert (found.life.status, found.life.sha256) == (ScriptStatus.READY, before.sha256)
        await bridge.hub.scripts.current.approve("gate", sha256=found.sha256, by="the test")
        await until_logged(bridge, "gate", "the second one")
        await until(lambda: (now := view(bridge, "gate")) is not None and now.life.sha256 == found.sha256)
        await bridge.hub.scripts.current.restart("gate", by="the test")
        await until(lambda: (now := view(bridge, "gate")) is not None and now.life.counts.starts == 3)
        await until(lambda: status(bridge, "gate") is ScriptStatus.READY)
        file.unlink()
        await until(lambda: view(bridge, "gate") is None)


SIREN = '''"""A switch for the siren, which its own lamp follows."""
from vms_bridge.script import entity, on, permissions

permissions(entities=True)
siren = entity.switch("siren", name="Siren")
lamp = entity.binary_sensor("lamp")


@on.entity("siren")
async def commanded(command):
    await siren.set(command.value)
    await lamp.set(command.value, {"by": "the switch"})
'''


async def test_entities_of_a_script_are_commanded_say_how_they_are_and_go_with_its_file(tmp_path: Path) -> None:
    async with bridge_with(tmp_path, siren=SIREN) as bridge:
        entities = bridge.hub.own_entities
        await approved(bridge, "siren")
        await until(lambda: "siren" in entities.owners and entities.owners["siren"].is_available)
        assert {key: each.kind.value for key, each in entities.owners["siren"].entities.items()} == {
            "siren": "switch",
            "lamp": "binary_sensor",
        }
        entities.command("siren", "siren", "ON")
        await until(lambda: "lamp" in entities.owners["siren"].states)
        states = entities.owners["siren"].states
        assert (states["siren"].value, states["lamp"].value) == (True, True)
        assert states["lamp"].attributes == {"by": "the switch"}
        await bridge.hub.scripts.current.delete("siren", by="the test")
        await until(lambda: "siren" not in entities.owners)


BYE = '''"""Keeps, and says, that it was ended."""
from vms_bridge.script import log, on, state

log.info("hello")


@on.shutdown
async def bye():
    state["ended"] = True
    log.info("bye")
'''


async def test_nothing_is_left_of_a_script_that_is_deleted(tmp_path: Path) -> None:
    async with bridge_with(tmp_path, bye=BYE, siren=SIREN) as bridge:
        scripts, logs = bridge.hub.scripts.current, tmp_path / "data" / "scripts" / "log"
        for name in ("bye", "siren"):
            await approved(bridge, name)
        await until((logs / "bye.log").exists)
        for name in ("bye", "siren"):
            await scripts.delete(name, by="the test")
        assert bridge.hub.own_entities.owners == {}
        assert list(scripts.all()) == []
    assert list(logs.iterdir()) == []
    with closing(sqlite3.connect(tmp_path / "data" / "scripts" / "scripts.db")) as store:
        kept = "SELECT script FROM state UNION SELECT script FROM approvals UNION SELECT script FROM sources"
        assert store.execute(kept).fetchall() == []


async def test_a_folder_that_can_not_be_read_takes_no_entities_away(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    async with bridge_with(tmp_path, f"folder: {missing}") as bridge:
        await until(lambda: bridge.hub.notices)
        (notice,) = bridge.hub.notices
        assert (notice.id, f"{missing} can't be read" in notice.text) == ("script_failed:folder", True)
        assert bridge.hub.own_entities.known is None
        missing.mkdir(0o700)
        await until(lambda: bridge.hub.own_entities.known == frozenset())
        await until(lambda: not bridge.hub.notices)


LOCK = '''"""Locks the door by its controller, and says what that has answered."""
from vms_bridge.script import http, log, on, permissions, secret

permissions(http=["PLACE/lock"], secrets=["lock_token"])


@on.startup
async def lock():
    answer = await http.put("PLACE/lock", json={"locked": True}, headers={"Authorization": "Bearer " + secret("lock_token")})
    log.info(f"{answer.status} {answer.text()}")
    try:
        await http.get("http://169.254.169.254/latest/meta-data/")
    except Exception as error:
        log.info(f"refused: {error}")
'''


async def test_a_lock_is_turned_by_http_with_a_token_that_the_script_never_sees(tmp_path: Path) -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(said(f"locked for {request.headers['authorization']}".encode()))

    (tmp_path / "lock.token").write_text("s3cr3t-of-the-lock\n")
    (tmp_path / "lock.token").chmod(0o600)
    async with serving() as controller:
        controller.answer = answer
        options = f'secrets: {{lock_token: {{value: !file lock.token, for: ["{controller.url("/*")}"]}}}}'
        async with bridge_with(tmp_path, options, lock=LOCK.replace("PLACE", controller.url("").rstrip("/"))) as bridge:
            await approved(bridge, "lock")
            await until_logged(bridge, "lock", "200 locked for Bearer ***")
            await until_logged(bridge, "lock", "refused: ")
    (request,) = controller.requests
    assert (request.line, request.body) == ("PUT /lock HTTP/1.1", b'{"locked":true}')
    assert request.headers["authorization"] == "Bearer s3cr3t-of-the-lock"


LATE = """from vms_bridge.script import log, on
@on.event(late=True)
async def seen(event):
    log.info(f"told of {event.id} {event.late}")
"""
NOW = LATE.replace("late=True", "")


@asynccontextmanager
async def hub_at(path: Path) -> AsyncIterator[tuple[Hub, SystemFeed]]:
    """A hub over what the one before has stored, with a system that a test speaks for."""
    store = await asyncio.to_thread(Store.open, path, SystemClock())
    hub = Hub(store, SystemClock())
    try:
        feed = await hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=ScriptedBackend())
        feed.emit(snapshot(monitor(1)))
        yield hub, feed
    finally:
        await hub.close()
        await store.close()


@asynccontextmanager
async def scripts_at(hub: Hub, folder: Path) -> AsyncIterator[Scripts]:
    """The sink at work."""
    task = asyncio.create_task(ScriptsSink(ScriptsConfig(), SystemClock(), folder).run(hub))
    try:
        await until(lambda: hub.scripts.is_there)
        yield hub.scripts.current
    finally:
        task.cancel()
        await asyncio.wait({task})


async def told(scripts: Scripts, name: str, least: int) -> list[str]:
    """What a script has said it was told of, once that is so much."""
    while True:
        page = await scripts.lines(name, LinesAsked())
        found = [line.text.removeprefix("told of ") for line in page.lines if line.text.startswith("told of ")]
        if len(found) >= least:
            return found
        await asyncio.sleep(0.02)


async def test_after_a_restart_who_asks_for_it_is_told_of_what_it_has_missed(tmp_path: Path) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir(mode=0o700)
    for name, text in {"late": LATE, "now": NOW}.items():
        (folder / f"{name}.py").write_text(text)
        (folder / f"{name}.py").chmod(0o600)
    async with hub_at(tmp_path) as (hub, feed), scripts_at(hub, folder) as scripts, asyncio.timeout(PATIENCE_S):
        for name in ("late", "now"):
            await until(lambda name=name: any(one.name == name and one.sha256 for one in scripts.all()))  # type: ignore[misc]
            await scripts.approve(name, sha256=scripts.get(name).sha256, by="the test")
            await until(lambda name=name: scripts.get(name).life.status is ScriptStatus.READY)  # type: ignore[misc]
        await feed.record(EventBatch(events=(event(1),)))
        assert await told(scripts, "late", 1) == await told(scripts, "now", 1) == ["zm-1 False"]
    async with hub_at(tmp_path) as (hub, feed):
        await feed.record(EventBatch(events=(event(2),)))
        await feed.record(EventBatch(events=(event(3), event(4)), late=True))
        async with scripts_at(hub, folder) as scripts, asyncio.timeout(PATIENCE_S):
            await until(lambda: [one.life.status for one in scripts.all()] == [ScriptStatus.READY] * 2)
            await told(scripts, "late", 3)
            await feed.record(EventBatch(events=(event(5),)))
            assert (await told(scripts, "late", 4))[-4:] == ["zm-2 True", "zm-3 True", "zm-4 True", "zm-5 False"]
            assert (await told(scripts, "now", 1))[-1:] == ["zm-5 False"]
