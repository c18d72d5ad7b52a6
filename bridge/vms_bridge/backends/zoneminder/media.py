"""Pictures: of events by ZoneMinder's index.php, of now by its zms."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from vms_bridge.errors import GateClosed, MediaUnavailable, VmsAuthFailed, VmsProtocolError, VmsUnreachable
from vms_bridge.model import EventPicture
from vms_bridge.zoneminder.parse import as_text, mapping

if TYPE_CHECKING:
    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.clock import Clock
    from vms_bridge.model import PictureRef

PICTURE_LIMIT_BYTES = 5 * 1024 * 1024
_TRY_AGAIN_S = (0.3, 1.0)
_ZMS_S = 600.0
"""So long is believed where zms is."""
_ZMS_AGAIN_S = 60.0
"""The same where that could not be read, or pictures do not come from there."""
_JPEG = b"\xff\xd8\xff"


class MediaLate(MediaUnavailable):
    """Nobody has answered, or not in time."""


class Pictures:
    """Fetches JPEGs over one connection."""

    def __init__(self, api: Api, url: str, clock: Clock) -> None:
        self._api, self._url, self._clock = api, url, clock
        self._zms, self._zms_read = zms_url(url, ""), float("-inf")

    async def fetch(self, ref: PictureRef) -> bytes:
        """Return the picture. Raises MediaUnavailable or VmsError."""
        number = ref.event.id if isinstance(ref, EventPicture) else ref.monitor
        if not number.isdecimal():
            raise MediaUnavailable("ZoneMinder's ids are numbers")
        if isinstance(ref, EventPicture):
            return await self._event(number)
        query = {"monitor": number, "mode": "single", "scale": "100"}
        try:
            return await self._get(await self._zms_url(), query, f"monitor {number}")
        except MediaUnavailable:
            self._ask_again_in(_ZMS_AGAIN_S - (self._clock.monotonic() - self._zms_read))  # perhaps zms is elsewhere by now
            raise

    async def has(self, event_id: str, *, within_s: float) -> bool:
        """Say whether this event's picture can be had now. Raises MediaLate where nobody answers in time."""
        try:
            await self._get(f"{self._url}/index.php", _snapshot_of(event_id), f"event {event_id}", timeout_s=within_s)
        except MediaLate:
            raise
        except MediaUnavailable:
            return False
        return True

    async def _event(self, number: str) -> bytes:
        query = _snapshot_of(number)
        for pause in _TRY_AGAIN_S:
            try:
                return await self._get(f"{self._url}/index.php", query, f"event {number}")
            except MediaUnavailable:
                # The first frame of an event may not be on the disk yet.
                await self._clock.sleep(pause)
        return await self._get(f"{self._url}/index.php", query, f"event {number}")

    async def _zms_url(self) -> str:
        if self._clock.monotonic() - self._zms_read >= _ZMS_S:
            try:
                answer = await self._api.get("configs/viewByName/ZM_PATH_ZMS")
            except (VmsAuthFailed, VmsProtocolError):
                self._ask_again_in(_ZMS_AGAIN_S)
                return self._zms  # as it was
            self._zms = zms_url(self._url, as_text(mapping(mapping(answer).get("config")).get("Value")))
            self._zms_read = self._clock.monotonic()
        return self._zms

    def _ask_again_in(self, seconds: float) -> None:
        self._zms_read = self._clock.monotonic() - _ZMS_S + max(seconds, 0.0)

    async def _get(self, url: str, query: dict[str, str], what: str, *, timeout_s: float | None = None) -> bytes:
        try:
            status, content_type, body = await self._api.fetch(url, query, PICTURE_LIMIT_BYTES, timeout_s=timeout_s)
        except GateClosed as error:
            raise MediaUnavailable(f"no picture of {what}: {error}", hint=error.hint) from None
        except VmsAuthFailed as error:
            raise MediaUnavailable(f"ZoneMinder does not show {what} to this user", hint=error.hint) from None
        except VmsProtocolError as error:
            raise MediaUnavailable(f"no picture of {what}: {error}", hint=error.hint) from None
        except VmsUnreachable as error:
            raise MediaLate(f"no picture of {what} in time: {error}") from None
        if status in {401, 403}:
            raise MediaUnavailable(f"ZoneMinder does not show {what} to this user", hint="it needs the permission Stream: View")
        if status >= 400:
            raise MediaUnavailable(f"ZoneMinder has no picture of {what} (HTTP {status})")
        if not body:
            raise MediaUnavailable(f"ZoneMinder gave an empty picture of {what}", hint="does the monitor run?")
        if not body.startswith(_JPEG):
            raise MediaUnavailable(f"what ZoneMinder gave for {what} is no JPEG ({content_type})")
        return body


def _snapshot_of(event_id: str) -> dict[str, str]:
    return {"view": "image", "eid": event_id, "fid": "snapshot"}


def zms_url(portal: str, path: str) -> str:
    """Return where zms is: ZM_PATH_ZMS is a path on the portal's host."""
    parts = urlsplit(portal)
    if not path.startswith("/") or path.startswith("//") or ".." in path or "?" in path:
        return f"{portal}/cgi-bin/nph-zms"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
