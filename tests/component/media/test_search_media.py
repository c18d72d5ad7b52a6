"""A search gives what was understood, as a node to go on from, and the newest hits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from homeassistant.components.media_player.const import MediaClass
from homeassistant.components.media_player.errors import BrowseError
from tests.component.conftest import entry_of
from tests.component.fakes.bridge import FakeBridge

from .conftest import MORNING, SOURCE, titles

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.media.conftest import Browse, Search

BRIDGE = "5f0c7a52e9d14b0c"
GATE = f"{BRIDGE}/zm/7"


async def test_what_was_understood_comes_first_and_can_be_gone_on_from(search: Search, browse: Browse) -> None:
    header, *hits = await search("person gate 2025-03-10")
    assert header.title == "Found: label:person camera:Gate 2025-03-10 (2)"
    assert header.can_expand
    assert titles(hits) == ["2025-03-10 10:05 · Gate · person 50% · 20 s", "2025-03-10 09:00 · Gate · person 50% · 20 s"]
    node = await browse(header.media_content_id.removeprefix(f"{SOURCE}/"))
    assert node.title == "label:person camera:Gate 2025-03-10"
    assert titles(node.children) == titles(hits)


BELOW = [
    ("doorbell", "", '"doorbell"', 1),
    ("2025-03-09..2025-03-10", "", "2025-03-09..2025-03-10", 6),
    ("before 2025-03-10", "", "before 2025-03-10", 3),
    ("dog", GATE, "label:dog", 1),
    ("path", GATE, "zone:Path", 0),
    ("camera:yard", GATE, "camera:Yard", 0),
    ("", GATE, "All events", 6),
    ("2025-03-10", f"{GATE}/label=person", "label:person 2025-03-10", 2),
    ("dog", f"{GATE}/day=2025-03-10", "label:dog 2025-03-10", 1),
    ("dog", f"{GATE}/day=2025-03-09", "label:dog 2025-03-09", 0),
    ("dog", f"{GATE}/label=person/show=found", "label:dog", 1),
    ("kind:external", f"{BRIDGE}/zm", "kind:external", 1),
    ("since 2025-03-10 until 2025-03-10", GATE, "2025-03-10", 3),
]
"""What is searched for, where, how it is told, and how often it is found."""


async def test_a_search_below_a_node(search: Search) -> None:
    for text, place, understood, count in BELOW:
        header, *hits = await search(text, place)
        assert header.title == f"Found: {understood} ({count})"
        assert len(hits) == count


async def test_in_german(hass: HomeAssistant, search: Search) -> None:
    hass.config.language = "de"
    header, *hits = await search("Hund am 10.3.2025 morgens")
    assert header.title == "Gefunden: objekt:dog 2025-03-10T06:00..2025-03-10T12:00 (1)"
    assert len(hits) == 1


async def test_there_are_at_most_200_hits(search: Search, browse: Browse, recorded: FakeBridge) -> None:
    for number in range(250):
        recorded.add_event("zm", "7", start=MORNING - timedelta(hours=number))
    result = await search("gate")
    assert len(result) == 200
    assert result[0].title == "Found: camera:Gate (199+)"
    node = await browse(result[0].media_content_id.removeprefix(f"{SOURCE}/"))
    assert titles(node.children)[-1] == "More …"


async def test_only_what_is_wanted(search: Search) -> None:
    _, *videos = await search("2025-03-09", GATE, media_filter_classes=[MediaClass.VIDEO])
    assert titles(videos) == ["2025-03-09 09:01 · Motion · 20 s", "2025-03-09 09:00 · Doorbell · 20 s"]


async def test_two_bridges_with_equal_names(hass: HomeAssistant, search: Search, browse: Browse, recorded: FakeBridge) -> None:
    other = FakeBridge(bridge_id="00ff00ff00ff00ff")
    other.add_event("zm", "1", id="zm-700", start=MORNING, label="person")
    await other.start()
    entry = entry_of(hass, other)
    try:
        assert await hass.config_entries.async_setup(entry.entry_id)
        root = await browse()
        assert titles(root.children) == ["VMS Bridge (00ff00)", "VMS Bridge (5f0c7a)"]
        assert [node.media_content_id for node in root.children] == [
            f"{SOURCE}/00ff00ff00ff00ff",
            f"{SOURCE}/{recorded.bridge_id}",
        ]
        assert titles((await browse("00ff00ff00ff00ff/zm")).children)[3:] == ["Front door", "Yard"]
        found = {node.media_content_id.split("/event/")[0] for node in await search("person 2025-03-10") if node.can_play}
        assert found == {f"{SOURCE}/00ff00ff00ff00ff", f"{SOURCE}/{recorded.bridge_id}"}
        assert titles(await search("dog 2025-03-10", "00ff00ff00ff00ff")) == ["Found: label:dog 2025-03-10 (0)"]
        await recorded.stop()
        assert [node.title for node in await search("dog 2025-03-10")] == ["VMS Bridge: Found: label:dog 2025-03-10 (0)"]
    finally:
        await hass.config_entries.async_unload(entry.entry_id)
        await other.stop()
    assert other.mistakes == other.lies == []


async def test_a_search_below_what_there_is_not(search: Search) -> None:
    for place in ("other", f"{BRIDGE}/vxg", f"{BRIDGE}/event/zm-700"):
        with pytest.raises(BrowseError, match="no such"):
            await search("dog", place)


async def test_a_search_that_nobody_answers(
    hass: HomeAssistant, search: Search, recorded: FakeBridge, component: MockConfigEntry
) -> None:
    await recorded.stop()
    with pytest.raises(BrowseError, match="VMS Bridge"):
        await search("dog")
    assert await hass.config_entries.async_unload(component.entry_id)
    with pytest.raises(BrowseError, match="No bridge"):
        await search("dog")


async def test_a_search_that_the_bridge_refuses(search: Search, recorded: FakeBridge) -> None:
    recorded.answer("/api/v1/events", 400, code="search", hint="write less")
    with pytest.raises(BrowseError, match="VMS Bridge"):
        await search("dog")
