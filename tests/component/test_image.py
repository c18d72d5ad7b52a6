"""Images: the newest event's picture, and never another event's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import pytest
from custom_components.vms_bridge.pictures import MOST_BYTES
from homeassistant.helpers.entity_component import DATA_INSTANCES
from homeassistant.util import dt as dt_util
from tests.component.fakes.media import JPEG
from tests.component.states import state_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from custom_components.vms_bridge.image import VmsBridgeImage
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
    from tests.component.fakes.bridge import FakeBridge

    type Told = Callable[[], Awaitable[None]]
    type Find = Callable[..., str]
    type Look = Callable[[], Coroutine[Any, Any, bytes | None]]

OTHER = JPEG + b"other"


@pytest.fixture
def image(component: MockConfigEntry, find: Find) -> str:
    """Return the front door's image."""
    assert component.runtime_data.is_connected
    return find("image", "picture", "zm", "1")


@pytest.fixture
async def look(hass_client: ClientSessionGenerator, image: str) -> Look:
    """Return how to look at it as a browser does; None where there is nothing to be seen."""
    client = await hass_client()

    async def seen() -> bytes | None:
        response = await client.get(f"/api/image_proxy/{image}")
        if response.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return None
        assert (response.status, response.content_type) == (HTTPStatus.OK, "image/jpeg")
        body: bytes = await response.read()
        return body

    return seen


def image_of(hass: HomeAssistant, entity_id: str) -> VmsBridgeImage:
    found = hass.data[DATA_INSTANCES]["image"].get_entity(entity_id)
    assert found is not None
    return cast("VmsBridgeImage", found)


def asked_for(bridge: FakeBridge, event: str) -> int:
    return sum(asked.path == f"/api/v1/media/events/{event}/picture" for asked in bridge.requests)


async def test_a_new_event_has_a_new_picture(hass: HomeAssistant, bridge: FakeBridge, image: str, look: Look, told: Told) -> None:
    start = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    first = bridge.event("zm", "1", start=start, snapshot_ready=True)
    await told()
    assert dt_util.parse_datetime(state_of(hass, image).state) == start
    assert state_of(hass, image).attributes["event_id"] == first
    assert await look() == JPEG
    second = bridge.event("zm", "1", start=start + timedelta(minutes=1), snapshot_ready=True)
    bridge.pictures[f"events/{second}/picture"] = OTHER
    await told()
    assert dt_util.parse_datetime(state_of(hass, image).state) == start + timedelta(minutes=1)
    assert state_of(hass, image).attributes["event_id"] == second
    assert await look() == OTHER


async def test_until_a_new_event_has_its_picture_there_is_none(
    hass: HomeAssistant, bridge: FakeBridge, image: str, look: Look, told: Told
) -> None:
    bridge.event("zm", "1", start=datetime(2026, 11, 28, 12, 0, tzinfo=UTC), snapshot_ready=True)
    event = bridge.event("zm", "1", start=datetime(2026, 11, 28, 12, 1, tzinfo=UTC), snapshot_ready=False)
    await told()
    assert (state_of(hass, image).state, state_of(hass, image).attributes["event_id"]) == ("unknown", None)
    assert await look() is None
    bridge.event("zm", "1", id=event, type="media", snapshot_ready=True)
    await told()
    assert state_of(hass, image).attributes["event_id"] == event
    assert await look() == JPEG
    assert asked_for(bridge, event) == 1


async def test_the_picture_changes_once_more_when_the_event_is_over(
    hass: HomeAssistant, bridge: FakeBridge, image: str, look: Look, told: Told
) -> None:
    start = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    event = bridge.event("zm", "1", start=start, snapshot_ready=True)
    await told()
    assert await look() == JPEG
    bridge.pictures[f"events/{event}/picture"] = OTHER
    bridge.event("zm", "1", id=event, type="update", labels=["dog"])
    await told()
    assert dt_util.parse_datetime(state_of(hass, image).state) == start
    bridge.event("zm", "1", id=event, type="end", end=start, end_reason="closed", duration=0.0)
    await told()
    assert dt_util.parse_datetime(state_of(hass, image).state) == start + timedelta(milliseconds=1)
    assert await look() == OTHER


async def test_a_deleted_event_takes_its_picture_along(
    hass: HomeAssistant, bridge: FakeBridge, image: str, look: Look, told: Told
) -> None:
    event = bridge.event("zm", "1", start=datetime(2026, 11, 28, 12, 0, tzinfo=UTC), snapshot_ready=True)
    await told()
    assert await look() == JPEG
    bridge.event("zm", "1", id=event, type="deleted")
    await told()
    assert state_of(hass, image).state == "unknown"
    assert await look() is None


async def test_what_changes_no_more_is_fetched_once_and_asked_for_again_later(
    hass: HomeAssistant, bridge: FakeBridge, image: str, look: Look, told: Told
) -> None:
    start = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    over: dict[str, Any] = {"end": start + timedelta(seconds=9), "end_reason": "closed", "duration": 9.0, "snapshot_ready": True}
    event = bridge.event("zm", "1", type="end", start=start, **over)
    await told()
    assert [await look(), await look()] == [JPEG, JPEG]
    assert asked_for(bridge, event) == 1
    image_of(hass, image)._fetched_at -= 301
    assert await look() == JPEG
    assert asked_for(bridge, event) == 2
    assert "If-None-Match" in bridge.requests[-1].headers
    bridge.pictures[f"events/{event}/picture"] = OTHER
    image_of(hass, image)._fetched_at -= 301
    assert await look() == OTHER


async def test_while_an_event_goes_on_its_picture_is_fetched_each_time(bridge: FakeBridge, look: Look, told: Told) -> None:
    event = bridge.event("zm", "1", start=datetime(2026, 11, 28, 12, 0, tzinfo=UTC), snapshot_ready=True)
    await told()
    assert await look() == JPEG
    bridge.pictures[f"events/{event}/picture"] = OTHER
    assert await look() == OTHER


async def test_who_looks_while_the_event_changes_sees_the_new_ones_picture(bridge: FakeBridge, look: Look, told: Told) -> None:
    first = bridge.event("zm", "1", start=datetime(2026, 11, 28, 12, 0, tzinfo=UTC), snapshot_ready=True)
    await told()
    path = f"/api/v1/media/events/{first}/picture"
    bridge.hold(path)
    looking = asyncio.create_task(look())
    await bridge.asked(path)
    second = bridge.event("zm", "1", start=datetime(2026, 11, 28, 12, 1, tzinfo=UTC), snapshot_ready=True)
    bridge.pictures[f"events/{second}/picture"] = OTHER
    await told()
    bridge.release(path)
    assert await looking == OTHER


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>", {"Content-Type": "text/html"}),
        (b"", {"Content-Type": "image/jpeg"}),
        (bytes(MOST_BYTES + 1), {"Content-Type": "image/jpeg"}),
    ],
    ids=["html", "nothing", "too much"],
)
async def test_what_is_no_picture_is_not_shown(
    bridge: FakeBridge, look: Look, told: Told, body: bytes, headers: dict[str, str]
) -> None:
    event = bridge.event("zm", "1", start=datetime(2026, 11, 28, 12, 0, tzinfo=UTC), snapshot_ready=True)
    await told()
    bridge.answer(f"/api/v1/media/events/{event}/picture", 200, body, headers=headers)
    assert await look() is None
    bridge.answer(f"/api/v1/media/events/{event}/picture", 503, code="busy", headers={"Retry-After": "1"})
    assert await look() is None


@pytest.mark.parametrize("event", ["..", "a/b c", "x" * 5_000, 5, ""])
async def test_an_id_that_makes_no_sense_leads_nowhere(bridge: FakeBridge, look: Look, told: Told, event: object) -> None:
    value = {"v": 1, "id": event, "type": "new", "system": "zm", "monitor": "1", "snapshot_ready": True, "start": "yesterday"}
    bridge.item({"what": "last_event", "system": "zm", "monitor": "1", "value": value})
    await told()
    bridge.answer("/api/v1/media/events/*", 404, code="media")
    assert await look() is None


async def test_the_address_changes_seldom_while_the_picture_does_not(hass: HomeAssistant, image: str) -> None:
    entity = image_of(hass, image)
    first = entity.entity_picture
    for seconds, is_same in ((301, True), (301, True), (301, False), (301, True)):
        entity._token_pace._changed -= seconds
        entity.async_update_token()
        assert (entity.entity_picture == first) is is_same
        first = entity.entity_picture
