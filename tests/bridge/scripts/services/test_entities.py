"""Entities of a script's own, as it asks for them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.bridge.scripts.services.lab import Worker
from tests.fakes.clock import FakeClock

from vms_bridge.errors import BodyInvalid
from vms_bridge.hub.own_entities import HubOwnEntities
from vms_bridge.own_entities import EntityKind, EntityRefused, EntityState, OwnEntity
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services.entities import EntityService, read_entities
from vms_bridge.scripts.services.table import Services
from vms_bridge.scripts.values import Permissions

MAY = Permissions(entities=True)


class Lab:
    """Services over entities as the hub keeps them."""

    def __init__(self) -> None:
        self.kept = HubOwnEntities(lambda _: None)
        self.services = Services(EntityService(self.kept).rows(), FakeClock())

    async def ask(self, what: str, permissions: Permissions = MAY, **words: Any) -> None:  # noqa: ANN401 - JSON
        await self.services.answer(Worker("gate", permissions), f"entity.{what}", words)


async def test_an_entity_is_declared_said_and_withdrawn() -> None:
    lab = Lab()
    await lab.ask("declare", entity={"kind": "number", "key": "minutes", "min": 1, "max": 60, "icon": "mdi:timer"})
    await lab.ask("state", key="minutes", value=5, attributes={"why": "a car"})
    owner = lab.kept.owners["gate"]
    assert owner.is_available
    assert owner.entities == {"minutes": OwnEntity(key="minutes", kind=EntityKind.NUMBER, min=1, max=60, icon="mdi:timer")}
    assert owner.states == {"minutes": EntityState(value=5, attributes={"why": "a car"})}
    with pytest.raises(EntityRefused):
        await lab.ask("state", key="minutes", value=61)
    await lab.ask("withdraw", key="minutes")
    assert not lab.kept.owners["gate"].entities


async def test_a_script_without_the_permission_has_none() -> None:
    lab, none = Lab(), Permissions()
    with pytest.raises(PermissionMissing):
        await lab.ask("declare", none, entity={"kind": "sensor", "key": "count"})
    lab.kept.declare("gate", [OwnEntity(key="count", kind=EntityKind.SENSOR)])
    with pytest.raises(PermissionMissing):
        await lab.ask("state", none, key="count", value=1)
    with pytest.raises(PermissionMissing):
        await lab.ask("withdraw", none, key="count")
    with pytest.raises(PermissionMissing):
        read_entities([{"kind": "sensor", "key": "count"}], none)
    assert read_entities([], none) == ()


async def test_a_script_reaches_no_other_scripts_entities() -> None:
    lab = Lab()
    lab.kept.declare("other", [OwnEntity(key="count", kind=EntityKind.SENSOR)])
    with pytest.raises(EntityRefused):
        await lab.ask("state", key="count", value=1)
    with pytest.raises(EntityRefused):
        await lab.ask("withdraw", key="count")


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"entity": {"kind": "camera", "key": "x"}},
        {"entity": {"kind": "sensor", "key": "x", "state_topic": "vms_bridge/home/status"}},
        {"entity": {"kind": "sensor", "key": "x", "name": 5}},
        {"entity": {"kind": "sensor", "key": "a/../b"}},
        {"entity": {"kind": "sensor", "key": "x", "icon": "{{ x }}"}},
    ],
)
async def test_what_is_no_entity_is_refused(words: dict[str, Any]) -> None:
    lab = Lab()
    with pytest.raises((BodyInvalid, EntityRefused)):
        await lab.ask("declare", **words)
    assert not lab.kept.owners


def test_what_a_script_declares_at_its_top_level_is_read() -> None:
    found = read_entities([{"kind": "select", "key": "mode", "options": ["Day", "Night"]}], MAY)
    assert found == (OwnEntity(key="mode", kind=EntityKind.SELECT, options=("Day", "Night")),)
    with pytest.raises(EntityRefused, match="kind"):
        read_entities([{"kind": "lamp", "key": "x"}], MAY)
