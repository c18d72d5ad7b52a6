"""What tests of the media browser share: a bridge that has recorded something, and Home Assistant's own way to browse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest
from homeassistant.components import media_source
from homeassistant.components.media_player.browse_media import SearchMediaQuery
from homeassistant.setup import async_setup_component

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from homeassistant.components.media_player.browse_media import BrowseMedia
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    class Node(BrowseMedia):
        """A node that was browsed, so that its children are known."""

        children: Sequence[BrowseMedia]

    Browse = Callable[..., Awaitable[Node]]
    Search = Callable[..., Awaitable[Sequence[BrowseMedia]]]

SOURCE = "media-source://vms_bridge"
MORNING = datetime(2025, 3, 10, 8, 0, tzinfo=UTC)
"""Nine o'clock in Berlin, on a Monday."""


@pytest.fixture
async def recorded(hass: HomeAssistant, bridge: FakeBridge) -> FakeBridge:
    """A bridge with a third camera, Gate, which has recorded six times on two days of March 2025, as seen from Berlin."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    bridge.add_monitor("zm", "7", "Gate", zones={"1": "Path"})
    for minutes, label in ((0, "person"), (5, "dog"), (65, "person")):
        bridge.add_event(
            "zm", "7", id=f"zm-7{minutes:02}", start=MORNING + timedelta(minutes=minutes), label=label, labels=[label], score=0.5
        )
    day_before = MORNING - timedelta(days=1)
    bridge.add_event("zm", "7", id="zm-800", start=day_before, cause="Doorbell", kind="external")
    bridge.add_event("zm", "7", id="zm-801", start=day_before + timedelta(minutes=1), clip_ready=False)
    bridge.add_event("zm", "7", id="zm-802", start=day_before + timedelta(minutes=2), snapshot_ready=False, clip_ready=False)
    return bridge


@pytest.fixture
async def browse(hass: HomeAssistant, recorded: FakeBridge, component: MockConfigEntry) -> Browse:  # noqa: ARG001 - it is to be set up
    """Return a node by its identifier, as Home Assistant does."""
    assert await async_setup_component(hass, "media_source", {})

    async def node(identifier: str = "") -> Node:
        return cast("Node", await media_source.async_browse_media(hass, f"{SOURCE}/{identifier}" if identifier else SOURCE))

    return node


@pytest.fixture
def search(hass: HomeAssistant, browse: Browse) -> Search:  # noqa: ARG001 - it has all set up
    """Return what is found below a node."""

    async def found(text: str, identifier: str = "", **query: object) -> Sequence[BrowseMedia]:
        asked = SearchMediaQuery(search_query=text, **query)  # type: ignore[arg-type]
        return (await media_source.async_search_media(hass, f"{SOURCE}/{identifier}" if identifier else SOURCE, asked)).result

    return found


def titles(nodes: Sequence[BrowseMedia] | None) -> list[str]:
    """Return what nodes are called."""
    return [node.title for node in nodes or ()]


def child(node: BrowseMedia, title: str) -> str:
    """Return the identifier of the child whose title begins so."""
    found = [each for each in node.children or () if each.title.startswith(title)]
    assert len(found) == 1, f"{title!r} is none, or several, of {titles(node.children)}"
    return found[0].media_content_id.removeprefix(f"{SOURCE}/")
