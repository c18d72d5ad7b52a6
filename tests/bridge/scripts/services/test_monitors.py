"""What scripts learn of monitors: of those only that they see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.hub.house import served
from tests.bridge.scripts.services.lab import Site, Worker, site
from tests.fakes.backend import ScriptedBackend, monitor, snapshot

from vms_bridge.clock import SystemClock
from vms_bridge.errors import BodyInvalid, NotFound
from vms_bridge.scripts.services import monitors
from vms_bridge.scripts.services.table import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, lambda hub, _: monitors.rows(hub)) as made:
        yield made


async def test_all_that_it_sees_are_listed_with_what_they_can_do(sim: Site) -> None:
    listed = (await sim.ask(Worker(), "monitors.list"))["monitors"]
    assert [(one["system"], one["key"]) for one in listed] == [("sim", "1"), ("sim", "2"), ("sim", "3")]
    assert all(one["name"] and one["zones"] and "alarm_state" in one["capabilities"] for one in listed)
    assert any(one["presets"] and "left" in one["moves"] for one in listed)
    some = Worker().may(monitors=("sim/[12]",))
    assert len((await sim.ask(some, "monitors.list"))["monitors"]) == 2
    assert (await sim.ask(Worker().may(monitors=("other/*",)), "monitors.list"))["monitors"] == []


async def test_a_state_is_that_of_the_public_messages(sim: Site) -> None:
    said = await sim.ask(Worker(), "monitor.state", monitor="2")
    assert said["monitor"]["key"] == "2"
    assert (said["state"]["available"], said["state"]["armed"]) == (True, True)
    assert said["state"]["time"].endswith("Z")
    await sim.lose()
    said = await sim.ask(Worker(), "monitor.state", monitor="2")
    assert (said["state"]["available"], said["state"]["armed"]) == (False, None)


async def test_what_is_not_seen_is_not_there(sim: Site) -> None:
    some = Worker().may(monitors=("sim/1",))
    for said in ("2", "sim/2", "nothing"):
        with pytest.raises(NotFound, match="there is no monitor") as refusal:
            await sim.ask(some, "monitor.state", monitor=said)
        assert refusal.value.hint == "this script sees sim/1"
    none = Worker().may(monitors=())
    with pytest.raises(NotFound) as refusal:
        await sim.ask(none, "monitor.state", monitor="1")
    assert "sees none" in refusal.value.hint


async def test_a_name_that_is_nearly_one_is_told(sim: Site) -> None:
    [first, *_] = (await sim.ask(Worker(), "monitors.list"))["monitors"]
    with pytest.raises(NotFound, match="there is no monitor") as refusal:
        await sim.ask(Worker(), "monitor.state", monitor=f"{first['name']}x")
    assert refusal.value.hint == f"is {first['name']!r} (sim/{first['key']}) meant?"


async def test_a_name_that_several_have_is_told_with_those_that_are_seen(tmp_path: Path) -> None:
    backend = ScriptedBackend(first=snapshot(*(monitor(number, name="Gate") for number in range(1, 14))))
    async with served(tmp_path, backend) as hub:
        services = Services(monitors.rows(hub), SystemClock())
        with pytest.raises(NotFound, match="'gate' can be several monitors") as refusal:
            await services.answer(Worker(), "monitor.state", {"monitor": "gate"})
        assert refusal.value.hint.startswith("say which: zm/1, zm/2, ")
        assert refusal.value.hint.endswith("zm/10 and 3 more")
        some = Worker().may(monitors=("zm/2",))
        assert (await services.answer(some, "monitor.state", {"monitor": "gate"})).words["monitor"]["key"] == "2"


@pytest.mark.parametrize("words", [{}, {"monitor": 1}, {"monitor": ""}, {"monitor": "1", "more": 1}])
async def test_bad_words(sim: Site, words: dict[str, Any]) -> None:
    with pytest.raises(BodyInvalid):
        await sim.ask(Worker(), "monitor.state", **words)
