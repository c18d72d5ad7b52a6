"""What the bridge's detector looks for: whether it is there, how many, and when something came last."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from custom_components.vms_bridge.models import Monitor
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.helpers import entity_registry as er
from tests.component.fakes import values
from tests.component.fakes.media import JPEG
from tests.component.states import state as shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
    from tests.component.fakes.bridge import FakeBridge

    Told = Callable[[], Awaitable[None]]
    Find = Callable[..., str]


async def test_each_label_is_there_or_not_and_counted(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, find: Find
) -> None:
    assert component.runtime_data.monitors
    bridge.watch("zm", "1", person=2, dog=0, cat=None)
    await told()
    presence = {label: find("binary_sensor", "presence", "zm", "1", part=label) for label in ("person", "dog", "cat")}
    counts = {label: find("sensor", "count", "zm", "1", part=label) for label in presence}
    assert {label: shown(hass, each) for label, each in presence.items()} == {
        "person": STATE_ON,
        "dog": STATE_OFF,
        "cat": STATE_UNKNOWN,
    }
    assert {label: shown(hass, each) for label, each in counts.items()} == {"person": "2", "dog": "0", "cat": STATE_UNKNOWN}
    state = hass.states.get(presence["person"])
    assert state is not None
    assert (state.attributes["friendly_name"], state.attributes["device_class"]) == ("Front door Person", "occupancy")
    count = hass.states.get(counts["dog"])
    assert count is not None
    assert count.attributes["friendly_name"] == "Front door Dog count"
    of_motion = er.async_get(hass).async_get(find("binary_sensor", "motion", "zm", "1"))
    of_person = er.async_get(hass).async_get(presence["person"])
    assert of_motion is not None
    assert of_person is not None
    assert of_person.device_id == of_motion.device_id


async def test_what_is_looked_for_no_more_is_not_available(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, find: Find
) -> None:
    assert component.runtime_data.monitors
    bridge.watch("zm", "1", person=1)
    await told()
    person = find("binary_sensor", "presence", "zm", "1", part="person")
    bridge.watch("zm", "1", dog=1)
    await told()
    assert shown(hass, person) == STATE_UNAVAILABLE
    assert shown(hass, find("binary_sensor", "presence", "zm", "1", part="dog")) == STATE_ON
    bridge.watch("zm", "1", person=0)
    await told()
    assert shown(hass, person) == STATE_OFF


async def test_when_something_came_last(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, find: Find
) -> None:
    assert component.runtime_data.monitors
    bridge.watch("zm", "1", person=1)
    await told()
    last = find("sensor", "last_detection", "zm", "1")
    assert shown(hass, last) == STATE_UNKNOWN
    bridge.change_state("zm", "1", last_detection="2026-11-28T12:00:00Z", detected=["person"])
    await told()
    state = hass.states.get(last)
    assert state is not None
    assert (state.state, state.attributes["detected"]) == ("2026-11-28T12:00:00+00:00", ["person"])


def test_an_older_bridge_knows_of_no_objects() -> None:
    said = values.monitor("zm", "1", "Drive", zones={}, modes={}, capabilities=None, entities=None)
    del said["watched"]
    assert Monitor.parse(said).watched == ()


async def test_the_best_picture_is_fetched_when_there_is_another_one(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,
    told: Told,
    find: Find,
    hass_client: ClientSessionGenerator,
) -> None:
    assert component.runtime_data.monitors
    bridge.watch("zm", "1", person=1)
    await told()
    image, client = find("image", "best_picture", "zm", "1", part="person"), await hass_client()
    assert shown(hass, image) == STATE_UNKNOWN
    assert (await client.get(f"/api/image_proxy/{image}")).status == HTTPStatus.INTERNAL_SERVER_ERROR
    for number, since in enumerate(("2026-11-28T12:00:00Z", "2026-11-28T12:05:00Z")):
        content = JPEG + bytes([number])
        bridge.pictures["monitors/zm/1/objects/person"] = content
        objects = bridge.states["zm", "1"]["objects"]
        bridge.change_state("zm", "1", objects={"person": {**objects["person"], "picture": since}})
        await told()
        assert shown(hass, image) == since.replace("Z", "+00:00")
        for _ in range(2):
            response = await client.get(f"/api/image_proxy/{image}")
            assert (response.status, response.content_type, await response.read()) == (HTTPStatus.OK, "image/jpeg", content)
    asked = [each for each in bridge.requests if each.path.endswith("/objects/person/picture")]
    assert len(asked) == 2, "each is fetched once"


async def test_a_picture_that_can_not_be_had_is_none(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,
    told: Told,
    find: Find,
    hass_client: ClientSessionGenerator,
) -> None:
    assert component.runtime_data.monitors
    bridge.watch("zm", "1", person=1)
    picture = {**bridge.states["zm", "1"]["objects"]["person"], "picture": "2026-11-28T12:00:00Z"}
    bridge.change_state("zm", "1", objects={"person": picture})
    await told()
    image, client = find("image", "best_picture", "zm", "1", part="person"), await hass_client()
    bridge.states["zm", "1"]["objects"] = {}
    assert (await client.get(f"/api/image_proxy/{image}")).status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert hass.states.get(image) is not None
