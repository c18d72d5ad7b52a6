"""The fake bridge by which the component is tested (`tests/component/fakes`) knows the real one's catalogue and commands."""

from __future__ import annotations

from tests.component.fakes import values

from vms_bridge.commands import COMMANDS, TargetKind
from vms_bridge.entities import CATALOGUE, Scope
from vms_bridge.model import Capability


def test_its_rows_are_those_of_the_catalogue() -> None:
    for scope, rows in ((Scope.MONITOR, values.MONITOR_ROWS), (Scope.SYSTEM, values.SYSTEM_ROWS)):
        assert {key: set(needed) for key, needed in rows.items()} == {row.key: set(row.needs) for row in CATALOGUE[scope]}


def test_it_can_what_a_bridge_can() -> None:
    assert set(values.CAPABILITIES) == set(Capability)


def test_its_commands_need_what_the_bridge_s_need() -> None:
    for kind, known in ((TargetKind.MONITOR, values.COMMANDS), (TargetKind.EVENT, values.EVENT_COMMANDS)):
        rows = [row for row in COMMANDS.rows if row.target is kind and not row.per_mode]
        assert {name: (row.needs, row.level) for row in rows for name in row.names or (row.name,)} == known
