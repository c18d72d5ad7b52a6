"""Pictures of the newest events, on a connection of their own, so that no state waits behind a JPEG."""

from __future__ import annotations

import asyncio
import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from PIL import Image

from vms_bridge.errors import BridgeError, BrokerError, MediaUnavailable
from vms_bridge.model import EventPicture
from vms_bridge.mqtt.link import Link
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.mqtt.dialect import Dialect
    from vms_bridge.mqtt.notices import Notices
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.views import Changes, HubView, MonitorKey, MonitorView

SEND_BUFFER_BYTES = 128 * 1024
MAX_PIXELS = 1280
MAX_SOURCE_BYTES = 20 << 20
_MAX_SOURCE_PIXELS = 100_000_000
_QUALITY = 75
_ATTEMPTS = 3
_RETRY_S = 2.0
_FETCH_S = 15.0
_PACE_S = 0.1
_RECENT = timedelta(hours=1)


def shrink(jpeg: bytes) -> bytes:
    """Return the picture as a JPEG of at most 1280 pixels a side. Blocking. Raises MediaUnavailable for what is none."""
    if len(jpeg) > MAX_SOURCE_BYTES:
        raise MediaUnavailable(f"the picture has {len(jpeg)} bytes, more than {MAX_SOURCE_BYTES}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we have a limit of our own
            with Image.open(io.BytesIO(jpeg), formats=("JPEG", "PNG", "WEBP")) as picture:
                if picture.width * picture.height > _MAX_SOURCE_PIXELS:
                    raise MediaUnavailable(f"the picture has {picture.width}x{picture.height} pixels, that is too many")
                if picture.format == "JPEG" and max(picture.size) <= MAX_PIXELS and len(jpeg) <= SEND_BUFFER_BYTES:
                    picture.verify()
                    return jpeg
                picture.draft("RGB", (MAX_PIXELS, MAX_PIXELS))
                small = picture.convert("RGB")
                small.thumbnail((MAX_PIXELS, MAX_PIXELS))
                result = io.BytesIO()
                small.save(result, "JPEG", quality=_QUALITY)
                return result.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise MediaUnavailable(f"the picture can't be read: {error}") from error


class SnapshotMemory:
    """Which pictures the broker has: event and whether it was over, by monitor; outlives the link."""

    def __init__(self) -> None:
        self.published: dict[MonitorKey, tuple[str, bool]] = {}


class Snapshots:
    """Fetches, shrinks and publishes the newest picture of each monitor, one at a time."""

    def __init__(
        self,
        *,
        hub: HubView,
        topics: Topics,
        config: MqttConfig,
        client_id: str,
        clock: Clock,
        notices: Notices,
        memory: SnapshotMemory,
        dialect: Dialect,
    ) -> None:
        self._hub = hub
        self._topics = topics
        self._config = config
        self._client_id = f"{client_id}_media"
        self._clock = clock
        self._notices = notices
        self._memory = memory
        self._dialect = dialect
        self._wanted: dict[MonitorKey, int] = {}
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._link: Link | None = None

    def start(self, changes: Changes, *, everything: bool) -> None:
        """Take in what there is after a connect: the events of the last hour, or everything if the broker has nothing."""
        if everything:
            self._memory.published.clear()
        since = self._clock.now() - _RECENT
        for key in changes.last_events:
            view = self._hub.monitor(*key)
            if view and view.last_event and (everything or view.last_event.start >= since):
                self._want(key, view)

    def note(self, changes: Changes) -> None:
        """Take in which newest events have changed, and which monitors are gone."""
        for key in changes.removed:
            self._wanted.pop(key, None)
            if self._memory.published.pop(key, None) is not None and self._link is not None:
                # the publisher clears it too, but its connection may overtake a picture that is on its way on this one
                self._link.publish(self._topics.snapshot(*key), b"", retain=True)
        for key in changes.last_events:
            view = self._hub.monitor(*key)
            if view is not None:
                self._want(key, view)

    async def run(self) -> None:
        """Publish until cancelled; the connection is made when the first picture is there."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="mqtt-snapshot")
        try:
            while True:
                await self._serve(await self._next(thread), thread)
        finally:
            thread.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, picture: tuple[MonitorKey, bytes], thread: ThreadPoolExecutor) -> None:
        """Connect, and publish pictures for as long as the link holds."""
        self._link = link = await self._connect()
        keeper = asyncio.create_task(self._keep(link), name="mqtt-media")
        try:
            while link.is_open:
                await self._publish(link, *picture)
                await self._clock.sleep(_PACE_S)
                picture = await self._next(thread)
            self._wanted.setdefault(picture[0], _ATTEMPTS)
            self._memory.published.pop(picture[0], None)
        finally:
            self._link = None
            link.abort()  # it has no will and owes nothing
            keeper.cancel()
            await asyncio.wait({keeper})

    async def _publish(self, link: Link, key: MonitorKey, jpeg: bytes) -> None:
        """Publish one picture, and return when it has left."""
        if self._hub.monitor(*key) is None:
            return
        if not link.publish(self._topics.snapshot(*key), jpeg, retain=True) and link.is_open:
            self._notices.warn(f"too large {key[0]}", f"the broker takes no picture of {len(jpeg)} bytes: raise its packet limit")
            return
        link.flush()
        while link.is_open and not link.is_ready:
            self._writable.clear()
            await self._writable.wait()
        if not link.is_open:
            self._wanted.setdefault(key, _ATTEMPTS)
            self._memory.published.pop(key, None)

    def _want(self, key: MonitorKey, view: MonitorView) -> None:
        event = view.last_event
        if event is None or event.type is MessageType.DELETED or not (event.snapshot_ready or event.end is not None):
            return
        if self._memory.published.get(key) != (event.id, event.end is not None):
            self._wanted[key] = _ATTEMPTS
            self._news.set()

    async def _next(self, thread: ThreadPoolExecutor) -> tuple[MonitorKey, bytes]:
        """Return the next picture, ready to be published."""
        while True:
            while not self._wanted:
                self._news.clear()
                await self._news.wait()
            key = next(iter(self._wanted))
            attempts = self._wanted.pop(key)
            view = self._hub.monitor(*key)
            if view is None or view.last_event is None or view.last_event_id is None:
                continue
            try:
                jpeg = await self._fetch(key, view.last_event_id, thread)
            except (BridgeError, TimeoutError) as error:
                await self._failed(key, attempts, error)
                continue
            if self._hub.monitor(*key) is None:
                continue  # a picture would stay for ever
            self._memory.published[key] = (view.last_event.id, view.last_event.end is not None)
            return key, jpeg

    async def _fetch(self, key: MonitorKey, event_id: str, thread: ThreadPoolExecutor) -> bytes:
        async with asyncio.timeout(_FETCH_S):
            jpeg = await self._hub.picture(key[0], EventPicture(event_id=event_id))
            return await asyncio.get_running_loop().run_in_executor(thread, shrink, jpeg)

    async def _failed(self, key: MonitorKey, attempts: int, error: Exception) -> None:
        if attempts > 1:
            self._wanted.setdefault(key, attempts - 1)
            await self._clock.sleep(_RETRY_S / max(1, len(self._wanted)))
        else:
            what = str(error) or "no answer in time"
            self._notices.warn(f"picture {key[0]}", f"no picture of the newest event of {key[0]}/{key[1]}: {what}")

    async def _connect(self) -> Link:
        """Connect, however often it takes."""
        while True:
            try:
                link = await Link.open(
                    self._config,
                    client_id=self._client_id,
                    clock=self._clock,
                    send_buffer_bytes=SEND_BUFFER_BYTES,
                    dialect=self._dialect,
                )
            except BrokerError as error:
                self._notices.warn("media", f"no second connection for pictures: {error}; {error.hint}")
                await self._clock.sleep(5.0)
            else:
                link.listen(lambda _message: None, self._writable.set)
                return link

    async def _keep(self, link: Link) -> None:
        """Keep the link alive; whoever waits for it learns when it is lost."""
        try:
            await link.run()
        except BrokerError as error:
            self._notices.warn("media", f"the connection for pictures ended: {error}")
            self._writable.set()
