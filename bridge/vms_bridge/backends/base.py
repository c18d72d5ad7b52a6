"""What a backend is, and what the bridge wants of one.

A backend speaks one VMS's language and knows nothing of MQTT, of keys or of other systems. It reports what it sees
through a `Feed` and does what it is asked in `execute`; the hub works out differences, stores and verifies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vms_bridge.findings import Finding as Finding  # noqa: PLC0414, TC001 - a part of the contract, to be had here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pydantic import BaseModel

    from vms_bridge.archive import ByteRange, EventPage, EventQuery, Extent, FrameTimes, LogLine, LogQuery, MediaRef, VideoSource
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.measures import Reading
    from vms_bridge.model import Enrichment, Event, EventBatch, EventRef, PictureRef, Resume, Update
    from vms_bridge.receivers import Receiver, Registration


class Feed(Protocol):
    """Where a backend reports what it sees."""

    @property
    def resume(self) -> Resume:
        """Where the backend left off, read anew at each access: the stored cursor and the events still open."""

    def shows(self, monitor_id: str, name: str) -> bool:
        """Say whether the configuration shows this monitor; what it does not is to be described, but need not be watched."""

    def emit(self, update: Update) -> None:
        """Report the current state; cheap, synchronous, newest wins. Call it on the event loop only."""

    async def record(self, batch: EventBatch) -> None:
        """Report events, and return once they and the cursor are stored: this is the back-pressure."""

    async def enrich(self, event_id: str, enrichment: Enrichment) -> None:
        """Add to an event that was recorded what others have noted about it in the VMS: all of it, anew each time.

        It stays whatever is recorded of the event, and is not written back to the VMS. Raises ContributionRefused for an event
        that is not known or not any more, and StoreError.
        """

    async def mint(self, monitor_id: str, native_key: str) -> str:
        """Return the id of an event that its VMS has none for, but knows by a key of this monitor (when it began, its file).

        The same key has the same id for as long as the bridge knows the event, also after a restart; no id is given twice.
        Raises StoreError, as `record` does.
        """

    async def keep(self, key: str, value: str | None) -> None:
        """Keep a short text beyond restarts (None: forget it); it is the system's own, up to 64 of 65,536 characters.

        It is for what makes a start easier: a failing store is reported by the bridge and raises nothing here.
        """

    async def kept(self, key: str) -> str | None:
        """Return what was kept last under this key; None where nothing is, or it can't be read."""

    def open_receiver(self, receiver: Receiver) -> Registration:
        """Have what comes in from outside under this name handed over, until `run` ends or this is closed.

        What comes in so may be forged by whoever has got at the secret: look at it as at a hint, and ask the VMS. Raises
        ReceiverRefused for bounds that nobody can mean.
        """


class Backend(Protocol):
    """The adapter of one configured system; one object lives as long as the configuration of that system."""

    @property
    def url(self) -> str | None:
        """Where a person can look at this VMS, without credentials; None if nowhere."""

    async def run(self, feed: Feed) -> None:
        """Connect, emit a `FullState`, then whatever changes, until cancelled.

        Raises VmsError when the system is lost; the supervisor then informs the hub, waits and calls `run` again,
        which starts over with a new connection and a new snapshot. Cancellation must end it within a second.
        """

    async def execute(self, target: VmsTarget, action: Action) -> None:
        """Have the VMS do this, and return when it has accepted; the hub verifies the effect from what `run` emits.

        Called only for declared capabilities; an action that it does not know is unsupported. A monitor's id is one that it
        has reported; an event's may be any text that a client has sent, of the generation of ids that was recorded last. A
        `Restart` is applied when another run of what captures the monitor was reported (`MonitorState.capture`) or, where runs
        have no names, that the camera went (`connected` False) and came back: tell what was seen, not what was asked for.
        Raises CommandRejected, UnsupportedCommand or VmsError.
        """

    async def refresh(self, target: VmsTarget) -> None:
        """Read this now rather than at the next poll, and report what is seen.

        The system: at it and all its monitors, as cheaply as that goes; one such read serves many commands. Raises
        VmsError when what is so now could not be seen. An event, which may be any text that a client has sent: record it as it
        stands, in a batch that is `refreshed`, before this returns; one that there is not, or no more, as deleted.
        """

    async def picture(self, ref: PictureRef) -> bytes:
        """Return a JPEG of at most a few MB. Raises MediaUnavailable or VmsError.

        The hub asks for events of the generation that was recorded last only; `EventRef.id` is the VMS's own id.
        """

    async def check(self) -> Sequence[Finding]:
        """Try the connection as `run` would, and report in words for the person who configured it. Never raises."""


class Annotator(Protocol):
    """A backend that notes at events what others than its VMS have found out about them; it has this beside `Backend`'s calls."""

    async def annotate(self, event: EventRef, enrichment: Enrichment) -> None:
        """Note this at the event in the VMS (labels as its tags, say), in place of what was noted there before by this.

        `enrichment` is all that others have found out by now. Called in the background, one event at a time, a second apart; a
        call that fails is not repeated. What the VMS then says of the event is reported as ever. Raises CommandRejected,
        UnsupportedCommand or VmsError.
        """


class Measured(Protocol):
    """A backend that counts or measures something, such as its requests; it has this beside `Backend`'s calls."""

    def readings(self) -> Iterable[Reading]:
        """Return what it has counted and measured, by rows of `metrics.METRICS` that begin with the system's key. Cheap."""


class Media(Protocol):
    """A picture or clip that a backend has opened: read piece by piece, then closed, or closed before its end."""

    @property
    def content_type(self) -> str:
        """What it is, as in HTTP."""

    @property
    def length(self) -> int | None:
        """How many bytes the whole of it has, None where that is not known."""

    @property
    def part(self) -> ByteRange | None:
        """Which part of it this is; None: the whole, since parts can't be had of it."""

    async def read(self) -> bytes:
        """Return the next piece, of at most 4 MB, and nothing at its end. Raises MediaUnavailable or VmsError."""

    async def close(self) -> None:
        """Let go of it."""


class Archive(Protocol):
    """What a VMS has recorded. A backend that can be asked for it has one as `archive`, and says by its capabilities for what.

    Nothing here may delay what `run` emits: media come over connections of their own.
    """

    async def events(self, query: EventQuery, after: str | None) -> EventPage:
        """Return a page of events of at most 1,000; `after` is of the page before (None: from the beginning).

        Each has the id by which `run` has reported it, or would. An `after` is of use for as long as the ids are given on, also
        after a restart of the bridge, and for the same query, in the background or not. A query that is `in_background` waits
        until the VMS has nothing more urgent to answer. Raises MediaUnavailable or VmsError.
        """

    async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> Media:
        """Open a picture or clip; where parts can't be had, the whole.

        Raises NoSuchEvent, NoSuchPart where it has not the bytes of a part, another MediaUnavailable, or VmsError.
        """

    async def logs(self, query: LogQuery) -> Sequence[LogLine]:
        """Return lines of the VMS's log, the oldest first. Raises MediaUnavailable or VmsError."""


class CountingArchive(Archive, Protocol):
    """An archive that can tell how much there is without listing it: the bridge's index is held to that."""

    async def extent(self, query: EventQuery) -> Extent:
        """Return how many events the query finds, and the oldest of them, open ones too. Raises MediaUnavailable or VmsError."""


class FilmingArchive(Archive, Protocol):
    """An archive that knows where H.264 or H.265 of its monitors comes from; else live video is what `media` gives."""

    async def video_sources(self, monitor_id: str) -> Sequence[VideoSource]:
        """Return where the monitor's video can be had now, the best first. Raises MediaUnavailable or VmsError.

        The bridge reads one for all who look at it, and asks again whenever it begins anew: what is in an address may be good
        for a moment only.
        """


class PicturedArchive(Archive, Protocol):
    """An archive that can tell which single pictures an event has: of those that are recorded so, clips are made of them."""

    async def frame_times(self, event: EventRef) -> FrameTimes:
        """Return them, of an event that was recorded as single pictures. Raises NoSuchEvent, MediaUnavailable or VmsError."""


class FindingArchive(Archive, Protocol):
    """An archive that can be asked for one event: it answers where the bridge's index is off, or does not have it."""

    async def event(self, event_id: str) -> Event | None:
        """Return the event as it is now, as a page would have it; None: there is none, or no more.

        The id may be any text that a client has sent. Raises MediaUnavailable or VmsError.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendKind:
    """A kind of system: its name in the configuration, its configuration model and how to make one.

    A third party offers one through the entry point group `vms_bridge.backends`. `config` gets its values as text, so it
    must not be strict; its `SecretStr` options are hidden everywhere, its `Path` options are relative to the configuration
    file, and those named `*_file`, `*_certificate` or `*_key` have to exist. A field's description is shown as the remedy.
    `create` is called in a thread; it does not connect.
    """

    name: str
    title: str
    config: type[BaseModel]
    create: Callable[[str, BaseModel, Clock], Backend]
