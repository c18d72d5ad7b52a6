"""Pictures of notifications: the last few, kept in memory for as long as phones may want them, behind signed addresses."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web
from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import callback
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

MOST_PICTURES: Final = 20
LIFE: Final = timedelta(hours=24)
"""How long an address is good: a phone may show a notification long after it has come."""
_PATH = f"/api/{DOMAIN}/notification"
_PICTURES: HassKey[NotifyPictures] = HassKey(f"{DOMAIN}_notify_pictures")


class NotifyPictures:
    """Those that are kept, the oldest first."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    @callback
    def add(self, jpeg: bytes) -> str:
        """Keep a picture, and return the address below Home Assistant's that opens it."""
        name = secrets.token_urlsafe(24)
        self._kept[name] = jpeg
        if len(self._kept) > MOST_PICTURES:
            self._kept.popitem(last=False)
        return async_sign_path(self._hass, f"{_PATH}/{name}.jpg", LIFE, use_content_user=True)

    @callback
    def find(self, name: str) -> bytes | None:
        """Return the picture of this name; None where there is none, or no more."""
        return self._kept.get(name)


class NotifyPictureView(HomeAssistantView):
    """`/api/vms_bridge/notification/{name}.jpg`: to who has a signed address."""

    url = f"{_PATH}/{{name}}.jpg"
    name = f"api:{DOMAIN}:notification"
    requires_auth = True

    def __init__(self, pictures: NotifyPictures) -> None:
        self._pictures = pictures

    async def get(self, _request: web.Request, name: str) -> web.Response:
        """Give it."""
        jpeg = self._pictures.find(name)
        if jpeg is None:
            raise web.HTTPNotFound
        headers = {hdrs.CACHE_CONTROL: "private, max-age=86400", hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff"}
        return web.Response(body=jpeg, content_type="image/jpeg", headers=headers)


@callback
def async_notify_pictures(hass: HomeAssistant) -> NotifyPictures:
    """Return Home Assistant's one store of them; the first call adds its view."""
    pictures = hass.data.get(_PICTURES)
    if pictures is None:
        pictures = hass.data[_PICTURES] = NotifyPictures(hass)
        hass.http.register_view(NotifyPictureView(pictures))
    return pictures
