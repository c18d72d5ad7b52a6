"""Pictures: of events by ZoneMinder's index.php, of now by its zms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.errors import MediaUnavailable, VmsAuthFailed, VmsProtocolError
from vms_bridge.model import EventPicture
from vms_bridge.zoneminder.events.asked_media import PICTURE_LIMIT_BYTES, MediaLate, check_jpeg, explained, frame_query
from vms_bridge.zoneminder.parse import as_text, mapping
from vms_bridge.zoneminder.portal import live_query, zms_url

if TYPE_CHECKING:
    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.clock import Clock
    from vms_bridge.model import PictureRef

TRY_AGAIN_S = (0.3, 1.0)
"""When a picture of an event is asked for again: its first frame may not be on the disk yet."""
_ZMS_S = 600.0
"""So long is believed where zms is."""
_ZMS_AGAIN_S = 60.0
"""The same where that could not be read, or pictures do not come from there."""
_MOST_DIGITS = 18


class Pictures:
    """Fetches JPEGs over one connection."""

    def __init__(self, api: Api, url: str, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self.page = f"{url}/index.php"
        """Where pictures and clips of events are."""
        self._portal = url
        self._zms, self._zms_read = zms_url(url, ""), float("-inf")

    async def fetch(self, ref: PictureRef) -> bytes:
        """Return the picture. Raises MediaUnavailable or VmsError."""
        if isinstance(ref, EventPicture):
            return await self._event(decimal(ref.event.id))
        number = decimal(ref.monitor)
        try:
            return await self._get(await self.live_page(), live_query(number), f"monitor {number}")
        except MediaUnavailable:
            self.gave_none()
            raise

    async def has(self, event_id: str, *, within_s: float) -> bool:
        """Say whether this event's picture can be had now. Raises MediaLate where nobody answers in time."""
        try:
            await self._get(self.page, frame_query(event_id, "snapshot"), f"event {event_id}", timeout_s=within_s)
        except MediaLate:
            raise
        except MediaUnavailable:
            return False
        return True

    async def _event(self, number: str) -> bytes:
        query = frame_query(number, "snapshot")
        for pause in TRY_AGAIN_S:
            try:
                return await self._get(self.page, query, f"event {number}")
            except MediaUnavailable:
                await self._clock.sleep(pause)
        return await self._get(self.page, query, f"event {number}")

    async def live_page(self) -> str:
        """Return where zms is."""
        if self._clock.monotonic() - self._zms_read >= _ZMS_S:
            try:
                answer = await self._api.get("configs/viewByName/ZM_PATH_ZMS")
            except (VmsAuthFailed, VmsProtocolError):
                self._ask_again_in(_ZMS_AGAIN_S)
                return self._zms  # as it was
            self._zms = zms_url(self._portal, as_text(mapping(mapping(answer).get("config")).get("Value")))
            self._zms_read = self._clock.monotonic()
        return self._zms

    def gave_none(self) -> None:
        """Note that zms has given no picture: perhaps it is elsewhere by now."""
        self._ask_again_in(_ZMS_AGAIN_S - (self._clock.monotonic() - self._zms_read))

    def _ask_again_in(self, seconds: float) -> None:
        self._zms_read = self._clock.monotonic() - _ZMS_S + max(seconds, 0.0)

    async def _get(self, url: str, query: dict[str, str], what: str, *, timeout_s: float | None = None) -> bytes:
        with explained(f"picture of {what}"):
            status, content_type, body = await self._api.fetch(url, query, PICTURE_LIMIT_BYTES, timeout_s=timeout_s)
        if status in {401, 403}:
            hint = "it needs the permission Stream: View"
            raise MediaUnavailable(f"ZoneMinder does not show the picture of {what} to this user", hint=hint)
        if status >= 400:
            raise MediaUnavailable(f"ZoneMinder has no picture of {what} (HTTP {status})")
        check_jpeg(body, content_type, what)
        return body


def is_event_id(text: str) -> bool:
    """Say whether this can be an event's id, as ZoneMinder itself writes it."""
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS and not text.startswith("0")


def decimal(number: str) -> str:
    """Return an id if it can be one of ZoneMinder's. Raises MediaUnavailable."""
    if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
        raise MediaUnavailable("ZoneMinder's ids are numbers")
    return number
