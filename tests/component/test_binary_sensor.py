"""What is so, or is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.const import STATE_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    Told = Callable[[], Awaitable[None]]
    Find = Callable[..., str]


async def test_motion(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, find: Find) -> None:  # noqa: ARG001
    motion = find("binary_sensor", "motion", "zm", "1")
    for said, shown in ((True, "on"), (False, "off"), (None, STATE_UNKNOWN)):
        bridge.change_state("zm", "1", motion=said)
        await told()
        state = hass.states.get(motion)
        assert state is not None
        assert state.state == shown
        assert state.attributes["device_class"] == "motion"


async def test_what_is_neither_true_nor_false_is_unknown(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    bridge.item({"what": "state", "system": "zm", "monitor": "1", "value": {**bridge.state("zm", "1"), "motion": 1}})
    await told()
    assert hass.states.get(find("binary_sensor", "motion", "zm", "1")).state == STATE_UNKNOWN  # type: ignore[union-attr]


async def test_a_zone(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, find: Find) -> None:  # noqa: ARG001
    bridge.change_state("zm", "1", zones={"2": True})
    await told()
    assert hass.states.get(find("binary_sensor", "occupancy", "zm", "1", part="1")).state == "off"  # type: ignore[union-attr]
    lawn = hass.states.get(find("binary_sensor", "occupancy", "zm", "1", part="2"))
    assert lawn is not None
    assert (lawn.state, lawn.attributes["device_class"]) == ("on", "occupancy")


async def test_a_problem_of_the_bridge(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    problem = find("binary_sensor", "problem")
    assert hass.states.get(problem).state == "off"  # type: ignore[union-attr]
    bridge.change_health(problem="the disk is full")
    await told()
    state = hass.states.get(problem)
    assert state is not None
    assert (state.state, state.attributes["detail"]) == ("on", "the disk is full")
