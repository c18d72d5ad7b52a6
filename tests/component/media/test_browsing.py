"""The media browser, as Home Assistant asks for it: from the system to the hour, by label and kind, page by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from custom_components.vms_bridge.browsing import Browser
from custom_components.vms_bridge.places import Place
from homeassistant.components import media_source
from homeassistant.components.media_player.const import MediaClass
from homeassistant.components.media_player.errors import BrowseError
from homeassistant.components.media_source import Unresolvable
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockUser

from .conftest import MORNING, SOURCE, child, titles

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge
    from tests.component.media.conftest import Browse

BRIDGE = "5f0c7a52e9d14b0c"
GATE = f"{BRIDGE}/zm/7"


def asked(bridge: FakeBridge) -> int:
    """Return how often the bridge was asked for events."""
    return sum(request.path in {"/api/v1/events", "/api/v1/timeline", "/api/v1/values"} for request in bridge.requests)


async def test_from_the_system_to_an_event(browse: Browse, recorded: FakeBridge) -> None:
    root = await browse()
    assert titles(root.children) == ["Latest", "By label", "By kind", "Shed"]
    system = await browse(child(root, "Shed"))
    assert titles(system.children) == ["Latest", "By label", "By kind", "Front door", "Gate", "Yard"]
    monitor = await browse(child(system, "Gate"))
    assert titles(monitor.children) == ["Latest", "By label", "By kind", "Monday, 10 March 2025 (3)", "Sunday, 9 March 2025 (3)"]
    recorded.requests.clear()
    day = await browse(child(monitor, "Monday"))
    assert (day.title, titles(day.children)) == ("Monday, 10 March 2025", ["10:00\u201311:00 (1)", "09:00\u201310:00 (2)"])
    assert asked(recorded) == 1
    recorded.requests.clear()
    hour = await browse(child(day, "09:00"))
    assert (hour.title, titles(hour.children)) == (
        "09:00\u201310:00",
        ["09:05:00 · dog 50% · 20 s", "09:00:00 · person 50% · 20 s"],
    )
    assert asked(recorded) == 1
    assert all(node.can_expand and node.can_search and not node.can_play for node in (root, system, monitor, day, hour))


async def test_an_event(browse: Browse, component: MockConfigEntry) -> None:
    day = await browse(f"{GATE}/day=2025-03-10")
    event = (await browse(child(day, "10:00"))).children[0]
    assert event.media_content_id == f"{SOURCE}/{BRIDGE}/event/zm-765/clip"
    assert (event.media_class, event.media_content_type, event.can_play, event.can_expand) == (
        MediaClass.VIDEO,
        "video/mp4",
        True,
        False,
    )
    assert event.thumbnail == f"/api/vms_bridge/media/{component.entry_id}/zm-765/picture.jpg"


async def test_what_there_is_of_an_event_shows(browse: Browse) -> None:
    day = await browse(f"{GATE}/day=2025-03-09")
    nothing, pictures, clip = (await browse(child(day, "09:00"))).children
    assert (nothing.can_play, nothing.thumbnail) == (False, None)
    assert (pictures.can_play, pictures.media_content_id) == (True, f"{SOURCE}/{BRIDGE}/event/zm-801")
    assert (clip.title, clip.media_content_id) == ("09:00:00 · Doorbell · 20 s", f"{SOURCE}/{BRIDGE}/event/zm-800/clip")


async def test_by_label(browse: Browse, recorded: FakeBridge) -> None:
    recorded.requests.clear()
    labels = await browse(f"{GATE}/show=labels")
    assert titles(labels.children) == ["dog", "person"]
    assert asked(recorded) == 1
    person = await browse(child(labels, "person"))
    assert titles(person.children) == ["Latest", "Monday, 10 March 2025 (2)"]
    day = await browse(child(person, "Monday"))
    assert titles(day.children) == ["10:00\u201311:00 (1)", "09:00\u201310:00 (1)"]
    assert len((await browse(child(person, "Latest"))).children) == 2


async def test_a_label_that_was_not_seen_for_long(browse: Browse, recorded: FakeBridge) -> None:
    recorded.add_event("zm", "7", start=MORNING - timedelta(days=90), label="horse", labels=["horse"])
    for number in range(501):
        recorded.add_event("zm", "7", start=MORNING + timedelta(seconds=number), label="car", labels=["car"])
    assert titles((await browse(f"{GATE}/show=labels")).children) == ["car", "dog", "horse", "person"]


async def test_an_older_bridge_lists_what_its_newest_events_have(browse: Browse, recorded: FakeBridge) -> None:
    recorded.answer("/api/v1/values", 404, code="not_found")
    recorded.add_event("zm", "7", start=MORNING, kind="newer_kind")
    assert titles((await browse(f"{GATE}/show=labels")).children) == ["dog", "person"]
    assert titles((await browse(f"{GATE}/show=kinds")).children)[-1] == "Newer kind"


async def test_labels_of_cameras_that_are_not_for_the_user_are_not_listed(
    hass: HomeAssistant, component: MockConfigEntry, recorded: FakeBridge, told: object
) -> None:
    for number in range(60):  # more than can be named in a request
        recorded.add_monitor("zm", f"c{number}", f"Camera {number:03}", entities=["camera"])
    recorded.add_event("zm", "1", start=MORNING, label="ghost", labels=["ghost"])
    await told()  # type: ignore[operator]
    registry = er.async_get(hass)
    allowed = ["7", *(f"c{number}" for number in range(60))]
    cameras = [registry.async_get_entity_id("camera", "vms_bridge", f"{BRIDGE}/zm/{key}/camera") for key in allowed]
    user = MockUser().add_to_hass(hass)
    user.mock_policy({"entities": {"entity_ids": {each: {"read": True} for each in cameras if each}}})
    place = Place.parse(f"{BRIDGE}/zm/show=labels")
    assert place is not None
    node = await Browser(hass, component.runtime_data, user).node(place)
    assert titles(node.children or []) == ["dog", "person"]
    assert "ghost" in titles((await Browser(hass, component.runtime_data, None).node(place)).children or [])


async def test_a_label_that_is_only_seen_now_is_listed(browse: Browse, recorded: FakeBridge, told: object) -> None:
    recorded.set_objects("zm", "7", {"cat": 1})
    await told()  # type: ignore[operator]
    assert titles((await browse(f"{GATE}/show=labels")).children) == ["cat", "dog", "person"]


async def test_by_kind(browse: Browse, recorded: FakeBridge) -> None:
    recorded.add_event("zm", "7", start=MORNING, kind="newer_kind")
    kinds = await browse(f"{BRIDGE}/zm/show=kinds")
    assert titles(kinds.children) == ["Alarm", "Continuous", "Forced", "External", "Newer kind"]
    external = await browse(child(kinds, "External"))
    assert titles(external.children) == ["Latest", "Sunday, 9 March 2025 (1)"]
    latest = await browse(child(external, "Latest"))
    assert titles(latest.children) == ["2025-03-09 09:00 · Gate · Doorbell · 20 s"]


async def test_a_page_has_200_children_and_the_next_goes_on(browse: Browse, recorded: FakeBridge) -> None:
    for number in range(420):
        recorded.add_event("zm", "7", start=MORNING + timedelta(seconds=number))
    seen: list[str] = []
    node = await browse(f"{GATE}/hour=2025-03-10T08:00:00Z")
    while True:
        assert len(node.children) <= 200
        seen += [event.media_content_id for event in node.children if event.can_play]
        if node.children[-1].title != "More …":
            break
        node = await browse(child(node, "More"))
    assert len(seen) == len(set(seen)) == 422


async def test_days_are_paged_and_empty_ones_left_out(browse: Browse, recorded: FakeBridge) -> None:
    starts = [MORNING - timedelta(days=2 * number + 10) for number in range(450)] + [datetime(1980, 1, 1, 12, tzinfo=UTC)]
    for start in starts:
        recorded.add_event("zm", "7", start=start)
    days: list[str] = []
    identifier: str | None = GATE
    while identifier is not None:
        recorded.requests.clear()
        node = await browse(identifier)
        assert len(node.children) <= 200
        assert asked(recorded) <= 2
        days += [each.media_content_id for each in node.children if "/day=" in each.media_content_id]
        identifier = child(node, "More") if node.children[-1].title == "More …" else None
    assert len(days) == len(set(days)) == 453
    assert days == sorted(days, reverse=True)
    assert days[-1] == f"{SOURCE}/{GATE}/day=1980-01-01"


async def test_many_cameras_are_paged(browse: Browse, recorded: FakeBridge, told: object) -> None:
    for number in range(300):
        recorded.add_monitor("zm", f"c{number}", f"Camera {number:03}", capabilities=["events"], entities=[])
    await told()  # type: ignore[operator]
    first = await browse(f"{BRIDGE}/zm")
    second = await browse(child(first, "More"))
    assert len(first.children) == 200
    assert len(second.children) == 3 + 303 - 199
    assert not {each.media_content_id for each in first.children} & {each.media_content_id for each in second.children}


async def test_an_event_without_a_time_is_among_the_latest(browse: Browse, recorded: FakeBridge) -> None:
    identifier = recorded.add_event("zm", "7", start=MORNING, seconds=None)
    recorded.events[identifier].update(start=None)
    assert titles((await browse(f"{GATE}/show=latest")).children)[-1] == "Motion"


async def test_an_hour_that_comes_twice(browse: Browse, recorded: FakeBridge) -> None:
    for hour in (0, 1):
        recorded.add_event("zm", "7", start=datetime(2025, 10, 26, hour, 30, tzinfo=UTC))
    day = await browse(f"{GATE}/day=2025-10-26")
    assert titles(day.children) == ["02:00 (UTC+0100)\u201303:00 (1)", "02:00 (UTC+0200)\u201302:00 (UTC+0100) (1)"]
    for title in ("02:00 (UTC+0100)", "02:00 (UTC+0200)"):
        assert len((await browse(child(day, title))).children) == 1


async def test_in_german(hass: HomeAssistant, browse: Browse) -> None:
    hass.config.language = "de"
    monitor = await browse(GATE)
    assert titles(monitor.children) == [
        "Neueste",
        "Nach Objekt",
        "Nach Art",
        "Montag, 10. März 2025 (3)",
        "Sonntag, 9. März 2025 (3)",
    ]
    assert titles((await browse(f"{GATE}/show=kinds")).children) == ["Alarm", "Daueraufnahme", "Ausgelöst", "Extern"]


async def test_a_camera_shows_what_it_saw_last(
    browse: Browse, recorded: FakeBridge, component: MockConfigEntry, told: object
) -> None:
    recorded.event("zm", "7", id="zm-900", type="end", snapshot_ready=True)
    await told()  # type: ignore[operator]
    gate = next(each for each in (await browse(f"{BRIDGE}/zm")).children if each.title == "Gate")
    assert gate.thumbnail == f"/api/vms_bridge/media/{component.entry_id}/zm-900/picture.jpg"


async def test_what_there_is_not(browse: Browse) -> None:
    places = (f"{BRIDGE}/vxg", f"{BRIDGE}/zm/99", f"{BRIDGE}/zm/7/8", f"{BRIDGE}/event/zm-700/clip")
    times = ("day=2025-02-30", "day=9999-12-31", "after=soon", "after=0001-01-01")
    for identifier in ("other", *places, *(f"{GATE}/{time}" for time in times)):
        with pytest.raises(BrowseError, match="no such"):
            await browse(identifier)


async def test_a_bridge_that_does_not_answer(browse: Browse, recorded: FakeBridge) -> None:
    await recorded.stop()
    with pytest.raises(BrowseError, match="VMS Bridge"):
        await browse(GATE)


async def test_a_bridge_that_is_not_set_up(hass: HomeAssistant, browse: Browse, component: MockConfigEntry) -> None:
    assert await hass.config_entries.async_unload(component.entry_id)
    with pytest.raises(BrowseError, match="No bridge"):
        await browse()
    with pytest.raises(BrowseError, match="no such"):
        await browse(GATE)


async def test_what_makes_no_sense_is_passed_over(browse: Browse, recorded: FakeBridge) -> None:
    good = next(event for event in recorded.events.values() if event["id"] == "zm-700")
    nonsense = [
        None,
        7,
        {},
        {"id": "zm-1"},
        {**good, "id": "zm-"},
        {**good, "monitor": 7},
        {**good, "system": "vxg"},
        {**good, "monitor": "a/b"},
    ]
    odd = {
        **good,
        "id": "zm-701",
        "labels": "x",
        "score": "high",
        "start": "soon",
        "duration": -1,
        "cause": "a\n b",
        "zones": [1, "Path"],
    }
    recorded.answer("/api/v1/events", 200, {"events": [*nonsense, odd], "next": 7, "more": True})
    node = await browse(f"{GATE}/show=latest")
    assert titles(node.children) == ["a b · Path"]
    counts = [
        None,
        {},
        {"start": "2025-03-10T08:00:00Z", "events": "1"},
        {"start": "x", "events": 1},
        {"start": "0001-01-01T00:00:00Z", "events": 1},
    ]
    recorded.answer("/api/v1/timeline", 200, {"counts": [*counts, {"start": "2025-03-10T08:00:00Z", "events": 2}]})
    assert titles((await browse(f"{GATE}/day=2025-03-10")).children) == ["09:00\u201310:00 (2)"]
    for path in ("events", "timeline"):
        recorded.answer(f"/api/v1/{path}", 200, {})
    for identifier in (f"{GATE}/show=latest", f"{GATE}/day=2025-03-10"):
        with pytest.raises(BrowseError, match="is no list"):
            await browse(identifier)


@pytest.mark.usefixtures("browse")
async def test_what_is_played(hass: HomeAssistant, component: MockConfigEntry) -> None:
    async def resolved(identifier: str) -> tuple[str, str]:
        media = await media_source.async_resolve_media(hass, f"{SOURCE}/{BRIDGE}/event/{identifier}", None)
        return media.url.removeprefix(f"/api/vms_bridge/media/{component.entry_id}/"), media.mime_type

    assert await resolved("zm-700/clip") == ("zm-700/clip.mp4", "video/mp4")
    assert await resolved("zm-700/picture") == ("zm-700/picture.jpg", "image/jpeg")
    assert await resolved("zm-700") == ("zm-700/clip.mp4", "video/mp4")
    assert await resolved("zm-801") == ("zm-801/picture.jpg", "image/jpeg")


@pytest.mark.usefixtures("browse")
async def test_what_can_not_be_played(hass: HomeAssistant) -> None:
    for identifier in (GATE, "other/event/zm-700/clip", f"{BRIDGE}/event/zm-/clip", f"{BRIDGE}/event/../clip"):
        with pytest.raises(Unresolvable, match="no such"):
            await media_source.async_resolve_media(hass, f"{SOURCE}/{identifier}", None)


@pytest.mark.usefixtures("browse")
async def test_nothing_is_played_that_nobody_can_ask_for(hass: HomeAssistant, recorded: FakeBridge) -> None:
    await recorded.stop()
    with pytest.raises(Unresolvable, match="VMS Bridge"):
        await media_source.async_resolve_media(hass, f"{SOURCE}/{BRIDGE}/event/zm-700", None)
