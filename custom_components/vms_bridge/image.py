"""Images: the picture of the newest event of each monitor, and of no other event."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.components.image import ImageEntity
from homeassistant.const import Platform
from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .entity import VmsBridgeEntity, add_entities
from .media_ids import EventRef
from .object_image import VmsBridgeObjectImage
from .pictures import Pictures
from .token_pace import TokenPace

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import VmsBridgeConfigEntry, VmsBridgeCoordinator
    from .models import JsonObject, Target
    from .pictures import Picture
    from .row import Row

PARALLEL_UPDATES = 0
_ATTEMPTS = 3
"""How often a picture is fetched whose event is not the newest one any more when it has come."""
_FRESH_S = 300.0
"""How long a picture that changes no more is shown without asking whether it is still there: as long as the bridge says."""


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001  # Home Assistant's own signature
    entry: VmsBridgeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Show what there is, and what comes."""
    pictures = Pictures(entry.runtime_data)

    def make(coordinator: VmsBridgeCoordinator, row: Row, target: Target, part: str | None) -> ImageEntity:
        if row.scope == "object":
            return VmsBridgeObjectImage(coordinator, row, target, part, pictures)
        return VmsBridgeImage(coordinator, row, target, pictures)

    add_entities(entry, Platform.IMAGE, make, async_add_entities)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Which picture is shown: of that event, taken before or after its end, since that time."""

    event: str
    is_over: bool
    time: datetime

    @classmethod
    def of(cls, message: JsonObject | None, before: _Shown | None) -> _Shown | None:
        """Return what is to be shown beside that newest event; None where there is none, or no picture of it yet."""
        if message is None or message.get("type") == "deleted" or message.get("snapshot_ready") is not True:
            return None
        ref, is_over = EventRef.parse(message.get("id")), message.get("end_reason") is not None
        if ref is None:
            return None
        event = ref.format()
        if before is not None and (before.event, before.is_over) == (event, is_over):
            return before
        begun, ended = _time(message.get("start")), _time(message.get("end"))
        shown_since = (ended or begun if is_over else begun) or dt_util.utcnow()
        if before is not None and before.time == shown_since:  # another picture is another state
            shown_since += timedelta(milliseconds=1)
        return cls(event, is_over, shown_since)


class VmsBridgeImage(VmsBridgeEntity, ImageEntity):
    """The picture of one monitor's newest event; its state is when the event began or, once it is over, ended."""

    def __init__(self, coordinator: VmsBridgeCoordinator, row: Row, target: Target, pictures: Pictures) -> None:
        VmsBridgeEntity.__init__(self, coordinator, row, target)
        self._token_pace = TokenPace()
        ImageEntity.__init__(self, coordinator.hass)
        self._pictures = pictures
        self._shown: _Shown | None = None
        self._fetched: tuple[_Shown, Picture] | None = None
        self._fetched_at = 0.0

    @property
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return which event the picture is of, so that an automation can tell whether it is the one it is about."""
        return {**(super().extra_state_attributes or {}), "event_id": self._shown.event if self._shown else None}

    async def async_image(self) -> bytes | None:
        """Return the picture; None where there is none, or it can't be had now."""
        for _ in range(_ATTEMPTS):
            shown = self._shown
            if shown is None:
                return None
            picture = await self._picture(shown)
            if shown is self._shown:
                if picture is not None:
                    self._attr_content_type = picture.content_type
                return picture.content if picture is not None else None
        return None

    @callback
    def async_update_token(self) -> None:
        """Change the token in its address, not as often as Home Assistant asks for that."""
        if self._token_pace.is_due():
            super().async_update_token()

    async def async_added_to_hass(self) -> None:
        """Begin with the picture that there is."""
        self._note()
        await super().async_added_to_hass()

    def _seen(self) -> object:
        return (super()._seen(), self._shown)

    @callback
    def _heard(self) -> None:
        self._note()
        super()._heard()

    @callback
    def _note(self) -> None:
        """Take up which picture is to be shown, and forget that of another event."""
        data = self.coordinator.monitor(self.target)
        self._shown = shown = _Shown.of(data.last_event if data is not None else None, self._shown)
        self._attr_image_last_updated = shown.time if shown is not None else None
        if self._fetched is not None and (shown is None or shown.event != self._fetched[0].event):
            self._fetched = None

    async def _picture(self, shown: _Shown) -> Picture | None:
        """Return the picture, fetched unless it was a while ago, and changes no more."""
        fetched_for, known = self._fetched if self._fetched is not None else (None, None)
        is_fresh = time.monotonic() - self._fetched_at < _FRESH_S
        if known is not None and known.etag is not None and fetched_for is shown and is_fresh:
            return known
        picture = await self._pictures.fetch("media", "events", shown.event, "picture", known=known)
        if self._shown is shown:
            self._fetched = None if picture is None else (shown, picture)
            self._fetched_at = time.monotonic()
        return picture


def _time(said: object) -> datetime | None:
    """Return the moment, None where it is unknown or none."""
    moment = dt_util.parse_datetime(said) if isinstance(said, str) and len(said) <= 64 else None
    return moment if moment is not None and moment.tzinfo is not None else None
