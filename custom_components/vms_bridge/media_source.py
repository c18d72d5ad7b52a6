"""What the cameras have recorded, in Home Assistant's media browser and in automations (docs/home-assistant.md)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, override

from aiohttp import hdrs
from homeassistant.components.media_player.browse_media import SearchMedia
from homeassistant.components.media_player.const import MediaClass, MediaType
from homeassistant.components.media_player.errors import BrowseError
from homeassistant.components.media_source import BrowseMediaSource, MediaSource, PlayMedia, Unresolvable
from homeassistant.components.websocket_api.connection import current_connection
from homeassistant.config_entries import ConfigEntryState
from homeassistant.util import dt as dt_util

from .browsing import MOST_CHILDREN, Browser
from .client import path_of
from .const import DOMAIN
from .errors import BridgeError, CannotConnect, Unanswered
from .media_ids import CLIP, MIME_TYPES, PICTURE, media_path, parse_identifier
from .places import Place
from .searching import parse, tell
from .spoken_spans import Listener

if TYPE_CHECKING:
    from homeassistant.auth.models import User
    from homeassistant.components.media_player.browse_media import SearchMediaQuery
    from homeassistant.components.media_source import MediaSourceItem
    from homeassistant.core import HomeAssistant

    from .coordinator import VmsBridgeConfigEntry, VmsBridgeCoordinator
    from .media_ids import EventRef, Item

MOST_FOUND: Final = MOST_CHILDREN
"""How many hits a search gives at most; that is also how many children a node has."""
_NAME: Final = "VMS Bridge"
_CLIP_S: Final = 30.0
"""How long a bridge may take to make a clip of pictures."""


async def async_get_media_source(hass: HomeAssistant) -> VmsBridgeMediaSource:
    """Return the media source of all bridges."""
    return VmsBridgeMediaSource(hass)


class VmsBridgeMediaSource(MediaSource):
    """All bridges; what belongs to one is known by its id, so that two with equal names are never mistaken."""

    name = _NAME

    def __init__(self, hass: HomeAssistant) -> None:
        super().__init__(DOMAIN)
        self._hass = hass

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Return where a clip or picture is to be had. Raises Unresolvable.

        Whether somebody may see it is asked when it is fetched, of the user in whose name the path is signed.
        """
        named = parse_identifier(item.identifier)
        entry = None if named is None else self._entry(named[0])
        if named is None or entry is None:
            raise Unresolvable(translation_domain=DOMAIN, translation_key="media_unknown")
        _, ref, wanted = named
        try:
            what = wanted or await _best_of(entry.runtime_data, ref)
        except BridgeError as error:
            raise Unresolvable(**_said(entry, error)) from error
        return PlayMedia(media_path(entry.entry_id, ref.format(), what), MIME_TYPES[what])

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Return a node with its children. Raises BrowseError."""
        entries = self._entries()
        if not item.identifier:
            if len(entries) != 1:
                return _all(entries)
            place = Place(bridge_id=entries[0].runtime_data.bridge_id)
        else:
            place = _place(item.identifier)
        entry = self._entry(place.bridge_id)
        if entry is None:
            raise BrowseError(translation_domain=DOMAIN, translation_key="media_unknown")
        try:
            return await self._browser(entry).node(place)
        except BridgeError as error:
            raise BrowseError(**_said(entry, error)) from error

    @override
    async def async_search_media(self, item: MediaSourceItem, query: SearchMediaQuery) -> SearchMedia:
        """Return what was found below a node: first what was understood, as a node to go on from, then the newest hits."""
        place = _place(item.identifier) if item.identifier else None
        entries = [each for each in self._entries() if place is None or each.runtime_data.bridge_id == place.bridge_id]
        if not entries:
            raise BrowseError(translation_domain=DOMAIN, translation_key="media_no_bridge" if place is None else "media_unknown")
        share = max(2, MOST_FOUND // len(entries))
        answers = await asyncio.gather(*(self._found(entry, place, query, share, is_one=len(entries) == 1) for entry in entries))
        result = [hit for answer in answers if not isinstance(answer, BrowseError) for hit in answer]
        failed = next((answer for answer in answers if isinstance(answer, BrowseError)), None)
        if failed is not None and not result:
            raise failed
        return SearchMedia(result=result[:MOST_FOUND])

    async def _found(
        self, entry: VmsBridgeConfigEntry, place: Place | None, query: SearchMediaQuery, most: int, *, is_one: bool
    ) -> list[BrowseMediaSource] | BrowseError:
        """Return what one bridge has found, or why nothing: the others' answers do not wait for it, or fail with it."""
        browser = self._browser(entry)
        vocabulary = browser.vocabulary()
        wanted = parse(query.search_query, vocabulary, Listener(dt_util.utcnow(), browser.zone))
        where = browser.found(place or browser.root, wanted)
        try:
            hits, after = await browser.events(where, most - 1)
        except BridgeError as error:
            return BrowseError(**_said(entry, error))
        understood = tell(where.wanted, vocabulary, browser.words, browser.zone) or browser.words.nothing
        count = f"{len(hits)}+" if after is not None else f"{len(hits)}"
        title = browser.words.found.format(query=understood, count=count)
        header = _folder(where.format(), title if is_one else f"{entry.title}: {title}")
        classes = query.media_filter_classes
        return [header, *(hit for hit in hits if not classes or hit.media_class in classes)]

    def _browser(self, entry: VmsBridgeConfigEntry) -> Browser:
        return Browser(self._hass, entry.runtime_data, _user())

    def _entry(self, bridge_id: str) -> VmsBridgeConfigEntry | None:
        return next((entry for entry in self._entries() if entry.runtime_data.bridge_id == bridge_id), None)

    def _entries(self) -> list[VmsBridgeConfigEntry]:
        entries: list[VmsBridgeConfigEntry] = self._hass.config_entries.async_entries(DOMAIN)
        return [entry for entry in entries if entry.state is ConfigEntryState.LOADED]


async def _best_of(coordinator: VmsBridgeCoordinator, ref: EventRef) -> Item:
    """Return what there is of an event: a clip, if the bridge has or makes one. Raises BridgeError where nobody says."""
    try:
        path = path_of("media", "events", ref.format(), CLIP)
        async with coordinator.client.media(path, headers={hdrs.RANGE: "bytes=0-0"}, head_s=_CLIP_S):
            return CLIP
    except CannotConnect, Unanswered:
        raise
    except BridgeError:
        return PICTURE


def _user() -> User | None:
    """Return who looks; None where nobody does, as with an automation."""
    connection = current_connection.get()
    return None if connection is None else connection.user


def _place(identifier: str) -> Place:
    place = Place.parse(identifier)
    if place is None:
        raise BrowseError(translation_domain=DOMAIN, translation_key="media_unknown")
    return place


def _all(entries: list[VmsBridgeConfigEntry]) -> BrowseMediaSource:
    """Return the node of all bridges; those with equal names are told apart by the beginnings of their ids."""
    if not entries:
        raise BrowseError(translation_domain=DOMAIN, translation_key="media_no_bridge")
    titles = [entry.title for entry in entries]
    bridges = [
        _folder(
            Place(bridge_id=entry.runtime_data.bridge_id).format(),
            entry.title if titles.count(entry.title) == 1 else f"{entry.title} ({entry.runtime_data.bridge_id[:6]})",
        )
        for entry in entries[:MOST_CHILDREN]
    ]
    node = _folder(None, _NAME)
    node.children = sorted(bridges, key=lambda bridge: (bridge.title.casefold(), bridge.media_content_id))
    node.children_media_class = MediaClass.DIRECTORY
    return node


def _folder(identifier: str | None, title: str) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=identifier,
        media_class=MediaClass.DIRECTORY,
        media_content_type=MediaType.VIDEO,
        title=title,
        can_play=False,
        can_expand=True,
        can_search=True,
        search_media_classes=[MediaClass.VIDEO, MediaClass.IMAGE],
    )


def _said(entry: VmsBridgeConfigEntry, error: BridgeError) -> dict[str, Any]:
    """Return what Home Assistant's errors say of one of ours."""
    return {
        "translation_domain": DOMAIN,
        "translation_key": "media_failed",
        "translation_placeholders": {"bridge": entry.title, "reason": error.detail},
    }
