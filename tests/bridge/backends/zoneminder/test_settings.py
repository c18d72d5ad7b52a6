"""A monitor's settings: read by their columns, set only where they differ, and believed when they are read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.commanded import house
from tests.bridge.backends.zoneminder.support import FastClock, config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4
from tests.fakes.zoneminder.recorded import MONITOR
from tests.fakes.zoneminder.server import VIEWER

from vms_bridge.commands import AckResult, SetSetting, VmsTarget
from vms_bridge.commands.settings import SETTINGS
from vms_bridge.errors import CommandRejected
from vms_bridge.model import Capability
from vms_bridge.zoneminder.modes import SETTINGS as COLUMNS
from vms_bridge.zoneminder.parse import parse_monitor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

ALL = tuple(setting.key for setting in SETTINGS)


@pytest.fixture
def clock() -> FastClock:
    return FastClock(10)


def test_every_setting_has_a_column() -> None:
    assert tuple(COLUMNS) == ALL


def test_a_row_of_1_38_is_read() -> None:
    row = parse_monitor({"Monitor": MONITOR})
    assert row is not None
    assert row.settings == {"max_fps": 0.0, "alarm_max_fps": 0.0, "analysis_max_fps": 0.0, "section_length": 600.0}
    odd = parse_monitor({"Monitor": {"Id": 1, "MaxFPS": "5.50", "SectionLength": "-1", "AlarmMaxFPS": []}})
    assert odd is not None
    assert odd.settings == {"max_fps": 5.5, "alarm_max_fps": 0.0, "section_length": 0.0}


@pytest.mark.virtual_time
@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_a_setting_is_set_and_seen(personality: Personality, tmp_path: Path, clock: FastClock) -> None:
    world = World(personality, now=clock.now)
    async with FakeZoneMinder(world) as fake, house(tmp_path, clock, config(fake.url)) as one:
        assert one.state.settings["section_length"] == 600.0
        for action, applied in (
            (SetSetting(setting="max_fps", value=2.5), "2.5"),
            (SetSetting(setting="max_fps", value=0.0), "0"),
            (SetSetting(setting="section_length", value=300.0), "300"),
        ):
            ack = await one.command(action)
            assert (ack.result, ack.applied) == (AckResult.APPLIED, applied)
        assert (await one.command(SetSetting(setting="section_length", value=300.0))).result is AckResult.UNCHANGED
        assert [fields for _, fields in fake.edits] == [{"MaxFPS": "2.5"}, {"MaxFPS": "0"}, {"SectionLength": "300"}]


async def test_what_a_monitor_has_not_is_not_offered(serve: Serve) -> None:
    world = World()
    world.monitors[2].type = "WebSite"
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        assert (feed.monitors["1"].settings, Capability.SETTINGS in feed.monitors["1"].capabilities) == (ALL, True)
        assert (feed.monitors["2"].settings, Capability.SETTINGS in feed.monitors["2"].capabilities) == ((), False)


async def test_who_may_not_is_told_what_it_takes(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.users["admin"].permissions = VIEWER
        async with serve(fake) as (backend, _):
            with pytest.raises(CommandRejected, match="does not let this user") as refusal:
                await backend.execute(VmsTarget(monitor_id="1"), SetSetting(setting="max_fps", value=1.0))
    assert "Monitors: Edit" in refusal.value.hint
