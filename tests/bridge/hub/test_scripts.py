"""Who runs scripts: nobody, and that is said, until a part does; who listens hears of each change."""

from __future__ import annotations

import pytest
from tests.fakes.scripts import FakeScripts

from vms_bridge.hub.fan_out import FanOut
from vms_bridge.hub.scripts import HubScripts
from vms_bridge.script_errors import ScriptsOff
from vms_bridge.scripting import LineLevel


def test_nobody_runs_scripts_until_a_part_does() -> None:
    desk = HubScripts(lambda _: None)
    assert not desk.is_there
    with pytest.raises(ScriptsOff) as off:
        _ = desk.current
    assert "scripts:" in off.value.hint


async def test_who_listens_hears_who_runs_scripts() -> None:
    fan_out = FanOut(lambda: 0.0)
    subscription = fan_out.subscribe(None)
    desk = HubScripts(fan_out.scripts)
    first, second = FakeScripts(), FakeScripts()
    end_first = desk.serve(first)
    assert desk.current is first
    assert (await subscription.changes()).scripts
    end_second = desk.serve(second)
    end_first()
    assert desk.current is second, "who was replaced takes nothing away"
    assert (await subscription.changes()).scripts
    second.on_change("gate")
    assert (await subscription.changes()).scripts == {"gate"}
    end_second()
    assert not desk.is_there


def test_levels_of_lines_have_an_order() -> None:
    assert [level.rank for level in (LineLevel.DEBUG, LineLevel.ERROR, LineLevel("fatal"))] == [0, 3, 4]
