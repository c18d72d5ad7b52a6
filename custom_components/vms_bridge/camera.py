"""Cameras: what a monitor sees now, as a picture and as live video."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aiohttp import hdrs
from homeassistant.components.camera import Camera
from homeassistant.components.camera.const import CameraEntityFeature
from homeassistant.const import Platform
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .client import path_of
from .const import DOMAIN, LOGGER
from .entity import VmsBridgeEntity, add_entities
from .errors import BridgeError, NotFound
from .live_source import LiveSource
from .options import prefers_mjpeg
from .pictures import Pictures
from .relay import async_relay
from .viewers import MJPEG, Viewers

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from aiohttp import ClientResponse, web
    from homeassistant.components.stream import Stream
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import VmsBridgeConfigEntry, VmsBridgeCoordinator
    from .models import JsonObject, Monitor, Target
    from .pictures import Picture
    from .relay import Relay
    from .row import Row

PARALLEL_UPDATES = 0
_LIVE_PICTURE, _LIVE_STREAM = "live_picture", "live_stream"
_VIDEO = "ts"
"""The form of live video that Home Assistant's stream takes: H.264 or H.265 in MPEG-TS."""
_ASK_AT_A_TIME = 4
_FIRST_WAIT_S, _LONGEST_WAIT_S = 5.0, 300.0
_KNOWN_S = 5.0
"""For so long somebody who wants a stream waits until it is known whether there is one."""
_STOP_S = 5.0
"""Home Assistant's stream ends when its thread hears of it, which may hang in reading for 30 s: nobody waits for that."""
_RENEW_APART_S = 30.0


async def async_setup_entry(
    hass: HomeAssistant, entry: VmsBridgeConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Show what there is, and what comes."""
    means = Means(Pictures(entry.runtime_data), async_relay(hass), prefers_mjpeg=prefers_mjpeg(entry))

    def make(coordinator: VmsBridgeCoordinator, row: Row, target: Target, _part: str | None) -> VmsBridgeCamera:
        return VmsBridgeCamera(coordinator, row, target, means)

    add_entities(entry, Platform.CAMERA, make, async_add_entities)


@dataclass(frozen=True, slots=True)
class Means:
    """What the cameras of one bridge share."""

    pictures: Pictures
    relay: Relay
    prefers_mjpeg: bool = field(kw_only=True)
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_ASK_AT_A_TIME))
    """For questions to the bridge: all cameras have one at the start."""


class VmsBridgeCamera(VmsBridgeEntity, Camera):
    """What one monitor sees now."""

    _attr_frame_interval = 1.0

    def __init__(self, coordinator: VmsBridgeCoordinator, row: Row, target: Target, means: Means) -> None:
        VmsBridgeEntity.__init__(self, coordinator, row, target)
        Camera.__init__(self)
        system, monitor = target.system or "", target.monitor or ""
        self._parts = ("media", "monitors", system, monitor)
        self._means = means
        self._source = LiveSource(coordinator, system, monitor, means.relay)
        self._viewers = Viewers(coordinator.hass)
        self._still = _Still(means.pictures, *self._parts, "picture")
        self._has_video = False
        self._is_asked = False
        self._asked_of: Monitor | None = None
        """What the monitor was (None: it was gone) when the bridge was asked for its video, if it `_is_asked`."""
        self._asking: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._renewed = -_RENEW_APART_S

    @property
    def available(self) -> bool:
        """Return whether there is something to be seen at all; that a video fails does not take the picture away."""
        return super().available and bool({_LIVE_PICTURE, _LIVE_STREAM} & self._capabilities)

    @property
    def supported_features(self) -> CameraEntityFeature:
        """Return that there is a stream, if there is video to make one of."""
        return CameraEntityFeature.STREAM if self._has_video else CameraEntityFeature(0)

    @property
    def is_recording(self) -> bool:
        """Return whether the VMS records it now."""
        return self._state.get("is_recording") is True

    @property
    def motion_detection_enabled(self) -> bool:
        """Return whether the VMS looks for motion: the monitor's mode detects, and that is not paused."""
        armed, detection = self._state.get("armed"), self._state.get("detection")
        return armed is not False and detection is not False and (armed is True or detection is True)

    @property
    def model(self) -> str | None:
        """Return what kind of camera it is, where the VMS knows."""
        data = self.coordinator.monitor(self.target)
        return (data.shape.model or None) if data is not None else None

    async def async_camera_image(self, width: int | None = None, height: int | None = None) -> bytes | None:
        """Return what the monitor sees now, in the size that its VMS gives; None, and no older picture, if that can't be had."""
        del width, height  # the bridge hands on what its VMS has; Home Assistant scales
        if _LIVE_PICTURE not in self._capabilities:
            return None
        picture = await self._still.now()
        if picture is None:
            return None
        self.content_type = picture.content_type
        return picture.content

    async def stream_source(self) -> str | None:
        """Return the address of its video, for Home Assistant's stream and for go2rtc; None where it has none."""
        if not self._has_video and self._asking is not None:  # a stream that is to be there from the start is asked for early
            await asyncio.wait({self._asking}, timeout=_KNOWN_S)
        if not self._has_video:
            return None
        try:
            return await self._source.url()
        except BridgeError as error:
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="live_video", translation_placeholders={"detail": error.detail}
            ) from error

    async def async_create_stream(self) -> Stream | None:
        """Return the stream; a link of it that has become bad is put in order when the stream fails by it."""
        stream = await super().async_create_stream()
        if stream is not None:
            stream.set_update_callback(self._stream_changed)
        return stream

    async def handle_async_mjpeg_stream(self, request: web.Request) -> web.StreamResponse | None:
        """Show the bridge's live video picture by picture; single pictures where it has none."""
        if _LIVE_STREAM not in self._capabilities:
            return await super().handle_async_mjpeg_stream(request)
        return await self._viewers.show(request, self._open_film, MJPEG)

    async def async_enable_motion_detection(self) -> None:
        """Have the VMS look for motion: arm the monitor where it is not armed, and go on where that is paused."""
        commands = self._motion_commands()
        if "armed" in commands and (self._state.get("armed") is False or len(commands) == 1):
            await self._command("armed", "ON")
        if "detection" in commands:
            await self._command("detection", "ON")

    async def async_disable_motion_detection(self) -> None:
        """Have the VMS look for motion no more: pause that where it can be paused, so that the mode stays; else disarm."""
        await self._command(self._motion_commands()[0], "OFF")

    async def async_added_to_hass(self) -> None:
        """Find out which video there is."""
        await super().async_added_to_hass()
        self._ask_again()

    async def async_will_remove_from_hass(self) -> None:
        """End what is shown of it."""
        for task in (self._asking, self._renewing):
            if task is not None:
                task.cancel()
        self._viewers.end()
        self._source.close()
        await self._end_stream()
        await super().async_will_remove_from_hass()

    @property
    def _capabilities(self) -> frozenset[str]:
        data = self.coordinator.monitor(self.target)
        return data.shape.capabilities if data is not None else frozenset()

    @property
    def _state(self) -> JsonObject:
        data = self.coordinator.monitor(self.target)
        return (data.state or {}) if data is not None else {}

    def _seen(self) -> object:
        return (super()._seen(), self.is_recording, self.motion_detection_enabled, self.supported_features, self.model)

    @callback
    def _heard(self) -> None:
        super()._heard()
        self._is_asked = self._is_asked and self.coordinator.is_connected
        self._ask_again()
        if self.stream is not None and self._source.is_stale:
            self._renew()

    def _open_film(self) -> AbstractAsyncContextManager[ClientResponse]:
        return self.coordinator.client.media(path_of(*self._parts, "live.mjpeg"), headers={hdrs.ACCEPT: MJPEG})

    def _motion_commands(self) -> list[str]:
        """Return the commands by which motion detection is had and left, the gentler one first. Raises ServiceValidationError."""
        data = self.coordinator.monitor(self.target)
        entities = data.shape.entities if data is not None and self.coordinator.may("control") else ()
        commands: list[str] = [name for name in ("detection", "armed") if name in entities]
        if not commands:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_motion_detection")
        return commands

    async def _command(self, command: str, value: str) -> None:
        await self.coordinator.command(self.target, command, value, context=self._context)

    @callback
    def _ask_again(self) -> None:
        """Ask the bridge which video there is, unless it was asked since the monitor has become what it is."""
        data = self.coordinator.monitor(self.target)
        shape = data.shape if data is not None else None
        if not self.coordinator.is_connected or (self._is_asked and self._asked_of == shape):
            return
        self._is_asked, self._asked_of = True, shape
        if self._asking is not None:
            self._asking.cancel()
        self._asking = self.coordinator.entry.async_create_background_task(
            self.hass, self._ask(), f"{DOMAIN} {self.entity_id}: which video is there"
        )

    async def _ask(self) -> None:
        wait_s = _FIRST_WAIT_S
        while self.coordinator.is_connected:
            forms = await self._forms()
            if forms is not None:
                if not forms:
                    self._viewers.end()
                await self._set_video(has_video=_VIDEO in forms and not self._means.prefers_mjpeg)
                return
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _forms(self) -> frozenset[str] | None:
        """Return in which forms there is live video; None: the VMS does not answer now, and what was known may still be so."""
        if _LIVE_STREAM not in self._capabilities:
            return frozenset()
        try:
            async with self._means.turn:
                said = (await self.coordinator.client.get(path_of(*self._parts, "live"))).get("forms")
        except NotFound:
            return frozenset()
        except BridgeError as error:
            LOGGER.debug("Which video there is of %s is not known: %s", self.entity_id, error.detail)
            return None
        return frozenset(form for form in said if isinstance(form, str)) if isinstance(said, list) else frozenset()

    async def _set_video(self, *, has_video: bool) -> None:
        if has_video is self._has_video:
            return
        self._has_video = has_video
        super()._heard()
        if not has_video:
            self._source.close()
            await self._end_stream()

    @callback
    def _stream_changed(self) -> None:
        """Follow whether the stream has something: what it has not, a link of now may have."""
        if self.stream is not None and not self.stream.available:
            self._renew()

    @callback
    def _renew(self) -> None:
        """Have the stream read from where the video is now, in a while if that was done a moment ago."""
        if self._renewing is None or self._renewing.done():
            self._renewing = self.coordinator.entry.async_create_background_task(
                self.hass, self._update_source(), f"{DOMAIN} {self.entity_id}: where its video is"
            )

    async def _update_source(self) -> None:
        if not self._source.is_stale:
            await asyncio.sleep(max(0.0, self._renewed + _RENEW_APART_S - self.hass.loop.time()))
        self._renewed = self.hass.loop.time()
        try:
            url = await self._source.url(anew=True)
        except BridgeError as error:
            LOGGER.debug("Where the video of %s is now is not known: %s", self.entity_id, error.detail)
            return
        if self.stream is not None and url is not None and url != self.stream.source:
            self.stream.update_source(url)

    async def _end_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is None:
            return
        stream.set_update_callback(lambda: None)
        # A copy: the settings are the camera's, which may be back in a moment. One that is preloaded would not stop.
        stream.dynamic_stream_settings = replace(stream.dynamic_stream_settings, preload_stream=False)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await stream.stop()


class _Still:
    """A monitor's picture, fetched once for all who ask at the same time."""

    def __init__(self, pictures: Pictures, *parts: str) -> None:
        self._pictures, self._parts = pictures, parts
        self._turn = asyncio.Lock()
        self._fetched = 0
        self._picture: Picture | None = None

    async def now(self) -> Picture | None:
        """Return a picture of now: one that has come after this was called, whoever has asked for it."""
        before = self._fetched
        async with self._turn:
            if self._fetched == before:
                self._picture = await self._pictures.fetch(*self._parts)
                self._fetched += 1
            return self._picture
