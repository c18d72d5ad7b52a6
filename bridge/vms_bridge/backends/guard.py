"""The border to a backend: every call into one goes through here, so that no fault of it reaches another part.

A backend may be a third party's: it may raise anything, hang, return anything, or be cancelled by its own library. Whoever
calls through a `Guard` gets a value of the right kind, or a BridgeError, in time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from vms_bridge.archive import MOST_PIECE_BYTES, ByteRange, Extent
from vms_bridge.boundary import Boundary
from vms_bridge.commands import COMMANDS
from vms_bridge.concealment import Secrets
from vms_bridge.errors import BackendDefect, BridgeError, MediaUnavailable, VmsUnreachable
from vms_bridge.explaining import explained
from vms_bridge.findings import admitted
from vms_bridge.measures import is_sound
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence

    from pydantic import BaseModel

    from vms_bridge.archive import EventQuery, LogQuery, MediaRef
    from vms_bridge.backends.base import (
        Annotator,
        Archive,
        Backend,
        BackendKind,
        CountingArchive,
        Feed,
        FilmingArchive,
        FindingArchive,
        Media,
        PicturedArchive,
    )
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action, VmsTarget
    from vms_bridge.findings import Finding
    from vms_bridge.measures import Reading
    from vms_bridge.model import Enrichment, EventRef, PictureRef

    _Call = Callable[[str, Callable[[], Awaitable[Any]], float | None], Coroutine[Any, Any, Any]]

_T = TypeVar("_T")
CREATE_S = 5.0
EXECUTE_S = max(row.timeout_s for row in COMMANDS.rows)
"""As long as the longest command may take; the others have shorter limits of their own."""
REFRESH_S = 60.0
PICTURE_S = 20.0
ANNOTATE_S = 30.0
ARCHIVE_S = 60.0
MEDIA_S = 30.0
"""How long it may take until a clip begins: a VMS may have to put it together."""
READ_S = 30.0
CLOSE_S = 5.0
MOST_PICTURE_BYTES = 20 * 1024 * 1024
_MOST_STRAYS = 16
_MOST_READINGS = 256
_LONGEST_URL = 2_000
_LONGEST_TYPE = 200
_CALLS = ("run", "execute", "refresh", "picture", "check")


class Guard:
    """A backend as the bridge calls it; the same calls as `base.Backend`, which end in time and raise BridgeError only."""

    def __init__(self, system: str, backend: Backend, clock: Clock, secrets: Secrets | None = None) -> None:
        self._system, self._backend = system, backend
        self._secrets = Secrets() if secrets is None else secrets
        self._boundary = Boundary(f"the backend of system {system}", clock)

    def close(self) -> None:
        """Call it no more, and let those go who wait for it: a reload has taken it away."""
        self._boundary.close()

    @property
    def url(self) -> str | None:
        """Where a person can look at this VMS, None if nowhere."""
        try:
            url = self._backend.url
        except Exception as error:  # noqa: BLE001 - the border
            self._boundary.report_defect("url", error)
            return None
        return url if isinstance(url, str) and len(url) <= _LONGEST_URL and url.isprintable() else None

    def readings(self) -> list[Reading]:
        """Return what it has counted and measured of its own system, as far as the table of metrics has it."""
        try:
            read = getattr(self._backend, "readings", None)
            found = list(islice(read(), _MOST_READINGS)) if callable(read) else []
        except Exception as error:  # noqa: BLE001 - the border
            self._boundary.report_defect("readings", error)
            return []
        return [one for one in found if is_sound(one) and one.labels[:1] == (self._system,)]

    async def run(self, feed: Feed) -> None:
        """Run it until it ends. Raises BridgeError."""
        await self._call("run", lambda: self._backend.run(feed), None)

    async def execute(self, target: VmsTarget, action: Action) -> None:
        """Have the VMS do this. Raises BridgeError."""
        await self._call("execute", lambda: self._backend.execute(target, action), EXECUTE_S)

    async def refresh(self, target: VmsTarget) -> None:
        """Have it refresh now. Raises BridgeError."""
        await self._call("refresh", lambda: self._backend.refresh(target), REFRESH_S)

    async def picture(self, ref: PictureRef) -> bytes:
        """Return a picture of some bytes at least, and of 20 MB at most. Raises BridgeError."""
        picture: object = await self._call("picture", lambda: self._backend.picture(ref), PICTURE_S)
        if not isinstance(picture, bytes | bytearray | memoryview):
            raise MediaUnavailable(f"system {self._system} gave no picture ({type(picture).__name__})")
        size = picture.nbytes if isinstance(picture, memoryview) else len(picture)
        if not 0 < size <= MOST_PICTURE_BYTES:
            raise MediaUnavailable(f"system {self._system} gave {'an empty picture' if not size else f'one of {size} bytes'}")
        return bytes(picture)

    @property
    def can_annotate(self) -> bool:
        """Whether it takes what others have found out about its events."""
        try:
            return callable(getattr(self._backend, "annotate", None))
        except Exception as error:  # noqa: BLE001 - the border
            self._boundary.report_defect("annotate", error)
            return False

    async def annotate(self, event: EventRef, enrichment: Enrichment) -> None:
        """Have the VMS note this at the event. Raises BridgeError."""
        backend = cast("Annotator", self._backend)
        await self._call("annotate", lambda: backend.annotate(event, enrichment), ANNOTATE_S)

    async def recorded(self, query: EventQuery, after: str | None) -> object:
        """Return what it says that it has recorded; whether that is a page is not examined. Raises BridgeError."""
        return await self._call("archive.events", lambda: self._archive().events(query, after), ARCHIVE_S)

    async def extent(self, query: EventQuery) -> object:
        """Return how much it says that it has recorded, nothing where its archive can't tell. Raises BridgeError."""
        return await self._call("archive.extent", lambda: self._extent(query), ARCHIVE_S)

    @property
    def can_find(self) -> bool:
        """Whether its archive can be asked for one event."""
        try:
            return callable(getattr(getattr(self._backend, "archive", None), "event", None))
        except Exception as error:  # noqa: BLE001 - the border
            self._boundary.report_defect("archive", error)
            return False

    async def found(self, event_id: str) -> object:
        """Return what it says of one event; whether that is one is not examined. Raises BridgeError."""
        return await self._call("archive.event", lambda: cast("FindingArchive", self._archive()).event(event_id), ARCHIVE_S)

    async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> GuardedMedia:
        """Open a picture or clip. Raises BridgeError."""
        media: object = await self._call("archive.media", lambda: self._archive().media(ref, byte_range), MEDIA_S)
        return await self._call("archive.media", lambda: GuardedMedia.of(media, self._system, self._call), MEDIA_S)

    async def video_sources(self, monitor_id: str) -> Sequence[object]:
        """Return where it says that H.264 or H.265 comes from; whether these are sources is not examined. Raises BridgeError."""
        sources: object = await self._call("archive.video_sources", lambda: self._video_sources(monitor_id), ARCHIVE_S)
        if not isinstance(sources, list | tuple):
            raise BackendDefect("wrong values", f"a {type(sources).__name__} where sources of video belong")
        return sources

    async def frame_times(self, event: EventRef) -> object:
        """Return which pictures it says that an event has. Raises BridgeError, where its archive can't tell too."""
        return await self._call("archive.frame_times", lambda: self._frame_times(event), ARCHIVE_S)

    async def logs(self, query: LogQuery) -> Sequence[object]:
        """Return lines of its log; whether they are some is not examined. Raises BridgeError."""
        lines: object = await self._call("archive.logs", lambda: self._archive().logs(query), ARCHIVE_S)
        if not isinstance(lines, list | tuple):
            raise BackendDefect("wrong values", f"a {type(lines).__name__} where lines of a log belong")
        return lines

    async def _extent(self, query: EventQuery) -> object:
        archive = self._archive()
        return await cast("CountingArchive", archive).extent(query) if hasattr(archive, "extent") else Extent()

    async def _video_sources(self, monitor_id: str) -> object:
        archive = self._archive()
        return await cast("FilmingArchive", archive).video_sources(monitor_id) if hasattr(archive, "video_sources") else ()

    async def _frame_times(self, event: EventRef) -> object:
        archive = self._archive()
        if not hasattr(archive, "frame_times"):
            raise MediaUnavailable(f"system {self._system} does not say which pictures an event has")
        return await cast("PicturedArchive", archive).frame_times(event)

    def _archive(self) -> Archive:
        archive: Archive | None = getattr(self._backend, "archive", None)
        if archive is None:
            raise MediaUnavailable(f"system {self._system} has no archive that can be asked")
        return archive

    async def check(self, *, limit_s: float) -> Sequence[Finding]:
        """Return what it finds. Raises BridgeError, which a backend that keeps its contract does not."""
        found = await self._call("check", lambda: _findings(self._backend), limit_s)
        strike = self._secrets.strike
        return [replace(finding, text=strike(finding.text), hint=strike(finding.hint)) for finding in found]

    async def _call(self, name: str, work: Callable[[], Awaitable[_T]], limit_s: float | None) -> _T:
        if len(self._boundary.strays) >= _MOST_STRAYS:
            raise VmsUnreachable(f"system {self._system}: too many earlier calls still hang", hint="restart the bridge")
        outcome = await self._boundary.attempt(name, work, limit_s=limit_s)
        if outcome.is_late and self._boundary.is_closed:
            raise VmsUnreachable(f"system {self._system} was taken away, or set up anew, by a reload meanwhile")
        if outcome.is_late:
            raise VmsUnreachable(f"system {self._system} gave no answer within {limit_s:g} s ({name})")
        if outcome.error is not None:
            raise _without(self._secrets, explained(outcome.error))
        return outcome.value  # type: ignore[return-value]  # None only where the work returns it


class GuardedMedia:
    """A picture or clip that a backend has opened, as the bridge reads it: each call ends in time and raises BridgeError only."""

    def __init__(
        self, media: Media, *, system: str, call: _Call, content_type: str, length: int | None, part: ByteRange | None
    ) -> None:
        self._media, self._system, self._call = media, system, call
        self.content_type, self.length, self.part = content_type, length, part

    @classmethod
    async def of(cls, media: object, system: str, call: _Call) -> GuardedMedia:
        """Check what was opened. Raises MediaUnavailable for what is none; it is closed then."""
        kind, length, part = (getattr(media, name, None) for name in ("content_type", "length", "part"))
        is_good = isinstance(kind, str) and 0 < len(kind) <= _LONGEST_TYPE and kind.isascii() and kind.isprintable()
        opened = cls(
            cast("Media", media),
            system=system,
            call=call,
            content_type=str(kind),
            length=cast("int | None", length),
            part=cast("ByteRange | None", part),
        )
        if is_good and isinstance(length, int | None) and isinstance(part, ByteRange | None):
            return opened
        await opened.close()
        raise MediaUnavailable(f"system {system} gave no picture or clip ({type(media).__name__})")

    async def pieces(self) -> AsyncIterator[bytes]:
        """Read it to its end. Raises BridgeError."""
        while True:
            piece: object = await self._call("archive.media: read", self._read, READ_S)
            if not isinstance(piece, bytes):
                raise MediaUnavailable(f"system {self._system} gave no picture or clip ({type(piece).__name__})")
            if not piece:
                return
            if len(piece) > MOST_PIECE_BYTES:
                raise MediaUnavailable(f"system {self._system} gave a piece of {len(piece)} bytes")
            yield piece

    async def close(self) -> None:
        """Let go of it, whatever that brings about."""
        with suppress(BridgeError):
            await self._call("archive.media: close", self._close, CLOSE_S)

    async def _read(self) -> object:
        return await self._media.read()  # that it may have no such member shows within the border only

    async def _close(self) -> None:
        await self._media.close()


def secrets_of(backend: Backend) -> Secrets | None:
    """Return what the backend knows of secrets itself, such as tokens; few have any."""
    try:
        secrets: object = getattr(backend, "secrets", None)
    except Exception:  # noqa: BLE001 - the border
        return None
    return secrets if isinstance(secrets, Secrets) else None


def _without(secrets: Secrets, error: BridgeError) -> BridgeError:
    """Return the error without secrets in its words: it may quote what a VMS has said."""
    error.args = tuple(secrets.strike(part) if isinstance(part, str) else part for part in error.args)
    error.hint = secrets.strike(error.hint)
    return error


async def make_backend(kind: BackendKind, system: str, settings: BaseModel, clock: Clock) -> Backend:
    """Have the kind make a backend: in a thread, since nobody knows what it does. Raises BridgeError."""
    boundary = Boundary(f"the kind {kind.name} of system {system}", clock)

    def create() -> Backend | BaseException:
        try:
            return kind.create(system, settings, clock)
        except BaseException as error:  # noqa: BLE001 - the border: a thread would lose some
            return error

    outcome = await boundary.attempt("create", lambda: in_thread(f"create {system}", create), limit_s=CREATE_S)
    made = outcome.value if outcome.error is None else outcome.error
    if outcome.is_late:
        raise VmsUnreachable(f"its backend was not made within {CREATE_S:g} s")
    if isinstance(made, BaseException):
        boundary.report_defect("create", made)
        raise explained(made)
    if missing := [name for name in _CALLS if not callable(getattr(made, name, None))]:
        raise BackendDefect("no backend", f"what was made, {type(made).__name__}, lacks {', '.join(missing)}")
    return made  # type: ignore[return-value]  # as far as can be seen


async def _findings(backend: Backend) -> Sequence[Finding]:
    return admitted(await backend.check())
