"""Up to where event messages were dealt with: kept, so that none is lost over a restart of Home Assistant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from homeassistant.core import callback
from homeassistant.helpers.storage import Store

from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

SAVE_S: Final = 10.0
"""How long after a move it is written at the latest; at Home Assistant's end it is written at once."""
_VERSION = 1
_LONGEST = 256


class _Kept(TypedDict):
    cursor: str | None


class Cursor:
    """A place in a bridge's history."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._store: Store[_Kept] = Store(hass, _VERSION, f"{DOMAIN}.{entry_id}")
        self.place: str | None = None
        """None: from now on."""
        self._is_kept = True

    async def load(self) -> None:
        """Go where we were before."""
        kept = await self._store.async_load()
        place = kept.get("cursor") if isinstance(kept, dict) else None
        self.place = place if isinstance(place, str) and 0 < len(place) <= _LONGEST else None

    @callback
    def move(self, place: str | None) -> None:
        """Be there, and have it written soon."""
        if place is None or place == self.place or len(place) > _LONGEST:
            return
        self.place = place
        self._is_kept = False
        self._store.async_delay_save(self._content, SAVE_S)

    @callback
    def forget(self) -> None:
        """Begin from now on the next time."""
        self.place = None
        self._is_kept = False

    async def save(self) -> None:
        """Have it written now, if it was not."""
        if not self._is_kept:
            await self._store.async_save(self._content())

    async def remove(self) -> None:
        """Leave nothing behind."""
        await self._store.async_remove()

    @callback
    def _content(self) -> _Kept:
        self._is_kept = True
        return {"cursor": self.place}
