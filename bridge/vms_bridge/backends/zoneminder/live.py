"""Live video of a monitor: where ZoneMinder has it as the camera sends it, and picture by picture from its zms.

The ladder: its go2rtc, its own RTSP server, where the monitor says that it is served so; the camera itself where the
configuration allows that, for it costs the camera a second session. What is left is MJPEG from zms.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from vms_bridge.archive import LiveKind, VideoSource
from vms_bridge.backends.opened import Opened
from vms_bridge.backends.zoneminder.media import decimal
from vms_bridge.errors import MediaUnavailable, VmsAuthFailed, VmsError, VmsProtocolError
from vms_bridge.zoneminder.events.asked_media import explained
from vms_bridge.zoneminder.parse import as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.archive import ByteRange
    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.backends.zoneminder.line import Line
    from vms_bridge.backends.zoneminder.media import Pictures
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder import MonitorRow

_BEGIN_S = 15.0
"""How long zms may take to send a first picture, or the next one."""
_QUIT_S = 3.0
_QUIT = "17"
_ANSWER_BYTES = 64 * 1024
_SETTING_S = 300.0
"""So long is believed what ZoneMinder's options say."""
_MOST_KEYS = 999_999
_FILM = "multipart/x-mixed-replace; boundary=ZoneMinderFrame"
"""What zms sends; the boundary is a constant of its program."""
_CAMERA_SCHEMES = frozenset({"rtsp", "rtsps"})


class LiveVideo:
    """Live video over one connection's line."""

    def __init__(
        self,
        line: Line,
        config: ZoneMinderConfig,
        clock: Clock,
        *,
        pictures: Pictures,
        ladders: Mapping[str, MonitorLadder],
    ) -> None:
        self._line, self._config, self._clock = line, config, clock
        self._pictures, self._ladders = pictures, ladders
        self._settings: dict[str, tuple[float, str]] = {}

    async def sources(self, monitor_id: str) -> list[VideoSource]:
        """Return where H.264 or H.265 of the monitor can be had, the best first. Raises MediaUnavailable or VmsError."""
        ladder = self._ladders.get(monitor_id)
        if ladder is None:
            raise MediaUnavailable(f"ZoneMinder has no monitor {monitor_id}")
        row = ladder.row
        host = urlsplit(ladder.server.api or self._config.url).hostname or ""
        found = [await self._go2rtc(row), await self._rtsp_server(row, host), self._camera(row)]
        return [source for source in found if source is not None]

    async def film(self, monitor_id: str) -> Film:
        """Open MJPEG from zms. Raises MediaUnavailable or VmsError."""
        number = decimal(monitor_id)
        what = f"live video of monitor {number}"
        key = f"{1 + secrets.randbelow(_MOST_KEYS):06d}"
        query = {"monitor": number, "mode": "jpeg", "scale": "100", "connkey": key}
        line = self._line
        line.hold()
        try:
            with explained(what):
                stream = await line.api.open(await self._pictures.live_page(), query, timeout_s=_BEGIN_S)
        except MediaUnavailable:
            self._pictures.gave_none()
            await line.release()
            raise
        except BaseException:
            await line.release()
            raise
        film = Film(Opened(stream, f"the {what}", _FILM, line.release), self, key)
        if stream.status != 200 or not stream.content_type.startswith("multipart/"):
            await film.close()
            hint = "does the monitor run, and has the user the permission Stream: View?"
            raise MediaUnavailable(f"ZoneMinder has no {what} (HTTP {stream.status}, {stream.content_type})", hint=hint)
        return film

    async def quit(self, key: str) -> None:
        """Have the zms of this key end: left to itself it goes on until it notices that nobody reads."""
        query = {"view": "request", "request": "stream", "command": _QUIT, "connkey": key}
        with suppress(VmsError):
            await self._line.api.fetch(self._pictures.page, query, _ANSWER_BYTES, timeout_s=_QUIT_S)

    async def _go2rtc(self, row: MonitorRow) -> VideoSource | None:
        if not row.go2rtc:
            return None
        base = (await self._setting("ZM_GO2RTC_PATH")).rstrip("/")
        if urlsplit(base).scheme not in {"http", "https"} or not urlsplit(base).hostname:
            return None
        return VideoSource(
            kind=LiveKind.HTTP, urls=(f"{base}/stream.ts?src={quote(row.id, safe='')}",), name="ZoneMinder's go2rtc"
        )

    async def _rtsp_server(self, row: MonitorRow, host: str) -> VideoSource | None:
        if row.rtsp_stream is None or not host:
            return None
        port = await self._setting("ZM_MIN_RTSP_PORT")
        if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65_536:
            return None
        token = await self._line.api.auth.token()
        if token is not None and urlsplit(self._config.url).scheme == "https":
            return None  # the token would go over the network for everybody to read
        place = f"[{host}]" if ":" in host else host
        url = f"rtsp://{place}:{port}/{quote(row.rtsp_stream, safe='')}"
        return VideoSource(
            kind=LiveKind.RTSP,
            urls=(url if token is None else f"{url}?token={quote(token, safe='')}",),
            name="ZoneMinder's RTSP server",
        )

    def _camera(self, row: MonitorRow) -> VideoSource | None:
        if not self._config.camera_streams or row.path is None:
            return None
        parts = urlsplit(row.path)
        if parts.scheme.lower() not in _CAMERA_SCHEMES or not parts.hostname:
            return None
        place = parts.netloc
        if "@" not in place and row.camera_login is not None:
            user, password = row.camera_login
            place = f"{quote(user, safe='')}:{quote(password, safe='')}@{place}"
        return VideoSource(kind=LiveKind.RTSP, urls=(urlunsplit(parts._replace(netloc=place)),), name="the camera")

    async def _setting(self, name: str) -> str:
        """Return what one of ZoneMinder's options says; nothing where the user may not know."""
        read, value = self._settings.get(name, (float("-inf"), ""))
        if self._clock.monotonic() - read >= _SETTING_S:
            try:
                answer = await self._line.api.get(f"configs/viewByName/{name}")
                value = as_text(mapping(mapping(answer).get("config")).get("Value")).strip()
            except (VmsAuthFailed, VmsProtocolError):
                value = ""
            self._settings[name] = (self._clock.monotonic(), value)
        return value


class Film:
    """MJPEG from zms, which is told to end when nobody looks any more (`backends.base.Media`)."""

    def __init__(self, opened: Opened, video: LiveVideo, key: str) -> None:
        self._opened, self._video, self._key = opened, video, key
        self.content_type = opened.content_type
        self.length: int | None = None
        self.part: ByteRange | None = None

    async def read(self) -> bytes:
        """Return the next piece. Raises MediaUnavailable."""
        return await self._opened.read()

    async def close(self) -> None:
        """Have zms end, and let go of it."""
        try:
            await self._video.quit(self._key)
        finally:
            await self._opened.close()
