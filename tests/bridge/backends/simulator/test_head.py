"""Simulated cameras that move."""

from __future__ import annotations

import pytest
from tests.bridge.backends.simulator.test_simulator import Site

from vms_bridge.commands import GoToPreset, MoveCamera, SetPreset, VmsTarget
from vms_bridge.errors import CommandRejected, UnsupportedCommand
from vms_bridge.model import Capability, FullState, StateUpdate
from vms_bridge.ptz import PtzMove

GARDEN, DRIVEWAY = VmsTarget(monitor_id="3"), VmsTarget(monitor_id="1")


def preset(site: Site) -> str | None:
    shown = [each for each in site.feed.updates if isinstance(each, StateUpdate) and each.monitor_id == "3"]
    if shown:
        return shown[-1].state.preset
    return next(each.states["3"].preset for each in site.feed.updates if isinstance(each, FullState))


async def test_the_garden_has_a_camera_that_moves() -> None:
    site = Site()
    async with site.running():
        full = next(each for each in site.feed.updates if isinstance(each, FullState))
        able = {monitor.id: monitor.ptz for monitor in full.monitors}
        assert able["1"] is able["2"] is None
        assert able["3"] is not None
        assert [Capability.PTZ in monitor.capabilities for monitor in full.monitors] == [False, False, True]
        assert list(able["3"].labels) == ["Lawn", "Shed", "Pond"]
        assert preset(site) == "Lawn"


async def test_it_stands_at_a_preset_until_it_is_moved() -> None:
    site = Site()
    async with site.running():
        await site.simulator.execute(GARDEN, GoToPreset(preset="Shed", number=2))
        assert preset(site) == "Shed"
        await site.simulator.execute(GARDEN, MoveCamera(move=PtzMove.LEFT))
        assert preset(site) is None
        await site.simulator.execute(GARDEN, MoveCamera(move=PtzMove.STOP))
        assert preset(site) is None
        await site.simulator.execute(GARDEN, SetPreset(number=3))
        assert preset(site) == "Pond"
        await site.simulator.execute(GARDEN, MoveCamera(move=PtzMove.HOME))
        assert preset(site) == "Lawn"


async def test_what_it_can_not_do_is_refused() -> None:
    site = Site()
    async with site.running():
        with pytest.raises(CommandRejected):
            await site.simulator.execute(GARDEN, MoveCamera(move=PtzMove.SLEEP))
        with pytest.raises(UnsupportedCommand):
            await site.simulator.execute(DRIVEWAY, MoveCamera(move=PtzMove.LEFT))
