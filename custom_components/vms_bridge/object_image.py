"""Images: the best picture of something that the bridge looks for at a monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.components.image import ImageEntity
from homeassistant.core import callback

from .entity import VmsBridgeEntity
from .times import time_of
from .token_pace import TokenPace

if TYPE_CHECKING:
    from .coordinator import VmsBridgeCoordinator
    from .models import Target
    from .pictures import Picture, Pictures
    from .row import Row


class VmsBridgeObjectImage(VmsBridgeEntity, ImageEntity):
    """The best picture of one label at one monitor; its state is since when there is this one."""

    def __init__(self, coordinator: VmsBridgeCoordinator, row: Row, target: Target, part: str | None, pictures: Pictures) -> None:
        VmsBridgeEntity.__init__(self, coordinator, row, target, part)
        self._token_pace = TokenPace()
        ImageEntity.__init__(self, coordinator.hass)
        self._pictures = pictures
        self._fetched: tuple[object, Picture] | None = None

    async def async_image(self) -> bytes | None:
        """Return the picture; None where there is none, or it can't be had now."""
        since = self._attr_image_last_updated
        if since is None or self.part is None:
            return None
        if self._fetched is None or self._fetched[0] != since:
            where = ("media", "monitors", self.target.system or "", self.target.monitor or "", "objects", self.part, "picture")
            picture = await self._pictures.fetch(*where)
            if picture is None:
                return None
            self._fetched = since, picture
        self._attr_content_type = self._fetched[1].content_type
        return self._fetched[1].content

    @callback
    def async_update_token(self) -> None:
        """Change the token in its address, not as often as Home Assistant asks for that."""
        if self._token_pace.is_due():
            super().async_update_token()

    async def async_added_to_hass(self) -> None:
        """Begin with the picture that there is."""
        self._attr_image_last_updated = time_of(self.read())
        await super().async_added_to_hass()

    @callback
    def _heard(self) -> None:
        self._attr_image_last_updated = time_of(self.read())
        super()._heard()
