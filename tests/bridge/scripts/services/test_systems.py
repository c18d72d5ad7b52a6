"""Systems, the bridge and logs, as scripts see them."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.services.lab import EPOCH, Site, Worker, site, until
from tests.bridge.scripts.services.lying import Lying, Wrapped
from tests.fakes.clock import settle

from vms_bridge.archive import LogLine
from vms_bridge.errors import BodyInvalid, NotFound, VmsError
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services import logs, systems
from vms_bridge.scripts.services.refusals import TooSlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.backends.simulator.backend import Simulator

READER = Worker().may(logs=True)


@pytest.fixture
async def archives() -> list[Lying]:
    return []


@pytest.fixture
async def sim(tmp_path: Path, archives: list[Lying]) -> AsyncIterator[Site]:
    def wrap(simulator: Simulator) -> Any:  # noqa: ANN401 - a backend
        archives.append(Lying(simulator.archive))
        return Wrapped(simulator, archives[0])

    async with site(tmp_path, lambda hub, clock: (*systems.rows(hub, clock), *logs.rows(hub, clock)), wrap=wrap) as made:
        yield made


async def test_a_system_is_told_in_the_words_of_the_public_messages(sim: Site) -> None:
    said = await sim.ask(Worker(), "system.state", system="sim")
    assert (said["state"]["available"], said["state"]["run_state"]) == (True, "Away")
    assert said["monitors"] == ["1", "2", "3"]
    some = Worker().may(monitors=("sim/2",))
    assert (await sim.ask(some, "system.state", system="sim"))["monitors"] == ["2"]
    for worker, key in ((Worker(), "other"), (Worker().may(monitors=("x/*",)), "sim")):
        with pytest.raises(NotFound, match="there is no system"):
            await sim.ask(worker, "system.state", system=key)
    with pytest.raises(BodyInvalid):
        await sim.ask(Worker(), "system.state")
    await sim.lose()
    assert (await sim.ask(Worker(), "system.state", system="sim"))["state"]["available"] is False


async def test_the_bridge_tells_of_what_is_seen_only(sim: Site) -> None:
    said = await sim.ask(Worker(), "bridge.state")
    assert [(one["key"], one["available"], one["monitors"]) for one in said["systems"]] == [("sim", True, 3)]
    assert said["notices"] == []
    await sim.lose()
    await until(lambda: sim.hub.notices, sim.clock)
    (notice,) = (await sim.ask(Worker(), "bridge.state"))["notices"]
    assert (notice["kind"], notice["system"]) == ("system_lost", "sim")
    assert (await sim.ask(Worker().may(monitors=("sim/1",)), "bridge.state"))["systems"][0]["monitors"] == 1
    blind = await sim.ask(Worker().may(monitors=("x/1",)), "bridge.state")
    assert (blind["systems"], blind["notices"]) == ([], [])


async def test_a_systems_log_by_level(sim: Site, archives: list[Lying]) -> None:
    archives[0].lines = [
        LogLine(time=EPOCH + timedelta(seconds=number), message=f"line {number}", level=level, component="zmc_m1")
        for number, level in enumerate(("debug", "INFO", "warning", "panic", "odd"))
    ]
    said = (await sim.ask(READER, "system.logs", system="sim"))["lines"]
    assert [line["text"] for line in said] == ["line 1", "line 2", "line 3", "line 4"]
    assert said[0] == {"time": "2026-11-20T12:00:01Z", "level": "INFO", "component": "zmc_m1", "text": "line 1"}
    said = (await sim.ask(READER, "system.logs", system="sim", level="warning", limit=1))["lines"]
    assert [line["text"] for line in said] == ["line 3"]
    assert len((await sim.ask(READER, "system.logs", system="sim", level="debug"))["lines"]) == 5


async def test_a_log_takes_a_permission_and_all_of_the_system(sim: Site) -> None:
    for what, words in (("system.logs", {"system": "sim"}), ("bridge.logs", {})):
        with pytest.raises(PermissionMissing, match="permission logs"):
            await sim.services.answer(Worker(), what, words)
    with pytest.raises(NotFound, match="does not see all of system"):
        await sim.ask(READER.may(monitors=("sim/1",)), "system.logs", system="sim")
    bad: list[dict[str, Any]] = [{"level": "loud"}, {"limit": 0}, {"limit": 1_001}, {"since": "now"}]
    for more in bad:
        with pytest.raises(BodyInvalid):
            await sim.ask(READER, "system.logs", system="sim", **more)


async def test_a_log_that_can_not_be_read(sim: Site, archives: list[Lying]) -> None:
    archives[0].does = "unreachable"
    with pytest.raises(VmsError):
        await sim.ask(READER, "system.logs", system="sim")
    archives[0].does = "hang"
    asked = asyncio.create_task(sim.ask(READER, "system.logs", system="sim"))
    await settle()
    await sim.clock.advance(logs.LOG_S + 1)
    await until(asked.done)
    with pytest.raises(TooSlow):
        await asked


async def test_the_bridges_own_log(sim: Site) -> None:
    logger = logging.getLogger("vms_bridge.test")
    logger.setLevel(logging.DEBUG)
    logger.info("hello\nthere token=abcdef123456")
    logger.warning("look out")
    said = (await sim.ask(READER, "bridge.logs"))["lines"]
    mine = [line for line in said if line["component"] == "vms_bridge.test"]
    assert [(line["level"], line["text"]) for line in mine] == [
        ("info", "hello\\nthere token=***"),
        ("warning", "look out"),
    ]
    assert "look out" in (await sim.ask(READER, "bridge.logs", level="warning", limit=1))["lines"][-1]["text"]
