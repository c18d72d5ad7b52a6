"""Pictures of the newest events, on a connection of their own, so that no state waits behind a JPEG."""

from __future__ import annotations

import asyncio
import io
import warnings
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from PIL import Image

from vms_bridge.errors import BridgeError, MediaUnavailable
from vms_bridge.model import EventPicture
from vms_bridge.mqtt.carrier import SEND_BUFFER_BYTES, Carrier, Outcome
from vms_bridge.mqtt.pace import Rounds
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.carrier import Route
    from vms_bridge.mqtt.notices import Reports
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.views import Changes, EventMessage, HubView, MonitorKey, MonitorView

MAX_PIXELS = 1280
MAX_SOURCE_BYTES = 20 << 20
_MAX_SOURCE_PIXELS = 50_000_000
_MAX_DECODED_BYTES = 128 << 20
_QUALITY = 75
_ATTEMPTS = 3
_RETRY_S = 2.0
_FETCH_S = 15.0
_PACE_S = 0.1
_REPEAT_APART_S = 2.0
_PUT_OFF_S = 60.0
_LATER_S = 5.0
"""After so long what could not be had is asked for again; then after twice as long, and so on."""
_RECENT = timedelta(hours=1)
_DOUBT_S = 15.0
"""Longer than a dead connection goes unnoticed."""


def shrink(jpeg: bytes) -> bytes:
    """Return the picture as a JPEG of at most 1280 pixels a side. Blocking. Raises MediaUnavailable for what is none."""
    if len(jpeg) > MAX_SOURCE_BYTES:
        raise MediaUnavailable(f"the picture has {len(jpeg)} bytes, more than {MAX_SOURCE_BYTES}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we have a limit of our own
            with Image.open(io.BytesIO(jpeg), formats=("JPEG", "PNG", "WEBP")) as picture:
                whole = picture.width * picture.height
                if whole > _MAX_SOURCE_PIXELS:
                    raise MediaUnavailable(  # noqa: TRY301 - ours, and not the decoder's
                        f"the picture has {picture.width}x{picture.height} pixels, that is too many"
                    )
                if picture.format == "JPEG" and max(picture.size) <= MAX_PIXELS and len(jpeg) <= SEND_BUFFER_BYTES:
                    picture.verify()
                    return jpeg
                picture.draft("RGB", (MAX_PIXELS, MAX_PIXELS))
                if _decoded_bytes(picture, whole) > _MAX_DECODED_BYTES:
                    raise MediaUnavailable(  # noqa: TRY301 - the same
                        f"the picture takes more than {_MAX_DECODED_BYTES >> 20} MB to decode"
                    )
                small = picture.convert("RGB")
                small.thumbnail((MAX_PIXELS, MAX_PIXELS))
                result = io.BytesIO()
                small.save(result, "JPEG", quality=_QUALITY)
                return result.getvalue()
    except MediaUnavailable:
        raise
    except Exception as error:  # the border to decoders of foreign bytes, which fail in as many ways as there are of these
        raise MediaUnavailable(f"the picture can't be read: {error}") from error


def _decoded_bytes(picture: Image.Image, pixels: int) -> int:
    """Return what its decoder will take: a progressive JPEG's holds two bytes of each value, whatever is drawn of it."""
    bands = len(picture.getbands())
    if picture.info.get("progressive"):
        return pixels * bands * 2
    return picture.width * picture.height * bands


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the broker shows of a monitor: a picture of this event, taken before or after its end, or none.

    What has been found in it by then may be drawn into it, so that `labels` make another picture of it.
    There is none of an event that is deleted, nor of one whose picture is not ready: `is_empty`.
    """

    event: str
    is_over: bool
    labels: tuple[str, ...] = ()
    is_deleted: bool = False
    is_empty: bool = False

    @property
    def has_picture(self) -> bool:
        """Whether a picture is shown."""
        return not (self.is_deleted or self.is_empty)


_NOTHING = Shown(event="", is_over=True, is_empty=True)


class PictureMemory:
    """What the broker shows of each monitor that has an event, None where that is not sure; outlives the link."""

    def __init__(self) -> None:
        self.shown: dict[MonitorKey, Shown | None] = {}
        self.is_new = True
        """Whether no link has been served yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    key: MonitorKey
    shown: Shown
    jpeg: bytes


class PicturePublisher:
    """Has the broker show the newest event's picture of each monitor, and no other.

    Each system's pictures are fetched by a task of its own, one at a time, so that a VMS that hangs holds up nobody
    else's; one connection publishes them.
    """

    def __init__(
        self,
        *,
        hub: HubView,
        topics: Topics,
        clock: Clock,
        reports: Reports,
        memory: PictureMemory,
        route: Route,
    ) -> None:
        self._hub = hub
        self._topics = topics
        self._clock = clock
        self._notices = reports.notices
        self._memory = memory
        self._counters = reports.counters
        self._carrier = Carrier(route, clock=clock, reports=reports, on_lost=self._doubt)
        self._wanted: defaultdict[str, dict[MonitorKey, int]] = defaultdict(dict)
        """By system: which monitors' pictures, and how many attempts each has left."""
        self._fetching: set[str] = set()
        self._available: set[str] = set()
        self._news = asyncio.Event()
        self._fetched: asyncio.Queue[_Picture] = asyncio.Queue(maxsize=1)
        self._under_way: dict[MonitorKey, Shown] = {}
        """What was fetched and has not left yet: it need not be fetched again."""
        self._sent: dict[MonitorKey, float] = {}
        self._put_off_until: dict[MonitorKey, float] = {}
        self._waits: dict[MonitorKey, tuple[str, float]] = {}
        """Of which event one could not be had, and how long it is put off."""
        self._rounds = Rounds(clock, self._repeat, apart_s=_REPEAT_APART_S)

    def start(self, changes: Changes, *, everything: bool) -> None:
        """Note what there is after a connect; `everything` if the broker has nothing of ours.

        A broker that was killed comes back with what it had saved, mosquitto every half an hour. So pictures of the last
        hour are fetched anew; of the older ones only those of which it is known that the broker has not got them.
        """
        shown = self._memory.shown
        if everything:
            shown.clear()
        for key in changes.last_events:
            view = self._hub.monitor(*key)
            if view is None or view.last_event is None:
                continue
            if everything:
                shown[key] = _NOTHING
            elif self._is_recent(view.last_event):
                shown[key] = None
            elif self._memory.is_new:
                shown[key] = _due(view)  # an earlier run has published it
            self._want(key)
        self._memory.is_new = False
        self._note_systems()

    def note(self, changes: Changes) -> None:
        """Note which newest events have changed, which monitors are gone, and which systems are back."""
        for key in changes.removed:
            self._wanted[key[0]].pop(key, None)
            self._waits.pop(key, None)
            if key in self._memory.shown:
                del self._memory.shown[key]
                # the publisher clears it too, but its connection may overtake a picture that is on its way on the other one
                self._carrier.clear(self._topics.snapshot(*key))
        for key in changes.last_events:
            self._want(key)
        if changes.systems or changes.removed_systems:
            self._note_systems()

    def repeat(self) -> None:
        """Fetch and publish all pictures once more."""
        self._rounds.ask()

    async def run(self) -> None:
        """Serve until cancelled; the connection is made when the first picture is there."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="mqtt-snapshot")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._publish_all(), name="mqtt-snapshots")
                group.create_task(self._rounds.run(), name="mqtt-snapshots-again")
                group.create_task(self._try_again(), name="mqtt-snapshots-later")
                while True:
                    await self._news.wait()
                    self._news.clear()
                    for system in self._available - self._fetching:
                        if self._wanted[system]:
                            self._fetching.add(system)
                            group.create_task(self._fetch_all(system, thread), name=f"mqtt-snapshots-{system}")
        finally:
            thread.shutdown(wait=False, cancel_futures=True)

    async def _repeat(self) -> None:
        """Want every picture anew, as fast as they are published: a system is not asked for what has to wait."""
        for key in [(system.key, name) for system in self._hub.systems.values() for name in system.monitors]:
            view = self._hub.monitor(*key)
            if view is not None and view.last_event is not None:
                self._memory.shown[key] = None
                self._want(key)
                await self._clock.sleep(_PACE_S)

    def _want(self, key: MonitorKey) -> None:
        """Have the monitor's picture fetched, unless the broker shows it."""
        view = self._hub.monitor(*key)
        due = _due(view) if view else None
        if due is not None and not _is_right(self._memory.shown.setdefault(key, _NOTHING), due):
            self._wanted[key[0]][key] = _ATTEMPTS
            self._news.set()

    def _note_systems(self) -> None:
        """Try again what could not be had from a system that was away."""
        systems = self._hub.systems
        available = {key for key, system in systems.items() if system.state.available}
        came, self._available = available - self._available, available
        for key in list(self._memory.shown):
            if key[0] in came:
                self._want(key)
        if came:
            self._news.set()

    def _is_recent(self, event: EventMessage) -> bool:
        return event.end is None or event.end >= self._clock.now() - _RECENT

    async def _fetch_all(self, system: str, thread: ThreadPoolExecutor) -> None:
        """Fetch what is wanted of a system until nothing is."""
        wanted = self._wanted[system]
        try:
            while wanted and system in self._available:
                key = next(iter(wanted))
                attempts = wanted.pop(key)
                try:
                    picture = await self._fetch(key, thread)
                except (BridgeError, TimeoutError) as error:
                    await self._clear(key, in_doubt=attempts == 1)
                    await self._failed(key, attempts, error)
                    continue
                if picture is not None:
                    self._under_way[key] = picture.shown
                    await self._fetched.put(picture)
        finally:
            self._fetching.discard(system)

    async def _fetch(self, key: MonitorKey, thread: ThreadPoolExecutor) -> _Picture | None:
        """Return what the broker is to show, None if it shows that already."""
        view = self._hub.monitor(*key)
        due = _due(view) if view else None
        ref = view.last_event.ref if view and view.last_event else None
        if ref is None or due is None or _is_right(self._memory.shown.get(key), due):
            return None
        if self._under_way.get(key) == due:
            return None
        if not due.has_picture:
            return _Picture(key=key, shown=due, jpeg=b"")
        async with self._clock.timeout(_FETCH_S):
            original = await self._hub.picture(key[0], EventPicture(event=ref))
        jpeg = await asyncio.get_running_loop().run_in_executor(thread, shrink, original)
        return _Picture(key=key, shown=due, jpeg=jpeg)

    async def _clear(self, key: MonitorKey, *, in_doubt: bool) -> None:
        """Have the broker show no picture of an event before, beside one of which there is none.

        `in_doubt`: nor one of which it is not sure whether it is of an event before.
        """
        view = self._hub.monitor(*key)
        due = _due(view) if view else None
        shown = self._memory.shown.get(key)
        is_wrong = in_doubt if shown is None else due is not None and shown.has_picture and shown.event != due.event
        if due is not None and is_wrong:
            await self._fetched.put(_Picture(key=key, shown=replace(due, is_empty=True), jpeg=b""))

    async def _failed(self, key: MonitorKey, attempts: int, error: Exception) -> None:
        wanted = self._wanted[key[0]]
        if attempts > 1:
            wanted.setdefault(key, attempts - 1)
            await self._clock.sleep(_RETRY_S / len(wanted))
            return
        event, waited_s = self._waits.pop(key, ("", 0.0))
        view = self._hub.monitor(*key)
        newest = view.last_event if view else None
        if newest is None or newest.id != event:
            waited_s = 0.0
            self._counters.pictures_failed += 1
            what = str(error) or "no answer in time"
            self._notices.warn(f"picture {key[0]}", f"no picture of the newest event of {key[0]}/{key[1]}: {what}")
        if newest is not None and self._is_recent(newest):  # a VMS may be ill for longer than a few attempts take
            wait_s = 2 * waited_s or _LATER_S
            self._waits[key] = newest.id, wait_s
            self._put_off_until[key] = self._clock.monotonic() + wait_s

    async def _publish_all(self) -> None:
        """Publish what is fetched, one picture after the other."""
        try:
            while True:
                picture = await self._fetched.get()
                topic = self._topics.snapshot(*picture.key)
                for _ in range(_ATTEMPTS):
                    outcome = await self._carrier.send(topic, picture.jpeg, partial(self._is_wanted, picture))
                    if outcome is not Outcome.LOST:
                        break
                if self._under_way.get(picture.key) is picture.shown:
                    del self._under_way[picture.key]
                if outcome is Outcome.LEFT:
                    self._has_left(picture)
                if outcome is Outcome.LOST:
                    self._put_off(picture)
                else:
                    await self._clock.sleep(_PACE_S)
        finally:
            await self._carrier.close()

    def _is_wanted(self, picture: _Picture) -> bool:
        """Say whether it still is: one of a monitor that is gone, or beside an event that is deleted, would stay for ever."""
        view = self._hub.monitor(*picture.key)
        if view is None:
            return False
        due = _due(view)
        is_another = due is not None and not due.has_picture and (due.is_deleted or due.event != picture.shown.event)
        return not (is_another and picture.shown.has_picture)

    def _has_left(self, picture: _Picture) -> None:
        if picture.key in self._memory.shown:
            self._memory.shown[picture.key] = picture.shown
            self._sent[picture.key] = self._clock.monotonic()
            if picture.shown.has_picture:
                self._waits.pop(picture.key, None)
                self._want(picture.key)  # meanwhile something else may be due

    def _put_off(self, picture: _Picture) -> None:
        """Let the others go first: each connection that was to bring this one has ended."""
        self._counters.pictures_failed += 1
        self._put_off_until[picture.key] = self._clock.monotonic() + _PUT_OFF_S
        self._notices.warn(
            f"picture lost {picture.key[0]}",
            f"the broker has ended {_ATTEMPTS} connections that were to bring a picture of {picture.key[0]}/{picture.key[1]} with"
            f" {len(picture.jpeg)} bytes; is that more than it takes?",
        )

    async def _try_again(self) -> None:
        """Want again what was put off, until cancelled."""
        while True:
            await self._clock.sleep(_LATER_S / 3)
            now = self._clock.monotonic()
            for key in [key for key, until in self._put_off_until.items() if until <= now]:
                del self._put_off_until[key]
                self._want(key)

    def _doubt(self) -> None:
        """Have sent once more what has left so shortly before a loss that it may not have arrived."""
        now = self._clock.monotonic()
        for key, sent in self._sent.items():
            if now - sent <= _DOUBT_S and key in self._memory.shown:
                self._memory.shown[key] = None
                self._want(key)
        self._sent.clear()


def _is_right(shown: Shown | None, due: Shown) -> bool:
    """Say whether nothing has to be done to show what is due."""
    if shown is None:
        return False
    if due.is_empty:
        return not shown.has_picture or shown.event == due.event
    return shown == due


def _due(view: MonitorView) -> Shown | None:
    """Return what is to be shown of a monitor; None where it has no event."""
    event = view.last_event
    if event is None:
        return None
    is_deleted = event.type is MessageType.DELETED
    is_over = event.end is not None or event.end_reason is not None
    may_have_one = is_over and not (event.ref is not None and event.ref.is_own)  # of its own the bridge knows for certain
    is_empty = not (is_deleted or event.snapshot_ready or may_have_one)
    labels = () if is_deleted or is_empty else event.labels
    return Shown(event=event.id, is_over=is_over, labels=labels, is_deleted=is_deleted, is_empty=is_empty)
