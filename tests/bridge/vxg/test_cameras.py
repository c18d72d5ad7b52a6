"""Where cameras look for motion, and cameras that move."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.bridge.vxg.support import served

from vms_bridge.vxg import NotThere, Preset, Refused, WrongValue


async def test_motion_is_looked_for_everywhere_or_nowhere() -> None:
    async with served() as (vxg, fake):
        regions = await vxg.motion.regions(101)
        assert [(each.name, each.enabled, each.sensitivity, each.map) for each in regions] == [
            ("All", True, 5, "//8="),
            ("Door", True, 3, "AAE="),
        ]
        before = fake.world.channels[101].regions
        await vxg.motion.set_enabled(101, on=False)
        assert await vxg.motion.is_enabled(101) is False
        await vxg.motion.set_enabled(101, on=True)
        assert await vxg.motion.is_enabled(101) is True
        assert fake.world.channels[101].regions == before, "names, maps and sensitivity are as they were"
        puts = fake.count["PUT /api/v2/cameras/N/motion_detection/regions/"]
        await vxg.motion.set_enabled(101, on=True)
        assert fake.count["PUT /api/v2/cameras/N/motion_detection/regions/"] == puts
        await vxg.motion.set_regions(101, [replace(regions[0], enabled=False)])
        assert await vxg.motion.is_enabled(101) is False
        await vxg.motion.set_regions(101, [])
        assert await vxg.motion.is_enabled(101) is None


async def test_a_camera_moves_until_it_is_stopped() -> None:
    async with served() as (vxg, fake):
        assert "left" in (await vxg.ptz.capabilities(101))["actions"]
        await vxg.ptz.move(101, "left")
        await vxg.ptz.stop(101)
        await vxg.ptz.add_preset(101, "Gate")
        (gate,) = await vxg.ptz.presets(101)
        assert gate == Preset("1", "Gate")
        await vxg.ptz.go_to(101, gate)
        await vxg.ptz.delete_preset(101, gate)
        assert fake.world.channels[101].ptz == ["left", "stop", "goto 1"]
        with pytest.raises(NotThere):
            await vxg.ptz.go_to(101, "7")
        with pytest.raises(WrongValue, match="no camera moves"):
            await vxg.ptz.move(101, "away")


async def test_a_camera_that_can_not_move_says_so() -> None:
    async with served() as (vxg, fake):
        fake.world.channels[101].can_move = False
        with pytest.raises(NotThere, match="no PTZ"):
            await vxg.ptz.capabilities(101)
        with pytest.raises(Refused, match="no PTZ"):
            await vxg.ptz.move(101, "left")
